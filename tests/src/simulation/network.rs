//! The network between functions and the store, and their time: nothing passes unless the schedule lets it.
//!
//! A call to the store waits twice: before it takes effect, and before its caller hears of it.
//! So any number of invocations interleave at every call, and whoever is never let through is frozen, or dies there.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use penstock_lake::{Clock, Listed, ObjectEnd, Operation, Put, Store, StoreError};

/// S3 refuses what was signed longer ago than this (in microseconds), so no request takes effect after it.
const SIGNATURE_HOLDS: i64 = 15 * 60 * 1_000_000;

/// How long a caller waits for an answer that does not come, in microseconds.
const TIME_OUT: i64 = 20 * 1_000_000;

/// What each call takes, in microseconds.
const ROUND_TRIP: i64 = 3_000;

/// What the network and the store make of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is done and answered.
    Done,
    /// It is done, but the caller waits in vain for the answer.
    ReplyLost,
    /// It never arrives, and the caller waits in vain.
    TimedOut,
    /// 503: not now.
    Unavailable,
    /// 409: another request for the key is under way. Only writes get it.
    Conflict,
    /// 403.
    Denied,
}

/// A call that was answered, in one way or another.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) invocation: u32,
    /// Epoch microseconds.
    pub(super) at: i64,
    pub(super) operation: Operation,
    /// The key; of a list the prefix.
    pub(super) key: String,
    pub(super) answer: Answer,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The object is new.
    Created(Bytes),
    /// There was one.
    Exists,
    /// A hint was written, or an object deleted.
    Changed,
    /// Something was read; whether a list had holes.
    Read { holes: bool },
    /// Nothing was done.
    Nothing,
}

/// What is under way between all functions and the store.
#[derive(Debug)]
pub(super) struct Network {
    traffic: Mutex<Traffic>,
}

#[derive(Debug)]
struct Traffic {
    /// Epoch microseconds.
    now: i64,
    waiting: Vec<Waiting>,
    tickets: u64,
    /// When each object was created, counted in tickets.
    created: HashMap<String, u64>,
    effects: Vec<Effect>,
    jitter: u64,
    trace: DefaultHasher,
}

/// Somebody waits for the schedule.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    invocation: u32,
    /// When the wait began.
    since: i64,
    stage: Stage,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To take effect.
    Asked,
    /// May take effect, and is answered so.
    Granted(Answer),
    /// To be heard of.
    Answered,
    /// For time to pass.
    Asleep {
        until: i64,
    },
    Over,
}

impl Network {
    pub(super) fn at(now: i64) -> Self {
        let traffic = Traffic {
            now,
            waiting: Vec::new(),
            tickets: 0,
            created: HashMap::new(),
            effects: Vec::new(),
            jitter: 0,
            trace: DefaultHasher::new(),
        };
        Self { traffic: Mutex::new(traffic) }
    }

    pub(super) fn now(&self) -> i64 {
        self.traffic().now
    }

    pub(super) fn pass(&self, duration: Duration) {
        self.traffic().pass(micros(duration));
    }

    /// Lets one of the waits of an invocation end: the one at place `pick` among them. `false` if it waits for nothing.
    pub(super) fn let_through(&self, invocation: u32, pick: usize) -> bool {
        let mut traffic = self.traffic();
        let waits: Vec<usize> = traffic.waits_of(invocation).collect();
        let Some(index) = waits.get(pick % waits.len().max(1)).copied() else { return false };
        match traffic.waiting[index].stage {
            Stage::Asked => traffic.grant(index, Answer::Done),
            Stage::Asleep { until } => {
                traffic.now = traffic.now.max(until);
                traffic.waiting[index].go_on(Stage::Over);
            }
            _ => traffic.waiting[index].go_on(Stage::Over),
        }
        true
    }

    /// Answers the oldest call of an invocation that has not taken effect. `false` if there is none.
    pub(super) fn answer(&self, invocation: u32, answer: Answer) -> bool {
        let mut traffic = self.traffic();
        let Some(index) = traffic.waits_of(invocation).find(|index| traffic.waiting[*index].stage == Stage::Asked)
        else {
            return false;
        };
        traffic.grant(index, answer);
        true
    }

    pub(super) fn is_waiting(&self, invocation: u32) -> bool {
        self.traffic().waits_of(invocation).next().is_some()
    }

    /// How many calls of an invocation wait to take effect.
    pub(super) fn asked(&self, invocation: u32) -> usize {
        let traffic = self.traffic();
        traffic.waits_of(invocation).filter(|index| traffic.waiting[*index].stage == Stage::Asked).count()
    }

    /// What took effect since the last look.
    pub(super) fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.traffic().effects)
    }

    /// Adds to the trace: two runs are the same if their traces are.
    pub(super) fn note(&self, what: impl Hash) {
        let mut traffic = self.traffic();
        (traffic.now, what).hash(&mut traffic.trace);
    }

    pub(super) fn trace(&self) -> u64 {
        self.traffic().trace.finish()
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    fn pass(&mut self, duration: i64) {
        self.now += duration;
    }

    fn waits_of(&self, invocation: u32) -> impl Iterator<Item = usize> {
        let is_its = move |(_, waiting): &(usize, &Waiting)| {
            waiting.invocation == invocation && !matches!(waiting.stage, Stage::Granted(_) | Stage::Over)
        };
        self.waiting.iter().enumerate().filter(is_its).map(|(index, _)| index)
    }

    fn grant(&mut self, index: usize, answer: Answer) {
        let is_stale = self.waiting[index].since + SIGNATURE_HOLDS < self.now;
        let answer = if is_stale && answer == Answer::Done { Answer::Denied } else { answer };
        self.waiting[index].go_on(Stage::Granted(answer));
    }

    fn find(&mut self, ticket: u64) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| waiting.ticket == ticket)
    }
}

impl Waiting {
    fn go_on(&mut self, stage: Stage) {
        self.stage = stage;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// One function's connection: its store, and its clock.
#[derive(Debug)]
pub(super) struct Port {
    network: Arc<Network>,
    store: Arc<dyn Store>,
    /// A function serves one invocation at a time.
    invocation: AtomicU32,
    listing: Listing,
    /// How far the function's clock is ahead, in microseconds.
    ahead: i64,
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
    pub(super) fn new(network: &Arc<Network>, store: &Arc<dyn Store>, listing: Listing, ahead: Duration) -> Arc<Self> {
        Arc::new(Self {
            network: Arc::clone(network),
            store: Arc::clone(store),
            invocation: AtomicU32::new(0),
            listing,
            ahead: micros(ahead),
        })
    }

    /// Whose calls these are from now on.
    pub(super) fn serve(&self, invocation: u32) {
        self.invocation.store(invocation, Ordering::Relaxed);
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
        outcome: impl Fn(&T) -> Outcome + Send,
    ) -> Result<T, StoreError> {
        let ticket = self.ask(Stage::Asked);
        let answer = match ticket.wait().await {
            Answer::Conflict if operation != Operation::PutNew => Answer::Unavailable,
            answer => answer,
        };
        let result = match answer {
            Answer::Done | Answer::ReplyLost => call.await,
            _ => Err(error(answer, operation, key)),
        };
        let effect = result.as_ref().map_or(Outcome::Nothing, outcome);
        ticket.answered(Effect {
            invocation: self.invocation.load(Ordering::Relaxed),
            at: 0,
            operation,
            key: key.to_owned(),
            answer,
            outcome: effect,
        });
        ticket.wait().await;
        if answer == Answer::ReplyLost { Err(error(answer, operation, key)) } else { result }
    }

    fn ask(&self, stage: Stage) -> Ticket<'_> {
        let mut traffic = self.network.traffic();
        traffic.tickets += 1;
        let (number, since) = (traffic.tickets, traffic.now);
        let invocation = self.invocation.load(Ordering::Relaxed);
        traffic.waiting.push(Waiting { ticket: number, invocation, since, stage, waker: None });
        Ticket { network: &self.network, number }
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
        if self.listing == Listing::WithHoles && all < limit {
            let traffic = self.network.traffic();
            let is_seen = |object: &Listed| match traffic.created.get(&object.key) {
                Some(created) if began < *created => (created ^ began).is_multiple_of(2),
                _ => true,
            };
            listed.retain(is_seen);
        }
        let holes = listed.len() < all;
        Ok((listed, holes))
    }

    fn tickets(&self) -> u64 {
        self.network.traffic().tickets
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

/// The place of a wait in the queue. Whoever drops it (a crash) waits no more.
struct Ticket<'n> {
    network: &'n Network,
    number: u64,
}

impl Ticket<'_> {
    /// Waits for the schedule, and says with what answer it went on.
    async fn wait(&self) -> Answer {
        std::future::poll_fn(|context| {
            let mut traffic = self.network.traffic();
            let Some(waiting) = traffic.find(self.number) else { return Poll::Ready(Answer::Done) };
            match waiting.stage {
                Stage::Granted(answer) => Poll::Ready(answer),
                Stage::Over => Poll::Ready(Answer::Done),
                Stage::Asked | Stage::Answered | Stage::Asleep { .. } => {
                    waiting.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Records what happened; from here on the caller waits to hear of it.
    fn answered(&self, effect: Effect) {
        let mut traffic = self.network.traffic();
        let waits_in_vain = matches!(effect.answer, Answer::ReplyLost | Answer::TimedOut);
        traffic.pass(ROUND_TRIP);
        if waits_in_vain {
            traffic.pass(TIME_OUT);
        }
        let effect = Effect { at: traffic.now, ..effect };
        if matches!(effect.outcome, Outcome::Created(_)) {
            traffic.tickets += 1;
            let created = traffic.tickets;
            traffic.created.insert(effect.key.clone(), created);
        }
        effect.hash(&mut traffic.trace);
        traffic.effects.push(effect);
        if let Some(waiting) = traffic.find(self.number) {
            waiting.stage = Stage::Answered;
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.network.traffic().waiting.retain(|waiting| waiting.ticket != self.number);
    }
}

impl Hash for Effect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.invocation, self.at, self.operation, &self.key, self.answer).hash(state);
        match &self.outcome {
            Outcome::Created(bytes) => bytes.hash(state),
            other => format!("{other:?}").hash(state),
        }
    }
}

#[async_trait]
impl Store for Port {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
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
        self.call(Operation::Get, key, self.store.get(key), |_| READ).await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        self.call(Operation::GetEnd, key, self.store.get_end(key, length), |_| READ).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Operation::GetRange, key, self.store.get_range(key, range), |_| READ).await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let list = self.list(prefix, after, limit, self.tickets());
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
        let until = self.network.now().saturating_add(micros(duration));
        self.ask(Stage::Asleep { until }).wait().await;
    }

    fn jitter(&self) -> f64 {
        let mut traffic = self.network.traffic();
        traffic.jitter = (traffic.jitter + 37) % 100;
        traffic.jitter as f64 / 100.0
    }
}

/// The store's own clock, by which objects have their age.
#[async_trait]
impl Clock for Network {
    fn now(&self) -> i64 {
        self.traffic().now
    }

    async fn sleep(&self, _: Duration) {}

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("a schedule of days")
}
