//! Where the records come from.
//!
//! A [`Log`] hands out the records of one topic, each partition in order, and remembers what was committed.
//! [`crate::memory::MemoryLog`] lives in one process; [`crate::kafka::KafkaLog`] is a member of a Kafka consumer group.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

/// One record as a log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970, UTC.
    pub timestamp: i64,
    pub timestamp_type: TimestampType,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// In the record's order; a name may repeat.
    pub headers: Vec<(String, Bytes)>,
}

/// Who set a record's timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer.
    #[default]
    CreateTime,
    /// The broker, when it appended the record.
    LogAppendTime,
}

/// What a log tells whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// These partitions are ours from now on; their records follow from where the group has committed.
    Assigned(Vec<i32>),
    /// These partitions are no longer ours: what is in flight must not be committed.
    Revoked(Vec<i32>),
    /// Records of assigned partitions, in order within each partition.
    Records(Vec<LogRecord>),
    /// Everything that this partition held a moment ago has been handed out.
    CaughtUp(i32),
    /// Nothing will ever follow. A Kafka topic never says this.
    Closed,
}

/// How far a group has come in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// The offset of the next record to deliver.
    pub next: i64,
    /// The offset after the last record.
    pub end: i64,
}

impl Position {
    /// How many records wait.
    #[must_use]
    pub fn lag(&self) -> i64 {
        (self.end - self.next).max(0)
    }
}

/// What keeps a log from answering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Somebody must change a setting; the message says which.
    #[error("{0}")]
    Misconfigured(String),
    /// The log does not answer now; the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// The partition went to another member of the group, so its positions are not ours to commit.
    #[error("partition {0} is no longer assigned to this consumer")]
    NotAssigned(i32),
}

/// An ordered, partitioned log that remembers how far it was read.
#[async_trait]
pub trait Log: Debug + Send + Sync {
    /// Starts reading from what is committed, and returns for each partition the offset after its last record.
    async fn join(&self) -> Result<BTreeMap<i32, i64>, LogError>;

    /// Waits for what comes next. Dropping the future loses nothing.
    async fn next(&self) -> Result<LogEvent, LogError>;

    /// Stops handing out the records of a partition; what was handed out stays so.
    fn pause(&self, partition: i32) -> Result<(), LogError>;

    /// Goes on with a paused partition where it stood.
    fn resume(&self, partition: i32) -> Result<(), LogError>;

    /// Remembers for each partition the offset of the next record to deliver.
    ///
    /// A partition that is not assigned refuses, and then none of the positions is committed.
    async fn commit(&self, positions: &[(i32, i64)]) -> Result<(), LogError>;

    /// How far the group has come in each partition of the log, those of other members included.
    async fn positions(&self) -> Result<BTreeMap<i32, Position>, LogError>;
}
