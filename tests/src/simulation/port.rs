//! The connection of one process to the network: its store, and its clock.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use penstock_core::cut::RULES;
use penstock_lake::{Clock, Listed, ObjectEnd, Operation, Put, Store, StoreError};

use super::network::{Answer, Effect, Network, Outcome, micros};

#[derive(Debug)]
pub(super) struct Port {
    network: Arc<Network>,
    store: Arc<dyn Store>,
    listing: Listing,
    /// How far the process's clock is ahead, in microseconds.
    ahead: i64,
    version: Version,
}

/// Which version of the product the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    This,
    /// One that pours by newer rules, which happen to give the same rows. It pours cuts of this version as well.
    Next,
}

/// What a list shows of objects that are created while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// As S3: all that were there when it was answered.
    Whole,
    /// As a directory: each of them or not, whatever their order.
    WithHoles,
}

impl Port {
    pub(super) fn new(
        network: &Arc<Network>,
        store: &Arc<dyn Store>,
        listing: Listing,
        ahead: Duration,
        version: Version,
    ) -> Arc<Self> {
        let (network, store) = (Arc::clone(network), Arc::clone(store));
        Arc::new(Self { network, store, listing, ahead: micros(ahead), version })
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
        outcome: impl Fn(&T) -> Outcome + Send,
    ) -> Result<T, StoreError> {
        let ticket = self.network.ask();
        let answer = match ticket.wait().await {
            Answer::Conflict if operation != Operation::PutNew => Answer::Unavailable,
            answer => answer,
        };
        let result = match answer {
            Answer::Done | Answer::ReplyLost => call.await,
            _ => Err(error(answer, operation, key)),
        };
        let effect = result.as_ref().map_or(Outcome::Nothing, outcome);
        ticket.answered(Effect { invocation: 0, at: 0, operation, key: key.to_owned(), answer, outcome: effect });
        ticket.wait().await;
        if answer == Answer::ReplyLost { Err(error(answer, operation, key)) } else { result }
    }

    /// A list that began with this ticket; what was created since may be missing.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        began: u64,
    ) -> Result<(Vec<Listed>, bool), StoreError> {
        let mut listed = self.store.list_after(prefix, after, limit).await?;
        let all = listed.len();
        // A page that is full must not look like the last one.
        if self.listing == Listing::WithHoles && all < limit {
            listed.retain(|object| self.network.is_listed(&object.key, began));
        }
        let holes = listed.len() < all;
        Ok((listed, holes))
    }
}

impl Version {
    /// The object as it is written: the cuts of the next version say that they are of newer rules.
    fn write(self, key: &str, bytes: Bytes) -> Bytes {
        self.exchange(key, bytes, RULES, RULES + 1)
    }

    /// The object as it is read: to the next version newer rules are what ours are to us.
    fn read(self, key: &str, bytes: Bytes) -> Bytes {
        self.exchange(key, bytes, RULES + 1, RULES)
    }

    fn exchange(self, key: &str, bytes: Bytes, from: u32, to: u32) -> Bytes {
        let rules = |version: u32| format!(r#""rules":{version},"#);
        match std::str::from_utf8(&bytes) {
            Ok(json) if self == Self::Next && key.contains("/cuts/") => {
                json.replacen(&rules(from), &rules(to), 1).into()
            }
            _ => bytes,
        }
    }
}

fn error(answer: Answer, operation: Operation, key: &str) -> StoreError {
    let key = key.to_owned();
    match answer {
        Answer::Conflict => StoreError::Conflict { operation, key },
        Answer::Denied => {
            StoreError::Denied { operation, key, remedy: "A fault of the schedule".to_owned(), source: "403".into() }
        }
        answer => StoreError::Unavailable { operation, key, problem: format!("{answer:?}"), source: None },
    }
}

#[async_trait]
impl Store for Port {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        let bytes = self.version.write(key, bytes);
        let outcome = |put: &Put| match put {
            Put::Created => Outcome::Created(bytes.clone()),
            Put::Exists => Outcome::Exists,
        };
        self.call(Operation::PutNew, key, self.store.put_new(key, bytes.clone()), outcome).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.call(Operation::PutHint, key, self.store.put_hint(key, bytes), |()| Outcome::Changed).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let bytes = self.call(Operation::Get, key, self.store.get(key), |_| READ).await?;
        Ok(self.version.read(key, bytes))
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.call(Operation::GetEnd, key, self.store.get_end(key, length), |_| READ).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Operation::GetRange, key, self.store.get_range(key, range), |_| READ).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let list = self.list(prefix, after, limit, self.network.tickets());
        let (listed, _) =
            self.call(Operation::ListAfter, prefix, list, |(_, holes)| Outcome::Read { holes: *holes }).await?;
        Ok(listed)
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.call(Operation::ListFolders, prefix, self.store.list_folders(prefix), |_| READ).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call(Operation::Delete, key, self.store.delete(key), |()| Outcome::Changed).await
    }

    fn location(&self) -> String {
        "the simulated store".to_owned()
    }
}

const READ: Outcome = Outcome::Read { holes: false };

#[async_trait]
impl Clock for Port {
    fn now(&self) -> i64 {
        self.network.now() + self.ahead
    }

    async fn sleep(&self, duration: Duration) {
        self.network.sleep_for(micros(duration)).wait().await;
    }

    fn jitter(&self) -> f64 {
        self.network.draw_jitter()
    }
}
