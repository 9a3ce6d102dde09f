//! Raw objects that are deleted, and functions that slept meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use penstock_core::chain::OnGap;
use penstock_core::keys;
use penstock_ingest::Ingest;
use penstock_lake::{Clock, Operation};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, IngestSettings, Kind};
use penstock_tests::lake::TestLake;

use crate::scene::*;
use crate::watched::{Moment, Watched};

const HOUR: u64 = 3600;

fn a_day() -> CutSettings {
    CutSettings { raw_retention_hours: Some(24), ..CutSettings::default() }
}

/// Where the objects of partition 0 begin.
async fn begins(lake: &TestLake) -> Vec<i64> {
    links(lake, &chain(0)).await.iter().map(|link| link.from.offset().unwrap()).collect()
}

/// The offsets [from, to) land in objects of five and are poured; after 26 hours refine deletes what it may.
async fn a_day_goes_by(lake: TestLake, from: i64, to: i64) {
    for first in (from..to).step_by(5) {
        land(&lake.reopened().ingest(), &batch(first..first + 5)).await;
    }
    run(&lake.reopened().refine()).await;
    lake.clock.advance(Duration::from_secs(26 * HOUR));
    land(&lake.reopened().ingest(), &batch(to..to + 5)).await;
    run(&lake.reopened().refine_with(a_day())).await;
}

/// Silver holds the offsets, each once; and so did raw, as the totals say.
async fn landed_once(lake: &TestLake, to: i64) {
    drained(lake, &ids(0..to)).await;
    let totals = newest_state(lake).await.chain_totals();
    assert_eq!((totals.landed.rows, totals.duplicates.rows), (to as u64, 0));
}

#[tokio::test]
async fn poured_objects_go_past_their_age_and_the_last_of_a_chain_stays() {
    let lake = TestLake::in_memory();
    for first in (0..20).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    let refine = lake.refine_with(a_day());
    run(&refine).await;
    lake.wait(23 * HOUR);
    land(&lake.ingest(), &batch(20..25)).await;
    run(&refine).await;
    assert_eq!(begins(&lake).await, [0, 5, 10, 15, 20]);
    lake.wait(2 * HOUR);
    land(&lake.ingest(), &batch(25..30)).await;
    run(&refine).await;
    assert_eq!(begins(&lake).await, [20, 25]);
    lake.wait(300 * HOUR);
    drained(&lake, &ids(0..30)).await;
    lake.wait(HOUR);
    land(&lake.ingest(), &[record_of(1, 0, START_SECS + 300 * HOUR as i64)]).await;
    run(&refine).await;
    assert_eq!(begins(&lake).await, [25], "the last one is the memory of where the chain stands");
    assert_eq!(land(&lake.ingest(), &batch(25..30)).await, 0);
}

#[tokio::test]
async fn what_is_not_poured_stays_however_old() {
    let lake = TestLake::in_memory();
    for first in (0..20).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    lake.wait(100 * HOUR);
    // One object a cut; after so long, one more closes the windows.
    let bounds = penstock_core::cut::Bounds { rows: 1, ..penstock_core::cut::Bounds::default() };
    let refine = lake.refine_with(CutSettings { bounds, ..a_day() });
    let cuts = run(&refine).await;
    assert_eq!(cuts, [1, 2, 3, 4, 5]);
    for (state, next) in states(&lake).await.iter().zip([5, 10, 15, 20]) {
        assert_eq!(state.position(&chain(0)), at(next));
    }
    // Retention ran after the first cut, when only the first object was poured.
    assert_eq!(begins(&lake).await, [5, 10, 15]);
    drained(&lake, &ids(0..20)).await;
}

#[tokio::test]
async fn nothing_is_deleted_unless_it_is_asked_for() {
    let lake = TestLake::in_memory();
    a_day_goes_by(lake.clone(), 0, 10).await;
    lake.wait(1000 * HOUR);
    land(&lake.ingest(), &[record_of(1, 0, START_SECS + 1026 * HOUR as i64)]).await;
    let before = begins(&lake).await;
    run(&lake.refine()).await;
    assert_eq!(begins(&lake).await, before);
}

#[tokio::test]
async fn a_function_that_was_frozen_for_an_hour_looks_again() {
    let lake = TestLake::in_memory();
    let frozen = lake.ingest();
    land(&frozen, &batch(0..10)).await;
    lake.wait(HOUR);
    land(&lake.reopened().ingest(), &batch(10..20)).await;
    let before = lake.faulty.calls().len();
    assert_eq!(land(&frozen, &batch(10..20)).await, 0);
    assert_eq!(lake.faulty.calls()[before].operation, Operation::ListAfter, "it must not begin with a write");
    landed_once(&lake, 20).await;
}

#[tokio::test]
async fn a_function_that_was_frozen_for_a_day_does_not_write_where_an_object_was_deleted() {
    let lake = TestLake::in_memory();
    let frozen = lake.ingest();
    land(&frozen, &batch(0..10)).await;
    a_day_goes_by(lake.clone(), 10, 20).await;
    assert!(!begins(&lake).await.contains(&10), "the object that followed is gone");
    // Its mapping cut the records otherwise.
    assert_eq!(land(&frozen, &batch(10..22)).await, 0);
    assert_eq!(land(&frozen, &batch(22..30)).await, 5);
    landed_once(&lake, 30).await;
}

#[tokio::test]
async fn a_function_that_freezes_in_the_middle_of_an_invocation_looks_again() {
    // After it has read where the chain ends; and after it has listed, but before it reads the footer.
    for operation in [Operation::GetEnd, Operation::ListAfter] {
        let lake = TestLake::in_memory();
        land(&lake.ingest(), &batch(0..10)).await;
        let day = a_day_goes_by(lake.clone(), 10, 20);
        let store = Watched::freeze(lake.faulty.clone(), (Moment::After, operation, "raw/"), day);
        let ingest = Ingest::new(lake_over(&lake, store), lake.dataset.clone(), IngestSettings::default());
        // The object that it was about to read was deleted under its hands: then the mapping delivers again.
        if let Err(failure) = deliver(&ingest, &batch(10..22)).await {
            assert_eq!(failure.kind, Kind::Retry, "{failure}");
        }
        assert_eq!(land(&ingest, &batch(10..22)).await, 0);
        assert_eq!(land(&ingest, &batch(22..30)).await, 5);
        landed_once(&lake, 30).await;
    }
}

#[tokio::test]
async fn one_empty_list_does_not_make_a_new_chain() {
    let lake = TestLake::in_memory();
    a_day_goes_by(lake.clone(), 0, 10).await;
    assert_eq!(begins(&lake).await, [10]);
    lake.store.delete(&keys::progress_hint("iot")).await.unwrap();
    // A directory's list that began before this object was there, and met the others when they were deleted.
    let is_listed = AtomicBool::new(false);
    lake.faulty.hide(move |key| key.starts_with("raw/") && !is_listed.swap(true, Ordering::Relaxed));
    assert_eq!(land(&lake.ingest(), &batch(0..15)).await, 0);
    landed_once(&lake, 15).await;
}

#[tokio::test]
async fn a_function_that_freezes_behind_its_own_write_looks_again() {
    let lake = TestLake::in_memory();
    // It declares the hole [5, 8) next; but meanwhile the records came, landed, and were deleted again.
    let day = a_day_goes_by(lake.clone(), 5, 20);
    let store = Watched::freeze(lake.faulty.clone(), (Moment::After, Operation::PutNew, "raw/"), day);
    let settings = IngestSettings { on_gap: OnGap::Declare, ..IngestSettings::default() };
    let ingest = Ingest::new(lake_over(&lake, store), lake.dataset.clone(), settings);
    deliver(&ingest, &batch((0..5).chain(8..10))).await.unwrap();
    landed_once(&lake, 25).await;
}

#[tokio::test]
async fn a_run_that_freezes_before_it_pours_finds_its_cut_poured() {
    let lake = TestLake::in_memory();
    for first in (0..20).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    // It has declared cut 1 and read one object.
    let other = lake.reopened();
    let day = async move {
        run(&other.refine()).await;
        a_day_goes_by(other, 20, 30).await;
    };
    let store = Watched::freeze(lake.faulty.clone(), (Moment::Before, Operation::Get, "raw/"), day);
    let frozen = Refine::new(lake_over(&lake, store), lake.dataset.clone(), CutSettings::default());
    frozen.run(Mode::Scheduled, &Call::default()).await.unwrap();
    landed_once(&lake, 35).await;
    assert!(lake.clock.now() >= (START_SECS + 26 * HOUR as i64) * SECOND);
}
