//! Values as JSON text, written byte by byte because a generator must never be what limits a benchmark.

use std::io::Write;

use penstock_core::time::{Date, MICROS_PER_DAY};

/// Decimal digits, at least `width` of them.
pub(crate) fn write_digits(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 || first == digits.len() {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let first = first.min(digits.len().saturating_sub(width));
    out.extend_from_slice(&digits[first..]);
}

pub(crate) fn write_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_digits(out, number.unsigned_abs(), 1);
}

/// A number rounded to a fixed count of decimals, at most 6; it must be below 10^12.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: f64, decimals: u8) {
    let scale = 10_u64.pow(u32::from(decimals));
    let scaled = (number * scale as f64).round() as i64;
    if scaled < 0 {
        out.push(b'-');
    }
    write_digits(out, scaled.unsigned_abs() / scale, 1);
    if decimals > 0 {
        out.push(b'.');
        write_digits(out, scaled.unsigned_abs() % scale, usize::from(decimals));
    }
}

/// 128 bits as the text of a version 4 UUID, without quotes.
pub(crate) fn write_uuid(out: &mut Vec<u8>, high: u64, low: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    for (index, byte) in high.to_be_bytes().into_iter().chain(low.to_be_bytes()).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// RFC 3339 with milliseconds, as a clock `offset_minutes` ahead of UTC shows it, without quotes.
pub(crate) fn write_time(out: &mut Vec<u8>, micros: i64, offset_minutes: i64) {
    let local = micros + offset_minutes * 60_000_000;
    // A vector takes everything.
    let _ = write!(out, "{}T", Date::of(local));
    let millis = local.rem_euclid(MICROS_PER_DAY).unsigned_abs() / 1000;
    for (part, separator) in [(millis / 3_600_000, b':'), (millis / 60_000 % 60, b':'), (millis / 1000 % 60, b'.')] {
        write_digits(out, part, 2);
        out.push(separator);
    }
    write_digits(out, millis % 1000, 3);
    if offset_minutes == 0 {
        out.push(b'Z');
        return;
    }
    out.push(if offset_minutes < 0 { b'-' } else { b'+' });
    write_digits(out, offset_minutes.unsigned_abs() / 60, 2);
    out.push(b':');
    write_digits(out, offset_minutes.unsigned_abs() % 60, 2);
}

/// A string with its quotes and escapes.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_json_has_them() {
        assert_eq!(text(|out| write_integer(out, 0)), "0");
        assert_eq!(text(|out| write_integer(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(text(|out| write_digits(out, 42, 4)), "0042");
        assert_eq!(text(|out| write_digits(out, 12345, 4)), "12345");
        assert_eq!(text(|out| write_decimal(out, -0.05, 1)), "-0.1");
        assert_eq!(text(|out| write_decimal(out, -0.04, 1)), "0.0");
        assert_eq!(text(|out| write_decimal(out, 21.999, 2)), "22.00");
        assert_eq!(text(|out| write_decimal(out, 3.7, 0)), "4");
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        assert_eq!(text(|out| write_uuid(out, 0, 0)), "00000000-0000-4000-8000-000000000000");
        assert_eq!(text(|out| write_uuid(out, u64::MAX, u64::MAX)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    proptest! {
        #[test]
        fn times_come_back_from_their_text(millis in 0_i64..4_000_000_000_000, offset in -720_i64..=720) {
            let written = text(|out| write_time(out, millis * 1000, offset));
            prop_assert_eq!(penstock_core::time::parse(written.as_bytes()), Some(millis * 1000), "{}", written);
        }

        #[test]
        fn integers_are_written_like_the_standard_library_does(number: i64) {
            prop_assert_eq!(text(|out| write_integer(out, number)), number.to_string());
        }
    }
}
