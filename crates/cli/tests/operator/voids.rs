//! A cut whose raw objects are lost is given up, and the next one takes what is left.

use std::sync::Arc;

use bytes::Bytes;
use penstock_cli::cuts::{self, Force};
use penstock_cli::gaps::Outcome;
use penstock_core::chain::GapReason;
use penstock_core::keys;
use penstock_lake::{Answer, Fault, Operation, Put, Store};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Kind};

use crate::scene::{Pipeline, refused};

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
