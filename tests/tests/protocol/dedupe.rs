//! Duplicates across cuts: within the horizon they are found, warm or cold; beyond it they are not.

use penstock_core::keys;
use penstock_lake::Operation;
use penstock_refine::Mode;
use penstock_runtime::Call;
use penstock_tests::events::record;
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;

use crate::scene::*;

/// The event of another offset, sent again.
fn copy(offset: i64, of: i64) -> LogRecord {
    record(0, offset, START_SECS * 1000 + offset, landed(of).value.unwrap())
}

/// Offsets 0..4 land and are poured, then copies of two of them after so many seconds; says how many were found.
async fn found_after(lake: &TestLake, seconds: u64) -> u64 {
    land(&lake.ingest(), &batch(0..4)).await;
    run(&lake.refine()).await;
    lake.wait(seconds);
    land(&lake.ingest(), &[copy(4, 0), copy(5, 3), landed(6)]).await;
    run(&lake.refine()).await;
    let totals = newest_state(lake).await.chain_totals();
    assert!(totals.balance());
    totals.duplicates.rows
}

#[tokio::test]
async fn duplicates_are_found_as_far_back_as_the_horizon_reaches() {
    for (seconds, found) in [(0, 2), (599, 2), (600, 2), (601, 0), (6000, 0)] {
        assert_eq!(found_after(&TestLake::in_memory(), seconds).await, found, "{seconds} s apart");
    }
}

#[tokio::test]
async fn beyond_the_limit_the_oldest_ids_are_forgotten() {
    for (max_ids, found) in [(4, 2), (3, 0)] {
        let limit = format!("max_ids = {max_ids}");
        let lake = with_dataset(&TestLake::in_memory(), &[("max_ids = 20_000_000", &limit)]);
        assert_eq!(found_after(&lake, 1).await, found, "{max_ids} ids");
    }
}

#[tokio::test]
async fn the_horizon_counts_from_the_oldest_arrival_in_the_cut() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..4)).await;
    run(&lake.refine()).await;
    // The copy arrives in time and waits long for its cut, which takes much newer objects too.
    lake.wait(600);
    land(&lake.ingest(), &[copy(4, 0)]).await;
    lake.wait(3000);
    land(&lake.ingest(), &batch(5..7)).await;
    run(&lake.refine()).await;
    assert_eq!(newest_state(&lake).await.chain_totals().duplicates.rows, 1);
}

#[tokio::test]
async fn warm_and_cold_find_the_same() {
    let settings = [("max_ids = 20_000_000", "max_ids = 12"), ("horizon_secs = 600", "horizon_secs = 80")];
    let mut outcomes = Vec::new();
    for warm in [true, false] {
        let lake = with_dataset(&TestLake::in_memory(), &settings);
        let refine = lake.refine();
        for round in 0..12 {
            let first = round * 6;
            let fresh = batch(first..first + 4);
            // Of the round before, and of one that some ids and seconds lie behind.
            let copies = [copy(first + 4, (first - 5).max(0)), copy(first + 5, (first - 17).max(1))];
            land(&lake.ingest(), &[fresh, copies.into()].concat()).await;
            let cold = lake.refine();
            run(if warm { &refine } else { &cold }).await;
            lake.wait(30);
        }
        let reading = lake.read().await;
        outcomes.push((reading.silver_rows(), reading.windows(), states(&lake).await));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    let found = outcomes[0].2.last().unwrap().chain_totals().duplicates.rows;
    assert!(0 < found && found < 24, "{found}");
}

#[tokio::test]
async fn a_warm_function_does_not_read_ids_again() {
    let lake = TestLake::in_memory();
    let refine = lake.refine();
    let gets = |lake: &TestLake| {
        let calls = lake.faulty.calls();
        calls
            .iter()
            .filter(|call| call.operation == Operation::Get && call.key.starts_with(&keys::silver_folder("iot")))
            .count()
    };
    for first in [0, 5] {
        land(&lake.ingest(), &batch(first..first + 5)).await;
        run(&refine).await;
    }
    assert_eq!(gets(&lake), 0);
    land(&lake.ingest(), &batch(10..15)).await;
    run(&lake.refine()).await;
    assert!(0 < gets(&lake));
}

#[tokio::test]
async fn a_warm_function_that_others_overtook_knows_what_they_wrote() {
    let lake = TestLake::in_memory();
    let warm = lake.refine();
    land(&lake.ingest(), &batch(0..4)).await;
    run(&warm).await;
    land(&lake.ingest(), &batch(4..8)).await;
    run(&lake.refine()).await;
    land(&lake.ingest(), &[copy(8, 5), copy(9, 0), landed(10)]).await;
    run(&warm).await;
    assert_eq!(newest_state(&lake).await.chain_totals().duplicates.rows, 2);
}

#[tokio::test]
async fn silver_that_lost_ids_is_refused_by_a_cold_function() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..4)).await;
    run(&lake.refine()).await;
    land(&lake.ingest(), &batch(4..5)).await;
    run(&lake.refine()).await;
    let key = |cut| keys::silver("iot", "2026-01-01", cut);
    land(&lake.ingest(), &batch(5..8)).await;
    let failure = async || lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap_err();
    // The file of another cut in its place, a damaged one, and none.
    replace(&lake, &key(1), lake.store.get(&key(2)).await.unwrap()).await;
    check_refusal(&failure().await, &["silver files of cut 1", "1 ids instead of 4", "restore them from a backup"]);
    replace(&lake, &key(1), "garbage").await;
    check_refusal(&failure().await, &[&key(1), "restore it from a backup"]);
    lake.store.delete(&key(1)).await.unwrap();
    check_refusal(&failure().await, &[&key(1), "restore it from a backup"]);
}
