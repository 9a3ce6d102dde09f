//! The network between functions and the store, and their time: nothing passes unless the schedule lets it.
//!
//! A call to the store waits twice: before it takes effect, and before its caller hears of it.
//! So any number of invocations interleave at every call, and whoever is never let through is frozen, or dies there.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use penstock_lake::{Clock, Operation};

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

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the caller hears",
            Self::ReplyLost => "the reply is lost",
            Self::TimedOut => "the request is lost",
            Self::Unavailable => "the answer is 503",
            Self::Conflict => "the answer is 409",
            Self::Denied => "the answer is 403",
        })
    }
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
    /// The invocation that is polled at the moment: whatever is asked of the network, it asks.
    acting: u32,
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
            acting: 0,
            waiting: Vec::new(),
            tickets: 0,
            created: HashMap::new(),
            effects: Vec::new(),
            jitter: 0,
            trace: DefaultHasher::new(),
        };
        Self { traffic: Mutex::new(traffic) }
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

    /// From now on this invocation is polled.
    pub(super) fn act(&self, invocation: u32) {
        self.traffic().acting = invocation;
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

    /// Whoever acts calls the store.
    pub(super) fn ask(&self) -> Ticket<'_> {
        self.wait(Stage::Asked)
    }

    /// Whoever acts sleeps, for so many microseconds.
    pub(super) fn sleep_for(&self, duration: i64) -> Ticket<'_> {
        let until = self.traffic().now.saturating_add(duration);
        self.wait(Stage::Asleep { until })
    }

    fn wait(&self, stage: Stage) -> Ticket<'_> {
        let mut traffic = self.traffic();
        traffic.tickets += 1;
        let (number, since, invocation) = (traffic.tickets, traffic.now, traffic.acting);
        traffic.waiting.push(Waiting { ticket: number, invocation, since, stage, waker: None });
        Ticket { network: self, number }
    }

    /// How many tickets there were so far: the time by which lists and objects are compared.
    pub(super) fn tickets(&self) -> u64 {
        self.traffic().tickets
    }

    /// Whether a list with holes that began then shows an object.
    pub(super) fn is_listed(&self, key: &str, began: u64) -> bool {
        let created = self.traffic().created.get(key).copied();
        created.is_none_or(|created| created <= began || (created ^ began).is_multiple_of(2))
    }

    pub(super) fn draw_jitter(&self) -> f64 {
        let mut traffic = self.traffic();
        traffic.jitter = (traffic.jitter + 37) % 100;
        traffic.jitter as f64 / 100.0
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

/// The place of a wait in the queue. Whoever drops it (a crash) waits no more.
pub(super) struct Ticket<'n> {
    network: &'n Network,
    number: u64,
}

impl Ticket<'_> {
    /// Waits for the schedule, and says with what answer it went on.
    pub(super) async fn wait(&self) -> Answer {
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
    pub(super) fn answered(&self, effect: Effect) {
        let mut traffic = self.network.traffic();
        let waits_in_vain = matches!(effect.answer, Answer::ReplyLost | Answer::TimedOut);
        traffic.pass(ROUND_TRIP);
        if waits_in_vain {
            traffic.pass(TIME_OUT);
        }
        let effect = Effect { at: traffic.now, invocation: traffic.acting, ..effect };
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

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("a schedule of days")
}
