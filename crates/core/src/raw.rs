//! The raw object: schema and Parquet bytes.
//!
//! In: rows, and the footer's key-value pairs. Out: a Parquet file that every reader opens: strings, 64-bit integers,
//! doubles, booleans, UTC microseconds, plain bytes; no annotation that a reader refuses, no Arrow schema inside.
//! Each column has a field id that never changes: Penstock's own below
//! [`FIRST_FIELD_ID`](crate::dataset::FIRST_FIELD_ID), the dataset's from its file.
//! Equal rows and pairs give equal bytes.

mod chunk;
pub(crate) mod pages;
mod encoding;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use self::chunk::Chunk;
use crate::dataset::{ColumnType, Dataset};
use crate::payload::SourceKind;
use crate::table::{dictionary, field, timestamp};

/// Who wrote a file, in its footer.
pub const CREATED_BY: &str = concat!("penstock version ", env!("CARGO_PKG_VERSION"));

/// A column that Penstock adds to those of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnColumn {
    pub name: &'static str,
    pub field_id: i32,
}

impl OwnColumn {
    const fn new(field_id: i32, name: &'static str) -> Self {
        Self { name, field_id }
    }
}

pub const TOPIC: OwnColumn = OwnColumn::new(1, "topic");
pub const PARTITION: OwnColumn = OwnColumn::new(2, "partition");
pub const OFFSET: OwnColumn = OwnColumn::new(3, "offset");
pub const SHARD: OwnColumn = OwnColumn::new(4, "shard");
pub const SEQUENCE_NUMBER: OwnColumn = OwnColumn::new(5, "sequence_number");
pub const TIMESTAMP: OwnColumn = OwnColumn::new(6, "timestamp");
pub const TIMESTAMP_TYPE: OwnColumn = OwnColumn::new(7, "timestamp_type");
pub const KEY: OwnColumn = OwnColumn::new(8, "key");
pub const INGESTED_AT: OwnColumn = OwnColumn::new(9, "ingested_at");
pub const EXTRA: OwnColumn = OwnColumn::new(10, "extra");
pub const REJECT_REASON: OwnColumn = OwnColumn::new(11, "reject_reason");
pub const REJECT_DETAIL: OwnColumn = OwnColumn::new(12, "reject_detail");
pub const REJECT_BYTES: OwnColumn = OwnColumn::new(13, "reject_bytes");

/// The schema of a raw object: coordinates, the dataset's columns, `extra`, the reject columns.
/// The dataset's columns are nullable, required or not, because a rejected record has none of them.
#[must_use]
pub fn schema(dataset: &Dataset, kind: SourceKind) -> SchemaRef {
    let mut fields = vec![required(TOPIC, dictionary())];
    match kind {
        SourceKind::Kafka => fields.extend([required(PARTITION, DataType::Int32), required(OFFSET, DataType::Int64)]),
        SourceKind::Kinesis => {
            fields.extend([required(SHARD, dictionary()), required(SEQUENCE_NUMBER, DataType::Utf8)])
        }
    }
    fields.extend([
        nullable(TIMESTAMP, timestamp()),
        required(TIMESTAMP_TYPE, dictionary()),
        nullable(KEY, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Binary))),
        required(INGESTED_AT, timestamp()),
    ]);
    fields.extend(
        dataset.columns.iter().map(|column| field(&column.name, data_type(column.kind), true, column.field_id)),
    );
    fields.extend([
        nullable(EXTRA, DataType::Utf8),
        nullable(REJECT_REASON, dictionary()),
        nullable(REJECT_DETAIL, DataType::Utf8),
        nullable(REJECT_BYTES, DataType::Binary),
    ]);
    Arc::new(Schema::new(fields))
}

/// The type of a dataset's column in raw.
fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Uuid => DataType::FixedSizeBinary(16),
        ColumnType::String => dictionary(),
        ColumnType::Int => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Timestamp => timestamp(),
    }
}

fn required(column: OwnColumn, kind: DataType) -> Field {
    field(column.name, kind, false, column.field_id)
}

fn nullable(column: OwnColumn, kind: DataType) -> Field {
    field(column.name, kind, true, column.field_id)
}

/// Encodes rows as a Parquet file of one row group, with `footer` as its key-value metadata, in the order given.
/// Without rows the file has no row group.
///
/// # Errors
/// None that data could cause: a schema other than [`schema`]'s.
pub fn encode(rows: &RecordBatch, footer: Vec<(String, String)>) -> Result<Bytes, ParquetError> {
    let schema = ArrowSchemaConverter::new().schema_root("raw").convert(rows.schema_ref())?;
    let pairs = footer.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(pairs))
        .set_offset_index_disabled(true);
    let file = Vec::with_capacity(64 * 1024);
    let mut file = SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties.build()))?;
    if 0 < rows.num_rows() {
        let mut group = file.next_row_group()?;
        for (array, column) in rows.columns().iter().zip(schema.columns()) {
            let Chunk { bytes, close } = chunk::encode(array, column)?;
            group.append_column(&bytes, close)?;
        }
        group.close()?;
    }
    file.into_inner().map(Bytes::from)
}

#[cfg(test)]
mod tests;
