//! The data files of one cut for one table, made of the plain files that the cut names.
//!
//! In: a cut, its state, and the table's schema. Out: Parquet files in the table's own folder, and what Iceberg wants
//! to know of them. A file's key holds a hash of its bytes: a retry finds it there, and one that would differ
//! (another version of this program) has another key.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, new_null_array};
use arrow_cast::cast;
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use iceberg::arrow::schema_to_arrow_schema;
use iceberg::io::FileIO;
use iceberg::spec::{DataFile, DataFileBuilder, Literal, Struct, Transform};
use iceberg::table::Table as IcebergTable;
use iceberg::writer::file_writer::{FileWriter, FileWriterBuilder, ParquetWriter, ParquetWriterBuilder};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use penstock_core::chain::LinkKind;
use penstock_core::cut::Cut;
use penstock_core::state::State;
use penstock_core::time::{self, Date};
use penstock_core::{keys, raw};
use penstock_runtime::Failure;
use penstock_telemetry::tables::RawExpired;
use sha2::{Digest, Sha256};

use crate::catalog::explain;
use crate::storage::LakeFiles;
use crate::table::Table;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 65_536;

/// The plain files of a cut that go into one partition of a table, and so into one file.
pub(crate) struct Source {
    partition: Partition,
    inputs: Vec<Input>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Partition {
    /// Hours since 1970-01-01 UTC.
    Hour(i32),
    Day(Date),
}

struct Input {
    key: String,
    rows: u64,
    /// Whether retention may have deleted it.
    may_be_gone: bool,
}

/// What of a cut goes into a table; empty if the cut has no rows for it.
///
/// `raw_since` is the time of arrival (epoch microseconds) from which on retention has left raw objects alone.
pub(crate) fn sources(
    table: Table,
    dataset: &str,
    cut: &Cut,
    state: &State,
    raw_since: i64,
) -> Result<Vec<Source>, Failure> {
    let inputs = match table {
        Table::Raw => raw_inputs(dataset, cut, raw_since),
        Table::Silver => dated_inputs(&keys::silver_folder(dataset), state)?,
        Table::Windows => dated_inputs(&keys::windows_folder(dataset), state)?,
    };
    let mut sources = BTreeMap::<Partition, Vec<Input>>::new();
    for (partition, input) in inputs.into_iter().filter(|(_, input)| 0 < input.rows) {
        sources.entry(partition).or_default().push(input);
    }
    Ok(sources.into_iter().map(|(partition, inputs)| Source { partition, inputs }).collect())
}

fn raw_inputs(dataset: &str, cut: &Cut, raw_since: i64) -> Vec<(Partition, Input)> {
    let objects = cut.objects().filter(|(_, object)| object.kind == LinkKind::Data);
    let input = objects.map(|(chain, object)| {
        let (key, may_be_gone) = (chain.object(dataset, object.from), object.ingested_at < raw_since);
        let input = Input { key, rows: object.rows, may_be_gone };
        (Partition::of_hour(object.ingested_at), input)
    });
    input.collect()
}

fn dated_inputs(folder: &str, state: &State) -> Result<Vec<(Partition, Input)>, Failure> {
    let parts = state.parts.iter().filter(|part| part.key.starts_with(folder));
    let input = parts.map(|part| {
        let date = keys::parse_event_date(&part.key).and_then(|date| date.parse().ok());
        let date = date.ok_or_else(|| Failure::bug(format!("`{}` names no date", part.key)))?;
        Ok((Partition::Day(date), Input { key: part.key.clone(), rows: part.rows, may_be_gone: false }))
    });
    input.collect()
}

impl Partition {
    /// The hour that a time falls into.
    fn of_hour(micros: i64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "i64::MAX microseconds are 2,562,047,788 hours, and clocks are far from it"
        )]
        Self::Hour(micros.div_euclid(MICROS_PER_HOUR) as i32)
    }

    fn value(self) -> Struct {
        Struct::from_iter([Some(match self {
            Self::Hour(hours) => Literal::int(hours),
            Self::Day(date) => Literal::date(date.0),
        })])
    }

    /// As Iceberg writes it into paths: `2026-11-22-13` or `2026-11-22`.
    fn text(self) -> String {
        match self {
            Self::Day(date) => date.to_string(),
            Self::Hour(hours) => {
                let start = time::rfc3339(i64::from(hours) * MICROS_PER_HOUR);
                let hour = start.get(..13).unwrap_or(&start);
                hour.replace('T', "-")
            }
        }
    }
}

/// Writes the files of a cut, and says what Iceberg wants to know of them.
pub(crate) async fn write(
    files: &LakeFiles,
    table: Table,
    dataset: &str,
    iceberg: &IcebergTable,
    cut: u64,
    sources: &[Source],
) -> Result<Vec<DataFile>, Failure> {
    let spec = iceberg.metadata().default_partition_spec();
    let [field] = spec.fields() else {
        return Err(Failure::misconfigured(format!(
            "`{}` is partitioned by {} columns, and Penstock appends to the one it made: undo the change of its partitions",
            iceberg.identifier(),
            spec.fields().len()
        )));
    };
    let mut written = Vec::new();
    for source in sources {
        let Some((mut file, bytes)) = encode(files, iceberg, source).await? else { continue };
        let folder = format!("{}={}", field.name, source.partition.text());
        let key = keys::table_data(dataset, table.name(), &folder, cut, &hash(&bytes));
        let location = files.location(&key);
        // If it exists, it has these bytes.
        files.store().put_new(&key, bytes).await?;
        file.file_path(location).partition_spec_id(spec.spec_id()).partition(source.partition.value());
        written.push(file.build().map_err(Failure::bug)?);
    }
    Ok(written)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// One Parquet file in memory, with the table's columns and field ids; none if retention left no rows for it.
async fn encode(
    files: &LakeFiles,
    iceberg: &IcebergTable,
    source: &Source,
) -> Result<Option<(DataFileBuilder, Bytes)>, Failure> {
    const MEMORY: &str = "memory:///file.parquet";
    let schema = Arc::clone(iceberg.metadata().current_schema());
    let columns = Arc::new(schema_to_arrow_schema(&schema).map_err(|error| explain(&error))?);
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(raw::CREATED_BY.to_owned());
    let memory = FileIO::new_with_memory();
    let output = memory.new_output(MEMORY).map_err(|error| explain(&error))?;
    let writer = ParquetWriterBuilder::new(properties.build(), schema).build(output).await;
    let mut writer = writer.map_err(|error| explain(&error))?;
    for input in &source.inputs {
        copy(files, iceberg, input, &columns, &mut writer).await?;
    }
    let described = writer.close().await.map_err(|error| explain(&error))?;
    let Some(described) = described.into_iter().next() else { return Ok(None) };
    let bytes = memory.new_input(MEMORY).map_err(|error| explain(&error))?.read().await;
    Ok(Some((described, bytes.map_err(|error| explain(&error))?)))
}

/// Adds the rows of a plain file.
async fn copy(
    files: &LakeFiles,
    iceberg: &IcebergTable,
    input: &Input,
    columns: &SchemaRef,
    writer: &mut ParquetWriter,
) -> Result<(), Failure> {
    let Input { key, rows, may_be_gone } = input;
    let damaged =
        |problem: String| Failure::misconfigured(format!("`{key}` is damaged ({problem}): restore it from a backup"));
    let file = match files.store().get(key).await {
        Ok(file) => file,
        Err(error) if error.is_not_found() && *may_be_gone => {
            RawExpired { table: &iceberg.identifier().to_string(), key, rows: *rows }.emit();
            return Ok(());
        }
        Err(error) if error.is_not_found() => {
            return Err(Failure::misconfigured(format!("`{key}` is missing: restore it from a backup")));
        }
        Err(error) => return Err(error.into()),
    };
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
        .map_err(|error| damaged(error.to_string()))?;
    let mut found = 0;
    for batch in reader {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        found += batch.num_rows() as u64;
        let batch =
            conform(&batch, columns).map_err(|problem| Failure::misconfigured(format!("`{key}`: {problem}")))?;
        writer.write(&batch).await.map_err(|error| explain(&error))?;
    }
    if found == *rows { Ok(()) } else { Err(damaged(format!("it has {found} rows instead of {rows}"))) }
}

/// A batch with the table's columns in the table's order; null where a file is older than a column.
fn conform(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch, String> {
    let arrays = columns.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        Some(array) if is_same(array.data_type(), field.data_type()) => {
            cast(array, field.data_type()).map_err(|error| error.to_string())
        }
        Some(array) => Err(format!(
            "column `{}` is {} here and {} in the table",
            field.name(),
            array.data_type(),
            field.data_type()
        )),
    });
    let arrays = arrays.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(columns), arrays).map_err(|error| error.to_string())
}

/// Whether two types differ only in what does not change a value: the width of offsets, the spelling of UTC.
fn is_same(file: &DataType, table: &DataType) -> bool {
    match (file, table) {
        (DataType::Binary, DataType::LargeBinary) => true,
        (DataType::Timestamp(file, Some(_)), DataType::Timestamp(table, Some(_))) => file == table,
        _ => file == table,
    }
}

/// Whether a table is partitioned as its rows are handed over here.
pub(crate) fn is_partitioned_by(iceberg: &IcebergTable, column: &str, transform: Transform) -> bool {
    let metadata = iceberg.metadata();
    let source = metadata.current_schema().field_id_by_name(column);
    matches!(metadata.default_partition_spec().fields(), [field] if Some(field.source_id) == source && field.transform == transform)
}
