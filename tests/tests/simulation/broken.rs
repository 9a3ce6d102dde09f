//! Stores that do not keep their contracts.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use penstock_lake::{Listed, ObjectEnd, Put, Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Ignores `If-None-Match`.
    Overwrites,
    /// Loses each tenth object.
    Forgets,
}

#[derive(Debug)]
pub(crate) struct Broken {
    store: Arc<dyn Store>,
    defect: Defect,
    writes: AtomicU32,
}

impl Broken {
    pub(crate) fn over(store: Arc<dyn Store>, defect: Defect) -> Arc<dyn Store> {
        Arc::new(Self { store, defect, writes: AtomicU32::new(1) })
    }
}

#[async_trait]
impl Store for Broken {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        match self.defect {
            Defect::Overwrites => self.store.delete(key).await?,
            Defect::Forgets if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(10) => {
                return Ok(Put::Created);
            }
            Defect::Forgets => {}
        }
        self.store.put_new(key, bytes).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.store.put_hint(key, bytes).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.store.get(key).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.store.get_end(key, length).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.store.get_range(key, range).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.store.list_after(prefix, after, limit).await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.store.list_folders(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}
