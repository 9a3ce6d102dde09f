//! Numbers, ids and times in every spelling.

use crate::corpus::{ARRIVAL, Cases};
use crate::plain::Cell;

const SECOND: i64 = 1_000_000;

pub(super) fn add(cases: &mut Cases) {
    doubles(cases);
    integers(cases);
    ids(cases);
    times(cases);
}

fn doubles(cases: &mut Cases) {
    let tiny = format!("0.{}1", "0".repeat(400));
    let long = format!("1.{}", "3".repeat(400));
    let padded = format!("1{}e-400", "0".repeat(400));
    let numbers = [
        ("0", 0.0),
        ("-0", -0.0),
        ("0.0", 0.0),
        ("-0.0", -0.0),
        ("0e0", 0.0),
        ("0E+0", 0.0),
        ("-0e-0", -0.0),
        ("0e99999999999999999999", 0.0),
        ("1", 1.0),
        ("-1", -1.0),
        ("1E0", 1.0),
        ("1e+2", 100.0),
        ("1e-2", 0.01),
        ("0.1e1", 1.0),
        ("10e-1", 1.0),
        ("1.0", 1.0),
        ("1.50", 1.5),
        ("1e0000000000000000000000002", 100.0),
        ("100000000000000000000", 1e20),
        ("1e22", 1e22),
        ("1e23", 1e23),
        ("8.5e22", 8.5e22),
        ("9007199254740991", 9007199254740991.0),
        ("9007199254740992", 9007199254740992.0),
        ("9007199254740993", 9007199254740992.0),
        ("9007199254740993.0000000001", 9007199254740994.0),
        ("9223372036854775807", 9.223372036854776e18),
        ("18446744073709551616", 18446744073709551616.0),
        ("0.1", 0.1),
        ("0.30000000000000004", 0.1 + 0.2),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
        ("2.2250738585072014e-308", f64::MIN_POSITIVE),
        ("5e-324", 5e-324),
        ("2.4703282292062327e-324", 0.0),
        ("2.4703282292062328e-324", 5e-324),
        ("1e-400", 0.0),
        ("-1e-400", -0.0),
        ("1e-99999999999999999999", 0.0),
        ("1.7976931348623157e308", f64::MAX),
        ("-1.7976931348623157e308", f64::MIN),
        ("179769313486231570e291", f64::MAX),
        ("1.7976931348623158e308", f64::MAX),
        ("123456789012345678", 123456789012345680.0),
        ("1234567890.123456789", 1234567890.1234567),
        ("3.141592653589793238462643383279", std::f64::consts::PI),
        (&tiny, 0.0),
        (&long, 4.0 / 3.0),
        (&padded, 1.0),
    ];
    for (number, expect) in numbers {
        let expect = Some(Cell::Double(f64::to_bits(expect)));
        cases.good("double", |event| event.with("value", number), &[("value", expect.clone())]);
        cases.good("double", |event| event.with("event_duration", number), &[("event_duration", expect)]);
    }
}

fn integers(cases: &mut Cases) {
    let long = format!("5.{}", "0".repeat(400));
    let padded = format!("5{}e-400", "0".repeat(400));
    let numbers = [
        ("0", 0),
        ("-0", 0),
        ("0.0", 0),
        ("-0.0e5", 0),
        ("0e99999999999999999999", 0),
        ("0e-99999999999999999999", 0),
        ("5", 5),
        ("-5", -5),
        ("5.0", 5),
        ("5.000", 5),
        ("5e0", 5),
        ("5E+0", 5),
        ("5e-0", 5),
        ("0.5e1", 5),
        ("50e-1", 5),
        ("0.05e+2", 5),
        ("500.00e-2", 5),
        ("5e00000000000000000000", 5),
        ("1e18", 1_000_000_000_000_000_000),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("9.223372036854775807e18", i64::MAX),
        ("92233720368547758070e-1", i64::MAX),
        ("9223372036854775807.000", i64::MAX),
        ("-922337203685477580800e-2", i64::MIN),
        ("999999999999999999", 999_999_999_999_999_999),
        ("1234567890123456789", 1_234_567_890_123_456_789),
        (&long, 5),
        (&padded, 5),
    ];
    for (number, expect) in numbers {
        cases.good("integer", |event| event.with("battery", number), &[("battery", Some(Cell::Int(expect)))]);
    }
}

/// In other spellings; the first digits keep them apart from those of other events.
fn ids(cases: &mut Cases) {
    for (id, expect) in [
        ("00000000-0000-0000-0000-000000000000", 0),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", u128::MAX),
        ("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE", u128::MAX - 1),
        ("abcdef01-2345-6789-ABCD-EF0123456789", 0xabcd_ef01_2345_6789_abcd_ef01_2345_6789),
        ("abcdef0123456789abcdef0123456780", 0xabcd_ef01_2345_6789_abcd_ef01_2345_6780),
        (r"\u0061bcdef01-2345-6789-abcd-ef0123456781", 0xabcd_ef01_2345_6789_abcd_ef01_2345_6781),
        (r"abcdef01\u002d2345-6789-abcd-ef0123456782", 0xabcd_ef01_2345_6789_abcd_ef01_2345_6782),
    ] {
        cases.good(
            "id-spelled",
            |event| event.with("event_id", format!("\"{id}\"")),
            &[("event_id", Some(Cell::Uuid(expect)))],
        );
    }
}

fn times(cases: &mut Cases) {
    let second = ARRIVAL - 2 * SECOND;
    let texts = [
        ("2025-12-31T23:59:58Z", second),
        ("2025-12-31t23:59:58z", second),
        ("2025-12-31 23:59:58Z", second),
        ("2025-12-31T23:59:58+00:00", second),
        ("2025-12-31T23:59:58-00:00", second),
        ("2026-01-01T00:59:58+01:00", second),
        ("2026-01-01T05:44:58+05:45", second),
        ("2025-12-31T14:29:58-09:30", second),
        ("2026-01-01T23:58:58+23:59", second),
        ("2025-12-31T00:00:58-23:59", second),
        ("2025-12-31T23:59:58.0Z", second),
        ("2025-12-31T23:59:58.5Z", second + 500_000),
        ("2025-12-31T23:59:58.05Z", second + 50_000),
        ("2025-12-31T23:59:58.123Z", second + 123_000),
        ("2025-12-31T23:59:58.123456Z", second + 123_456),
        ("2025-12-31T23:59:58.1234567Z", second + 123_456),
        ("2025-12-31T23:59:58.123456789+00:00", second + 123_456),
        ("2025-12-31T23:59:58.999999999999999999999999Z", second + 999_999),
        ("2025-12-31T23:59:58.0000000000000000000000001z", second),
        ("2025-12-31T23:59:60Z", ARRIVAL),
        ("2025-12-31T23:59:60.5Z", ARRIVAL + 500_000),
        ("2025-12-31T23:00:60+00:00", ARRIVAL - 59 * 60 * SECOND),
        ("2026-01-01T00:10:00Z", ARRIVAL + 600 * SECOND),
        ("2025-12-02T00:00:00Z", ARRIVAL - 30 * 86_400 * SECOND),
        (r"2025-12-31T23\u003a59:58\u005a", second),
        ("2025-12-31T23:59:58.4999999Z", second + 499_999),
    ];
    for (time, expect) in texts {
        cases.good(
            "time",
            |event| event.with("event_time", format!("\"{time}\"")),
            &[("event_time", Some(Cell::Time(expect)))],
        );
    }
    for (number, expect) in [
        ("1767225598000", second),
        ("1767225598000.0", second),
        ("1767225598000.000000", second),
        ("1.767225598e12", second),
        ("1767225598e3", second),
        ("17672255980000e-1", second),
        ("1.767225598000E+12", second),
        ("1767225598001", second + 1_000),
        ("1767226200000", ARRIVAL + 600 * SECOND),
        ("1764633600000", ARRIVAL - 30 * 86_400 * SECOND),
    ] {
        cases.good(
            "time-millis",
            |event| event.with("event_time", number),
            &[("event_time", Some(Cell::Time(expect)))],
        );
    }
}
