//! Records that are rows, however oddly they are written.

use arrow_array::StringArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::payload;
use crate::time;

#[track_caller]
fn check_text(value: &str, column: &str, expect: Option<&str>) {
    check_good(&iot(), value, |rows| assert_eq!(text(rows, column, 0), expect, "{column} of {value}"));
}

#[track_caller]
fn check_double(value: &str, column: &str, expect: Option<f64>) {
    check_good(&iot(), value, |rows| {
        let doubles = rows.batch.column_by_name(column).unwrap().as_primitive::<Float64Type>();
        assert_eq!(doubles.is_valid(0).then(|| doubles.value(0)), expect, "{column} of {value}");
    });
}

#[track_caller]
fn check_time(value: &str, expect: &str) {
    check_good(&iot(), value, |rows| {
        let times = rows.batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMicrosecondType>();
        assert_eq!(time::rfc3339(times.value(0)), expect, "{value}");
    });
}

#[track_caller]
fn check_battery(json: &str, expect: Option<i64>) {
    check_good(&iot(), &good_with(":7,", &format!(":{json},")), |rows| {
        let integers = rows.batch.column_by_name("battery").unwrap().as_primitive::<Int64Type>();
        assert_eq!(integers.is_valid(0).then(|| integers.value(0)), expect, "{json}");
    });
}

#[test]
fn odd_but_good_records() {
    check_text(GOOD, "device_id", Some("device-1"));
    check_text(GOOD, "extra", None);
    check_text(
        &format!(" \r\n\t{} \n", GOOD.replace("\",\"", "\" , \"").replace("\":", "\"\t: ")),
        "site",
        Some("oslo"),
    );
    check_text(&good_with("\"lux\"", "null"), "unit", None);
    check_text(&good_with("\"unit\":\"lux\",", ""), "unit", None);
    check_text(&good_with("lux", ""), "unit", Some(""));
    check_text(&good_with("lux", r"l\u0075x \ud83d\ude00 \u0000\n"), "unit", Some("lux 😀 \0\n"));
    check_text(&good_with("lux", "°C"), "unit", Some("°C"));
    check_text(&good_with("\"unit\"", r#""\u0075nit""#), "unit", Some("lux"));
    check_text(&good_with("\"unit\"", "\"Unit\""), "unit", None);
    check_text(&good_with("\"unit\"", "\"Unit\""), "extra", Some(r#"{"Unit":"lux"}"#));

    check_double(&good_with("21.25", "-0.5e1"), "value", Some(-5.0));
    check_double(&good_with("21.25", "5"), "value", Some(5.0));
    check_double(&good_with("21.25", "null"), "value", None);
    check_double(&good_with("21.25", "1e-999"), "value", Some(0.0));

    check_battery("5", Some(5));
    check_battery("5.0", Some(5));
    check_battery("50e-1", Some(5));
    check_battery("-9223372036854775808", Some(i64::MIN));
    check_battery("null", None);

    check_time(GOOD, "2026-11-21T11:59:58.500000Z");
    check_time(&good_with("\"2026-11-21T11:59:58.5Z\"", "1795262398500"), "2026-11-21T11:59:58.500000Z");
    check_time(&good_with("\"2026-11-21T11:59:58.5Z\"", "1.7952623985e12"), "2026-11-21T11:59:58.500000Z");
    check_time(&good_with("T11:59:58.5Z", "T13:59:58+02:00"), "2026-11-21T11:59:58.000000Z");
    check_time(&good_with("2026-11-21T11:59:58.5Z", "2026-10-22T12:00:00Z"), "2026-10-22T12:00:00.000000Z");
    check_time(&good_with("2026-11-21T11:59:58.5Z", "2026-11-21T12:10:00Z"), "2026-11-21T12:10:00.000000Z");
}

#[test]
fn unknown_fields_are_kept_as_they_stand() {
    let with = |fields: &str| good_with(r#""unit":"lux""#, fields);
    check_text(&with(r#""x":1"#), "extra", Some(r#"{"x":1}"#));
    check_text(
        &with(r#""x" : [ 1, {"y" : null} ] , "unit":"lux","\n" :1e5"#),
        "extra",
        Some(r#"{"x":[ 1, {"y" : null} ],"\n":1e5}"#),
    );
    check_text(&with(r#""x":{"device_id":1,"a":1,"a":2}"#), "extra", Some(r#"{"x":{"device_id":1,"a":1,"a":2}}"#));
    check_text(&with(r#""":true"#), "extra", Some(r#"{"":true}"#));
}

#[test]
fn the_first_of_repeated_keys_counts_where_the_dataset_says_so() {
    let first = iot_with(&[("duplicate_keys = \"reject\"", "duplicate_keys = \"first\"")]);
    let value = good_with(r#""lux""#, r#""lux","x":1,"unit":5,"x":{}"#);
    check_good(&first, &value, |rows| {
        assert_eq!(text(rows, "unit", 0), Some("lux"));
        assert_eq!(text(rows, "extra", 0), Some(r#"{"x":1}"#));
    });
    check_poison(
        &first,
        good_with(r#""lux""#, r#""lux","unit":tru"#).as_bytes(),
        Reason::NotJson,
        "expected a value at byte 190",
    );
}

fn nested_dataset() -> Dataset {
    iot_with(&[
        ("name = \"unit\"", "name = \"unit\"\npath = [\"device\", \"unit\"]"),
        ("name = \"site\"", "name = \"site\"\npath = [\"device\", \"place\", \"site\"]"),
    ])
}

#[test]
fn nested_columns_and_what_is_unknown_beside_them() {
    let dataset = &nested_dataset();
    let value = |device: &str| good_with(r#""unit":"lux","site":"oslo""#, device);
    let check = |device: &str, unit: Option<&str>, site: Option<&str>, extra: Option<&str>| {
        check_good(dataset, &value(device), |rows| {
            let found = ["unit", "site", "extra"].map(|column| text(rows, column, 0));
            assert_eq!(found, [unit, site, extra], "{device}");
        });
    };
    check(r#""device":{"unit":"lux","place":{"site":"oslo"}}"#, Some("lux"), Some("oslo"), None);
    check(r#""device":{"place":{"site":"oslo"},"unit":"lux"}"#, Some("lux"), Some("oslo"), None);
    check(r#""device":{}"#, None, None, None);
    check(r#""device":null"#, None, None, None);
    check(r#""device":{"place":null}"#, None, None, None);
    check(r#""unit":"lux""#, None, None, Some(r#"{"unit":"lux"}"#));
    check(
        r#""a":1,"device":{"b":2,"unit":"lux","place":{"c":3,"site":"oslo","d":4},"e":5},"f":6"#,
        Some("lux"),
        Some("oslo"),
        Some(r#"{"a":1,"device":{"b":2,"place":{"c":3,"d":4},"e":5},"f":6}"#),
    );
    check(r#""a":1,"device":{"unit":"lux"}"#, Some("lux"), None, Some(r#"{"a":1}"#));
    check(r#""a":1,"device":{"a":1,"place":{"a":1}}"#, None, None, Some(r#"{"a":1,"device":{"a":1,"place":{"a":1}}}"#));
    check_poison(
        dataset,
        value(r#""device":5"#).as_bytes(),
        Reason::WrongType,
        "the key `device` holds a number at byte 179, expected an object",
    );
    check_poison(
        dataset,
        value(r#""device":{"unit":"lux"},"device":{}"#).as_bytes(),
        Reason::DuplicateKey,
        "the key `device` stands there twice, again before byte 203",
    );
}

#[test]
fn a_derived_id_is_the_hash_of_the_value() {
    let dataset = Dataset::shipped("user_actions").unwrap();
    let action = |name: &str| format!(r#"{{"event":{{"datetime":"2026-11-21T11:59:58Z","name":"{name}"}}}}"#);
    let values = [action("search"), action("purchase"), action("search"), "no action".to_owned()];
    let records = (0..).zip(&values).map(|(offset, value)| record(offset, encoded(value.as_bytes())));
    let rows = parse(&dataset, &kafka(records.collect()));
    let ids = rows.batch.column_by_name("event_id").unwrap().as_fixed_size_binary();
    assert_eq!([0, 1, 2, 3].map(|row| ids.is_valid(row)), [true, true, true, false]);
    // printf %s '{"event":{"datetime":"2026-11-21T11:59:58Z","name":"search"}}' | sha256sum
    assert_eq!(ids.value(0), 0xb6ca_fbb8_9243_0f22_7449_961e_e119_fb12_u128.to_be_bytes());
    assert_eq!((ids.value(2) == ids.value(0), ids.value(1) == ids.value(0)), (true, false));
}

#[test]
fn a_number_is_put_in_words_where_it_has_some() {
    let dataset = Dataset::shipped("numbers").unwrap();
    let number = |number: &str| {
        let (id, time) = ("0b9e4a42-5a7c-4b6e-9a51-6f1d4f6f0c11", "2026-11-21T11:59:58Z");
        format!(r#"{{"event_id":"{id}","source":"a","event_time":"{time}","number":{number}}}"#)
    };
    let values = ["71", "-80", "1000000000001", "\"71\"", "200.0"].map(number);
    let records = (0..).zip(&values).map(|(offset, value)| record(offset, encoded(value.as_bytes())));
    let rows = parse(&dataset, &kafka(records.collect()));
    let words = rows.batch.column_by_name("french").unwrap().as_dictionary::<Int32Type>();
    let words: Vec<_> = words.downcast_dict::<StringArray>().unwrap().into_iter().collect();
    assert_eq!(words, [Some("soixante-et-onze"), Some("moins quatre-vingts"), None, None, Some("deux-cents")]);
    // The third is a row all the same; the fourth is none.
    let numbers = rows.batch.column_by_name("number").unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|row| numbers.is_valid(row)), [true, true, true, false, true]);
}

#[test]
fn the_event_that_lambda_delivers_becomes_rows() {
    let value: String = base64_simd::STANDARD.encode_type(GOOD.as_bytes());
    let event = format!(
        r#"{{"eventSource":"SelfManagedKafka","bootstrapServers":"b:9092","records":{{"events-3":[{{"topic":"events","partition":3,"offset":15,"timestamp":{},"timestampType":"CREATE_TIME","key":"ZGV2aWNlLTE=","value":"{value}","headers":[]}}]}}}}"#,
        ARRIVAL / 1000 - 1000
    );
    let payload = payload::read(event.as_bytes()).unwrap();
    let rows = parse(&iot(), &payload.batches[0]);
    let expect = parse(&iot(), &kafka(vec![record(15, encoded(GOOD.as_bytes()))]));
    assert_eq!(rows.batch, expect.batch);
}

#[test]
fn no_records_make_no_rows() {
    let rows = parse(&iot(), &kafka(vec![]));
    assert_eq!((rows.batch.num_rows(), rows.rejected, rows.checksum), (0, 0, Checksum::default()));
}
