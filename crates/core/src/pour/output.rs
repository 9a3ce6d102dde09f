//! The files of a pour: silver by event date, windows by date, rejects.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow_schema::{FieldRef, SchemaRef};
use arrow_select::take::take_record_batch;
use bytes::Bytes;

use super::silver::SilverWriter;
use crate::checksum::Checksum;
use crate::cut::Cut;
use crate::dataset::Dataset;
use crate::keys::{self, ChainId};
use crate::part::{self, Part};
use crate::position::Partition;
use crate::state::Sum;
use crate::table::{self, TableError, TableWriter, wrong_type};
use crate::time::Date;
use crate::window::{Closed, WindowRow};
use crate::windows_table::{self, Kind};

/// Some rows of a batch.
#[derive(Debug, Default)]
pub(super) struct Rows {
    numbers: Vec<u32>,
    checksum: Checksum,
}

impl Rows {
    pub(super) fn push(&mut self, number: u32, hash: Sum) {
        self.numbers.push(number);
        self.checksum += hash.checksum;
    }
}

/// The files under way.
#[derive(Debug)]
pub(super) struct Outputs<'p> {
    dataset: &'p Dataset,
    silver_schema: SchemaRef,
    rejects_schema: SchemaRef,
    silver: BTreeMap<Date, File<SilverWriter>>,
    rejects: Option<File<TableWriter>>,
}

#[derive(Debug)]
struct File<W> {
    writer: W,
    checksum: Checksum,
}

impl<W> File<W> {
    const fn new(writer: W) -> Self {
        Self { writer, checksum: Checksum(0) }
    }

    fn part(&self, cut: &Cut, key: String, rows: u64) -> Part {
        Part { key, cut: cut.number, rows, checksum: self.checksum, dataset_hash: cut.dataset_hash.clone() }
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
        batch: &RecordBatch,
        kept: &BTreeMap<Date, Rows>,
        rejects: &Rows,
    ) -> Result<(), TableError> {
        if !kept.is_empty() {
            let columns = project(&self.silver_schema, chain, batch);
            for (date, rows) in kept {
                let file = self.silver_file(*date)?;
                file.writer.write(&columns, &rows.numbers)?;
                file.checksum += rows.checksum;
            }
        }
        if !rejects.numbers.is_empty() {
            let rejected = take_record_batch(batch, &UInt32Array::from_iter_values(rejects.numbers.iter().copied()))?;
            let columns = project(&self.rejects_schema, chain, &rejected);
            let rejected = RecordBatch::try_new(Arc::clone(&self.rejects_schema), columns)?;
            let file = self.rejects_file()?;
            file.writer.write(&rejected)?;
            file.checksum += rejects.checksum;
        }
        Ok(())
    }

    /// Ends all files, in the order in which they are to be written.
    pub(super) fn finish(self, cut: &Cut, closed: &Closed) -> Result<Vec<(Part, Bytes)>, TableError> {
        let name = &self.dataset.name;
        let mut parts = Vec::new();
        for (date, file) in self.silver {
            let part = file.part(cut, keys::silver(name, &date.to_string(), cut.number), file.writer.rows());
            let bytes = file.writer.finish(part::FOOTER_KEY, &part)?;
            parts.push((part, bytes));
        }
        parts.extend(windows_files(self.dataset, cut, closed)?);
        if let Some(file) = self.rejects {
            let part = file.part(cut, keys::rejects(name, cut.number), file.writer.rows());
            let bytes = file.writer.finish(part::FOOTER_KEY, &part)?;
            parts.push((part, bytes));
        }
        Ok(parts)
    }

    fn silver_file(&mut self, date: Date) -> Result<&mut File<SilverWriter>, TableError> {
        if !self.silver.contains_key(&date) {
            let id = self.dataset.id.map(|index| self.dataset.columns[index].name.as_str());
            let unique: Vec<&str> = id.into_iter().chain(["sequence_number"]).collect();
            self.silver.insert(date, File::new(SilverWriter::new(&self.silver_schema, &unique)?));
        }
        self.silver.get_mut(&date).ok_or_else(|| wrong_type("event_date", "a date of this cut"))
    }

    fn rejects_file(&mut self) -> Result<&mut File<TableWriter>, TableError> {
        if self.rejects.is_none() {
            let unique = ["reject_detail", "sequence_number"];
            self.rejects = Some(File::new(TableWriter::new(&self.rejects_schema, &unique)?));
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

/// A raw batch in the columns of silver or rejects: what it lacks is null, what the key of its object says is filled in.
/// Ids are still 16 bytes.
fn project(schema: &SchemaRef, chain: &ChainId, batch: &RecordBatch) -> Vec<ArrayRef> {
    let rows = batch.num_rows();
    let column = |field: &FieldRef| -> ArrayRef {
        match (field.name().as_str(), &chain.partition) {
            ("topic", _) => repeated(&chain.topic, rows),
            ("partition", Partition::Kafka(number)) => Arc::new(Int32Array::from_value(*number, rows)),
            ("shard", Partition::Shard(id)) => repeated(id, rows),
            (name, _) => match batch.column_by_name(name) {
                Some(array) => Arc::clone(array),
                None => new_null_array(field.data_type(), rows),
            },
        }
    };
    schema.fields().iter().map(column).collect()
}

/// One text for every row, stored once.
fn repeated(text: &str, rows: usize) -> ArrayRef {
    let values = Arc::new(StringArray::from_iter_values([text]));
    Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from_value(0, rows), values))
}
