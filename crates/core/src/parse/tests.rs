use std::borrow::Cow;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::*;
use crate::payload;
use crate::position::Position;
use crate::time;

/// 2026-11-21T12:00:00Z, when everything here arrives.
const ARRIVAL: i64 = 1_795_262_400_000_000;
const GOOD: &str = r#"{"event_id":"01234567-89ab-cdef-0123-456789abcdef","device_id":"device-1","device_type":"light","event_time":"2026-11-21T11:59:58.5Z","event_duration":12.5,"value":21.25,"unit":"lux","site":"oslo","firmware":"1.5.0","battery":7,"status":"ok"}"#;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

/// The iot dataset with other settings, each a line of its file and what takes its place.
fn iot_with(changes: &[(&str, &str)]) -> Dataset {
    let mut text = iot().text;
    for (line, other) in changes {
        assert!(text.contains(line), "{line}");
        text = text.replace(line, other);
    }
    Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn encoded(bytes: &[u8]) -> Option<Encoded<'static>> {
    Some(Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(bytes))))
}

fn record(offset: u64, value: Option<Encoded<'static>>) -> Record<'static> {
    Record {
        position: Position::from_offset(offset),
        timestamp: Some(ARRIVAL - 1_000_000),
        timestamp_type: TimestampType::CreateTime,
        key: encoded(b"device-1"),
        value,
    }
}

fn kafka(records: Vec<Record<'static>>) -> Batch<'static> {
    Batch { topic: "events".into(), partition: Partition::Kafka(3), records }
}

fn parse(dataset: &Dataset, batch: &Batch<'_>) -> RawRows {
    rows(dataset, batch, &batch.records, 7, ARRIVAL).unwrap()
}

fn text<'a>(rows: &'a RawRows, column: &str, row: usize) -> Option<&'a str> {
    let column = rows.batch.column_by_name(column).unwrap();
    if column.is_null(row) {
        return None;
    }
    Some(match column.as_dictionary_opt::<Int32Type>() {
        Some(column) => column.values().as_string::<i32>().value(column.key(row).unwrap()),
        None => column.as_string::<i32>().value(row),
    })
}

fn bytes<'a>(rows: &'a RawRows, column: &str, row: usize) -> Option<&'a [u8]> {
    let column = rows.batch.column_by_name(column).unwrap();
    if column.is_null(row) {
        return None;
    }
    Some(match column.as_dictionary_opt::<Int32Type>() {
        Some(column) => column.values().as_binary::<i32>().value(column.key(row).unwrap()),
        None => column.as_binary::<i32>().value(row),
    })
}

/// A record between two good ones: it is rejected with this reason and detail and kept as it came, they are rows.
#[track_caller]
fn check_poison(dataset: &Dataset, value: &[u8], reason: Reason, detail: &str) {
    let good = || encoded(GOOD.as_bytes());
    let batch = kafka(vec![record(5, good()), record(6, encoded(value)), record(7, good())]);
    let rows = parse(dataset, &batch);
    let shown = String::from_utf8_lossy(&value[..value.len().min(200)]);
    assert_eq!(text(&rows, "reject_reason", 1), Some(reason.as_str()), "{:?} {shown}", text(&rows, "reject_detail", 1));
    assert_eq!(text(&rows, "reject_detail", 1), Some(detail), "{shown}");
    assert_eq!(bytes(&rows, "reject_bytes", 1), Some(value), "{shown}");
    assert_eq!((rows.rejected, rows.batch.num_rows()), (1, 3));
    assert_eq!(rows.rejects, BTreeMap::from([(reason, 1)]));
    assert_eq!(rows.rejected_checksum, Checksum(row_hash(7, Position::from_offset(6))));
    for column in dataset.columns.iter().map(|column| column.name.as_str()).chain(["extra"]) {
        assert!(rows.batch.column_by_name(column).unwrap().is_null(1), "{column} of {shown}");
    }
    for neighbour in [0, 2] {
        assert_eq!(text(&rows, "device_id", neighbour), Some("device-1"), "beside {shown}");
        assert!(text(&rows, "reject_reason", neighbour).is_none(), "beside {shown}");
        assert!(bytes(&rows, "reject_bytes", neighbour).is_none(), "beside {shown}");
    }
}

/// The good event with one piece of it replaced.
fn good_with(piece: &str, other: &str) -> String {
    assert!(GOOD.contains(piece), "{piece}");
    GOOD.replacen(piece, other, 1)
}

/// The good event with one piece of it replaced is poison.
#[track_caller]
fn check_changed(piece: &str, other: &str, reason: Reason, detail: &str) {
    check_poison(&iot(), good_with(piece, other).as_bytes(), reason, detail);
}

#[test]
fn values_that_are_no_object() {
    use Reason::*;
    let whole = |value: &[u8], reason, detail| check_poison(&iot(), value, reason, detail);
    whole(b"", NotJson, "the text is empty at byte 0");
    whole(b"hello", NotJson, "expected a value at byte 0");
    whole(b"{", NotJson, "expected a key in double quotes at byte 1");
    whole(b"\xef\xbb\xbf{}", NotJson, "a byte order mark at byte 0");
    whole(b"{\"a\":\"\\ud800\"}", NotJson, "half of a surrogate pair at byte 6");
    whole(b"\xff", NotUtf8, "the value is not UTF-8 at byte 0");
    whole(b"{\"a\":\"\xc3\"}", NotUtf8, "the value is not UTF-8 at byte 6");
    whole(b"{\"a\":\"\xed\xa0\x80\"}", NotUtf8, "the value is not UTF-8 at byte 6");
    whole(b"{\"a\":\"\xc0\xaf\"}", NotUtf8, "the value is not UTF-8 at byte 6");
    whole(b"[]", WrongType, "the value is an array, expected an object");
    whole(b"null", WrongType, "the value is null, expected an object");
    whole(b"12", WrongType, "the value is a number, expected an object");
    whole(b"12x", NotJson, "something after the end of the value at byte 2");
    whole(b"{}", RequiredAbsent, "the required column `event_id` is absent or null");
    whole(
        b"\0\0\0\x01\x02rest",
        SchemaEncoded,
        "begins with a zero byte and schema id 258: Avro, Protobuf or JSON Schema of a registry; plain JSON is expected",
    );
    whole(b"\0\0\0\x01", NotJson, "expected a value at byte 0");
}

#[test]
fn objects_that_are_no_json() {
    use Reason::*;
    check_changed(r#""ok"}"#, r#""ok"}x"#, NotJson, "something after the end of the value at byte 242");
    check_changed(r#""ok"}"#, r#""ok",}"#, NotJson, "expected a key in double quotes at byte 242");
    check_changed("12.5", "012.5", NotJson, "a malformed number at byte 151");
    check_changed("12.5", "NaN", NotJson, "expected a value at byte 151");
    check_changed(r#""lux""#, r#""l"ux""#, NotJson, "expected `,` or `}` at byte 180");
}

#[test]
fn values_that_do_not_fit_their_column() {
    use Reason::*;
    check_changed(
        "12.5",
        r#""12.5""#,
        WrongType,
        "column `event_duration`: expected a number, got a string at byte 151",
    );
    check_changed(
        "12.5",
        "1e999",
        NumberOutOfRange,
        "column `event_duration`: `1e999` at byte 151 does not fit a double",
    );
    check_changed("12.5", "null", RequiredAbsent, "the required column `event_duration` is absent or null");
    check_changed(
        r#""event_duration":12.5,"#,
        "",
        RequiredAbsent,
        "the required column `event_duration` is absent or null",
    );
    check_changed(":7,", ":7.5,", WrongType, "column `battery`: expected an integer, got `7.5` at byte 226");
    check_changed(":7,", ":true,", WrongType, "column `battery`: expected a number, got a boolean at byte 226");
    check_changed(
        ":7,",
        ":9223372036854775808,",
        NumberOutOfRange,
        "column `battery`: `9223372036854775808` at byte 226 does not fit a 64-bit integer",
    );
    check_changed(r#""lux""#, "3", WrongType, "column `unit`: expected a string, got a number at byte 177");
    check_changed(r#""lux""#, "{}", WrongType, "column `unit`: expected a string, got an object at byte 177");
    check_changed(
        "01234567-",
        "0123456-",
        WrongType,
        "column `event_id`: expected a UUID, got `0123456-89ab-cdef-0123-456789abcdef` at byte 12",
    );
}

#[test]
fn event_times_that_cannot_be() {
    use Reason::*;
    check_changed(
        r#""2026-11-21T11:59:58.5Z""#,
        r#""yesterday""#,
        TimestampUnreadable,
        "column `event_time`: expected RFC 3339 or integer epoch milliseconds, in the years 0000 to 9999, got `yesterday` at byte 109",
    );
    check_changed(
        r#""2026-11-21T11:59:58.5Z""#,
        "1795262398.5",
        TimestampUnreadable,
        "column `event_time`: expected RFC 3339 or integer epoch milliseconds, in the years 0000 to 9999, got `1795262398.5` at byte 109",
    );
    check_changed(
        r#""2026-11-21T11:59:58.5Z""#,
        "1e18",
        TimestampUnreadable,
        "column `event_time`: expected RFC 3339 or integer epoch milliseconds, in the years 0000 to 9999, got `1e18` at byte 109",
    );
    check_changed(
        r#""2026-11-21T11:59:58.5Z""#,
        "false",
        WrongType,
        "column `event_time`: expected a timestamp, got a boolean at byte 109",
    );
    check_changed(
        r#""2026-11-21T11:59:58.5Z""#,
        "1795262398",
        TooOld,
        "column `event_time`: 1970-01-21T18:41:02.398000Z is more than 30 days before its arrival",
    );
    check_changed(
        "2026-11-21T11:59:58.5Z",
        "2026-10-22T11:59:59.999999Z",
        TooOld,
        "column `event_time`: 2026-10-22T11:59:59.999999Z is more than 30 days before its arrival",
    );
    check_changed(
        "2026-11-21T11:59:58.5Z",
        "2026-11-21T12:10:00.000001Z",
        InFuture,
        "column `event_time`: 2026-11-21T12:10:00.000001Z is more than 600 s after its arrival",
    );
}

#[test]
fn keys_that_stand_there_twice() {
    use Reason::*;
    check_changed(
        r#""unit":"lux""#,
        r#""device_id":"x""#,
        DuplicateKey,
        "the key `device_id` stands there twice, again before byte 182",
    );
    check_changed(
        r#""unit":"lux""#,
        r#""device_\u0069d":"x""#,
        DuplicateKey,
        "the key `device_id` stands there twice, again before byte 187",
    );
    check_changed(
        r#""unit":"lux""#,
        r#""x":1,"\u0078":2"#,
        DuplicateKey,
        "the key `x` stands there twice, again before byte 185",
    );
    check_changed(
        r#""unit":"lux""#,
        r#""value":null"#,
        DuplicateKey,
        "the key `value` stands there twice, again before byte 178",
    );
}

#[test]
fn limits_hold_at_their_edge() {
    let nested =
        |depth: usize| good_with(r#""lux""#, &format!(r#""lux","x":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
    check_good(&iot(), &nested(31), |_| ());
    check_poison(
        &iot(),
        nested(32).as_bytes(),
        Reason::TooDeep,
        "nested too deep at byte 218: the dataset allows 32 levels",
    );
    check_poison(
        &iot(),
        "[".repeat(10_000).as_bytes(),
        Reason::TooDeep,
        "nested too deep at byte 32: the dataset allows 32 levels",
    );

    let small = iot_with(&[("max_value_bytes = 1_048_576", "max_value_bytes = 1_024")]);
    let padded = |length: usize| format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
    check_good(&small, &padded(1_024), |_| ());
    check_poison(
        &small,
        padded(1_025).as_bytes(),
        Reason::TooLarge,
        "the value has 1025 bytes, the dataset allows 1024",
    );
}

/// A record that is a row.
#[track_caller]
fn check_good(dataset: &Dataset, value: &str, see: impl FnOnce(&RawRows)) {
    let rows = parse(dataset, &kafka(vec![record(5, encoded(value.as_bytes()))]));
    assert_eq!(text(&rows, "reject_reason", 0), None, "{:?}: {value}", text(&rows, "reject_detail", 0));
    assert_eq!(rows.rejected, 0);
    see(&rows);
}

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
fn what_is_wrong_outside_the_value() {
    let bad = || Some(Encoded::Base64(Cow::Borrowed(&b"a*=="[..])));
    let batch = kafka(vec![
        record(1, None),
        record(2, bad()),
        Record { key: bad(), ..record(3, encoded(GOOD.as_bytes())) },
        Record { key: bad(), ..record(4, bad()) },
        Record {
            key: None,
            timestamp: None,
            timestamp_type: TimestampType::Unknown,
            ..record(5, encoded(GOOD.as_bytes()))
        },
        Record { key: bad(), ..record(6, None) },
    ]);
    let rows = parse(&iot(), &batch);
    let see = |row| {
        (
            text(&rows, "reject_reason", row),
            text(&rows, "reject_detail", row),
            bytes(&rows, "reject_bytes", row),
            bytes(&rows, "key", row),
        )
    };
    let key = Some(&b"device-1"[..]);
    let text = Some(&b"a*=="[..]);
    assert_eq!(see(0), (Some("tombstone"), Some("the value is null"), None, key));
    assert_eq!(see(1), (Some("not_base64"), Some("the value is not base64: `a*==`"), text, key));
    assert_eq!(
        see(2),
        (Some("not_base64"), Some("the key is not base64; `key` holds its text"), Some(GOOD.as_bytes()), text)
    );
    assert_eq!(
        see(3),
        (Some("not_base64"), Some("the key is not base64, neither is the value; `key` holds its text"), text, text)
    );
    assert_eq!(see(4), (None, None, None, None));
    assert_eq!(see(5), (Some("not_base64"), Some("the key is not base64; `key` holds its text"), None, text));
    assert_eq!(rows.rejects, BTreeMap::from([(Reason::Tombstone, 1), (Reason::NotBase64, 4)]));
    assert_eq!(rows.newest_timestamp, Some(ARRIVAL - 1_000_000));
}

#[test]
fn kinesis_records_and_packed_ones() {
    let packed = [&AGGREGATED_MAGIC[..], b"protobuf and a digest"].concat();
    let position = |digits: &str| -> Position { digits.parse().unwrap() };
    let number = "49590338271490256608559692538361571095921575989136588898";
    let good = Record {
        position: position(number),
        timestamp_type: TimestampType::ArrivalTime,
        key: Some(Encoded::Plain(Cow::Borrowed(b"device-1"))),
        ..record(0, encoded(GOOD.as_bytes()))
    };
    let bad = Record { position: good.position.next(), value: encoded(&packed), ..good.clone() };
    let partition = Partition::Shard("shardId-000000000006".to_owned());
    let batch = Batch { topic: "stream".into(), partition, records: vec![good, bad] };
    let rows = parse(&iot(), &batch);
    assert_eq!(text(&rows, "shard", 0), Some("shardId-000000000006"));
    assert_eq!(text(&rows, "sequence_number", 0), Some(number));
    assert_eq!(text(&rows, "timestamp_type", 1), Some("arrival_time"));
    assert_eq!(bytes(&rows, "key", 0), Some(&b"device-1"[..]));
    assert_eq!(text(&rows, "reject_reason", 0), None);
    assert_eq!(text(&rows, "reject_reason", 1), Some("aggregated"));
    assert_eq!(bytes(&rows, "reject_bytes", 1), Some(&packed[..]));
}

#[test]
fn a_character_cut_between_two_records_spoils_both() {
    // The bytes of all values together are UTF-8; those of each are not.
    let [left, right] = "é".as_bytes() else { panic!("two bytes") };
    let batch = kafka(vec![
        Record { key: None, ..record(1, encoded(&[GOOD.as_bytes(), &[*left]].concat())) },
        Record { key: None, ..record(2, encoded(&[&[*right], GOOD.as_bytes()].concat())) },
        Record { key: None, ..record(3, encoded(GOOD.as_bytes())) },
    ]);
    let rows = parse(&iot(), &batch);
    let reasons = [0, 1, 2].map(|row| text(&rows, "reject_reason", row));
    assert_eq!(reasons, [Some("not_utf8"), Some("not_utf8"), None]);
}

#[test]
fn a_rejected_record_leaves_no_string_behind() {
    let rejected = good_with("device-1", "secret").replace("12.5", "true");
    let batch = kafka(vec![record(1, encoded(rejected.as_bytes())), record(2, encoded(GOOD.as_bytes()))]);
    let rows = parse(&iot(), &batch);
    let devices = rows.batch.column_by_name("device_id").unwrap().as_dictionary::<Int32Type>();
    assert_eq!(devices.values().as_string::<i32>().iter().collect::<Vec<_>>(), [Some("device-1")]);
}

#[test]
fn no_records_make_no_rows() {
    let rows = parse(&iot(), &kafka(vec![]));
    assert_eq!((rows.batch.num_rows(), rows.rejected, rows.checksum), (0, 0, Checksum::default()));
}

/// Values of every kind: whole events, broken ones, and bytes.
fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let good = Just(GOOD.as_bytes().to_vec());
    let cut = (0..GOOD.len()).prop_map(|at| GOOD.as_bytes()[..at].to_vec());
    let edited = (0..GOOD.len(), any::<u8>()).prop_map(|(at, byte)| {
        let mut value = GOOD.as_bytes().to_vec();
        value[at] = byte;
        value
    });
    let noise = proptest::collection::vec(any::<u8>(), 0..50);
    prop_oneof![4 => good.prop_map(Some), 2 => cut.prop_map(Some), 4 => edited.prop_map(Some), 1 => noise.prop_map(Some), 1 => Just(None)]
}

proptest! {
    /// Records do not see each other: alone or together, each becomes the same row.
    #[test]
    fn a_batch_is_its_records_one_by_one(values in proptest::collection::vec(value(), 0..12)) {
        let dataset = iot();
        let records = values.iter().enumerate().map(|(offset, value)| record(offset as u64, value.as_deref().and_then(encoded)));
        let batch = kafka(records.collect());
        let together = parse(&dataset, &batch);
        let mut checksum = Checksum::default();
        for (index, record) in batch.records.iter().enumerate() {
            let alone = rows(&dataset, &batch, std::slice::from_ref(record), 7, ARRIVAL).unwrap();
            checksum += alone.checksum;
            prop_assert_eq!(alone.rejected == 1, text(&together, "reject_reason", index).is_some());
            for (column, field) in together.batch.columns().iter().zip(together.batch.schema_ref().fields()) {
                let found = alone.batch.column_by_name(field.name()).unwrap();
                prop_assert_eq!(found.is_null(0), column.is_null(index), "{} of row {}", field.name(), index);
                if !matches!(field.data_type(), arrow_schema::DataType::Dictionary(..)) {
                    prop_assert_eq!(found, &column.slice(index, 1));
                } else if field.name() == raw::KEY.name {
                    prop_assert_eq!(bytes(&alone, field.name(), 0), bytes(&together, field.name(), index));
                } else {
                    prop_assert_eq!(text(&alone, field.name(), 0), text(&together, field.name(), index));
                }
            }
        }
        prop_assert_eq!(checksum, together.checksum);
    }

    /// What serde_json reads as an event with good fields is a row with the same values, in any order of keys.
    #[test]
    fn agrees_with_serde_json(
        duration in any::<f64>().prop_filter("finite", |double| double.is_finite()),
        battery in proptest::option::of(any::<i64>()),
        unit in proptest::option::of(any::<String>()),
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        pretty: bool,
    ) {
        let fields = [
            ("event_id", serde_json::json!("01234567-89ab-cdef-0123-456789abcdef")),
            ("device_id", serde_json::json!("device-1")),
            ("device_type", serde_json::json!("light")),
            ("event_time", serde_json::json!(ARRIVAL / 1000)),
            ("event_duration", serde_json::json!(duration)),
            ("battery", serde_json::json!(battery)),
            ("unit", serde_json::json!(unit)),
            ("more", serde_json::json!({"unit": [unit]})),
        ];
        let members: Vec<String> = order.iter().map(|&index| format!("\"{}\":{}", fields[index].0, fields[index].1)).collect();
        let value = if pretty { format!("{{\n  {}\n}}", members.join(" ,\n  ")) } else { format!("{{{}}}", members.join(",")) };
        let rows = parse(&iot(), &kafka(vec![record(0, encoded(value.as_bytes()))]));
        prop_assert_eq!(text(&rows, "reject_detail", 0), None, "{}", value);
        prop_assert_eq!(text(&rows, "unit", 0), unit.as_deref());
        let doubles = rows.batch.column_by_name("event_duration").unwrap().as_primitive::<Float64Type>();
        prop_assert_eq!(doubles.value(0).to_bits(), duration.to_bits());
        let integers = rows.batch.column_by_name("battery").unwrap().as_primitive::<Int64Type>();
        prop_assert_eq!(integers.is_valid(0).then(|| integers.value(0)), battery);
        let extra: serde_json::Value = serde_json::from_str(text(&rows, "extra", 0).unwrap()).unwrap();
        prop_assert_eq!(extra, serde_json::json!({"more": {"unit": [unit]}}));
    }

    /// Details never carry more of a record than they promise.
    #[test]
    fn details_are_short(value in value()) {
        let rows = parse(&iot(), &kafka(vec![record(0, value.as_deref().and_then(encoded))]));
        prop_assert!(text(&rows, "reject_detail", 0).is_none_or(|detail| detail.len() <= 300));
    }
}

#[test]
fn every_reason_occurs() {
    let dataset = iot_with(&[("max_value_bytes = 1_048_576", "max_value_bytes = 1_024")]);
    let deep = "[".repeat(33);
    let long = " ".repeat(1_025);
    let values = [
        b"\0\0\0\0\x01".to_vec(),
        b"\xff".to_vec(),
        b"{".to_vec(),
        b"{}".to_vec(),
        deep.into_bytes(),
        long.into_bytes(),
        AGGREGATED_MAGIC.to_vec(),
        good_with("12.5", "true").into_bytes(),
        good_with("12.5", "1e999").into_bytes(),
        good_with("2026-11-21", "today").into_bytes(),
        good_with("2026", "2025").into_bytes(),
        good_with("2026", "2027").into_bytes(),
        good_with("site", "unit").into_bytes(),
    ];
    let mut records: Vec<_> = values.iter().map(|value| record(0, encoded(value))).collect();
    records.push(record(0, None));
    records.push(record(0, Some(Encoded::Base64(Cow::Borrowed(b"*")))));
    let batch = Batch { partition: Partition::Shard("shard".to_owned()), ..kafka(records) };
    let rejects = parse(&dataset, &batch).rejects;
    assert_eq!(rejects.into_iter().collect::<Vec<_>>(), Reason::ALL.map(|reason| (reason, 1)));
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
