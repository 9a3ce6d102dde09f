//! Records that are rejected: each with its reason, byte for byte, and no neighbour with them.

use super::*;

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
