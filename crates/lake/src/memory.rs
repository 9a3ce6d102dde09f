//! A lake in memory: for tests, and the shortest statement of what a store does.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::key::{check_folder, check_hint, check_key, check_list};
use crate::{Clock, Listed, ObjectEnd, Operation, Put, Store, StoreError, TestClock};

/// A lake that lives as long as this value.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    objects: Mutex<BTreeMap<String, Object>>,
}

#[derive(Debug)]
struct Object {
    bytes: Bytes,
    modified: i64,
}

impl MemoryStore {
    /// An empty lake; `clock` says when its objects were written.
    #[must_use]
    pub const fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, objects: Mutex::new(BTreeMap::new()) }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, operation: Operation, key: &str) -> Result<Bytes, StoreError> {
        check_key(operation, key)?;
        let objects = self.objects();
        let object = objects.get(key).ok_or_else(|| StoreError::not_found(operation, key))?;
        Ok(object.bytes.clone())
    }
}

impl Default for MemoryStore {
    /// An empty lake with a [`TestClock`] of its own.
    fn default() -> Self {
        Self::new(Arc::new(TestClock::default()))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        check_key(Operation::PutNew, key)?;
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Ok(Put::Exists);
        }
        objects.insert(key.to_owned(), Object { bytes, modified: self.clock.now() });
        Ok(Put::Created)
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        check_hint(Operation::PutHint, key)?;
        self.objects().insert(key.to_owned(), Object { bytes, modified: self.clock.now() });
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.object(Operation::Get, key)
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        let bytes = self.object(Operation::GetEnd, key)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let start = bytes.len().saturating_sub(length);
        Ok(ObjectEnd { bytes: bytes.slice(start..), size: bytes.len() as u64 })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.object(Operation::GetRange, key)?;
        let clamp = |position| usize::try_from(position).map_or(bytes.len(), |position| position.min(bytes.len()));
        let (start, end) = (clamp(range.start), clamp(range.end));
        Ok(bytes.slice(start..end.max(start)))
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        check_list(Operation::ListAfter, prefix, limit)?;
        let from = match after {
            Some(after) if prefix <= after => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let objects = self.objects();
        let below = objects.range::<str, _>((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
        let listed = |(key, object): (&String, &Object)| Listed {
            key: key.clone(),
            size: object.bytes.len() as u64,
            modified: object.modified,
        };
        Ok(below.map(listed).take(limit).collect())
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_folder(Operation::ListFolders, prefix)?;
        let objects = self.objects();
        let below = objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let folder = |key: &String| Some(key.strip_prefix(prefix)?.split_once('/')?.0.to_owned());
        let mut folders: Vec<_> =
            below.map(|(key, _)| key).take_while(|key| key.starts_with(prefix)).filter_map(folder).collect();
        // `a-b/` sorts before `a/`, but `a` before `a-b`.
        folders.sort_unstable();
        folders.dedup();
        Ok(folders)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        check_key(Operation::Delete, key)?;
        self.objects().remove(key);
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}
