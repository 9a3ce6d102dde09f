//! One scene, played again and again: three partitions, a mapping that keeps their order, both functions,
//! and something of everything that they do.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use penstock_cli::gaps::{self, Act};
use penstock_core::dataset::{Dataset, SHIPPED};
use penstock_core::keys::{self, ChainId};
use penstock_core::position::{Partition, Position};
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Clock, Fault, Operation, Put};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure};
use penstock_tests::events::{TOPIC, event, event_id, payload, record};
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;

use crate::faults::{Cell, Span};
use crate::operations::{Ask, Function};

/// 2026-01-01T00:00:00Z, where the clock of a [`TestLake`] begins, in seconds.
const START_SECS: i64 = 1_767_225_600;

/// Where the gap stands with which partition 1 begins, because its first record is not at position 0.
pub(crate) const START_OF_A_CHAIN: &str = "raw/iot/kafka/events@0/00001/00000000000000000000.parquet";

/// Partition 2 lost these records, with their object, before the scene begins.
const LOST: std::ops::Range<i64> = 3..6;

/// How often Lambda, or the schedule, tries again before the scene goes on.
const ATTEMPTS: usize = 3;

const DEADLINE_SECS: i64 = 60;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Each partition's next batch comes in one payload.
    Deliver,
    Refine,
    Minutes(u64),
    /// Both functions are cold again.
    Deploy,
}

const SCENE: [Step; 18] = {
    use Step::{Deliver, Deploy, Minutes, Refine};
    [
        Deliver,
        Refine,
        Minutes(1), //
        Deliver,
        Refine,
        Minutes(2), //
        Deploy,
        Deliver,
        Refine,
        Minutes(3), //
        Deliver,
        Refine, //
        // Raw objects are past their age now.
        Minutes(26 * 60),
        Deliver,
        Refine, //
        Deploy,
        Deliver,
        Refine,
    ]
};

/// What the mapping delivers of each partition, batch by batch. Batches overlap, because some come again.
const BATCHES: [&[std::ops::Range<i64>]; 3] =
    [&[0..4, 3..7, 7..10, 10..12, 11..15, 15..18], &[5..8, 8..11, 11..12, 12..15, 15..17], &[7..11, 11..13, 13..15]];

/// The record at an offset: now and then one that is no event, or the event of three offsets before.
fn record_at(partition: i32, offset: i64) -> LogRecord {
    let number = |offset: i64| u64::from(partition.unsigned_abs()) * 1000 + offset.unsigned_abs();
    let value = match (partition, offset) {
        (1, offset) if offset % 5 == 0 => "no event".to_owned(),
        (0, offset) if offset % 6 == 5 => event(number(offset - 3), "device-0", event_time(partition, offset - 3)),
        _ => event(number(offset), &format!("device-{}", offset % 2), event_time(partition, offset)),
    };
    record(partition, offset, START_SECS * 1000 + offset, value)
}

/// The ids of all events that are not lost.
pub(crate) fn events() -> BTreeSet<String> {
    let ids = |partition: u64, offsets: std::ops::Range<u64>| offsets.map(move |offset| partition * 1000 + offset);
    let first = ids(0, 0..18).filter(|number| number % 6 != 5);
    let second = ids(1, 5..17).filter(|number| number % 5 != 0);
    let third = ids(2, 0..3).chain(ids(2, 6..15));
    first.chain(second).chain(third).map(event_id).collect()
}

/// In epoch microseconds: around midnight; a day later where partition 0 goes on then; and once very late.
fn event_time(partition: i32, offset: i64) -> i64 {
    let secs = match (partition, offset) {
        (0, 14) => START_SECS,
        (0, 12..) => START_SECS + 26 * 3600 + offset * 30,
        _ => START_SECS - 120 + offset * 30,
    };
    secs * 1_000_000
}

/// The dataset with a horizon so long that no outage makes duplicates of copies.
pub(crate) fn dataset() -> Dataset {
    let text = SHIPPED[0].1.replace("horizon_secs = 600", "horizon_secs = 604800");
    let dataset = Dataset::parse(&text).unwrap();
    assert_eq!(dataset.dedupe.horizon_secs, 604_800);
    dataset
}

/// The lake, the functions, each with a store that can fail, and what the mapping has still to deliver.
pub(crate) struct World {
    /// The objects as they are, without faults.
    pub(crate) lake: TestLake,
    ingest_lake: TestLake,
    ingest: Ingest,
    refine_lake: TestLake,
    refine: Refine,
    waiting: [VecDeque<Vec<LogRecord>>; 3],
    cell: Option<Cell>,
    pub(crate) failures: Vec<Failure>,
    /// Asked by processes that have died.
    asked: Vec<Ask>,
}

impl World {
    /// Before the scene: partition 2 has three objects; the one in the middle is lost, as an operator has declared.
    pub(crate) async fn new(dataset: Arc<Dataset>, cell: Option<Cell>) -> Self {
        let lake = TestLake { dataset, ..TestLake::in_memory() };
        for first in [0, 3, 6] {
            let records: Vec<LogRecord> = (first..first + 3).map(|offset| record_at(2, offset)).collect();
            lake.ingest().handle(&payload(&records), &Call::default()).await.unwrap();
        }
        let chain =
            ChainId { topic: TOPIC.to_owned(), partition: Partition::Kafka(2), source: "kafka".to_owned(), epoch: 0 };
        let key = chain.object("iot", Position::from_offset(LOST.start.unsigned_abs()));
        lake.store.delete(&key).await.unwrap();
        assert_eq!(lake.store.put_new(&key, "damaged".into()).await.unwrap(), Put::Created);
        gaps::declare_unreadable(&lake.lake(), &lake.dataset, &key, Act::Write).await.unwrap();

        // A hint of something else, so that the first look at it finds something as well.
        lake.store.put_hint(&keys::progress_hint("iot"), "{}".into()).await.unwrap();

        let waiting = [0, 1, 2].map(|partition| {
            let batches = BATCHES[partition].iter().cloned();
            let number = i32::try_from(partition).unwrap();
            batches.map(|offsets| offsets.map(|offset| record_at(number, offset)).collect()).collect()
        });
        let (ingest_lake, refine_lake) = (lake.reopened(), lake.reopened());
        let world = Self {
            ingest: ingest_lake.ingest(),
            refine: new_refine(&refine_lake),
            lake,
            ingest_lake,
            refine_lake,
            waiting,
            cell,
            failures: Vec::new(),
            asked: Vec::new(),
        };
        world.script();
        world
    }

    /// The cell's fault; and in every scene the first reply to each kind of write is lost,
    /// because only then the functions look at what is there already.
    fn script(&self) {
        if let Some(cell) = &self.cell {
            cell.script(&self.lake_of(cell.ask.function).faulty, &self.lake.clock);
        }
        let lose = |lake: &TestLake, folder: &'static str| {
            let first = Fault::new(Answer::ReplyLost).on(Operation::PutNew).key(move |key| key.contains(folder));
            lake.faulty.script(first.times(1));
        };
        lose(&self.ingest_lake, "raw/");
        for folder in ["/cuts/", "silver/", "windows/", "rejects/", "/state/"] {
            lose(&self.refine_lake, folder);
        }
    }

    pub(crate) async fn play(&mut self) {
        for step in SCENE {
            match step {
                Step::Deliver => self.attempt(Function::Ingest).await,
                Step::Refine => self.attempt(Function::Refine).await,
                Step::Minutes(minutes) => self.lake.wait(minutes * 60),
                Step::Deploy => {
                    self.ingest = self.ingest_lake.ingest();
                    self.refine = new_refine(&self.refine_lake);
                }
            }
        }
    }

    async fn attempt(&mut self, function: Function) {
        for _ in 0..ATTEMPTS {
            let done = self.invoke(function, Mode::Scheduled).await;
            if self.lake_of(function).faulty.is_dead() {
                self.restart(function);
            }
            let Err(failure) = done else { return };
            self.failures.push(failure);
            if self.failures.len() == 2 && self.cell.is_some_and(|cell| cell.span == Span::AWhile) {
                self.heal();
            }
        }
    }

    /// One invocation of a function; whether it did something, so that there may be more to do.
    async fn invoke(&mut self, function: Function, mode: Mode) -> Result<bool, Failure> {
        let deadline = self.lake.clock.now() + DEADLINE_SECS * 1_000_000;
        let call = Call { request_id: "matrix".to_owned(), deadline };
        match function {
            Function::Ingest => {
                let next: Vec<LogRecord> = self.waiting.iter().filter_map(VecDeque::front).flatten().cloned().collect();
                if next.is_empty() {
                    return Ok(false);
                }
                self.ingest.handle(&payload(&next), &call).await?;
                self.waiting.iter_mut().for_each(|waiting| drop(waiting.pop_front()));
                Ok(true)
            }
            Function::Refine => {
                let summary = self.refine.run(mode, &call).await?;
                Ok(summary.behind || !summary.cuts.is_empty())
            }
        }
    }

    /// Takes all faults away.
    pub(crate) fn heal(&mut self) {
        self.ingest_lake.faulty.heal();
        self.refine_lake.faulty.heal();
        self.cell = None;
    }

    /// Without faults, everything is delivered and poured, and all windows are closed.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        for function in [Function::Ingest, Function::Refine] {
            while self.invoke(function, Mode::Drain).await? {}
        }
        Ok(())
    }

    /// A new process, with a memory and a connection of its own.
    fn restart(&mut self, function: Function) {
        self.asked = self.asked();
        let lake = self.lake.reopened();
        if let Some(cell) =
            self.cell.filter(|cell| cell.ask.function == function && !matches!(cell.span, Span::Once { .. }))
        {
            cell.script(&lake.faulty, &lake.clock);
        }
        match function {
            Function::Ingest => (self.ingest, self.ingest_lake) = (lake.ingest(), lake),
            Function::Refine => (self.refine, self.refine_lake) = (new_refine(&lake), lake),
        }
    }

    /// Everything that the functions asked so far.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        let living = [Function::Ingest, Function::Refine].into_iter().flat_map(|function| {
            let calls = self.lake_of(function).faulty.calls();
            calls.into_iter().map(move |call| Ask::of(function, &call))
        });
        self.asked.iter().copied().chain(living).collect()
    }

    fn lake_of(&self, function: Function) -> &TestLake {
        match function {
            Function::Ingest => &self.ingest_lake,
            Function::Refine => &self.refine_lake,
        }
    }
}

fn new_refine(lake: &TestLake) -> Refine {
    lake.refine_with(CutSettings { raw_retention_hours: Some(24), ..CutSettings::default() })
}
