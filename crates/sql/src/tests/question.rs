//! `emr/p95.sql` answers as `penstock p95` does.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Date32Type, Float64Type, Int64Type};
use penstock_core::p95::{Answer, Event, Question, answer};
use proptest::prelude::*;

use super::*;

/// What emr/p95.sql answers, by group.
fn p95(rows: &[Row]) -> BTreeMap<String, Answer> {
    let answer = wait(async { ask(lake(one_day(rows)).await, iot(), P95).await.unwrap() });
    answer.iter().flat_map(answers).map(|answer| (answer.group.clone(), answer)).collect()
}

fn answers(batch: &RecordBatch) -> Vec<Answer> {
    let dates = batch.column(0).as_primitive::<Date32Type>();
    let groups = cast(batch.column(1), &DataType::Utf8).unwrap();
    let double = |column: usize, row| batch.column(column).as_primitive::<Float64Type>().value(row);
    let count = |column: usize, row| batch.column(column).as_primitive::<Int64Type>().value(row).unsigned_abs();
    let answer = |row| {
        assert_eq!(dates.value_as_date(row).unwrap().to_string(), DAY);
        Answer {
            group: groups.as_string::<i32>().value(row).to_owned(),
            p95: double(2, row),
            mean: double(3, row),
            stddev: double(4, row),
            lower: double(5, row),
            upper: double(6, row),
            distinct_events: count(7, row),
            outliers: count(8, row),
            used: count(9, row),
        }
    };
    (0..batch.num_rows()).map(answer).collect()
}

/// What `penstock p95` answers, by group.
fn core_p95(rows: &[Row]) -> BTreeMap<String, Answer> {
    let mut names: Vec<String> = rows.iter().map(|row| row.kind.to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let event = |row: &Row| {
        let Place::Kafka(_, partition, offset) = row.place else { panic!("the rows compared are Kafka's") };
        let group = names.iter().position(|name| name == row.kind).unwrap();
        let place = (0, partition.cast_unsigned(), offset.cast_unsigned());
        Event { id: row.id, place, group: u32::try_from(group).unwrap(), value: row.duration }
    };
    let question = Question { min_events: 500, deviations: 3.0 };
    let answers = answer(rows.iter().map(event).collect(), &names, question);
    answers.into_iter().map(|answer| (answer.group.clone(), answer)).collect()
}

/// DataFusion rounds the weight of an interpolation to a millionth, and adds in another order.
#[track_caller]
fn check_like_the_core(rows: &[Row]) -> BTreeMap<String, Answer> {
    let (sql, core) = (p95(rows), core_p95(rows));
    assert_eq!(sql.keys().collect::<Vec<_>>(), core.keys().collect::<Vec<_>>());
    for (ours, theirs) in core.values().zip(sql.values()) {
        let close = |a: f64, b: f64| (a - b).abs() <= 2e-6 * (1e-3 + a.abs().max(b.abs()) + ours.stddev);
        assert!(close(ours.p95, theirs.p95), "{ours:?} {theirs:?}");
        assert!(close(ours.mean, theirs.mean) && close(ours.stddev, theirs.stddev), "{ours:?} {theirs:?}");
        assert!(close(ours.lower, theirs.lower) && close(ours.upper, theirs.upper), "{ours:?} {theirs:?}");
        let counts = |answer: &Answer| (answer.distinct_events, answer.outliers, answer.used);
        assert_eq!(counts(ours), counts(theirs));
    }
    sql
}

fn spread(count: usize) -> Vec<f64> {
    (0..count).map(|number| (number * 37 % 101) as f64 + 0.25).collect()
}

#[test]
fn five_hundred_distinct_events_are_needed() {
    let check = |rows: &[Row], groups: usize| assert_eq!(check_like_the_core(rows).len(), groups);
    check(&rows("camera", &spread(499)), 0);
    check(&rows("camera", &spread(500)), 1);
    check(&rows("camera", &spread(501)), 1);
    let mut lifted = rows("camera", &spread(499));
    lifted.push(Row { place: Place::Kafka("events", 1, 0), ..lifted[0].clone() });
    check(&lifted, 0);
}

#[test]
fn the_five_hundred_counts_before_outliers_go() {
    let mut durations = vec![1.0; 499];
    durations.push(1e6);
    let answer = &check_like_the_core(&rows("camera", &durations))["camera"];
    assert_eq!((answer.distinct_events, answer.outliers, answer.used), (500, 1, 499));
}

#[test]
fn equal_values_are_all_kept() {
    for value in [0.1, 0.0, -7.7, 1e-300, 123_456_789.123, 1e150] {
        let answer = &p95(&rows("camera", &[value; 500]))["camera"];
        assert_eq!((answer.outliers, answer.used), (0, 500), "{value}");
        assert!((answer.p95 - value).abs() <= 1e-12 * value.abs(), "{value}");
    }
}

/// Here Spark and DataFusion agree with each other, but not with the core, which keeps all values.
#[test]
fn values_whose_squares_are_too_large_have_no_row() {
    for scale in [1e200, 1e306] {
        let rows = rows("camera", &spread(500).iter().map(|value| value / 101.0 * scale).collect::<Vec<_>>());
        assert!(p95(&rows).is_empty());
        assert_eq!(core_p95(&rows)["camera"].used, 500);
    }
}

#[test]
fn a_value_on_the_border_is_kept_and_one_beyond_it_is_not() {
    // Half at 1 and half at -1, and one far out: it lies on the border where its distance is three deviations.
    let with_far = |far: f64| {
        let mut durations: Vec<f64> = (0..600).map(|number| if number % 2 == 0 { 1.0 } else { -1.0 }).collect();
        durations.push(far);
        durations
    };
    let distance = |far: f64| {
        let durations = with_far(far);
        let mean = durations.iter().sum::<f64>() / 601.0;
        let squares: f64 = durations.iter().map(|value| (value - mean).powi(2)).sum();
        far - mean - 3.0 * (squares / 600.0).sqrt()
    };
    let (mut inside, mut outside) = (1.0, 100.0);
    for _ in 0..200 {
        let middle = f64::midpoint(inside, outside);
        if distance(middle) <= 0.0 { inside = middle } else { outside = middle }
    }
    let outliers = |far: f64| check_like_the_core(&rows("camera", &with_far(far)))["camera"].outliers;
    assert_eq!(outliers(inside), 0);
    assert_eq!(outliers(outside), 0, "rounding decides nothing");
    assert_eq!(outliers(inside * (1.0 + 1e-6)), 1);
}

#[test]
fn of_one_id_the_first_counts() {
    let check = |first: Place, second: Place| {
        let mut rows = rows("camera", &[5.0; 499]);
        rows.push(Row { id: 1000, kind: "camera", duration: 10_000.0, place: second.clone() });
        rows.push(Row { id: 1000, kind: "camera", duration: 5.0, place: first.clone() });
        let answer = &p95(&rows)["camera"];
        assert_eq!((answer.distinct_events, answer.mean), (500, 5.0), "{first:?} before {second:?}");
    };
    check(Place::Kafka("a", 7, 7), Place::Kafka("b", 0, 0));
    check(Place::Kafka("events", 2, 7), Place::Kafka("events", 10, 0));
    check(Place::Kafka("events", 0, 9), Place::Kafka("events", 0, 10));
    check(Place::Kinesis("shard-1", "10"), Place::Kinesis("shard-2", "9"));
    check(Place::Kinesis("shard-1", "9"), Place::Kinesis("shard-1", "10"));
}

#[test]
fn days_are_apart() {
    let files = vec![
        (keys::silver("iot", "2026-01-30", 1), silver(&rows("camera", &spread(500)))),
        (keys::silver("iot", "2026-01-31", 1), silver(&rows("camera", &spread(250)))),
        (keys::silver("iot", "2026-01-31", 2), silver(&rows("light", &spread(250)))),
    ];
    let text = asked(files, P95, Format::Csv).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("2026-01-30,camera,"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn agrees_with_the_core(
        durations in prop::collection::vec((prop_oneof![4 => 0.0..200.0_f64, 1 => -1e5..1e5_f64], 0_u8..3, 0_u128..900), 400..1_600)
    ) {
        let row = |(offset, (duration, kind, id)): (usize, (f64, u8, u128))| {
            let kind = ["camera", "light", "plug"][usize::from(kind)];
            Row { id, kind, duration, place: Place::Kafka("events", i32::from(offset % 2 == 0), offset as i64) }
        };
        check_like_the_core(&durations.into_iter().enumerate().map(row).collect::<Vec<_>>());
    }
}
