//! RFC 3339, as the core documents it.

use jiff::civil::Date;

/// 0000-01-01T00:00:00Z and 10000-01-01T00:00:00Z, in seconds.
const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

const MICROS: i64 = 1_000_000;

/// The time, in UTC microseconds, if it lies in the years 0000 to 9999.
pub(super) fn in_years(micros: i64) -> Option<i64> {
    YEARS.contains(&micros.div_euclid(MICROS)).then_some(micros)
}

pub(super) fn timestamp(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = (time.get(..8)?, time.get(8..)?);
    if !fits(date, "0000-00-00") || !fits(clock, "00:00:00") {
        return None;
    }
    let (hour, minute, second) = (number(&clock[..2]), number(&clock[3..5]), number(&clock[6..]));
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, offset) = fraction(rest)?;
    let seconds = midnight(date)? + hour * 3600 + minute * 60 + second - offset_secs(offset)?;
    in_years(seconds * MICROS + fraction)
}

/// Whether the text has digits exactly where the pattern has zeros, and is equal elsewhere.
fn fits(text: &str, pattern: &str) -> bool {
    let alike = |(found, expected): (u8, u8)| if expected == b'0' { found.is_ascii_digit() } else { found == expected };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(alike)
}

fn number(digits: &str) -> i64 {
    digits.parse().expect("digits")
}

fn midnight(date: &str) -> Option<i64> {
    let (year, month, day) = (date[..4].parse().ok()?, date[5..7].parse().ok()?, date[8..].parse().ok()?);
    let date = Date::new(year, month, day).ok()?;
    Some(date.duration_since(Date::constant(1970, 1, 1)).as_secs())
}

/// The microseconds of a fraction, if there is one, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let behind = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let digits = &rest[..rest.len() - behind.len()];
    (!digits.is_empty()).then(|| (number(&format!("{digits:0<6}")[..6]), behind))
}

fn offset_secs(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = (text.get(..1)?, text.get(1..)?);
    if !matches!(sign, "+" | "-") || !fits(clock, "00:00") {
        return None;
    }
    let (hours, minutes) = (number(&clock[..2]), number(&clock[3..]));
    let seconds = hours * 3600 + minutes * 60;
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -seconds } else { seconds })
}
