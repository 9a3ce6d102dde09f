//! A lake in memory, and what an operator does with it.

use std::sync::Arc;

use base64_simd::STANDARD;
use bytes::Bytes;
use penstock_cli::audit;
use penstock_cli::cuts::{self, Force};
use penstock_cli::gaps::{self, Act, Declaration, Outcome};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::{Partition, Position};
use penstock_core::state::ChainTotals;
use penstock_core::windows_table;
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Fault, Faulty, MemoryStore, Operation, Put, Store, TestClock};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure, IngestSettings, Kind, Lake};
use serde_json::json;

const TOPIC: &str = "events";

/// A lake in memory, with cold functions for every call.
pub(crate) struct Pipeline {
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) store: Arc<Faulty>,
    pub(crate) lake: Lake,
}

impl Pipeline {
    pub(crate) fn new() -> Self {
        let clock: Arc<TestClock> = Arc::default();
        let store = Arc::new(Faulty::new(Arc::new(MemoryStore::default())));
        let lake = Lake::over(Arc::clone(&store) as Arc<dyn Store>, clock);
        Self { dataset: Arc::new(Dataset::shipped("iot").unwrap()), store, lake }
    }

    /// Delivers the events of these offsets.
    pub(crate) async fn deliver(&self, offsets: std::ops::Range<u64>) -> Result<serde_json::Value, Failure> {
        let values: Vec<_> = offsets.map(|offset| (offset, Some(self.event(offset)))).collect();
        self.deliver_values(&values).await
    }

    pub(crate) async fn deliver_values(&self, values: &[(u64, Option<String>)]) -> Result<serde_json::Value, Failure> {
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

    pub(crate) fn event(&self, number: u64) -> String {
        json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012x}"), "device_id": "dev-1",
            "device_type": "light", "event_time": self.now() / 1000, "event_duration": 1.5,
        })
        .to_string()
    }

    pub(crate) fn now(&self) -> i64 {
        self.lake.clock().now()
    }

    pub(crate) async fn refine(&self) -> Result<Vec<u64>, Failure> {
        let refine = Refine::new(self.lake.clone(), Arc::clone(&self.dataset), CutSettings::default());
        Ok(refine.run(Mode::Drain, &Call::default()).await?.cuts)
    }

    pub(crate) async fn declare(&self, from: u64, to: u64) -> Result<Outcome, Failure> {
        let gap = Gap { from: at(from), next: at(to), reason: GapReason::Expired };
        let declaration = Declaration { chain: chain(), gap };
        Ok(gaps::declare(&self.lake, &self.dataset, &declaration, Act::Write).await?.outcome)
    }

    pub(crate) async fn declare_unreadable(&self, from: u64) -> Result<Outcome, Failure> {
        let key = self.object(from);
        Ok(gaps::declare_unreadable(&self.lake, &self.dataset, &key, Act::Write).await?.outcome)
    }

    pub(crate) async fn void(&self, cut: u64, force: Force) -> Result<cuts::Voiding, Failure> {
        let plan = cuts::plan(&*self.store, &self.dataset.name, cut, force).await?;
        cuts::carry_out(&*self.store, &plan).await?;
        Ok(plan.voiding())
    }

    pub(crate) fn object(&self, from: u64) -> String {
        chain().object(&self.dataset.name, at(from))
    }

    pub(crate) async fn lose(&self, from: u64) {
        self.store.delete(&self.object(from)).await.unwrap();
    }

    /// Another content under the same key, as a disk might have it.
    pub(crate) async fn damage(&self, from: u64, bytes: impl Into<Bytes>) {
        self.lose(from).await;
        assert_eq!(self.store.put_new(&self.object(from), bytes.into()).await.unwrap(), Put::Created);
    }

    /// The pour of the next cut dies before it writes anything, so that the cut stands declared.
    pub(crate) async fn declare_cut_only(&self) {
        let fault = || Fault::new(Answer::Denied).on(Operation::PutNew);
        self.store.script(fault().key(|key| key.starts_with("silver/")));
        self.store.script(fault().key(|key| key.contains("/state/")));
        self.refine().await.unwrap_err();
        self.store.heal();
    }

    pub(crate) async fn totals(&self) -> ChainTotals {
        let newest = penstock_lake::cuts::newest(&*self.store, "iot").await.unwrap();
        let state = penstock_lake::cuts::read_state(&*self.store, "iot", newest).await.unwrap();
        state.expect("the newest cut is poured").chain_totals()
    }

    /// The audit finds nothing, and so many rows stand in silver beside so many positions in gaps.
    pub(crate) async fn balances(&self, silver: u64, gap_positions: u64) {
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
    pub(crate) async fn windows(&self) -> Vec<u64> {
        let mut counts = Vec::new();
        for listed in self.store.list_after(&keys::windows_folder("iot"), None, 1000).await.unwrap() {
            let file = self.store.get(&listed.key).await.unwrap();
            let rows = windows_table::decode(&self.dataset, &file).unwrap();
            counts.extend(rows.iter().map(|row| row.totals.count));
        }
        counts
    }

    pub(crate) async fn gaps(&self) -> Vec<(String, String, GapReason)> {
        let listing = gaps::list(&*self.store, &self.dataset).await.unwrap();
        assert_eq!(listing.problems, Vec::<String>::new());
        listing.gaps.into_iter().map(|gap| (gap.from.to_string(), gap.next.to_string(), gap.reason)).collect()
    }
}

pub(crate) fn at(offset: u64) -> Position {
    Position::from_offset(offset)
}

pub(crate) fn chain() -> ChainId {
    ChainId { topic: TOPIC.to_owned(), partition: Partition::Kafka(0), source: "kafka".to_owned(), epoch: 0 }
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Failure>, kind: Kind, says: &str) {
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains(says), "`{failure}` does not say `{says}`");
}
