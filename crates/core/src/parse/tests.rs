//! One record at a time, and whole batches. Here is what the tests share.

mod poison;
mod good;
mod laws;

use std::borrow::Cow;

use arrow_array::Array;
use arrow_array::cast::AsArray;

use super::*;
use crate::position::Position;

/// 2026-11-21T12:00:00Z, when everything here arrives.
const ARRIVAL: i64 = 1_795_262_400_000_000;
const GOOD: &str = r#"{"event_id":"01234567-89ab-cdef-0123-456789abcdef","device_id":"device-1","device_type":"light","event_time":"2026-11-21T11:59:58.5Z","event_duration":12.5,"value":21.25,"unit":"lux","site":"oslo","firmware":"1.5.0","battery":7,"status":"ok"}"#;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

/// The iot dataset with other settings, each a line of its file and what takes its place.
fn iot_with(changes: &[(&str, &str)]) -> Dataset {
    let mut text = iot().text;
    for (line, other) in changes {
        assert!(text.contains(line), "{line}");
        text = text.replace(line, other);
    }
    Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn encoded(bytes: &[u8]) -> Option<Encoded<'static>> {
    Some(Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(bytes))))
}

fn record(offset: u64, value: Option<Encoded<'static>>) -> Record<'static> {
    Record {
        position: Position::from_offset(offset),
        timestamp: Some(ARRIVAL - 1_000_000),
        timestamp_type: TimestampType::CreateTime,
        key: encoded(b"device-1"),
        value,
    }
}

fn kafka(records: Vec<Record<'static>>) -> Batch<'static> {
    Batch { topic: "events".into(), partition: Partition::Kafka(3), records }
}

fn parse(dataset: &Dataset, batch: &Batch<'_>) -> RawRows {
    rows(dataset, batch, &batch.records, 7, ARRIVAL).unwrap()
}

fn text<'a>(rows: &'a RawRows, column: &str, row: usize) -> Option<&'a str> {
    let column = rows.batch.column_by_name(column).unwrap();
    if column.is_null(row) {
        return None;
    }
    Some(match column.as_dictionary_opt::<Int32Type>() {
        Some(column) => column.values().as_string::<i32>().value(column.key(row).unwrap()),
        None => column.as_string::<i32>().value(row),
    })
}

fn bytes<'a>(rows: &'a RawRows, column: &str, row: usize) -> Option<&'a [u8]> {
    let column = rows.batch.column_by_name(column).unwrap();
    if column.is_null(row) {
        return None;
    }
    Some(match column.as_dictionary_opt::<Int32Type>() {
        Some(column) => column.values().as_binary::<i32>().value(column.key(row).unwrap()),
        None => column.as_binary::<i32>().value(row),
    })
}

/// A record between two good ones: it is rejected with this reason and detail and kept as it came, they are rows.
#[track_caller]
fn check_poison(dataset: &Dataset, value: &[u8], reason: Reason, detail: &str) {
    let good = || encoded(GOOD.as_bytes());
    let batch = kafka(vec![record(5, good()), record(6, encoded(value)), record(7, good())]);
    let rows = parse(dataset, &batch);
    let shown = String::from_utf8_lossy(&value[..value.len().min(200)]);
    assert_eq!(text(&rows, "reject_reason", 1), Some(reason.as_str()), "{:?} {shown}", text(&rows, "reject_detail", 1));
    assert_eq!(text(&rows, "reject_detail", 1), Some(detail), "{shown}");
    assert_eq!(bytes(&rows, "reject_bytes", 1), Some(value), "{shown}");
    assert_eq!((rows.rejected, rows.batch.num_rows()), (1, 3));
    assert_eq!(rows.rejects, BTreeMap::from([(reason, 1)]));
    assert_eq!(rows.rejected_checksum, Checksum(row_hash(7, Position::from_offset(6))));
    for column in dataset.columns.iter().map(|column| column.name.as_str()).chain(["extra"]) {
        assert!(rows.batch.column_by_name(column).unwrap().is_null(1), "{column} of {shown}");
    }
    for neighbour in [0, 2] {
        assert_eq!(text(&rows, "device_id", neighbour), Some("device-1"), "beside {shown}");
        assert!(text(&rows, "reject_reason", neighbour).is_none(), "beside {shown}");
        assert!(bytes(&rows, "reject_bytes", neighbour).is_none(), "beside {shown}");
    }
}

/// The good event with one piece of it replaced.
fn good_with(piece: &str, other: &str) -> String {
    assert!(GOOD.contains(piece), "{piece}");
    GOOD.replacen(piece, other, 1)
}

/// A record that is a row.
#[track_caller]
fn check_good(dataset: &Dataset, value: &str, see: impl FnOnce(&RawRows)) {
    let rows = parse(dataset, &kafka(vec![record(5, encoded(value.as_bytes()))]));
    assert_eq!(text(&rows, "reject_reason", 0), None, "{:?}: {value}", text(&rows, "reject_detail", 0));
    assert_eq!(rows.rejected, 0);
    see(&rows);
}
