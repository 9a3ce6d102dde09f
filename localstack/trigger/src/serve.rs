//! The loop that reads, cuts, invokes and commits.
//!
//! A batch goes through three steps: its function is invoked until it succeeds or is given up, then its positions are
//! committed, then its partitions are free for their next batch. One task owns all state; invocations, deliveries to the
//! on-failure destination and commits run beside it and come back as an [`Outcome`].
//! What becomes of an invocation's result stands in [`settle`].

mod lag;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use penstock_telemetry::Registry;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::batch::{Batch, Cut, Lanes};
use crate::clock::{self, Clock};
use crate::destination::{Destination, DestinationError};
use crate::discard::{Condition, Discarded};
use crate::invoke::{InvokeError, Invoker};
use crate::log::{Log, LogError, LogEvent, LogRecord};
use crate::mapping::{Mapping, Until};
use crate::pollers::Pool;
use crate::retry::Random;
use crate::served::Served;

/// Why a mapping cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// The settings are wrong.
    #[error("{}", .0.join("; "))]
    Mapping(Vec<String>),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Delivers a log to a function, until `stop` resolves or, as [`Mapping::until`] says, the log is used up.
///
/// Every record is delivered at least once, and each partition in order. What the function fails on is tried again as
/// [`Mapping::failures`] says, for ever by default.
/// At the stop, running invocations get [`Mapping::stop_grace`] to end; what has not succeeded by then is not committed.
pub async fn serve(
    mapping: &Mapping,
    log: Arc<dyn Log>,
    invoker: Arc<dyn Invoker>,
    stop: impl Future<Output = ()> + Send,
) -> Result<Served, TriggerError> {
    Trigger::new(mapping, log, invoker).serve(stop).await
}

/// A mapping with all that it works with, for [`serve`] with an on-failure destination or another clock.
pub struct Trigger {
    mapping: Arc<Mapping>,
    log: Arc<dyn Log>,
    invoker: Arc<dyn Invoker>,
    destination: Option<Arc<dyn Destination>>,
    clock: Clock,
    telemetry: Option<Arc<Registry>>,
}

impl Trigger {
    #[must_use]
    pub fn new(mapping: &Mapping, log: Arc<dyn Log>, invoker: Arc<dyn Invoker>) -> Self {
        let mapping = Arc::new(mapping.clone());
        Self { mapping, log, invoker, destination: None, clock: clock::of_this_machine(), telemetry: None }
    }

    /// Where batches go that are given up. The mapping names it, too.
    #[must_use]
    pub fn on_failure(self, destination: Arc<dyn Destination>) -> Self {
        Self { destination: Some(destination), ..self }
    }

    /// Where the records come from.
    #[must_use]
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log)
    }

    /// What says how old a record is.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Where to record what happens, and every few seconds how much of the topic waits.
    #[must_use]
    pub fn observed_by(self, telemetry: Arc<Registry>) -> Self {
        Self { telemetry: Some(telemetry), ..self }
    }

    /// Does what [`serve`] does.
    ///
    /// # Errors
    /// The settings are wrong, or the log cannot be read.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Result<Served, TriggerError> {
        let mut problems = self.mapping.problems();
        if self.mapping.failures.destination.is_some() != self.destination.is_some() {
            problems.push("the on-failure destination of the mapping and that of its trigger go together".to_owned());
        }
        if !problems.is_empty() {
            return Err(TriggerError::Mapping(problems));
        }
        let ends = self.log.join().await?;
        let watching = lag::watch(self.telemetry.clone(), self.log(), Arc::clone(&self.mapping));
        tokio::select! {
            served = self.session(ends).run(stop) => served,
            never = watching => match never {},
        }
    }

    fn session(self, ends: BTreeMap<i32, i64>) -> Session {
        let mapping = self.mapping;
        Session {
            ends,
            lanes: Lanes::new(&mapping),
            running: JoinSet::new(),
            pool: Pool::new(mapping.pollers),
            invoking: 0,
            waiting: Vec::new(),
            random: Random::new(mapping.redelivery.map_or(0, |redelivery| redelivery.seed)),
            ids: Random::unrepeatable(),
            served: Served::default(),
            closed: false,
            stop_by: None,
            log: self.log,
            invoker: self.invoker,
            destination: self.destination,
            clock: self.clock,
            telemetry: self.telemetry.unwrap_or_default(),
            mapping,
        }
    }
}

/// What a batch waits for, or has done.
enum Step {
    Invoke,
    GiveUp(Arc<Discarded>),
    Commit,
}

struct Waiting {
    until: Instant,
    step: Step,
    batch: Batch,
}

enum Outcome {
    Invoked(Batch, Result<Bytes, InvokeError>),
    GivenUp(Batch, Arc<Discarded>, Result<(), DestinationError>),
    Committed(Batch, Result<(), LogError>),
}

struct Session {
    mapping: Arc<Mapping>,
    log: Arc<dyn Log>,
    invoker: Arc<dyn Invoker>,
    destination: Option<Arc<dyn Destination>>,
    clock: Clock,
    telemetry: Arc<Registry>,
    /// The log's end at the start, by partition.
    ends: BTreeMap<i32, i64>,
    lanes: Lanes,
    running: JoinSet<Outcome>,
    pool: Pool,
    /// How many of `running` are invocations.
    invoking: usize,
    /// Batches whose next step is due later, or has no poller yet.
    waiting: Vec<Waiting>,
    random: Random,
    /// For what needs names that no run had before.
    ids: Random,
    served: Served,
    closed: bool,
    /// Set once the stop was asked for.
    stop_by: Option<Instant>,
}

impl Session {
    async fn run(mut self, stop: impl Future<Output = ()> + Send) -> Result<Served, TriggerError> {
        let mut stop = std::pin::pin!(stop.fuse());
        loop {
            if self.mapping.until == Until::Drained && self.stop_by.is_none() && self.has_drained() {
                self.stop();
            }
            self.start_what_is_due();
            if self.has_ended() {
                return Ok(self.served);
            }
            let wake = self.wakes_at();
            tokio::select! {
                biased;
                () = &mut stop, if self.stop_by.is_none() => self.stop(),
                Some(outcome) = self.running.join_next() => {
                    // A task neither panics (its function's panic is caught) nor is aborted.
                    if let Ok(outcome) = outcome {
                        self.settle(outcome);
                    }
                }
                event = self.log.next(), if !self.closed => self.take(event?),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    fn take(&mut self, event: LogEvent) {
        match event {
            LogEvent::Assigned(partitions) => {
                tracing::info!(?partitions, topic = %self.mapping.topic, "partitions assigned");
                partitions.into_iter().for_each(|partition| self.lanes.assign(partition));
            }
            LogEvent::Revoked(partitions) => {
                tracing::info!(?partitions, topic = %self.mapping.topic, "partitions revoked");
                for partition in partitions {
                    self.lanes.revoke(partition);
                    self.counted().revoked(partition);
                }
            }
            LogEvent::Records(records) => {
                if self.stop_by.is_none() {
                    self.queue(records);
                }
            }
            LogEvent::CaughtUp(partition) => {
                if let Some(lane) = self.lanes.get_mut(partition) {
                    lane.caught_up = true;
                }
            }
            LogEvent::Closed => self.closed = true,
        }
    }

    fn queue(&mut self, records: Vec<LogRecord>) {
        let now = Instant::now();
        self.served.polled += records.len() as u64;
        self.counted().polled(records.len());
        let partitions: BTreeSet<i32> = records.iter().map(|record| record.partition).collect();
        for record in records {
            if let Err(too_large) = self.lanes.push(record, now) {
                self.report_too_large(too_large);
            }
        }
        partitions.into_iter().for_each(|partition| self.count_oldest(partition));
        self.pause_and_resume();
    }

    /// Reads on where there is room, and waits where there is none, so that one slow partition holds up no other.
    fn pause_and_resume(&mut self) {
        let mut changes = Vec::new();
        for (partition, lane) in self.lanes.iter() {
            let pause = if lane.paused { !self.lanes.has_room(lane) } else { self.lanes.is_full(lane) };
            let pause = pause || lane.stopped_at.is_some() || self.stop_by.is_some();
            if pause != lane.paused {
                changes.push((partition, pause));
            }
        }
        for (partition, pause) in changes {
            let done = if pause { self.log.pause(partition) } else { self.log.resume(partition) };
            match done {
                Ok(()) => {
                    if let Some(lane) = self.lanes.get_mut(partition) {
                        lane.paused = pause;
                    }
                }
                // It is tried again with the next records.
                Err(error) => {
                    tracing::warn!(partition, pause, %error, "could not pause or resume reading")
                }
            }
        }
    }

    /// Starts all that is due, as far as there are pollers for it.
    fn start_what_is_due(&mut self) {
        loop {
            let now = Instant::now();
            self.start_what_has_a_poller(now);
            let pollers = self.pool.count();
            self.pool.scale(self.invoking, self.is_short(now), now);
            self.served.pollers = self.served.pollers.max(self.pool.count());
            self.counted().pollers(self.pool.count());
            if self.pool.count() <= pollers {
                break;
            }
        }
        self.pause_and_resume();
    }

    fn start_what_has_a_poller(&mut self, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            let is_invocation = matches!(waiting.step, Step::Invoke);
            if waiting.until <= now && (!is_invocation || self.may_invoke()) {
                self.start(waiting.step, waiting.batch);
            } else if self.stop_by.is_none() || !is_invocation {
                self.waiting.push(waiting);
            }
        }
        while self.may_invoke()
            && let Some(cut) = self.lanes.cut(now, self.closed)
        {
            match cut {
                Cut::Deliver(batch) => self.start(Step::Invoke, batch),
                Cut::GiveUp(part) => self.give_up(part, Condition::MaximumPayloadSizeExceeded),
            }
        }
    }

    fn may_invoke(&self) -> bool {
        self.invoking < self.pool.count() && self.stop_by.is_none()
    }

    /// Whether something is due and has no poller.
    fn is_short(&self, now: Instant) -> bool {
        let is_due = |waiting: &Waiting| matches!(waiting.step, Step::Invoke) && waiting.until <= now;
        let all_are_at_work = self.pool.count() <= self.invoking && self.stop_by.is_none();
        all_are_at_work && (self.waiting.iter().any(is_due) || self.lanes.is_due(now, self.closed))
    }

    /// Starts a step of a batch, without the partitions that were revoked in the meantime.
    fn start(&mut self, step: Step, mut batch: Batch) {
        batch.parts.retain(|part| self.lanes.lane_of(part).is_some());
        batch.attempt += 1;
        if let Step::Invoke = step {
            self.give_up_what_is_too_old(&mut batch);
        }
        if batch.parts.is_empty() {
            return;
        }
        match step {
            Step::Invoke => self.start_invocation(batch),
            Step::GiveUp(discarded) => self.start_giving_up(batch, discarded),
            Step::Commit => self.start_commit(batch),
        }
    }

    fn start_invocation(&mut self, batch: Batch) {
        self.invoking += 1;
        self.served.invocations += 1;
        self.counted().invoked(batch.records());
        let format = self.lanes.format();
        let invoker = Arc::clone(&self.invoker);
        self.running.spawn(async move {
            let payload = batch.encode(&format);
            let result = match AssertUnwindSafe(invoker.invoke(payload)).catch_unwind().await {
                Ok(answer) => answer,
                Err(_) => Err(InvokeError::Function("it panicked".to_owned())),
            };
            Outcome::Invoked(batch, result)
        });
    }

    fn start_commit(&mut self, batch: Batch) {
        let log = Arc::clone(&self.log);
        self.running.spawn(async move {
            let positions: Vec<_> = batch.parts.iter().map(|part| (part.partition, part.next_offset())).collect();
            let result = log.commit(&positions).await;
            Outcome::Committed(batch, result)
        });
    }

    fn stop(&mut self) {
        tracing::info!(running = self.running.len(), "stopping: no new invocations");
        self.stop_by = Some(Instant::now() + self.mapping.stop_grace);
    }

    fn has_ended(&self) -> bool {
        let nothing_under_way = self.running.is_empty() && self.waiting.is_empty();
        match self.stop_by {
            Some(stop_by) => nothing_under_way || stop_by <= Instant::now(),
            None => self.closed && nothing_under_way && self.lanes.iter().all(|(_, lane)| lane.is_idle()),
        }
    }

    /// Whether what the assigned partitions held at the start is committed. Other partitions are other members' care.
    fn has_drained(&self) -> bool {
        let end = |partition| self.ends.get(&partition).copied().unwrap_or(0);
        !self.lanes.is_empty() && self.lanes.iter().all(|(partition, lane)| lane.has_drained(end(partition)))
    }

    /// When something is due that neither the log nor a running task announces.
    fn wakes_at(&self) -> Option<Instant> {
        let (now, may_invoke) = (Instant::now(), self.may_invoke());
        // What is due and has no poller waits for one, and not for a time.
        let is_awaited = |at: &Instant| may_invoke || now < *at && self.stop_by.is_none();
        let steps = self.waiting.iter().filter(|waiting| match waiting.step {
            Step::Invoke => is_awaited(&waiting.until),
            Step::GiveUp(_) | Step::Commit => true,
        });
        let batch = self.lanes.due_at().filter(is_awaited);
        let steps = steps.map(|waiting| waiting.until);
        steps.chain(batch).chain(self.pool.grows_at()).chain(self.stop_by).min()
    }
}
