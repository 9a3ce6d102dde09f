//! Where a record stands in its source.
//!
//! A Kafka offset fits into 64 bits; a Kinesis sequence number is a decimal number of 56 digits and sometimes more.
//! [`Position`] holds both, so that chains, gaps and cuts have one arithmetic.

use std::fmt;
use std::str::FromStr;

/// 10^38, the largest power of ten that a `u128` holds: the base of the two digits of a [`Position`].
const BASE: u128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;
const BASE_DIGITS: usize = 38;

/// A Kafka offset or a Kinesis sequence number: a natural number below 10^76.
///
/// ```
/// use penstock_core::position::Position;
/// let position: Position = "49590338271490256608559692538361571095921575989136588898".parse().unwrap();
/// assert!(position > Position::from_offset(u64::MAX));
/// assert_eq!(position.next().to_string(), "49590338271490256608559692538361571095921575989136588899");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    high: u128,
    low: u128,
}

/// The text is no decimal number below 10^76.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position: expected a decimal number of at most {max} digits", max = 2 * BASE_DIGITS)]
pub struct PositionError(pub String);

impl Position {
    pub const ZERO: Self = Self { high: 0, low: 0 };

    #[must_use]
    pub const fn from_offset(offset: u64) -> Self {
        Self { high: 0, low: offset as u128 }
    }

    /// The position as a Kafka offset, if it is one.
    #[must_use]
    pub fn offset(self) -> Option<i64> {
        if self.high == 0 { i64::try_from(self.low).ok() } else { None }
    }

    /// The position one above. Saturates at 10^76 - 1, which no source reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self { high, low } if low + 1 < BASE => Self { high, low: low + 1 },
            Self { high, .. } if high + 1 < BASE => Self { high: high + 1, low: 0 },
            last => last,
        }
    }

    /// How many positions the half-open range `[self, next)` spans, if that fits into 64 bits.
    #[must_use]
    pub fn distance_to(self, next: Self) -> Option<u64> {
        if self.high != next.high {
            return None;
        }
        next.low.checked_sub(self.low).and_then(|distance| u64::try_from(distance).ok())
    }

    /// The two 128-bit digits, for hashing.
    #[must_use]
    pub const fn digits(self) -> (u128, u128) {
        (self.high, self.low)
    }
}

impl fmt::Display for Position {
    /// Decimal digits; a width pads with zeros (`{:020}`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high == 0 {
            f.pad_integral(true, "", &self.low.to_string())
        } else {
            f.pad_integral(true, "", &format!("{}{:038}", self.high, self.low))
        }
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let error = || PositionError(text.chars().take(100).collect());
        let digits = text.as_bytes();
        if digits.is_empty() || digits.len() > 2 * BASE_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
            return Err(error());
        }
        let (high, low) = text.split_at(text.len().saturating_sub(BASE_DIGITS));
        let high = if high.is_empty() { 0 } else { high.parse().map_err(|_| error())? };
        Ok(Self { high, low: low.parse().map_err(|_| error())? })
    }
}

impl serde::Serialize for Position {
    /// A string: JSON numbers of 56 digits do not survive other readers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One ordered sequence of records within a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partition {
    /// A partition of a Kafka topic.
    Kafka(i32),
    /// A shard of a Kinesis stream, by its id.
    Shard(String),
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka(number) => number.fmt(f),
            Self::Shard(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn next_carries_into_the_high_digit() {
        let last_low: Position = "9".repeat(38).parse().unwrap();
        assert_eq!(last_low.next().to_string(), format!("1{}", "0".repeat(38)));
    }

    #[test]
    fn refuses_what_is_no_decimal_number() {
        for text in ["", "-1", "+1", " 1", "1.0", "1e3", "0x1", &"1".repeat(77)] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_and_keeps_the_order(a in "[1-9][0-9]{0,75}", b in "[1-9][0-9]{0,75}") {
            let (left, right): (Position, Position) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(left.to_string(), a.clone());
            prop_assert_eq!(left.cmp(&right), a.len().cmp(&b.len()).then(a.cmp(&b)));
            prop_assert_eq!(format!("{left:076}").cmp(&format!("{right:076}")), left.cmp(&right));
            prop_assert!(left < left.next());
        }
    }
}
