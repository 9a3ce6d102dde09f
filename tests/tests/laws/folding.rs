//! A store on a disk that folds case: two keys that differ in the case of their letters alone are one.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use penstock_lake::{Listed, MemoryStore, ObjectEnd, Put, Store, StoreError, TestClock};

#[derive(Debug)]
pub(crate) struct Folding(MemoryStore);

impl Folding {
    pub(crate) fn new() -> Self {
        Self(MemoryStore::new(Arc::new(TestClock::default())))
    }
}

fn fold(key: &str) -> String {
    key.to_lowercase()
}

#[async_trait]
impl Store for Folding {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        self.0.put_new(&fold(key), bytes).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.0.put_hint(&fold(key), bytes).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.0.get(&fold(key)).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.0.get_end(&fold(key), length).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.0.get_range(&fold(key), range).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.0.list_after(&fold(prefix), after.map(fold).as_deref(), limit).await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.0.list_folders(&fold(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(&fold(key)).await
    }

    fn location(&self) -> String {
        self.0.location()
    }
}
