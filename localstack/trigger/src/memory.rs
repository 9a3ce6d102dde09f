//! A log in memory, for one process: a producer appends, a trigger reads.
//!
//! It holds what is not committed yet, up to a bound in bytes; whoever appends beyond it waits.
//! Nothing survives the process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

use crate::log::{Log, LogError, LogEvent, LogRecord, Position, TimestampType};

/// The most records of one [`LogEvent::Records`], so that partitions take turns.
const MAX_READ: usize = 1_000;
/// What a record costs beside its bytes.
const RECORD_OVERHEAD_BYTES: usize = size_of::<Held>();

/// What a producer appends. The log gives it its offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    /// Milliseconds since 1970, UTC.
    pub timestamp: i64,
    pub headers: Vec<(String, Bytes)>,
}

/// The log was closed, so it takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is closed")]
pub struct LogClosed;

/// A bounded log of a few partitions.
#[derive(Debug)]
pub struct MemoryLog {
    max_bytes: usize,
    /// One permit for each byte that is still free.
    free: Semaphore,
    /// There is something for the reader.
    news: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    partitions: Vec<Partition>,
    /// The partition that the next read begins with.
    turn: usize,
    joined: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Partition {
    /// What is not committed, the first at offset `committed`.
    records: VecDeque<Held>,
    committed: i64,
    /// How many of `records` were handed out.
    read: usize,
    paused: bool,
    told_caught_up: bool,
}

#[derive(Debug)]
struct Held {
    record: LogRecord,
    cost: u32,
}

impl MemoryLog {
    /// An empty log of `partitions` partitions that holds about `max_bytes` of uncommitted records.
    #[must_use]
    pub fn new(partitions: usize, max_bytes: usize) -> Self {
        // A semaphore hands out at most u32::MAX permits at once.
        let max_bytes = max_bytes.min(u32::MAX as usize);
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        Self {
            max_bytes,
            free: Semaphore::new(max_bytes),
            news: Notify::new(),
            state: Mutex::new(State { partitions, turn: 0, joined: false, closed: false }),
        }
    }

    /// Appends a record to a partition (modulo their number) and returns its offset, when there is room for it.
    pub async fn append(&self, partition: usize, new: NewRecord) -> Result<i64, LogClosed> {
        let cost = self.cost(&new);
        self.free.acquire_many(cost).await.map_err(|_| LogClosed)?.forget();
        let offset = {
            let mut state = self.lock();
            if state.closed {
                return Err(LogClosed);
            }
            let number = partition % state.partitions.len();
            state.partitions[number].append(number, new, cost)
        };
        self.news.notify_one();
        Ok(offset)
    }

    /// Nothing more will be appended: a reader ends when it has committed everything.
    pub fn close(&self) {
        self.lock().closed = true;
        self.free.close();
        self.news.notify_one();
    }

    /// The offset of the next record to deliver, by partition.
    #[must_use]
    pub fn committed(&self) -> Vec<i64> {
        self.lock().partitions.iter().map(|partition| partition.committed).collect()
    }

    fn cost(&self, new: &NewRecord) -> u32 {
        let headers: usize = new.headers.iter().map(|(name, bytes)| name.len() + bytes.len()).sum();
        let bytes = new.key.as_ref().map_or(0, Bytes::len) + new.value.as_ref().map_or(0, Bytes::len) + headers;
        // A record larger than the whole bound goes in when the log is empty.
        u32::try_from((bytes + RECORD_OVERHEAD_BYTES).min(self.max_bytes)).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn join(&self) -> Result<BTreeMap<i32, i64>, LogError> {
        let mut state = self.lock();
        state.joined = false;
        for partition in &mut state.partitions {
            *partition = Partition { read: 0, paused: false, told_caught_up: false, ..std::mem::take(partition) };
        }
        Ok((0..).zip(&state.partitions).map(|(number, partition)| (number, partition.end())).collect())
    }

    async fn next(&self) -> Result<LogEvent, LogError> {
        loop {
            if let Some(event) = self.lock().next() {
                return Ok(event);
            }
            self.news.notified().await;
        }
    }

    fn pause(&self, partition: i32) -> Result<(), LogError> {
        self.lock().partition(partition)?.paused = true;
        Ok(())
    }

    fn resume(&self, partition: i32) -> Result<(), LogError> {
        self.lock().partition(partition)?.paused = false;
        self.news.notify_one();
        Ok(())
    }

    async fn commit(&self, positions: &[(i32, i64)]) -> Result<(), LogError> {
        let mut freed = 0;
        {
            let mut state = self.lock();
            for &(number, next) in positions {
                freed += state.partition(number)?.commit(next);
            }
        }
        self.free.add_permits(freed);
        Ok(())
    }

    async fn positions(&self) -> Result<BTreeMap<i32, Position>, LogError> {
        let state = self.lock();
        let position = |partition: &Partition| Position { next: partition.committed, end: partition.end() };
        Ok((0..).zip(state.partitions.iter().map(position)).collect())
    }
}

impl State {
    fn partition(&mut self, number: i32) -> Result<&mut Partition, LogError> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.partitions.get_mut(index).ok_or(LogError::NotAssigned(number))
    }

    fn next(&mut self) -> Option<LogEvent> {
        let count = self.partitions.len();
        if !self.joined {
            self.joined = true;
            return Some(LogEvent::Assigned((0..).take(count).collect()));
        }
        for _ in 0..count {
            let number = self.turn % count;
            self.turn = (number + 1) % count;
            if let Some(event) = self.partitions[number].next(number) {
                return Some(event);
            }
        }
        let all_read = self.partitions.iter().all(|partition| partition.read == partition.records.len());
        (self.closed && all_read).then_some(LogEvent::Closed)
    }
}

impl Partition {
    fn end(&self) -> i64 {
        self.committed + as_offset(self.records.len())
    }

    fn append(&mut self, number: usize, new: NewRecord, cost: u32) -> i64 {
        let offset = self.end();
        let record = LogRecord {
            partition: i32::try_from(number).unwrap_or(i32::MAX),
            offset,
            timestamp: new.timestamp,
            timestamp_type: TimestampType::CreateTime,
            key: new.key,
            value: new.value,
            headers: new.headers,
        };
        self.records.push_back(Held { record, cost });
        offset
    }

    fn next(&mut self, number: usize) -> Option<LogEvent> {
        if self.paused {
            return None;
        }
        if self.read < self.records.len() {
            let until = self.records.len().min(self.read + MAX_READ);
            let records = self.records.range(self.read..until).map(|held| held.record.clone()).collect();
            self.read = until;
            return Some(LogEvent::Records(records));
        }
        if self.told_caught_up {
            return None;
        }
        self.told_caught_up = true;
        Some(LogEvent::CaughtUp(i32::try_from(number).unwrap_or(i32::MAX)))
    }

    /// Forgets what lies below `next` and returns the bytes that this frees.
    fn commit(&mut self, next: i64) -> usize {
        let done = usize::try_from(next - self.committed).unwrap_or(0).min(self.read);
        self.committed += as_offset(done);
        self.read -= done;
        self.records.drain(..done).map(|held| held.cost as usize).sum()
    }
}

/// A count of records in memory always fits.
fn as_offset(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
