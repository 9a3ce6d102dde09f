//! The event that Lambda delivers: a Kafka or Kinesis payload to records.
//!
//! In: the JSON text of one invocation. Out: a [`Payload`] that borrows from it: one [`Batch`] per partition, in the
//! order of first appearance, its records in the source's order. Keys and values stay base64 text: whoever turns them
//! into rows decodes them, because a record that is no base64 must not harm its neighbours.
//!
//! The reader takes what AWS documents and tolerates what it may add: fields in any order, unknown fields of any shape,
//! absent keys, headers and schema fields, escaped strings. It does not check what it does not use: the text of keys and
//! values, and UTF-8 in fields that it skips. A payload that is no event, or whose records have no place
//! in their partition, is a [`PayloadError`]: then the invocation must fail.
//!
//! ```
//! use penstock_core::payload;
//! let event = br#"{"eventSource": "aws:kafka", "records": {"events-0": [
//!     {"topic": "events", "partition": 0, "offset": 15, "timestamp": 1545084650987, "timestampType": "CREATE_TIME", "value": "e30="}
//! ]}}"#;
//! let payload = payload::read(event).unwrap();
//! assert_eq!(payload.batches[0].topic, "events");
//! assert_eq!(payload.batches[0].records[0].position.to_string(), "15");
//! ```

mod alike;
mod kafka;
mod kinesis;

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::json::{Fault, Kind, Scanner};
use crate::position::{Partition, Position};
use crate::reject::quote;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    Kafka,
    Kinesis,
}

/// The records of one invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload<'a> {
    pub kind: SourceKind,
    pub batches: Vec<Batch<'a>>,
}

/// The records of one partition, by ascending position.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<'a> {
    /// The topic's name; for Kinesis that of the stream, from its ARN.
    pub topic: Cow<'a, str>,
    pub partition: Partition,
    pub records: Vec<Record<'a>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    pub position: Position,
    /// UTC microseconds since 1970, if the source gave a time.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<Encoded<'a>>,
    /// `None` is a tombstone.
    pub value: Option<Encoded<'a>>,
}

/// Bytes as the payload carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded<'a> {
    /// Base64 text, neither decoded nor checked.
    Base64(Cow<'a, [u8]>),
    /// The bytes themselves, as in a Kinesis partition key.
    Plain(Cow<'a, [u8]>),
}

/// Whose clock a record's timestamp is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
    /// Kinesis's, approximately.
    ArrivalTime,
    /// The payload does not say.
    Unknown,
}

impl TimestampType {
    pub const ALL: [Self; 4] = [Self::CreateTime, Self::LogAppendTime, Self::ArrivalTime, Self::Unknown];

    /// The name in the lake.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateTime => "create_time",
            Self::LogAppendTime => "log_append_time",
            Self::ArrivalTime => "arrival_time",
            Self::Unknown => "unknown",
        }
    }
}

/// The invocation's payload cannot be used. Nothing of it must be taken for landed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error(
        "this function expects the events of a Kafka or Kinesis event source mapping; got {got}. \
         Check what invokes it: only such mappings should"
    )]
    NotAnEvent { got: String },
    #[error(
        "the payload breaks off or is malformed: {problem}. Lambda delivers whole JSON documents, \
         so something between the mapping and this function has changed it"
    )]
    Malformed { problem: String },
    #[error(
        "record {place}: {problem}. The event does not look as AWS documents it, and guessing could lose records: \
         nothing of it has been landed"
    )]
    Record { place: String, problem: String },
    #[error(
        "topic {topic}, partition {partition}: position {position} comes after {previous}. A mapping delivers each partition \
         in order and once per payload: make sure that one mapping feeds this function and that nothing merges payloads"
    )]
    OutOfOrder { topic: String, partition: Partition, previous: Position, position: Position },
}

impl From<Fault> for PayloadError {
    fn from(fault: Fault) -> Self {
        Self::Malformed { problem: fault.to_string() }
    }
}

/// Reads one invocation's payload. Which source it comes from, its content says.
///
/// # Errors
/// The payload is no Kafka or Kinesis event, or a record in it has no place in a partition.
pub fn read(payload: &[u8]) -> Result<Payload<'_>, PayloadError> {
    let mut scanner = Scanner::new(payload);
    if scanner.kind()? != Kind::Object {
        return Err(not_an_event(payload));
    }
    let mut source = None;
    let mut found = None;
    let mut more = scanner.enter_object()?;
    while more {
        let key = scanner.key()?.unescape();
        match (&*key, scanner.kind()?) {
            (b"eventSource", Kind::String) => source = Some(scanner.string()?.unescape()),
            (b"records", Kind::Object) if found.is_none() => {
                found = Some((SourceKind::Kafka, kafka::read(&mut scanner)?))
            }
            (b"Records", Kind::Array) if found.is_none() => {
                found = Some((SourceKind::Kinesis, kinesis::read(&mut scanner)?))
            }
            _ => drop(scanner.skip(usize::MAX)?),
        }
        more = scanner.next_member()?;
    }
    scanner.finish()?;
    match (found, source.as_deref()) {
        (Some((SourceKind::Kafka, batches)), Some(b"aws:kafka" | b"SelfManagedKafka")) => {
            Ok(Payload { kind: SourceKind::Kafka, batches })
        }
        (Some((SourceKind::Kinesis, batches)), _) if !batches.is_empty() => {
            Ok(Payload { kind: SourceKind::Kinesis, batches })
        }
        _ => Err(not_an_event(payload)),
    }
}

/// Says what has come instead of an event, as far as it can be seen.
fn not_an_event(payload: &[u8]) -> PayloadError {
    let got = match serde_json::from_slice::<serde_json::Value>(payload) {
        Ok(serde_json::Value::Object(fields)) => describe(&fields),
        _ => quote(payload),
    };
    PayloadError::NotAnEvent { got }
}

fn describe(fields: &serde_json::Map<String, serde_json::Value>) -> String {
    match fields.get("eventSource").or_else(|| fields.get("source")).and_then(serde_json::Value::as_str) {
        Some(source) => format!("an event of {}", quote(source.as_bytes())),
        None if fields.is_empty() => "an empty object".to_owned(),
        None => {
            let names: Vec<&str> = fields.keys().take(5).map(String::as_str).collect();
            format!("an object with the keys {}", quote(names.join(", ").as_bytes()))
        }
    }
}

/// Sorts records into batches. Neighbours nearly always belong together, so the last batch is tried first.
#[derive(Default)]
struct Batches<'a> {
    batches: Vec<Batch<'a>>,
    last: usize,
    by_partition: HashMap<(Cow<'a, str>, Partition), usize>,
}

impl<'a> Batches<'a> {
    /// Adds a record to its partition.
    fn push(&mut self, topic: Cow<'a, str>, partition: &Partition, record: Record<'a>) -> Result<(), PayloadError> {
        let last = self.batches.get(self.last);
        if !last.is_some_and(|batch| batch.topic == topic && batch.partition == *partition) {
            self.last = self.batch_of(topic, partition);
        }
        self.push_alike(record)
    }

    /// Adds a record to the partition of the last one.
    #[inline]
    fn push_alike(&mut self, record: Record<'a>) -> Result<(), PayloadError> {
        let Some(batch) = self.batches.get_mut(self.last) else { return Ok(()) };
        match batch.records.last() {
            Some(previous) if record.position <= previous.position => Err(PayloadError::OutOfOrder {
                topic: batch.topic.to_string(),
                partition: batch.partition.clone(),
                previous: previous.position,
                position: record.position,
            }),
            _ => {
                batch.records.push(record);
                Ok(())
            }
        }
    }

    /// The last partition will probably get so many more records.
    fn reserve(&mut self, records: usize) {
        if let Some(batch) = self.batches.get_mut(self.last) {
            batch.records.reserve(records);
        }
    }

    fn batch_of(&mut self, topic: Cow<'a, str>, partition: &Partition) -> usize {
        let batch = Batch { topic: topic.clone(), partition: partition.clone(), records: Vec::new() };
        *self.by_partition.entry((topic, partition.clone())).or_insert_with(|| {
            self.batches.push(batch);
            self.batches.len() - 1
        })
    }
}

/// A string of the payload as text; `None` if it is no UTF-8.
fn text(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests;
