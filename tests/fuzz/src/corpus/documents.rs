//! Texts that are no JSON object, or more than one.

use penstock_core::reject::Reason::{self, NotJson, NotUtf8, SchemaEncoded, TooDeep, TooLarge, WrongType};

use super::{Cases, event};

pub(super) fn add(cases: &mut Cases) {
    truncated(cases);
    every_byte(cases);
    other_formats(cases);
    nearly_json(cases);
    not_one_object(cases);
    nested(cases);
    large(cases);
}

fn truncated(cases: &mut Cases) {
    let good = event(0).with("unit", r#""\u00b0\ud83d\ude00C""#).to_string();
    for length in 0..good.len() {
        cases.bad("truncated", NotJson, &good.as_bytes()[..length]);
    }
}

fn every_byte(cases: &mut Cases) {
    for byte in 0..=u8::MAX {
        let reason = match byte {
            b'0'..=b'9' => WrongType,
            0x80.. => NotUtf8,
            _ => NotJson,
        };
        cases.bad("byte", reason, [byte]);
    }
    for length in 2..40 {
        cases.bad("zeros", if length < 5 { NotJson } else { SchemaEncoded }, vec![0; length]);
    }
}

/// What others write into topics.
fn other_formats(cases: &mut Cases) {
    let good = event(0).to_string();
    let mut add = |reason: Reason, value: &[u8]| cases.bad("format", reason, value);
    // A registry's schema id before Avro, Protobuf with its message index, JSON.
    add(SchemaEncoded, b"\0\0\0\0\x07\x48\x30\x31");
    add(SchemaEncoded, b"\0\0\0\0\x07\0\x0a\x05hello");
    add(SchemaEncoded, &[b"\0\0\0\0\x07", good.as_bytes()].concat());
    // One zero byte looks like that, too.
    add(SchemaEncoded, &[b"\0", good.as_bytes()].concat());
    // Glue's registry begins with its version and the compression.
    add(NotUtf8, &[&b"\x03\0\x91\x12\xf0"[..], &[0; 12], good.as_bytes()].concat());
    add(NotJson, b"Obj\x01\x04\x14avro.codec\x08null\0");
    add(NotJson, b"\x0a\x05hello\x10\x07");
    add(NotJson, b"PAR1");
    add(NotUtf8, b"\x82\xa1a\x01\xa1b\xc0");
    add(NotUtf8, b"\xa2\x61a\x01\x61b\xf6");
    add(NotJson, b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0");
    add(NotUtf8, b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    add(NotUtf8, b"\x28\xb5\x2f\xfd\x04\0");
    add(NotUtf8, b"\x82SNAPPY\0\0\0\0\x01");
    // The Kinesis Producer Library's mark means something in Kinesis only.
    add(NotUtf8, b"\xf3\x89\x9a\xc2\x0a\x01a");
    add(NotJson, b"<event><id>1</id></event>");
    add(NotJson, b"event_id: 1\ndevice_id: 2\n");
    add(NotJson, b"event_id=1 device_id=2");
    add(NotJson, b"a,b,c\n1,2,3\n");
    // `1,2,3` begins with a number.
    add(NotJson, b"1,2,3");
    add(NotJson, b"\x1e{}");
    add(NotJson, b"14:{\"netstring\":1},");
    add(NotJson, b"data: {}\n\n");
}

/// What stands before and behind the members of an event instead of its braces.
const AROUND: &[(&str, &str)] = &[
    ("{", ",}"),
    ("{,", "}"),
    ("{", ",,\"x\":1}"),
    ("{", "}}"),
    ("{{", "}}"),
    ("{", "]"),
    ("[", "}"),
    ("(", ")"),
    ("{", "} x"),
    ("{", "}\0"),
    ("{", "}\n{}"),
    ("{", "},"),
    ("{", "};"),
    ("{", "}// end"),
    ("// start\n{", "}"),
    ("{/* comment */", "}"),
    ("{", "/* comment */}"),
    ("{", "\n# comment\n}"),
    ("{\u{feff}", "}"),
    ("{\u{a0}", "}"),
    ("{\u{2028}", "}"),
    ("\u{b}{", "}"),
    ("{\u{c}", "}"),
    ("while(1);{", "}"),
    (")]}'\n{", "}"),
    ("callback({", "})"),
];

/// Pieces of an event, and what takes their place.
const EDITS: &[(&str, &str)] = &[
    (":12.5", "=12.5"),
    (":12.5", "::12.5"),
    (":12.5", " 12.5"),
    (":12.5", ":"),
    (":12.5", ":,"),
    (":12.5", ":12.5:1"),
    (":12.5", ":12.5 13"),
    ("12.5,", "12.5"),
    ("12.5,", "12.5;"),
    ("12.5,", "12.5,,"),
    ("\"unit\"", "unit"),
    ("\"unit\"", "'unit'"),
    ("\"unit\"", "\"unit"),
    ("\"unit\"", "unit\""),
    ("\"unit\"", "null"),
    ("\"unit\"", "5"),
    ("\"unit\"", "{}"),
    ("\"unit\":", ""),
    ("\"unit\"", "\"unit\"x"),
    ("\"lux\"", "'lux'"),
    ("\"lux\"", "lux"),
    ("\"lux\"", "\"l\"ux\""),
    ("\"lux\"", "\"lux\"\"\""),
    ("\"lux\"", "\"l\" + \"ux\""),
    ("\"lux\"", "\"lux"),
    ("\"lux\"", "lux\""),
    ("\"lux\"", "undefined"),
    ("\"lux\"", "None"),
    ("\"lux\"", "NULL"),
    ("\"lux\"", "nul"),
    ("\"lux\"", "nulll"),
];

fn nearly_json(cases: &mut Cases) {
    let good = event(0).to_string();
    let inner = &good[1..good.len() - 1];
    for (before, behind) in AROUND {
        cases.bad("nearly", NotJson, format!("{before}{inner}{behind}"));
    }
    for (piece, other) in EDITS {
        assert!(good.contains(*piece), "{piece}");
        cases.bad("edited", NotJson, good.replacen(*piece, other, 1));
    }
}

fn not_one_object(cases: &mut Cases) {
    let good = event(0).to_string();
    for join in ["", " ", "\n", "\r\n", "\0", ",", "\x1e", "\u{2028}"] {
        cases.bad("two", NotJson, [good.as_str(), &good].join(join));
    }
    for space in [" ", "\n", "\t", "\r\n", "    \n\t\r ", "\u{a0}", "\u{2003}", "\u{3000}", "\u{b}", "\u{c}", "\u{85}"]
    {
        cases.bad("space", NotJson, space);
        cases.bad("space", NotJson, space.repeat(10_000));
    }
    let quoted = serde_json::to_string(&good).expect("a string");
    let wrapped = [format!("[{good}]"), format!("[{good},{good}]"), quoted];
    for value in [
        "[]", "[1]", "[[],{}]", "null", " null\n", "true", "false", "0", "-0", "12", "1.5e300", "1e999", "\"\"",
        "\"{}\"",
    ]
    .into_iter()
    .chain(wrapped.iter().map(String::as_str))
    {
        cases.bad("top", WrongType, value);
        cases.bad("top-twice", NotJson, format!("{value} {value}"));
        cases.bad("top-and-more", NotJson, format!("{value} {good}"));
    }
}

fn nested(cases: &mut Cases) {
    for depth in [33, 34, 100, 1_000, 10_000, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":["#, "]}]")] {
            let whole = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            let endless = open.repeat(depth);
            for value in [&whole, &endless] {
                cases.bad("nested", TooDeep, value.as_str());
                cases.bad("nested-unknown", TooDeep, event(0).and("\"x\"", value).to_string());
                cases.bad("nested-first", TooDeep, format!("{{\"x\":{value},{}", &event(0).to_string()[1..]));
                // It is wrong already where it begins.
                cases.bad("nested-column", WrongType, event(0).with("value", value).to_string());
                cases.bad("nested-column", WrongType, event(0).with("unit", value).to_string());
            }
        }
    }
    // As deep as it may be with the event around it, and one deeper.
    cases.bad(
        "nested-edge",
        TooDeep,
        event(0).and("\"x\"", format!("{}{}", "[".repeat(32), "]".repeat(32))).to_string(),
    );
    // What is wrong before it is too deep.
    cases.bad("nested-broken", NotJson, format!("{}x{}", "[".repeat(32), "[".repeat(32)));
    cases.bad("nested-broken", NotJson, format!("{}8{}", "[".repeat(32), "[".repeat(32)));
    cases.bad("nested-broken", NotJson, format!("{}]{}", r#"{"a":"#.repeat(20), "[".repeat(32)));
    cases.bad("nested-broken", NotJson, format!("[\"\\ud800\",{}", "[".repeat(32)));
    cases.bad("nested-closed", NotJson, "]".repeat(100_000));
    cases.bad("nested-closed", NotJson, "}".repeat(100_000));
}

fn large(cases: &mut Cases) {
    let with = |length: usize| event(0).with("unit", format!("\"{}\"", "x".repeat(length))).to_string();
    cases.bad("large", TooLarge, with(4_000_000));
    cases.bad("large", TooLarge, with(1 << 20));
    let good = event(0).to_string();
    cases.bad("large", TooLarge, format!("{good}{}", " ".repeat((1 << 20) + 1 - good.len())));
    cases.bad("large", TooLarge, "[".repeat(3_000_000));
    cases.bad("large", TooLarge, vec![0; (1 << 20) + 1]);
    cases.bad("large", TooLarge, vec![0xff; 2 << 20]);
    cases.bad("large-enough", NotUtf8, vec![0xff; 1 << 20]);
    cases.bad("large-enough", NotJson, "{".repeat(1 << 20));
    let members: Vec<String> = (0..50_000).map(|number| format!("\"k{number}\":{number}")).collect();
    cases.bad("large-enough", Reason::RequiredAbsent, format!("{{{}}}", members.join(",")));
    cases.bad("large-enough", Reason::DuplicateKey, format!("{{{},\"k7\":0}}", members.join(",")));
}
