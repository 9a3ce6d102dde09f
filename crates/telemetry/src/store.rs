//! Events of the lake's store.

use std::time::Duration;

use crate::TARGET;

/// A request to the store failed and is made again after `wait`.
/// Part of a healthy run: a store under load answers that it is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreRetried<'a> {
    /// The store's operation, such as `put_new`.
    pub operation: &'static str,
    /// The key, or the prefix of a list.
    pub key: &'a str,
    /// The number of the attempt that failed; the first is 1.
    pub attempt: u32,
    /// The time until the next attempt.
    pub wait: Duration,
    /// Why it failed, with all its causes.
    pub cause: &'a str,
}

impl StoreRetried<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        tracing::info!(
            target: TARGET,
            event = "store_retried",
            operation = self.operation,
            key = self.key,
            attempt = self.attempt,
            wait_ms = self.wait.as_secs_f64() * 1000.0,
            cause = self.cause,
            "a request to the store failed and is made again"
        );
    }
}
