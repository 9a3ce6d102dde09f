//! The fast path, its fallback and the plain parser agree: on every mutation of the corpus, on events of any shape,
//! and on payloads of any shape.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use penstock_fuzz::compare::{Subject, check_payload};
use penstock_fuzz::corpus::{Carried, odd, poison};
use proptest::prelude::*;
use proptest::sample::{Index, select};

static IOT: LazyLock<Subject> = LazyLock::new(Subject::iot);
static NESTED: LazyLock<Subject> = LazyLock::new(Subject::nested);

/// The corpus without its large records, which say nothing more when they are changed.
static VALUES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let bytes = |carried| match carried {
        Carried::Bytes(bytes) if bytes.len() < 5_000 => Some(bytes),
        _ => None,
    };
    let corpus = poison().into_iter().chain(odd()).filter_map(|case| bytes(case.value));
    corpus.chain([IOT.good().to_vec(), NESTED.good().to_vec()]).collect()
});

/// Pieces of JSON that mean something at many places.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    " ",
    "\n",
    "0",
    "-",
    ".",
    "e",
    "1e5",
    "1e400",
    "-0",
    "true",
    "false",
    "null",
    "\\",
    "\\u0041",
    "\\ud83d",
    "\\ude00",
    "\\\"",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "é",
    "😀",
    "\u{feff}",
    "\"value\":",
    "\"device_id\":",
    ",\"x\":1",
    "\"event_time\":",
    "{}",
    "[]",
    "[[[[[[[[",
    "\"\"",
    "\"meta\":{",
    "\"data\":{",
];

/// One change of a text.
#[derive(Clone, Debug)]
enum Edit {
    Put(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    /// A piece of the text, again somewhere else.
    Copy(Index, Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Put(at, byte)),
        (any::<Index>(), select(&PIECES[..])).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), any::<Index>(), 1..60_usize).prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    let end = text.len() + 1;
    match edit {
        Edit::Put(at, byte) if !text.is_empty() => *at.get_mut(text) = *byte,
        Edit::Put(_, byte) => text.push(*byte),
        Edit::Insert(at, piece) => drop(text.splice(at.index(end)..at.index(end), piece.bytes())),
        Edit::Remove(at, length) => {
            let start = at.index(end);
            text.drain(start..(start + length).min(text.len()));
        }
        Edit::Copy(from, to, length) => {
            let start = from.index(end);
            let piece = text[start..(start + length).min(text.len())].to_vec();
            text.splice(to.index(end)..to.index(end), piece);
        }
    }
}

fn mutated(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (text, proptest::collection::vec(edit(), 1..5)).prop_map(|(mut text, edits)| {
        edits.iter().for_each(|edit| apply(&mut text, edit));
        text
    })
}

/// A JSON value of any kind, often one that a column takes.
fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let time = "202[56]-(01|12)-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|z|[+-][0-2][0-9]:[0-5][0-9])";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        select(vec!["true", "false"]).prop_map(str::to_owned),
        number,
        "17672255[0-9]{5}(\\.0|e0)?",
        time.prop_map(|time| format!("\"{time}\"")),
        "\"[0-9a-fA-F]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\"",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        r#""([a-z]|\\["\\/bfnrt]|\\u[0-9a-f]{4}|ä|😀){0,12}""#,
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let member = ("[a-c]{0,2}", inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            proptest::collection::vec(member, 0..4).prop_map(|all| format!("{{{}}}", all.join(" ,"))),
        ]
    })
}

/// The members of the good record, some of them changed, left out, escaped, repeated or in other places, and others.
fn event(good: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = Vec<u8>> {
    let value = move |index: usize| prop_oneof![6 => Just(good[index].1.to_owned()), 1 => json()];
    let known = (0..good.len()).prop_flat_map(move |index| (Just(good[index].0), value(index)));
    let other = ("[a-z]{0,3}", json()).prop_map(|(key, value)| (key, value));
    let key = |(key, value): (String, String), is_escaped: bool| {
        let key: String =
            if is_escaped { key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect() } else { key };
        format!("\"{key}\":{value}")
    };
    let member = (
        prop_oneof![3 => known.prop_map(|(key, value)| (key.to_owned(), value)), 1 => other],
        proptest::bool::weighted(0.1),
    );
    let members = proptest::collection::vec(member.prop_map(move |(member, is_escaped)| key(member, is_escaped)), 0..4);
    let all: Vec<String> = good.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    (Just(all), members, proptest::bool::weighted(0.3), any::<Index>(), select(vec!["", " ", "\n\t"]), any::<bool>())
        .prop_map(|(mut all, more, is_shuffled, at, space, is_replaced)| {
            if is_shuffled {
                let middle = at.index(all.len());
                all.rotate_left(middle);
            }
            for (step, member) in more.into_iter().enumerate() {
                let place = (at.index(all.len()) + step * 3) % all.len();
                if is_replaced { all[place] = member } else { all.insert(place, member) }
            }
            format!("{space}{{{space}{}{space}}}{space}", all.join(&format!("{space},{space}"))).into_bytes()
        })
}

const IOT_MEMBERS: [(&str, &str); 11] = [
    ("event_id", "\"00000000-0000-4000-8000-000000000001\""),
    ("device_id", "\"device-1\""),
    ("device_type", "\"light\""),
    ("event_time", "1767225598500"),
    ("event_duration", "12.5"),
    ("value", "21.25"),
    ("unit", "\"lux\""),
    ("site", "\"oslo\""),
    ("firmware", "\"1.5.0\""),
    ("battery", "7"),
    ("status", "\"ok\""),
];

const NESTED_MEMBERS: [(&str, &str); 5] = [
    (
        "meta",
        r#"{"id":"00000000000040008000000000000001","time":{"happened":1767225598500,"sent":"2026-01-01T00:00:00Z","zone":"UTC"}}"#,
    ),
    ("who", "\"me\""),
    ("data", r#"{"level":1.5,"x":[1],"steps":3}"#),
    ("is_on", "true"),
    ("more", "{\"data\":{}}"),
];

/// A record's fields, of which some are absent, odd, repeated, or in other places.
fn record() -> impl Strategy<Value = String> {
    let number =
        prop_oneof!["[0-9]{1,3}", "-?[0-9]{1,20}", "[0-9]{1,2}(\\.0|e0|\\.5)", Just("null".to_owned()), json()];
    let text = prop_oneof![4 => "\"[A-Za-z0-9+/]{0,8}={0,2}\"", 1 => Just("null".to_owned()), 1 => json()];
    let topic = prop_oneof![6 => Just("\"t\"".to_owned()), 1 => text.clone()];
    let partition = prop_oneof![6 => Just("0".to_owned()), 1 => number.clone()];
    let field = prop_oneof![
        number.clone().prop_map(|number| format!("\"timestamp\":{number}")),
        select(vec!["CREATE_TIME", "LOG_APPEND_TIME", "x"]).prop_map(|kind| format!("\"timestampType\":\"{kind}\"")),
        text.clone().prop_map(|text| format!("\"key\":{text}")),
        text.prop_map(|text| format!("\"value\":{text}")),
        json().prop_map(|value| format!("\"headers\":{value}")),
        number.clone().prop_map(|number| format!("\"offset\":{number}")),
    ];
    (topic, partition, number, proptest::collection::vec(field, 0..5), any::<Index>()).prop_map(
        |(topic, partition, offset, mut fields, at)| {
            fields.extend([
                format!("\"topic\":{topic}"),
                format!("\"partition\":{partition}"),
                format!("\"offset\":{offset}"),
            ]);
            let middle = at.index(fields.len());
            fields.rotate_left(middle);
            format!("{{{}}}", fields.join(","))
        },
    )
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let source = select(vec!["aws:kafka", "SelfManagedKafka", "aws:kinesis"]);
    (source, proptest::collection::vec(record(), 0..4), json()).prop_map(|(source, records, more)| {
        format!(r#"{{"x":{more},"eventSource":"{source}","records":{{"t-0":[{}]}}}}"#, records.join(", ")).into_bytes()
    })
}

const KINESIS: &str = r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"device-1","sequenceNumber":"495903382714902566","data":"e30=","approximateArrivalTimestamp":1545084650.987},"eventSource":"aws:kinesis","eventID":"shardId-000000000006:495903382714902566","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/events"},{"eventSource":"aws:kinesis","eventID":"shardId-000000000006:495903382714902567","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/events","kinesis":{"sequenceNumber":"495903382714902567"}}]}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn on_mutations_of_the_corpus(value in mutated(select(VALUES.clone()))) {
        IOT.check(&value);
        NESTED.check(&value);
    }

    #[test]
    fn on_events_of_any_shape(value in event(&IOT_MEMBERS)) {
        IOT.check(&value);
    }

    #[test]
    fn on_nested_events_of_any_shape(value in event(&NESTED_MEMBERS)) {
        NESTED.check(&value);
    }

    #[test]
    fn on_any_json(value in json()) {
        IOT.check(value.as_bytes());
        NESTED.check(value.as_bytes());
    }

    #[test]
    fn on_payloads_of_any_shape(payload in payload()) {
        check_payload(&payload);
    }

    #[test]
    fn on_mutations_of_payloads(payload in mutated(prop_oneof![payload(), Just(KINESIS.as_bytes().to_vec())])) {
        check_payload(&payload);
    }
}
