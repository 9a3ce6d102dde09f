//! A store around which the world goes on: before and after each call something may happen.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use penstock_lake::{Listed, ObjectEnd, Operation, Put, Store, StoreError, TestClock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// What happens at a moment of a call; the key of a list is its prefix.
type Watch = Box<dyn Fn(Moment, Operation, &str) -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) struct Watched {
    store: Arc<dyn Store>,
    watch: Watch,
}

impl Watched {
    /// Every call yields to the other tasks some times before and after, as a generator with this seed says.
    pub(crate) fn shuffled(store: Arc<dyn Store>, seed: u64) -> Self {
        let state = Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let watch = move |_: Moment, _: Operation, _: &str| -> BoxFuture<'static, ()> {
            let mut state = state.lock().unwrap();
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let yields = (*state >> 33) % 5;
            Box::pin(async move {
                for _ in 0..yields {
                    tokio::task::yield_now().await;
                }
            })
        };
        Self { store, watch: Box::new(watch) }
    }

    /// At that moment of the first such call `happening` runs to its end, while the caller is frozen.
    pub(crate) fn freeze(
        store: Arc<dyn Store>,
        at: (Moment, Operation, &'static str),
        happening: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let happening = Mutex::new(Some(Box::pin(happening) as BoxFuture<'static, ()>));
        let watch = move |moment: Moment, operation: Operation, key: &str| -> BoxFuture<'static, ()> {
            if (moment, operation) == (at.0, at.1) && key.starts_with(at.2) {
                happening.lock().unwrap().take().unwrap_or_else(|| Box::pin(async {}))
            } else {
                Box::pin(async {})
            }
        };
        Self { store, watch: Box::new(watch) }
    }

    /// Every such call takes so many seconds of the clock's time.
    pub(crate) fn slow(
        store: Arc<dyn Store>,
        clock: Arc<TestClock>,
        at: (Operation, &'static str),
        seconds: u64,
    ) -> Self {
        let watch = move |moment: Moment, operation: Operation, key: &str| -> BoxFuture<'static, ()> {
            if (moment, operation) == (Moment::Before, at.0) && key.starts_with(at.1) {
                clock.advance(Duration::from_secs(seconds));
            }
            Box::pin(async {})
        };
        Self { store, watch: Box::new(watch) }
    }

    async fn call<T>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        (self.watch)(Moment::Before, operation, key).await;
        let result = call.await;
        (self.watch)(Moment::After, operation, key).await;
        result
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("store", &self.store).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Store for Watched {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        self.call(Operation::PutNew, key, self.store.put_new(key, bytes)).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.call(Operation::PutHint, key, self.store.put_hint(key, bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.call(Operation::Get, key, self.store.get(key)).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.call(Operation::GetEnd, key, self.store.get_end(key, length)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Operation::GetRange, key, self.store.get_range(key, range)).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.call(Operation::ListAfter, prefix, self.store.list_after(prefix, after, limit)).await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.call(Operation::ListFolders, prefix, self.store.list_folders(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call(Operation::Delete, key, self.store.delete(key)).await
    }

    fn location(&self) -> String {
        self.store.location()
    }
}
