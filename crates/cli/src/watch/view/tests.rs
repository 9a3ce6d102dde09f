use penstock_core::chain::{Gap, GapReason, Link};
use penstock_core::checksum::Checksum;
use penstock_core::position::{Partition, Position};
use penstock_core::time::MICROS_PER_SECOND;
use penstock_core::windows_table;

use super::*;

const NOW: i64 = 1_800_000_000 * MICROS_PER_SECOND;

fn view(known: &Known) -> serde_json::Value {
    let dataset = Dataset::shipped("iot").unwrap();
    let around = Circumstances {
        now: NOW,
        location: "lake",
        dataset: &dataset,
        problem: None,
        requests_per_minute: 0,
        log: None,
    };
    serde_json::to_value(View::of(known, &around)).unwrap()
}

fn chain(partition: i32) -> ChainId {
    ChainId { topic: "events".to_owned(), partition: Partition::Kafka(partition), source: "kafka".to_owned(), epoch: 0 }
}

/// Ten rows that arrived so many seconds ago.
fn link(partition: i32, index: u64, seconds_ago: i64) -> Link {
    Link {
        dataset: "iot".to_owned(),
        chain: chain(partition),
        from: Position::from_offset(10 * index),
        next: Position::from_offset(10 * index + 10),
        kind: penstock_core::chain::LinkKind::Data,
        rows: 10,
        rejected: 0,
        checksum: Checksum::default(),
        rejected_checksum: Checksum::default(),
        ingested_at: NOW - seconds_ago * MICROS_PER_SECOND,
        uncompressed_bytes: 1000,
        newest_timestamp: None,
        gaps: Vec::new(),
        dataset_hash: String::new(),
        request_id: String::new(),
    }
}

#[test]
fn a_lake_without_events_is_zeros_and_nothing_else() {
    let view = view(&Known::default());
    assert_eq!(view["totals"]["landed"], 0);
    assert_eq!(view["totals"]["balances"], true);
    assert_eq!(view["arrivals"]["per_second"], 0.0);
    assert_eq!(view["windows"]["watermark"], serde_json::Value::Null);
    for list in ["partitions", "cuts", "rejects"] {
        assert_eq!(view[list], serde_json::json!([]), "{list}");
    }
}

#[test]
fn arrivals_are_counted_once_however_often_an_object_is_seen() {
    let mut known = Known::default();
    for _ in 0..2 {
        known.add_links(&chain(0), Position::ZERO, &[link(0, 0, 90), link(0, 1, 12), link(0, 2, 11)]);
    }
    let view = view(&known);
    assert_eq!((&view["totals"]["landed"], &view["totals"]["waiting"]), (&30.into(), &30.into()));
    let rows: u64 = view["arrivals"]["rows"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(rows, 30);
    assert_eq!(view["arrivals"]["per_second"], 20.0 / 60.0);
    assert_eq!(view["partitions"][0]["waiting_since"], (NOW / 1000) - 90_000);
}

#[test]
fn where_nothing_came_for_long_the_newest_arrivals_are_shown() {
    let mut known = Known::default();
    known.add_links(&chain(0), Position::ZERO, &[link(0, 0, 86_400)]);
    let view = view(&known);
    assert_eq!(view["arrivals"]["is_past"], true);
    assert_eq!(view["arrivals"]["rows"].as_array().unwrap().last().unwrap(), 10);
}

#[test]
fn what_landed_before_the_first_cut_that_was_read_is_not_said_to_be_nothing() {
    let mut known = Known { arrivals_since: Some(NOW - 100 * MICROS_PER_SECOND), ..Known::default() };
    known.add_links(&chain(0), Position::ZERO, &[link(0, 0, 90)]);
    let view = view(&known);
    let rows = view["arrivals"]["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|rows| !rows.is_null()).count(), 21);
    assert_eq!(rows.iter().filter_map(serde_json::Value::as_u64).sum::<u64>(), 10);
}

#[test]
fn windows_are_shown_from_where_all_their_files_were_read() {
    let minute = 60 * MICROS_PER_SECOND;
    let kinds = [windows_table::Kind::Late, windows_table::Kind::OnTime, windows_table::Kind::OnTime];
    let mut known = Known { windows_since: 2 * minute, ..Known::default() };
    known.add_windows([0, 2 * minute, 3 * minute].into_iter().zip(kinds));
    let starts: Vec<_> =
        view(&known)["windows"]["starts"].as_array().unwrap().iter().map(|start| start["start"].clone()).collect();
    assert_eq!(starts, [120_000, 180_000]);
}

#[test]
fn gaps_count_as_the_audit_counts_them() {
    let gap = |from, next, reason| Gap { from: Position::from_offset(from), next: Position::from_offset(next), reason };
    let mut known = Known::default();
    let gaps = vec![gap(0, 5, GapReason::Start), gap(7, 10, GapReason::Expired)];
    known.add_links(&chain(0), Position::from_offset(10), &[Link { gaps, ..link(0, 1, 1) }]);
    assert_eq!(view(&known)["totals"]["gap_positions"], 3);
}

#[test]
fn many_partitions_make_no_large_document() {
    let mut known = Known::default();
    for partition in 0..256 {
        let links: Vec<Link> = (0..100).map(|index| link(partition, index, 100)).collect();
        known.add_links(&chain(partition), Position::ZERO, &links);
    }
    let view = view(&known);
    assert_eq!(view["partitions"].as_array().unwrap().len(), 256);
    assert_eq!(view["totals"]["waiting"], 256 * 1000);
    assert_eq!(view["partitions"][255]["partition"], "255");
    let bytes = view.to_string().len();
    assert!(bytes < 512 << 10, "{bytes}");
}
