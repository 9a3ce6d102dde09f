//! Reads a lake as somebody does who knows nothing of it: every `*.parquet` below a folder, with the Parquet crate alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use penstock_lake::{LIST_LIMIT, Store};

/// The folders that readers know.
const FOLDERS: [&str; 3] = ["silver/", "windows/", "rejects/"];

/// The files of a lake at one moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    files: BTreeMap<String, Bytes>,
}

/// One row of silver.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Row {
    pub event_id: String,
    pub device_id: String,
    /// Epoch microseconds.
    pub event_time: i64,
    /// `YYYY-MM-DD`, from the path.
    pub event_date: String,
    pub value: Option<f64>,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// One rejected record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reject {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
    pub bytes: Option<Vec<u8>>,
}

/// One row of a windows file.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Epoch microseconds.
    pub start: i64,
    pub device_id: String,
    /// `on_time` or `late`.
    pub kind: String,
    pub total: Total,
}

/// What all rows of a window add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    pub count: i64,
    pub measured: i64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

impl Reading {
    /// What a glob finds in a directory.
    #[must_use]
    pub fn of_directory(root: &Path) -> Self {
        let mut reading = Self::default();
        for folder in FOLDERS {
            reading.walk(root, &root.join(folder));
        }
        reading
    }

    fn walk(&mut self, root: &Path, folder: &Path) {
        // A lake that was never refined has no such folder.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.walk(root, &path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                self.files.insert(key, fs::read(&path).unwrap().into());
            }
        }
    }

    pub async fn of_store(store: &dyn Store) -> Self {
        let mut reading = Self::default();
        for folder in FOLDERS {
            let mut after: Option<String> = None;
            loop {
                let page = store.list_after(folder, after.as_deref(), LIST_LIMIT).await.unwrap();
                for listed in page.iter().filter(|listed| listed.key.ends_with(".parquet")) {
                    reading.files.insert(listed.key.clone(), store.get(&listed.key).await.unwrap());
                }
                after = page.last().map(|last| last.key.clone());
                if page.len() < LIST_LIMIT {
                    break;
                }
            }
        }
        reading
    }

    /// The keys of all files.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The id of every row of silver, sorted.
    #[must_use]
    pub fn silver_ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for (_, batch) in self.batches("silver/") {
            ids.extend((0..batch.num_rows()).map(|row| text(&batch, "event_id", row)));
        }
        ids.sort_unstable();
        ids
    }

    /// The ids in silver.
    ///
    /// # Panics
    /// One stands there twice.
    #[must_use]
    pub fn ids_each_once(&self) -> BTreeSet<String> {
        let ids = self.silver_ids();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            panic!("silver holds the event {} more than once", pair[0]);
        }
        ids.into_iter().collect()
    }

    /// Every row of silver, by partition and offset.
    #[must_use]
    pub fn silver_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (key, batch) in self.batches("silver/") {
            let event_date = key.split_once("/event_date=").unwrap().1.split_once('/').unwrap().0;
            rows.extend((0..batch.num_rows()).map(|row| Row {
                event_id: text(&batch, "event_id", row),
                device_id: text(&batch, "device_id", row),
                event_time: time(&batch, "event_time", row),
                event_date: event_date.to_owned(),
                value: double(&batch, "value", row),
                topic: text(&batch, "topic", row),
                partition: partition(&batch, row),
                offset: integer(&batch, "offset", row),
            }));
        }
        rows.sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
        rows
    }

    /// A text column of silver, by the id of the event.
    #[must_use]
    pub fn silver_texts(&self, name: &str) -> BTreeMap<String, Option<String>> {
        let mut texts = BTreeMap::new();
        for (_, batch) in self.batches("silver/") {
            let values = column(&batch, name).as_string::<i32>().iter();
            texts.extend(
                values.enumerate().map(|(row, value)| (text(&batch, "event_id", row), value.map(str::to_owned))),
            );
        }
        texts
    }

    /// Every row of the windows, in the order of the files.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let mut windows = Vec::new();
        for (_, batch) in self.batches("windows/") {
            windows.extend((0..batch.num_rows()).map(|row| Window {
                start: time(&batch, "window_start", row),
                device_id: text(&batch, "device_id", row),
                kind: text(&batch, "kind", row),
                total: Total {
                    count: integer(&batch, "count", row),
                    measured: integer(&batch, "measure_count", row),
                    sum: double(&batch, "sum", row).unwrap_or(0.0),
                    min: double(&batch, "min", row).unwrap_or(f64::INFINITY),
                    max: double(&batch, "max", row).unwrap_or(f64::NEG_INFINITY),
                },
            }));
        }
        windows
    }

    /// What the view `windows_total` shows: all rows of a window and group added up.
    #[must_use]
    pub fn windows_total(&self) -> BTreeMap<(i64, String), Total> {
        let mut totals: BTreeMap<(i64, String), Total> = BTreeMap::new();
        for window in self.windows() {
            let total = totals.entry((window.start, window.device_id)).or_insert(Total::EMPTY);
            *total = total.plus(window.total);
        }
        totals
    }

    /// Every rejected record, sorted.
    #[must_use]
    pub fn rejects(&self) -> Vec<Reject> {
        let mut rejects = Vec::new();
        for (_, batch) in self.batches("rejects/") {
            let bytes = column(&batch, "reject_bytes").as_binary::<i32>();
            rejects.extend((0..batch.num_rows()).map(|row| Reject {
                topic: text(&batch, "topic", row),
                partition: partition(&batch, row),
                offset: integer(&batch, "offset", row),
                reason: text(&batch, "reject_reason", row),
                bytes: bytes.is_valid(row).then(|| bytes.value(row).to_vec()),
            }));
        }
        rejects.sort();
        rejects
    }

    fn batches(&self, folder: &str) -> impl Iterator<Item = (&str, RecordBatch)> {
        let files = self.files.iter().filter(move |(key, _)| key.starts_with(folder));
        files.flat_map(|(key, file)| read(key, file).into_iter().map(move |batch| (key.as_str(), batch)))
    }
}

impl Total {
    const EMPTY: Self = Self { count: 0, measured: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            measured: self.measured + other.measured,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

fn read(key: &str, file: &Bytes) -> Vec<RecordBatch> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .unwrap_or_else(|error| panic!("{key} cannot be read: {error}"));
    reader.map(|batch| batch.unwrap_or_else(|error| panic!("{key} cannot be read: {error}"))).collect()
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> &'b dyn Array {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {:?}", batch.schema()))
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    column(batch, name).as_string::<i32>().value(row).to_owned()
}

fn time(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    column(batch, name).as_primitive::<TimestampMicrosecondType>().value(row)
}

fn integer(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    column(batch, name).as_primitive::<Int64Type>().value(row)
}

fn partition(batch: &RecordBatch, row: usize) -> i32 {
    column(batch, "partition").as_primitive::<Int32Type>().value(row)
}

fn double(batch: &RecordBatch, name: &str, row: usize) -> Option<f64> {
    let values = column(batch, name).as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}
