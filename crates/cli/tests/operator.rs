//! What an operator does when records are missing or a raw object is lost: each refusal names a remedy, and the remedy works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use base64_simd::STANDARD;
use bytes::Bytes;
use penstock_cli::audit;
use penstock_cli::cuts::{self, Force};
use penstock_cli::gaps::{self, Act, Declaration, Outcome};
use penstock_cli::rejects::{self, Selection};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::{Partition, Position};
use penstock_core::state::ChainTotals;
use penstock_core::windows_table;
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Fault, Faulty, MemoryStore, Operation, Put, Store, TestClock};
use penstock_producer::{Deliveries, Record, Sink, SinkError};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure, IngestSettings, Kind, Lake};
use serde_json::json;

const TOPIC: &str = "events";

/// A lake in memory, with cold functions for every call.
struct Pipeline {
    dataset: Arc<Dataset>,
    store: Arc<Faulty>,
    lake: Lake,
}

impl Pipeline {
    fn new() -> Self {
        let clock: Arc<TestClock> = Arc::default();
        let store = Arc::new(Faulty::new(Arc::new(MemoryStore::default())));
        let lake = Lake::over(Arc::clone(&store) as Arc<dyn Store>, clock);
        Self { dataset: Arc::new(Dataset::shipped("iot").unwrap()), store, lake }
    }

    /// Delivers the events of these offsets.
    async fn deliver(&self, offsets: std::ops::Range<u64>) -> Result<serde_json::Value, Failure> {
        let values: Vec<_> = offsets.map(|offset| (offset, Some(self.event(offset)))).collect();
        self.deliver_values(&values).await
    }

    async fn deliver_values(&self, values: &[(u64, Option<String>)]) -> Result<serde_json::Value, Failure> {
        let ingest = Ingest::new(self.lake.clone(), Arc::clone(&self.dataset), IngestSettings::default());
        let records: Vec<_> = values
            .iter()
            .map(|(offset, value)| {
                json!({
                    "topic": TOPIC, "partition": 0, "offset": offset, "timestamp": self.now() / 1000,
                    "timestampType": "CREATE_TIME", "key": STANDARD.encode_to_string(b"dev-1"),
                    "value": value.as_ref().map(|value| STANDARD.encode_to_string(value)),
                })
            })
            .collect();
        let payload = json!({ "eventSource": "SelfManagedKafka", "bootstrapServers": "b:9092", "records": { "events-0": records } });
        ingest.handle(payload.to_string().as_bytes(), &Call::default()).await
    }

    fn event(&self, number: u64) -> String {
        json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012x}"), "device_id": "dev-1",
            "device_type": "light", "event_time": self.now() / 1000, "event_duration": 1.5,
        })
        .to_string()
    }

    fn now(&self) -> i64 {
        self.lake.clock().now()
    }

    async fn refine(&self) -> Result<Vec<u64>, Failure> {
        let refine = Refine::new(self.lake.clone(), Arc::clone(&self.dataset), CutSettings::default());
        Ok(refine.run(Mode::Drain, &Call::default()).await?.cuts)
    }

    async fn declare(&self, from: u64, to: u64) -> Result<Outcome, Failure> {
        let gap = Gap { from: at(from), next: at(to), reason: GapReason::Expired };
        let declaration = Declaration { chain: chain(), gap };
        Ok(gaps::declare(&self.lake, &self.dataset, &declaration, Act::Write).await?.outcome)
    }

    async fn declare_unreadable(&self, from: u64) -> Result<Outcome, Failure> {
        let key = self.object(from);
        Ok(gaps::declare_unreadable(&self.lake, &self.dataset, &key, Act::Write).await?.outcome)
    }

    async fn void(&self, cut: u64, force: Force) -> Result<cuts::Voiding, Failure> {
        let plan = cuts::plan(&*self.store, &self.dataset.name, cut, force).await?;
        cuts::carry_out(&*self.store, &plan).await?;
        Ok(plan.voiding())
    }

    fn object(&self, from: u64) -> String {
        chain().object(&self.dataset.name, at(from))
    }

    async fn lose(&self, from: u64) {
        self.store.delete(&self.object(from)).await.unwrap();
    }

    /// Another content under the same key, as a disk might have it.
    async fn damage(&self, from: u64, bytes: impl Into<Bytes>) {
        self.lose(from).await;
        assert_eq!(self.store.put_new(&self.object(from), bytes.into()).await.unwrap(), Put::Created);
    }

    /// The pour of the next cut dies before it writes anything, so that the cut stands declared.
    async fn declare_cut_only(&self) {
        let fault = || Fault::new(Answer::Denied).on(Operation::PutNew);
        self.store.script(fault().key(|key| key.starts_with("silver/")));
        self.store.script(fault().key(|key| key.contains("/state/")));
        self.refine().await.unwrap_err();
        self.store.heal();
    }

    async fn totals(&self) -> ChainTotals {
        let newest = penstock_lake::cuts::newest(&*self.store, "iot").await.unwrap();
        let state = penstock_lake::cuts::read_state(&*self.store, "iot", newest).await.unwrap();
        state.expect("the newest cut is poured").chain_totals()
    }

    /// The audit finds nothing, and so many rows stand in silver beside so many positions in gaps.
    async fn balances(&self, silver: u64, gap_positions: u64) {
        let report = audit::report(&*self.store, &self.dataset, 0).await.unwrap();
        assert_eq!(report.findings, []);
        let totals = self.totals().await;
        assert!(totals.balance());
        assert_eq!((totals.silver.rows, totals.gap_positions), (silver, gap_positions));
        if report.waiting == 0 {
            assert_eq!(report.gap_positions, gap_positions);
        }
    }

    /// How many events each window has that was written.
    async fn windows(&self) -> Vec<u64> {
        let mut counts = Vec::new();
        for listed in self.store.list_after(&keys::windows_folder("iot"), None, 1000).await.unwrap() {
            let file = self.store.get(&listed.key).await.unwrap();
            let rows = windows_table::decode(&self.dataset, &file).unwrap();
            counts.extend(rows.iter().map(|row| row.totals.count));
        }
        counts
    }

    async fn gaps(&self) -> Vec<(String, String, GapReason)> {
        let listing = gaps::list(&*self.store, &self.dataset).await.unwrap();
        assert_eq!(listing.problems, Vec::<String>::new());
        listing.gaps.into_iter().map(|gap| (gap.from.to_string(), gap.next.to_string(), gap.reason)).collect()
    }
}

fn at(offset: u64) -> Position {
    Position::from_offset(offset)
}

fn chain() -> ChainId {
    ChainId { topic: TOPIC.to_owned(), partition: Partition::Kafka(0), source: "kafka".to_owned(), epoch: 0 }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Failure>, kind: Kind, says: &str) {
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains(says), "`{failure}` does not say `{says}`");
}

#[tokio::test]
async fn a_gap_is_refused_declared_and_then_the_next_delivery_lands() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    refused(pipeline.deliver(15..20).await, Kind::Misconfigured, "--from 10 --to 15 --reason expired");

    refused(pipeline.declare(12, 15).await, Kind::Misconfigured, "the positions [10, 12) would be missing too");
    refused(pipeline.declare(5, 15).await, Kind::Misconfigured, "declare the gap with --from 10");
    refused(pipeline.declare(10, 10).await, Kind::Misconfigured, "is empty");
    let elsewhere = Declaration {
        chain: ChainId { topic: "evnets".to_owned(), ..chain() },
        gap: Gap { from: at(0), next: at(15), reason: GapReason::Expired },
    };
    let result = gaps::declare(&pipeline.lake, &pipeline.dataset, &elsewhere, Act::Write).await;
    refused(result, Kind::Misconfigured, "--source kafka --topic events --epoch 0");

    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Declared);
    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Known);
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "[10, 15) is declared a gap already");
    pipeline.deliver(15..20).await.unwrap();
    refused(pipeline.deliver(12..14).await, Kind::Misconfigured, "lies in the gap [10, 15)");
    assert_eq!(pipeline.gaps().await, [("10".to_owned(), "15".to_owned(), GapReason::Expired)]);
    pipeline.refine().await.unwrap();
    pipeline.balances(15, 5).await;
}

#[tokio::test]
async fn a_gap_whose_place_was_taken_meanwhile_is_not_declared() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    let hidden = pipeline.object(10);
    pipeline.deliver(10..12).await.unwrap();
    // The list does not show what landed a moment ago.
    pipeline.store.hide(move |key| key == hidden);
    refused(pipeline.declare(10, 15).await, Kind::Retry, "somebody landed at 10 meanwhile");
    pipeline.store.heal();
    assert_eq!(pipeline.gaps().await, []);
}

#[tokio::test]
async fn a_declaration_whose_reply_was_lost_is_recognised_as_our_own() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.store.script(Fault::new(Answer::ReplyLost).on(Operation::PutNew).times(1));
    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Declared);
}

#[tokio::test]
async fn an_object_lost_before_any_cut_is_declared_unreadable_and_refine_goes_on() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30] {
        pipeline.deliver(batch).await.unwrap();
    }
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "can be read, all 10 rows of it");
    refused(pipeline.declare_unreadable(20).await, Kind::Misconfigured, "can be read");
    pipeline.lose(10).await;
    pipeline.refine().await.unwrap();
    assert_eq!(pipeline.totals().await.silver.rows, 10, "what comes after the hole waits");

    refused(pipeline.declare_unreadable(0).await, Kind::Misconfigured, "Nothing to do");
    assert_eq!(pipeline.declare_unreadable(10).await.unwrap(), Outcome::Declared);
    assert_eq!(pipeline.declare_unreadable(10).await.unwrap(), Outcome::Known);
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 10).await;
    assert_eq!(pipeline.gaps().await, [("10".to_owned(), "20".to_owned(), GapReason::Unreadable)]);
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "is poured");
}

#[tokio::test]
async fn the_last_object_of_a_chain_is_deleted_and_delivered_again() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.deliver(10..20).await.unwrap();
    pipeline.damage(10, "no parquet").await;
    refused(pipeline.deliver(20..30).await, Kind::Misconfigured, "damaged");
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "delete it");
    pipeline.lose(10).await;
    pipeline.deliver(10..30).await.unwrap();
    pipeline.refine().await.unwrap();
    pipeline.balances(30, 0).await;
}

#[tokio::test]
async fn a_cut_whose_objects_are_lost_is_voided_and_the_next_one_has_gaps_in_their_place() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30, 30..40] {
        pipeline.deliver(batch).await.unwrap();
    }
    pipeline.declare_cut_only().await;
    refused(pipeline.void(1, Force::No).await, Kind::Misconfigured, "all 4 objects of cut 1 of iot can be read");
    pipeline.lose(10).await;
    let intact = pipeline.store.get(&pipeline.object(0)).await.unwrap();
    pipeline.damage(20, intact).await;
    refused(pipeline.refine().await, Kind::Misconfigured, "penstock cuts void 1");
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "penstock cuts void 1");

    refused(pipeline.void(2, Force::No).await, Kind::Misconfigured, "only the newest cut");
    let voiding = pipeline.void(1, Force::No).await.unwrap();
    assert_eq!((voiding.rows, voiding.rows_lost, voiding.unreadable.len()), (40, 20, 2));
    refused(pipeline.void(1, Force::No).await, Kind::Misconfigured, "is voided");
    assert_eq!(pipeline.refine().await.unwrap(), [2]);
    pipeline.balances(20, 20).await;
    refused(pipeline.void(2, Force::Yes).await, Kind::Misconfigured, "is poured");
    refused(pipeline.deliver(15..18).await, Kind::Misconfigured, "was lost and declared unreadable");
    refused(pipeline.deliver(25..28).await, Kind::Misconfigured, "was lost and declared unreadable");
    pipeline.deliver(35..40).await.unwrap();
}

#[tokio::test]
async fn a_damaged_object_with_a_sound_footer_is_moved_away_before_a_gap_can_stand_in_for_it() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30] {
        pipeline.deliver(batch).await.unwrap();
    }
    let mut damaged = pipeline.store.get(&pipeline.object(10)).await.unwrap().to_vec();
    damaged[4..100].fill(0);
    pipeline.damage(10, damaged).await;
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "move the object out of the lake");
    pipeline.declare_cut_only().await;
    refused(pipeline.void(1, Force::No).await, Kind::Misconfigured, "move the object out of the lake");
    pipeline.lose(10).await;
    assert_eq!(pipeline.void(1, Force::No).await.unwrap().rows_lost, 10);
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 10).await;
}

/// Three objects stand in a declared cut, and the last two of them are lost.
async fn cut_with_two_lost_objects() -> Pipeline {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30] {
        pipeline.deliver(batch).await.unwrap();
    }
    pipeline.declare_cut_only().await;
    pipeline.lose(10).await;
    pipeline.lose(20).await;
    refused(pipeline.refine().await, Kind::Misconfigured, "penstock cuts void 1");
    pipeline
}

#[tokio::test]
async fn a_voided_cut_loses_nothing_that_landed_again_in_other_batches() {
    for border in [15, 25, 35] {
        for is_voided_first in [false, true] {
            let pipeline = cut_with_two_lost_objects().await;
            if is_voided_first {
                assert_eq!(pipeline.void(1, Force::No).await.unwrap().rows_lost, 20);
            }
            pipeline.deliver(10..border).await.unwrap();
            pipeline.deliver(border..40).await.unwrap();
            if !is_voided_first {
                assert_eq!(pipeline.void(1, Force::No).await.unwrap().rows_lost, 0);
            }
            pipeline.refine().await.unwrap();
            pipeline.balances(40, 0).await;
            // A redelivery is found landed: no declaration stands in its way.
            pipeline.deliver(15..40).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_voided_cut_loses_what_was_declared_a_gap_meanwhile() {
    let pipeline = cut_with_two_lost_objects().await;
    assert_eq!(pipeline.declare(10, 30).await.unwrap(), Outcome::Declared);
    pipeline.deliver(30..40).await.unwrap();
    assert_eq!(pipeline.void(1, Force::No).await.unwrap().rows_lost, 20);
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 20).await;
    assert_eq!(pipeline.gaps().await, [("10".to_owned(), "30".to_owned(), GapReason::Expired)]);
}

#[tokio::test]
async fn files_that_refine_wrote_while_its_cut_was_voided_are_named() {
    let pipeline = cut_with_two_lost_objects().await;
    let plan = cuts::plan(&*pipeline.store, "iot", 1, Force::No).await.unwrap();
    assert_eq!(pipeline.store.put_new(&keys::rejects("iot", 1), Bytes::new()).await.unwrap(), Put::Created);
    let result = cuts::carry_out(&*pipeline.store, &plan).await;
    refused(result, Kind::Misconfigured, "delete these files");
}

#[tokio::test]
async fn a_second_cut_is_voided_with_the_gaps_of_the_first() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30, 30..40] {
        pipeline.deliver(batch).await.unwrap();
    }
    // The first object of the chain too.
    for (cut, from) in [(1, 0), (2, 20)] {
        pipeline.declare_cut_only().await;
        pipeline.lose(from).await;
        let voiding = pipeline.void(cut, Force::No).await.unwrap();
        assert_eq!((voiding.rows_lost, voiding.unreadable.len()), (10, 1), "cut {cut}");
        pipeline.balances(0, 0).await;
    }
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 20).await;
}

#[tokio::test]
async fn a_poured_object_that_ingest_needs_is_replaced_by_a_gap() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.deliver(10..20).await.unwrap();
    pipeline.refine().await.unwrap();
    pipeline.damage(10, "no parquet").await;
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "--from 10 --to 20 --reason expired");
    pipeline.lose(10).await;
    assert_eq!(pipeline.declare(10, 20).await.unwrap(), Outcome::Declared);
    refused(pipeline.deliver(15..25).await, Kind::Misconfigured, "lies in the gap");
    pipeline.deliver(20..30).await.unwrap();
    pipeline.refine().await.unwrap();
    assert_eq!(pipeline.totals().await.silver.rows, 30, "nothing landed twice");
}

#[tokio::test]
async fn a_voided_cut_keeps_the_ids_and_the_open_windows_of_those_before_it() {
    for is_warm in [true, false] {
        let pipeline = Pipeline::new();
        let refine = || Refine::new(pipeline.lake.clone(), Arc::clone(&pipeline.dataset), CutSettings::default());
        let warm = refine();
        pipeline.deliver(0..10).await.unwrap();
        warm.run(Mode::Scheduled, &Call::default()).await.unwrap();
        // These repeat events of the first cut, and all events share one window.
        let repeated = |offset: u64| (offset, Some(pipeline.event(offset - 10)));
        pipeline.deliver_values(&(10..20).map(repeated).collect::<Vec<_>>()).await.unwrap();
        pipeline.deliver(20..30).await.unwrap();
        pipeline.deliver(30..40).await.unwrap();
        pipeline.declare_cut_only().await;
        pipeline.lose(20).await;
        assert_eq!(pipeline.void(2, Force::No).await.unwrap().rows_lost, 10);
        let next = if is_warm { warm } else { refine() };
        next.run(Mode::Drain, &Call::default()).await.unwrap();
        pipeline.balances(20, 10).await;
        assert_eq!(pipeline.totals().await.duplicates.rows, 10);
        assert_eq!(pipeline.windows().await, [20], "one window, written once");
    }
}

#[tokio::test]
async fn the_lost_last_object_of_a_voided_cut_may_be_delivered_again() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.deliver(10..20).await.unwrap();
    pipeline.declare_cut_only().await;
    pipeline.lose(10).await;
    let voiding = pipeline.void(1, Force::No).await.unwrap();
    assert!(voiding.unreadable[0].is_last);
    refused(pipeline.deliver(20..30).await, Kind::Misconfigured, "--from 10 --to 20");
    pipeline.deliver(10..30).await.unwrap();
    pipeline.refine().await.unwrap();
    pipeline.balances(30, 0).await;
    // The declaration is void now, and a redelivery is found landed.
    pipeline.deliver(15..25).await.unwrap();
}

#[tokio::test]
async fn a_cut_of_which_anything_is_written_is_not_voided() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    // The run dies between the files and the state.
    pipeline.store.script(Fault::new(Answer::Denied).on(Operation::PutNew).key(|key| key.contains("/state/")));
    pipeline.refine().await.unwrap_err();
    pipeline.store.heal();
    let intact = pipeline.store.get(&pipeline.object(0)).await.unwrap();
    pipeline.lose(0).await;
    for force in [Force::No, Force::Yes] {
        refused(pipeline.void(1, force).await, Kind::Misconfigured, "written in part");
    }
    // The remedy that it names.
    pipeline.damage(0, intact).await;
    pipeline.refine().await.unwrap();
    pipeline.balances(10, 0).await;
}

#[tokio::test]
async fn a_cut_that_could_be_poured_is_voided_only_by_force_and_loses_nothing() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.declare_cut_only().await;
    refused(pipeline.void(1, Force::No).await, Kind::Misconfigured, "--force");
    assert_eq!(pipeline.void(1, Force::Yes).await.unwrap().rows_lost, 0);
    assert_eq!(pipeline.refine().await.unwrap(), [2]);
    pipeline.balances(10, 0).await;
}

/// A topic that takes what is sent to it, except for one value.
#[derive(Clone, Default)]
struct Topic(Arc<Mutex<Vec<KeyAndValue>>>);

type KeyAndValue = (Option<Vec<u8>>, Vec<u8>);

impl Sink for Topic {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        if record.value == b"too large" {
            return Err(SinkError::TooLarge { size: record.value.len() });
        }
        self.0.lock().unwrap().push((record.key().map(<[u8]>::to_vec), record.value.clone()));
        Ok(())
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        Ok(Deliveries { acknowledged: self.0.lock().unwrap().len() as u64, ..Deliveries::default() })
    }
}

#[tokio::test]
async fn rejects_are_published_again_byte_for_byte_with_their_keys() {
    let pipeline = Pipeline::new();
    let bad = |offset: u64, value: &str| (offset, Some(value.to_owned()));
    let values =
        [bad(0, "{broken"), (1, None), bad(2, "too large"), bad(3, &pipeline.event(3)), bad(4, "{\"event_id\":1}")];
    pipeline.deliver_values(&values).await.unwrap();
    pipeline.refine().await.unwrap();
    let topic = Topic::default();
    let redrive = |selection: Selection, limit: u64| {
        let (store, sink) = (Arc::clone(&pipeline.store), Box::new(topic.clone()));
        async move { rejects::redrive(&*store, "iot", &selection, limit, sink).await.unwrap() }
    };

    let redriven = redrive(Selection::default(), u64::MAX).await;
    assert_eq!((redriven.records, redriven.acknowledged, redriven.failed), (3, 2, 1));
    assert_eq!(redriven.skipped.into_iter().collect::<Vec<_>>(), [("tombstone".to_owned(), 1)]);
    assert!(redriven.first_failure.unwrap().starts_with("events partition 0 position 2: 9 bytes"));
    let key = Some(b"dev-1".to_vec());
    let published = std::mem::take(&mut *topic.0.lock().unwrap());
    assert_eq!(published, [(key.clone(), b"{broken".to_vec()), (key, b"{\"event_id\":1}".to_vec())]);

    let selection = Selection { reason: Some("not_json".parse().unwrap()), ..Selection::default() };
    assert_eq!(redrive(selection, 1).await.records, 1);
    let after = Selection { since: Some(1), ..Selection::default() };
    assert_eq!(redrive(after, u64::MAX).await.records, 0);
    assert!(pipeline.store.get(&keys::rejects("iot", 1)).await.is_ok());
}
