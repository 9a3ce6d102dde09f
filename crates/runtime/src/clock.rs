//! The real clock: the only place that asks the machine for the time.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use penstock_lake::Clock;

#[derive(Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that all others stand in for")]
    fn now(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// The standard library seeds each of its hashers differently, which is all that jitter needs.
    fn jitter(&self) -> f64 {
        let random = RandomState::new().hash_one(0);
        (random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
