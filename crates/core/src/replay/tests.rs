//! What a replay makes of an object is what the newer file would have made of its records.

use std::sync::LazyLock;

use arrow_select::filter::filter_record_batch;
use proptest::prelude::*;

use super::*;
use crate::chain::Tail;
use crate::keys::ChainId;
use crate::raw_object;
use crate::sample::{START, at, chain, iot, iot_with};

/// The newer file renames a column, takes another out and adds two whose values stood in `extra`, one of them nested.
const CHANGES: [(&str, &str); 2] = [
    ("name = \"site\"", "name = \"place\"\npath = \"site\""),
    (
        "[roles]",
        "[[columns]]\nname = \"signal\"\nfield_id = 190\ntype = \"double\"\npath = \"radio.signal\"\n\n[[columns]]\nname = \"note\"\nfield_id = 191\ntype = \"string\"\n\n[roles]",
    ),
];

static NEWER: LazyLock<Dataset> = LazyLock::new(|| iot_with(&CHANGES));

/// An event with more members, or with others in the place of its own.
fn event(members: &str) -> Vec<u8> {
    let own = [
        ("event_id", r#""01234567-89ab-cdef-0123-456789abcdef""#),
        ("device_id", r#""device-1""#),
        ("device_type", r#""light""#),
        ("event_time", "1767225600000"),
        ("event_duration", "12.5"),
    ];
    let is_other = |name: &str| members.contains(&format!("\"{name}\":"));
    let own = own.iter().filter(|(name, _)| !is_other(name)).map(|(name, value)| format!("\"{name}\":{value}"));
    let members = own.chain((!members.is_empty()).then(|| members.to_owned())).collect::<Vec<_>>().join(",");
    format!("{{{members}}}").into_bytes()
}

fn base64(bytes: &[u8]) -> Encoded<'static> {
    Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(bytes)))
}

fn plain_text(text: &[u8]) -> Encoded<'static> {
    Encoded::Base64(Cow::Owned(text.to_vec()))
}

fn record(offset: usize, key: Option<Encoded<'static>>, value: Option<Encoded<'static>>) -> Record<'static> {
    let timestamp_type = TimestampType::LogAppendTime;
    Record { position: at(offset as u64), timestamp: Some(START + 7), timestamp_type, key, value }
}

/// The raw object that a dataset makes of records in partition 3.
fn landed(dataset: &Dataset, records: Vec<Record<'static>>) -> (Link, Bytes) {
    landed_in(&chain(3), dataset, records)
}

fn landed_in(chain: &ChainId, dataset: &Dataset, records: Vec<Record<'static>>) -> (Link, Bytes) {
    let tail = Tail { next: records[0].position, ..Tail::default() };
    let next = records[records.len() - 1].position.next();
    let link = Link { next, ..Link::at_tail(dataset, chain, &tail, START, "test") };
    let rows = parse(dataset, &link, records).unwrap();
    let link = Link {
        rows: rows.batch.num_rows() as u64,
        rejected: rows.rejected as u64,
        checksum: rows.checksum,
        rejected_checksum: rows.rejected_checksum,
        ..link
    };
    let file = raw_object::encode(&link, &rows.batch).unwrap();
    (link, file)
}

/// All that an object says, with text as text, but for some columns.
fn content(link: &Link, file: &Bytes, without: &[&str]) -> (Link, Vec<RecordBatch>) {
    let schema = crate::raw::schema(&NEWER, link.chain.partition.kind());
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let names: Vec<&str> = names.filter(|name| !without.contains(name)).collect();
    (Link { uncompressed_bytes: 0, ..link.clone() }, table::read(file.clone(), &names, &[]).unwrap())
}

/// Details and bytes of the records that the older object rejects: those of others are put together again.
fn rejected_before(older: &Bytes, file: &Bytes) -> RecordBatch {
    let read = |file: &Bytes, names: &[&str]| table::read(file.clone(), names, &[]).unwrap().remove(0);
    let reasons = read(older, &["reject_reason"]);
    let mask: BooleanArray = (0..reasons.num_rows()).map(|row| Some(reasons.column(0).is_valid(row))).collect();
    filter_record_batch(&read(file, &["reject_detail", "reject_bytes"]), &mask).unwrap()
}

/// What is wrong with a record that was accepted before is said of the value that was put together.
const ALL_BUT_PLACES: [&str; 2] = ["reject_detail", "reject_bytes"];
/// A column that is none any more goes to `extra` behind the others, and not at all if it is null.
const NOR_EXTRA: [&str; 3] = ["reject_detail", "reject_bytes", "extra"];

/// Replays what the older dataset landed of Kafka and of Kinesis, and compares it with what the newer one lands.
fn check_records(older: &Dataset, newer: &Dataset, records: &[Record<'static>], without: &[&str]) {
    let shard = ChainId { partition: Partition::Shard("shardId-000000000007".to_owned()), ..chain(0) };
    for chain in [chain(3), shard] {
        let (link, file) = landed_in(&chain, older, records.to_vec());
        let (replayed, rows) = Replay::new(older, newer).unwrap().object(&link, &file).unwrap();
        let found = raw_object::encode(&replayed, &rows).unwrap();
        let (expected, fresh) = landed_in(&chain, newer, records.to_vec());
        assert_eq!(content(&replayed, &found, without), content(&expected, &fresh, without));
        assert_eq!(rejected_before(&file, &found), rejected_before(&file, &fresh));
    }
}

fn check(older: &Dataset, newer: &Dataset, values: &[Vec<u8>]) {
    check_without(&ALL_BUT_PLACES, older, newer, values);
}

fn check_without(columns: &[&str], older: &Dataset, newer: &Dataset, values: &[Vec<u8>]) {
    let records = values.iter().enumerate();
    let records = records.map(|(offset, value)| record(offset, Some(base64(b"device-1")), Some(base64(value))));
    check_records(older, newer, &records.collect::<Vec<_>>(), columns);
}

#[test]
fn new_columns_are_filled_from_what_raw_kept() {
    let note = r#""note":"a \"word\"","radio":{"signal":-71.5,"band":[1,{"a":1e400}]},"other":[]"#;
    let values = [event(""), event(note), event(r#""note":null"#), event(r#""note":5"#), event(r#""radio":{}"#)];
    check(&iot(), &NEWER, &values);
    check_without(&NOR_EXTRA, &NEWER, &iot(), &values);
    check(&NEWER, &NEWER, &values);
}

#[test]
fn values_keep_what_they_said() {
    let values = [
        event(r#""event_duration":1e300,"battery":-9223372036854775808"#),
        event(r#""event_duration":5e-324,"battery":7.0"#),
        event(r#""event_duration":-0.0,"value":0.1"#),
        event(r#""event_time":"2026-01-01T01:00:00.123456789+01:00","site":"\u00e9\n\u0000\ud83d\ude00""#),
        event(r#""event_id":"01234567-89AB-CDEF-0123-456789ABCDEF","unit":"","status":null"#),
    ];
    check(&iot(), &NEWER, &values);
}

#[test]
fn what_was_rejected_is_read_anew_and_what_no_longer_fits_is_rejected() {
    let note = "[[columns]]\nname = \"note\"\nfield_id = 191\ntype = \"string\"\nrequired = true\n\n[roles]";
    let strict = iot_with(&[("[roles]", note)]);
    let packed = b"\xf3\x89\x9a\xc2[]".to_vec();
    let values = [event(""), event(r#""note":"a""#), event(r#""note":7"#), b"no json".to_vec(), packed];
    check(&strict, &iot(), &values);
    check(&iot(), &strict, &values);
}

#[test]
fn a_longer_text_of_an_accepted_value_is_not_too_large() {
    let value = event("\"event_id\":\"0123456789abcdef0123456789abcdef\"");
    let exactly = format!("max_value_bytes = {}", value.len());
    let tight = iot_with(&[("max_value_bytes = 1_048_576", &exactly)]);
    check(&tight, &tight, &[value, event("\"unit\":\"more than that\"")]);
}

#[test]
fn what_was_no_base64_stays_it() {
    let (bad, good) = (|| plain_text(b"?!"), || base64(b"{}"));
    // Text that is no base64 but is JSON, and keys whose bytes look like base64.
    let json = plain_text(&event(""));
    let records = [
        record(0, Some(bad()), Some(good())),
        record(1, Some(bad()), Some(bad())),
        record(2, Some(bad()), None),
        record(3, Some(base64(b"?!")), Some(bad())),
        record(4, Some(base64(b"abcd")), Some(json)),
        record(5, None, None),
        record(6, None, Some(base64(&event("")))),
    ];
    check_records(&iot(), &NEWER, &records, &ALL_BUT_PLACES);
}

#[test]
fn a_hash_of_the_value_is_carried_over() {
    let hashed = |id: &str| {
        let text = iot().text.replace("id = \"event_id\"", &format!("id = \"{id}\""));
        let column = format!(
            "[[columns]]\nname = \"{id}\"\nfield_id = 195\ntype = \"uuid\"\nderive = \"value_hash\"\n\n[roles]"
        );
        Dataset::parse(&text.replacen("[roles]", &column, 1)).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let (older, newer) = (hashed("hash"), hashed("digest"));
    let values = [event(" \"unit\" : \"lux\" "), b"no json".to_vec(), event("\"unit\":7"), event("")];
    let (link, file) =
        landed(&older, values.iter().enumerate().map(|(at, value)| record(at, None, Some(base64(value)))).collect());
    let (_, rows) = Replay::new(&older, &newer).unwrap().object(&link, &file).unwrap();
    let hashes = rows.column_by_name("digest").unwrap().as_fixed_size_binary();
    let expected = [0, 3].map(|value: usize| crate::dedupe::hash(&values[value]).to_be_bytes());
    assert_eq!(hashes.iter().flatten().collect::<Vec<_>>(), expected);
    let error = Replay::new(&iot(), &newer).unwrap_err();
    assert!(error.to_string().starts_with("the column `digest` is the hash of the value"), "{error}");
}

#[test]
fn an_object_that_is_not_what_its_footer_says_is_refused() {
    let (link, file) = landed(&iot(), vec![record(0, None, Some(base64(&event(""))))]);
    let dataset = iot();
    let replay = Replay::new(&dataset, &NEWER).unwrap();
    let check = |link: Link, file: &Bytes| assert!(matches!(replay.object(&link, file), Err(ReplayError::Damaged(_))));
    check(Link { rows: 2, ..link.clone() }, &file);
    check(Link { chain: chain(4), ..link.clone() }, &file);
    check(link, &Bytes::from_static(b"PAR1"));
}

/// Members of an event, known and unknown ones, good and bad.
fn member() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("unit"), Just("site"), Just("note"), Just("radio"), Just("battery"), Just("a\\\"b")];
    let value = prop_oneof![
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:?}")),
        Just("null".to_owned()),
        Just("{\"signal\": 5, \"x\": {\"y\":[ ]}}".to_owned()),
        Just("{\"signal\":\"?\"}".to_owned()),
        Just("{".to_owned()),
    ];
    (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
}

proptest! {
    #[test]
    fn a_replay_is_what_the_newer_file_would_have_made(
        events in proptest::collection::vec(proptest::collection::vec(member(), 0..4), 1..12),
        back: bool,
    ) {
        let values: Vec<Vec<u8>> = events.iter().map(|members| event(&members.join(","))).collect();
        if back { check_without(&NOR_EXTRA, &NEWER, &iot(), &values) } else { check(&iot(), &NEWER, &values) }
    }
}
