//! What the functions say of themselves: numbers for CloudWatch, and logs that lead from a batch to its objects and its cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod capture;

use futures::executor::block_on;
use penstock_core::chain::OnGap;
use penstock_lake::{Answer, Clock, Fault, Operation};
use penstock_producer::Shape;
use penstock_refine::Mode;
use penstock_runtime::{Call, IngestSettings};
use penstock_telemetry::{Metric, Snapshot, embedded};
use penstock_tests::events::{Topic, event, payload, record};
use penstock_tests::lake::TestLake;
use penstock_trigger::log::LogRecord;
use serde_json::Value;

use capture::Captured;

fn call(request_id: &str) -> Call {
    Call { request_id: request_id.to_owned(), deadline: 0 }
}

/// Valid records of partition 0.
fn records(lake: &TestLake, offsets: std::ops::Range<u64>) -> Vec<LogRecord> {
    let now = lake.clock.now();
    let one = |offset: u64| record(0, i64::try_from(offset).unwrap(), now / 1000, event(offset, "device", now));
    offsets.map(one).collect()
}

/// A topic of the last ten minutes by the lake's clock, with all that the generator plants.
fn topic(lake: &TestLake, events: u64, partitions: usize) -> Topic {
    let shape = Shape {
        events,
        duplicates: 0.02,
        late: 0.01,
        malformed: 0.01,
        start_time_us: lake.seconds_ago(600),
        spacing_nanos: 600_000_000_000 / events,
        ..Shape::default()
    };
    Topic::generated(&shape, partitions)
}

/// The value of one series.
fn one(snapshot: &Snapshot, metric: Metric, labels: &[&str]) -> f64 {
    let series = snapshot
        .series(metric)
        .iter()
        .find(|series| series.labels.iter().map(|value| &**value).eq(labels.iter().copied()));
    series.unwrap_or_else(|| panic!("no {metric:?} of {labels:?}")).value.number()
}

#[test]
fn what_is_received_landed_and_poured_adds_up() {
    let lake = TestLake::in_memory();
    let topic = topic(&lake, 6000, 3);
    let ingest = lake.ingest();
    for batch in topic.batches(500) {
        block_on(ingest.handle(&payload(&batch), &call("first"))).unwrap();
    }
    // Everything comes again.
    for batch in topic.batches(700) {
        block_on(ingest.handle(&payload(&batch), &call("again"))).unwrap();
    }
    block_on(lake.refine().run(Mode::Scheduled, &call("refine"))).unwrap();
    let found = lake.telemetry.snapshot(lake.clock.now());
    let check = |metric: Metric, expect: u64| assert_eq!(found.sum(metric), expect as f64, "{metric:?}");
    let sent = topic.expected.sent;
    check(Metric::EventsReceived, 2 * sent);
    check(Metric::EventsLanded, sent);
    check(Metric::EventsTrimmed, sent);
    check(Metric::EventsRejected, topic.expected.malformed);
    check(Metric::EventsDuplicate, topic.expected.duplicates);
    check(Metric::EventsPoured, sent - topic.expected.malformed - topic.expected.duplicates);
    check(Metric::CutsPoured, 1);
    check(Metric::EventsUnpoured, 0);
    check(Metric::ChainsBroken, 0);
    assert_eq!(found.series(Metric::RecordFreshness).len(), 3);
    assert_eq!(found.series(Metric::EventFreshness).len(), 3);
    assert_eq!(one(&found, Metric::ObjectsWritten, &["state"]), 1.0);
    assert!(0.0 < one(&found, Metric::BytesWritten, &["raw"]));
}

#[test]
fn ages_grow_while_nobody_comes() {
    let lake = TestLake::in_memory();
    block_on(lake.ingest().handle(&payload(&records(&lake, 0..10)), &call("a"))).unwrap();
    block_on(lake.refine().run(Mode::Scheduled, &call("b"))).unwrap();
    lake.wait(90);
    let found = lake.telemetry.snapshot(lake.clock.now());
    assert_eq!(one(&found, Metric::RecordFreshness, &["events", "0"]), 90.0);
    assert_eq!(one(&found, Metric::EventFreshness, &["events", "0"]), 90.0);
    assert_eq!(one(&found, Metric::CutAge, &[]), 90.0);
}

#[test]
fn a_store_that_stumbles_is_counted_by_cause() {
    let lake = TestLake::in_memory();
    let first = |answer| Fault::new(answer).on(Operation::PutNew).key(|key| key.starts_with("raw/")).times(1);
    lake.faulty.script(first(Answer::Unavailable));
    lake.faulty.script(first(Answer::Conflict));
    lake.faulty.script(first(Answer::ReplyLost));
    block_on(lake.ingest().handle(&payload(&records(&lake, 0..10)), &call("a"))).unwrap();
    let found = lake.telemetry.snapshot(0);
    assert_eq!(one(&found, Metric::StoreRetries, &["put_new", "unavailable"]), 2.0);
    assert_eq!(one(&found, Metric::StoreRetries, &["put_new", "conflict"]), 1.0);
    // What was written by the request whose reply was lost is found there.
    assert_eq!(one(&found, Metric::StoreRequests, &["put_new", "exists"]), 1.0);
    assert_eq!(one(&found, Metric::StoreConflicts, &["put_new"]), 2.0);
}

#[test]
fn a_hole_is_counted_as_a_failure_or_as_a_gap() {
    let lake = TestLake::in_memory();
    let with_hole = [records(&lake, 0..5), records(&lake, 8..10)].concat();
    block_on(lake.ingest().handle(&payload(&with_hole), &call("a"))).unwrap_err();
    let found = lake.telemetry.snapshot(0);
    assert_eq!(one(&found, Metric::PartitionFailures, &["events", "misconfigured"]), 1.0);
    assert_eq!(found.sum(Metric::EventsLanded), 5.0, "what stands before the hole has landed");

    let declare = IngestSettings { on_gap: OnGap::Declare, ..IngestSettings::default() };
    block_on(lake.ingest_with(declare).handle(&payload(&with_hole), &call("b"))).unwrap();
    let found = lake.telemetry.snapshot(0);
    assert_eq!(one(&found, Metric::GapsDeclared, &["events", "automatic"]), 1.0);
}

#[test]
fn a_missing_object_is_counted_while_it_is_missing() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    for offsets in [0..5, 5..10, 10..15] {
        block_on(ingest.handle(&payload(&records(&lake, offsets)), &call("a"))).unwrap();
    }
    lake.faulty.hide(|key| key.ends_with("00000000000000000005.parquet"));
    block_on(lake.refine().run(Mode::Scheduled, &call("b"))).unwrap();
    assert_eq!(lake.telemetry.snapshot(0).sum(Metric::ChainsBroken), 1.0);
}

/// The rules of CloudWatch's specification of the embedded metric format.
fn assert_valid(line: &str) {
    assert!(!line.contains('\n') && line.len() < 1 << 20, "one line, and not too long");
    let document: Value = serde_json::from_str(line).unwrap();
    assert!(document["_aws"]["Timestamp"].is_u64());
    for directive in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Penstock");
        for dimension in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap()) {
            let value = document[dimension.as_str().unwrap()].as_str().unwrap();
            assert!(!value.is_empty() && value.is_ascii() && !value.starts_with(':') && value.len() <= 1024);
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!(!metrics.is_empty() && metrics.len() <= 100);
        for metric in metrics {
            let value = &document[metric["Name"].as_str().unwrap()];
            let is_list = value.as_array().is_some_and(|list| list.len() <= 100 && list.iter().all(Value::is_number));
            assert!(value.is_number() || is_list, "{metric}: {value}");
            assert!(["Count", "Bytes", "Seconds", "None"].contains(&metric["Unit"].as_str().unwrap()));
        }
    }
}

#[test]
fn each_invocation_is_one_line_that_cloudwatch_takes_and_says_how_long_it_is() {
    for partitions in [6, 256] {
        let lake = TestLake::in_memory();
        let captured = Captured::default();
        let mut batch: Vec<LogRecord> = topic(&lake, 10_000, partitions).partitions.concat();
        batch.sort_by_key(|record| record.partition);
        captured.during(|| block_on(lake.ingest().handle(&payload(&batch), &call("request")))).unwrap();
        let ingested = line_of(&lake, "ingest");
        captured.during(|| block_on(lake.refine().run(Mode::Scheduled, &call("request")))).unwrap();
        let refined = line_of(&lake, "refine");
        assert_valid(&ingested);
        assert_valid(&refined);
        let ingest_log =
            captured.lines().iter().filter(|line| line.contains("batch_landed")).map(String::len).sum::<usize>();
        println!(
            "{partitions} partitions, 10,000 records an invocation: {} KB of metrics and {} KB of logs for a million events; \
             {} B of metrics for each cut",
            (ingested.len() + 1) * 100 / 1024,
            ingest_log * 100 / 1024,
            refined.len() + 1
        );
    }
}

fn line_of(lake: &TestLake, function: &str) -> String {
    let now = lake.clock.now();
    let invocation = embedded::Invocation { function, request_id: "request", now };
    embedded::line(&lake.telemetry.take(now), &invocation).unwrap()
}

#[test]
fn one_search_leads_from_a_batch_to_its_objects_and_its_cut() {
    let lake = TestLake::in_memory();
    let captured = Captured::default();
    let ingest = lake.ingest();
    captured.during(|| {
        block_on(ingest.handle(&payload(&records(&lake, 0..5)), &call("request-1"))).unwrap();
        block_on(ingest.handle(&payload(&records(&lake, 5..9)), &call("request-2"))).unwrap();
        block_on(lake.refine().run(Mode::Scheduled, &call("request-3"))).unwrap();
    });
    let chain = "raw/iot/kafka/events@0/00000/";
    let lines = captured.lines();
    let found: Vec<(String, String)> = lines
        .iter()
        .filter(|line| line.contains(chain))
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["request_id"].as_str().unwrap().to_owned(), line["ranges"].as_str().unwrap().to_owned()))
        .collect();
    let range = |from: u64, next: u64| format!("{chain}{from:020}.parquet..{next}");
    let expect = [("request-1", range(0, 5)), ("request-2", range(5, 9)), ("request-3", range(0, 9))];
    assert_eq!(found, expect.map(|(request, range)| (request.to_owned(), range)));
    assert!(lines.iter().any(|line| line.contains(r#""cut":1"#)), "{lines:?}");
}

/// Also where records are rejected, trimmed and refused.
#[test]
fn what_is_in_records_is_never_logged() {
    const SECRET: &str = "hunter2-4711";
    let lake = TestLake::in_memory();
    let (now, captured) = (lake.clock.now(), Captured::default());
    let secret = |offset: i64| LogRecord {
        key: Some(SECRET.into()),
        ..record(0, offset, now / 1000, format!("not json: {SECRET}"))
    };
    let changed = |offset: i64| record(0, offset, now / 1000, format!("something else: {SECRET}"));
    captured.during(|| {
        let good = record(0, 0, now / 1000, event(0, SECRET, now));
        block_on(lake.ingest().handle(&payload(&[good.clone(), secret(1)]), &call("a"))).unwrap();
        block_on(lake.ingest().handle(&payload(&[good, secret(1), secret(2)]), &call("b"))).unwrap();
        // What differs from what landed, and what comes behind a hole.
        let refused = block_on(lake.ingest().handle(&payload(&[changed(1), secret(9)]), &call("c"))).unwrap_err();
        assert!(!refused.message.contains(SECRET), "{refused}");
        block_on(lake.refine().run(Mode::Drain, &call("d"))).unwrap();
    });
    let lines = captured.lines();
    assert!(
        lines.iter().any(|line| line.contains("batch_landed")) && lines.iter().any(|line| line.contains("cut_poured"))
    );
    assert!(lines.iter().all(|line| !line.contains(SECRET)), "{lines:#?}");
}
