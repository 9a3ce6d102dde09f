//! Reads what stands in the lake with the Parquet crate, a JSON parser and string functions, and nothing of ours.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

/// A file, opened.
pub(super) struct File {
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
}

/// The rows of a file, of some columns.
pub(super) struct Rows(RecordBatch);

impl File {
    pub(super) fn open(bytes: &Bytes) -> Self {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(bytes, options).expect("what is in the lake is Parquet");
        Self { bytes: bytes.clone(), metadata }
    }

    /// An entry of the footer, which is JSON.
    pub(super) fn footer(&self, entry: &str) -> Value {
        let entries = self.metadata.metadata().file_metadata().key_value_metadata().expect("a footer with entries");
        let found = entries.iter().find(|found| found.key == entry).and_then(|found| found.value.as_deref());
        serde_json::from_str(found.expect("the footer's entry")).expect("the footer's entry is JSON")
    }

    pub(super) fn rows(&self, columns: &[&str]) -> Option<Rows> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone());
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let mut batches = builder.with_projection(mask).with_batch_size(1 << 16).build().expect("a readable file");
        let rows = batches.next()?.expect("readable rows");
        assert!(batches.next().is_none(), "a schedule writes small files");
        Some(Rows(rows))
    }
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.0.num_rows()
    }

    pub(super) fn text(&self, column: &str, row: usize) -> &str {
        self.column(column).as_string::<i32>().value(row)
    }

    pub(super) fn integer(&self, column: &str, row: usize) -> i64 {
        self.column(column).as_primitive::<Int64Type>().value(row)
    }

    pub(super) fn small(&self, column: &str, row: usize) -> i32 {
        self.column(column).as_primitive::<Int32Type>().value(row)
    }

    /// Epoch microseconds.
    pub(super) fn time(&self, column: &str, row: usize) -> i64 {
        self.column(column).as_primitive::<TimestampMicrosecondType>().value(row)
    }

    pub(super) fn double(&self, column: &str, row: usize) -> Option<f64> {
        let values = self.column(column).as_primitive::<Float64Type>();
        values.is_valid(row).then(|| values.value(row))
    }

    pub(super) fn bytes(&self, column: &str, row: usize) -> Option<&[u8]> {
        let values = self.column(column).as_binary::<i32>();
        values.is_valid(row).then(|| values.value(row))
    }

    pub(super) fn is_null(&self, column: &str, row: usize) -> bool {
        self.column(column).is_null(row)
    }

    fn column(&self, name: &str) -> &dyn Array {
        self.0.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {:?}", self.0.schema()))
    }
}

/// `YYYY-MM-DD` of a time in epoch microseconds (the days algorithm of Howard Hinnant).
pub(super) fn date(time: i64) -> String {
    let days = time.div_euclid(86_400_000_000) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The number in a name such as `00017.parquet`.
pub(super) fn number(name: &str) -> i64 {
    let digits = name.split('.').next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("{name} is no number"))
}

/// Positions are text in JSON.
pub(super) fn position(json: &Value) -> i64 {
    json.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{json} is no position"))
}

pub(super) fn integer(json: &Value) -> i64 {
    json.as_i64().unwrap_or_else(|| panic!("{json} is no number"))
}
