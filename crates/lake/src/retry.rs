//! Trying again: with waits that grow and are spread at random, until the deadline.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use penstock_telemetry::Registry;
use penstock_telemetry::store::StoreRetried;

use crate::clock::micros;
use crate::error::with_causes;
use crate::{Clock, Listed, ObjectEnd, Operation, Put, Store, StoreError};

/// A sleep that lasts so much longer than asked for (in microseconds) was no sleep of ours.
const SUSPENDED: i64 = 60 * 1_000_000;

/// No attempt begins so long after the first one (in microseconds), because what the caller knew then may no longer hold.
/// Far above the longest deadline, and far below the shortest retention of raw objects:
/// a function that was frozen in an attempt must not write where a deleted object was.
const STALE: i64 = 60 * 60 * 1_000_000;

/// How long to wait between attempts, and how often to try when nobody gives a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest possible wait after the first attempt; it doubles with each further one.
    pub first_wait: Duration,
    /// Where the doubling ends.
    pub longest_wait: Duration,
    /// The number of attempts when there is no deadline.
    pub attempts_without_deadline: u32,
}

impl Default for RetryPolicy {
    /// S3 answers 503 for some seconds while it splits a busy prefix; ten attempts span about 13 seconds on average.
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(5),
            attempts_without_deadline: 10,
        }
    }
}

/// A store whose retryable errors ([`StoreError::is_retryable`]) are tried again.
///
/// A write whose reply was lost may have had its effect: the next attempt then says [`Put::Exists`].
/// That is left as it is, because whose object it is makes no difference to the caller, who reads what is there.
#[derive(Clone, Debug)]
pub struct Retrying {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    policy: RetryPolicy,
    deadline: Option<i64>,
    telemetry: Arc<Registry>,
}

impl Retrying {
    /// Retries without a deadline: at most `policy.attempts_without_deadline` attempts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, policy: RetryPolicy) -> Self {
        Self { store, clock, policy, deadline: None, telemetry: Arc::default() }
    }

    /// Records in this registry.
    #[must_use]
    pub fn observed_by(self, telemetry: Arc<Registry>) -> Self {
        Self { telemetry, ..self }
    }

    /// The same store for one invocation: retries until `deadline`, in epoch microseconds, instead of a number of times.
    ///
    /// No attempt begins after the deadline, but one that is under way is not cut short,
    /// so the deadline is to be early enough for an attempt and the error message after it.
    /// A deadline in the past means that there is none: local emulators of Lambda send one from 1970.
    #[must_use]
    pub fn until(&self, deadline: i64) -> Self {
        Self { deadline: Some(deadline).filter(|deadline| self.clock.now() < *deadline), ..self.clone() }
    }

    async fn retry<T, F>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        let began = self.clock.now();
        let mut attempt = 1;
        loop {
            let error = match call().await {
                Err(error) if error.is_retryable() => error,
                done => return done,
            };
            let Some(wait) = self.wait_after(attempt) else { return Err(error) };
            let (kind, cause) = (error.kind(), &with_causes(&error));
            StoreRetried { operation: operation.name(), key, attempt, wait, kind, cause }.emit(&self.telemetry);
            let due = self.clock.now().saturating_add(micros(wait));
            self.clock.sleep(wait).await;
            // The machine itself was asleep, in this wait or in an attempt.
            let now = self.clock.now();
            if due.saturating_add(SUSPENDED) < now || began.saturating_add(STALE) < now {
                return Err(error);
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// The wait before the next attempt; none if there is not to be one.
    fn wait_after(&self, attempt: u32) -> Option<Duration> {
        let doubled = self.policy.first_wait.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        // Full jitter: many functions that were refused together do not come back together.
        let wait = doubled.min(self.policy.longest_wait).mul_f64(self.clock.jitter());
        let goes_on = match self.deadline {
            Some(deadline) => self.clock.now().saturating_add(micros(wait)) < deadline,
            None => attempt < self.policy.attempts_without_deadline,
        };
        goes_on.then_some(wait)
    }
}

#[async_trait]
impl Store for Retrying {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        self.retry(Operation::PutNew, key, || self.store.put_new(key, bytes.clone())).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.retry(Operation::PutHint, key, || self.store.put_hint(key, bytes.clone())).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.retry(Operation::Get, key, || self.store.get(key)).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.retry(Operation::GetEnd, key, || self.store.get_end(key, length)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.retry(Operation::GetRange, key, || self.store.get_range(key, range.clone())).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.retry(Operation::ListAfter, prefix, || self.store.list_after(prefix, after, limit)).await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.retry(Operation::ListFolders, prefix, || self.store.list_folders(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.retry(Operation::Delete, key, || self.store.delete(key)).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}

#[cfg(test)]
mod tests;
