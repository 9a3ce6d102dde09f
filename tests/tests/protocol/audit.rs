//! The audit finds what is missing, doubled or changed, and names it.

use penstock_cli::audit;
use penstock_core::chain::{Link, Tail};
use penstock_core::state::{self, State};
use penstock_core::{cut, keys, raw_object};
use penstock_lake::{Answer, Fault, Operation, Put};
use penstock_refine::Mode;
use penstock_runtime::Call;
use penstock_tests::events::record;
use penstock_tests::lake::TestLake;

use crate::scene::*;

/// Two cuts of partition 0, with a duplicate and a reject, and three objects that wait.
async fn lake() -> TestLake {
    let lake = TestLake::in_memory();
    for first in [0, 5] {
        let mut records = batch(first..first + 3);
        let copy = records[0].value.clone().unwrap();
        records.push(record(0, first + 3, START_SECS * 1000, copy));
        records.push(record(0, first + 4, START_SECS * 1000, "no event"));
        land(&lake.ingest(), &records).await;
        run(&lake.refine()).await;
    }
    for first in [10, 12, 14] {
        land(&lake.ingest(), &batch(first..first + 2)).await;
    }
    lake
}

/// What the audit says, one finding a line.
async fn findings(lake: &TestLake) -> String {
    let report = audit::report(&*lake.store, &lake.dataset, 0).await.unwrap();
    assert_eq!(report.balances(), report.findings.is_empty());
    let lines = report.findings.into_iter().map(|finding| format!("{}: {}\n", finding.place, finding.problem));
    lines.collect()
}

/// Damages a lake that was whole, and looks for the finding.
async fn check(damage: impl AsyncFn(&TestLake), expect: &[&str]) {
    let lake = lake().await;
    assert_eq!(findings(&lake).await, "");
    damage(&lake).await;
    let found = findings(&lake).await;
    for words in expect {
        assert!(found.contains(words), "`{words}` is not in: {found}");
    }
}

fn silver(cut: u64) -> String {
    keys::silver("iot", "2026-01-01", cut)
}

fn object(from: u64) -> String {
    chain(0).object("iot", at(from))
}

async fn delete(lake: &TestLake, key: &str) {
    lake.store.get(key).await.unwrap();
    lake.store.delete(key).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_missing() {
    for key in [silver(1), keys::rejects("iot", 2)] {
        check(async |lake| delete(lake, &key).await, &[&format!("{key}: is missing")]).await;
    }
}

#[tokio::test]
async fn a_file_that_no_state_lists() {
    for key in [silver(7), "silver/iot/event_date=2026-01-01/copy.parquet".to_owned()] {
        let copy = async |lake: &TestLake| {
            let file = lake.store.get(&silver(1)).await.unwrap();
            assert_eq!(lake.store.put_new(&key, file).await.unwrap(), Put::Created);
        };
        check(copy, &[&format!("{key}: is listed by no state")]).await;
    }
}

#[tokio::test]
async fn a_file_with_other_rows() {
    let other = async |lake: &TestLake| {
        // The same cut of another lake.
        let other = TestLake::in_memory();
        land(&other.ingest(), &batch(0..2)).await;
        run(&other.refine()).await;
        replace(lake, &silver(1), other.store.get(&silver(1)).await.unwrap()).await;
    };
    check(other, &[&format!("{}: holds 2 rows", silver(1))]).await;
    check(async |lake| replace(lake, &silver(2), "garbage").await, &[&format!("{}: cannot be read", silver(2))]).await;
}

#[tokio::test]
async fn an_object_that_is_missing() {
    check(
        async |lake| delete(lake, &object(12)).await,
        &["no object begins at 12", "the next one begins at 14: a hole"],
    )
    .await;
    check(async |lake| delete(lake, &object(5)).await, &["no object begins at 5"]).await;
    // Of all that is poured nothing is left, as retention leaves it; what waits next is gone as well.
    let beginning = async |lake: &TestLake| {
        for from in [0, 5, 10] {
            delete(lake, &object(from)).await;
        }
    };
    check(beginning, &["begins at 12, but is poured only up to 10"]).await;
    let whole = async |lake: &TestLake| {
        for from in [0, 5, 10, 12, 14] {
            delete(lake, &object(from)).await;
        }
    };
    check(whole, &["all its raw objects are gone"]).await;
}

#[tokio::test]
async fn an_object_that_is_not_the_one() {
    let other = async |lake: &TestLake| {
        let other = TestLake::in_memory();
        other.wait(1);
        land(&other.ingest(), &batch(0..5)).await;
        replace(lake, &object(0), other.store.get(&object(0)).await.unwrap()).await;
    };
    check(other, &[&format!("{}: is not the object that its cut declared", object(0))]).await;
    let shorter = async |lake: &TestLake| {
        let tail = Tail { next: at(5), ..Tail::default() };
        let link = Link::at_tail(&lake.dataset, &chain(0), &tail, 0, "test");
        let gap =
            raw_object::encode_gap(&lake.dataset, &link.into_gap(at(9), penstock_core::chain::GapReason::Expired));
        replace(lake, &object(5), gap.unwrap()).await;
    };
    check(shorter, &["no object begins at 9"]).await;
    check(async |lake| replace(lake, &object(12), "garbage").await, &[&object(12)]).await;
    let stray = "raw/iot/kafka/notes.txt";
    let note = async |lake: &TestLake| {
        assert_eq!(lake.store.put_new(stray, "a note".into()).await.unwrap(), Put::Created);
    };
    check(note, &[&format!("{stray}: is no raw object")]).await;
}

/// Replaces the state of cut 2 by one that says something else.
async fn with_state(lake: &TestLake, change: impl FnOnce(&mut State)) {
    let key = keys::state("iot", 2);
    let (mut state, open) = state::decode(&lake.dataset, &lake.store.get(&key).await.unwrap()).unwrap();
    change(&mut state);
    replace(lake, &key, state::encode(&lake.dataset, &state, &open).unwrap()).await;
}

#[tokio::test]
async fn a_state_that_does_not_follow() {
    let without_a_row = async |lake: &TestLake| {
        with_state(lake, |state| state.chains[0].totals.silver.rows -= 1).await;
    };
    check(without_a_row, &["cut 2: silver: 6 rows", "10 landed, but 5 silver + 2 duplicates + 2 rejected"]).await;
    let landed = async |lake: &TestLake| with_state(lake, |state| state.chains[0].totals.landed.rows += 1).await;
    check(landed, &["cut 2: landed: 11 rows"]).await;
    let checksum = async |lake: &TestLake| {
        with_state(lake, |state| state.chains[0].totals.rejected.checksum = Default::default()).await;
    };
    check(checksum, &["cut 2: rejected: 2 rows", "cut 2: rejects: 2 rows"]).await;
    let watermark = async |lake: &TestLake| with_state(lake, |state| state.watermark = i64::MIN).await;
    check(watermark, &["cut 2: its watermark went back"]).await;
    let position = async |lake: &TestLake| with_state(lake, |state| state.chains[0].next = at(12)).await;
    check(position, &["its objects end at 10, its state at 12"]).await;
}

#[tokio::test]
async fn cuts_and_states_that_are_missing() {
    check(async |lake| delete(lake, &keys::cut("iot", 1)).await, &["cut 2: comes after cut 0"]).await;
    check(async |lake| delete(lake, &keys::state("iot", 1)).await, &[&keys::state("iot", 1), "is missing"]).await;
    let skipping = async |lake: &TestLake| {
        let text = lake.store.get(&keys::cut("iot", 2)).await.unwrap();
        let mut cut: cut::Cut = serde_json::from_slice(&text).unwrap();
        cut.chains[0].objects[0].from = at(6);
        replace(lake, &keys::cut("iot", 2), serde_json::to_vec(&cut).unwrap()).await;
    };
    check(skipping, &["cut 2", "takes 6 where 5 comes next"]).await;
}

#[tokio::test]
async fn a_cut_that_is_half_poured_is_no_finding() {
    let lake = lake().await;
    lake.faulty.script(Fault::new(Answer::Die).on(Operation::PutNew).key(|key| key.contains("/state/")));
    lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
    assert_eq!(all_keys(&*lake.store, &silver(3)).await.len(), 1, "something of it is written");
    assert_eq!(findings(&lake).await, "");
}
