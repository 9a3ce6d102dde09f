//! The files of a pour: silver by event date, windows by date, rejects.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use bytes::Bytes;

use super::columns::RawColumns;
use crate::checksum::{Checksum, row_hash};
use crate::cut::Cut;
use crate::dataset::{ColumnType, Dataset};
use crate::keys::{self, ChainId};
use crate::part::{self, Part};
use crate::position::Partition;
use crate::table::{self, TableError, TableWriter, wrong_type};
use crate::time::Date;
use crate::uuid;
use crate::window::{Closed, WindowRow};
use crate::windows_table::{self, Kind};

/// The files under way.
#[derive(Debug)]
pub(super) struct Outputs<'p> {
    dataset: &'p Dataset,
    silver_schema: SchemaRef,
    rejects_schema: SchemaRef,
    silver: BTreeMap<Date, File>,
    rejects: Option<File>,
}

#[derive(Debug)]
struct File {
    writer: TableWriter,
    checksum: Checksum,
}

impl File {
    fn write(&mut self, batch: &RecordBatch, hashes: Checksum) -> Result<(), TableError> {
        self.checksum += hashes;
        self.writer.write(batch)
    }

    fn finish(self, cut: &Cut, key: String) -> Result<(Part, Bytes), TableError> {
        let part = Part {
            key,
            cut: cut.number,
            rows: self.writer.rows(),
            checksum: self.checksum,
            dataset_hash: cut.dataset_hash.clone(),
        };
        let bytes = self.writer.finish(part::FOOTER_KEY, &part)?;
        Ok((part, bytes))
    }
}

impl<'p> Outputs<'p> {
    pub(super) fn new(dataset: &'p Dataset) -> Self {
        Self {
            dataset,
            silver_schema: table::silver_schema(dataset),
            rejects_schema: table::rejects_schema(),
            silver: BTreeMap::new(),
            rejects: None,
        }
    }

    /// Adds the rows of one raw batch: `kept` by event date to silver, `rejects` to the rejects.
    pub(super) fn add(
        &mut self,
        chain: &ChainId,
        seed: u128,
        batch: &RecordBatch,
        rows: &RawColumns<'_>,
        kept: BTreeMap<Date, Vec<u32>>,
        rejects: &[u32],
    ) -> Result<(), TableError> {
        let hashes = |numbers: &[u32]| -> Checksum {
            numbers.iter().map(|row| Checksum(row_hash(seed, rows.position(*row as usize)))).sum()
        };
        if !kept.is_empty() {
            let silver = project(&self.silver_schema, self.dataset, chain, batch)?;
            for (date, numbers) in kept {
                let sum = hashes(&numbers);
                self.silver_file(date)?.write(&select(&silver, &numbers)?, sum)?;
            }
        }
        if !rejects.is_empty() {
            let rejected = project(&self.rejects_schema, self.dataset, chain, &select(batch, rejects)?)?;
            let sum = hashes(rejects);
            self.rejects_file()?.write(&rejected, sum)?;
        }
        Ok(())
    }

    /// Ends all files, in the order in which they are to be written.
    pub(super) fn finish(self, cut: &Cut, closed: &Closed) -> Result<Vec<(Part, Bytes)>, TableError> {
        let name = &self.dataset.name;
        let mut parts = Vec::new();
        for (date, file) in self.silver {
            parts.push(file.finish(cut, keys::silver(name, &date.to_string(), cut.number))?);
        }
        parts.extend(windows_files(self.dataset, cut, closed)?);
        if let Some(file) = self.rejects {
            parts.push(file.finish(cut, keys::rejects(name, cut.number))?);
        }
        Ok(parts)
    }

    fn silver_file(&mut self, date: Date) -> Result<&mut File, TableError> {
        if !self.silver.contains_key(&date) {
            let id = self.dataset.id.map(|index| self.dataset.columns[index].name.as_str());
            let unique: Vec<&str> = id.into_iter().chain(["sequence_number"]).collect();
            let file = File { writer: TableWriter::new(&self.silver_schema, &unique)?, checksum: Checksum(0) };
            self.silver.insert(date, file);
        }
        self.silver.get_mut(&date).ok_or_else(|| wrong_type("event_date", "a date of this cut"))
    }

    fn rejects_file(&mut self) -> Result<&mut File, TableError> {
        if self.rejects.is_none() {
            let unique = ["reject_detail", "sequence_number"];
            let writer = TableWriter::new(&self.rejects_schema, &unique)?;
            self.rejects = Some(File { writer, checksum: Checksum(0) });
        }
        self.rejects.as_mut().ok_or_else(|| wrong_type("rejects", "a file of this cut"))
    }
}

/// Windows go by the date on which they begin.
fn windows_files(dataset: &Dataset, cut: &Cut, closed: &Closed) -> Result<Vec<(Part, Bytes)>, TableError> {
    let mut dates: BTreeMap<Date, [Vec<WindowRow>; 2]> = BTreeMap::new();
    for row in &closed.on_time {
        dates.entry(Date::of(row.start)).or_default()[0].push(row.clone());
    }
    for row in &closed.late {
        dates.entry(Date::of(row.start)).or_default()[1].push(row.clone());
    }
    let mut parts = Vec::new();
    for (date, [on_time, late]) in dates {
        let rows = [(Kind::OnTime, on_time.as_slice()), (Kind::Late, late.as_slice())];
        let part = Part {
            key: keys::windows(&dataset.name, &date.to_string(), cut.number),
            cut: cut.number,
            rows: (on_time.len() + late.len()) as u64,
            checksum: windows_table::checksum(&rows),
            dataset_hash: cut.dataset_hash.clone(),
        };
        let bytes = windows_table::encode(dataset, &rows, part::FOOTER_KEY, &part)?;
        parts.push((part, bytes));
    }
    Ok(parts)
}

fn select(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch, TableError> {
    if rows.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    Ok(take_record_batch(batch, &UInt32Array::from_iter_values(rows.iter().copied()))?)
}

/// A raw batch in the columns of silver or rejects: what it lacks is null, what the key of its object says is filled in.
fn project(
    schema: &SchemaRef,
    dataset: &Dataset,
    chain: &ChainId,
    batch: &RecordBatch,
) -> Result<RecordBatch, TableError> {
    let rows = batch.num_rows();
    let column = |field: &arrow_schema::Field| -> Result<ArrayRef, TableError> {
        match (field.name().as_str(), &chain.partition) {
            ("topic", _) => Ok(repeated(&chain.topic, rows)),
            ("partition", Partition::Kafka(number)) => Ok(Arc::new(Int32Array::from_value(*number, rows))),
            ("shard", Partition::Shard(id)) => Ok(repeated(id, rows)),
            (name, _) => match batch.column_by_name(name) {
                Some(array) if is_uuid(dataset, name) => uuid_text(name, array),
                Some(array) => Ok(Arc::clone(array)),
                None => Ok(new_null_array(field.data_type(), rows)),
            },
        }
    };
    let columns = schema.fields().iter().map(|field| column(field)).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn is_uuid(dataset: &Dataset, name: &str) -> bool {
    dataset.columns.iter().any(|column| column.kind == ColumnType::Uuid && column.name == name)
}

/// One text for every row, stored once.
fn repeated(text: &str, rows: usize) -> ArrayRef {
    let values = Arc::new(StringArray::from_iter_values([text]));
    Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from_value(0, rows), values))
}

fn uuid_text(name: &str, array: &ArrayRef) -> Result<ArrayRef, TableError> {
    let ids = array.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name, "16 bytes"))?;
    let mut texts = StringBuilder::with_capacity(ids.len(), ids.len() * uuid::TEXT_BYTES);
    for row in 0..ids.len() {
        match <[u8; 16]>::try_from(ids.value(row)) {
            Ok(id) if ids.is_valid(row) => texts.append_value(uuid::text(id).as_str()),
            _ => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}
