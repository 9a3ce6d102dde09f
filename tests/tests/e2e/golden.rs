//! One golden, many deliveries: the same events give the same lake, however their batches are cut, repeated, reordered
//! between partitions or interrupted. Which copy of a duplicate won, and when a window was written, may differ.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join;
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Fault, Operation};
use penstock_producer::Shape;
use penstock_refine::Mode;
use penstock_runtime::{Call, Failure};
use penstock_tests::events::{Topic, payload};
use penstock_tests::lake::TestLake;
use penstock_tests::random::Random;
use penstock_tests::reading::{Reading, Reject, Total};
use penstock_trigger::log::LogRecord;

/// Each way of delivery that chance decides is tried with so many seeds.
const SEEDS: u64 = 5;

/// The lengths of batches: several for each partition, and several cuts for each run.
const BATCH: usize = 150;

/// What every delivery must lead to.
#[derive(Debug)]
struct Golden {
    ids: BTreeSet<String>,
    windows: BTreeMap<(i64, String), Total>,
    rejects: Vec<Reject>,
}

impl Golden {
    fn of(reading: &Reading) -> Self {
        Self { ids: reading.ids_each_once(), windows: reading.windows_total(), rejects: reading.rejects() }
    }

    fn assert_same(&self, other: &Self, what: &str) {
        assert_eq!(self.ids, other.ids, "{what}: the ids in silver");
        assert_eq!(self.rejects, other.rejects, "{what}: the rejects");
        let windows = |golden: &Self| golden.windows.keys().cloned().collect::<Vec<_>>();
        assert_eq!(windows(self), windows(other), "{what}: which windows there are");
        for (window, expect) in &self.windows {
            let got = other.windows[window];
            // A sum of doubles depends on their order in the last digits; nothing else may differ.
            assert!(
                (expect.sum - got.sum).abs() <= 1e-9 * expect.sum.abs().max(1.0),
                "{what}: {window:?}: {expect:?}, {got:?}"
            );
            assert_eq!(Total { sum: expect.sum, ..got }, *expect, "{what}: {window:?}");
        }
    }
}

/// The events of all deliveries, of the last ten minutes before the lake's clock.
fn topic(lake: &TestLake) -> Topic {
    let shape = Shape {
        events: 6000,
        duplicates: 0.05,
        late: 0.05,
        malformed: 0.02,
        start_time_us: lake.seconds_ago(600),
        spacing_nanos: 100_000_000,
        ..Shape::default()
    };
    Topic::generated(&shape, 4)
}

async fn straight() -> Golden {
    let lake = TestLake::in_memory();
    let (topic, ingest) = (topic(&lake), lake.ingest());
    for batch in topic.batches(BATCH) {
        deliver(&ingest, &batch).await.unwrap();
    }
    lake.drain().await;
    let golden = Golden::of(&lake.read().await);
    assert_eq!(golden.ids.len() as u64, topic.expected.distinct());
    assert_eq!(golden.rejects.len() as u64, topic.expected.malformed);
    let counted: i64 = golden.windows.values().map(|total| total.count).sum();
    assert_eq!(counted.unsigned_abs(), topic.expected.distinct());
    golden
}

/// Delivers in some way, pours the rest, and compares.
async fn check(what: &str, deliver: impl AsyncFn(&TestLake, &Topic, Random)) {
    let golden = straight().await;
    for seed in 0..SEEDS {
        check_lake(&format!("{what}, seed {seed}"), &golden, &TestLake::in_memory(), Random::seeded(seed), &deliver)
            .await;
    }
}

async fn check_lake(
    what: &str,
    golden: &Golden,
    lake: &TestLake,
    random: Random,
    deliver: impl AsyncFn(&TestLake, &Topic, Random),
) {
    deliver(lake, &topic(lake), random).await;
    lake.drain().await;
    golden.assert_same(&Golden::of(&lake.read().await), what);
}

async fn deliver(ingest: &Ingest, records: &[LogRecord]) -> Result<(), Failure> {
    ingest.handle(&payload(records), &Call::default()).await.map(drop)
}

/// Now and then time passes, and refine runs.
async fn refine_sometimes(lake: &TestLake, random: &mut Random) {
    if random.once_in(5) {
        lake.wait(1);
        lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap();
    }
}

#[tokio::test]
async fn duplicated() {
    check("duplicated", async |lake, topic, mut random| {
        let ingest = lake.ingest();
        let batches = topic.batches(BATCH);
        for (index, batch) in batches.iter().enumerate() {
            deliver(&ingest, batch).await.unwrap();
            refine_sometimes(lake, &mut random).await;
            deliver(&ingest, batch).await.unwrap();
            // One from long ago, to a function that has seen it and to one that has not.
            let earlier = &batches[random.below(index + 1)];
            deliver(&ingest, earlier).await.unwrap();
            deliver(&lake.ingest(), earlier).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn split_anywhere() {
    check("split anywhere", async |lake, topic, mut random| {
        let ingest = lake.ingest();
        // Cut twice in different places, the second time from the start again: every batch overlaps others.
        for longest in [300, 700] {
            let pieces: Vec<Vec<&[LogRecord]>> =
                topic.partitions.iter().map(|records| random.pieces(records, longest)).collect();
            let rounds = pieces.iter().map(Vec::len).max().unwrap_or(0);
            for round in 0..rounds {
                // One payload holds a piece of several partitions.
                let records: Vec<LogRecord> =
                    pieces.iter().filter_map(|pieces| pieces.get(round)).flat_map(|piece| piece.to_vec()).collect();
                deliver(&ingest, &records).await.unwrap();
                refine_sometimes(lake, &mut random).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn bisected() {
    check("bisected", async |lake, topic, mut random| {
        let ingest = lake.ingest();
        for batch in topic.batches(BATCH) {
            // The mapping halves what failed; here a batch fails unless chance has it otherwise, or it is one record.
            let mut waiting = vec![batch.as_slice()];
            while let Some(part) = waiting.pop() {
                if part.len() == 1 || random.once_in(3) {
                    deliver(&ingest, part).await.unwrap();
                } else {
                    lake.faulty.script(Fault::new(Answer::Denied).on(Operation::PutNew));
                    deliver(&ingest, part).await.unwrap_err();
                    lake.faulty.heal();
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
            }
            refine_sometimes(lake, &mut random).await;
        }
    })
    .await;
}

#[tokio::test]
async fn partitions_reordered_against_each_other() {
    check("reordered", async |lake, topic, mut random| {
        let ingest = lake.ingest();
        let mut rest: Vec<_> = topic.partitions.iter().map(|records| records.chunks(BATCH)).collect();
        while !rest.is_empty() {
            // For a while one partition has it all: the others come minutes behind it.
            let chosen = random.below(rest.len());
            for _ in 0..1 + random.below(6) {
                match rest[chosen].next() {
                    Some(batch) => deliver(&ingest, batch).await.unwrap(),
                    None => {
                        drop(rest.remove(chosen));
                        break;
                    }
                }
            }
            refine_sometimes(lake, &mut random).await;
        }
    })
    .await;
}

#[tokio::test]
async fn interrupted() {
    check("interrupted", async |lake, topic, mut random| {
        for batch in topic.batches(BATCH) {
            let delivery = async |process: &TestLake| deliver(&process.ingest(), &batch).await;
            until_it_succeeds(lake, &mut random, 6, delivery).await;
            if random.once_in(2) {
                let schedule =
                    async |process: &TestLake| process.refine().run(Mode::Scheduled, &Call::default()).await.map(drop);
                until_it_succeeds(lake, &mut random, 25, schedule).await;
            }
        }
    })
    .await;
}

/// Runs in one process after the other until one succeeds. Most fail, or die, at one of their first `requests` to the store.
async fn until_it_succeeds(
    lake: &TestLake,
    random: &mut Random,
    requests: usize,
    run: impl AsyncFn(&TestLake) -> Result<(), Failure>,
) {
    const FAULTS: [Answer; 6] =
        [Answer::Unavailable, Answer::ReplyLost, Answer::Conflict, Answer::Denied, Answer::Die, Answer::DieAfter];
    for attempt in 0.. {
        let process = lake.reopened();
        if attempt < 3 && !random.once_in(4) {
            let fault = Fault::new(FAULTS[random.below(FAULTS.len())]).times(1 + random.below(3));
            // Half of them at something that is written: an object, a cut, its files, its state.
            process.faulty.script(match random.once_in(2) {
                true => fault.on(Operation::PutNew).skip(random.below(6)),
                false => fault.skip(random.below(requests)),
            });
        }
        match run(&process).await {
            Ok(()) => return,
            Err(failure) => assert!(attempt < 3, "it fails without a fault: {failure}"),
        }
    }
}

/// In a directory, whose requests really overlap: in memory one consumer would go through before the other begins.
#[tokio::test]
async fn by_two_consumers_at_once() {
    let golden = straight().await;
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let lake = TestLake::in_directory(folder.path()).await;
        check_lake(&format!("two consumers, seed {seed}"), &golden, &lake, Random::seeded(seed), by_two).await;
    }
}

async fn by_two(lake: &TestLake, topic: &Topic, mut random: Random) {
    let (one, other) = (lake.ingest(), lake.ingest());
    for records in &topic.partitions {
        let (first, second) = (random.pieces(records, 200), random.pieces(records, 400));
        let in_order = async |ingest: &Ingest, pieces: &[&[LogRecord]]| {
            for piece in pieces {
                deliver(ingest, piece).await.unwrap();
            }
        };
        join(in_order(&one, &first), in_order(&other, &second)).await;
        refine_sometimes(lake, &mut random).await;
    }
}
