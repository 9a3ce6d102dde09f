//! A topic, a mapping in provisioned mode, and a lake behind the function.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use penstock_cli::audit;
use penstock_cli::gaps::{self, Act, Declaration};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::keys::ChainId;
use penstock_core::position::{Partition, Position};
use penstock_ingest::Ingest;
use penstock_lake::chain::find_tail;
use penstock_runtime::{Call, IngestSettings};
use penstock_tests::events::{TOPIC, event, event_id};
use penstock_tests::lake::TestLake;
use penstock_tests::random::Random;
use penstock_trigger::destination::{Destination, DestinationError};
use penstock_trigger::discard::Discarded;
use penstock_trigger::invoke::{InvokeError, Invoker, from_fn};
use penstock_trigger::log::LogRecord;
use penstock_trigger::mapping::{Failures, Mapping, Pollers, Until};
use penstock_trigger::memory::{MemoryLog, NewRecord};
use penstock_trigger::{Served, Trigger};

/// Partition and offset of a record.
pub(crate) type Place = (i32, i64);

pub(crate) struct Scene {
    pub(crate) lake: TestLake,
    pub(crate) mapping: Mapping,
    settings: IngestSettings,
    log: Arc<MemoryLog>,
    destination: Arc<Kept>,
    /// How many records each partition has got, those published again included.
    ends: Mutex<Vec<i64>>,
    /// The number of each event; the same event may be published more than once.
    events: BTreeSet<u64>,
}

impl Scene {
    /// So many records by partition, each with an event of its own.
    pub(crate) fn new(counts: &[usize], mut failures: Failures, settings: IngestSettings) -> Self {
        failures.destination = Some("arn:aws:sqs:us-east-1:000000000000:failed".parse().unwrap());
        let mapping = Mapping {
            batch_size: 8,
            batching_window: Duration::ZERO,
            first_retry_delay: Duration::from_micros(1),
            pollers: Pollers::Provisioned { minimum: 1, maximum: 2 },
            failures,
            until: Until::Drained,
            ..Mapping::new(TOPIC, "ingest", "127.0.0.1:9092", "tests")
        };
        let mut scene = Self {
            lake: TestLake::in_memory(),
            mapping,
            settings,
            log: Arc::new(MemoryLog::new(counts.len(), 1 << 24)),
            destination: Arc::default(),
            ends: Mutex::new(vec![0; counts.len()]),
            events: BTreeSet::new(),
        };
        for (partition, &count) in counts.iter().enumerate() {
            for offset in 0..count {
                let number = (partition * 1_000_000 + offset) as u64;
                scene.events.insert(number);
                let value = event(number, "device", scene.lake.seconds_ago(5));
                scene.append(partition as i32, value.into());
            }
        }
        scene
    }

    fn append(&self, partition: i32, value: Bytes) {
        let timestamp = self.lake.seconds_ago(0) / 1_000;
        let record = NewRecord { value: Some(value), timestamp, ..NewRecord::default() };
        let appended = futures::FutureExt::now_or_never(self.log.append(partition as usize, record));
        assert!(matches!(appended, Some(Ok(_))), "there is room for a few records");
        self.ends.lock().unwrap()[partition as usize] += 1;
    }

    /// Delivers what is not committed yet, to a cold function that crashes as it is told to.
    pub(crate) async fn run(&self, crashes: Crashes) -> Served {
        let ingest = Arc::new(self.lake.ingest_with(self.settings.clone()));
        let invoker = crashes.invoker(ingest);
        let trigger = Trigger::new(&self.mapping, Arc::clone(&self.log) as _, invoker);
        let served = trigger.on_failure(Arc::clone(&self.destination) as _).serve(pending()).await.unwrap();
        assert_eq!(self.log.committed(), *self.ends.lock().unwrap(), "everything is settled");
        served
    }

    pub(crate) fn places(ranges: &[(i32, Range<i64>)]) -> BTreeSet<Place> {
        ranges.iter().flat_map(|(partition, range)| range.clone().map(|offset| (*partition, offset))).collect()
    }

    /// Everything that the topic holds.
    pub(crate) fn published(&self) -> BTreeSet<Place> {
        let ends = self.ends.lock().unwrap();
        let partitions = (0..).zip(ends.iter());
        partitions.flat_map(|(partition, &end)| (0..end).map(move |offset| (partition, offset))).collect()
    }

    /// What stands in silver. No event is there twice yet, so nothing was dropped as a duplicate.
    pub(crate) async fn landed(&self) -> BTreeSet<Place> {
        self.lake.drain().await;
        let silver = self.lake.read().await.silver_rows();
        silver.into_iter().map(|row| (row.partition, row.offset)).collect()
    }

    pub(crate) fn given_up(&self) -> BTreeSet<Place> {
        self.destination.records.lock().unwrap().keys().copied().collect()
    }

    /// Declares what is missing at the end of each chain, as an operator does with `penstock gaps declare`, after a look at
    /// what the destination holds.
    pub(crate) async fn declare_what_was_given_up(&self) {
        let ends = self.ends.lock().unwrap().clone();
        let given_up = self.given_up();
        for (partition, end) in (0..).zip(ends) {
            let chain = chain(partition);
            let tail = find_tail(&*self.lake.store, "iot", &chain, None).await.unwrap();
            let from = tail.tail.next.offset().unwrap();
            // Nothing landed of the partition at all: its first delivery declares what comes before it.
            if tail.last.is_none() || from == end {
                continue;
            }
            assert!((from..end).all(|offset| given_up.contains(&(partition, offset))), "{chain} lost [{from}, {end})");
            let gap = Gap { from: at(from), next: at(end), reason: GapReason::DeadLettered };
            let declaration = Declaration { chain, gap };
            gaps::declare(&self.lake.lake(), &self.lake.dataset, &declaration, Act::Write).await.unwrap();
        }
    }

    /// Publishes what the destination holds to the topic again. Some of it may have landed all the same.
    pub(crate) async fn publish_again(&self) {
        let records = std::mem::take(&mut *self.destination.records.lock().unwrap());
        for (place, record) in records {
            self.append(place.0, record.value.unwrap());
        }
    }

    /// The audit has no finding, and silver holds each event once.
    pub(crate) async fn holds_everything_once(&self) {
        assert!(self.given_up().is_empty(), "all was published again");
        self.lake.drain().await;
        let report = audit::report(&*self.lake.store, &self.lake.dataset, 0).await.unwrap();
        assert!(report.balances(), "{:?}", report.findings);
        let expect: BTreeSet<String> = self.events.iter().map(|number| event_id(*number)).collect();
        assert_eq!(self.lake.read().await.ids_each_once(), expect);
    }
}

fn chain(partition: i32) -> ChainId {
    ChainId { topic: TOPIC.to_owned(), partition: Partition::Kafka(partition), source: "kafka".to_owned(), epoch: 0 }
}

fn at(offset: i64) -> Position {
    Position::from_offset(offset as u64)
}

/// A destination that keeps the records; those that it gets twice, once.
#[derive(Debug, Default)]
struct Kept {
    records: Mutex<BTreeMap<Place, LogRecord>>,
}

#[async_trait::async_trait]
impl Destination for Kept {
    async fn take(&self, discarded: &Discarded) -> Result<(), DestinationError> {
        let places = discarded.records.iter().map(|record| ((record.partition, record.offset), record.clone()));
        self.records.lock().unwrap().extend(places);
        Ok(())
    }
}

/// When the function's process dies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crashes {
    /// With these records in the payload, before anything of it landed.
    records: BTreeSet<Place>,
    /// At any invocation, before or after it did its work.
    seed: Option<u64>,
}

impl Crashes {
    pub(crate) fn never() -> Self {
        Self::default()
    }

    pub(crate) fn on_records(records: impl IntoIterator<Item = Place>) -> Self {
        Self { records: records.into_iter().collect(), seed: None }
    }

    pub(crate) fn and_now_and_then(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    fn invoker(self, ingest: Arc<Ingest>) -> Arc<dyn Invoker> {
        let random = self.seed.map(|seed| Mutex::new(Random::seeded(seed)));
        let records = Arc::new(self.records);
        Arc::new(from_fn(move |payload: Bytes| {
            let dies = || random.as_ref().is_some_and(|random| random.lock().unwrap().once_in(6));
            let (dies_before, dies_after) = (dies() || has_any(&payload, &records), dies());
            let ingest = Arc::clone(&ingest);
            async move {
                let died = || Err(InvokeError::Function("its process ended".to_owned()));
                if dies_before {
                    return died();
                }
                let answer = ingest.handle(&payload, &Call { request_id: "test".to_owned(), deadline: 0 }).await;
                if dies_after {
                    return died();
                }
                let answer = answer.map_err(|failure| InvokeError::Function(failure.to_string()))?;
                Ok(Bytes::from(answer.to_string()))
            }
        }))
    }
}

fn has_any(payload: &Bytes, places: &BTreeSet<Place>) -> bool {
    let payload: serde_json::Value = serde_json::from_slice(payload).unwrap();
    let lists = payload["records"].as_object().unwrap().values();
    let mut records = lists.flat_map(|list| list.as_array().unwrap());
    records.any(|record| {
        let place = (record["partition"].as_i64().unwrap() as i32, record["offset"].as_i64().unwrap());
        places.contains(&place)
    })
}
