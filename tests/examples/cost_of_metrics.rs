//! What the metrics cost: how long ingest takes for a payload, and how long of it goes into metrics and their line.
//!
//! `cargo run --release -p penstock-tests --example cost_of_metrics`; the fastest of many rounds counts, because other
//! programs share the machine.

#![allow(clippy::unwrap_used, clippy::disallowed_macros, reason = "a program for the terminal")]

use std::time::{Duration, Instant};

use futures::executor::block_on;
use penstock_lake::Clock;
use penstock_producer::Shape;
use penstock_runtime::Call;
use penstock_telemetry::function::{InvocationEnded, StageEnded};
use penstock_telemetry::ingest::{BatchLanded, PartitionDone};
use penstock_telemetry::store::{ObjectWritten, StoreAsked};
use penstock_telemetry::{Registry, embedded};
use penstock_tests::events::{Topic, payload};
use penstock_tests::lake::TestLake;

const RECORDS: u64 = 10_000;
const ROUNDS: usize = 40;

fn main() {
    for partitions in [6, 256] {
        let ingest = fastest(|| ingest_once(partitions));
        let registry = Registry::new("iot");
        let metrics = fastest(|| emit_once(&registry, partitions));
        println!(
            "{partitions} partitions: {RECORDS} records take ingest {:.2} ms, of which metrics and their line {:.3} ms ({:.2} %)",
            ingest.as_secs_f64() * 1e3,
            metrics.as_secs_f64() * 1e3,
            100.0 * metrics.as_secs_f64() / ingest.as_secs_f64()
        );
    }
}

fn fastest(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// A payload over a lake in memory, so that nothing waits.
fn ingest_once(partitions: usize) -> Duration {
    let lake = TestLake::in_memory();
    let shape = Shape {
        events: RECORDS,
        start_time_us: lake.seconds_ago(600),
        spacing_nanos: 600_000_000_000 / RECORDS,
        ..Shape::default()
    };
    let mut records = Topic::generated(&shape, partitions).partitions.concat();
    records.sort_by_key(|record| record.partition);
    let (payload, ingest) = (payload(&records), lake.ingest());
    let began = Instant::now();
    block_on(ingest.handle(&payload, &Call::default())).unwrap();
    embedded_line(&lake.telemetry, lake.clock.now());
    began.elapsed()
}

/// What such an invocation records: for each partition two looks at the chain and a creation.
fn emit_once(registry: &Registry, partitions: usize) -> Duration {
    let names: Vec<String> = (0..partitions).map(|partition| partition.to_string()).collect();
    let duration = Duration::from_millis(1);
    let stage = |stage| StageEnded { function: "ingest", stage, duration }.emit(registry);
    let began = Instant::now();
    stage("read");
    for partition in &names {
        for operation in ["get", "list_after", "put_new"] {
            StoreAsked { operation, outcome: "ok" }.emit(registry);
        }
        ["locate", "encode", "create"].into_iter().for_each(stage);
        ObjectWritten { table: "raw", bytes: 10_000 }.emit(registry);
        let rejects = [("not_json", 1), ("too_old", 1)];
        let counts = (RECORDS / partitions as u64, 0);
        PartitionDone {
            topic: "events",
            partition,
            received: counts.0,
            landed: counts.0,
            trimmed: counts.1,
            rejects: &rejects,
            newest_timestamp: Some(0),
        }
        .emit(registry);
    }
    BatchLanded {
        request_id: "request",
        dataset: "iot",
        payload_bytes: 4_000_000,
        partitions,
        received: RECORDS,
        landed: RECORDS,
        trimmed: 0,
        rejected: 2,
        objects: partitions as u64,
        bytes: 1_000_000,
        ranges: "",
    }
    .emit(registry);
    InvocationEnded { function: "ingest", outcome: "ok", duration }.emit(registry);
    embedded_line(registry, 0);
    began.elapsed()
}

fn embedded_line(registry: &Registry, now: i64) {
    let invocation = embedded::Invocation { function: "ingest", request_id: "request", now };
    std::hint::black_box(embedded::line(&registry.take(now), &invocation));
}
