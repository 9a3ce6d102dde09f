//! Parquet files with their description in the footer: schemas of silver, windows and rejects, writing and reading.
//!
//! Types are those that every reader takes: UTF-8 text, signed integers, doubles, booleans, bytes, and UTC microseconds.
//! Every column has a stable `field_id`; `event_date` stands in the path alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FooterTail, KeyValue, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::dataset::{Column, ColumnType, Dataset};
use crate::raw::{self, OwnColumn};

/// Rows that a reader decodes at once.
const BATCH_ROWS: usize = 65_536;

/// The bytes at the end of a Parquet file that say how long its footer is.
pub const FOOTER_TAIL_BYTES: u64 = 8;

/// A file that is no Parquet, or not ours.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("no readable Parquet file: {0}")]
    Parquet(#[from] ParquetError),
    #[error("no readable Parquet file: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("the footer has no entry `{0}`: the file was not written by Penstock")]
    NoEntry(&'static str),
    #[error("the footer entry `{entry}` cannot be understood: {source}")]
    BadEntry { entry: &'static str, source: serde_json::Error },
    #[error("column `{column}` {problem}")]
    Column { column: String, problem: String },
}

/// The Arrow type of a dictionary-encoded string column.
#[must_use]
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The Arrow type of every time: UTC microseconds.
#[must_use]
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A field with its Parquet `field_id`.
#[must_use]
pub fn field(name: &str, kind: DataType, nullable: bool, field_id: i32) -> Field {
    let metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), field_id.to_string())]);
    Field::new(name, kind, nullable).with_metadata(metadata)
}

/// One of Penstock's own columns, as raw objects name it.
fn own(column: OwnColumn, kind: DataType, nullable: bool) -> Field {
    field(column.name, kind, nullable, column.field_id)
}

/// Where a record stood in its source; Kafka fills the first three, Kinesis `topic` (the stream) and the last two.
fn coordinates() -> [Field; 5] {
    [
        own(raw::TOPIC, dictionary(), false),
        own(raw::PARTITION, DataType::Int32, true),
        own(raw::OFFSET, DataType::Int64, true),
        own(raw::SHARD, dictionary(), true),
        own(raw::SEQUENCE_NUMBER, DataType::Utf8, true),
    ]
}

/// Deduplicated events: the dataset's columns and the record's coordinates.
#[must_use]
pub fn silver_schema(dataset: &Dataset) -> SchemaRef {
    let columns = dataset.columns.iter().map(silver_field);
    Arc::new(Schema::new(columns.chain(coordinates()).collect::<Vec<_>>()))
}

/// Nullable even where required: a column that becomes required later is null in older raw objects.
fn silver_field(column: &Column) -> Field {
    let kind = match column.kind {
        ColumnType::Uuid => DataType::Utf8,
        ColumnType::String => dictionary(),
        ColumnType::Int => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Timestamp => timestamp(),
    };
    field(&column.name, kind, true, column.field_id)
}

/// The bad records, byte for byte.
#[must_use]
pub fn rejects_schema() -> SchemaRef {
    let columns = [
        own(raw::TIMESTAMP, timestamp(), true),
        own(raw::KEY, DataType::Binary, true),
        own(raw::INGESTED_AT, timestamp(), false),
        own(raw::REJECT_REASON, dictionary(), false),
        own(raw::REJECT_DETAIL, DataType::Utf8, true),
        own(raw::REJECT_BYTES, DataType::Binary, true),
    ];
    Arc::new(Schema::new(coordinates().into_iter().chain(columns).collect::<Vec<_>>()))
}

/// Windows: one row per window and group, and one more for each cut that brought late events for it.
#[must_use]
pub fn windows_schema(dataset: &Dataset) -> SchemaRef {
    let keys = dataset.windows.keys.iter().map(|index| {
        let column = &dataset.columns[*index];
        field(&column.name, dictionary(), false, column.field_id)
    });
    let before = [field("window_start", timestamp(), false, 21), field("window_end", timestamp(), false, 22)];
    let after = [
        field("count", DataType::Int64, false, 23),
        field("measure_count", DataType::Int64, false, 24),
        field("sum", DataType::Float64, true, 25),
        field("min", DataType::Float64, true, 26),
        field("max", DataType::Float64, true, 27),
        field("avg", DataType::Float64, true, 28),
        field("first_event_time", timestamp(), false, 29),
        field("last_event_time", timestamp(), false, 30),
        field("kind", dictionary(), false, 31),
    ];
    Arc::new(Schema::new(before.into_iter().chain(keys).chain(after).collect::<Vec<_>>()))
}

/// Writes one file in memory. `unique_text` names text columns whose values hardly repeat.
#[derive(Debug)]
pub struct TableWriter {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl TableWriter {
    /// # Errors
    /// The schema has a type that Parquet lacks: a bug.
    pub fn new(schema: &SchemaRef, unique_text: &[&str]) -> Result<Self, TableError> {
        let options =
            ArrowWriterOptions::new().with_properties(properties(schema, unique_text)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)?;
        Ok(Self { writer, rows: 0 })
    }

    /// # Errors
    /// The batch has another schema: a bug.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        self.rows += batch.num_rows() as u64;
        Ok(self.writer.write(batch)?)
    }

    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file with one footer entry, `value` as JSON.
    ///
    /// # Errors
    /// Encoding failed: a bug.
    pub fn finish(mut self, entry: &'static str, value: &impl serde::Serialize) -> Result<Bytes, TableError> {
        let json = serde_json::to_string(value).map_err(|source| TableError::BadEntry { entry, source })?;
        self.writer.append_key_value_metadata(KeyValue::new(entry.to_owned(), json));
        Ok(self.writer.into_inner()?.into())
    }
}

/// Dictionaries only where text repeats. No deltas: fastparquet reads their steps of more than 28 bits as other
/// numbers, without an error, and a step between two partitions or two days has more. See `docs/formats.md`.
fn properties(schema: &Schema, unique_text: &[&str]) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(raw::CREATED_BY.to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        let is_unique = unique_text.contains(&field.name().as_str());
        properties = match field.data_type() {
            DataType::Timestamp(..) | DataType::Int64 | DataType::Float64 | DataType::Binary => {
                properties.set_column_dictionary_enabled(path, false)
            }
            DataType::Utf8 if is_unique => properties.set_column_dictionary_enabled(path, false),
            _ => properties,
        };
    }
    properties.build()
}

/// What the end of a file yielded.
#[derive(Debug, PartialEq)]
pub enum FooterRead<T> {
    Entry(T),
    /// The footer is longer than what was given: ask for this many last bytes of the file.
    NeedsEnd(u64),
}

/// A footer entry, from the last bytes of a file.
///
/// # Errors
/// No Parquet, or not ours.
pub fn footer_entry<T: serde::de::DeserializeOwned>(
    end: &[u8],
    entry: &'static str,
) -> Result<FooterRead<T>, TableError> {
    let Some((rest, tail)) = end.split_last_chunk::<{ FOOTER_TAIL_BYTES as usize }>() else {
        return Err(ParquetError::General("it is shorter than a footer".to_owned()).into());
    };
    let length = FooterTail::try_new(tail)?.metadata_length();
    let Some(start) = rest.len().checked_sub(length) else {
        return Ok(FooterRead::NeedsEnd(length as u64 + FOOTER_TAIL_BYTES));
    };
    let metadata = ParquetMetaDataReader::decode_metadata(&rest[start..])?;
    let entries = metadata.file_metadata().key_value_metadata();
    let json = entries
        .and_then(|entries| entries.iter().find(|candidate| candidate.key == entry))
        .and_then(|found| found.value.as_ref())
        .ok_or(TableError::NoEntry(entry))?;
    let value = serde_json::from_str(json).map_err(|source| TableError::BadEntry { entry, source })?;
    Ok(FooterRead::Entry(value))
}

/// Like [`footer_entry`], for a whole file.
///
/// # Errors
/// No Parquet, or not ours.
pub fn file_entry<T: serde::de::DeserializeOwned>(file: &[u8], entry: &'static str) -> Result<T, TableError> {
    match footer_entry(file, entry)? {
        FooterRead::Entry(value) => Ok(value),
        FooterRead::NeedsEnd(_) => Err(ParquetError::General("its footer is longer than the file".to_owned()).into()),
    }
}

/// The rows of a file, of the columns named that it has; the text columns of `dictionaries` as dictionaries.
///
/// # Errors
/// No readable Parquet.
pub fn read(file: Bytes, columns: &[&str], dictionaries: &[&str]) -> Result<Vec<RecordBatch>, TableError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, options)?;
    let schema = with_dictionaries(metadata.schema(), dictionaries);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let wanted = parquet::arrow::ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(wanted).with_batch_size(BATCH_ROWS).build()?;
    Ok(reader.collect::<Result<_, _>>()?)
}

fn with_dictionaries(schema: &Schema, dictionaries: &[&str]) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if dictionaries.contains(&field.name().as_str()) && field.data_type() == &DataType::Utf8 {
            field.as_ref().clone().with_data_type(dictionary())
        } else {
            field.as_ref().clone()
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A column of a batch by name.
///
/// # Errors
/// The batch has none of that name.
pub fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, TableError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| TableError::Column { column: name.to_owned(), problem: "is missing".to_owned() })
}

/// A column of numbers or times by name.
///
/// # Errors
/// The batch has none of that name and type.
pub fn primitive<'b, T: ArrowPrimitiveType>(
    batch: &'b RecordBatch,
    name: &str,
) -> Result<&'b PrimitiveArray<T>, TableError> {
    column(batch, name)?.as_primitive_opt::<T>().ok_or_else(|| wrong_type(name, &T::DATA_TYPE.to_string()))
}

#[must_use]
pub fn wrong_type(column: &str, expected: &str) -> TableError {
    TableError::Column { column: column.to_owned(), problem: format!("is not of type {expected}") }
}

#[cfg(test)]
mod tests;
