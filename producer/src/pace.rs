//! No more than so many records a second.

use std::time::{Duration, Instant};

/// A pause of the sink is caught up with in a burst of at most this long.
const BURST_SECS: f64 = 0.1;
/// Sleeping for less costs more than it brings.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
/// An interruption is noticed within this time.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// A token bucket that may go into debt: who takes a token too early is told how long to wait.
pub struct Pace {
    rate: f64,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    /// `rate` is in records a second, above zero.
    #[must_use]
    pub const fn new(rate: f64, now: Instant) -> Self {
        Self { rate, tokens: 0.0, filled: now }
    }

    /// Takes a token; the time to wait before using it.
    pub fn take(&mut self, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        self.filled = now;
        self.tokens = (self.tokens + earned).min((self.rate * BURST_SECS).max(1.0)) - 1.0;
        Duration::try_from_secs_f64(-self.tokens / self.rate).unwrap_or_default()
    }

    /// Takes a token; how long to sleep before using it, if that is worth a sleep.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        Some(self.take(Instant::now())).filter(|wait| SHORTEST_SLEEP <= *wait)
    }
}

/// Sleeps, in short stretches, until the time is over or `stop` says that there is no more need.
pub(crate) fn sleep(duration: Duration, stop: impl Fn() -> bool) {
    let end = Instant::now() + duration;
    while !stop() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LONGEST_SLEEP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of `count` records goes out, in milliseconds, if the sink takes `sink_millis` for each.
    fn check(rate: f64, count: u32, sink_millis: u64) -> u128 {
        let start = Instant::now();
        let mut pace = Pace::new(rate, start);
        let mut now = start;
        for _ in 0..count {
            now += pace.take(now);
            now += Duration::from_millis(sink_millis);
        }
        (now - start).as_millis()
    }

    #[test]
    fn records_go_out_at_the_rate() {
        assert_eq!(check(10.0, 20, 0), 2000);
        assert_eq!(check(0.5, 3, 0), 6000);
        assert_eq!(check(1000.0, 5000, 0), 5000);
    }

    #[test]
    fn a_slow_sink_is_not_slowed_further() {
        assert!((5000..=5010).contains(&check(1000.0, 1000, 5)));
    }

    #[test]
    fn a_long_pause_is_followed_by_a_short_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(1000.0, start);
        let later = start + Duration::from_secs(60);
        let free = (0..1000).take_while(|_| pace.take(later).is_zero()).count();
        assert_eq!(free, 100);
    }
}
