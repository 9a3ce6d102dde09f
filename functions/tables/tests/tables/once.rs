//! Each cut is in each table once: after crashes, lost replies, rivals and repetitions.

use penstock_core::keys;
use penstock_lake::{Answer, Fault};
use penstock_runtime::{Call, Kind};
use penstock_tables::{CUT, Table, position};

use crate::catalogs::{Event, Eventful};
use crate::scene::*;

#[tokio::test]
async fn a_table_is_caught_up_from_the_first_cut_and_then_has_nothing_to_do() {
    let scene = Scene::new();
    for first in [0, 100, 200] {
        scene.cut(first..first + 100).await;
    }
    let first = scene.publish().await;
    let silver = &first.tables[1];
    assert_eq!((silver.table.as_str(), silver.rows, silver.position), ("penstock.iot_silver", 300, 3));
    assert_eq!(silver.cuts, [1, 2, 3]);
    scene.tables_hold_the_lake().await;
    let second = scene.publish().await;
    assert!(second.tables.iter().all(|table| table.cuts.is_empty()), "{second:?}");
    scene.cut(300..350).await;
    assert_eq!(scene.publish().await.tables[1].cuts, [4]);
    scene.tables_hold_the_lake().await;
}

#[tokio::test]
async fn each_snapshot_says_which_cut_it_is_and_where_its_chains_stand() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.cut(10..25).await;
    scene.publish().await;
    let table = scene.table(Table::Silver).await;
    let summary = &table.metadata().current_snapshot().unwrap().summary().additional_properties;
    assert_eq!(summary[CUT], "2");
    assert_eq!(summary["penstock.positions"], r#"{"kafka/events@0 partition 0":"25"}"#);
    assert_eq!(summary["penstock.state"], keys::state("iot", 2));
    assert_eq!(summary["added-records"], "15");
    assert_eq!(table.metadata().snapshots().len(), 2);
}

/// A cut that closes no window has nothing for that table, which goes on with the next one that has.
#[tokio::test]
async fn a_cut_without_rows_for_a_table_is_passed_over() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    assert_eq!(scene.publish().await.tables[2].position, 0);
    scene.cut(10..400).await;
    let windows = &scene.publish().await.tables[2];
    assert_eq!((&*windows.cuts, windows.position), (&[2][..], 2));
    scene.tables_hold_the_lake().await;
}

/// Each cut is published by a process that dies at another call of the store, before or after its effect,
/// and then by one that lives.
#[tokio::test]
async fn a_process_may_die_at_any_call() {
    for answer in [Answer::Die, Answer::DieAfter] {
        let scene = Scene::new();
        scene.cut(0..10).await;
        scene.publish().await;
        for (number, call) in (1_u64..).zip(0_usize..) {
            scene.cut(number * 10..number * 10 + 10).await;
            let process = scene.process();
            let catalog = scene.catalog(&process).await;
            process.faulty.script(Fault::new(answer).skip(call));
            let run = process.publisher(catalog).run(&Call::default()).await;
            if !process.faulty.is_dead() {
                run.unwrap();
                assert!(20 < call, "only {call} calls were tried");
                break;
            }
            scene.publish().await;
            let expect = ids(0..number * 10 + 10);
            assert_eq!(texts(&scene.read(Table::Silver).await, "event_id"), expect, "{answer:?} {call}");
        }
        scene.publish().await;
        scene.tables_hold_the_lake().await;
    }
}

#[tokio::test]
async fn a_lost_reply_is_found_out_by_asking_the_table() {
    for lose in [|| Event::ReplyLost, || Event::ConflictWithItself] {
        let scene = Scene::new();
        scene.cut(0..10).await;
        scene.publish().await;
        scene.cut(10..20).await;
        let process = scene.process();
        let catalog = Eventful::new(scene.catalog(&process).await, vec![lose(), lose()]);
        let summary = process.publisher(catalog.clone()).run(&Call::default()).await.unwrap();
        assert!(catalog.is_over());
        // Whether it was this run or another cannot be known, and does not matter.
        assert_eq!((summary.tables[1].position, &*summary.tables[1].cuts), (2, &[][..]));
        scene.publish().await;
        scene.tables_hold_the_lake().await;
    }
}

#[tokio::test]
async fn a_catalogue_that_is_away_is_asked_again_by_the_next_run() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.publish().await;
    scene.cut(10..20).await;
    let process = scene.process();
    let catalog = Eventful::new(scene.catalog(&process).await, vec![Event::Away, Event::Away]);
    let failure = process.publisher(catalog).run(&Call::default()).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Retry, "{failure}");
    assert_eq!(position(&scene.table(Table::Silver).await).unwrap(), 1);
    scene.publish().await;
    scene.tables_hold_the_lake().await;
}

/// Between the moment at which a run looks where the table stands and its commit, another run appends the same cut.
#[tokio::test]
async fn a_rival_that_was_faster_leaves_nothing_to_append() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.publish().await;
    scene.cut(10..20).await;
    let process = scene.process();
    let rival = scene.publisher().await;
    let meanwhile = Box::pin(async move {
        rival.run(&Call::default()).await.unwrap();
    });
    let catalog = Eventful::new(scene.catalog(&process).await, vec![Event::Meanwhile(meanwhile)]);
    let summary = process.publisher(catalog.clone()).run(&Call::default()).await.unwrap();
    assert!(catalog.is_over());
    assert!(summary.tables.iter().all(|table| table.cuts.is_empty()), "{summary:?}");
    scene.tables_hold_the_lake().await;
}

#[tokio::test]
async fn runs_that_overlap_append_each_cut_once() {
    let scene = Scene::new();
    for first in 0..5 {
        scene.cut(first * 10..first * 10 + 10).await;
    }
    let publishers = [scene.publisher().await, scene.publisher().await, scene.publisher().await];
    let call = Call::default();
    let runs = futures::future::join_all(publishers.iter().map(|publisher| publisher.run(&call))).await;
    assert!(runs.iter().any(Result::is_ok), "{runs:?}");
    scene.publish().await;
    assert_eq!(scene.table(Table::Silver).await.metadata().snapshots().len(), 5);
    scene.tables_hold_the_lake().await;
}

/// A retry finds the files that the first attempt wrote, so that none is left over.
#[tokio::test]
async fn a_retry_takes_the_files_that_are_there() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.publish().await;
    scene.cut(10..20).await;
    let process = scene.process();
    let catalog = Eventful::new(scene.catalog(&process).await, vec![Event::Away, Event::Away]);
    process.publisher(catalog).run(&Call::default()).await.unwrap_err();
    scene.publish().await;
    let folder = format!("{}/data/", keys::table_folder("iot", "silver"));
    assert_eq!(scene.keys(&folder).await.len(), 2);
}
