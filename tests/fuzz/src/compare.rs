//! The product beside the plain parser.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use penstock_core::checksum::{Checksum, row_hash};
use penstock_core::dataset::{ColumnType, Dataset};
use penstock_core::parse::{self, RawRows};
use penstock_core::payload::{self, Batch, Encoded, Payload, Record, TimestampType};
use penstock_core::position::{Partition, Position};
use penstock_core::reject::Reason;

use crate::corpus::{ARRIVAL, Carried, event};
use crate::plain::{self, Cell, Row};

/// What stands for the chain in checksums.
const SEED: u128 = 7;

/// As long as a detail may be.
const DETAIL_BYTES: usize = 400;

/// What the product makes of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Row(Row),
    Rejected { reason: Reason, bytes: Option<Vec<u8>> },
}

/// A dataset, and a good record of it with its row.
#[derive(Debug)]
pub struct Subject {
    pub dataset: Dataset,
    good: Vec<u8>,
    row: Row,
}

impl Subject {
    fn new(dataset: Dataset, good: String) -> Self {
        let row = plain::record(&dataset, good.as_bytes(), ARRIVAL).expect("a good record");
        Self { dataset, good: good.into(), row }
    }

    /// The default dataset.
    #[must_use]
    pub fn iot() -> Self {
        Self::new(Dataset::shipped("iot").expect("it ships"), event(0).to_string())
    }

    /// A dataset with columns of every type within objects, narrow limits, and the first of repeated keys.
    #[must_use]
    pub fn nested() -> Self {
        let dataset = Dataset::parse(include_str!("nested.toml")).unwrap_or_else(|problems| panic!("{problems}"));
        let good = format!(
            r#"{{"meta":{{"id":"{:032x}","time":{{"happened":{},"sent":"2026-01-01T00:00:00Z"}}}},"who":"me","data":{{"level":1.5,"steps":3,"a \"quoted\" key / ü":"x"}},"is_on":true}}"#,
            1,
            ARRIVAL / 1000
        );
        Self::new(dataset, good)
    }

    /// The good record.
    #[must_use]
    pub fn good(&self) -> &[u8] {
        &self.good
    }

    /// Reads the value between two good records, as the product does and plainly.
    ///
    /// # Panics
    /// The two differ, a neighbour was harmed, or the value was not kept byte for byte.
    pub fn check(&self, value: &[u8]) {
        let good = || Some(Encoded::Plain(Cow::Borrowed(&self.good)));
        let found = outcomes(&self.dataset, vec![good(), Some(Encoded::Plain(Cow::Borrowed(value))), good()]);
        let expect = match plain::record(&self.dataset, value, ARRIVAL) {
            Ok(row) => Outcome::Row(row),
            Err(reason) => Outcome::Rejected { reason, bytes: Some(value.to_vec()) },
        };
        assert_eq!(found[1], expect, "{:?}", String::from_utf8_lossy(&value[..value.len().min(2000)]));
        for neighbour in [&found[0], &found[2]] {
            assert_eq!(*neighbour, Outcome::Row(self.row.clone()), "beside {:?}", String::from_utf8_lossy(value));
        }
    }
}

/// What the product makes of records as a payload carries them.
#[must_use]
pub fn carried(dataset: &Dataset, records: &[Carried]) -> Vec<Outcome> {
    let encode = |carried: &Carried| match carried {
        Carried::Null => None,
        Carried::Bytes(bytes) => Some(Encoded::Base64(base64_simd::STANDARD.encode_type::<Vec<u8>>(bytes).into())),
        Carried::Text(text) => Some(Encoded::Base64(text.clone().into_bytes().into())),
    };
    outcomes(dataset, records.iter().map(encode).collect())
}

fn outcomes(dataset: &Dataset, values: Vec<Option<Encoded<'_>>>) -> Vec<Outcome> {
    let record = |(offset, value)| Record {
        position: Position::from_offset(offset),
        timestamp: None,
        timestamp_type: TimestampType::Unknown,
        key: None,
        value,
    };
    let records = (0..).zip(values).map(record).collect();
    let batch = Batch { topic: "events".into(), partition: Partition::Kafka(0), records };
    let rows = parse::rows(dataset, &batch, &batch.records, SEED, ARRIVAL).expect("few bytes");
    let found: Vec<Outcome> = (0..batch.records.len()).map(|row| outcome(dataset, &rows.batch, row)).collect();
    check_totals(&rows, &found);
    found
}

/// The counts and checksums that go into a footer are those of the rows.
fn check_totals(rows: &RawRows, found: &[Outcome]) {
    let hashes = || (0..).map(|offset| Checksum(row_hash(SEED, Position::from_offset(offset)))).zip(found);
    let is_rejected = |outcome: &Outcome| matches!(outcome, Outcome::Rejected { .. });
    assert_eq!(rows.checksum, hashes().map(|(hash, _)| hash).sum());
    assert_eq!(rows.rejected_checksum, hashes().filter(|(_, row)| is_rejected(row)).map(|(hash, _)| hash).sum());
    assert_eq!(rows.rejected, found.iter().filter(|outcome| is_rejected(outcome)).count());
    assert_eq!(rows.rejects.values().sum::<usize>(), rows.rejected);
}

fn outcome(dataset: &Dataset, batch: &RecordBatch, row: usize) -> Outcome {
    let column = |name: &str| batch.column_by_name(name).expect("raw has the column");
    let columns = dataset.columns.iter().map(|declared| (column(&declared.name), declared.kind));
    let cells: Row =
        columns.chain([(column("extra"), ColumnType::String)]).map(|(array, kind)| cell(array, kind, row)).collect();
    let Some(Cell::Text(reason)) = cell(column("reject_reason"), ColumnType::String, row) else {
        assert!(
            column("reject_detail").is_null(row) && column("reject_bytes").is_null(row),
            "a row says why it is none"
        );
        return Outcome::Row(cells);
    };
    assert!(cells.iter().all(Option::is_none), "a rejected record has columns: {cells:?}");
    let detail = column("reject_detail").as_string::<i32>().value(row);
    assert!(!detail.is_empty() && detail.len() <= DETAIL_BYTES, "a detail for people: {detail}");
    let bytes = column("reject_bytes").as_binary::<i32>();
    let bytes = bytes.is_valid(row).then(|| bytes.value(row).to_vec());
    Outcome::Rejected { reason: reason.parse().expect("a reason"), bytes }
}

fn cell(array: &dyn Array, kind: ColumnType, row: usize) -> Option<Cell> {
    if array.is_null(row) {
        return None;
    }
    Some(match kind {
        ColumnType::Uuid => {
            Cell::Uuid(u128::from_be_bytes(array.as_fixed_size_binary().value(row).try_into().expect("16 bytes")))
        }
        ColumnType::String => Cell::Text(text(array, row).to_owned()),
        ColumnType::Int => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Double => Cell::Double(array.as_primitive::<Float64Type>().value(row).to_bits()),
        ColumnType::Bool => Cell::Bool(array.as_boolean().value(row)),
        ColumnType::Timestamp => Cell::Time(array.as_primitive::<TimestampMicrosecondType>().value(row)),
    })
}

fn text(array: &dyn Array, row: usize) -> &str {
    match array.as_dictionary_opt::<Int32Type>() {
        Some(array) => array.values().as_string::<i32>().value(array.key(row).expect("it is not null")),
        None => array.as_string::<i32>().value(row),
    }
}

/// Reads a payload, as the product does and plainly.
///
/// # Panics
/// The two differ.
pub fn check_payload(bytes: &[u8]) {
    let found = payload::read(bytes);
    if let Err(error) = &found {
        assert!(!error.to_string().is_empty());
    }
    // The product looks at the UTF-8 of what it uses only.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match (found.as_ref().ok(), plain::payload(text)) {
        (Some(found), Some(expect)) => assert_eq!(plainly(found), expect, "{text}"),
        (None, None) => {}
        // What is in keys and values is looked at when they are decoded, so that one record's fault stays its own.
        (Some(found), None) => {
            let is_event = plain::payload(&without_control_characters(text)).is_some();
            assert!(is_event, "no event, but read as {found:?}: {text}");
        }
        (None, Some(expect)) => panic!("{:?}, but it is {expect:?}: {text}", found.err()),
    }
}

fn plainly(payload: &Payload<'_>) -> Vec<plain::Batch> {
    let record = |record: &Record<'_>| plain::Record {
        position: record.position,
        timestamp: record.timestamp,
        timestamp_type: record.timestamp_type,
        key: record.key.as_ref().map(encoded_text),
        value: record.value.as_ref().map(encoded_text),
    };
    let batch = |batch: &Batch<'_>| plain::Batch {
        topic: batch.topic.to_string(),
        partition: batch.partition.clone(),
        records: batch.records.iter().map(record).collect(),
    };
    payload.batches.iter().map(batch).collect()
}

fn encoded_text(encoded: &Encoded<'_>) -> String {
    let (Encoded::Base64(text) | Encoded::Plain(text)) = encoded;
    String::from_utf8(text.to_vec()).expect("a piece of a text")
}

/// The text with another character for each control character, if it is no white space, and with a space for those.
/// Within strings that makes JSON of it, elsewhere it changes nothing.
fn without_control_characters(text: &str) -> String {
    let replace = |letter: char| match letter {
        '\t' | '\n' | '\r' => ' ',
        '\0'..' ' => '?',
        other => other,
    };
    text.chars().map(replace).collect()
}
