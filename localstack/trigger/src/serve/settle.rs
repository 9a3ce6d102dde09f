//! What becomes of a batch after its function was called: it is delivered, tried again, or given up.
//!
//! A function that fails on a batch of several partitions gets each of them alone. Only a failure that is certainly a
//! part's own counts against the retry limit: one of a call for it alone, or one that the answer reports.
//! A batch is cut (by partition, in two, before a reported record, around records that are too old) and never mended:
//! the pieces of a partition follow one another, each committed before the next goes out.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Outcome, Session, Step, Waiting};
use crate::answer::{FirstFailures, first_failures};
use crate::batch::{Batch, Part, TooLarge};
use crate::destination::DestinationError;
use crate::discard::{Condition, Discarded, Response};
use crate::invoke::InvokeError;
use crate::log::LogError;
use crate::retry::delay;

impl Session {
    pub(super) fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Invoked(batch, result) => {
                self.invoking -= 1;
                self.settle_invocation(batch, result);
            }
            Outcome::GivenUp(batch, discarded, Ok(())) => self.given_up(batch, &discarded),
            Outcome::GivenUp(batch, discarded, Err(error)) => self.retry_giving_up(batch, discarded, &error),
            Outcome::Committed(batch, Ok(())) => self.free(&batch),
            Outcome::Committed(batch, Err(error)) => self.retry_commit(batch, &error),
        }
    }

    pub(super) fn report_too_large(&mut self, TooLarge { partition, offset, payload_len }: TooLarge) {
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

    fn settle_invocation(&mut self, batch: Batch, result: Result<bytes::Bytes, InvokeError>) {
        let reports = self.mapping.failures.report_batch_item_failures;
        match result {
            Ok(answer) if reports => match first_failures(&answer, &self.mapping.topic, &batch) {
                Ok(first) => self.settle_report(batch, &first),
                Err(unusable) => {
                    let error = InvokeError::Function(unusable.to_string());
                    self.fail(batch, Some(Response::Reported), &error);
                }
            },
            Ok(_) => self.deliver(batch),
            Err(error) => {
                let response = matches!(error, InvokeError::Function(_)).then_some(Response::Failed);
                self.fail(batch, response, &error);
            }
        }
    }

    /// What comes before a partition's first failed record is delivered. What is left goes out again and has all its
    /// attempts, because another record is at fault than before.
    fn settle_report(&mut self, batch: Batch, first: &FirstFailures) {
        if !first.is_empty() {
            self.served.failed_invocations += 1;
            self.counted().failed();
        }
        let attempt = batch.attempt;
        let mut delivered = Vec::new();
        for mut part in batch.parts {
            part.invoked(Response::Reported);
            let Some(offset) = first.get(&part.partition) else {
                delivered.push(part);
                continue;
            };
            let at = part.records.partition_point(|record| record.offset < *offset);
            if at == 0 {
                self.count_failure(part, attempt, &format!("the function reports that offset {offset} failed"));
            } else {
                part.failures = 0;
                self.lanes.set_aside(&mut part, at);
                delivered.push(part);
            }
        }
        self.deliver(Batch { parts: delivered, attempt });
    }

    /// The whole batch failed. Without a response the function was not even called.
    fn fail(&mut self, batch: Batch, response: Option<Response>, error: &InvokeError) {
        self.served.failed_invocations += 1;
        self.counted().failed();
        let was_alone = batch.parts.len() == 1;
        for mut part in batch.parts {
            if let Some(response) = response {
                part.invoked(response);
            }
            if was_alone && response.is_some() {
                self.count_failure(part, batch.attempt, error);
            } else {
                self.try_again(part, batch.attempt, error);
            }
        }
    }

    /// Cuts a failed part in two, gives it up, or tries it again, as the mapping says.
    fn count_failure(&mut self, mut part: Part, attempt: u32, error: &dyn Display) {
        if self.mapping.failures.bisect_batch_on_function_error && 1 < part.records.len() {
            let half = part.records.len() / 2;
            self.lanes.set_aside(&mut part, half);
            self.counted().bisected();
            return self.try_again(part, 1, error);
        }
        part.failures += 1;
        let limit = self.mapping.failures.retry_limit();
        if limit.is_some_and(|limit| limit < part.failures) {
            self.give_up(part, Condition::RetryAttemptsExhausted);
        } else {
            self.try_again(part, attempt, error);
        }
    }

    fn try_again(&mut self, part: Part, attempt: u32, error: &dyn Display) {
        let pause = self.delay(attempt);
        self.counted().retried();
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
        self.wait(pause, Step::Invoke, Batch { parts: vec![part], attempt });
    }

    fn delay(&mut self, attempt: u32) -> Duration {
        delay(self.mapping.first_retry_delay, attempt, &mut self.random)
    }

    fn wait(&mut self, pause: Duration, step: Step, batch: Batch) {
        self.waiting.push(Waiting { until: Instant::now() + pause, step, batch });
    }

    fn deliver(&mut self, mut batch: Batch) {
        self.served.delivered += batch.records() as u64;
        if self.stop_by.is_none() {
            batch.parts = batch.parts.into_iter().filter_map(|part| self.maybe_redeliver(part)).collect();
        }
        self.start(Step::Commit, Batch { attempt: 0, ..batch });
    }

    /// Returns what of a delivered part is to be committed; the rest goes back into its queue now and then.
    fn maybe_redeliver(&mut self, mut part: Part) -> Option<Part> {
        let share = self.mapping.redelivery.map_or(0.0, |redelivery| redelivery.share);
        let is_whole = self.lanes.lane_of(&part).is_some_and(|lane| lane.again.is_empty());
        if share <= 0.0 || !is_whole || self.random.share() >= share {
            return Some(part);
        }
        let keep = self.random.below(part.records.len());
        let recut = 1 + self.random.below(self.mapping.batch_size);
        let again = part.records.split_off(keep);
        if let Some(lane) = self.lanes.lane_of(&part) {
            lane.busy = keep > 0;
            let count = again.len();
            self.served.redelivered += count as u64;
            self.counted().redelivered(count);
            self.lanes.put_back(part.partition, again, recut, Instant::now());
        }
        (keep > 0).then_some(part)
    }

    /// Lets the partitions of a committed batch go on: with what was set aside of it, or with their next batch.
    fn free(&mut self, batch: &Batch) {
        for part in &batch.parts {
            let mut rest = None;
            if let Some(lane) = self.lanes.lane_of(part) {
                rest = lane.again.pop_front();
                lane.busy = rest.is_some();
                lane.delivering = rest.as_ref().and_then(Part::first_timestamp);
                lane.committed = Some(part.next_offset());
            }
            self.served.partition(part.partition).committed = Some(part.next_offset());
            self.counted().committed(part.records.len());
            self.count_oldest(part.partition);
            if let Some(rest) = rest {
                self.wait(Duration::ZERO, Step::Invoke, Batch { parts: vec![rest], attempt: 0 });
            }
        }
    }

    /// The records are delivered, so only the commit is tried again.
    fn retry_commit(&mut self, batch: Batch, error: &LogError) {
        let pause = self.delay(batch.attempt);
        let positions: Vec<_> = batch.parts.iter().map(|part| (part.partition, part.next_offset())).collect();
        tracing::warn!(
            topic = %self.mapping.topic,
            ?positions,
            attempt = batch.attempt,
            retry_in_ms = pause.as_millis() as u64,
            "delivered, but not committed: {error}"
        );
        self.wait(pause, Step::Commit, batch);
    }

    /// Takes out of a batch what is too old to be sent, and what stands behind it.
    pub(super) fn give_up_what_is_too_old(&mut self, batch: &mut Batch) {
        let Some(age) = self.mapping.failures.maximum_record_age_secs else {
            return;
        };
        let oldest = (self.clock)().saturating_sub_unsigned(age * 1_000);
        for mut part in std::mem::take(&mut batch.parts) {
            let mut are_too_old = part.records.iter().map(|record| (0..oldest).contains(&record.timestamp));
            let is_too_old = are_too_old.next() == Some(true);
            // The first run of records that are alike is dealt with now.
            if let Some(at) = are_too_old.position(|other| other != is_too_old) {
                self.lanes.set_aside(&mut part, at + 1);
            }
            if is_too_old {
                self.give_up(part, Condition::RecordAgeExceeded);
            } else {
                batch.parts.push(part);
            }
        }
    }

    /// Gives the records of a part to the on-failure destination. Its position is committed afterwards.
    pub(super) fn give_up(&mut self, part: Part, condition: Condition) {
        let (format, now, id) = (self.lanes.format(), (self.clock)(), self.ids.uuid());
        let discarded = Discarded::new(&self.mapping, &format, &part, condition, now, id);
        self.start(Step::GiveUp(Arc::new(discarded)), Batch { parts: vec![part], attempt: 0 });
    }

    pub(super) fn start_giving_up(&mut self, batch: Batch, discarded: Arc<Discarded>) {
        let Some(destination) = self.destination.clone() else {
            return self.given_up(batch, &discarded);
        };
        self.running.spawn(async move {
            let result = destination.take(&discarded).await;
            Outcome::GivenUp(batch, discarded, result)
        });
    }

    fn given_up(&mut self, batch: Batch, discarded: &Discarded) {
        let destination = self.mapping.failures.destination.as_ref();
        for part in &batch.parts {
            let records = part.records.len() as u64;
            self.served.discarded += records;
            self.counted().dropped(&format!("{:?}", discarded.condition), part.records.len());
            self.served.partition(part.partition).discarded += records;
            tracing::error!(
                function = %self.mapping.function,
                topic = %self.mapping.topic,
                partition = part.partition,
                from_offset = part.first_offset(),
                next_offset = part.next_offset(),
                invocations = part.invocations,
                condition = ?discarded.condition,
                destination = destination.map(tracing::field::display),
                "{}",
                if destination.is_some() { "given up: its destination has the records" } else { "given up and dropped" }
            );
        }
        self.start(Step::Commit, Batch { attempt: 0, ..batch });
    }

    /// Nothing is lost while the destination does not take it: the partition waits.
    fn retry_giving_up(&mut self, batch: Batch, discarded: Arc<Discarded>, error: &DestinationError) {
        let pause = self.delay(batch.attempt);
        tracing::error!(
            topic = %discarded.topic,
            partition = discarded.partition,
            records = discarded.records.len(),
            condition = ?discarded.condition,
            attempt = batch.attempt,
            retry_in_ms = pause.as_millis() as u64,
            "{error}"
        );
        self.wait(pause, Step::GiveUp(discarded), batch);
    }
}
