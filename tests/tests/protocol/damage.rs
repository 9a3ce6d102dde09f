//! Objects that are missing, damaged or foreign: refused by name and with a remedy, and nothing is written.

use penstock_core::keys;
use penstock_lake::{Answer, Fault, Operation, Put};
use penstock_refine::Mode;
use penstock_runtime::{Call, Failure, Kind};
use penstock_tests::lake::TestLake;

use crate::scene::*;

async fn failure(lake: &TestLake) -> Failure {
    lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err()
}

fn key(from: u64) -> String {
    chain(0).object("iot", at(from))
}

/// A lake of three objects, all in cut 1, which is declared and not poured.
async fn with_declared_cut() -> TestLake {
    let lake = TestLake::in_memory();
    for first in (0..15).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    lake.faulty.script(Fault::new(Answer::Die).on(Operation::Get).key(|key| key.starts_with("raw/")));
    failure(&lake).await;
    assert_eq!(refined_keys(&lake).await, [keys::cut("iot", 1)]);
    lake.reopened()
}

#[tokio::test]
async fn an_object_of_a_declared_cut_that_cannot_be_read_is_refused() {
    let foreign = {
        let other = TestLake::in_memory();
        land(&other.ingest(), &[record_of(1, 5, START_SECS)]).await;
        other.store.get(&chain(1).object("iot", at(5))).await.unwrap()
    };
    for case in ["missing", "truncated", "empty", "foreign", "another of this chain"] {
        let lake = with_declared_cut().await;
        let ours = lake.store.get(&key(5)).await.unwrap();
        match case {
            "missing" => lake.store.delete(&key(5)).await.unwrap(),
            "truncated" => replace(&lake, &key(5), ours.slice(..ours.len() / 2)).await,
            "empty" => replace(&lake, &key(5), "").await,
            "foreign" => replace(&lake, &key(5), foreign.clone()).await,
            _ => replace(&lake, &key(5), lake.store.get(&key(10)).await.unwrap()).await,
        }
        let failure = failure(&lake).await;
        check_refusal(&failure, &["cut 1", &key(5), "Restore the object from a backup", "penstock cuts void 1"]);
        assert_eq!(refined_keys(&lake).await, [keys::cut("iot", 1)], "{case}: something was written");
        // The remedy.
        replace(&lake, &key(5), ours).await;
        drained(&lake, &ids(0..15)).await;
    }
}

#[tokio::test]
async fn an_object_that_is_damaged_before_any_cut_took_it_is_refused() {
    let lake = TestLake::in_memory();
    for first in (0..15).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    let ours = lake.store.get(&key(5)).await.unwrap();
    // The object of another partition that begins at the same offset.
    let foreign = {
        let other = TestLake::in_memory();
        for first in [0, 5] {
            let records: Vec<_> = (first..first + 5).map(|offset| record_of(1, offset, START_SECS)).collect();
            land(&other.ingest(), &records).await;
        }
        other.store.get(&chain(1).object("iot", at(5))).await.unwrap()
    };
    let another = lake.store.get(&key(0)).await.unwrap();
    for damaged in [ours.slice(..ours.len() - 1), "garbage".into(), another, foreign] {
        replace(&lake, &key(5), damaged).await;
        let failure = failure(&lake).await;
        check_refusal(&failure, &[&key(5), "Restore it from a backup", "penstock gaps declare --unreadable"]);
        assert_eq!(refined_keys(&lake).await, [""; 0]);
    }
    replace(&lake, &key(5), ours).await;
    drained(&lake, &ids(0..15)).await;
}

#[tokio::test]
async fn a_damaged_end_of_the_chain_stops_the_landing() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    let ours = lake.store.get(&key(0)).await.unwrap();
    replace(&lake, &key(0), "garbage").await;
    refused(&lake.ingest(), &batch(5..10), &[&key(0), "Restore it from a backup"]).await;
    replace(&lake, &key(0), ours).await;
    assert_eq!(land(&lake.ingest(), &batch(5..10)).await, 5);
}

#[tokio::test]
async fn a_list_with_a_hole_stops_there_and_goes_on_later() {
    let lake = TestLake::in_memory();
    let hidden = key(5);
    lake.faulty.hide(move |key| key == hidden);
    let (ingest, refine) = (lake.reopened().ingest(), lake.refine());
    // Both partitions bring events of every minute, and an hour goes by in which one list has a hole.
    for minute in 0..60 {
        if minute < 4 {
            let events = (0..5).map(|event| record_of(0, minute * 5 + event, START_SECS + minute * 60));
            land(&ingest, &events.collect::<Vec<_>>()).await;
        }
        land(&ingest, &[record_of(1, minute, START_SECS + minute * 60)]).await;
        run(&refine).await;
        lake.wait(60);
    }
    let state = newest_state(&lake).await;
    assert_eq!(state.position(&chain(0)), at(5));
    assert_eq!(state.position(&chain(1)), at(60), "the other chain goes on");
    assert_eq!(state.watermark, (START_SECS - 120) * SECOND, "what waits behind the hole holds it");
    lake.wait(3600);
    assert_eq!(run(&refine).await, [0; 0], "silence closes no windows for which something waits");
    lake.faulty.heal();
    run(&refine).await;
    assert_eq!(newest_state(&lake).await.position(&chain(0)), at(20));
    assert_eq!(newest_state(&lake).await.totals.late_events, 0);
    holds(&lake, 0..20).await;
    let mut expect = ids(0..20);
    expect.extend((0..60).map(|offset| penstock_tests::events::event_id(number(1, offset))));
    drained(&lake, &expect).await;
}

#[tokio::test]
async fn a_list_that_hides_the_end_of_a_chain_costs_a_second_look() {
    let lake = TestLake::in_memory();
    for first in (0..15).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    let hidden = key(10);
    lake.faulty.hide(move |key| key == hidden);
    // It believes that the chain ends at 10, and learns at once that it does not.
    assert_eq!(land(&lake.ingest(), &batch(10..20)).await, 5);
    lake.faulty.heal();
    holds(&lake, 0..20).await;
}

#[tokio::test]
async fn objects_that_are_none_of_ours_are_passed_over() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    let object = lake.store.get(&key(0)).await.unwrap();
    let folder = chain(0).folder("iot");
    for foreign in [
        format!("{folder}notes.txt"),
        format!("{folder}00000000000000000005.parquet.tmp"),
        format!("{folder}5.parquet"),
        "raw/iot/kafka/events@0/0/00000000000000000000.parquet".to_owned(),
        "raw/iot/kafka/events@00/00000/00000000000000000000.parquet".to_owned(),
        "raw/iot/kafka/_temporary/0/x.parquet".to_owned(),
    ] {
        assert_eq!(lake.store.put_new(&foreign, object.clone()).await.unwrap(), Put::Created);
    }
    assert_eq!(land(&lake.ingest(), &batch(0..10)).await, 5);
    run(&lake.refine()).await;
    assert_eq!(newest_state(&lake).await.chain_totals().landed.rows, 10);
    assert_eq!(lake.read().await.ids_each_once(), ids(0..10));
}

#[tokio::test]
async fn a_file_of_the_cut_that_exists_with_other_rows_is_loud_and_stays_as_it_is() {
    for prefix in ["silver/", "rejects/", "windows/"] {
        // The same cut of two lakes that differ in one record: a copy of the other's file stands where ours belongs.
        let mut lakes = Vec::new();
        for different in [0, 1] {
            let lake = TestLake::in_memory();
            let bad = |offset| penstock_tests::events::record(0, offset, START_SECS * 1000 + offset, "not json");
            let records =
                [landed(0), record_of(0, 1, START_SECS - 600), bad(2), if different == 0 { bad(3) } else { landed(3) }];
            land(&lake.ingest(), &records).await;
            lakes.push(lake);
        }
        run(&lakes[1].refine()).await;
        let keys = all_keys(&*lakes[1].store, prefix).await;
        let lake = &lakes[0];
        let mut differ = Vec::new();
        for key in keys {
            let foreign = lakes[1].store.get(&key).await.unwrap();
            lake.store.put_new(&key, foreign.clone()).await.unwrap();
            differ.push((key, foreign));
        }
        if prefix == "windows/" {
            // Equal windows are no reason to complain: the watermark closed only what is in both.
            assert_eq!(run(&lake.refine()).await, [1]);
            continue;
        }
        let failure = failure(lake).await;
        assert_eq!(failure.kind, Kind::Bug, "{failure}");
        assert!(failure.message.contains("other rows") && failure.message.contains(prefix), "{failure}");
        for (key, foreign) in differ {
            assert_eq!(lake.store.get(&key).await.unwrap(), foreign, "{key} was overwritten");
        }
        assert!(all_keys(&*lake.store, &keys::states_folder("iot")).await.is_empty(), "the cut is not poured");
    }
}

#[tokio::test]
async fn a_foreign_file_where_ours_belongs_is_named_and_stays() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    let key = keys::silver("iot", "2026-01-01", 1);
    lake.store.put_new(&key, "garbage".into()).await.unwrap();
    check_refusal(&failure(&lake).await, &[&key, "move it away"]);
    assert_eq!(lake.store.get(&key).await.unwrap(), "garbage");
    lake.store.delete(&key).await.unwrap();
    drained(&lake, &ids(0..5)).await;
}
