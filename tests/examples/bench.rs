//! What the path costs: nanoseconds per event and peak memory of ingest, refine and p95, and where the time goes.
//!
//! `make bench`, or `cargo run --release -p penstock-tests --example bench [EVENTS]`. One thread, the store in memory:
//! what is measured is the product's own work, not a disk or a network.
//! Each step runs in a process of its own, so that its peak memory is its own.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and the environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use penstock_core::dataset::Dataset;
use penstock_core::{parse, payload, raw};
use penstock_ingest::Ingest;
use penstock_lake::MemoryStore;
use penstock_producer::{Generator, Record, Shape};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, IngestSettings, Lake, SystemClock};
use penstock_trigger::log::{LogRecord, TimestampType};
use penstock_trigger::mapping::Mapping;
use penstock_trigger::payload::PayloadFormat;

const EVENTS: usize = 500_000;
/// The largest batch of a mapping.
const BATCH: usize = 10_000;
const STEPS: [&str; 4] = ["stages", "ingest", "refine", "p95"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let events = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS);
    match arguments.iter().find(|argument| STEPS.contains(&argument.as_str())).map(String::as_str) {
        Some("stages") => stages(events),
        Some("ingest") => ingest(events).await,
        Some("refine") => refine(events).await,
        Some(_) => p95(events).await,
        None => {
            println!("{events} events of the dataset iot, payloads of {BATCH}, one thread");
            for step in STEPS {
                let own = std::env::current_exe().unwrap();
                let status = Command::new(own).args([step, &events.to_string()]).status().unwrap();
                assert!(status.success(), "{step} failed");
            }
        }
    }
}

/// Where the time of an invocation goes: the same payload, stage by stage, the fastest of many rounds.
fn stages(events: usize) {
    let dataset = Dataset::shipped("iot").unwrap();
    let payload = payloads(&dataset, BATCH).remove(0);
    let rounds = (events / BATCH).max(5);
    let mut fastest = [Duration::MAX; 3];
    let mut bytes = 0;
    for _ in 0..rounds {
        let start = Instant::now();
        let read = payload::read(&payload).unwrap();
        let scanned = Instant::now();
        let batch = &read.batches[0];
        let rows = parse::rows(&dataset, batch, &batch.records, 7, now()).unwrap();
        let parsed = Instant::now();
        let file = black_box(raw::encode(&rows.batch, Vec::new()).unwrap());
        let times = [start, scanned, parsed, Instant::now()];
        bytes = file.len();
        for (fastest, pair) in fastest.iter_mut().zip(times.windows(2)) {
            *fastest = (*fastest).min(pair[1] - pair[0]);
        }
    }
    println!("\nan invocation by stage (fastest of {rounds} rounds), payload {:.2} MB", payload.len() as f64 / 1e6);
    for (name, time) in ["payload to records", "records to columns", "columns to Parquet"].iter().zip(fastest) {
        println!("  {name:<22} {:>7.0} ns per event", time.as_nanos() as f64 / BATCH as f64);
    }
    println!("  raw object             {:>7.1} bytes per event", bytes as f64 / BATCH as f64);
}

async fn ingest(events: usize) {
    let dataset = Arc::new(Dataset::shipped("iot").unwrap());
    let payloads = payloads(&dataset, events);
    let measure = Measure::begin();
    land(&lake(), &dataset, &payloads).await;
    measure.end("ingest: payload to raw object", events);
}

async fn refine(events: usize) {
    let dataset = Arc::new(Dataset::shipped("iot").unwrap());
    let lake = lake();
    land(&lake, &dataset, &payloads(&dataset, events)).await;
    let measure = Measure::begin();
    pour(&lake, &dataset).await;
    measure.end("refine: raw to silver and windows", events);
}

async fn p95(events: usize) {
    let dataset = Arc::new(Dataset::shipped("iot").unwrap());
    let lake = lake();
    land(&lake, &dataset, &payloads(&dataset, events)).await;
    pour(&lake, &dataset).await;
    let measure = Measure::begin();
    let report = penstock_cli::p95::report(&*lake.store(), &dataset, None, None).await.unwrap();
    assert!(!report.rows.is_empty());
    measure.end("p95: silver to the answer", events);
}

async fn land(lake: &Lake, dataset: &Arc<Dataset>, payloads: &[Bytes]) {
    let ingest = Ingest::new(lake.clone(), Arc::clone(dataset), IngestSettings::default());
    for payload in payloads {
        ingest.handle(payload, &Call::default()).await.unwrap();
    }
}

async fn pour(lake: &Lake, dataset: &Arc<Dataset>) {
    let refine = Refine::new(lake.clone(), Arc::clone(dataset), CutSettings::default());
    refine.run(Mode::Drain, &Call::default()).await.unwrap();
}

fn lake() -> Lake {
    Lake::over(Arc::new(MemoryStore::default()), Arc::new(SystemClock))
}

/// Events of the shipped generator, as Lambda delivers them: one partition, full batches.
fn payloads(dataset: &Dataset, events: usize) -> Vec<Bytes> {
    let shape = Shape { events: events as u64, start_time_us: now() - 600_000_000, ..Shape::default() };
    let generator = Generator::new(dataset, &shape).unwrap();
    let format = PayloadFormat::new(&Mapping::new("events", "ingest", "localhost:9092", "bench"));
    let mut record = Record::default();
    let mut log_record = |number: usize| {
        generator.event(number as u64, &mut record);
        LogRecord {
            partition: 0,
            offset: number as i64,
            timestamp: shape.start_time_us / 1000 + number as i64 / 1000,
            timestamp_type: TimestampType::CreateTime,
            key: record.key().map(Bytes::copy_from_slice),
            value: Some(Bytes::copy_from_slice(&record.value)),
            headers: Vec::new(),
        }
    };
    let starts = (0..events).step_by(BATCH);
    let payload = |start: usize| {
        let records: Vec<LogRecord> = (start..events.min(start + BATCH)).map(&mut log_record).collect();
        let lengths: usize = records.iter().map(|record| format.record_len(record) + 1).sum();
        let length = format.envelope_len() + format.part_len(0) + lengths - 1;
        format.encode([(0, records.as_slice())].into_iter(), length)
    };
    starts.map(payload).collect()
}

fn now() -> i64 {
    use penstock_lake::Clock;
    SystemClock.now()
}

/// Processor time and memory of one step. Other programs on the machine change neither.
struct Measure {
    began: f64,
    before: f64,
}

impl Measure {
    fn begin() -> Self {
        // Linux forgets the peak when told so.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { began: cpu_nanos(), before: memory("VmRSS:") }
    }

    fn end(self, what: &str, events: usize) {
        let nanos = (cpu_nanos() - self.began) / events as f64;
        let peak = memory("VmHWM:") - self.before;
        println!(
            "\n{what}\n  {nanos:>7.0} ns of processor time per event, {:.0} events a second and core\n  {peak:>7.0} MiB at the peak, above {:.0} MiB that the input takes",
            1e9 / nanos,
            self.before
        );
    }
}

/// What this thread, the only one, has had of a processor.
fn cpu_nanos() -> f64 {
    let text =
        std::fs::read_to_string("/proc/self/schedstat").expect("this benchmark needs Linux's /proc/self/schedstat");
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap()
}

/// A line of `/proc/self/status`, in MiB; 0 where there is none.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
