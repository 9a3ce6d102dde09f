//! What is wrong below JSON: base64, UTF-8, escapes.

use penstock_core::reject::Reason::{NotBase64, NotJson, NotUtf8, SchemaEncoded, Tombstone, WrongType};

use super::{Carried, Cases, Expect, event};

pub(super) fn add(cases: &mut Cases) {
    cases.add("null", Carried::Null, Expect::Rejected(Tombstone));
    base64(cases);
    utf8(cases);
    other_unicode(cases);
    control_characters(cases);
    escapes(cases);
}

/// Texts that are no base64, by length, padding, last bits and alphabet.
const NO_BASE64: &[&str] = &[
    "A",
    "AA",
    "AAA",
    "AAAAA",
    "AAAAAA",
    "AAAAAAA",
    "=",
    "==",
    "====",
    "A===",
    "AA=",
    "=AAA",
    "A=AA",
    "AA=A",
    "AAA=A",
    "AAAA=",
    "AAAA==",
    "AAAA====",
    "AA==AA==",
    "AAA=AAAA",
    // Bits behind the last byte.
    "AB==",
    "A/==",
    "AAB=",
    "AAP=",
    "/x==",
    // Alphabets and other characters.
    "AA-_",
    "AA.A",
    "AA A",
    "AAA\n",
    "AAAA\n",
    "\nAAAA",
    " AAAA",
    "AAAA ",
    "A\tAA",
    "A\0AA",
    "A\u{1}AA",
    "AA%3D",
    "ÄÄÄÄ",
    "AAé=",
    "😀",
    "{}",
    "AA\u{ff1d}=",
    "AAA,",
    "AAA*",
    "AAAA*",
    "\u{feff}AAAA",
];

fn base64(cases: &mut Cases) {
    let good: String = base64_simd::STANDARD.encode_to_string(event(0).to_string());
    assert!(good.ends_with('='), "an event of another length shows more");
    let whole = [
        good.trim_end_matches('=').to_owned(),
        format!("{good}="),
        format!("{good}AAAA"),
        format!("{good}\n"),
        format!("{good}{good}"),
        good.replacen('e', "-", 1),
        good.replacen('e', "_", 1),
        good.replacen('e', " ", 1),
        good.replacen('e', "=", 1),
        good[1..].to_owned(),
        format!("{}\r\n{}", &good[..76], &good[76..]),
        event(0).to_string(),
        "*".repeat(100_000),
        format!("{}*", "A".repeat(99_999)),
    ];
    for text in NO_BASE64.iter().map(|&text| text.to_owned()).chain(whole) {
        cases.add("base64", Carried::Text(text), Expect::Rejected(NotBase64));
    }
}

/// Byte sequences that are no UTF-8, by what is wrong with them.
const NO_UTF8: [&[u8]; 32] = [
    b"\x80",
    b"\xbf",
    b"\x80\x80",
    b"\xff",
    b"\xfe",
    b"\xfe\xff",
    // Cut off.
    b"\xc3",
    b"\xe2",
    b"\xe2\x82",
    b"\xf0",
    b"\xf0\x9f",
    b"\xf0\x9f\x98",
    b"\xc3(",
    b"\xe2\x82(",
    b"\xf0\x9f\x98(",
    // One continuation too many.
    b"\xc3\xa9\xa9",
    // Overlong: a slash, a zero byte, the last of each length.
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    // Surrogates, and a pair of them.
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80",
    // Beyond the last character.
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    // Latin-1.
    b"\xb0C",
];

fn utf8(cases: &mut Cases) {
    let marked = [
        event(0).with("unit", "\"a@b\"").to_string(),
        event(0).with("device_id", "\"@\"").to_string(),
        event(0).and("\"@\"", "1").to_string(),
        event(0).and("\"x\"", "[{\"y\":\"@\"}]").to_string(),
        event(0).with("value", "1@").to_string(),
        format!("@{}", event(0)),
        format!("{}@", event(0)),
        format!("{}{}@", event(0), " ".repeat(200)),
    ];
    for bytes in NO_UTF8 {
        for text in &marked {
            let (before, behind) = text.split_once('@').expect("a mark");
            cases.bad("utf8", NotUtf8, [before.as_bytes(), bytes, behind.as_bytes()].concat());
        }
    }
}

fn other_unicode(cases: &mut Cases) {
    let good = event(0).to_string();
    let utf16 = |unit: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    cases.bad("bom", NotJson, format!("\u{feff}{good}"));
    cases.bad("bom", NotJson, "\u{feff}");
    cases.bad("bom", NotJson, format!("{good}\u{feff}"));
    cases.bad("bom", NotJson, format!("\u{feff}\u{feff}{good}"));
    cases.bad("utf16", NotJson, utf16(u16::to_le_bytes));
    cases.bad("utf16", NotUtf8, [&[0xff, 0xfe], &utf16(u16::to_le_bytes)[..]].concat());
    // A zero byte in front looks like the schema id of a registry.
    cases.bad("utf16", SchemaEncoded, utf16(u16::to_be_bytes));
    cases.bad("utf16", NotUtf8, [&[0xfe, 0xff], &utf16(u16::to_be_bytes)[..]].concat());
    cases.bad("utf32", NotJson, good.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect::<Vec<u8>>());
    cases.bad(
        "utf32",
        SchemaEncoded,
        good.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect::<Vec<u8>>(),
    );
    // EBCDIC, UTF-7.
    cases.bad("utf-ebcdic", NotUtf8, b"\xc0\x7f\x85\xa5\x85\x95\xa3");
    cases.bad("utf7", NotJson, good.replace('{', "+AHs-"));
    for letter in ['｛', '“', '„', '«', '\u{200b}', '\u{ad}', '\u{2060}', '\u{202e}', '\u{e000}', '\u{10ffff}'] {
        cases.bad("letter", NotJson, format!("{letter}{good}"));
        cases.bad("letter", NotJson, good.replacen(':', &letter.to_string(), 1));
        cases.bad("letter", NotJson, good.replacen("\"unit\"", &format!("{letter}unit{letter}"), 1));
    }
}

fn control_characters(cases: &mut Cases) {
    for byte in 0..0x20 {
        for length in [0, 7, 8, 20] {
            let text = format!("\"{}{}\"", "x".repeat(length), char::from(byte));
            cases.bad("control", NotJson, event(0).with("unit", &text).to_string());
        }
        cases.bad("control", NotJson, event(0).and(format!("\"{}\"", char::from(byte)), "1").to_string());
        cases.bad("control", NotJson, event(0).and("\"x\"", format!("[\"{}\"]", char::from(byte))).to_string());
    }
    for column in ["event_id", "event_time"] {
        cases.bad("control", NotJson, event(0).with(column, "\"a\0\"").to_string());
    }
}

/// Halves of surrogate pairs.
const LONE_SURROGATES: &[&str] = &[
    r"\ud800",
    r"\uD800",
    r"\udbff",
    r"\udc00",
    r"\uDFFF",
    r"\ude00\ud83d",
    r"\ud83d\ud83d",
    r"\ud83d\ud83d\ude00",
    r"\ud83d\u0041",
    r"\ud83dx",
    r"\ud83d \ude00",
    r"\ud83d\n",
    r"\ud83d\\ude00",
    r"\ud83d\/",
    r"\ude00\ude00",
    r"\ud83d\ude00\ud83d",
    r"\ud83d\ude00\ude00",
    r"\ud83d\udbff",
    "\\ud83d\u{7f}",
];

/// Escapes that JSON does not have.
const NO_ESCAPES: &[&str] = &[
    r"\x41",
    r"\a",
    r"\v",
    r"\0",
    r"\'",
    r"\U0041",
    r"\u",
    r"\u0",
    r"\u00",
    r"\u004",
    r"\u004g",
    r"\u+041",
    r"\u-041",
    r"\u 041",
    r"\u{41}",
    r"\u00 41",
    r"\u００４１",
    r"\ ",
    "\\\n",
    r"\ud83d\u",
    r"\ud83d\ude0",
    r"\ud83d\udeg0",
    r"\N",
    r"\T",
    r"\é",
];

fn escapes(cases: &mut Cases) {
    for escape in LONE_SURROGATES.iter().chain(NO_ESCAPES) {
        for text in [format!("\"{escape}\""), format!("\"some text before {escape} and behind\"")] {
            cases.bad("escape-column", NotJson, event(0).with("unit", &text).to_string());
            cases.bad("escape-key", NotJson, event(0).and(&text, "1").to_string());
            cases.bad("escape-unknown", NotJson, event(0).and("\"x\"", format!("{{\"y\":[{text}]}}")).to_string());
            cases.bad("escape-inner-key", NotJson, event(0).and("\"x\"", format!("{{{text}:1}}")).to_string());
        }
        cases.bad("escape-id", NotJson, event(0).with("event_id", format!("\"{escape}\"")).to_string());
        cases.bad("escape-time", NotJson, event(0).with("event_time", format!("\"{escape}\"")).to_string());
    }
    cases.bad("escape-end", NotJson, r#"{"a":"\"#);
    cases.bad("escape-end", NotJson, r#"{"a":"\""#);
    cases.bad("escape-end", NotJson, r#"{"a\"#);
    // An escaped digit is a digit, and a UUID may have it; an escaped letter that is none may not.
    cases.bad(
        "escape-uuid",
        WrongType,
        event(0).with("event_id", r#""\u0067000000000004000800000000000000f""#).to_string(),
    );
}
