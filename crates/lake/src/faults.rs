//! Scripted faults, **for tests**: what a network, a store and a crash can do to a caller.
//!
//! ```
//! # use penstock_lake::{Answer, Fault, Faulty, MemoryStore, Operation};
//! # use std::sync::Arc;
//! let faulty = Faulty::new(Arc::new(MemoryStore::default()));
//! // The third raw object is written, but the writer does not hear of it.
//! let third = Fault::new(Answer::ReplyLost).on(Operation::PutNew).key(|key| key.starts_with("raw/")).skip(2).times(1);
//! faulty.script(third);
//! ```

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Listed, ObjectEnd, Operation, Put, Store, StoreError};

/// A store that fails as it was told to, and remembers what it was asked. For tests.
#[derive(Debug)]
pub struct Faulty {
    store: Arc<dyn Store>,
    script: Mutex<Script>,
}

/// What a call gets instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is done, and the store says that it is unavailable.
    Unavailable,
    /// It is done, but the caller does not hear of it.
    ReplyLost,
    /// Nothing is done, because another request for the key is under way.
    Conflict,
    /// Nothing is done, because it is not allowed.
    Denied,
    /// The process dies before the call: nothing is done, now and ever after.
    Die,
    /// The process dies after the call: it is done, and nothing ever after.
    DieAfter,
}

/// Which calls are answered in which way: all of them, as long as nothing narrows it down.
pub struct Fault {
    answer: Answer,
    operation: Option<Operation>,
    key: KeyTest,
    skip: usize,
    times: usize,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// The key, or the prefix of a list.
    pub key: String,
}

type KeyTest = Box<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Default)]
struct Script {
    faults: Vec<Fault>,
    hidden: Option<KeyTest>,
    calls: Vec<Call>,
    dead: bool,
}

impl Fault {
    /// Answers every call of every operation in this way, for ever.
    #[must_use]
    pub fn new(answer: Answer) -> Self {
        Self { answer, operation: None, key: Box::new(|_| true), skip: 0, times: usize::MAX }
    }

    /// Only calls of this operation.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// Only calls with such a key (or prefix).
    #[must_use]
    pub fn key(self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { key: Box::new(test), ..self }
    }

    /// Not the first `calls` that fit.
    #[must_use]
    pub fn skip(self, calls: usize) -> Self {
        Self { skip: calls, ..self }
    }

    /// Only so many calls, then no more.
    #[must_use]
    pub fn times(self, calls: usize) -> Self {
        Self { times: calls, ..self }
    }

    /// The answer to this call, if the fault has one for it.
    fn strike(&mut self, operation: Operation, key: &str) -> Option<Answer> {
        let fits = self.operation.is_none_or(|only| only == operation) && (self.key)(key);
        if !fits || self.times == 0 {
            return None;
        }
        if 0 < self.skip {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.answer)
    }
}

impl Faulty {
    /// Without faults until [`Faulty::script`] brings some.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, script: Mutex::default() }
    }

    /// Adds a fault. Of several that fit a call, the one that was added first has it.
    pub fn script(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes all faults and holes away. Who is dead stays dead.
    pub fn heal(&self) {
        let mut script = self.lock();
        script.faults.clear();
        script.hidden = None;
    }

    /// Leaves these keys out of lists, as a directory does that is listed while it changes.
    pub fn hide(&self, test: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.lock().hidden = Some(Box::new(test));
    }

    /// All calls so far, in the order in which they were made.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Whether [`Answer::Die`] or [`Answer::DieAfter`] has struck.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.answer(operation, key) {
            None => call.await,
            Some(answer @ (Answer::ReplyLost | Answer::DieAfter)) => {
                call.await?;
                if answer == Answer::DieAfter {
                    self.lock().dead = true;
                }
                Err(error(answer, operation, key))
            }
            Some(answer) => Err(error(answer, operation, key)),
        }
    }

    fn answer(&self, operation: Operation, key: &str) -> Option<Answer> {
        let mut script = self.lock();
        if script.dead {
            return Some(Answer::Die);
        }
        script.calls.push(Call { operation, key: key.to_owned() });
        let answer = script.faults.iter_mut().find_map(|fault| fault.strike(operation, key));
        script.dead = answer == Some(Answer::Die);
        answer
    }

    async fn list_with_holes(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        let mut after = after.map(str::to_owned);
        loop {
            let page = self.store.list_after(prefix, after.as_deref(), limit).await?;
            let is_last = page.len() < limit;
            after = page.last().map(|last| last.key.clone());
            listed.extend(page.into_iter().filter(|object| !self.is_hidden(&object.key)));
            // A hole must not make the list shorter than its limit, which would mean that it ends here.
            if is_last || limit <= listed.len() {
                listed.truncate(limit);
                return Ok(listed);
            }
        }
    }

    fn is_hidden(&self, key: &str) -> bool {
        self.lock().hidden.as_ref().is_some_and(|hidden| hidden(key))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(answer: Answer, operation: Operation, key: &str) -> StoreError {
    match answer {
        Answer::Unavailable => StoreError::unavailable(operation, key, "a scripted fault before the effect", None),
        Answer::ReplyLost => StoreError::unavailable(operation, key, "a scripted fault after the effect", None),
        Answer::Conflict => StoreError::Conflict { operation, key: key.to_owned() },
        Answer::Denied => StoreError::denied(operation, key, "Change the script", "a scripted fault".into()),
        // Not retryable: the dead do not try again.
        Answer::Die | Answer::DieAfter => {
            StoreError::unusable(operation, key, "the process has died, as the script says", None)
        }
    }
}

#[async_trait]
impl Store for Faulty {
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
        self.call(Operation::ListAfter, prefix, self.list_with_holes(prefix, after, limit)).await
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

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on {:?}, after {} calls, {} times", self.answer, self.operation, self.skip, self.times)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("faults", &self.faults).field("dead", &self.dead).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
