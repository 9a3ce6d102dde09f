//! Events that look odd and are good.

mod values;

use super::{Cases, Event};
use crate::plain::Cell;

pub(super) fn add(cases: &mut Cases) {
    keys(cases);
    white_space(cases);
    texts(cases);
    unknown_fields(cases);
    values::add(cases);
    absent(cases);
    sizes(cases);
}

fn text(text: &str) -> Option<Cell> {
    Some(Cell::Text(text.to_owned()))
}

/// The key with every character escaped.
fn escaped(key: &str) -> String {
    let escapes: String = key.trim_matches('"').bytes().map(|byte| format!("\\u{byte:04X}")).collect();
    format!("\"{escapes}\"")
}

fn keys(cases: &mut Cases) {
    let columns = super::event(0).members.len();
    let expect =
        [("device_id", text("device-1")), ("unit", text("lux")), ("battery", Some(Cell::Int(7))), ("extra", None)];
    for index in 0..columns {
        let one = |mut event: Event| {
            event.members[index].0 = escaped(&event.members[index].0);
            event
        };
        cases.good("key-escaped", one, &expect);
        let first_letter = |mut event: Event| {
            let key = event.members[index].0.trim_matches('"').to_owned();
            event.members[index].0 = format!("\"\\u{:04x}{}\"", key.as_bytes()[0], &key[1..]);
            event
        };
        cases.good("key-escaped", first_letter, &expect);
        let rotated = |mut event: Event| {
            event.members.rotate_left(index);
            event
        };
        cases.good("key-order", rotated, &expect);
        let swapped = |mut event: Event| {
            event.members.swap(0, index);
            event
        };
        cases.good("key-order", swapped, &expect);
    }
    let all = |mut event: Event| {
        event.members.iter_mut().for_each(|(key, _)| *key = escaped(key));
        event
    };
    cases.good("key-escaped", all, &expect);
    let reversed = |mut event: Event| {
        event.members.reverse();
        event
    };
    cases.good("key-order", reversed, &expect);
}

fn white_space(cases: &mut Cases) {
    for space in [" ", "\t", "\n", "\r", "\r\n", "  ", " \t\r\n", &" ".repeat(100)] {
        // What is around keys and values becomes a part of them, so that the text has it everywhere.
        let spaced = |mut event: Event| {
            for (key, value) in &mut event.members {
                (*key, *value) = (format!("{space}{key}{space}"), format!("{space}{value}{space}"));
            }
            event
        };
        cases.good("spaced", spaced, &[("device_id", text("device-1")), ("status", text("ok")), ("extra", None)]);
        let trailing = |event: Event| event.and("\"x\"", format!("1{space}"));
        cases.good("spaced", trailing, &[("extra", text("{\"x\":1}"))]);
    }
}

/// What a text may say.
const TEXTS: &[&str] = &[
    "",
    " ",
    "../",
    "..",
    ".",
    "/",
    "//",
    "a=b/",
    "event_date=2026-01-01",
    "a/b",
    "..\\..",
    "C:\\",
    "~",
    "~2f",
    "%2e%2e%2f",
    "_hidden",
    ".hidden",
    "null",
    "NULL",
    "NaN",
    "true",
    "0",
    "-1",
    "[]",
    "{}",
    "a,b;c\td",
    "'; drop table silver; --",
    "\"quoted\"",
    "back\\slash",
    "$(id)",
    "`id`",
    "${x}",
    "<script>",
    "\u{0}",
    "\u{0}\u{0}a",
    "\n",
    "\r\n",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "\u{ad}",
    "\u{200b}",
    "\u{2028}",
    "\u{202e}abc",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{e000}",
    "\u{1f600}",
    "\u{10ffff}",
    "e\u{301}",
    "\u{e9}",
    "ß",
    "ẞ",
    "ǆ",
    "İi",
    "日本語",
    "مرحبا",
    "👩‍👩‍👧‍👦",
    "𝕬",
    "con",
    "aux.txt",
    "device-1 ",
    "DEVICE-1",
];

/// How a text may be written, and what it says.
const WRITTEN: &[(&str, &str)] = &[
    (r#""\/""#, "/"),
    (r#""<\/script>""#, "</script>"),
    (r#""\u002f\u002F""#, "//"),
    (r#""\u0022""#, "\""),
    (r#""\u005c\u005C""#, "\\\\"),
    (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
    (r#""\ud83d\ude00""#, "😀"),
    (r#""\uD83D\uDE00x""#, "😀x"),
    (r#""😀\ud83d\ude00😀""#, "😀😀😀"),
    (r#""\udbff\udfff""#, "\u{10ffff}"),
    (r#""\ud800\udc00""#, "\u{10000}"),
    (r#""\ud7ff\ue000""#, "\u{d7ff}\u{e000}"),
    (r#""\ufffe\uffff""#, "\u{fffe}\u{ffff}"),
    (r#""\u0000""#, "\0"),
    (r#""\\u0041""#, "\\u0041"),
    (r#""\\\\\\""#, "\\\\\\"),
    (r#""exactly8""#, "exactly8"),
    (r#""1234567\n""#, "1234567\n"),
    (r#""12345678\"90123456""#, "12345678\"90123456"),
    (r#""\u00e9\u0065\u0301""#, "ée\u{301}"),
];

/// What a text may be, as JSON writes it, and what it says.
fn texts(cases: &mut Cases) {
    for said in TEXTS {
        let json = serde_json::to_string(said).expect("a string");
        cases.good("text", |event| event.with("device_id", json.as_str()), &[("device_id", text(said))]);
    }
    for (json, said) in WRITTEN {
        cases.good("text-escaped", |event| event.with("unit", *json), &[("unit", text(said))]);
    }
    for length in (1..40).chain([1_000, 100_000]) {
        let said = "ä".repeat(length);
        cases.good("text-long", |event| event.with("site", format!("\"{said}\"")), &[("site", text(&said))]);
    }
}

/// Keys that are no column's, as they are written.
const UNKNOWN_KEYS: &[&str] = &[
    "\"\"",
    "\" \"",
    "\"extra\"",
    "\"offset\"",
    "\"topic\"",
    "\"reject_reason\"",
    "\"Device_id\"",
    "\"device_id \"",
    "\"device\\u0000id\"",
    "\"device.id\"",
    "\"\\\"\"",
    "\"\\u0022\"",
    "\"\\\\\"",
    "\"😀\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{7f}\"",
    "\"__proto__\"",
    "\"$schema\"",
    "\"@type\"",
    "\"a/b\"",
    "\"\\n\"",
];

fn unknown_fields(cases: &mut Cases) {
    let deep = |depth: usize, open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let values = [
        "null".to_owned(),
        "true".to_owned(),
        "false".to_owned(),
        "0".to_owned(),
        "-0".to_owned(),
        "1e400".to_owned(),
        "-1E+99999999999999999999".to_owned(),
        "9".repeat(400),
        "\"\"".to_owned(),
        r#""\ud83d\ude00""#.to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "[ ]".to_owned(),
        "{ }".to_owned(),
        r#"{"a":1,"a":2}"#.to_owned(),
        r#"{"event_id":5,"device_id":[]}"#.to_owned(),
        "[1, 2.5 ,\n\"x\" ]".to_owned(),
        r#"[{"a":[{"b":[]}]},[[]],null]"#.to_owned(),
        deep(31, "[", "]"),
        format!("{}0{}", "[{\"a\":[]},".repeat(15), "]".repeat(15)),
        format!("{}0{}", "{\"a\":".repeat(31), "}".repeat(31)),
        format!("[{}0]", "0,".repeat(10_000)),
        format!("[{}[]]", "[],".repeat(10_000)),
    ];
    for value in &values {
        let extra = format!("{{\"x\":{value}}}");
        cases.good(
            "unknown",
            |event| event.and("\"x\"", value.as_str()),
            &[("extra", text(&extra)), ("unit", text("lux"))],
        );
        let in_front = |mut event: Event| {
            event.members.insert(0, ("\"x\"".to_owned(), value.clone()));
            event
        };
        cases.good("unknown", in_front, &[("extra", text(&extra)), ("unit", text("lux"))]);
    }
    for key in UNKNOWN_KEYS {
        cases.good("unknown-key", |event| event.and(*key, "1"), &[("extra", text(&format!("{{{key}:1}}")))]);
    }
    let many =
        |event: Event| (0..1_000).fold(event, |event, number| event.and(format!("\"k{number}\""), number.to_string()));
    cases.good("unknown-many", many, &[("unit", text("lux"))]);
}

fn absent(cases: &mut Cases) {
    const OPTIONAL: [&str; 6] = ["value", "unit", "site", "firmware", "battery", "status"];
    for column in OPTIONAL {
        cases.good("without", |event| event.without(column), &[(column, None)]);
        cases.good("nulls", |event| event.with(column, "null"), &[(column, None)]);
    }
    let none = OPTIONAL.map(|column| (column, None));
    cases.good("without", |event| OPTIONAL.iter().fold(event, |event, column| event.without(column)), &none);
    cases.good("nulls", |event| OPTIONAL.iter().fold(event, |event, column| event.with(column, "null")), &none);
}

fn sizes(cases: &mut Cases) {
    const LARGEST: usize = 1 << 20;
    let unit = |length: usize| format!("\"{}\"", "x".repeat(length));
    let filled = |event: Event| {
        let length = LARGEST - event.to_string().len() + "lux".len();
        event.with("unit", unit(length))
    };
    cases.good("largest", filled, &[]);
    let spaced = |event: Event| {
        let length = LARGEST - event.to_string().len();
        event.with("unit", format!("{}\"lux\"", " ".repeat(length)))
    };
    cases.good("largest", spaced, &[("unit", text("lux"))]);
}
