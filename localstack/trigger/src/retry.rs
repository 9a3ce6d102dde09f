//! How long to wait before the next attempt, and other chance.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const MAX_DELAY: Duration = Duration::from_secs(30);

/// The delay after the given attempt (the first is 1): doubled each time up to 30 s, of which one half is jitter.
pub(crate) fn delay(first: Duration, attempt: u32, random: &mut Random) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(MAX_DELAY);
    doubled.mul_f64(0.5 + 0.5 * random.share())
}

/// Numbers that look random and depend on nothing but the seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Others than anybody had before: the standard library asks the machine for them, to seed its maps.
    pub(crate) fn unrepeatable() -> Self {
        Self(RandomState::new().hash_one(0))
    }

    /// A random UUID (version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let high = (self.next() & !0xf000) | 0x4000;
        let low = (self.next() & !(0b11 << 62)) | (0b10 << 62);
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0, less than 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Less than `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::DEFAULT_FIRST_RETRY_DELAY;

    fn check(attempt: u32, expect_millis: std::ops::RangeInclusive<u64>) {
        let mut random = Random::new(7);
        for _ in 0..100 {
            let millis = delay(DEFAULT_FIRST_RETRY_DELAY, attempt, &mut random).as_millis() as u64;
            assert!(expect_millis.contains(&millis), "attempt {attempt}: {millis} ms");
        }
    }

    #[test]
    fn doubles_up_to_half_a_minute() {
        check(1, 100..=200);
        check(2, 200..=400);
        check(5, 1_600..=3_200);
        check(8, 12_800..=25_600);
        check(9, 15_000..=30_000);
        check(u32::MAX, 15_000..=30_000);
    }
    #[test]
    fn a_uuid_says_that_it_is_random() {
        for _ in 0..1_000 {
            let uuid = Random::unrepeatable().uuid();
            let parts: Vec<&str> = uuid.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
    }
}
