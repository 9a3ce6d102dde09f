//! Events of the lake's store.

use std::time::Duration;

use crate::{Metric, Registry, TARGET};

/// A request to the store has its answer, or none in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreAsked {
    /// The store's operation, such as `put_new`.
    pub operation: &'static str,
    /// `ok`, `exists`, `not_found`, `denied`, `conflict`, `timeout`, `unavailable` or `refused`.
    pub outcome: &'static str,
}

impl StoreAsked {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.add(Metric::StoreRequests, &[self.operation, self.outcome], 1);
        let operation = [self.operation];
        registry.add(Metric::StoreConflicts, &operation, u64::from(matches!(self.outcome, "exists" | "conflict")));
        registry.add(Metric::StoreTimeouts, &operation, u64::from(self.outcome == "timeout"));
        // So that the series are there before the first failure, and a graph shows zero and not nothing.
        for cause in ["conflict", "timeout", "unavailable"] {
            registry.add(Metric::StoreRetries, &[self.operation, cause], 0);
        }
    }
}

/// An object was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectWritten {
    /// The part of the lake that it is in, such as `raw`.
    pub table: &'static str,
    pub bytes: usize,
}

impl ObjectWritten {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        let labels = [self.table];
        registry.add(Metric::ObjectsWritten, &labels, 1);
        registry.add(Metric::BytesWritten, &labels, self.bytes as u64);
        registry.observe(Metric::ObjectSize, &labels, self.bytes as f64);
    }
}

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
    /// Why it failed: `conflict`, `timeout` or `unavailable`.
    pub kind: &'static str,
    /// The same with all its causes.
    pub cause: &'a str,
}

impl StoreRetried<'_> {
    /// Logs and counts the event.
    pub fn emit(&self, registry: &Registry) {
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
        registry.add(Metric::StoreRetries, &[self.operation, self.kind], 1);
    }
}
