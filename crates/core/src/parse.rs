//! Records to the rows of a raw object.
//!
//! In: a dataset, records of one partition, the time of their arrival. Out: [`RawRows`], one row per record in the same
//! order, of the schema that [`raw::schema`](crate::raw::schema) describes. A record that does not fit the dataset is
//! a row too: with the reason, and its value byte for byte. Nothing here fails because of data.
//!
//! Rules for values, where JSON leaves them open:
//! - A column that is absent or null is null; if it is required, the record is rejected.
//! - An integer column takes every number that is integral and fits 64 bits: `5`, `5.0`, `5e0`.
//! - A double column takes every number, rounded to the nearest double; one that would become infinite is out of range.
//! - A timestamp is text ([`time::parse`](crate::time::parse)) or an integral number of epoch milliseconds.
//! - A UUID is text of any case, with hyphens or without; a boolean is `true` or `false`.
//! - A repeated key is what the dataset's limits say, for the columns' keys and for unknown keys beside them.
//!   Inside an unknown field nothing is compared: it goes to `extra` as it is.
//! - The first thing wrong, from left to right, names the reason.

mod columns;
mod keys;
pub(crate) mod plan;
mod record;
mod strings;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::ArrowError;

use self::columns::{Bytes, Column, Values};
use self::keys::Keys;
use self::plan::Plan;
use self::record::{PADDING, TypedColumns};
use crate::checksum::{Checksum, row_hash};
use crate::dataset::{ColumnType, Dataset};
use crate::payload::{Batch, Encoded, Record, SourceKind, TimestampType};
use crate::position::Partition;
use crate::raw;
use crate::reject::{Reason, Reject, quote};

/// Decoded values are kept for this many bytes of records at a time, so that they are parsed while they are in the cache.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a Kinesis record begins with if the Kinesis Producer Library packed several into it.
const AGGREGATED_MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Rows as they are to be landed.
#[derive(Clone, Debug)]
pub struct RawRows {
    /// One row per record, in the order of the records.
    pub batch: RecordBatch,
    /// How many of the rows are rejected records.
    pub rejected: usize,
    /// The rejected rows by reason; reasons that did not occur are absent.
    pub rejects: BTreeMap<Reason, usize>,
    /// Of all rows.
    pub checksum: Checksum,
    /// Of the rejected rows.
    pub rejected_checksum: Checksum,
    /// The newest record timestamp, in UTC microseconds.
    pub newest_timestamp: Option<i64>,
    /// Keys and values without their base64: what the rows take, roughly, in memory.
    pub uncompressed_bytes: u64,
}

/// Turns records of `batch` (all, or those that have not landed yet) into rows.
/// `chain_seed` stands for the chain in the checksums; `ingested_at` is the time of arrival in UTC microseconds.
///
/// # Errors
/// More than 2 GiB of keys, values or unknown fields, which no payload holds. Never because of what a record holds.
pub fn rows(
    dataset: &Dataset,
    batch: &Batch<'_>,
    records: &[Record<'_>],
    chain_seed: u128,
    ingested_at: i64,
) -> Result<RawRows, ArrowError> {
    let plan = Plan::new(dataset);
    let mut rows = Rows {
        kind: batch.partition.kind(),
        dataset,
        plan: &plan,
        typed: TypedColumns::new(dataset, &plan, records.len(), ingested_at),
        keys: Keys::new(records.len()),
        rejects: Rejects::new(records.len()),
        decoded_bytes: 0,
    };
    let mut chunk = Chunk::default();
    for (row, record) in records.iter().enumerate() {
        rows.keys.push(row, record.key.as_ref());
        chunk.push(row, record.value.as_ref());
        if CHUNK_BYTES < chunk.bytes.len() {
            rows.chunk(&mut chunk);
        }
    }
    rows.chunk(&mut chunk);
    rows.finish(batch, records, chain_seed, ingested_at)
}

impl Partition {
    /// Which kind of source has partitions like this one.
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::Kafka(_) => SourceKind::Kafka,
            Self::Shard(_) => SourceKind::Kinesis,
        }
    }
}

/// Values of neighbouring records, decoded one behind the other.
#[derive(Default)]
struct Chunk<'r> {
    bytes: Vec<u8>,
    values: Vec<(usize, Value<'r>)>,
}

enum Value<'r> {
    Null,
    /// A range of the chunk's bytes.
    Bytes(Range<usize>),
    NotBase64(&'r [u8]),
}

impl<'r> Chunk<'r> {
    #[inline]
    fn push(&mut self, row: usize, encoded: Option<&'r Encoded<'_>>) {
        let start = self.bytes.len();
        let value = match encoded {
            None => Value::Null,
            Some(encoded) => match encoded.decode_onto(&mut self.bytes) {
                Ok(()) => Value::Bytes(start..self.bytes.len()),
                Err(text) => Value::NotBase64(text),
            },
        };
        self.values.push((row, value));
    }
}

impl Encoded<'_> {
    /// Appends the decoded bytes, or nothing and gives back what is no base64.
    fn decode_onto(&self, bytes: &mut Vec<u8>) -> Result<(), &[u8]> {
        let start = bytes.len();
        match self {
            Self::Plain(plain) => bytes.extend_from_slice(plain),
            Self::Base64(text) => {
                if base64_simd::STANDARD.decode_append(&**text, bytes).is_err() {
                    bytes.truncate(start);
                    return Err(text);
                }
            }
        }
        Ok(())
    }
}

/// The columns of all rows under construction.
struct Rows<'d> {
    kind: SourceKind,
    dataset: &'d Dataset,
    plan: &'d Plan,
    typed: TypedColumns<'d>,
    keys: Keys,
    rejects: Rejects,
    decoded_bytes: u64,
}

impl Rows<'_> {
    /// Takes in the records of a chunk and empties it.
    fn chunk(&mut self, chunk: &mut Chunk<'_>) {
        self.decoded_bytes += chunk.bytes.len() as u64;
        chunk.bytes.extend_from_slice(&[0; PADDING]);
        // UTF-8 is checked once for all of them. Where that holds, a value is UTF-8 if it neither begins nor ends
        // within a character; where it does not hold, each is checked by itself.
        let text = simdutf8::basic::from_utf8(&chunk.bytes).ok();
        for (row, value) in chunk.values.drain(..) {
            let bytes = match &value {
                Value::Null => None,
                Value::Bytes(range) => Some(&chunk.bytes[range.clone()]),
                Value::NotBase64(text) => Some(*text),
            };
            let parsed = match &value {
                _ if self.keys.is_bad(row) => reject(Reason::NotBase64, key_not_base64(&value)),
                Value::Null => reject(Reason::Tombstone, "the value is null".to_owned()),
                Value::NotBase64(text) => {
                    reject(Reason::NotBase64, format!("the value is not base64: {}", quote(text)))
                }
                Value::Bytes(range) => {
                    let value = &chunk.bytes[range.clone()];
                    let is_utf8 = match text {
                        Some(text) => text.get(range.clone()).is_some(),
                        None => simdutf8::basic::from_utf8(value).is_ok(),
                    };
                    self.value(row, &chunk.bytes[range.start..], value.len(), is_utf8)
                }
            };
            if let Err(reject) = parsed {
                self.rejects.add(row, &reject, bytes);
            }
        }
        chunk.bytes.clear();
    }

    /// Takes in the value that the first `length` bytes of `text` are.
    fn value(&mut self, row: usize, text: &[u8], length: usize, is_utf8: bool) -> Result<(), Box<Reject>> {
        let value = &text[..length];
        let limit = self.dataset.limits.max_value_bytes;
        if self.kind == SourceKind::Kinesis && value.starts_with(&AGGREGATED_MAGIC) {
            let detail = "several records packed into one by the Kinesis Producer Library: turn its aggregation off";
            return reject(Reason::Aggregated, detail.to_owned());
        }
        if limit < value.len() {
            return reject(
                Reason::TooLarge,
                format!("the value has {} bytes, the dataset allows {limit}", value.len()),
            );
        }
        if let [0, a, b, c, d, ..] = *value {
            let id = u32::from_be_bytes([a, b, c, d]);
            let detail = format!(
                "begins with a zero byte and schema id {id}: Avro, Protobuf or JSON Schema of a registry; plain JSON is expected"
            );
            return reject(Reason::SchemaEncoded, detail);
        }
        if !is_utf8 {
            let at = std::str::from_utf8(value).map_or_else(|error| error.valid_up_to(), str::len);
            return reject(Reason::NotUtf8, format!("the value is not UTF-8 at byte {at}"));
        }
        self.typed.parse(self.plan, row, text, length)
    }

    fn finish(
        self,
        batch: &Batch<'_>,
        records: &[Record<'_>],
        chain_seed: u128,
        ingested_at: i64,
    ) -> Result<RawRows, ArrowError> {
        let rejected = self.rejects.rows.iter().map(|&row| &records[row]);
        let rejected_checksum = rejected.map(|record| Checksum(row_hash(chain_seed, record.position))).sum();
        let mut columns = coordinates(batch, records)?;
        let uncompressed_bytes = self.decoded_bytes + self.keys.bytes();
        columns.push(self.keys.finish(records.len())?);
        let arrival = TimestampMicrosecondArray::from_value(ingested_at, records.len()).with_timezone("UTC");
        columns.push(Arc::new(arrival));
        columns.extend(self.typed.finish(records.len())?);
        let (rejected, rejects) = (self.rejects.rows.len(), self.rejects.by_reason.clone());
        columns.extend(self.rejects.finish(records.len())?);
        Ok(RawRows {
            batch: RecordBatch::try_new(raw::schema(self.dataset, self.kind), columns)?,
            rejected,
            rejects,
            checksum: records.iter().map(|record| Checksum(row_hash(chain_seed, record.position))).sum(),
            rejected_checksum,
            newest_timestamp: records.iter().filter_map(|record| record.timestamp).max(),
            uncompressed_bytes,
        })
    }
}

#[cold]
fn reject(reason: Reason, detail: String) -> Result<(), Box<Reject>> {
    Err(Box::new(Reject { reason, detail }))
}

/// What begins the detail of a record whose key is no base64, and what goes on if its value is none either.
pub(crate) const KEY_NOT_BASE64: &str = "the key is not base64";
pub(crate) const NEITHER_IS_THE_VALUE: &str = ", neither is the value";

fn key_not_base64(value: &Value<'_>) -> String {
    let value = if matches!(value, Value::NotBase64(_)) { NEITHER_IS_THE_VALUE } else { "" };
    format!("{KEY_NOT_BASE64}{value}; `key` holds its text")
}

/// Where the records stand in their source: everything before the key.
fn coordinates(batch: &Batch<'_>, records: &[Record<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows = records.len();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(repeated(&batch.topic, rows)?)];
    match &batch.partition {
        Partition::Kafka(partition) => {
            columns.push(Arc::new(Int32Array::from_value(*partition, rows)));
            // The payload's reader lets no other offsets through.
            let offsets = records.iter().map(|record| record.position.offset().unwrap_or(i64::MAX));
            columns.push(Arc::new(Int64Array::from_iter_values(offsets)));
        }
        Partition::Shard(shard) => {
            columns.push(Arc::new(repeated(shard, rows)?));
            let numbers = records.iter().map(|record| record.position.to_string());
            columns.push(Arc::new(StringArray::from_iter_values(numbers)));
        }
    }
    let timestamps = TimestampMicrosecondArray::from_iter(records.iter().map(|record| record.timestamp));
    columns.push(Arc::new(timestamps.with_timezone("UTC")));
    columns.push(Arc::new(timestamp_types(records)?));
    Ok(columns)
}

fn repeated(text: &str, rows: usize) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    DictionaryArray::try_new(Int32Array::from_value(0, rows), Arc::new(StringArray::from_iter_values([text])))
}

fn timestamp_types(records: &[Record<'_>]) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let index = |kind: TimestampType| TimestampType::ALL.iter().position(|other| *other == kind);
    let keys = records.iter().map(|record| index(record.timestamp_type).and_then(|index| i32::try_from(index).ok()));
    let names = StringArray::from_iter_values(TimestampType::ALL.map(TimestampType::as_str));
    DictionaryArray::try_new(Int32Array::from_iter(keys), Arc::new(names))
}

/// The columns that say why, and hold the value as it came.
struct Rejects {
    rows: Vec<usize>,
    by_reason: BTreeMap<Reason, usize>,
    reasons: Column,
    details: Bytes,
    values: Bytes,
}

impl Rejects {
    fn new(rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            by_reason: BTreeMap::new(),
            reasons: Column::new(ColumnType::String, rows),
            details: Bytes::new(rows),
            values: Bytes::new(rows),
        }
    }

    fn add(&mut self, row: usize, reject: &Reject, value: Option<&[u8]>) {
        self.rows.push(row);
        *self.by_reason.entry(reject.reason).or_default() += 1;
        if let Values::String(reasons) = &mut self.reasons.values {
            reasons.set(row, reject.reason.as_str().as_bytes());
            self.reasons.set_valid(row);
        }
        self.details.set(row, reject.detail.as_bytes());
        if let Some(value) = value {
            self.values.set(row, value);
        }
    }

    fn finish(self, rows: usize) -> Result<[ArrayRef; 3], ArrowError> {
        Ok([self.reasons.finish(rows)?, self.details.finish_utf8(rows)?, self.values.finish_binary(rows)?])
    }
}

#[cfg(test)]
mod tests;
