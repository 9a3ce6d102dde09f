//! When windows close, and what makes an event late.

use penstock_core::cut::Bounds;
use penstock_core::keys::parse_event_date;
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings};
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;

use crate::scene::*;

/// Events of one partition, of the given seconds after the start, with offsets from `first`.
fn events(partition: i32, first: i64, seconds: impl IntoIterator<Item = i64>) -> Vec<LogRecord> {
    let record = |(offset, second): (i64, i64)| record_of(partition, offset, START_SECS + second);
    (first..).zip(seconds).map(record).collect()
}

async fn closed_windows(lake: &TestLake) -> (usize, usize) {
    let windows = lake.read().await.windows();
    let late = windows.iter().filter(|window| window.kind == "late").count();
    (windows.len() - late, late)
}

/// The newest watermark in seconds after the start.
async fn watermark(lake: &TestLake) -> i64 {
    newest_state(lake).await.watermark.div_euclid(SECOND) - START_SECS
}

#[tokio::test]
async fn a_backlog_of_hours_drains_evenly_and_makes_nothing_late() {
    let lake = TestLake::in_memory();
    // Three hours in four partitions, each in order, landed as a mapping catches up: in objects of ten minutes,
    // partition after partition, and one of them far behind the others in arrival.
    let objects = |partition: i32, range: std::ops::Range<i64>| {
        range.map(move |object| events(partition, object * 20, (0..20).map(|event| object * 600 + event * 30)))
    };
    lake.wait(3 * 3600);
    let first = (0..6).flat_map(|number| (0..3).map(move |partition| (partition, number)));
    let second = (6..18).flat_map(|number| (0..3).map(move |partition| (partition, number)));
    let behind = (0..18).map(|number| (3, number));
    for (partition, number) in first.chain(behind).chain(second) {
        for records in objects(partition, number..number + 1) {
            land(&lake.ingest(), &records).await;
        }
        lake.wait(1);
    }
    let bounds = Bounds { rows: 40, ..Bounds::default() };
    let cuts = run(&lake.refine_with(CutSettings { bounds, ..CutSettings::default() })).await;
    assert_eq!(cuts.len(), 4 * 18 * 20 / 40);
    let states = states(&lake).await;
    assert!(states.is_sorted_by_key(|state| state.watermark));
    assert_eq!(closed_windows(&lake).await.1, 0, "the watermark ran ahead of objects that waited");
    assert_eq!(states.last().unwrap().totals.late_events, 0);
    assert!(closed_windows(&lake).await.0 > 0);
    lake.drain().await;
    assert_eq!(lake.read().await.windows_total().values().map(|total| total.count).sum::<i64>(), 4 * 18 * 20);
}

#[tokio::test]
async fn a_partition_of_which_nothing_is_known_yet_holds_the_watermark_while_it_waits() {
    let lake = TestLake::in_memory();
    lake.wait(3600);
    land(&lake.ingest(), &events(0, 0, (0..60).map(|minute| minute * 60))).await;
    lake.wait(1);
    land(&lake.ingest(), &events(1, 0, (0..60).map(|minute| minute * 60))).await;
    let bounds = Bounds { rows: 60, ..Bounds::default() };
    assert_eq!(run(&lake.refine_with(CutSettings { bounds, ..CutSettings::default() })).await, [1, 2]);
    assert_eq!(states(&lake).await[0].watermark, i64::MIN);
    assert_eq!(closed_windows(&lake).await.1, 0);
}

#[tokio::test]
async fn when_all_partitions_are_idle_windows_close_once() {
    let lake = TestLake::in_memory();
    let refine = lake.refine();
    land(&lake.ingest(), &events(0, 0, [-100, -70, -10])).await;
    assert_eq!(run(&refine).await, [1]);
    assert_eq!(closed_windows(&lake).await, (0, 0));
    lake.wait(299);
    assert_eq!(run(&refine).await, [0; 0]);
    lake.wait(1);
    assert_eq!(run(&refine).await, [2]);
    assert_eq!(closed_windows(&lake).await, (3, 0));
    assert_eq!((newest_state(&lake).await.parts.len(), newest_state(&lake).await.open_windows), (1, 0));
    for _ in 0..3 {
        lake.wait(3600);
        assert_eq!(run(&refine).await, [0; 0], "no empty cut without windows to close");
        assert_eq!(run(&lake.refine()).await, [0; 0]);
    }
    // What comes later for the same minutes is a correction, and adds up.
    land(&lake.ingest(), &events(0, 3, [-11])).await;
    run(&refine).await;
    assert_eq!(closed_windows(&lake).await, (3, 1));
}

#[tokio::test]
async fn a_partition_with_a_clock_in_the_past_makes_nobody_late() {
    let lake = TestLake::in_memory();
    let refine = lake.refine();
    for round in 0..10 {
        // Partition 1's devices are two hours behind.
        let now = round * 60;
        land(&lake.ingest(), &events(0, round * 2, [now - 1, now])).await;
        land(&lake.ingest(), &events(1, round * 2, [now - 7201, now - 7200])).await;
        run(&refine).await;
        assert_eq!(watermark(&lake).await, now - 7200 - 120);
        lake.wait(60);
    }
    assert_eq!(closed_windows(&lake).await.1, 0);
    // It falls silent. Five minutes later it no longer holds anybody back.
    for round in 10..17 {
        let now = round * 60;
        land(&lake.ingest(), &events(0, round * 2, [now - 1, now])).await;
        run(&refine).await;
        let silent_for = now - 9 * 60;
        assert_eq!(watermark(&lake).await, if silent_for < 300 { 9 * 60 - 7200 - 120 } else { now - 120 });
        lake.wait(60);
    }
    // When it comes back its events are late, and still counted.
    land(&lake.ingest(), &events(1, 20, [17 * 60 - 7200])).await;
    run(&refine).await;
    assert_eq!(newest_state(&lake).await.totals.late_events, 1);
    lake.drain().await;
    assert_eq!(lake.read().await.windows_total().values().map(|total| total.count).sum::<i64>(), 2 * 17 + 2 * 10 + 1);
}

#[tokio::test]
async fn wild_event_dates_are_rejected_and_make_no_folders() {
    let lake = TestLake::in_memory();
    let day = 86_400;
    let (year_0, year_9999) = (-62_167_219_200 - START_SECS, 253_402_300_799 - START_SECS);
    let seconds = [0, -31 * day, -30 * day, -30 * day - 1, 600, 601, year_0, year_9999, -START_SECS];
    land(&lake.ingest(), &events(0, 0, seconds)).await;
    run(&lake.refine()).await;
    let reading = lake.read().await;
    let dates: Vec<&str> =
        reading.keys().filter(|key| key.starts_with("silver/")).filter_map(parse_event_date).collect();
    assert_eq!(dates, ["2025-12-02", "2026-01-01"]);
    let reasons: Vec<(i64, String)> =
        reading.rejects().into_iter().map(|reject| (reject.offset, reject.reason)).collect();
    let expect = [(1, "too_old"), (3, "too_old"), (5, "in_future"), (6, "too_old"), (7, "in_future"), (8, "too_old")];
    assert_eq!(reasons, expect.map(|(offset, reason)| (offset, reason.to_owned())));
    // Nor do they move the watermark: ten minutes ahead is as good as now.
    assert_eq!(watermark(&lake).await, -120);
}

#[tokio::test]
async fn early_closing_keeps_the_sums() {
    let lake = with_dataset(&TestLake::in_memory(), &[("max_open_windows = 500_000", "max_open_windows = 2")]);
    let refine: Refine = lake.refine();
    for round in 0..5 {
        land(&lake.ingest(), &events(0, round * 10, (0..10).map(|event| event * 60 - 600))).await;
        run(&refine).await;
        assert!(newest_state(&lake).await.open_windows <= 2);
        lake.wait(1);
    }
    refine.run(Mode::Drain, &Call::default()).await.unwrap();
    assert_eq!(newest_state(&lake).await.open_windows, 0);
    assert!(0 < closed_windows(&lake).await.1);
    let totals = lake.read().await.windows_total();
    assert_eq!(totals.values().map(|total| total.count).sum::<i64>(), 50);
    assert_eq!(totals.values().map(|total| total.sum).sum::<f64>(), (0..50).sum::<i64>() as f64);
}
