//! A lake, a catalogue beside it, and any number of processes that publish the one in the other.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use base64_simd::STANDARD;
use futures::TryStreamExt;
use iceberg::Catalog;
use iceberg::table::Table as IcebergTable;
use penstock_core::dataset::{Dataset, SHIPPED};
use penstock_core::{keys, table};
use penstock_ingest::Ingest;
use penstock_lake::{Faulty, MemoryStore, Store, TestClock};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure, IngestSettings, Lake};
use penstock_tables::{CatalogUrl, LakeFiles, Summary, Table, Tables, identifier, open_catalog};
use tempfile::TempDir;

const NAMESPACE: &str = "penstock";

/// 2026-01-01T00:00:00Z, where a [`TestClock`] begins, in milliseconds.
const START_MILLIS: u64 = 1_767_225_600_000;

/// The lake and the catalogue as they stand between two runs.
pub(crate) struct Scene {
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) store: Arc<dyn Store>,
    clock: Arc<TestClock>,
    folder: TempDir,
}

/// What one process sees: its calls of the store fail as they are told to.
pub(crate) struct Process {
    pub(crate) faulty: Arc<Faulty>,
    pub(crate) lake: Lake,
    dataset: Arc<Dataset>,
}

/// The shipped dataset, with tables.
pub(crate) fn with_tables(changes: &[(&str, &str)]) -> Arc<Dataset> {
    let (_, iot) = SHIPPED[0];
    let text = changes.iter().fold(iot.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    Arc::new(Dataset::parse(&format!("format = \"iceberg\"\n{text}")).unwrap())
}

impl Scene {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
        Self { dataset: with_tables(&[]), store, clock, folder: tempfile::tempdir().unwrap() }
    }

    /// A process that begins cold.
    pub(crate) fn process(&self) -> Process {
        let faulty = Arc::new(Faulty::new(Arc::clone(&self.store)));
        let lake = Lake::over(Arc::clone(&faulty) as _, Arc::clone(&self.clock) as _);
        Process { faulty, lake, dataset: Arc::clone(&self.dataset) }
    }

    /// Events of these numbers land, a second apart, and are poured as one cut.
    pub(crate) async fn cut(&self, numbers: Range<u64>) {
        self.clock.advance(Duration::from_secs(numbers.end - numbers.start));
        let lake = self.process().lake;
        let ingest = Ingest::new(lake.clone(), Arc::clone(&self.dataset), IngestSettings::default());
        ingest.handle(payload(numbers).as_bytes(), &Call::default()).await.unwrap();
        let refine = Refine::new(lake, Arc::clone(&self.dataset), CutSettings::default());
        assert_eq!(refine.run(Mode::Scheduled, &Call::default()).await.unwrap().cuts.len(), 1);
    }

    pub(crate) fn wait_hours(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(3600 * hours));
    }

    /// The catalogue as a process sees it.
    pub(crate) async fn catalog(&self, process: &Process) -> Arc<dyn Catalog> {
        let path = self.folder.path().join("catalog.db").to_str().unwrap().to_owned();
        open_catalog(&CatalogUrl::Sqlite { path }, None, &process.files("memory:///lake")).await.unwrap()
    }

    pub(crate) async fn publisher(&self) -> Tables {
        let process = self.process();
        let catalog = self.catalog(&process).await;
        process.publisher(catalog)
    }

    /// A cold process publishes what there is.
    pub(crate) async fn publish(&self) -> Summary {
        self.publisher().await.run(&Call::default()).await.unwrap()
    }

    pub(crate) async fn refused(&self) -> Failure {
        self.publisher().await.run(&Call::default()).await.unwrap_err()
    }

    pub(crate) async fn table(&self, table: Table) -> IcebergTable {
        let catalog = self.catalog(&self.process()).await;
        catalog.load_table(&identifier(NAMESPACE, "iot", table)).await.unwrap()
    }

    /// A table's rows as Iceberg's own reader sees them.
    pub(crate) async fn read(&self, table: Table) -> Vec<RecordBatch> {
        let scan = self.table(table).await.scan().build().unwrap();
        scan.to_arrow().await.unwrap().try_collect().await.unwrap()
    }

    /// The tables hold what the plain files hold, each row once.
    pub(crate) async fn tables_hold_the_lake(&self) {
        let silver = self.plain(&keys::silver_folder("iot"), "event_id").await;
        assert_eq!(texts(&self.read(Table::Silver).await, "event_id"), texts(&silver, "event_id"));
        let windows = self.plain(&keys::windows_folder("iot"), "count").await;
        assert_eq!(numbers(&self.read(Table::Windows).await, "count"), numbers(&windows, "count"));
        let raw = self.plain(&keys::raw_folder("iot"), "offset").await;
        assert_eq!(numbers(&self.read(Table::Raw).await, "offset"), numbers(&raw, "offset"));
    }

    /// A column of all plain files below a folder.
    async fn plain(&self, folder: &str, column: &str) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        for key in self.keys(folder).await {
            batches.extend(table::read(self.store.get(&key).await.unwrap(), &[column], &[]).unwrap());
        }
        batches
    }

    pub(crate) async fn keys(&self, folder: &str) -> Vec<String> {
        let listed = self.store.list_after(folder, None, 1000).await.unwrap();
        assert!(listed.len() < 1000, "more than one page");
        listed.into_iter().map(|object| object.key).collect()
    }
}

impl Process {
    pub(crate) fn files(&self, root: &str) -> LakeFiles {
        LakeFiles::new(self.lake.store(), root)
    }

    pub(crate) fn publisher(&self, catalog: Arc<dyn Catalog>) -> Tables {
        let files = self.files("memory:///lake");
        Tables::new(self.lake.clone(), files, catalog, NAMESPACE, Arc::clone(&self.dataset)).unwrap()
    }
}

/// The values of a text column, sorted.
pub(crate) fn texts(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let columns = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_string::<i32>());
    let mut values: Vec<String> = columns.flatten().flatten().map(str::to_owned).collect();
    values.sort_unstable();
    values
}

fn numbers(batches: &[RecordBatch], column: &str) -> Vec<i64> {
    let columns = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_primitive::<Int64Type>());
    let mut values: Vec<i64> = columns.flatten().flatten().collect();
    values.sort_unstable();
    values
}

/// The ids of the events of these numbers.
pub(crate) fn ids(numbers: Range<u64>) -> Vec<String> {
    numbers.map(event_id).collect()
}

fn event_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// What a mapping of Kafka delivers: events of these numbers, which are their offsets, too.
fn payload(numbers: Range<u64>) -> String {
    let mut records = String::new();
    for number in numbers {
        let (id, time) = (event_id(number), START_MILLIS + number * 1000);
        let event = format!(
            r#"{{"event_id":"{id}","device_id":"device-1","device_type":"light","event_time":{time},"event_duration":1.5}}"#
        );
        let comma = if records.is_empty() { "" } else { "," };
        let value = STANDARD.encode_to_string(event);
        write!(
            records,
            r#"{comma}{{"topic":"events","partition":0,"offset":{number},"timestamp":{time},"timestampType":"CREATE_TIME","value":"{value}"}}"#
        )
        .unwrap();
    }
    format!(
        r#"{{"eventSource":"SelfManagedKafka","bootstrapServers":"127.0.0.1:9092","records":{{"events-0":[{records}]}}}}"#
    )
}
