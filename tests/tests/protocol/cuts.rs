//! Which cuts are declared, when, by whom, and by which rules.

use bytes::Bytes;
use penstock_core::cut::{Bounds, Closing, Cut};
use penstock_core::keys;
use penstock_lake::{Answer, Clock, Fault, Operation, Put};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings};
use penstock_tests::lake::TestLake;

use crate::scene::*;
use crate::watched::Watched;

async fn cut(lake: &TestLake, number: u64) -> Cut {
    serde_json::from_slice(&lake.store.get(&keys::cut("iot", number)).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_cut_is_declared_once_and_everybody_pours_that_one() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    // While one run is about to declare its cut, more lands and another run declares and pours it.
    let other = lake.reopened();
    let meanwhile = async move {
        land(&other.ingest(), &batch(5..10)).await;
        run(&other.refine()).await;
    };
    let moment = (crate::watched::Moment::Before, Operation::PutNew, "_penstock/iot/cuts/");
    let store = Watched::freeze(lake.faulty.clone(), moment, meanwhile);
    let refine = Refine::new(lake_over(&lake, store), lake.dataset.clone(), CutSettings::default());
    assert_eq!(run(&refine).await, [1]);
    assert_eq!(cut(&lake, 1).await.rows(), 10);
    drained(&lake, &ids(0..10)).await;
}

#[tokio::test]
async fn a_declared_cut_is_poured_before_the_next_is_declared() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    lake.faulty.script(Fault::new(Answer::Die).on(Operation::PutNew).key(|key| key.starts_with("silver/")));
    lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
    let lake = lake.reopened();
    land(&lake.ingest(), &batch(5..10)).await;
    assert_eq!(run(&lake.refine()).await, [1, 2]);
    assert_eq!((cut(&lake, 1).await.rows(), cut(&lake, 2).await.rows()), (5, 5));
}

#[tokio::test]
async fn nothing_new_means_no_cut() {
    let lake = TestLake::in_memory();
    assert_eq!(run(&lake.refine()).await, [0; 0]);
    land(&lake.ingest(), &batch(0..5)).await;
    assert_eq!(run(&lake.refine()).await, [1]);
    assert_eq!(run(&lake.refine()).await, [0; 0]);
}

#[tokio::test]
async fn a_drain_pours_everything_and_closes_all_windows() {
    let lake = TestLake::in_memory();
    for first in (0..20).step_by(5) {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    let bounds = Bounds { rows: 10, ..Bounds::default() };
    let refine =
        lake.refine_with(CutSettings { bounds, min_bytes: 1 << 40, max_age_secs: 1 << 40, ..CutSettings::default() });
    let drained = refine.run(Mode::Drain, &Call::default()).await.unwrap();
    assert_eq!((drained.cuts, drained.behind), (vec![1, 2], false));
    assert_eq!((cut(&lake, 1).await.closing, cut(&lake, 2).await.closing), (Closing::Watermark, Closing::All));
    assert_eq!(newest_state(&lake).await.open_windows, 0);
    assert_eq!(refine.run(Mode::Drain, &Call::default()).await.unwrap().cuts, [0; 0]);
    // Windows that an earlier run left open are closed too.
    land(&lake.ingest(), &[record_of(0, 20, START_SECS + 60)]).await;
    lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap();
    assert_eq!(newest_state(&lake).await.open_windows, 1);
    assert_eq!(refine.run(Mode::Drain, &Call::default()).await.unwrap().cuts, [4]);
    assert_eq!(newest_state(&lake).await.open_windows, 0);
}

#[tokio::test]
async fn a_cut_waits_for_more_but_not_for_long() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    let bytes = links(&lake, &chain(0)).await[0].uncompressed_bytes;
    let refine = lake.refine_with(CutSettings { min_bytes: 2 * bytes, max_age_secs: 60, ..CutSettings::default() });
    assert_eq!(run(&refine).await, [0; 0]);
    lake.wait(59);
    assert_eq!(run(&refine).await, [0; 0]);
    lake.wait(1);
    assert_eq!(run(&refine).await, [1]);
    land(&lake.ingest(), &batch(5..10)).await;
    assert_eq!(run(&refine).await, [0; 0]);
    land(&lake.ingest(), &batch(10..15)).await;
    assert_eq!(run(&refine).await, [2]);
}

#[tokio::test]
async fn a_run_ends_before_its_deadline_and_says_that_it_is_behind() {
    // Every cut takes ten seconds, and another must fit with half of its time to spare.
    for (seconds, poured) in [(11, 1), (25, 1), (26, 2), (36, 3), (60, 4)] {
        let lake = TestLake::in_memory();
        for first in (0..20).step_by(5) {
            land(&lake.ingest(), &batch(first..first + 5)).await;
        }
        let bounds = Bounds { rows: 5, ..Bounds::default() };
        let settings = CutSettings { bounds, ..CutSettings::default() };
        let store = Watched::slow(lake.faulty.clone(), lake.clock.clone(), (Operation::Get, "raw/"), 10);
        let refine = Refine::new(lake_over(&lake, store), lake.dataset.clone(), settings);
        let call = Call { request_id: "test".to_owned(), deadline: lake.clock.now() + seconds * SECOND };
        let summary = refine.run(Mode::Scheduled, &call).await.unwrap();
        assert_eq!((summary.cuts.len(), summary.behind), (poured, poured < 4), "{seconds} s");
        drained(&lake, &ids(0..20)).await;
    }
}

#[tokio::test]
async fn a_run_whose_time_is_up_before_it_knows_the_newest_cut_pours_nothing() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    let store = Watched::slow(lake.faulty.clone(), lake.clock.clone(), (Operation::ListAfter, "_penstock/"), 10);
    let refine = Refine::new(lake_over(&lake, store), lake.dataset.clone(), CutSettings::default());
    let call = Call { request_id: "test".to_owned(), deadline: lake.clock.now() + 5 * SECOND };
    let summary = refine.run(Mode::Scheduled, &call).await.unwrap();
    assert_eq!((summary.cuts, summary.behind), (vec![], true));
    drained(&lake, &ids(0..5)).await;
}

#[tokio::test]
async fn a_cut_of_rules_that_this_binary_does_not_know_is_refused() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    lake.faulty.script(Fault::new(Answer::Die).on(Operation::PutNew).key(|key| key.starts_with("silver/")));
    lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
    let lake = lake.reopened();
    for rules in [0, 99] {
        let newer = Cut { rules, ..cut(&lake, 1).await };
        replace(&lake, &keys::cut("iot", 1), serde_json::to_vec(&newer).unwrap()).await;
        let before = refined_keys(&lake).await;
        let failure = lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
        check_refusal(&failure, &["cut 1", &format!("version {rules}"), "deploy a version"]);
        assert_eq!(refined_keys(&lake).await, before);
    }
}

#[tokio::test]
async fn a_damaged_cut_is_refused() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    run(&lake.refine()).await;
    let other = Cut { number: 7, ..cut(&lake, 1).await };
    for damaged in [Bytes::from_static(b"{"), serde_json::to_vec(&other).unwrap().into()] {
        assert_eq!(lake.store.put_new(&keys::cut("iot", 2), damaged).await.unwrap(), Put::Created);
        let failure = lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
        check_refusal(&failure, &[&keys::cut("iot", 2), "restore it from a backup"]);
        lake.store.delete(&keys::cut("iot", 2)).await.unwrap();
    }
}

#[tokio::test]
async fn a_state_that_is_missing_before_a_declared_cut_is_refused() {
    let lake = TestLake::in_memory();
    for first in [0, 5] {
        land(&lake.ingest(), &batch(first..first + 5)).await;
        run(&lake.refine()).await;
    }
    for number in [1, 2] {
        lake.store.delete(&keys::state("iot", number)).await.unwrap();
    }
    let failure = lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
    check_refusal(&failure, &[&keys::state("iot", 1), "restore it from a backup"]);
}

#[tokio::test]
async fn declared_at_never_runs_backwards() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    lake.wait(200);
    run(&lake.refine()).await;
    // The next machine's clock is slow.
    let slow = std::sync::Arc::new(penstock_lake::TestClock::default());
    let lake = TestLake { clock: slow, ..lake };
    land(&lake.ingest(), &batch(5..10)).await;
    run(&lake.refine()).await;
    assert_eq!(cut(&lake, 1).await.declared_at, cut(&lake, 2).await.declared_at);
}
