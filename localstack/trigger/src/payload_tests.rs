use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn mapping(source: EventSource) -> Mapping {
    Mapping { source, ..Mapping::new("device-events", "ingest", "b-1:9094,b-2:9094", "group") }
}

fn msk() -> EventSource {
    EventSource::Msk { arn: "arn:aws:kafka:us-east-1:123456789012:cluster/events/a-b-1".to_owned() }
}

fn record(partition: i32, offset: i64) -> LogRecord {
    LogRecord {
        partition,
        offset,
        timestamp: 1_545_084_650_987,
        timestamp_type: TimestampType::CreateTime,
        key: None,
        value: None,
        headers: Vec::new(),
    }
}

fn header(name: &str, bytes: &'static [u8]) -> (String, Bytes) {
    (name.to_owned(), Bytes::from_static(bytes))
}

/// Encodes with the length that the format's own counts add up to.
fn encode(format: &PayloadFormat, parts: &[(i32, Vec<LogRecord>)]) -> Bytes {
    let commas = parts.iter().map(|(_, records)| records.len()).sum::<usize>().saturating_sub(1);
    let records: usize = parts.iter().flat_map(|(_, records)| records).map(|record| format.record_len(record)).sum();
    let names: usize = parts.iter().map(|(partition, _)| format.part_len(*partition)).sum();
    let len = format.envelope_len() + names + records + commas;
    let payload = format.encode(parts.iter().map(|(partition, records)| (*partition, records.as_slice())), len);
    assert_eq!(payload.len(), len);
    payload
}

fn check(source: EventSource, parts: &[(i32, Vec<LogRecord>)], fixture: &str) {
    let payload = encode(&PayloadFormat::new(&mapping(source)), parts);
    assert_eq!(std::str::from_utf8(&payload).unwrap(), fixture.trim_end());
}

#[test]
fn matches_the_documented_payloads() {
    let first = LogRecord {
        key: Some(Bytes::from_static(b"dev-1")),
        value: Some(Bytes::from_static(br#"{"value": 1}"#)),
        headers: vec![header("h", b"h\xc3e")],
        ..record(0, 15)
    };
    let tombstone =
        LogRecord { timestamp: 1_545_084_650_988, timestamp_type: TimestampType::LogAppendTime, ..record(0, 16) };
    let empty = LogRecord {
        timestamp: -1,
        key: Some(Bytes::new()),
        value: Some(Bytes::new()),
        headers: vec![header("h", b""), header("h", b"\x00\x7f\x80\xff")],
        ..record(11, i64::MAX - 1)
    };
    check(
        EventSource::SelfManagedKafka,
        &[(0, vec![first, tombstone]), (11, vec![empty])],
        include_str!("../tests/fixtures/self_managed.json"),
    );
    let hello = LogRecord {
        value: Some(Bytes::from_static(b"hello")),
        headers: vec![header("say \"hi\"\\\u{1}", b"hi")],
        ..record(3, 0)
    };
    check(msk(), &[(3, vec![hello])], include_str!("../tests/fixtures/msk.json"));
}

#[test]
fn an_empty_payload_is_the_envelope() {
    check(
        EventSource::SelfManagedKafka,
        &[],
        r#"{"eventSource":"SelfManagedKafka","bootstrapServers":"b-1:9094,b-2:9094","records":{}}"#,
    );
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

prop_compose! {
    fn records()(
        partition in any::<i32>(),
        offset in any::<i64>(),
        timestamp in any::<i64>(),
        appended in any::<bool>(),
        key in prop::option::of(bytes()),
        value in prop::option::of(bytes()),
        headers in prop::collection::vec((any::<String>(), bytes()), 0..4),
    ) -> LogRecord {
        let timestamp_type = if appended { TimestampType::LogAppendTime } else { TimestampType::CreateTime };
        LogRecord { partition, offset, timestamp, timestamp_type, key, value, headers }
    }
}

fn expected(record: &LogRecord) -> Value {
    let base64 = |bytes: &Bytes| Value::from(STANDARD.encode_to_string(bytes));
    let headers: Vec<Value> = record
        .headers
        .iter()
        .map(|(name, bytes)| json!({ name: bytes.iter().map(|&byte| byte as i8).collect::<Vec<_>>() }))
        .collect();
    let mut expected = json!({
        "topic": "device-events",
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestampType": match record.timestamp_type {
            TimestampType::CreateTime => "CREATE_TIME",
            TimestampType::LogAppendTime => "LOG_APPEND_TIME",
        },
        "value": record.value.as_ref().map(base64),
        "headers": headers,
    });
    if let Some(key) = &record.key {
        expected["key"] = base64(key);
    }
    expected
}

proptest! {
    #[test]
    fn any_reader_of_json_reads_back_what_went_in(batch in prop::collection::vec(records(), 1..6), arn in any::<String>()) {
        let format = PayloadFormat::new(&mapping(EventSource::Msk { arn: arn.clone() }));
        let parts: Vec<_> = (0..).zip(batch.iter().map(|record| vec![record.clone(), record.clone()])).collect();
        let payload: Value = serde_json::from_slice(&encode(&format, &parts)).unwrap();
        prop_assert_eq!(&payload["eventSourceArn"], &Value::from(arn));
        for (partition, record) in batch.iter().enumerate() {
            let expected = json!([expected(record), expected(record)]);
            prop_assert_eq!(&payload["records"][format!("device-events-{partition}")], &expected);
        }
    }
}
