//! For the tests of this crate: raw objects of made-up events, as ingest would land them.

use std::borrow::Cow;

use bytes::Bytes;

use crate::chain::{Link, Tail};
use crate::dataset::{Dataset, SHIPPED};
use crate::keys::ChainId;
use crate::parse;
use crate::payload::{Batch, Encoded, Record, TimestampType};
use crate::position::{Partition, Position};
use crate::raw_object;

/// 2026-01-01T00:00:00Z in epoch microseconds.
pub(crate) const START: i64 = 1_767_225_600_000_000;
pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

/// The default dataset with other settings: each `from` must occur in its file.
pub(crate) fn iot_with(changes: &[(&str, &str)]) -> Dataset {
    let mut text = SHIPPED[0].1.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn chain(partition: i32) -> ChainId {
    ChainId { topic: "events".to_owned(), partition: Partition::Kafka(partition), source: "kafka".to_owned(), epoch: 0 }
}

pub(crate) fn at(offset: u64) -> Position {
    Position::from_offset(offset)
}

/// An event whose content follows from its number, so that all copies of it are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) number: u64,
    /// Epoch microseconds.
    pub(crate) time: i64,
}

impl Event {
    pub(crate) fn device(self) -> String {
        format!("device-{}", self.number % 3)
    }

    /// Every fourth event measures nothing. Integers, so that sums do not depend on their order.
    pub(crate) fn value(self) -> Option<i64> {
        (self.number % 4 != 3).then_some(i64::try_from(self.number).unwrap() - 20)
    }

    pub(crate) fn id(self) -> u128 {
        u128::from(self.number)
    }

    fn json(self) -> String {
        let value = self.value().map(|value| format!(r#","value":{value}"#)).unwrap_or_default();
        format!(
            r#"{{"event_id":"00000000-0000-0000-0000-{:012x}","device_id":"{}","device_type":"light","event_time":{},"event_duration":1{value}}}"#,
            self.number,
            self.device(),
            self.time.div_euclid(1000)
        )
    }
}

/// A record at an offset: an event, or one that cannot be read.
pub(crate) fn record(offset: u64, timestamp: i64, key: Option<&str>, event: Option<Event>) -> Record<'static> {
    let encoded = |text: &str| Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(text)));
    Record {
        position: at(offset),
        timestamp: Some(timestamp),
        timestamp_type: TimestampType::CreateTime,
        key: key.map(encoded),
        value: Some(encoded(&event.map_or_else(|| "not json".to_owned(), Event::json))),
    }
}

/// The raw object of records that arrived together.
pub(crate) fn object(
    dataset: &Dataset,
    chain: &ChainId,
    arrived_at: i64,
    records: Vec<Record<'static>>,
) -> (Link, Bytes) {
    let batch = Batch { topic: chain.topic.clone().into(), partition: chain.partition.clone(), records };
    let rows = parse::rows(dataset, &batch, &batch.records, chain.seed(), arrived_at).unwrap();
    let tail = Tail { next: batch.records[0].position, ..Tail::default() };
    let link = Link {
        next: batch.records.last().unwrap().position.next(),
        rows: batch.records.len() as u64,
        rejected: rows.rejected as u64,
        checksum: rows.checksum,
        rejected_checksum: rows.rejected_checksum,
        uncompressed_bytes: rows.uncompressed_bytes,
        newest_timestamp: rows.newest_timestamp,
        ..Link::at_tail(dataset, chain, &tail, arrived_at, "test")
    };
    let file = raw_object::encode(&link, &rows.batch).unwrap();
    (link, file)
}
