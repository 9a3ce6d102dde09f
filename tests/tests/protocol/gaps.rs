//! Records that are missing, and records that come where others have landed: each is refused with its remedy,
//! and each remedy works.

use penstock_core::chain::{GapReason, LinkKind, Offsets, OnGap};
use penstock_lake::Operation;
use penstock_runtime::IngestSettings;
use penstock_tests::events::{event, event_id, record};
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;

use crate::scene::*;

fn settings() -> IngestSettings {
    IngestSettings::default()
}

/// The event of a topic that was made anew: another number at the same offset.
fn anew(offset: i64, timestamp: i64) -> LogRecord {
    record(0, offset, timestamp, event(500_000 + offset as u64, "device-new", START_SECS * SECOND))
}

fn anew_ids(offsets: std::ops::Range<i64>) -> impl Iterator<Item = String> {
    offsets.map(|offset| event_id(500_000 + offset as u64))
}

#[tokio::test]
async fn a_batch_above_the_tail_waits_until_the_gap_is_declared() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    land(&ingest, &batch(0..5)).await;
    let remedy = "penstock gaps declare --source kafka --topic events --epoch 0 --partition 0 --from 5 --to 8";
    refused(&ingest, &batch(8..10), &["[5, 8)", remedy, "LATEST", "PENSTOCK_OFFSETS=sparse"]).await;
    refused(&lake.ingest(), &batch(8..10), &[remedy]).await;
    holds(&lake, 0..5).await;

    declare_gap(&lake, &chain(0), 8, GapReason::Expired).await;
    assert_eq!(land(&ingest, &batch(8..10)).await, 2);
    drained(&lake, &ids((0..5).chain(8..10))).await;
    assert_eq!(newest_state(&lake).await.chain_totals().gap_positions, 3);
}

#[tokio::test]
async fn what_comes_before_a_hole_lands_and_the_rest_waits() {
    let lake = TestLake::in_memory();
    let with_hole = batch((0..3).chain(5..7));
    let others = [record_of(1, 0, START_SECS), record_of(1, 1, START_SECS)];
    refused(&lake.ingest(), &[with_hole.clone(), others.to_vec()].concat(), &["--from 3 --to 5", "1 other partition"])
        .await;
    holds(&lake, 0..3).await;
    assert_eq!(links(&lake, &chain(1)).await[0].rows, 2);

    declare_gap(&lake, &chain(0), 5, GapReason::Markers).await;
    assert_eq!(land(&lake.ingest(), &with_hole).await, 2);
    holds(&lake, (0..3).chain(5..7)).await;
}

#[tokio::test]
async fn a_gap_that_does_not_reach_far_enough_is_not_enough() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    declare_gap(&lake, &chain(0), 7, GapReason::Expired).await;
    refused(&lake.ingest(), &batch(8..10), &["--from 7 --to 8"]).await;
    declare_gap(&lake, &chain(0), 8, GapReason::Expired).await;
    assert_eq!(land(&lake.ingest(), &batch(8..10)).await, 2);
}

#[tokio::test]
async fn a_recreated_topic_is_known_by_newer_timestamps() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..10)).await;
    let newer: Vec<LogRecord> = (0..5).map(|offset| anew(offset, START_SECS * 1000 + 60_000)).collect();
    refused(&lake.ingest(), &newer, &["position 0", "timestamp is newer", "PENSTOCK_EPOCH"]).await;

    let next_epoch = lake.ingest_with(IngestSettings { epoch: 1, ..settings() });
    assert_eq!(land(&next_epoch, &newer).await, 5);
    let mut expect = ids(0..10);
    expect.extend(anew_ids(0..5));
    drained(&lake, &expect).await;
}

#[tokio::test]
async fn a_recreated_topic_is_known_by_other_timestamps_even_if_they_are_older() {
    let lake = TestLake::in_memory();
    // In more small objects than one page of a list shows, and in a large one; near and far below the tail.
    let ingest = lake.ingest();
    for offset in 0..1100 {
        land(&ingest, &batch(offset..=offset)).await;
    }
    land(&ingest, &batch(1100..1400)).await;
    for first in [0, 100, 1050, 1099, 1100, 1398] {
        let older: Vec<LogRecord> = (first..first + 2).map(|offset| anew(offset, START_SECS * 1000 - 60_000)).collect();
        refused(&lake.ingest(), &older, &[&format!("position {first} "), "not that of the row", "PENSTOCK_EPOCH"])
            .await;
    }
    // A longer batch, of which only what lies above the tail could be taken for new.
    let longer: Vec<LogRecord> = (1390..1410).map(|offset| anew(offset, START_SECS * 1000)).collect();
    refused(&lake.ingest(), &longer, &["position 1390", "PENSTOCK_EPOCH"]).await;
    holds(&lake, 0..1400).await;
}

#[tokio::test]
async fn other_keys_at_equal_timestamps_are_other_records() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..10)).await;
    let other_key = |offset| LogRecord { key: Some("other".into()), ..landed(offset) };
    refused(&lake.ingest(), &[landed(3), other_key(4)], &["position 4", "its key", "PENSTOCK_SOURCE"]).await;
    // Of another cluster: under a name of its own it lands.
    let second = lake.ingest_with(IngestSettings { source: "second".to_owned(), ..settings() });
    assert_eq!(land(&second, &(0..5).map(other_key).collect::<Vec<_>>()).await, 5);
}

#[tokio::test]
async fn a_second_deployment_at_latest_is_refused_until_the_first_has_caught_up() {
    let lake = TestLake::in_memory();
    let (first, second) = (lake.ingest(), lake.ingest());
    land(&first, &batch(0..10)).await;
    refused(&second, &batch(50..60), &["[10, 50)", "If the mapping starts at LATEST"]).await;
    // The mapping is mended: it starts where the lake ends.
    land(&second, &batch(10..50)).await;
    assert_eq!(land(&second, &batch(50..60)).await, 10);
    drained(&lake, &ids(0..60)).await;
}

#[tokio::test]
async fn a_start_at_latest_is_declared_and_what_lies_before_it_is_refused_afterwards() {
    let lake = TestLake::in_memory();
    assert_eq!(land(&lake.ingest(), &batch(50..60)).await, 10);
    let chain_links = links(&lake, &chain(0)).await;
    assert_eq!((chain_links[0].kind, chain_links[0].gaps[0].reason), (LinkKind::Gap, GapReason::Start));
    // The other mapping starts at TRIM_HORIZON.
    refused(
        &lake.ingest(),
        &batch(0..10),
        &["position 0", "[0, 50)", "(start)", "Publish the record to the topic again"],
    )
    .await;
    refused(&lake.ingest(), &batch(45..55), &["position 45"]).await;
    // Published again, the records come with new offsets.
    let again: Vec<LogRecord> = (60..70).map(|offset| LogRecord { offset, ..landed(offset - 60) }).collect();
    assert_eq!(land(&lake.ingest(), &again).await, 10);
    drained(&lake, &ids((50..60).chain(0..10))).await;
}

#[tokio::test]
async fn a_dead_lettered_batch_that_comes_back_is_refused_and_can_be_published_again() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    declare_gap(&lake, &chain(0), 8, GapReason::DeadLettered).await;
    land(&lake.ingest(), &batch(8..10)).await;
    refused(&lake.ingest(), &batch(5..8), &["position 5", "[5, 8)", "dead_lettered", "Publish the record"]).await;
    refused(&lake.ingest(), &batch(4..10), &["position 5"]).await;
    holds(&lake, (0..5).chain(8..10)).await;
    let again: Vec<LogRecord> = (10..13).map(|offset| LogRecord { offset, ..landed(offset - 5) }).collect();
    land(&lake.ingest(), &again).await;
    drained(&lake, &ids(0..10)).await;
}

#[tokio::test]
async fn who_prefers_flow_has_holes_declared_at_once() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest_with(IngestSettings { on_gap: OnGap::Declare, ..settings() });
    assert_eq!(land(&ingest, &batch((2..4).chain(6..7).chain(9..12))).await, 6);
    let gaps = links(&lake, &chain(0)).await.pop().unwrap().gaps;
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.next, gap.reason)).collect();
    let expect = [(0, 2, GapReason::Start), (4, 6, GapReason::Automatic), (7, 9, GapReason::Automatic)];
    assert_eq!(gaps, expect.map(|(from, next, reason)| (at(from), at(next), reason)));
    // Declared is declared, also for whoever comes later.
    refused(&ingest, &batch(6..9), &["position 7", "automatic"]).await;
    assert_eq!(land(&ingest, &batch((2..4).chain(6..7).chain(9..12))).await, 0);
    drained(&lake, &ids((2..4).chain(6..7).chain(9..12))).await;
    assert_eq!(newest_state(&lake).await.chain_totals().gap_positions, 6);
}

#[tokio::test]
async fn sparse_offsets_need_no_declaration() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest_with(IngestSettings { offsets: Offsets::Sparse, ..settings() });
    assert_eq!(land(&ingest, &batch([3, 7, 8])).await, 3);
    assert_eq!(land(&ingest, &batch([7, 8, 20, 40])).await, 2);
    assert_eq!(land(&ingest, &batch([3, 7, 8, 20, 40])).await, 0);
    assert!(links(&lake, &chain(0)).await.iter().all(|link| link.gaps.is_empty()));
    // A record between those that landed was not delivered with them.
    refused(&ingest, &batch([8, 20, 30, 40, 41]), &["position 30", "no row landed there"]).await;
    drained(&lake, &ids([3, 7, 8, 20, 40])).await;
}

#[tokio::test]
async fn gaps_and_the_newest_timestamp_are_carried_along_the_chain() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest_with(IngestSettings { on_gap: OnGap::Declare, ..settings() });
    let newest = LogRecord { timestamp: START_SECS * 1000 + 500, ..landed(2) };
    land(&ingest, &[newest, landed(5), landed(6)]).await;
    land(&ingest, &batch(7..8)).await;
    let last = links(&lake, &chain(0)).await.pop().unwrap();
    assert_eq!((last.gaps.len(), last.newest_timestamp), (2, Some((START_SECS * 1000 + 500) * 1000)));
}

#[tokio::test]
async fn whoever_lands_first_decides_whether_records_are_missing() {
    // The records come after all while an operator declares them gone.
    let lake = TestLake::in_memory();
    let (early, late) = (lake.ingest(), lake.ingest());
    land(&early, &batch(0..5)).await;
    land(&late, &batch(0..5)).await;
    declare_gap(&lake, &chain(0), 8, GapReason::Expired).await;
    // This function still believes that the chain ends at 5.
    refused(&early, &batch(5..8), &["position 5", "was declared (expired)"]).await;
    holds(&lake, 0..5).await;
    assert!(lake.faulty.calls().iter().any(|call| call.operation == Operation::PutNew));
}
