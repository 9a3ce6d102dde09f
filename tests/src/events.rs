//! Events as a topic holds them, and the payloads in which a mapping delivers them.

use std::collections::BTreeMap;

use bytes::Bytes;
use penstock_core::dataset::Dataset;
use penstock_producer::{Expected, Generator, Record, Shape};
use penstock_trigger::log::{LogRecord, TimestampType};
use penstock_trigger::mapping::Mapping;
use penstock_trigger::payload::PayloadFormat;

/// The topic of records whose topic does not matter.
pub const TOPIC: &str = "events";

/// The default dataset.
#[must_use]
pub fn iot() -> Dataset {
    Dataset::shipped("iot").expect("the dataset ships")
}

/// A valid event of the default dataset. `event_time` is in epoch microseconds; `value` is the number of the event.
#[must_use]
pub fn event(number: u64, device: &str, event_time: i64) -> String {
    let (id, millis) = (event_id(number), event_time / 1000);
    format!(
        r#"{{"event_id":"{id}","device_id":"{device}","device_type":"light","event_time":{millis},"event_duration":1.5,"value":{number}}}"#
    )
}

/// The id of [`event`] as silver holds it.
#[must_use]
pub fn event_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// A record without key and headers. `timestamp` is in milliseconds since 1970, as Kafka has it.
pub fn record(partition: i32, offset: i64, timestamp: i64, value: impl Into<Bytes>) -> LogRecord {
    LogRecord {
        partition,
        offset,
        timestamp,
        timestamp_type: TimestampType::CreateTime,
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

/// The records of a whole topic, by partition, with offsets from 0.
#[derive(Clone, Debug)]
pub struct Topic {
    pub partitions: Vec<Vec<LogRecord>>,
    pub expected: Expected,
}

impl Topic {
    /// What the producer makes up, spread over the partitions by key. Records are as old as their place in the run.
    #[must_use]
    pub fn generated(shape: &Shape, partitions: usize) -> Self {
        let generator = Generator::new(&iot(), shape).expect("a shape that can be generated");
        let mut topic = Self { partitions: vec![Vec::new(); partitions], expected: Expected::default() };
        let mut generated = Record::default();
        for number in 0..shape.events {
            topic.expected.count(generator.event(number, &mut generated));
            let elapsed_us = i64::try_from(number * shape.spacing_nanos / 1000).expect("a short run");
            topic.append(&generated, (shape.start_time_us + elapsed_us) / 1000);
        }
        topic
    }

    fn append(&mut self, generated: &Record, timestamp: i64) {
        let key = generated.key().map(Bytes::copy_from_slice);
        // Equal keys go to one partition; any function of the key will do.
        let sum: usize = generated.key().unwrap_or_default().iter().copied().map(usize::from).sum();
        let partition = sum % self.partitions.len();
        let records = &mut self.partitions[partition];
        let offset = i64::try_from(records.len()).expect("a short run");
        let number = i32::try_from(partition).expect("few partitions");
        let value = Bytes::copy_from_slice(&generated.value);
        records.push(LogRecord { key, ..record(number, offset, timestamp, value) });
    }

    /// All records in batches of one partition each; partitions take turns.
    #[must_use]
    pub fn batches(&self, records: usize) -> Vec<Vec<LogRecord>> {
        let mut partitions: Vec<_> = self.partitions.iter().map(|records_of| records_of.chunks(records)).collect();
        let mut batches = Vec::new();
        loop {
            let round: Vec<Vec<LogRecord>> =
                partitions.iter_mut().filter_map(|chunks| chunks.next().map(<[LogRecord]>::to_vec)).collect();
            if round.is_empty() {
                return batches;
            }
            batches.extend(round);
        }
    }
}

/// The payload of records of [`TOPIC`], of any partitions, those of each partition in their order.
#[must_use]
pub fn payload(records: &[LogRecord]) -> Bytes {
    payload_of(TOPIC, records)
}

/// The payload in which an event source mapping of self-managed Kafka delivers these records.
#[must_use]
pub fn payload_of(topic: &str, records: &[LogRecord]) -> Bytes {
    let format = PayloadFormat::new(&Mapping::new(topic, "ingest", "127.0.0.1:9092", "tests"));
    let mut parts: BTreeMap<i32, Vec<LogRecord>> = BTreeMap::new();
    for record in records {
        parts.entry(record.partition).or_default().push(record.clone());
    }
    let commas = parts.len().saturating_sub(1) + records.len() - parts.len();
    let names: usize = parts.keys().map(|partition| format.part_len(*partition)).sum();
    let records: usize = records.iter().map(|record| format.record_len(record)).sum();
    let parts = parts.iter().map(|(partition, records)| (*partition, records.as_slice()));
    format.encode(parts, format.envelope_len() + names + records + commas)
}
