//! Runs of refine that overlap, and runs that die: the same rows, each once.

use std::collections::BTreeSet;

use futures::future::join_all;
use penstock_lake::{Answer, Fault, Operation};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings};
use penstock_tests::events::record;
use penstock_tests::lake::TestLake;
use penstock_tests::reading::{Reading, Reject, Row, Window};

use crate::scene::*;
use crate::watched::Watched;

/// Everything that readers see.
#[derive(Debug, PartialEq)]
struct Rows {
    keys: Vec<String>,
    silver: Vec<Row>,
    windows: Vec<Window>,
    rejects: Vec<Reject>,
}

impl Rows {
    async fn of(lake: &TestLake) -> Self {
        let reading: Reading = lake.read().await;
        let _ = reading.ids_each_once();
        Self {
            keys: reading.keys().map(str::to_owned).collect(),
            silver: reading.silver_rows(),
            windows: reading.windows(),
            rejects: reading.rejects(),
        }
    }
}

/// A lake with something of everything, in three partitions: two dates, duplicates in a partition and across them,
/// rejects, late events.
/// Two cuts of it are poured, and objects of two more wait.
async fn lake() -> TestLake {
    let lake = TestLake::in_memory();
    for round in 0..4 {
        for partition in 0..3 {
            let first = round * 6;
            let mut records: Vec<_> = (first..first + 5)
                .map(|offset| record_of(partition, offset, START_SECS + round * 200 - offset * 3))
                .collect();
            // A copy of the record before, under another offset.
            let copy = records[1].value.clone().unwrap();
            records.push(record(partition, first + 5, START_SECS * 1000, copy));
            records[2].value = (round % 2 == 0).then(|| "not json".into());
            // Another partition has the same event in the same cut: the first by partition and offset stays.
            records[3].value = record_of((partition + 1) % 3, first, START_SECS + round * 200 - first * 3).value;
            land(&lake.ingest(), &records).await;
            lake.wait(1);
        }
        if round < 2 {
            run(&lake.refine()).await;
        }
        lake.wait(200);
    }
    lake
}

fn one_round() -> CutSettings {
    let bounds = penstock_core::cut::Bounds { rows: 18, ..penstock_core::cut::Bounds::default() };
    CutSettings { bounds, ..CutSettings::default() }
}

/// What an undisturbed run leaves.
async fn undisturbed() -> Rows {
    let lake = lake().await;
    lake.refine_with(one_round()).run(Mode::Drain, &Call::default()).await.unwrap();
    let rows = Rows::of(&lake).await;
    assert_eq!((rows.silver.len(), rows.rejects.len()), (36, 12));
    let dates: BTreeSet<_> = rows.silver.iter().map(|row| row.event_date.as_str()).collect();
    assert_eq!(dates, ["2025-12-31", "2026-01-01"].into());
    rows
}

#[tokio::test]
async fn a_run_that_dies_at_any_write_is_finished_by_the_next() {
    let expect = undisturbed().await;
    for answer in [Answer::Die, Answer::DieAfter] {
        for write in 0.. {
            let lake = lake().await;
            lake.faulty.script(Fault::new(answer).on(Operation::PutNew).skip(write).times(1));
            let first = lake.refine_with(one_round()).run(Mode::Drain, &Call::default()).await;
            assert_eq!(first.is_err(), lake.faulty.is_dead(), "{first:?}");
            let next = lake.reopened();
            next.refine_with(one_round()).run(Mode::Drain, &Call::default()).await.unwrap();
            assert_eq!(Rows::of(&next).await, expect, "{answer:?} at write {write}");
            if first.is_ok() {
                assert!(6 < write, "it makes more than {write} writes");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_dies_at_any_other_call_is_finished_by_the_next() {
    let expect = undisturbed().await;
    for call in 0.. {
        let lake = lake().await;
        lake.faulty.script(Fault::new(Answer::Die).skip(call).times(1));
        let first = lake.refine_with(one_round()).run(Mode::Drain, &Call::default()).await;
        let next = lake.reopened();
        next.refine_with(one_round()).run(Mode::Drain, &Call::default()).await.unwrap();
        assert_eq!(Rows::of(&next).await, expect, "dead at call {call}");
        if first.is_ok() && !lake.faulty.is_dead() {
            break;
        }
    }
}

#[tokio::test]
async fn a_warm_run_whose_writes_fail_goes_on_by_itself() {
    let expect = undisturbed().await;
    for answer in [Answer::Unavailable, Answer::ReplyLost, Answer::Conflict] {
        for write in 0..12 {
            let lake = lake().await;
            // More often than the store is asked again within one run.
            lake.faulty.script(Fault::new(answer).on(Operation::PutNew).skip(write).times(11));
            let refine = lake.refine_with(one_round());
            while refine.run(Mode::Drain, &Call::default()).await.is_err() {}
            // The waits have moved the clock on, which the pour does not see.
            assert_eq!(Rows::of(&lake).await, expect, "{answer:?} at write {write}");
        }
    }
}

#[tokio::test]
async fn runs_at_once_write_the_same_rows() {
    let expect = undisturbed().await;
    for seed in 0..60 {
        let lake = lake().await;
        let rival = |seed: u64| {
            let store = Watched::shuffled(lake.faulty.clone(), seed);
            Refine::new(lake_over(&lake, store), lake.dataset.clone(), one_round())
        };
        let rivals: Vec<Refine> = (0..2 + seed % 3).map(|number| rival(seed * 10 + number)).collect();
        for done in
            join_all(rivals.iter().map(|refine| async { refine.run(Mode::Drain, &Call::default()).await })).await
        {
            done.unwrap();
        }
        assert_eq!(Rows::of(&lake).await, expect, "seed {seed}");
    }
}

#[tokio::test]
async fn a_run_beside_which_others_live_and_die_writes_the_same_rows() {
    let expect = undisturbed().await;
    for seed in 0..60 {
        let lake = lake().await;
        let mortal = lake.reopened();
        let answer = if seed % 2 == 0 { Answer::Die } else { Answer::DieAfter };
        mortal.faulty.script(Fault::new(answer).on(Operation::PutNew).skip(seed as usize % 12).times(1));
        let rival =
            |store| Refine::new(lake_over(&lake, Watched::shuffled(store, seed)), lake.dataset.clone(), one_round());
        let (first, second) = (rival(mortal.faulty.clone()), rival(lake.faulty.clone()));
        let call = Call::default();
        let (_, done) = futures::join!(first.run(Mode::Drain, &call), second.run(Mode::Drain, &call));
        done.unwrap();
        assert_eq!(Rows::of(&lake).await, expect, "seed {seed}");
    }
}

#[tokio::test]
async fn nobody_sees_an_event_twice_while_a_cut_is_poured() {
    let lake = lake().await;
    let refine = lake.refine_with(one_round());
    let mut seen = lake.read().await.silver_ids().len();
    loop {
        // One write at a time: what a reader finds between them.
        lake.faulty.script(Fault::new(Answer::Unavailable).on(Operation::PutNew).skip(1).times(11));
        let done = refine.run(Mode::Drain, &Call::default()).await.is_ok();
        let ids = lake.read().await.ids_each_once();
        assert!(seen <= ids.len(), "what was there is still there");
        seen = ids.len();
        lake.faulty.heal();
        if done {
            break;
        }
    }
    assert_eq!(seen, 36);
}

#[tokio::test]
async fn the_state_comes_last() {
    let lake = lake().await;
    let before = lake.faulty.calls().len();
    run(&lake.refine()).await;
    let writes: Vec<String> = lake.faulty.calls()[before..]
        .iter()
        .filter(|call| call.operation == Operation::PutNew)
        .map(|call| call.key.split('/').take(3).collect::<Vec<_>>().join("/"))
        .collect();
    assert_eq!(writes.first().unwrap(), "_penstock/iot/cuts");
    assert_eq!(writes.last().unwrap(), "_penstock/iot/state");
    assert!(writes[1..writes.len() - 1].iter().all(|key| !key.starts_with("_penstock")), "{writes:?}");
}
