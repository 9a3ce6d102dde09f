use proptest::prelude::*;

use super::*;
use crate::time;

/// A Kafka event with all that AWS documents.
const KAFKA: &str = r#"{"eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:eu-west-1:123456789012:cluster/c/abc",
 "bootstrapServers": "b-1:9094,b-2:9094",
 "records": {"events-0": [
   {"topic": "events", "partition": 0, "offset": 15, "timestamp": 1545084650987, "timestampType": "CREATE_TIME",
    "key": "ZGV2LTE=", "value": "e30=", "headers": [{"h": [104, -61, 101]}, {"h": [200]}],
    "keySchemaMetadata": {"dataFormat": "JSON", "schemaId": "1"}, "valueSchemaMetadata": {}},
   {"topic": "events", "partition": 0, "offset": 18, "timestamp": 1545084650988, "timestampType": "LOG_APPEND_TIME",
    "key": null, "value": null, "headers": []}],
  "events-1": [{"value": "e30=", "offset": 7, "partition": 1, "topic": "events"}]}}"#;

const KINESIS: &str = r#"{"Records": [
 {"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "device-1",
   "sequenceNumber": "49590338271490256608559692538361571095921575989136588898", "data": "e30=",
   "approximateArrivalTimestamp": 1545084650.987},
  "eventSource": "aws:kinesis", "eventVersion": "1.0",
  "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
  "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda",
  "awsRegion": "us-east-2", "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/events"},
 {"eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/events", "eventSource": "aws:kinesis",
  "eventID": "shardId-000000000006:49590338271490256608559692540925702759324208523137515618",
  "kinesis": {"sequenceNumber": "49590338271490256608559692540925702759324208523137515618", "partitionKey": "é\n", "data": ""}}]}"#;

/// One line per record, as the reader sees it.
fn show(payload: &Payload<'_>) -> String {
    let mut lines = format!("{:?}\n", payload.kind);
    for batch in &payload.batches {
        for record in &batch.records {
            let side = |side: &Option<Encoded<'_>>| match side {
                None => "null".to_owned(),
                Some(Encoded::Base64(text)) => format!("base64 {}", String::from_utf8_lossy(text)),
                Some(Encoded::Plain(text)) => format!("plain {}", String::from_utf8_lossy(text).escape_default()),
            };
            let time = record.timestamp.map_or_else(|| "no time".to_owned(), time::rfc3339);
            let (key, value, kind) = (side(&record.key), side(&record.value), record.timestamp_type.as_str());
            let Batch { topic, partition, .. } = batch;
            lines += &format!("{topic} {partition} {} | {time} {kind} | {key} | {value}\n", record.position);
        }
    }
    lines
}

#[test]
fn a_kafka_event() {
    insta::assert_snapshot!(show(&read(KAFKA.as_bytes()).unwrap()), @r"
    Kafka
    events 0 15 | 2018-12-17T22:10:50.987000Z create_time | base64 ZGV2LTE= | base64 e30=
    events 0 18 | 2018-12-17T22:10:50.988000Z log_append_time | null | null
    events 1 7 | no time unknown | null | base64 e30=
    ");
}

#[test]
fn a_kinesis_event() {
    insta::assert_snapshot!(show(&read(KINESIS.as_bytes()).unwrap()), @r"
    Kinesis
    events shardId-000000000006 49590338271490256608559692538361571095921575989136588898 | 2018-12-17T22:10:50.987000Z arrival_time | plain device-1 | base64 e30=
    events shardId-000000000006 49590338271490256608559692540925702759324208523137515618 | no time arrival_time | plain \u{e9}\n | base64
    ");
}

/// A Kafka event of these records, each a JSON text.
fn event(records: &str) -> String {
    format!(r#"{{"eventSource":"SelfManagedKafka","bootstrapServers":"b:9092","records":{{"t-0":[{records}]}}}}"#)
}

#[track_caller]
fn check(payload: &str, expect: &str) {
    let found = match read(payload.as_bytes()) {
        Ok(payload) => show(&payload),
        Err(error) => error.to_string(),
    };
    assert_eq!(found.trim_end(), expect, "{payload}");
}

/// One record with a field changed, or added after the others: what the reader makes of it.
#[track_caller]
fn check_record(fields: &str, expect: &str) {
    check(&event(&format!("{{{fields}}}")), &format!("Kafka\n{expect}"));
}

#[test]
fn tolerates_what_may_come() {
    let place = r#""topic":"t","partition":0,"offset":1"#;
    let with = |fields: &str| format!("{place},{fields}");
    check_record(place, "t 0 1 | no time unknown | null | null");
    check_record(
        &with(r#""headers":null,"keySchemaMetadata":null,"new":[[{"a":[]}],"x",1e5]"#),
        "t 0 1 | no time unknown | null | null",
    );
    check_record(&with(r#""headers":[{"h":[-128,255]},{"h":[]}]"#), "t 0 1 | no time unknown | null | null");
    check_record(&with(r#""key":"","value":"""#), "t 0 1 | no time unknown | base64  | base64");
    check_record(&with(r#""value":"a\/b\u003d""#), "t 0 1 | no time unknown | null | base64 a/b=");
    check_record(&with(r#""\u0076alue":"e30=""#), "t 0 1 | no time unknown | null | base64 e30=");
    check_record(
        &with(r#""timestamp":-1,"timestampType":"NO_TIMESTAMP_TYPE""#),
        "t 0 1 | no time unknown | null | null",
    );
    check_record(&with(r#""timestamp":9223372036854775807"#), "t 0 1 | no time unknown | null | null");
    check_record(&with(r#""timestamp":null,"timestampType":null"#), "t 0 1 | no time unknown | null | null");
    check_record(
        r#" "offset" : 1.0 , "partition" : 2147483647 , "topic" : "a-b-\u00e9" "#,
        "a-b-é 2147483647 1 | no time unknown | null | null",
    );
    check_record(
        r#""topic":"t","partition":0,"offset":9223372036854775807"#,
        "t 0 9223372036854775807 | no time unknown | null | null",
    );
    check(&event(""), "Kafka");
    check(r#"{"records":{},"eventSource":"aws:kafka","x":{"records":1}}"#, "Kafka");
    check(r#"{"records":{"t-0":null},"eventSource":"aws:kafka"}"#, "Kafka");
    let deep =
        format!(r#"{{"x":{}{},"records":{{}},"eventSource":"aws:kafka"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    check(&deep, "Kafka");
}

#[test]
fn partitions_keep_their_first_appearance_and_their_order() {
    let records = [("b", 1, 5), ("a", 0, 9), ("b", 1, 6), ("a", 0, 12), ("b", 0, 1)];
    let records = records.map(|(topic, partition, offset)| {
        format!(r#"{{"topic":"{topic}","partition":{partition},"offset":{offset}}}"#)
    });
    let payload = event(&records.join(","));
    let payload = read(payload.as_bytes()).unwrap();
    let seen: Vec<_> =
        payload.batches.iter().map(|batch| (&*batch.topic, batch.partition.clone(), batch.records.len())).collect();
    assert_eq!(seen, [("b", Partition::Kafka(1), 2), ("a", Partition::Kafka(0), 2), ("b", Partition::Kafka(0), 1)]);
}

const EXPECTED: &str = "this function expects the events of a Kafka or Kinesis event source mapping; got";
const REMEDY: &str = "Check what invokes it: only such mappings should";

#[test]
fn what_is_no_event() {
    let check = |payload: &str, got: &str| check(payload, &format!("{EXPECTED} {got}. {REMEDY}"));
    check("null", "`null`");
    check("[1]", "`[1]`");
    check("{}", "an empty object");
    check(r#"{"key1":"a","key2":"b"}"#, "an object with the keys `key1, key2`");
    check(r#"{"Records":[]}"#, "an object with the keys `Records`");
    check(r#"{"records":{"t-0":[]}}"#, "an object with the keys `records`");
    check(r#"{"records":[],"eventSource":"aws:kafka"}"#, "an event of `aws:kafka`");
    check(r#"{"eventSource":"aws:kafka"}"#, "an event of `aws:kafka`");
    check(r#"{"Records":[{"eventSource":"aws:sqs","body":"x"}]}"#, "an event of `aws:sqs`");
    check(r#"{"Records":[{"EventSource":"aws:sns"}]}"#, "an event whose record 0 has no `eventSource`");
    check(r#"{"Records":[5]}"#, "an event whose record 0 has no `eventSource`");
    check(r#"{"version":"0","source":"aws.events","detail":{}}"#, "an event of `aws.events`");
    check(r#"{"eventSource":"aws:mq","records":{}}"#, "an event of `aws:mq`");
}

#[test]
fn what_breaks_off() {
    let check = |payload: &str, problem: &str| {
        let error = read(payload.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("malformed: {problem}. Lambda delivers whole JSON")), "{error}");
    };
    check("", "the text is empty at byte 0");
    check("{", "expected a key in double quotes at byte 1");
    check(r#"{"records":{"t-0":[{"#, "expected a key in double quotes at byte 20");
    check(&format!("{KAFKA} x"), &format!("something after the end of the value at byte {}", KAFKA.len() + 1));
    check(r#"{"eventSource":"aws:kafka","records":{"t-0":[5]}}"#, "expected a value at byte 45");
}

#[test]
fn records_without_a_place() {
    let check = |fields: &str, problem: &str| {
        let error = read(event(&format!("{{{fields}}}")).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(problem) && error.contains("nothing of it has been landed"), "{error}");
    };
    check(
        r#""partition":0,"offset":1"#,
        "record at topic ?, partition 0, offset 1: the field `topic` is absent or no string",
    );
    check(
        r#""topic":5,"partition":0,"offset":1"#,
        "record at topic ?, partition 0, offset 1: the field `topic` is absent",
    );
    check(
        r#""topic":"","partition":0,"offset":1"#,
        "record at topic , partition 0, offset 1: the field `topic` is empty",
    );
    check(r#""topic":"t","offset":1"#, "record at topic t, partition ?, offset 1: the field `partition` is absent");
    check(
        r#""topic":"t","partition":-1,"offset":1"#,
        "record at topic t, partition -1, offset 1: the field `partition`",
    );
    check(
        r#""topic":"t","partition":2147483648,"offset":1"#,
        "record at topic t, partition 2147483648, offset 1: the field `partition`",
    );
    check(r#""topic":"t","partition":0"#, "record at topic t, partition 0, offset ?: the field `offset` is absent");
    check(r#""topic":"t","partition":0,"offset":-1"#, "record at topic t, partition 0, offset -1: the field `offset`");
    check(r#""topic":"t","partition":0,"offset":1.5"#, "record at topic t, partition 0, offset ?: the field `offset`");
    check(r#""topic":"t","partition":0,"offset":"1""#, "record at topic t, partition 0, offset ?: the field `offset`");
    check(
        r#""topic":"t","partition":0,"offset":9223372036854775808"#,
        "record at topic t, partition 0, offset ?: the field `offset`",
    );
    let bytes = [
        br#"{"eventSource":"aws:kafka","records":{"t":[{"topic":""#,
        &b"\xff"[..],
        br#"","partition":0,"offset":1}]}}"#,
    ]
    .concat();
    assert!(read(&bytes).unwrap_err().to_string().contains("the field `topic` is not UTF-8"));
}

#[test]
fn kinesis_records_without_a_place() {
    let check = |piece: &str, other: &str, problem: &str| {
        assert!(KINESIS.contains(piece), "{piece}");
        let error = read(KINESIS.replacen(piece, other, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    };
    check(
        ":stream/events",
        ":table/events",
        "record number 0: the field `eventSourceARN` is absent or names no stream",
    );
    check("\"eventSourceARN\"", "\"x\"", "record number 0: the field `eventSourceARN` is absent");
    check("\"eventID\"", "\"x\"", "record number 0: the field `eventID` is absent");
    check(
        "shardId-000000000006:",
        ":",
        "record number 0: the field `eventID` is absent or does not begin with a shard's id",
    );
    check(
        "\"sequenceNumber\": \"4",
        "\"sequenceNumber\": \"x",
        "record number 0: the field `sequenceNumber` is absent or no sequence number",
    );
    check("\"aws:kinesis\"", "\"aws:dynamodb\"", "got an event of `aws:dynamodb`");
    check(
        "49590338271490256608559692538361571095921575989136588898\", \"data",
        "59590338271490256608559692538361571095921575989136588898\", \"data",
        "comes after 5959",
    );
}

#[test]
fn a_partition_out_of_order() {
    let records = |a: u64, b: u64| {
        event(&[a, b].map(|offset| format!(r#"{{"topic":"t","partition":0,"offset":{offset}}}"#)).join(","))
    };
    check(&records(1, 3), "Kafka\nt 0 1 | no time unknown | null | null\nt 0 3 | no time unknown | null | null");
    let remedy = "A mapping delivers each partition in order and once per payload: make sure that one mapping feeds this function and that nothing merges payloads";
    check(&records(3, 1), &format!("topic t, partition 0: position 1 comes after 3. {remedy}"));
    check(&records(3, 3), &format!("topic t, partition 0: position 3 comes after 3. {remedy}"));
}

#[test]
fn a_payload_cut_at_every_byte_is_an_error() {
    for payload in [KAFKA, KINESIS] {
        for length in 0..payload.len() {
            assert!(read(&payload.as_bytes()[..length]).is_err(), "the first {length} bytes");
        }
    }
}

#[test]
fn a_small_stack_suffices_for_any_nesting() {
    let deep = format!(r#"{{"eventSource":"aws:kafka","records":{}"#, r#"{"a":[{"headers":["#.repeat(100_000));
    let thread = std::thread::Builder::new().stack_size(64 * 1024);
    let read = thread.spawn(move || read(deep.as_bytes()).is_err()).unwrap();
    assert!(read.join().unwrap());
}

/// What a record may look like beside its offset: what its fields hold, their order, and the white space.
#[derive(Clone, Debug)]
struct Look {
    key: Option<String>,
    value: Option<String>,
    timestamp: Option<i64>,
    log_append: bool,
    more: &'static str,
    order: Vec<usize>,
    space: &'static str,
}

fn look() -> impl Strategy<Value = Look> {
    let text = || proptest::option::weighted(0.9, "[a-z]{0,9}(=|/|\n|\")?");
    let more = proptest::sample::select(vec!["", "[]", r#"[{"h":[1]}]"#, r#"{"offset":5,"value":"x"}"#]);
    let order =
        prop_oneof![4 => Just((0..8).collect::<Vec<_>>()), 1 => Just((0..8).collect::<Vec<_>>()).prop_shuffle()];
    let space = proptest::sample::select(vec!["", " "]);
    let timestamp = proptest::option::weighted(0.9, prop_oneof![4 => 0..2_000_000_000_000_i64, 1 => Just(-1)]);
    (text(), text(), timestamp, proptest::bool::weighted(0.1), more, order, space).prop_map(
        |(key, value, timestamp, log_append, more, order, space)| Look {
            key,
            value,
            timestamp,
            log_append,
            more,
            order,
            space,
        },
    )
}

impl Look {
    fn json(&self, offset: u64) -> String {
        let fields = [
            Some(serde_json::json!({"topic": "t-1"})),
            Some(serde_json::json!({"partition": 3})),
            Some(serde_json::json!({"offset": offset})),
            self.timestamp.map(|millis| serde_json::json!({"timestamp": millis})),
            self.log_append.then(|| serde_json::json!({"timestampType": "LOG_APPEND_TIME"})),
            Some(serde_json::json!({"key": self.key})),
            Some(serde_json::json!({"value": self.value})),
        ];
        let mut members: Vec<String> =
            fields.iter().flatten().map(|field| field.to_string()[1..].trim_end_matches('}').to_owned()).collect();
        if !self.more.is_empty() {
            members.push(format!(r#""headers":{}"#, self.more));
        }
        let order = self.order.iter().filter_map(|&index| members.get(index).cloned()).collect::<Vec<_>>();
        let space = self.space;
        format!("{space}{{{space}{}{space}}}", order.join(&format!("{space},{space}")))
    }

    fn record(&self, offset: u64) -> Record<'static> {
        let encoded = |text: &Option<String>| text.clone().map(|text| Encoded::Base64(text.into_bytes().into()));
        Record {
            position: Position::from_offset(offset),
            timestamp: self.timestamp.filter(|&millis| millis != -1).map(|millis| millis * 1000),
            timestamp_type: if self.log_append { TimestampType::LogAppendTime } else { TimestampType::Unknown },
            key: encoded(&self.key),
            value: encoded(&self.value),
        }
    }
}

proptest! {
    /// Records that look like the one before are read in another way than the others, with the same result.
    #[test]
    fn records_of_any_look(looks in proptest::collection::vec((look(), 1..4_usize, 1..1000_u64), 0..6)) {
        let mut next = 0;
        let (mut json, mut expect) = (Vec::new(), Vec::new());
        for (look, count, step) in looks {
            for _ in 0..count {
                next += step;
                json.push(look.json(next));
                expect.push(look.record(next));
            }
        }
        let payload = event(&json.join(","));
        let payload = read(payload.as_bytes()).unwrap();
        let found = payload.batches.first().map_or(&[][..], |batch| &batch.records);
        prop_assert_eq!(found, &expect[..]);
        prop_assert!(payload.batches.iter().all(|batch| batch.topic == "t-1" && batch.partition == Partition::Kafka(3)));
    }

    /// The second of two records is read as the first one is, whatever is changed in it.
    #[test]
    fn a_changed_record_is_read_the_same_beside_another(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let record = |offset: u64| format!(
            r#"{{"topic":"t","partition":0,"offset":{offset},"timestamp":1545084650987,"timestampType":"CREATE_TIME","key":"ZGV2","value":"e30=","headers":[]}}"#
        );
        let mut changed = record(12).into_bytes();
        let at = at.index(changed.len());
        changed[at] = byte;
        let payload = |records: &[&[u8]]| [&br#"{"eventSource":"aws:kafka","records":{"t-0":["#[..], &records.join(&b','), b"]}}"].concat();
        let (alone, beside) = (payload(&[&changed]), payload(&[record(1).as_bytes(), &changed]));
        let last = |payload: Result<Payload<'_>, PayloadError>| payload.map(|payload| format!("{:?}", payload.batches.last().map(|batch| (&batch.topic, &batch.partition, batch.records.last()))));
        let (alone, beside) = (last(read(&alone)), last(read(&beside)));
        // With another record before it, it may also stand out of order.
        if !matches!(beside, Err(PayloadError::OutOfOrder { .. })) {
            prop_assert_eq!(alone.is_ok(), beside.is_ok());
            prop_assert_eq!(alone.ok(), beside.ok());
        }
    }

    #[test]
    fn never_panics(
        payload in prop_oneof![Just(KAFKA), Just(KINESIS)],
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut payload = payload.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        let _ = read(&payload).map_err(|error| error.to_string());
    }
}
