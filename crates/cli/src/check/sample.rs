//! A sample of events: what the dataset would make of them if they arrived now.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use penstock_core::dataset::Dataset;
use penstock_core::parse::{self, RawRows};
use penstock_core::payload::{Batch, Encoded, Record, TimestampType};
use penstock_core::position::{Partition, Position};
use penstock_lake::Clock;
use penstock_producer::{Lines, Source};
use penstock_runtime::{Failure, SystemClock};
use serde_json::value::RawValue;

use super::{Check, Finding};
use crate::output::{count, counted};

/// So much is parsed together, as a mapping would deliver it.
const BATCH_LINES: usize = 10_000;
const BATCH_BYTES: usize = 6 * 1024 * 1024;

/// Checks a file of lines against the one dataset; `None` if the dataset's own file is wrong.
pub(super) fn check(path: &Path, names: &[String], datasets: &[Dataset]) -> Result<Option<Check>, Failure> {
    let [_] = names else {
        return Err(Failure::misconfigured("--sample takes one dataset: name the file that its events belong to"));
    };
    let [dataset] = datasets else { return Ok(None) };
    let mut sample = Sample::new(path, dataset);
    sample.read()?;
    Ok(Some(sample.conclude()))
}

struct Sample<'d> {
    path: &'d Path,
    dataset: &'d Dataset,
    lines: u64,
    rejects: Vec<Finding>,
    ids: HashSet<Vec<u8>>,
    repeated: u64,
    /// For each column, in how many events it is there.
    present: Vec<u64>,
    /// Fields that are no column, by path, with the number of events that have them.
    unknown: BTreeMap<String, u64>,
}

impl<'d> Sample<'d> {
    fn new(path: &'d Path, dataset: &'d Dataset) -> Self {
        Self {
            path,
            dataset,
            lines: 0,
            rejects: Vec::new(),
            ids: HashSet::new(),
            repeated: 0,
            present: vec![0; dataset.columns.len()],
            unknown: BTreeMap::new(),
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        let mut source = Lines::open(self.path, self.dataset).map_err(Failure::misconfigured)?;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let mut record = penstock_producer::Record::default();
        while source.next(&mut record).map_err(Failure::misconfigured)? {
            bytes += record.value.len();
            lines.push((record.number, record.value.clone()));
            if BATCH_LINES <= lines.len() || BATCH_BYTES <= bytes {
                self.add(&std::mem::take(&mut lines))?;
                bytes = 0;
            }
        }
        self.add(&lines)
    }

    fn add(&mut self, lines: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        self.lines += lines.len() as u64;
        let records = lines.iter().map(|(number, value)| Record {
            position: Position::from_offset(*number),
            timestamp: None,
            timestamp_type: TimestampType::Unknown,
            key: None,
            value: Some(Encoded::Plain(Cow::Borrowed(value))),
        });
        let records = records.collect();
        let batch = Batch { topic: "sample".into(), partition: Partition::Kafka(0), records };
        let arrival = SystemClock.now();
        let rows = parse::rows(self.dataset, &batch, &batch.records, 0, arrival).map_err(Failure::bug)?;
        self.add_rejects(lines, &rows)?;
        self.add_ids(&rows.batch);
        self.add_columns(&rows.batch);
        self.add_unknown(&rows.batch)
    }

    fn add_rejects(&mut self, lines: &[(u64, Vec<u8>)], rows: &RawRows) -> Result<(), Failure> {
        let reasons = column(&rows.batch, "reject_reason")?.as_dictionary::<Int32Type>();
        let names = reasons.values().as_string::<i32>();
        let details = column(&rows.batch, "reject_detail")?.as_string::<i32>();
        for (row, (number, _)) in lines.iter().enumerate() {
            let Some(reason) = reasons.key(row) else { continue };
            self.rejects.push(Finding {
                file: Some(self.path.display().to_string()),
                line: Some(*number),
                column: None,
                message: format!("{}: {}", names.value(reason), details.value(row)),
            });
        }
        Ok(())
    }

    fn add_ids(&mut self, batch: &RecordBatch) {
        let id = self.dataset.id.and_then(|index| batch.column_by_name(&self.dataset.columns[index].name));
        let Some(id) = id else { return };
        for row in (0..id.len()).filter(|row| id.is_valid(*row)) {
            let bytes = match id.as_fixed_size_binary_opt() {
                Some(ids) => ids.value(row).to_vec(),
                None => {
                    let ids = id.as_dictionary::<Int32Type>();
                    let text = ids.key(row).map(|key| ids.values().as_string::<i32>().value(key));
                    text.unwrap_or_default().as_bytes().to_vec()
                }
            };
            if !self.ids.insert(bytes) {
                self.repeated += 1;
            }
        }
    }

    fn add_columns(&mut self, batch: &RecordBatch) {
        for (column, present) in self.dataset.columns.iter().zip(&mut self.present) {
            let array = batch.column_by_name(&column.name);
            *present += array.map_or(0, |array| (array.len() - array.null_count()) as u64);
        }
    }

    fn add_unknown(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        for extra in column(batch, "extra")?.as_string::<i32>().iter().flatten() {
            self.count_unknown(&mut Vec::new(), extra)?;
        }
        Ok(())
    }

    /// Counts what stands in an object that holds columns.
    fn count_unknown(&mut self, path: &mut Vec<String>, object: &str) -> Result<(), Failure> {
        // The values stay text: no number is too large for that, and no nesting too deep.
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object).map_err(Failure::bug)?;
        for (key, value) in fields {
            path.push(key);
            let holds_columns = self.dataset.columns.iter().any(|column| column.path.starts_with(path));
            if holds_columns && value.get().starts_with('{') {
                self.count_unknown(path, value.get())?;
            } else {
                *self.unknown.entry(path.join(".")).or_default() += 1;
            }
            path.pop();
        }
        Ok(())
    }

    fn conclude(self) -> Check {
        let rows = self.lines - self.rejects.len() as u64;
        let mut notes = vec![format!(
            "{}: {}, {}, {} rejected",
            counted(self.lines, "line"),
            counted(rows - self.repeated, "row"),
            counted(self.repeated, "duplicate"),
            count(self.rejects.len() as u64)
        )];
        let columns = self.dataset.columns.iter().zip(&self.present).filter(|(column, _)| column.derive.is_none());
        for (column, _) in columns.filter(|(_, present)| **present == 0) {
            let path = column.path.join(".");
            notes.push(format!("no line fills the column `{}`: is `{path}` its path?", column.name));
        }
        for (field, events) in &self.unknown {
            notes.push(format!("`{field}` is no column ({}): raw keeps it in `extra`", counted(*events, "line")));
        }
        Check { rejects: self.rejects, notes, ..Check::new(format!("sample {}", self.path.display())) }
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, Failure> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| Failure::bug(format!("a raw object without `{name}`")))
}
