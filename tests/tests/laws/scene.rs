//! Topics of any content, delivered in any pieces.

use std::collections::BTreeMap;

use penstock_core::keys;
use penstock_core::state::{self, State};
use penstock_lake::LIST_LIMIT;
use penstock_refine::Mode;
use penstock_runtime::Call;
use penstock_tests::events::{event, payload, record};
use penstock_tests::lake::TestLake;
use penstock_tests::reading::{Reading, Row, Total};
use penstock_trigger::log::LogRecord;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000;

/// One record of a topic.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    partition: i32,
    /// Records of the same number are copies of one event.
    number: u64,
    /// How many seconds before its arrival it happened.
    age_secs: i64,
    is_bad: bool,
}

/// Some records of three partitions: a few copies, a few bad ones, most of them recent and some late.
pub(crate) fn topic(longest: usize) -> impl Strategy<Value = Vec<Sent>> {
    let age_secs = prop_oneof![4 => 0..90_i64, 1 => 0..3_600_i64];
    let sent = (0..3, 0..200_u64, age_secs, proptest::bool::weighted(0.1));
    let sent = sent.prop_map(|(partition, number, age_secs, is_bad)| Sent { partition, number, age_secs, is_bad });
    proptest::collection::vec(sent, 1..longest)
}

/// Gives every record an event of its own.
pub(crate) fn without_copies(topic: &mut [Sent]) {
    for (number, sent) in (0..).zip(topic) {
        sent.number = number;
    }
}

/// The topic's records in the order in which they were sent; each partition counts its own.
/// Copies are alike: the first of a number says when the event happened.
pub(crate) fn log(lake: &TestLake, topic: &[Sent]) -> Vec<LogRecord> {
    let mut next: BTreeMap<i32, i64> = BTreeMap::new();
    let mut ages: BTreeMap<u64, i64> = BTreeMap::new();
    let mut records = Vec::new();
    for sent in topic {
        let offset = next.entry(sent.partition).or_default();
        let age_secs = *ages.entry(sent.number).or_insert(sent.age_secs);
        let device = format!("device-{}", sent.number % 4);
        let good = event(sent.number, &device, lake.seconds_ago(age_secs));
        let value = if sent.is_bad { format!("bad {good}") } else { good };
        records.push(record(sent.partition, *offset, lake.seconds_ago(0) / 1000 + *offset, value));
        *offset += 1;
    }
    records
}

/// So many records of the topic, and what happens after they were delivered.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    length: usize,
    wait_secs: u64,
    refine: bool,
}

pub(crate) fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (1..30_usize, 0..20_u64, any::<bool>());
    let piece = piece.prop_map(|(length, wait_secs, refine)| Piece { length, wait_secs, refine });
    proptest::collection::vec(piece, 0..8)
}

/// Delivers the records in these pieces, and what is left over in one; then everything is poured.
pub(crate) async fn deliver(lake: &TestLake, mut records: &[LogRecord], pieces: &[Piece]) -> Reading {
    let (ingest, refine) = (lake.ingest(), lake.refine());
    let rest = Piece { length: usize::MAX, wait_secs: 0, refine: false };
    for piece in pieces.iter().chain([&rest]) {
        let (now, later) = records.split_at(piece.length.min(records.len()));
        records = later;
        if !now.is_empty() {
            ingest.handle(&payload(now), &Call::default()).await.unwrap();
        }
        lake.wait(piece.wait_secs);
        if piece.refine {
            refine.run(Mode::Scheduled, &Call::default()).await.unwrap();
        }
    }
    lake.drain().await;
    lake.read().await
}

/// The windows that the rows of silver make, computed at once.
pub(crate) fn windows_of(rows: &[Row]) -> BTreeMap<(i64, String), Total> {
    let mut windows: BTreeMap<(i64, String), Total> = BTreeMap::new();
    for row in rows {
        let start = row.event_time.div_euclid(MINUTE) * MINUTE;
        let value = row.value.unwrap();
        let add = |total: &mut Total| {
            total.count += 1;
            total.measured += 1;
            total.sum += value;
            total.min = total.min.min(value);
            total.max = total.max.max(value);
        };
        let first = Total { count: 1, measured: 1, sum: value, min: value, max: value };
        windows.entry((start, row.device_id.clone())).and_modify(add).or_insert(first);
    }
    windows
}

/// All states, the oldest first.
pub(crate) async fn states(lake: &TestLake) -> Vec<State> {
    let listed = lake.store.list_after(&keys::states_folder("iot"), None, LIST_LIMIT).await.unwrap();
    let mut states = Vec::new();
    for listed in listed {
        states.push(state::decode(&lake.dataset, &lake.store.get(&listed.key).await.unwrap()).unwrap().0);
    }
    states
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
