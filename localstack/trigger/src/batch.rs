//! How the records that wait are cut into batches.
//!
//! Each assigned partition has a [`Lane`]: a queue, of which one batch at most is under way.
//! A batch takes records of any lanes that are free, the one that waits longest first, until it is full.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::discard::Response;
use crate::log::LogRecord;
use crate::mapping::{BATCH_SIZES, Mapping};
use crate::payload::PayloadFormat;

/// So many records wait in a partition's queue when reading it goes on: the largest batch, also where batches are
/// smaller, because a log takes a while to go on.
const QUEUED_RECORDS: usize = *BATCH_SIZES.end();

/// Records of one or more partitions that are delivered together, and committed together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<Part>,
    /// How often it was tried.
    pub(crate) attempt: u32,
}

/// The records of one partition in a batch, in order, never empty.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) partition: i32,
    /// Which assignment of the partition the records belong to.
    pub(crate) generation: u64,
    pub(crate) records: Vec<LogRecord>,
    /// The bytes of the records in a payload, without commas.
    pub(crate) encoded_len: usize,
    /// How often the function was called with these records.
    pub(crate) invocations: u32,
    /// What became of the last of these calls.
    pub(crate) response: Option<Response>,
    /// How many of them count against the mapping's retry limit.
    pub(crate) failures: u32,
}

/// A record that no payload can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// The payload with this record alone.
    pub(crate) payload_len: usize,
}

/// One assigned partition.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) generation: u64,
    queue: VecDeque<Queued>,
    /// The bytes of the queue in a payload, without commas.
    queued_len: usize,
    /// A batch with its records is under way.
    pub(crate) busy: bool,
    /// While it is: the timestamp of the first record that is under way.
    pub(crate) delivering: Option<i64>,
    pub(crate) paused: bool,
    pub(crate) caught_up: bool,
    /// The offset of the next record to deliver, once something was committed.
    pub(crate) committed: Option<i64>,
    pub(crate) stopped_at: Option<TooLarge>,
    /// What is left of the batch under way, in order. It goes out before the queue, each part alone.
    pub(crate) again: VecDeque<Part>,
    /// The next batch takes at most this many records, so that it ends elsewhere than the one before.
    recut: Option<usize>,
}

#[derive(Debug)]
struct Queued {
    record: LogRecord,
    encoded_len: usize,
    arrived: Instant,
}

/// What becomes of a record that no payload can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhatIsTooLarge {
    StopsItsPartition,
    IsGivenUp,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Cut {
    /// To be delivered.
    Deliver(Batch),
    /// A record that no payload can hold.
    GiveUp(Part),
}

/// All assigned partitions.
#[derive(Debug)]
pub(crate) struct Lanes {
    format: Arc<PayloadFormat>,
    batch_size: usize,
    payload_limit: usize,
    /// Whether a record that no payload can hold stops its partition, or is cut out to be given up.
    too_large: WhatIsTooLarge,
    window: Duration,
    by_partition: BTreeMap<i32, Lane>,
    generations: u64,
}

impl Lanes {
    pub(crate) fn new(mapping: &Mapping) -> Self {
        Self {
            format: Arc::new(PayloadFormat::new(mapping)),
            batch_size: mapping.batch_size,
            payload_limit: mapping.payload_limit_bytes,
            too_large: match mapping.failures.destination {
                None => WhatIsTooLarge::StopsItsPartition,
                Some(_) => WhatIsTooLarge::IsGivenUp,
            },
            window: mapping.batching_window,
            by_partition: BTreeMap::new(),
            generations: 0,
        }
    }

    pub(crate) fn format(&self) -> Arc<PayloadFormat> {
        Arc::clone(&self.format)
    }

    pub(crate) fn assign(&mut self, partition: i32) {
        self.generations += 1;
        self.by_partition.insert(partition, Lane::new(self.generations));
    }

    pub(crate) fn revoke(&mut self, partition: i32) {
        self.by_partition.remove(&partition);
    }

    pub(crate) fn get_mut(&mut self, partition: i32) -> Option<&mut Lane> {
        self.by_partition.get_mut(&partition)
    }

    /// The lane that a part came from, unless its partition was revoked since.
    pub(crate) fn lane_of(&mut self, part: &Part) -> Option<&mut Lane> {
        self.by_partition.get_mut(&part.partition).filter(|lane| lane.generation == part.generation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, &Lane)> {
        self.by_partition.iter().map(|(&partition, lane)| (partition, lane))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    /// Queues a record. A record of a partition that is not ours, or that has stopped, is passed over.
    pub(crate) fn push(&mut self, record: LogRecord, now: Instant) -> Result<(), TooLarge> {
        let (partition, offset) = (record.partition, record.offset);
        let Some(lane) = self.by_partition.get_mut(&partition) else {
            return Ok(());
        };
        if lane.stopped_at.is_some() {
            return Ok(());
        }
        let encoded_len = self.format.record_len(&record);
        let payload_len = self.format.envelope_len() + self.format.part_len(partition) + encoded_len;
        if self.payload_limit < payload_len && self.too_large == WhatIsTooLarge::StopsItsPartition {
            let too_large = TooLarge { partition, offset, payload_len };
            lane.stopped_at = Some(too_large);
            return Err(too_large);
        }
        lane.queued_len += encoded_len;
        lane.queue.push_back(Queued { record, encoded_len, arrived: now });
        Ok(())
    }

    /// Whether the partition holds so much that reading should wait: two of the largest batches.
    pub(crate) fn is_full(&self, lane: &Lane) -> bool {
        lane.queue.len() >= 2 * QUEUED_RECORDS || lane.queued_len >= 2 * self.payload_limit
    }

    /// Whether there is again room for one of them. Reading then starts again before the queue runs dry.
    pub(crate) fn has_room(&self, lane: &Lane) -> bool {
        lane.queue.len() <= QUEUED_RECORDS && lane.queued_len <= self.payload_limit
    }

    /// When a batch will be due if nothing more arrives.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let oldest = self.free().filter_map(|(_, lane)| lane.queue.front()).map(|queued| queued.arrived).min()?;
        Some(oldest + self.window)
    }

    /// Whether [`Lanes::cut`] would take something: a batch is full, or its first record has waited for the window.
    ///
    /// `flush` says that waiting is of no use, because nothing more will arrive.
    pub(crate) fn is_due(&self, now: Instant, flush: bool) -> bool {
        let oldest = self.due_at();
        oldest.is_some_and(|at| flush || at <= now) || self.fills_a_batch()
    }

    /// Takes what is due.
    pub(crate) fn cut(&mut self, now: Instant, flush: bool) -> Option<Cut> {
        if !self.is_due(now, flush) {
            return None;
        }
        if let Some(part) = self.take_too_large() {
            return Some(Cut::GiveUp(part));
        }
        let mut order: Vec<(Instant, i32)> = self
            .free()
            .filter_map(|(partition, lane)| lane.queue.front().map(|queued| (queued.arrived, partition)))
            .collect();
        order.sort_unstable();

        let mut room = Room { records: self.batch_size, bytes: self.payload_limit - self.format.envelope_len() };
        let mut parts = Vec::new();
        for (_, partition) in order {
            let Some(lane) = self.by_partition.get_mut(&partition) else {
                continue;
            };
            let overhead = self.format.part_len(partition) + usize::from(!parts.is_empty());
            match lane.take(partition, overhead, &mut room) {
                Some(part) => parts.push(part),
                None => break,
            }
        }
        (!parts.is_empty()).then_some(Cut::Deliver(Batch { parts, attempt: 0 }))
    }

    /// Takes a record that no payload can hold, if a free lane begins with one.
    fn take_too_large(&mut self) -> Option<Part> {
        let is_too_large = |partition: i32, queued: &Queued| {
            self.payload_limit < self.format.envelope_len() + self.format.part_len(partition) + queued.encoded_len
        };
        let begins_with_one =
            |lane: &Lane, partition| lane.queue.front().is_some_and(|queued| is_too_large(partition, queued));
        let (partition, _) = self.free().find(|&(partition, lane)| begins_with_one(lane, partition))?;
        let mut room = Room { records: 1, bytes: usize::MAX };
        self.by_partition.get_mut(&partition)?.take(partition, 0, &mut room)
    }

    /// Cuts a part before its record `at`; what stands behind it is to go out again, alone, when the part is done.
    pub(crate) fn set_aside(&mut self, part: &mut Part, at: usize) {
        let records = part.records.split_off(at);
        let encoded_len = records.iter().map(|record| self.format.record_len(record)).sum();
        part.encoded_len -= encoded_len;
        let rest = Part { records, encoded_len, ..*part };
        if let Some(lane) = self.lane_of(part) {
            lane.again.push_front(rest);
        }
    }

    fn free(&self) -> impl Iterator<Item = (i32, &Lane)> {
        self.iter().filter(|(_, lane)| !lane.busy)
    }

    fn fills_a_batch(&self) -> bool {
        let (mut records, mut bytes) = (0, self.format.envelope_len());
        for (partition, lane) in self.free().filter(|(_, lane)| !lane.queue.is_empty()) {
            records += lane.queue.len();
            bytes += self.format.part_len(partition) + lane.queued_len + lane.queue.len();
        }
        records >= self.batch_size || bytes >= self.payload_limit
    }

    /// Puts records back in front of their queue, to be delivered again in a batch of at most `recut` records.
    pub(crate) fn put_back(&mut self, partition: i32, records: Vec<LogRecord>, recut: usize, now: Instant) {
        let Some(lane) = self.by_partition.get_mut(&partition) else {
            return;
        };
        lane.recut = Some(recut);
        for record in records.into_iter().rev() {
            let encoded_len = self.format.record_len(&record);
            lane.queued_len += encoded_len;
            lane.queue.push_front(Queued { record, encoded_len, arrived: now });
        }
    }
}

/// What still fits into a batch.
struct Room {
    records: usize,
    bytes: usize,
}

impl Lane {
    fn new(generation: u64) -> Self {
        Self {
            generation,
            queue: VecDeque::new(),
            queued_len: 0,
            busy: false,
            delivering: None,
            paused: false,
            caught_up: false,
            committed: None,
            stopped_at: None,
            again: VecDeque::new(),
            recut: None,
        }
    }

    /// The timestamp of the oldest record that is not committed.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let delivering = self.delivering.filter(|_| self.busy);
        delivering.or_else(|| self.queue.front().map(|queued| queued.record.timestamp))
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.busy && self.queue.is_empty()
    }

    /// Whether everything below `end` is delivered and committed. A partition that stopped has nothing more to give.
    pub(crate) fn has_drained(&self, end: i64) -> bool {
        let reached = self.committed.is_some_and(|next| end <= next);
        reached || self.is_idle() && (self.caught_up || self.stopped_at.is_some())
    }

    /// Takes what fits, if anything does; `overhead` is what the partition costs beside its records.
    fn take(&mut self, partition: i32, overhead: usize, room: &mut Room) -> Option<Part> {
        let most = room.records.min(self.recut.unwrap_or(usize::MAX));
        let (mut count, mut encoded_len, mut used) = (0, 0, overhead);
        while count < most
            && let Some(queued) = self.queue.get(count)
            && used + queued.encoded_len + usize::from(count > 0) <= room.bytes
        {
            used += queued.encoded_len + usize::from(count > 0);
            encoded_len += queued.encoded_len;
            count += 1;
        }
        if count == 0 {
            return None;
        }
        room.records -= count;
        room.bytes -= used;
        self.busy = true;
        self.delivering = self.queue.front().map(|queued| queued.record.timestamp);
        self.recut = None;
        self.queued_len -= encoded_len;
        let records = self.queue.drain(..count).map(|queued| queued.record).collect();
        Some(Part {
            partition,
            generation: self.generation,
            records,
            encoded_len,
            invocations: 0,
            response: None,
            failures: 0,
        })
    }
}

impl Part {
    /// Counts a call of the function.
    pub(crate) fn invoked(&mut self, response: Response) {
        self.invocations += 1;
        self.response = Some(response);
    }

    pub(crate) fn first_timestamp(&self) -> Option<i64> {
        self.records.first().map(|record| record.timestamp)
    }

    pub(crate) fn first_offset(&self) -> i64 {
        self.records.first().map_or(0, |record| record.offset)
    }

    /// The offset to commit once the part is delivered.
    pub(crate) fn next_offset(&self) -> i64 {
        self.records.last().map_or(0, |record| record.offset + 1)
    }
}

impl Batch {
    pub(crate) fn records(&self) -> usize {
        self.parts.iter().map(|part| part.records.len()).sum()
    }

    pub(crate) fn encode(&self, format: &PayloadFormat) -> Bytes {
        // Between the records of a part, and between the parts: one fewer than records in all.
        let commas = self.records() - 1;
        let parts: usize = self.parts.iter().map(|part| format.part_len(part.partition) + part.encoded_len).sum();
        let len = format.envelope_len() + parts + commas;
        format.encode(self.parts.iter().map(|part| (part.partition, part.records.as_slice())), len)
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
