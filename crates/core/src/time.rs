//! Points in time as UTC microseconds since 1970, and UTC dates as day numbers.
//!
//! In: text or numbers from records. Out: `i64` microseconds, [`Date`]s, and their text.
//! Everything is proleptic Gregorian and lies in the years 0000 to 9999; nothing here knows what time it is.
//!
//! The grammar of a timestamp is that of RFC 3339, read generously where producers are known to differ:
//!
//! ```text
//! timestamp = date ("T" | "t" | " ") time offset
//! date      = 4DIGIT "-" 2DIGIT "-" 2DIGIT
//! time      = 2DIGIT ":" 2DIGIT ":" 2DIGIT ["." 1*DIGIT]     24:00:00 is not a time
//! offset    = "Z" | "z" | ("+" | "-") 2DIGIT ":" 2DIGIT      at most 23:59
//! ```
//!
//! Digits of the fraction beyond microseconds are cut off.
//! Second 60 is a leap second and counts as the second after it, because UTC microseconds have no place of its own for it.
//!
//! ```
//! use penstock_core::time::{self, Date};
//! let time = time::parse(b"2026-11-21T12:00:00.25+01:00").unwrap();
//! assert_eq!(time::rfc3339(time), "2026-11-21T11:00:00.250000Z");
//! assert_eq!(Date::of(time).to_string(), "2026-11-21");
//! ```

use std::fmt;
use std::str::FromStr;

pub const MICROS_PER_MILLI: i64 = 1_000;
pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// 0000-01-01T00:00:00Z, the first time that has a text.
const FIRST: i64 = days_from_civil(0, 1, 1) * MICROS_PER_DAY;
/// 10000-01-01T00:00:00Z, the first time that no longer has one.
const END: i64 = days_from_civil(10_000, 1, 1) * MICROS_PER_DAY;

/// Reads an RFC 3339 timestamp; `None` if it is none or lies outside the years 0000 to 9999 UTC.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let (seconds, rest) = parse_date_time(text)?;
    let (fraction, rest) = parse_fraction(rest)?;
    let offset = parse_offset(rest)?;
    in_range((seconds - offset) * MICROS_PER_SECOND + fraction)
}

/// A time from epoch milliseconds; `None` outside the years 0000 to 9999 UTC.
#[must_use]
pub fn from_epoch_millis(millis: i64) -> Option<i64> {
    millis.checked_mul(MICROS_PER_MILLI).and_then(in_range)
}

/// The text of a time: RFC 3339 in UTC with six digits of fraction.
/// Times outside the years 0000 to 9999 have no such text and come as their number of microseconds.
#[must_use]
pub fn rfc3339(micros: i64) -> String {
    if in_range(micros).is_none() {
        return format!("{micros} microseconds since 1970");
    }
    let within = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (within / MICROS_PER_SECOND, within % MICROS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z", Date::of(micros))
}

/// The time itself, if it lies in the years 0000 to 9999 UTC.
pub(crate) fn in_range(micros: i64) -> Option<i64> {
    (FIRST..END).contains(&micros).then_some(micros)
}

/// Seconds since 1970 as the text says them before its offset is applied, and the text after the seconds.
fn parse_date_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (text, rest) = text.split_first_chunk::<19>()?;
    let separators = text[4] == b'-'
        && text[7] == b'-'
        && matches!(text[10], b'T' | b't' | b' ')
        && text[13] == b':'
        && text[16] == b':';
    let year = two(text[0], text[1])? * 100 + two(text[2], text[3])?;
    let (month, day) = (two(text[5], text[6])?, two(text[8], text[9])?);
    let (hour, minute, second) = (two(text[11], text[12])?, two(text[14], text[15])?, two(text[17], text[18])?);
    let valid = separators && is_civil(year, month, day) && hour < 24 && minute < 60 && second < 61;
    let seconds = hour * 3600 + minute * 60 + second;
    valid.then(|| (days_from_civil(year, month, day) * 86_400 + seconds, rest))
}

/// Microseconds of an optional fraction, and the text after it.
fn parse_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else { return Some((0, text)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let places = digits[..length].iter().chain(std::iter::repeat(&b'0')).take(6);
    let micros = places.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Some((micros, &digits[length..]))
}

/// Seconds that the text's clock is ahead of UTC. The offset ends the text.
fn parse_offset(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let offset = hours * 3600 + minutes * 60;
            let valid = hours < 24 && minutes < 60;
            valid.then_some(if sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// A UTC date, as the number of days since 1970-01-01. Its text is `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl Date {
    /// The date that a time falls on.
    #[must_use]
    pub fn of(micros: i64) -> Self {
        // The quotient of any i64 fits: it is below 2^27.
        #[expect(clippy::cast_possible_truncation, reason = "i64::MAX microseconds are 106,751,991 days")]
        Self(micros.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The time at which the date begins.
    #[must_use]
    pub fn start(self) -> i64 {
        i64::from(self.0).saturating_mul(MICROS_PER_DAY)
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(i64::from(self.0));
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// The text is no date of the form `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date: expected YYYY-MM-DD")]
pub struct DateError(pub String);

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let date = || {
            let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
            let year = two(y1, y2)? * 100 + two(y3, y4)?;
            let (month, day) = (two(m1, m2)?, two(d1, d2)?);
            is_civil(year, month, day).then(|| days_from_civil(year, month, day))
        };
        let days = date().and_then(|days| i32::try_from(days).ok());
        days.map(Self).ok_or_else(|| DateError(text.chars().take(40).collect()))
    }
}

fn is_civil(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Days since 1970-01-01. The year is taken to begin in March, so that the leap day is its last,
/// and days of 400-year eras are counted (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day number: the inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + if month < 3 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse(text.as_bytes()).map(rfc3339).as_deref(), expect, "{text}");
    }

    #[test]
    fn timestamps() {
        check("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000000Z"));
        check("1985-04-12t23:20:50.52z", Some("1985-04-12T23:20:50.520000Z"));
        check("1996-12-19 16:39:57-08:00", Some("1996-12-20T00:39:57.000000Z"));
        check("1969-12-31T23:59:59.999999Z", Some("1969-12-31T23:59:59.999999Z"));
        check("2026-11-21T12:00:00.123456789123Z", Some("2026-11-21T12:00:00.123456Z"));
        check("2026-11-21T12:00:00.1+00:00", Some("2026-11-21T12:00:00.100000Z"));
        check("2026-11-21T12:00:00-00:00", Some("2026-11-21T12:00:00.000000Z"));
        check("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00.000000Z"));
        check("2016-12-31T23:59:60.5Z", Some("2017-01-01T00:00:00.500000Z"));
        check("2024-02-29T00:00:00+23:59", Some("2024-02-28T00:01:00.000000Z"));
        check("2000-02-29T00:00:00Z", Some("2000-02-29T00:00:00.000000Z"));
        check("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00.000000Z"));
        check("9999-12-31T23:59:59.999999Z", Some("9999-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn what_is_no_timestamp() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-11-21T12:00:00",
            "2026-11-21T12:00Z",
            "2026-11-21T12:00:00,5Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00.5",
            "2026-11-21T12:00:00ZZ",
            "2026-11-21T12:00:00Z ",
            " 2026-11-21T12:00:00Z",
            "2026-11-21_12:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-11-21T12:00:61Z",
            "2026-11-21T12:00:00+0100",
            "2026-11-21T12:00:00+01",
            "2026-11-21T12:00:00+24:00",
            "2026-11-21T12:00:00+01:60",
            "2026-11-21T12:00:00 +01:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-04-00T00:00:00Z",
            "+026-04-01T00:00:00Z",
            "12026-04-01T00:00:00Z",
            "2026-11-21T1\u{661}:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:60Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn epoch_milliseconds() {
        assert_eq!(from_epoch_millis(1_545_084_650_987).map(rfc3339).as_deref(), Some("2018-12-17T22:10:50.987000Z"));
        assert_eq!(from_epoch_millis(-1).map(rfc3339).as_deref(), Some("1969-12-31T23:59:59.999000Z"));
        assert_eq!(from_epoch_millis(i64::MAX), None);
        assert_eq!(from_epoch_millis(i64::MIN), None);
        assert_eq!(from_epoch_millis(253_402_300_800_000), None);
    }

    #[test]
    fn what_is_no_date() {
        for text in ["", "2026-1-01", "2026-02-30", "2026/01/01", "2026-01-01 ", "20260101", "-026-01-01"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(micros in FIRST..END) {
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap();
            let text = rfc3339(micros);
            prop_assert_eq!(parse(text.as_bytes()), Some(micros));
            prop_assert_eq!(text.parse::<jiff::Timestamp>().unwrap(), theirs);
            let date = theirs.to_zoned(jiff::tz::TimeZone::UTC).date();
            prop_assert_eq!(Date::of(micros).to_string(), date.to_string());
        }

        #[test]
        fn reads_what_jiff_reads(
            date in "[0-9]{4}-(0[1-9]|1[0-3])-([0-2][1-9]|3[0-2])",
            time in "([01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9]",
            fraction in "(\\.[0-9]{1,9})?",
            offset in "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
        ) {
            let text = format!("{date}T{time}{fraction}{offset}");
            // Jiff rounds towards zero, we towards the past: the same thing from 1970 on.
            let theirs = text.parse::<jiff::Timestamp>().ok().map(|time| time.as_nanosecond().div_euclid(1000));
            if let Some(ours) = parse(text.as_bytes()) {
                prop_assert_eq!(Some(i128::from(ours)), theirs);
            } else if let Some(theirs) = theirs {
                prop_assert!(!(i128::from(FIRST)..i128::from(END)).contains(&theirs), "{}", text);
            }
        }

        #[test]
        fn dates_round_trip_and_contain_their_times(days in -719_528..2_932_896_i32, within in 0..MICROS_PER_DAY) {
            let date = Date(days);
            prop_assert_eq!(date.to_string().parse::<Date>(), Ok(date));
            prop_assert_eq!(Date::of(date.start() + within), date);
            prop_assert_eq!(date.next().start(), date.start() + MICROS_PER_DAY);
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..40), micros: i64) {
            let _ = parse(&text);
            let _ = rfc3339(micros);
            let _ = Date::of(micros).next().start();
        }
    }
}
