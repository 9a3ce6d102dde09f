//! Time and chance come from outside, so that a test decides them.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

/// The time of day, waiting, and chance.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Epoch microseconds.
    fn now(&self) -> i64;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// A random number in `[0, 1)`, so that those who wait do not all come back at once.
    fn jitter(&self) -> f64;
}

/// A clock for tests: time stands still, except that a sleep moves it on and returns at once.
/// Chance is a fixed sequence.
#[derive(Debug)]
pub struct TestClock(Mutex<TestTime>);

#[derive(Debug)]
struct TestTime {
    now: i64,
    sleeps: Vec<Duration>,
    random: u64,
}

impl TestClock {
    /// A clock that shows `now`, in epoch microseconds.
    #[must_use]
    pub const fn at(now: i64) -> Self {
        Self(Mutex::new(TestTime { now, sleeps: Vec::new(), random: 0 }))
    }

    /// Moves the time on.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.time();
        time.now = time.now.saturating_add(micros(duration));
    }

    /// All sleeps so far.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.time().sleeps.clone()
    }

    fn time(&self) -> std::sync::MutexGuard<'_, TestTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    /// At 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(1_767_225_600_000_000)
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.time().now
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        self.time().sleeps.push(duration);
        tokio::task::yield_now().await;
    }

    fn jitter(&self) -> f64 {
        const RANGE: u32 = 1 << 24;
        let mut time = self.time();
        // A linear congruential generator (Knuth, MMIX); its upper bits are good enough for waiting times.
        time.random = time.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let upper = u32::try_from(time.random >> 40).unwrap_or(0);
        f64::from(upper) / f64::from(RANGE)
    }
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_moves_the_time_on_and_returns_at_once() {
        let clock = TestClock::at(5);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now(), 3_600_000_005);
        assert_eq!(clock.sleeps(), [Duration::from_secs(3600)]);
    }

    #[test]
    fn jitter_is_spread_over_the_range_and_the_same_for_every_clock() {
        let draw = || {
            let clock = TestClock::default();
            (0..1000).map(|_| clock.jitter()).collect::<Vec<_>>()
        };
        let drawn = draw();
        assert_eq!(drawn, draw());
        assert!(drawn.iter().all(|jitter| (0.0..1.0).contains(jitter)));
        assert!((0.45..0.55).contains(&(drawn.iter().sum::<f64>() / 1000.0)));
    }
}
