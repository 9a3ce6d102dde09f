//! The consumers: what they deliver, and what they make of the answers.
//!
//! They do what an event source mapping does: one batch of a partition at a time, and the next one after success;
//! after a failure the same records again, however they are cut then.

use serde_json::Value;

use super::action::Delivery;
use super::functions::Process;
use super::world::{Invocation, Task, World};
use crate::events::{TOPIC, payload};

/// How far a consumer is in a partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) committed: i64,
    /// The invocation that it waits for.
    pub(super) waits_for: Option<u32>,
    /// The size of the batch that failed last, and where it began.
    pub(super) failed: Option<(i64, usize)>,
}

impl Progress {
    fn fail(&mut self, offsets: &[i64]) {
        self.waits_for = None;
        self.failed = Some((offsets[0], offsets.len()));
    }
}

impl World {
    pub(super) fn deliver(&mut self, delivery: &Delivery) {
        let Delivery { id, consumer, counts, back, place } = delivery;
        let (mut records, mut batches) = (Vec::new(), Vec::new());
        for (partition, count) in counts.iter().enumerate().filter(|(_, count)| 0 < **count) {
            let progress = &mut self.consumers[*consumer][partition];
            let from = (progress.committed - back).max(0);
            let batch = self.topic.fetch(partition, from, *count);
            // One batch of a partition at a time: that keeps its order.
            if batch.is_empty() || progress.waits_for.is_some() {
                continue;
            }
            progress.waits_for = Some(*id);
            let offsets: Vec<i64> = batch.iter().map(|record| record.offset).collect();
            self.count_batch(*consumer, partition, &offsets);
            batches.push((partition, offsets));
            records.extend(batch);
        }
        if records.is_empty() {
            return;
        }
        self.reached.count("deliveries");
        let (port, deployment) = (self.port(*place), self.deployment(*place));
        let is_busy = |process| self.running.values().any(|invocation| invocation.process == Some(process));
        let Process { function, number } = self.functions.ingest(*place, port, deployment, is_busy);
        let (payload, call) = (payload(&records), self.call(*id, *place));
        let future = async move { function.handle(&payload, &call).await };
        self.start(*id, Task::Ingest { consumer: *consumer, batches }, *place, Some(number), Box::pin(future));
    }

    fn count_batch(&mut self, consumer: usize, partition: usize, offsets: &[i64]) {
        let progress = &mut self.consumers[consumer][partition];
        if offsets[0] < progress.committed {
            self.reached.count("deliveries of what was committed");
        }
        if let Some((_, failed)) = progress.failed.take().filter(|(from, _)| *from == offsets[0]) {
            match offsets.len() {
                half if half == failed.div_ceil(2) && 1 < failed => self.reached.count("deliveries again, bisected"),
                same if same == failed => {}
                _ => self.reached.count("deliveries again, cut otherwise"),
            }
        }
        if self.consumers.iter().all(|progress| progress[partition].waits_for.is_some()) {
            self.reached.count("deliveries by two consumers at once");
        }
    }

    /// Commits what an invocation has landed, and looks whether it has.
    pub(super) fn acknowledge(&mut self, id: u32, answer: &Value) {
        let Some(Invocation { task: Task::Ingest { consumer, batches }, .. }) = self.running.get(&id) else { return };
        let failed = answer["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
        if !failed.is_empty() {
            self.reached.count("partial answers");
        }
        for (partition, offsets) in batches {
            let name = format!("{TOPIC}-{partition}");
            let progress = &mut self.consumers[*consumer][*partition];
            let is_awaited = progress.waits_for == Some(id);
            if failed.iter().any(|item| item["itemIdentifier"]["partition"] == name.as_str()) {
                if is_awaited {
                    progress.fail(offsets);
                }
                // Why it failed stands in the log of the function, where an operator reads it.
                self.refused.extend(self.oracle.missing(&self.topic, *partition).map(|range| (*partition, range)));
                continue;
            }
            if let Some(offset) = offsets.iter().find(|offset| !self.oracle.has_landed(*partition, **offset)) {
                let problem = format!("#{id} succeeded, and offset {offset} of partition {partition} never landed");
                self.findings.push(problem);
            }
            if is_awaited {
                progress.waits_for = None;
                progress.committed = progress.committed.max(offsets[offsets.len() - 1] + 1);
            }
        }
    }

    /// The consumer delivers again what it had delivered with this invocation.
    pub(super) fn deliver_again(&mut self, id: u32) {
        let Some(Invocation { task: Task::Ingest { consumer, batches }, .. }) = self.running.get(&id) else { return };
        for (partition, offsets) in batches {
            let progress = &mut self.consumers[*consumer][*partition];
            if progress.waits_for == Some(id) {
                progress.fail(offsets);
            }
        }
    }
}
