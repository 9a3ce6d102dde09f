//! Window rows as Parquet, and back.

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::checksum::Checksum;
use crate::dataset::Dataset;
use crate::table::{self, TableError, TableWriter};
use crate::window::{Group, Totals, WindowRow};

/// What a row says of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Written when the watermark passed its end.
    OnTime,
    /// A correction: events that came after the window was written.
    Late,
    /// Not written yet; only states hold such rows.
    Open,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnTime => "on_time",
            Self::Late => "late",
            Self::Open => "open",
        }
    }
}

/// Writes rows, kind after kind, into one file with one footer entry.
///
/// # Errors
/// Encoding failed: a bug.
pub fn encode(
    dataset: &Dataset,
    rows: &[(Kind, &[WindowRow])],
    entry: &'static str,
    value: &impl serde::Serialize,
) -> Result<Bytes, TableError> {
    let schema = table::windows_schema(dataset);
    let mut writer = TableWriter::new(&schema, &[])?;
    let length = window_length(dataset);
    let rows: Vec<(Kind, &WindowRow)> =
        rows.iter().flat_map(|(kind, rows)| rows.iter().map(|row| (*kind, row))).collect();
    let mut columns: Vec<ArrayRef> =
        vec![times(&rows, |row| row.start), times(&rows, |row| row.start.saturating_add(length))];
    for index in 0..dataset.windows.keys.len() {
        columns.push(text(rows.iter().map(|(_, row)| row.group[index].as_ref())));
    }
    columns.extend(totals_columns(&rows));
    columns.push(text(rows.iter().map(|(kind, _)| kind.as_str())));
    writer.write(&RecordBatch::try_new(schema, columns)?)?;
    writer.finish(entry, value)
}

fn totals_columns(rows: &[(Kind, &WindowRow)]) -> Vec<ArrayRef> {
    let count = |get: fn(&Totals) -> u64| -> ArrayRef {
        let values = rows.iter().map(|(_, row)| i64::try_from(get(&row.totals)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(values))
    };
    let measure = |get: fn(&Totals) -> f64| -> ArrayRef {
        let value = |totals: &Totals| (totals.measured > 0).then(|| get(totals));
        Arc::new(rows.iter().map(|(_, row)| value(&row.totals)).collect::<Float64Array>())
    };
    vec![
        count(|totals| totals.count),
        count(|totals| totals.measured),
        measure(|totals| totals.sum),
        measure(|totals| totals.min),
        measure(|totals| totals.max),
        measure(|totals| totals.sum / totals.measured as f64),
        times(rows, |row| row.totals.first_event_time),
        times(rows, |row| row.totals.last_event_time),
    ]
}

fn times(rows: &[(Kind, &WindowRow)], get: impl Fn(&WindowRow) -> i64) -> ArrayRef {
    let values = rows.iter().map(|(_, row)| get(row));
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    builder.extend(values.map(Some));
    Arc::new(builder.finish())
}

/// The length of a window in microseconds.
#[must_use]
pub fn window_length(dataset: &Dataset) -> i64 {
    dataset.windows.length_secs.saturating_mul(1_000_000)
}

/// A hash of the rows: equal for equal rows in equal order.
#[must_use]
pub fn checksum(rows: &[(Kind, &[WindowRow])]) -> Checksum {
    let mut hash = Sha256::new();
    for (kind, row) in rows.iter().flat_map(|(kind, rows)| rows.iter().map(move |row| (kind, row))) {
        hash.update(kind.as_str());
        hash.update(row.start.to_le_bytes());
        for key in &row.group {
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key.as_bytes());
        }
        let Totals { count, measured, sum, min, max, first_event_time, last_event_time } = row.totals;
        for number in [count, measured, sum.to_bits(), min.to_bits(), max.to_bits()] {
            hash.update(number.to_le_bytes());
        }
        hash.update(first_event_time.to_le_bytes());
        hash.update(last_event_time.to_le_bytes());
    }
    Checksum(hash.finalize().iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
}

/// Reads the rows of a windows file or a state back.
///
/// # Errors
/// No readable windows of this dataset.
pub fn decode(dataset: &Dataset, file: &Bytes) -> Result<Vec<WindowRow>, TableError> {
    let schema = table::windows_schema(dataset);
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let batches = table::read(file.clone(), &names, &[])?;
    let mut rows = Vec::new();
    for batch in &batches {
        decode_batch(dataset, batch, &mut rows)?;
    }
    Ok(rows)
}

fn decode_batch(dataset: &Dataset, batch: &RecordBatch, rows: &mut Vec<WindowRow>) -> Result<(), TableError> {
    let time = |name: &str| table::primitive::<TimestampMicrosecondType>(batch, name);
    let count = |name: &str| table::primitive::<Int64Type>(batch, name);
    let measure = |name: &str| table::primitive::<Float64Type>(batch, name);
    let start = time("window_start")?;
    let (first, last) = (time("first_event_time")?, time("last_event_time")?);
    let (events, measured) = (count("count")?, count("measure_count")?);
    let (sum, min, max) = (measure("sum")?, measure("min")?, measure("max")?);
    let keys = dataset.windows.keys.iter().map(|index| {
        let name = dataset.columns[*index].name.as_str();
        table::column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| table::wrong_type(name, "text"))
    });
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        let group: Group = keys.iter().map(|key| Box::from(key.value(row))).collect();
        let is_measured = measured.value(row) > 0;
        let totals = Totals {
            count: events.value(row).unsigned_abs(),
            measured: measured.value(row).unsigned_abs(),
            sum: if is_measured { sum.value(row) } else { 0.0 },
            min: if is_measured { min.value(row) } else { f64::INFINITY },
            max: if is_measured { max.value(row) } else { f64::NEG_INFINITY },
            first_event_time: first.value(row),
            last_event_time: last.value(row),
        };
        rows.push(WindowRow { start: start.value(row), group, totals });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
