//! What the generator promises: the same bytes for ever, exact counts, valid events that fit and malformed ones that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};

use penstock_core::dataset::{Column, ColumnType, Dataset};
use penstock_core::time;
use penstock_producer::{EventKind, Fault, Generator, Record, Shape, schema};
use proptest::prelude::*;
use serde_json::Value;

const START_US: i64 = 1_795_262_400_000_000;
const SECOND_US: i64 = 1_000_000;
const EVENTS: u64 = 100_000;

const NESTED: &str = r#"name = "nested"
columns = [
    { name = "at", field_id = 100, type = "timestamp", required = true, path = "meta.at", generate = { kind = "event_time" } },
    { name = "who", field_id = 101, type = "string", required = true, path = "user.id", generate = { kind = "entity", prefix = "ü\"", count = 10 } },
    { name = "name", field_id = 102, type = "string", path = "user.info.name", generate = { kind = "choice", values = ["a", "b\\"], present = 0.5 } },
    { name = "level", field_id = 103, type = "double", generate = { kind = "normal", mean = 0, deviation = 1, decimals = 3, present = 0.5 } },
    { name = "steps", field_id = 104, type = "int", generate = { kind = "integer", min = -9223372036854775808, max = 9223372036854775807, present = 0.5 } },
    { name = "on", field_id = 105, type = "bool", path = ["flags.on"], generate = { kind = "flag", share = 0.5, present = 0.5 } },
    { name = "unused", field_id = 106, type = "string" },
]
[roles]
event_time = "at"
record_key = "who"
[windows]
keys = ["who"]
measure = "level"
"#;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

fn nested() -> Dataset {
    Dataset::parse(NESTED).unwrap()
}

fn user_actions() -> Dataset {
    Dataset::shipped("user_actions").unwrap()
}

fn shape() -> Shape {
    Shape { events: EVENTS, start_time_us: START_US, ..Shape::default() }
}

/// A run in which every kind is frequent.
fn rough() -> Shape {
    Shape { duplicates: 0.2, late: 0.1, malformed: 0.3, events: 20_000, ..shape() }
}

fn event(generator: &Generator, number: u64) -> (EventKind, Record) {
    let mut record = Record::default();
    (generator.event(number, &mut record), record)
}

fn lookup<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

fn time_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => time::parse(text.as_bytes()),
        Value::Number(millis) => millis.as_i64().and_then(time::from_epoch_millis),
        _ => None,
    }
}

fn column_fits(column: &Column, value: &Value) -> bool {
    match (column.kind, value) {
        (ColumnType::Uuid, Value::String(text)) => {
            text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        }
        (ColumnType::String, Value::String(_)) | (ColumnType::Bool, Value::Bool(_)) => true,
        (ColumnType::Int, Value::Number(number)) => number.is_i64(),
        (ColumnType::Double, Value::Number(number)) => number.as_f64().is_some_and(f64::is_finite),
        (ColumnType::Timestamp, value) => time_of(value).is_some(),
        _ => false,
    }
}

/// An independent reading of the dataset: what is wrong with a value that arrives some minutes after the start.
fn fits(dataset: &Dataset, bytes: &[u8]) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !value.is_object() {
        return Err("no object".to_owned());
    }
    for column in dataset.columns.iter().filter(|column| column.derive.is_none()) {
        match lookup(&value, &column.path) {
            Some(field) if column_fits(column, field) => {}
            None if !column.required => {}
            field => return Err(format!("{}: {field:?}", column.name)),
        }
    }
    if depth(&value) > dataset.limits.max_depth {
        return Err("too deep".to_owned());
    }
    let time_key = dataset.columns[dataset.event_time].path.last().unwrap();
    if String::from_utf8_lossy(bytes).matches(&format!("\"{time_key}\":")).count() > 1 {
        return Err("duplicate key".to_owned());
    }
    let event_time = time_of(lookup(&value, &dataset.columns[dataset.event_time].path).unwrap()).unwrap();
    let arrival = START_US + 600 * SECOND_US;
    let (past, future) = (dataset.limits.max_past_days * 86_400, dataset.limits.max_future_secs);
    if !(arrival - past * SECOND_US..=arrival + future * SECOND_US).contains(&event_time) {
        return Err("time out of range".to_owned());
    }
    Ok(value)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    let generator = Generator::new(&iot(), &shape()).unwrap();
    let text = |number| String::from_utf8(event(&generator, number).1.value).unwrap();
    insta::assert_snapshot!([text(0), text(1), text(2), text(99_999)].join("\n"), @r#"
    {"event_id":"e6af094f-7689-45b3-8fdf-2d08f5c29727","device_id":"device-708","device_type":"light","event_time":1795262386385,"event_duration":144.3,"value":18.01,"site":"lyon","status":"ok"}
    {"event_id":"02b022d1-275c-4c4d-b7a7-1360311378cf","device_id":"device-036","device_type":"camera","event_time":"2026-11-21T14:00:00.003+02:00","event_duration":130.7,"value":19.33,"unit":"ppm","site":"lyon","battery":55}
    {"event_id":"1494f94a-226b-4cc8-8439-291e258edfd8","device_id":"device-000","device_type":"speaker","event_time":1795262398694,"event_duration":350.3,"value":18.38,"site":"graz"}
    {"event_id":"164b72c4-118f-4e89-a766-f08554a5916a","device_id":"device-004","device_type":"thermostat","event_time":"2026-11-21T12:04:59.867Z","event_duration":70.4,"value":15.98,"site":"porto","firmware":"2.0.1","battery":88}
    "#);
    let other = Generator::new(&iot(), &Shape { seed: 8, ..shape() }).unwrap();
    assert_ne!(event(&generator, 0).1.value, event(&other, 0).1.value);
}

proptest! {
    #[test]
    fn an_event_does_not_depend_on_what_was_generated_before(numbers in prop::collection::vec(0_u64..20_000, 1..50)) {
        let generator = Generator::new(&iot(), &rough()).unwrap();
        let mut reused = Record::default();
        for number in numbers {
            let kind = generator.event(number, &mut reused);
            let fresh = event(&Generator::new(&iot(), &rough()).unwrap(), number);
            prop_assert_eq!((kind, &reused), (fresh.0, &fresh.1));
        }
    }
}

#[test]
fn shares_are_kept_and_counted_exactly() {
    let generator = Generator::new(&iot(), &rough()).unwrap();
    let expected = generator.expected();
    let (mut ids, mut counted) = (HashSet::new(), penstock_producer::Expected::default());
    for number in 0..rough().events {
        let (kind, record) = event(&generator, number);
        counted.count(kind);
        if !matches!(kind, EventKind::Malformed(_)) {
            ids.insert(fits(&iot(), &record.value).unwrap()["event_id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(counted, expected);
    assert_eq!(ids.len() as u64, expected.distinct());
    // Five standard deviations of the number of successes in 20,000 trials, at most 354.
    for (count, share) in [(expected.malformed, 0.3), (expected.duplicates, 0.2), (expected.late, 0.1)] {
        let wanted = 20_000.0 * share;
        assert!((count as f64 - wanted).abs() < 354.0, "{count} instead of about {wanted}");
    }
}

#[test]
fn without_shares_every_event_is_regular() {
    let plain = Shape { duplicates: 0.0, late: 0.0, malformed: 0.0, ..shape() };
    let expected = Generator::new(&iot(), &plain).unwrap().expected();
    assert_eq!((expected.distinct(), expected.late), (EVENTS, 0));
}

#[test]
fn duplicates_repeat_an_earlier_event_byte_for_byte() {
    let generator = Generator::new(&iot(), &rough()).unwrap();
    let mut seen = 0;
    for number in 0..rough().events {
        let (kind, record) = event(&generator, number);
        if let EventKind::Duplicate { of } = kind {
            let (original, first) = event(&generator, of);
            assert!(of < number);
            assert!(matches!(original, EventKind::Regular | EventKind::Late));
            assert_eq!((&record.value, record.key()), (&first.value, first.key()));
            seen += 1;
        }
    }
    assert!(seen > 1000);
}

#[test]
fn where_the_id_is_a_hash_only_duplicates_are_equal() {
    // One user who does one thing: without a number of their own many events of a millisecond would be alike.
    let monotonous = user_actions().text.replace("count = 5000, present = 0.9", "count = 1");
    let monotonous = Dataset::parse(&monotonous).unwrap();
    let generator = Generator::new(&monotonous, &Shape { spacing_nanos: 1000, ..rough() }).unwrap();
    let mut values = HashSet::new();
    for number in 0..rough().events {
        let (kind, record) = event(&generator, number);
        if !matches!(kind, EventKind::Malformed(_)) {
            values.insert(record.value);
        }
    }
    assert_eq!(values.len() as u64, generator.expected().distinct());
}

#[test]
fn valid_events_fit_and_malformed_ones_do_not() {
    // A number that is never written cannot be out of range.
    let unwritten =
        NESTED.replace("\"unused\", field_id = 106, type = \"string\"", "\"unused\", field_id = 106, type = \"int\"");
    let datasets = [(iot(), 16), (nested(), 16), (Dataset::parse(&unwritten).unwrap(), 16), (user_actions(), 15)];
    for (dataset, faults_it_has) in datasets {
        let generator = Generator::new(&dataset, &rough()).unwrap();
        let mut faults: HashMap<Fault, u64> = HashMap::new();
        for number in 0..rough().events {
            let (kind, record) = event(&generator, number);
            let text = String::from_utf8_lossy(&record.value).into_owned();
            assert!(!record.value.contains(&b'\n') && !record.value.is_empty());
            let fits = fits(&dataset, &record.value);
            match kind {
                EventKind::Malformed(fault) => {
                    assert!(fits.is_err(), "{fault:?}: {text}");
                    *faults.entry(fault).or_default() += 1;
                }
                _ => assert!(fits.is_ok(), "{fits:?}: {text}"),
            }
        }
        assert_eq!(faults.len(), faults_it_has, "{faults:?}");
    }
}

#[test]
fn records_are_keyed_as_the_dataset_says() {
    for dataset in [iot(), nested(), user_actions()] {
        let generator = Generator::new(&dataset, &shape()).unwrap();
        let path = &dataset.columns[dataset.record_key.unwrap()].path;
        let mut with_key = 0;
        for number in 0..1000 {
            let (kind, record) = event(&generator, number);
            if !matches!(kind, EventKind::Malformed(_)) {
                let value: Value = serde_json::from_slice(&record.value).unwrap();
                let key = lookup(&value, path).map(|key| key.as_str().unwrap().as_bytes());
                assert_eq!(key, record.key());
                with_key += u64::from(key.is_some());
            }
        }
        assert!(850 < with_key, "{with_key}");
    }
}

#[test]
fn regular_events_are_out_of_order_within_the_lateness_and_late_ones_beyond() {
    let dataset = iot();
    let generator = Generator::new(&dataset, &shape()).unwrap();
    let lateness_us = dataset.windows.allowed_lateness_secs * SECOND_US;
    let (mut newest, mut inversions, mut previous) = (i64::MIN, 0, i64::MIN);
    for number in 0..EVENTS {
        let (kind, record) = event(&generator, number);
        if !matches!(kind, EventKind::Regular | EventKind::Late) {
            continue;
        }
        let value: Value = serde_json::from_slice(&record.value).unwrap();
        let event_time = time_of(&value["event_time"]).unwrap();
        if kind == EventKind::Late {
            assert!(event_time < newest.max(START_US - lateness_us / 6) - lateness_us, "event {number}");
            continue;
        }
        assert!(newest.saturating_sub(lateness_us) < event_time, "event {number}");
        inversions += u32::from(event_time < previous);
        previous = event_time;
        newest = newest.max(event_time);
    }
    assert!(inversions > 1000, "{inversions}");
    assert!((START_US..START_US + 600 * SECOND_US).contains(&newest));
}

#[test]
fn activity_is_skewed_and_every_device_keeps_its_traits() {
    let generator = Generator::new(&iot(), &Shape { malformed: 0.0, ..shape() }).unwrap();
    let mut devices: HashMap<String, (u64, String, String)> = HashMap::new();
    for number in 0..EVENTS {
        let value: Value = serde_json::from_slice(&event(&generator, number).1.value).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let device = devices.entry(text("device_id")).or_insert((0, text("device_type"), text("site")));
        assert_eq!((&device.1, &device.2), (&text("device_type"), &text("site")));
        device.0 += 1;
    }
    let types: HashSet<&str> = devices.values().map(|(_, device_type, _)| device_type.as_str()).collect();
    assert_eq!((devices.len(), types.len()), (1000, 8));
    let busiest = devices["device-000"].0;
    assert!((9_000..11_000).contains(&busiest), "log 2 / log 1001 of all events, and not {busiest}");
}

#[test]
fn an_iot_event_has_218_bytes_on_average() {
    let generator = Generator::new(&iot(), &shape()).unwrap();
    let bytes: usize = (0..EVENTS).map(|number| event(&generator, number).1.value.len()).sum();
    let average = bytes as f64 / EVENTS as f64;
    assert!((217.0..219.0).contains(&average), "{average}");
}

#[test]
fn the_schema_describes_a_generated_event() {
    for dataset in [iot(), nested(), user_actions()] {
        let generator = Generator::new(&dataset, &rough()).unwrap();
        let schema = schema(&dataset);
        for number in 0..1000 {
            let (kind, record) = event(&generator, number);
            if !matches!(kind, EventKind::Malformed(_)) {
                let value: Value = serde_json::from_slice(&record.value).unwrap();
                assert!(validates(&schema, &value), "{value} against {schema}");
            }
        }
        assert!(!validates(&schema, &serde_json::json!({})));
    }
}

/// As much of JSON Schema as the schema uses.
fn validates(schema: &Value, value: &Value) -> bool {
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return alternatives.iter().any(|alternative| validates(alternative, value));
    }
    match schema["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "object" => {
            let required = schema["required"].as_array().unwrap();
            let properties = schema["properties"].as_object().unwrap();
            value.is_object()
                && required.iter().all(|key| value.get(key.as_str().unwrap()).is_some())
                && properties
                    .iter()
                    .all(|(key, property)| value.get(key).is_none_or(|value| validates(property, value)))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn shapes_that_make_no_sense_are_refused_with_a_remedy() {
    let check = |dataset: &Dataset, shape: Shape| Generator::new(dataset, &shape).err().unwrap().to_string();
    insta::assert_snapshot!(check(&iot(), Shape { late: 1.5, ..shape() }), @"late is 1.5: give a share from 0 to 1");
    insta::assert_snapshot!(check(&iot(), Shape { malformed: f64::NAN, ..shape() }), @"malformed is NaN: give a share from 0 to 1");
    insta::assert_snapshot!(check(&iot(), Shape { late: 0.5, duplicates: 0.6, ..shape() }), @"duplicates, late and malformed add up to 1.101: they are shares of all events, at most 1 together");
    insta::assert_snapshot!(check(&iot(), Shape { start_time_us: i64::MAX, ..shape() }), @"the start time lies outside the years 1000 to 8000: give one that a device could have");
    let without = Dataset::parse(&NESTED.replace(", generate = { kind = \"event_time\" }", "")).unwrap();
    insta::assert_snapshot!(check(&without, shape()), @"dataset nested: required column `at` has no generator: add `generate` to it, or send events of your own with --input");
    let narrow =
        Dataset::parse(&format!("{NESTED}allowed_lateness_secs = 86399\n[limits]\nmax_past_days = 1\n")).unwrap();
    insta::assert_snapshot!(check(&narrow, shape()), @"dataset nested: late events would be older than max_past_days allows: lower allowed_lateness_secs, or set late to 0");
}

#[test]
fn everything_malformed_or_repeated_still_ends() {
    let generator = Generator::new(&iot(), &Shape { duplicates: 0.5, malformed: 0.5, late: 0.0, ..rough() }).unwrap();
    assert_eq!(generator.expected().sent, 20_000);
}
