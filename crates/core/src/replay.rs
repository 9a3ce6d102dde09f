//! A raw object once more, as another dataset file would have made it.
//!
//! In: a raw object, the dataset file that parsed its records, and the newer one. Out: the object's link and rows as if
//! the newer one had been there when the records arrived.
//!
//! The records are put together again and go through the same parser as any other:
//! - a rejected one from its bytes, which raw keeps, so it is taken in if it fits now;
//! - an accepted one from its columns and from `extra`, so a new column is filled, and one that no longer fits is rejected.
//!
//! Of an accepted record raw keeps what it said, not how it was written: a number, a time or a UUID comes in the form in
//! which Penstock writes it, null and absent are one, and how many bytes it took is not known, so `max_value_bytes` is not
//! asked again, and if it is rejected now, `reject_bytes` is what was put together. A hash of the value is carried over, as
//! nothing else could make it again.

mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter;
use arrow_select::interleave::interleave_record_batch;
use bytes::Bytes;

use crate::chain::Link;
use crate::dataset::{ColumnType, Dataset, Derive, Limits};
use crate::parse::{self, KEY_NOT_BASE64, NEITHER_IS_THE_VALUE, RawRows};
use crate::payload::{Batch, Encoded, Record, TimestampType};
use crate::position::{Partition, Position};
use crate::reject::Reason;
use crate::table::{self, TableError, column, primitive, wrong_type};

use value::Values;

/// Why an object cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(
        "the column `{column}` is the hash of the value, and raw keeps the values of rejected records only: \
         leave it out of the dataset file, or land the topic's records again"
    )]
    NoHash { column: String },
    #[error("{0}")]
    Damaged(String),
    #[error("its rows cannot be made (a bug; nothing was written): {0}")]
    Rows(#[from] ArrowError),
}

impl From<TableError> for ReplayError {
    fn from(error: TableError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// What makes the objects of one dataset file those of another.
#[derive(Debug)]
pub struct Replay<'d> {
    older: &'d Dataset,
    dataset: &'d Dataset,
    /// The dataset for records that were accepted before.
    unlimited: Dataset,
    /// The newer and the older column of the value's hash.
    hash: Option<(usize, usize)>,
}

impl<'d> Replay<'d> {
    /// # Errors
    /// The newer file asks for what raw does not keep.
    pub fn new(older: &'d Dataset, dataset: &'d Dataset) -> Result<Self, ReplayError> {
        let hash = match (hash_column(dataset), hash_column(older)) {
            (None, _) => None,
            (Some(new), Some(old)) => Some((new, old)),
            (Some(new), None) => return Err(ReplayError::NoHash { column: dataset.columns[new].name.clone() }),
        };
        let limits = Limits { max_value_bytes: usize::MAX, ..dataset.limits };
        Ok(Self { older, dataset, unlimited: Dataset { limits, ..dataset.clone() }, hash })
    }

    /// The object's link and rows by the newer file. What the link says of gaps before it is still the older chain's.
    ///
    /// # Errors
    /// The object does not hold what its footer says.
    pub fn object(&self, link: &Link, file: &Bytes) -> Result<(Link, RecordBatch), ReplayError> {
        let batch = self.read(link, file)?;
        let source = Source::new(&batch, link)?;
        let is_rejected = |row: &usize| source.reject_reason.is_valid(*row);
        let (rejected, accepted): (Vec<usize>, Vec<usize>) = (0..batch.num_rows()).partition(is_rejected);
        let parts = [self.accepted(link, &batch, &source, accepted)?, self.rejected(link, &source, rejected)?];
        let sum = |part: fn(&RawRows) -> u64| parts.iter().map(|(_, rows)| part(rows)).sum::<u64>();
        let replayed = Link {
            rows: sum(|rows| rows.batch.num_rows() as u64),
            rejected: sum(|rows| rows.rejected as u64),
            checksum: parts.iter().map(|(_, rows)| rows.checksum).sum(),
            rejected_checksum: parts.iter().map(|(_, rows)| rows.rejected_checksum).sum(),
            uncompressed_bytes: sum(|rows| rows.uncompressed_bytes),
            dataset_hash: self.dataset.hash.clone(),
            ..link.clone()
        };
        if (replayed.rows, replayed.checksum) != (link.rows, link.checksum) {
            return Err(ReplayError::Damaged("it does not hold the rows that its footer says".to_owned()));
        }
        Ok((replayed, in_order(&parts)?))
    }

    fn read(&self, link: &Link, file: &Bytes) -> Result<RecordBatch, ReplayError> {
        let texts = self.older.columns.iter().filter(|column| column.kind == ColumnType::String);
        let dictionaries: Vec<&str> = texts.map(|column| column.name.as_str()).collect();
        let own = ["offset", "sequence_number", "timestamp", "timestamp_type", "key", "extra"];
        let reject = ["reject_reason", "reject_detail", "reject_bytes"];
        let columns = self.older.columns.iter().map(|column| column.name.as_str());
        let columns: Vec<&str> = columns.chain(own).chain(reject).collect();
        let batches = table::read(file.clone(), &columns, &dictionaries)?;
        let Some(first) = batches.first() else {
            let problem = format!("it has no rows, and its footer says {}", link.rows);
            return Err(ReplayError::Damaged(problem));
        };
        Ok(concat_batches(&first.schema(), &batches)?)
    }

    /// The rows of records that were accepted.
    fn accepted(
        &self,
        link: &Link,
        batch: &RecordBatch,
        source: &Source<'_>,
        rows: Vec<usize>,
    ) -> Result<(Vec<usize>, RawRows), ReplayError> {
        let values = Values::new(self.older, batch)?;
        let mut text = Vec::new();
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(rows.len());
        for &row in &rows {
            let start = text.len();
            values.write(row, &mut text).map_err(ReplayError::Damaged)?;
            ranges.push(start..text.len());
        }
        let plain = |bytes| Encoded::Plain(Cow::Borrowed(bytes));
        let records = rows
            .iter()
            .zip(ranges)
            .map(|(&row, range)| source.record(row, source.key(row).map(plain), Some(plain(&text[range]))));
        let mut parsed = parse(&self.unlimited, link, records.collect::<Result<_, _>>()?)?;
        if let Some((new, old)) = self.hash {
            let old = column(batch, &self.older.columns[old].name)?;
            parsed.batch =
                with_hash(&parsed.batch, &self.dataset.columns[new].name, &kept(old, source.reject_reason)?)?;
        }
        Ok((rows, parsed))
    }

    /// The rows of records that were rejected, which are there as they came.
    fn rejected(
        &self,
        link: &Link,
        source: &Source<'_>,
        rows: Vec<usize>,
    ) -> Result<(Vec<usize>, RawRows), ReplayError> {
        let records = rows.iter().map(|&row| {
            let (key, value) = source.as_it_came(row);
            source.record(row, key, value)
        });
        let parsed = parse(self.dataset, link, records.collect::<Result<_, _>>()?)?;
        Ok((rows, parsed))
    }
}

fn hash_column(dataset: &Dataset) -> Option<usize> {
    dataset.columns.iter().position(|column| column.derive == Some(Derive::ValueHash))
}

fn parse(dataset: &Dataset, link: &Link, records: Vec<Record<'_>>) -> Result<RawRows, ArrowError> {
    let chain = &link.chain;
    let batch = Batch { topic: Cow::Borrowed(&chain.topic), partition: chain.partition.clone(), records };
    parse::rows(dataset, &batch, &batch.records, chain.seed(), link.ingested_at)
}

/// The values of a column in the rows that were accepted.
fn kept(column: &ArrayRef, reject_reason: &StringArray) -> Result<ArrayRef, ArrowError> {
    let accepted: BooleanArray = (0..reject_reason.len()).map(|row| Some(reject_reason.is_null(row))).collect();
    filter(column, &accepted)
}

/// The batch with older hashes in the place of those that were made of values put together again.
fn with_hash(batch: &RecordBatch, name: &str, hashes: &ArrayRef) -> Result<RecordBatch, ReplayError> {
    let index = batch.schema().index_of(name)?;
    let hashes: &FixedSizeBinaryArray = hashes.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name, "UUIDs"))?;
    // A row that is rejected now has no columns.
    let nulls = batch.column(index).nulls().cloned();
    let hashes = FixedSizeBinaryArray::try_new(hashes.value_length(), hashes.values().clone(), nulls)?;
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(hashes);
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// All rows in the order of their records.
fn in_order(parts: &[(Vec<usize>, RawRows); 2]) -> Result<RecordBatch, ArrowError> {
    if let [(_, rows), (rejected, _)] = parts
        && rejected.is_empty()
    {
        return Ok(rows.batch.clone());
    }
    let places = |part: usize| parts[part].0.iter().enumerate().map(move |(index, row)| (*row, (part, index)));
    let by_row: BTreeMap<usize, (usize, usize)> = places(0).chain(places(1)).collect();
    let batches = parts.each_ref().map(|(_, rows)| &rows.batch);
    interleave_record_batch(&batches, &by_row.into_values().collect::<Vec<_>>())
}

/// Penstock's own columns of the object.
struct Source<'b> {
    positions: Vec<Position>,
    timestamp: &'b PrimitiveArray<TimestampMicrosecondType>,
    timestamp_type: &'b StringArray,
    key: &'b BinaryArray,
    reject_reason: &'b StringArray,
    reject_detail: &'b StringArray,
    reject_bytes: &'b BinaryArray,
}

impl<'b> Source<'b> {
    fn new(batch: &'b RecordBatch, link: &Link) -> Result<Self, TableError> {
        let text = |name: &str| column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(name, "text"));
        let bytes = |name: &str| column(batch, name)?.as_binary_opt::<i32>().ok_or_else(|| wrong_type(name, "bytes"));
        let positions = match link.chain.partition {
            Partition::Kafka(_) => {
                let offsets = primitive::<Int64Type>(batch, "offset")?.values().iter();
                offsets.map(|offset| Position::from_offset(offset.unsigned_abs())).collect()
            }
            Partition::Shard(_) => {
                let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                let numbers = text("sequence_number")?.iter().map(number).collect::<Option<_>>();
                numbers.ok_or_else(|| wrong_type("sequence_number", "decimal numbers"))?
            }
        };
        Ok(Self {
            positions,
            timestamp: primitive(batch, "timestamp")?,
            timestamp_type: text("timestamp_type")?,
            key: bytes("key")?,
            reject_reason: text("reject_reason")?,
            reject_detail: text("reject_detail")?,
            reject_bytes: bytes("reject_bytes")?,
        })
    }

    fn record<'r>(
        &self,
        row: usize,
        key: Option<Encoded<'r>>,
        value: Option<Encoded<'r>>,
    ) -> Result<Record<'r>, TableError> {
        let name = self.timestamp_type.value(row);
        let timestamp_type = TimestampType::ALL.into_iter().find(|kind| kind.as_str() == name);
        Ok(Record {
            position: self.positions[row],
            timestamp: self.timestamp.is_valid(row).then(|| self.timestamp.value(row)),
            timestamp_type: timestamp_type.ok_or_else(|| wrong_type("timestamp_type", "a type of timestamps"))?,
            key,
            value,
        })
    }

    fn key(&self, row: usize) -> Option<&'b [u8]> {
        self.key.is_valid(row).then(|| self.key.value(row))
    }

    /// Key and value of a rejected record. What was no base64 is there as its text. All keys are base64, because the keys
    /// of one batch are encoded in one way.
    fn as_it_came(&self, row: usize) -> (Option<Encoded<'b>>, Option<Encoded<'b>>) {
        let not_base64 = self.reject_reason.value(row) == Reason::NotBase64.as_str();
        let detail = if self.reject_detail.is_valid(row) { self.reject_detail.value(row) } else { "" };
        let bad_key = not_base64 && detail.starts_with(KEY_NOT_BASE64);
        let bad_value = not_base64 && (!bad_key || detail.contains(NEITHER_IS_THE_VALUE));
        let key = self.key(row).map(|key| match bad_key {
            true => Encoded::Base64(Cow::Borrowed(key)),
            false => Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(key))),
        });
        let value = self.reject_bytes.is_valid(row).then(|| Cow::Borrowed(self.reject_bytes.value(row)));
        (key, value.map(if bad_value { Encoded::Base64 } else { Encoded::Plain }))
    }
}

#[cfg(test)]
mod tests;
