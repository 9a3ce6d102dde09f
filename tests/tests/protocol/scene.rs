//! What the tests of the protocol say again and again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use penstock_core::chain::{GapReason, Link};
use penstock_core::checksum::{Checksum, row_hash};
use penstock_core::dataset::{Dataset, SHIPPED};
use penstock_core::keys::{self, ChainId};
use penstock_core::position::{Partition, Position};
use penstock_core::raw_object;
use penstock_core::state::{self, State};
use penstock_ingest::Ingest;
use penstock_lake::chain::{find_chains, find_tail, read_link};
use penstock_lake::{Clock, LIST_LIMIT, Put, Store};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, Failure, Kind, Lake};
use penstock_tests::events::{TOPIC, event, event_id, payload, record};
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;
use serde_json::Value;

/// 2026-01-01T00:00:00Z, where the clock of a [`TestLake`] begins, in seconds.
pub(crate) const START_SECS: i64 = 1_767_225_600;
pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn chain(partition: i32) -> ChainId {
    ChainId { topic: TOPIC.to_owned(), partition: Partition::Kafka(partition), source: "kafka".to_owned(), epoch: 0 }
}

pub(crate) fn at(offset: u64) -> Position {
    Position::from_offset(offset)
}

/// The event that partition 0 holds at an offset: it happened when the clock of the lake began.
pub(crate) fn landed(offset: i64) -> LogRecord {
    record_of(0, offset, START_SECS)
}

/// The record at an offset; its event, of a number of its own, happened at `event_secs` since 1970.
pub(crate) fn record_of(partition: i32, offset: i64, event_secs: i64) -> LogRecord {
    let number = number(partition, offset);
    let device = format!("device-{}", number % 3);
    let timestamp = START_SECS * 1000 + offset;
    record(partition, offset, timestamp, event(number, &device, event_secs * SECOND))
}

pub(crate) fn number(partition: i32, offset: i64) -> u64 {
    partition as u64 * 1_000_000 + offset as u64
}

/// Records of partition 0.
pub(crate) fn batch(offsets: impl IntoIterator<Item = i64>) -> Vec<LogRecord> {
    offsets.into_iter().map(landed).collect()
}

/// The ids of the events of [`batch`].
pub(crate) fn ids(offsets: impl IntoIterator<Item = i64>) -> BTreeSet<String> {
    offsets.into_iter().map(|offset| event_id(number(0, offset))).collect()
}

pub(crate) async fn deliver(ingest: &Ingest, records: &[LogRecord]) -> Result<Value, Failure> {
    ingest.handle(&payload(records), &Call { request_id: "test".to_owned(), deadline: 0 }).await
}

/// Delivers what must land, and says how many records landed now.
pub(crate) async fn land(ingest: &Ingest, records: &[LogRecord]) -> u64 {
    deliver(ingest, records).await.unwrap()["landed"].as_u64().unwrap()
}

/// Delivers what must be refused, with these words in the message.
pub(crate) async fn refused(ingest: &Ingest, records: &[LogRecord], words: &[&str]) {
    let failure = deliver(ingest, records).await.unwrap_err();
    check_refusal(&failure, words);
}

pub(crate) fn check_refusal(failure: &Failure, words: &[&str]) {
    assert_eq!(failure.kind, Kind::Misconfigured, "{failure}");
    for word in words {
        assert!(failure.message.contains(word), "`{word}` is not in: {failure}");
    }
}

/// One run by the schedule; the cuts that it poured.
pub(crate) async fn run(refine: &Refine) -> Vec<u64> {
    refine.run(Mode::Scheduled, &Call::default()).await.unwrap().cuts
}

/// Declares a gap as an operator does.
pub(crate) async fn declare_gap(lake: &TestLake, chain: &ChainId, next: u64, reason: GapReason) {
    let end = find_tail(&*lake.store, "iot", chain, None).await.unwrap();
    let link = Link::at_tail(&lake.dataset, chain, &end.tail, lake.clock.now(), "operator").into_gap(at(next), reason);
    let object = raw_object::encode_gap(&lake.dataset, &link).unwrap();
    assert_eq!(lake.store.put_new(&chain.object("iot", link.from), object).await.unwrap(), Put::Created);
}

/// The links of a chain that still stand. They follow one another: no fork, no hole, no overlap.
pub(crate) async fn links(lake: &TestLake, chain: &ChainId) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for key in all_keys(&*lake.store, &chain.folder("iot")).await {
        let (_, from) = ChainId::parse_object("iot", &key).unwrap();
        let link = read_link(&*lake.store, "iot", chain, from).await.unwrap();
        if let Some(before) = links.last() {
            assert_eq!(before.next, link.from, "{chain} is no chain");
        }
        links.push(link);
    }
    links
}

/// Partition 0 holds exactly these offsets, each once.
pub(crate) async fn holds(lake: &TestLake, offsets: impl IntoIterator<Item = i64>) {
    let links = links(lake, &chain(0)).await;
    let seed = chain(0).seed();
    let offsets: Vec<u64> = offsets.into_iter().map(|offset| offset as u64).collect();
    assert_eq!(links.iter().map(|link| link.rows).sum::<u64>(), offsets.len() as u64);
    let expect: Checksum = offsets.iter().map(|offset| Checksum(row_hash(seed, at(*offset)))).sum();
    assert_eq!(links.iter().map(|link| link.checksum).sum::<Checksum>(), expect);
}

/// After a drain silver holds exactly these events, each once, and the totals balance.
pub(crate) async fn drained(lake: &TestLake, expect: &BTreeSet<String>) {
    lake.drain().await;
    assert_eq!(lake.read().await.ids_each_once(), *expect);
    assert!(newest_state(lake).await.chain_totals().balance());
    for chain in find_chains(&*lake.store, "iot").await.unwrap() {
        links(lake, &chain).await;
    }
}

pub(crate) async fn all_keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list_after(prefix, after.as_deref(), LIST_LIMIT).await.unwrap();
        keys.extend(page.iter().map(|listed| listed.key.clone()));
        if page.len() < LIST_LIMIT {
            return keys;
        }
        after = keys.last().cloned();
    }
}

/// Everything that a run of refine writes, except hints.
pub(crate) async fn refined_keys(lake: &TestLake) -> Vec<String> {
    let mut keys = Vec::new();
    for prefix in ["silver/", "windows/", "rejects/", &keys::states_folder("iot"), &keys::cuts_folder("iot")] {
        keys.extend(all_keys(&*lake.store, prefix).await);
    }
    keys
}

pub(crate) async fn states(lake: &TestLake) -> Vec<State> {
    let mut states = Vec::new();
    for key in all_keys(&*lake.store, &keys::states_folder("iot")).await {
        let file = lake.store.get(&key).await.unwrap();
        states.push(state::decode(&lake.dataset, &file).unwrap().0);
    }
    states
}

pub(crate) async fn newest_state(lake: &TestLake) -> State {
    states(lake).await.pop().unwrap()
}

/// The same lake with other settings in its dataset file.
pub(crate) fn with_dataset(lake: &TestLake, changes: &[(&str, &str)]) -> TestLake {
    let mut text = SHIPPED[0].1.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let dataset = Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    TestLake { dataset: Arc::new(dataset), ..lake.clone() }
}

/// The lake over another store.
pub(crate) fn lake_over(lake: &TestLake, store: impl Store + 'static) -> Lake {
    Lake::over(Arc::new(store), Arc::clone(&lake.clock) as _)
}

/// Replaces an object, as nobody but a fault does.
pub(crate) async fn replace(lake: &TestLake, key: &str, bytes: impl Into<Bytes>) {
    lake.store.delete(key).await.unwrap();
    assert_eq!(lake.store.put_new(key, bytes.into()).await.unwrap(), Put::Created);
}

/// Runs a future to its end, for properties.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
