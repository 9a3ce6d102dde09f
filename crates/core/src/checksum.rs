//! Checksums that prove that the rows of two files are the same rows.
//!
//! A row's hash depends on its chain (source, topic, epoch, partition: the seed) and its position, and on nothing else.
//! A checksum is the sum of row hashes modulo 2^128: it does not depend on the order of the rows or on how they are
//! spread over files, and a doubled row does not cancel as it would with exclusive or.
//!
//! ```
//! use penstock_core::checksum::{Checksum, row_hash};
//! use penstock_core::position::Position;
//! let [a, b] = [1, 2].map(|offset| Checksum(row_hash(7, Position::from_offset(offset))));
//! assert_eq!(a + b, b + a);
//! assert_ne!(a + a, Checksum::default());
//! assert_eq!((a + b - a).to_string(), b.to_string());
//! ```

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::position::Position;

/// A sum of row hashes modulo 2^128. Its text is 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub u128);

/// The hash of the row at `position` of the chain that `chain_seed` stands for.
#[must_use]
#[inline]
pub fn row_hash(chain_seed: u128, position: Position) -> u128 {
    let (high, low) = position.digits();
    let state = absorb(split(chain_seed), low);
    // A Kafka offset has no high digit and saves the second half of the work.
    let (first, second) = if high == 0 { state } else { absorb(state, high) };
    u128::from(finalize(first)) << 64 | u128::from(finalize(second ^ first))
}

/// Two lanes take in 128 bits. Each word passes a finalizer in both lanes, so that neighbours differ in half of the bits.
#[inline]
fn absorb((first, second): (u64, u64), digit: u128) -> (u64, u64) {
    let (high, low) = split(digit);
    let first = finalize(first ^ low).wrapping_add(high);
    let second = finalize(second.wrapping_add(low)) ^ high.rotate_left(32);
    (finalize(first ^ FIRST_LANE), finalize(second ^ SECOND_LANE))
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
const fn split(wide: u128) -> (u64, u64) {
    ((wide >> 64) as u64, wide as u64)
}

/// Digits of the golden ratio and of the square root of two: they keep the lanes apart.
const FIRST_LANE: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND_LANE: u64 = 0x6a09_e667_f3bc_c908;

/// The finalizer of SplitMix64 with David Stafford's constants (variant 13): a bijection with full avalanche.
#[inline]
const fn finalize(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Add for Checksum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sub for Checksum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl AddAssign for Checksum {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Checksum {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Checksum {
    fn sum<I: Iterator<Item = Self>>(rows: I) -> Self {
        rows.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The text is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no checksum: expected 32 hex digits")]
pub struct ChecksumError(pub String);

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let error = || ChecksumError(text.chars().take(40).collect());
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| error())
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// The hash is part of the lake's format: footers written by one version are read by the next.
    #[test]
    fn the_hash_never_changes() {
        let check = |seed, position: &str, expect: &str| {
            let hash = Checksum(row_hash(seed, position.parse().unwrap()));
            assert_eq!(hash.to_string(), expect, "{seed} {position}");
        };
        check(0, "0", "48218226ff3cd4bf294cf66702b428c5");
        check(1 << 100, "42", "f4b756bdcfa75a82e5746d875699b10b");
        check(7, "49590338271490256608559692538361571095921575989136588898", "112fb0fca01171d6f8e19206403bd7c5");
    }

    #[test]
    fn neighbours_have_nothing_in_common() {
        let mut halves = HashSet::new();
        let mut flipped = 0;
        for offset in 0..10_000 {
            let hash = row_hash(7, Position::from_offset(offset));
            flipped += (hash ^ row_hash(7, Position::from_offset(offset + 1))).count_ones();
            assert!(halves.insert((hash >> 64) as u64) && halves.insert(hash as u64), "{offset}");
        }
        let mean = f64::from(flipped) / 10_000.0;
        assert!((63.0..65.0).contains(&mean), "{mean} of 128 bits flip");
    }

    #[test]
    fn what_is_no_checksum() {
        for text in ["", "0", &"0".repeat(31), &"0".repeat(33), &"+".repeat(32), &format!("+{}", "0".repeat(31))] {
            assert!(text.parse::<Checksum>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(sum: u128) {
            prop_assert_eq!(Checksum(sum).to_string().parse(), Ok(Checksum(sum)));
            let json = serde_json::to_string(&Checksum(sum)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), Checksum(sum));
        }

        #[test]
        fn other_chains_and_positions_have_other_hashes(seed: u128, other: u128, offset: u64, next: u64) {
            let hash = row_hash(seed, Position::from_offset(offset));
            prop_assert_eq!(seed == other, hash == row_hash(other, Position::from_offset(offset)));
            prop_assert_eq!(offset == next, hash == row_hash(seed, Position::from_offset(next)));
        }

        #[test]
        fn sums_do_not_depend_on_the_split(rows: Vec<u128>, at in any::<proptest::sample::Index>()) {
            let all: Checksum = rows.iter().copied().map(Checksum).sum();
            let (left, right) = rows.split_at(at.index(rows.len() + 1));
            let sum = |rows: &[u128]| rows.iter().copied().map(Checksum).sum::<Checksum>();
            prop_assert_eq!(sum(left) + sum(right), all);
            prop_assert_eq!(all - sum(right), sum(left));
        }
    }
}
