use super::*;
use crate::log::TimestampType;

/// 2019-11-14T00:38:06.021Z
const AT: i64 = 1_573_691_886_021;
const MSK: &str = "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:myfunction";

fn record(offset: i64, timestamp: i64) -> LogRecord {
    LogRecord {
        partition: 0,
        offset,
        timestamp,
        timestamp_type: TimestampType::CreateTime,
        key: Some(Bytes::from_static(b"test-key")),
        value: Some(Bytes::from_static(b"test-value")),
        headers: Vec::new(),
    }
}

/// Two records of partition 0 of `Topic`, given up.
fn discarded(source: EventSource, condition: Condition, invocations: u32, response: Option<Response>) -> Discarded {
    let mapping = Mapping {
        source,
        uuid: "f89f8514-cdd9-4602-9e1f-01a5b77d449b".to_owned(),
        ..Mapping::new("Topic", FUNCTION, "b-1:9098,b-2:9098", "group")
    };
    let part = Part {
        partition: 0,
        generation: 1,
        // 2019-11-14T00:38:04.835Z and 00:38:05.580Z
        records: vec![record(100, 1_573_691_884_835), record(101, 1_573_691_885_580)],
        encoded_len: 0,
        invocations,
        response,
        failures: 0,
    };
    let format = Arc::new(PayloadFormat::new(&mapping));
    let id = "316aa6d0-8154-4c1d-9af7-85d5f4a6bc81".to_owned();
    Discarded::new(&Arc::new(mapping), &format, &part, condition, AT, id)
}

pub(crate) fn exhausted() -> Discarded {
    let source = EventSource::Msk { arn: MSK.to_owned() };
    discarded(source, Condition::RetryAttemptsExhausted, 3, Some(Response::Failed))
}

fn check(document: &str, fixture: &str) {
    assert_eq!(document, fixture.trim_end());
}

#[test]
fn queues_and_topics_get_the_documented_notice() {
    check(&exhausted().notice().unwrap(), include_str!("../tests/fixtures/notice.json"));
}

#[test]
fn a_bucket_gets_the_payload_as_a_text() {
    let notice = exhausted().notice_with_payload().unwrap();
    check(&notice, include_str!("../tests/fixtures/notice_with_payload.json"));
    let notice: serde_json::Value = serde_json::from_str(&notice).unwrap();
    assert_eq!(notice["payload"].as_str().unwrap().len() as u64, notice["KafkaBatchInfo"]["payloadSize"]);
}

#[test]
fn a_topic_of_kafka_gets_each_record_with_its_payload() {
    let messages: Vec<String> = exhausted().messages().map(Result::unwrap).collect();
    check(&messages.join("\n"), include_str!("../tests/fixtures/messages.ndjson"));
}

#[test]
fn what_was_never_sent_has_no_response() {
    let expired = discarded(EventSource::SelfManagedKafka, Condition::RecordAgeExceeded, 0, None);
    let notice: serde_json::Value = serde_json::from_str(&expired.notice().unwrap()).unwrap();
    assert_eq!(notice["responseContext"], serde_json::Value::Null);
    assert_eq!(notice["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(notice["requestContext"]["approximateInvokeCount"], 0);
    assert!(notice["KafkaBatchInfo"].get("eventSourceArn").is_none(), "{notice}");
}

#[test]
fn a_function_that_reported_failures_had_no_error() {
    let source = EventSource::SelfManagedKafka;
    let reported = discarded(source, Condition::RetryAttemptsExhausted, 1, Some(Response::Reported));
    let notice: serde_json::Value = serde_json::from_str(&reported.notice().unwrap()).unwrap();
    assert_eq!(notice["responseContext"], serde_json::json!({"statusCode": 200, "executedVersion": "$LATEST"}));
}

#[test]
fn objects_are_named_by_mapping_partition_and_time() {
    let expect = "aws/lambda/f89f8514-cdd9-4602-9e1f-01a5b77d449b/Topic-0/2019/11/14/2019-11-14T00.38.06-\
                  316aa6d0-8154-4c1d-9af7-85d5f4a6bc81";
    assert_eq!(exhausted().object_key(), expect);
}

#[test]
fn any_timestamp_is_a_text() {
    let check = |millis, expect: &str| assert_eq!(text(millis), expect);
    check(-1, "1969-12-31T23:59:59.999Z");
    check(AT, "2019-11-14T00:38:06.021Z");
    check(i64::MAX, "9999-12-30T22:00:00.999Z");
    check(i64::MIN, "-009999-01-02T01:59:59.000Z");
}
