//! The stores of this machine keep the contracts of `penstock_lake::conformance`, with and without decorators.
//! S3 has its own file, because it needs a server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use penstock_lake::{
    Counted, DirectoryStore, Faulty, MemoryStore, RetryPolicy, Retrying, Store, TestClock, conformance,
};

#[tokio::test]
async fn memory() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    conformance::all(&store).await;
    conformance::all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directory() {
    let root = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(DirectoryStore::open(root.path()).await.unwrap());
    conformance::all(&store).await;
    conformance::all(&store).await;
}

#[tokio::test]
async fn decorators_change_nothing() {
    let faulty = Faulty::new(Arc::new(MemoryStore::default()));
    let counted = Counted::new(Arc::new(faulty));
    let retrying = Retrying::new(Arc::new(counted), Arc::new(TestClock::default()), RetryPolicy::default());
    let store: Arc<dyn Store> = Arc::new(retrying);
    conformance::all(&store).await;
    assert_eq!(store.location(), "memory");
}
