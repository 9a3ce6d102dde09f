//! JSON objects that are no event of the default dataset.

use penstock_core::reject::Reason::{
    self, DuplicateKey, InFuture, NotJson, NumberOutOfRange, RequiredAbsent, TimestampUnreadable, TooOld, WrongType,
};

use super::{Cases, event};

const STRINGS: [&str; 6] = ["device_id", "device_type", "unit", "site", "firmware", "status"];
const DOUBLES: [&str; 2] = ["event_duration", "value"];
const REQUIRED: [&str; 5] = ["event_id", "device_id", "device_type", "event_time", "event_duration"];

pub(super) fn add(cases: &mut Cases) {
    types(cases);
    absent(cases);
    repeated(cases);
    numbers(cases);
    ids(cases);
    times_that_are_none(cases);
    times_out_of_range(cases);
}

fn bad(cases: &mut Cases, rule: &str, reason: Reason, column: &str, value: &str) {
    cases.bad(rule, reason, event(0).with(column, value).to_string());
}

fn types(cases: &mut Cases) {
    let mut check = |column: &str, values: &[&str]| {
        for value in values {
            bad(cases, &format!("type-{column}"), WrongType, column, value);
        }
    };
    for column in STRINGS.into_iter().chain(["event_id"]) {
        check(column, &["0", "-1.5", "1e999", "true", "false", "[]", "{}", "[\"x\"]", "{\"unit\":\"lux\"}"]);
    }
    for column in DOUBLES.into_iter().chain(["battery"]) {
        check(column, &["\"\"", "\"7\"", "\"NaN\"", "true", "false", "[]", "[7]", "{}", "{\"value\":7}"]);
    }
    check(
        "battery",
        &["7.5", "0.1", "-0.5", "1e-1", "75e-1", "1e-400", "1e-99999999999999999999", "12345678901234567890.5"],
    );
    check("event_time", &["true", "false", "[]", "{}", "[1767225600000]"]);
}

fn absent(cases: &mut Cases) {
    cases.bad("absent", RequiredAbsent, "{}");
    cases.bad("absent", RequiredAbsent, " { } ");
    cases.bad("absent", RequiredAbsent, "{\"\":{}}");
    for column in REQUIRED {
        cases.bad("absent", RequiredAbsent, event(0).without(column).to_string());
        bad(cases, "absent", RequiredAbsent, column, "null");
        // Another spelling is another key.
        cases.bad(
            "absent",
            RequiredAbsent,
            event(0).with_key(column, format!("\"{}\"", column.to_uppercase())).to_string(),
        );
        cases.bad("absent", RequiredAbsent, event(0).with_key(column, format!("\" {column}\"")).to_string());
        cases.bad("absent", RequiredAbsent, event(0).with_key(column, format!("\"{column}\\u0000\"")).to_string());
    }
}

fn repeated(cases: &mut Cases) {
    for (key, value) in event(0).members {
        let column = key.trim_matches('"');
        let letter = column.as_bytes()[0];
        let escaped = format!("\"\\u{letter:04x}{}\"", &column[1..]);
        for again in [&key, &escaped] {
            cases.bad("repeated", DuplicateKey, event(0).and(again, &value).to_string());
            cases.bad("repeated", DuplicateKey, event(0).and(again, "null").to_string());
            // The first thing wrong from left to right is the key.
            cases.bad("repeated", DuplicateKey, event(0).and(again, "tru").to_string());
        }
        cases.bad("repeated", DuplicateKey, event(0).with_key(column, escaped).and(key, value).to_string());
    }
    for key in ["\"x\"", "\"\\u0078\"", "\"X\\/\"", "\"\"", "\"\\ud83d\\ude00\""] {
        cases.bad("repeated-unknown", DuplicateKey, event(0).and(key, "1").and(key, "2").to_string());
    }
    cases.bad("repeated-unknown", DuplicateKey, event(0).and("\"x\"", "1").and("\"\\u0078\"", "2").to_string());
    cases.bad("repeated-unknown", DuplicateKey, event(0).and("\"😀\"", "1").and("\"\\ud83d\\ude00\"", "2").to_string());
}

/// Texts that are no number of JSON.
const NO_NUMBERS: &[&str] = &[
    "01",
    "-01",
    "00",
    "+1",
    "--1",
    "-",
    ".5",
    "-.5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "1e-",
    "1E+-1",
    "1ee1",
    "1.5.2",
    "1e1.5",
    "0x10",
    "0b1",
    "0o7",
    "1_000",
    "1,5",
    "1 000",
    "1f",
    "1d",
    "1n",
    "１",
    "−1",
    "1e５",
    "∞",
    "½",
    "1٫5",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "inf",
    "-inf",
    "1e400x",
    "\\u0031",
];

fn numbers(cases: &mut Cases) {
    let (many, nines) = ("1".repeat(400), "9".repeat(309));
    let infinite = [
        "1e400",
        "-1e400",
        "1e309",
        "1.8e308",
        "-1.8e308",
        "1.7976931348623159e308",
        "1e99999999999999999999",
        "-1E+99999999999999999999",
        "0.1e310",
        "17976931348623159e292",
        &many,
        &nines,
    ];
    for column in DOUBLES {
        for number in infinite {
            bad(cases, "number-double", NumberOutOfRange, column, number);
        }
    }
    let large = [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e19",
        "1e400",
        "-1e400",
        "1e99999999999999999999",
        "9.223372036854775808e18",
        "10000000000000000000000000000000000000000",
        &many,
    ];
    for number in large {
        bad(cases, "number-int", NumberOutOfRange, "battery", number);
    }
    for number in NO_NUMBERS {
        // A number that is too large already is that; a number with something behind it was one.
        let reason = if *number == "1e400x" { NumberOutOfRange } else { NotJson };
        bad(cases, "number-malformed", reason, "value", number);
        cases.bad("number-unknown", NotJson, event(0).and("\"x\"", *number).to_string());
    }
}

fn ids(cases: &mut Cases) {
    for id in [
        "",
        " ",
        "0",
        "0000000000000000000000000000000",
        "000000000000000000000000000000000",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-0000000000000",
        "00000000-0000-4000-8000-00000000000g",
        "{00000000-0000-4000-8000-000000000000}",
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        "00000000-00004-000-8000-000000000000",
        "00000000_0000_4000_8000_000000000000",
        "00000000-0000-4000-8000-00000000000 ",
        " 00000000-0000-4000-8000-00000000000",
        "0000000000004000-8000-000000000000",
        "+0000000000000000000000000000000",
        "-0000000-0000-4000-8000-000000000000",
        "0x000000000000000000000000000000",
        "00000000-0000-4000-8000-0000000000\u{e9}",
        "００００００００-0000-4000-8000-000000000000",
        "00000000-0000-4000-8000-0000\\u00000000000",
        "----------------------------------00",
        "--------------------------------",
        "00000000\u{2010}0000\u{2010}4000\u{2010}80",
    ] {
        bad(cases, "id", WrongType, "event_id", &format!("\"{id}\""));
    }
}

/// Texts that are no RFC 3339, or lie outside the years 0000 to 9999.
const NO_TIMES: &[&str] = &[
    "",
    " ",
    "now",
    "yesterday",
    "2025-12-31",
    "23:59:58Z",
    "2025-12-31T23:59:58",
    "2025-12-31T23:59Z",
    "2025-12-31T23:59:58,5Z",
    "2025-12-31T23:59:58.Z",
    "2025-12-31T23:59:58.5",
    "2025-12-31T23:59:58ZZ",
    "2025-12-31T23:59:58Z ",
    " 2025-12-31T23:59:58Z",
    "2025-12-31_23:59:58Z",
    "2025-12-31  23:59:58Z",
    "2025-12-31T24:00:00Z",
    "2025-12-31T23:60:58Z",
    "2025-12-31T23:59:61Z",
    "2025-12-31T23:59:58+0100",
    "2025-12-31T23:59:58+01",
    "2025-12-31T23:59:58+24:00",
    "2025-12-31T23:59:58+01:60",
    "2025-12-31T23:59:58 +01:00",
    "2025-12-31T23:59:58-",
    "2025-12-31T23:59:58UTC",
    "2025-12-31T23:59:58Z[UTC]",
    "2025-13-01T00:00:00Z",
    "2025-00-01T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2025-04-31T00:00:00Z",
    "2025-12-00T00:00:00Z",
    "2025-12-32T00:00:00Z",
    "+025-12-31T23:59:58Z",
    "12025-12-31T23:59:58Z",
    "-2025-12-31T23:59:58Z",
    "+002025-12-31T23:59:58Z",
    "25-12-31T23:59:58Z",
    "2025/12/31T23:59:58Z",
    "20251231T235958Z",
    "2025-W01-1T23:59:58Z",
    "2025-365T23:59:58Z",
    "31.12.2025 23:59:58",
    "Wed, 31 Dec 2025 23:59:58 GMT",
    "1767225598",
    "1767225598500",
    "２０２５-12-31T23:59:58Z",
    "2025-12-31T23:59:5\u{661}Z",
    "2025-12-31T23:59:58\u{2212}01:00",
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59-00:01",
    "2025-12-31T23:59:58.5\\u0000Z",
    "2025-12-31T23:59:58Z\\n",
];

fn times_that_are_none(cases: &mut Cases) {
    for text in NO_TIMES {
        bad(cases, "time-text", TimestampUnreadable, "event_time", &format!("\"{text}\""));
    }
    for number in [
        "0.5",
        "1767225598.5",
        "1.7672255985e9",
        "1e18",
        "-1e18",
        "9223372036854775807",
        "-9223372036854775808",
        "1e400",
        "1e99999999999999999999",
        "253402300800000",
        "-62167219200001",
        "1767225598500000000",
    ] {
        bad(cases, "time-number", TimestampUnreadable, "event_time", number);
    }
}

fn times_out_of_range(cases: &mut Cases) {
    for (reason, times) in [
        (
            TooOld,
            &[
                "\"0000-01-01T00:00:00Z\"",
                "\"0001-01-01T00:00:00Z\"",
                "\"1969-12-31T23:59:59Z\"",
                "\"1970-01-01T00:00:00Z\"",
                "\"2025-12-01T23:59:59.999999Z\"",
                "\"2025-12-02T00:59:59+01:00\"",
                "0",
                "-0",
                "-1",
                "1767225598",
                "-62167219200000",
                "1.767225598e9",
            ][..],
        ),
        (
            InFuture,
            &[
                "\"9999-12-31T23:59:59.999999Z\"",
                "\"9999-12-31T23:59:59Z\"",
                "\"2262-04-12T00:00:00Z\"",
                "\"2038-01-19T03:14:08Z\"",
                "\"2026-01-01T00:10:00.000001Z\"",
                "\"2026-01-01T00:10:01Z\"",
                "\"2025-12-31T23:59:58-23:59\"",
                "1767226200001",
                "17672255985000",
                "253402300799999",
            ][..],
        ),
    ] {
        for time in times {
            bad(cases, "time-range", reason, "event_time", time);
        }
    }
}
