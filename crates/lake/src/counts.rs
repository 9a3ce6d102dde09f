//! Counting: how often each operation was asked for, what came of it, and how many bytes went either way.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use penstock_telemetry::Registry;
use penstock_telemetry::store::{ObjectWritten, StoreAsked};

use crate::{Listed, ObjectEnd, Operation, Put, Store, StoreError};

/// A store that counts what it is asked.
#[derive(Clone, Debug)]
pub struct Counted {
    store: Arc<dyn Store>,
    counts: Arc<Counts>,
    telemetry: Arc<Registry>,
}

/// The counts so far, to be read while the store is in use.
#[derive(Debug, Default)]
pub struct Counts {
    operations: [Counters; Operation::ALL.len()],
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    ok: AtomicU64,
    exists: AtomicU64,
    not_found: AtomicU64,
    denied: AtomicU64,
    conflict: AtomicU64,
    unavailable: AtomicU64,
    refused: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// The counts of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// Calls that began, retries among them.
    /// What is missing in the outcomes is under way or was given up by the caller.
    pub requests: u64,
    /// Calls that did what was asked; of [`Store::put_new`], those that created.
    pub ok: u64,
    /// Calls of [`Store::put_new`] that found an object there.
    pub exists: u64,
    /// [`StoreError::NotFound`]
    pub not_found: u64,
    /// [`StoreError::Denied`]
    pub denied: u64,
    /// [`StoreError::Conflict`]
    pub conflict: u64,
    /// [`StoreError::Unavailable`]
    pub unavailable: u64,
    /// [`StoreError::Unusable`] and [`StoreError::Misuse`]
    pub refused: u64,
    /// Bytes of objects that were read.
    pub bytes_in: u64,
    /// Bytes of objects that were sent, also by calls that wrote nothing.
    pub bytes_out: u64,
}

/// The counts of every operation at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    operations: [OperationCounts; Operation::ALL.len()],
}

impl Counted {
    /// Counts from zero.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, counts: Arc::default(), telemetry: Arc::default() }
    }

    /// Records in this registry, too.
    #[must_use]
    pub fn observed_by(self, telemetry: Arc<Registry>) -> Self {
        Self { telemetry, ..self }
    }

    /// The counts, which go on counting.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    async fn count<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError>
    where
        T: Outcome,
    {
        let counters = self.counts.of(operation);
        add(&counters.requests, 1);
        let result = call.await;
        let outcome = match &result {
            Ok(outcome) => {
                outcome.count(counters);
                if outcome.exists() { "exists" } else { "ok" }
            }
            Err(error) => {
                add(counters.of_error(error), 1);
                error.kind()
            }
        };
        StoreAsked { operation: operation.name(), outcome }.emit(&self.telemetry);
        result
    }
}

impl Counts {
    /// All counts. They are read one after the other: exact when nothing is under way.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { operations: std::array::from_fn(|index| self.operations[index].load()) }
    }

    const fn of(&self, operation: Operation) -> &Counters {
        &self.operations[operation as usize]
    }
}

impl Snapshot {
    /// The counts of one operation.
    #[must_use]
    pub const fn of(&self, operation: Operation) -> &OperationCounts {
        &self.operations[operation as usize]
    }

    /// Each operation with its counts.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, &OperationCounts)> {
        Operation::ALL.into_iter().zip(&self.operations)
    }
}

impl Counters {
    const fn of_error(&self, error: &StoreError) -> &AtomicU64 {
        match error {
            StoreError::NotFound { .. } => &self.not_found,
            StoreError::Denied { .. } => &self.denied,
            StoreError::Conflict { .. } => &self.conflict,
            StoreError::Unavailable { .. } => &self.unavailable,
            StoreError::Unusable { .. } | StoreError::Misuse { .. } => &self.refused,
        }
    }

    fn load(&self) -> OperationCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        OperationCounts {
            requests: load(&self.requests),
            ok: load(&self.ok),
            exists: load(&self.exists),
            not_found: load(&self.not_found),
            denied: load(&self.denied),
            conflict: load(&self.conflict),
            unavailable: load(&self.unavailable),
            refused: load(&self.refused),
            bytes_in: load(&self.bytes_in),
            bytes_out: load(&self.bytes_out),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// The part of the lake that an object is in: few, because it is a label of a metric.
fn table(key: &str) -> &'static str {
    let mut folders = key.split('/');
    let inner = |folder: Option<&str>| match folder {
        Some("cuts") => "cut",
        Some("state") => "state",
        Some("hints") => "hint",
        _ => "other",
    };
    match folders.next() {
        Some("raw") => "raw",
        Some("silver") => "silver",
        Some("windows") => "windows",
        Some("rejects") => "rejects",
        Some("reports") => "reports",
        Some("_penstock") => inner(folders.nth(1)),
        _ => "other",
    }
}

/// What a call that did not fail adds to the counts.
trait Outcome: Send {
    fn bytes_in(&self) -> u64 {
        0
    }

    fn exists(&self) -> bool {
        false
    }

    fn count(&self, counters: &Counters) {
        add(if self.exists() { &counters.exists } else { &counters.ok }, 1);
        add(&counters.bytes_in, self.bytes_in());
    }
}

impl Outcome for () {}
impl Outcome for Vec<Listed> {}
impl Outcome for Vec<String> {}

impl Outcome for Put {
    fn exists(&self) -> bool {
        *self == Self::Exists
    }
}

impl Outcome for Bytes {
    fn bytes_in(&self) -> u64 {
        self.len() as u64
    }
}

impl Outcome for ObjectEnd {
    fn bytes_in(&self) -> u64 {
        self.bytes.bytes_in()
    }
}

#[async_trait]
impl Store for Counted {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        let length = bytes.len();
        add(&self.counts.of(Operation::PutNew).bytes_out, length as u64);
        let put = self.count(Operation::PutNew, self.store.put_new(key, bytes)).await?;
        if put == Put::Created {
            ObjectWritten { table: table(key), bytes: length }.emit(&self.telemetry);
        }
        Ok(put)
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let length = bytes.len();
        add(&self.counts.of(Operation::PutHint).bytes_out, length as u64);
        self.count(Operation::PutHint, self.store.put_hint(key, bytes)).await?;
        ObjectWritten { table: table(key), bytes: length }.emit(&self.telemetry);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.count(Operation::Get, self.store.get(key)).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.count(Operation::GetEnd, self.store.get_end(key, length)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.count(Operation::GetRange, self.store.get_range(key, range)).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.count(Operation::ListAfter, self.store.list_after(prefix, after, limit)).await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.count(Operation::ListFolders, self.store.list_folders(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.count(Operation::Delete, self.store.delete(key)).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Fault, Faulty, MemoryStore};

    #[tokio::test]
    async fn each_outcome_is_counted_once() {
        let faulty = Arc::new(Faulty::new(Arc::new(MemoryStore::default())));
        let store = Counted::new(Arc::clone(&faulty) as Arc<dyn Store>);
        let bytes = Bytes::from_static(b"12345");
        store.put_new("a", bytes.clone()).await.unwrap();
        store.put_new("a", bytes.clone()).await.unwrap();
        for answer in [Answer::Conflict, Answer::Denied, Answer::Unavailable, Answer::ReplyLost] {
            faulty.script(Fault::new(answer).times(1));
            store.put_new("b", bytes.clone()).await.unwrap_err();
        }
        store.put_hint("no/hint", bytes).await.unwrap_err();
        store.get("a").await.unwrap();
        store.get("absent").await.unwrap_err();
        store.get_end("a", 2).await.unwrap();
        store.get_range("a", 1..4).await.unwrap();

        let snapshot = store.counts().snapshot();
        let none = OperationCounts::default();
        let expected = [
            (
                Operation::PutNew,
                OperationCounts {
                    requests: 6,
                    ok: 1,
                    exists: 1,
                    conflict: 1,
                    denied: 1,
                    unavailable: 2,
                    bytes_out: 30,
                    ..none
                },
            ),
            (Operation::PutHint, OperationCounts { requests: 1, refused: 1, bytes_out: 5, ..none }),
            (Operation::Get, OperationCounts { requests: 2, ok: 1, not_found: 1, bytes_in: 5, ..none }),
            (Operation::GetEnd, OperationCounts { requests: 1, ok: 1, bytes_in: 2, ..none }),
            (Operation::GetRange, OperationCounts { requests: 1, ok: 1, bytes_in: 3, ..none }),
            (Operation::ListAfter, none),
        ];
        for (operation, counts) in expected {
            assert_eq!(*snapshot.of(operation), counts, "{operation}");
        }
    }

    #[test]
    fn operations_stand_in_the_order_of_their_discriminants() {
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index);
        }
    }
}
