//! The loop that reads, cuts, invokes and commits.
//!
//! A batch goes through three steps: its function is invoked until it succeeds, then its positions are committed,
//! then its partitions are free for their next batch. One task owns all state; invocations and commits run beside it
//! and come back as an [`Outcome`].

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::batch::{Batch, Lanes, Part, TooLarge};
use crate::invoke::{InvokeError, Invoker};
use crate::log::{Log, LogError, LogEvent, LogRecord};
use crate::mapping::{Mapping, Until};
use crate::retry::{Random, delay};
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
/// Every record is delivered at least once, and each partition in order. A batch that fails is tried again for ever.
/// At the stop, running invocations get [`Mapping::stop_grace`] to end; what has not succeeded by then is not committed.
pub async fn serve(
    mapping: &Mapping,
    log: Arc<dyn Log>,
    invoker: Arc<dyn Invoker>,
    stop: impl Future<Output = ()> + Send,
) -> Result<Served, TriggerError> {
    let problems = mapping.problems();
    if !problems.is_empty() {
        return Err(TriggerError::Mapping(problems));
    }
    let ends = log.join().await?;
    let session = Session {
        mapping,
        log,
        invoker,
        ends,
        lanes: Lanes::new(mapping),
        running: JoinSet::new(),
        invoking: 0,
        waiting: Vec::new(),
        random: Random::new(mapping.redelivery.map_or(0, |redelivery| redelivery.seed)),
        served: Served::default(),
        closed: false,
        stop_by: None,
    };
    session.run(stop).await
}

/// What a batch waits for, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Invoke,
    Commit,
}

struct Waiting {
    until: Instant,
    step: Step,
    batch: Batch,
}

enum Outcome {
    Invoked(Batch, Result<(), InvokeError>),
    Committed(Batch, Result<(), LogError>),
}

struct Session<'a> {
    mapping: &'a Mapping,
    log: Arc<dyn Log>,
    invoker: Arc<dyn Invoker>,
    /// The log's end at the start, by partition.
    ends: BTreeMap<i32, i64>,
    lanes: Lanes,
    running: JoinSet<Outcome>,
    /// How many of `running` are invocations.
    invoking: usize,
    /// Batches that failed and wait for their next attempt.
    waiting: Vec<Waiting>,
    random: Random,
    served: Served,
    closed: bool,
    /// Set once the stop was asked for.
    stop_by: Option<Instant>,
}

impl Session<'_> {
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
                partitions.into_iter().for_each(|partition| self.lanes.revoke(partition));
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
        for record in records {
            if let Err(too_large) = self.lanes.push(record, now) {
                self.report_too_large(too_large);
            }
        }
        self.pause_and_resume();
    }

    fn report_too_large(&mut self, TooLarge { partition, offset, payload_len }: TooLarge) {
        let topic = &self.mapping.topic;
        let message = format!(
            "the record {topic}-{partition} at offset {offset} alone makes a payload of {payload_len} bytes, and Lambda \
             takes {limit}: its partition stops here, the others go on; make the producer send smaller records, then \
             move the consumer group's position past it",
            limit = self.mapping.payload_limit_bytes
        );
        tracing::error!(%topic, partition, offset, payload_len, "{message}");
        self.served.partition(partition).stopped = Some(message);
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

    fn start_what_is_due(&mut self) {
        let now = Instant::now();
        for waiting in std::mem::take(&mut self.waiting) {
            let may_start = waiting.step == Step::Commit || self.may_invoke();
            if waiting.until <= now && may_start {
                self.start(waiting.step, waiting.batch);
            } else if self.stop_by.is_none() || waiting.step == Step::Commit {
                self.waiting.push(waiting);
            }
        }
        while self.may_invoke()
            && let Some(batch) = self.lanes.cut(now, self.closed)
        {
            self.start(Step::Invoke, batch);
        }
        self.pause_and_resume();
    }

    fn may_invoke(&self) -> bool {
        self.invoking < self.mapping.pollers && self.stop_by.is_none()
    }

    /// Starts a step of a batch, without the partitions that were revoked in the meantime.
    fn start(&mut self, step: Step, mut batch: Batch) {
        batch.parts.retain(|part| self.lanes.lane_of(part).is_some());
        if batch.parts.is_empty() {
            return;
        }
        batch.attempt += 1;
        match step {
            Step::Invoke => self.start_invocation(batch),
            Step::Commit => self.start_commit(batch),
        }
    }

    fn start_invocation(&mut self, batch: Batch) {
        self.invoking += 1;
        self.served.invocations += 1;
        let format = self.lanes.format();
        let invoker = Arc::clone(&self.invoker);
        self.running.spawn(async move {
            let payload = batch.encode(&format);
            let result = match AssertUnwindSafe(invoker.invoke(payload)).catch_unwind().await {
                Ok(answer) => answer.map(drop),
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

    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Invoked(batch, Ok(())) => {
                self.invoking -= 1;
                self.served.delivered += batch.records() as u64;
                self.commit_or_redeliver(batch);
            }
            Outcome::Invoked(batch, Err(error)) => {
                self.invoking -= 1;
                self.served.failed_invocations += 1;
                self.retry_invocation(batch, &error);
            }
            Outcome::Committed(batch, Ok(())) => self.free(&batch),
            Outcome::Committed(batch, Err(error)) => self.retry_commit(batch, &error),
        }
    }

    fn commit_or_redeliver(&mut self, mut batch: Batch) {
        if self.stop_by.is_none() {
            batch.parts = batch.parts.into_iter().filter_map(|part| self.maybe_redeliver(part)).collect();
        }
        batch.attempt = 0;
        self.start(Step::Commit, batch);
    }

    /// Returns what of a delivered part is to be committed; the rest goes back into its queue now and then.
    fn maybe_redeliver(&mut self, mut part: Part) -> Option<Part> {
        let share = self.mapping.redelivery.map_or(0.0, |redelivery| redelivery.share);
        if share <= 0.0 || self.random.share() >= share {
            return Some(part);
        }
        let keep = self.random.below(part.records.len());
        let recut = 1 + self.random.below(self.mapping.batch_size);
        let again = part.records.split_off(keep);
        if let Some(lane) = self.lanes.lane_of(&part) {
            lane.busy = keep > 0;
            self.served.redelivered += again.len() as u64;
            self.lanes.put_back(part.partition, again, recut, Instant::now());
        }
        (keep > 0).then_some(part)
    }

    fn free(&mut self, batch: &Batch) {
        for part in &batch.parts {
            if let Some(lane) = self.lanes.lane_of(part) {
                lane.busy = false;
                lane.committed = Some(part.next_offset());
            }
            self.served.partition(part.partition).committed = Some(part.next_offset());
        }
    }

    /// Each partition is retried alone, so that one whose records fail does not hold back its neighbours.
    fn retry_invocation(&mut self, batch: Batch, error: &InvokeError) {
        let attempt = batch.attempt;
        for part in batch.parts {
            let pause = delay(attempt, &mut self.random);
            tracing::error!(
                function = %self.mapping.function,
                topic = %self.mapping.topic,
                partition = part.partition,
                from_offset = part.first_offset(),
                next_offset = part.next_offset(),
                attempt,
                retry_in_ms = pause.as_millis() as u64,
                "{error}"
            );
            let batch = Batch { parts: vec![part], attempt };
            self.waiting.push(Waiting { until: Instant::now() + pause, step: Step::Invoke, batch });
        }
    }

    /// The records are delivered, so only the commit is tried again.
    fn retry_commit(&mut self, batch: Batch, error: &LogError) {
        let pause = delay(batch.attempt, &mut self.random);
        let positions: Vec<_> = batch.parts.iter().map(|part| (part.partition, part.next_offset())).collect();
        tracing::warn!(
            topic = %self.mapping.topic,
            ?positions,
            attempt = batch.attempt,
            retry_in_ms = pause.as_millis() as u64,
            "delivered, but not committed: {error}"
        );
        self.waiting.push(Waiting { until: Instant::now() + pause, step: Step::Commit, batch });
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
        let may_invoke = self.may_invoke();
        let retries = self.waiting.iter().filter(|waiting| may_invoke || waiting.step == Step::Commit);
        let retries = retries.map(|waiting| waiting.until);
        let batch = if may_invoke { self.lanes.due_at() } else { None };
        retries.chain(batch).chain(self.stop_by).min()
    }
}
