//! Numbers that look random and are a function of a seed and a counter.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
//! Everything here uses only integer arithmetic and the basic operations of IEEE 754, which give the same bits
//! on every platform; `exp`, `ln` and `cos` of a system's library do not.

/// 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of draws that belongs to one (seed, number).
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

/// Scatters the bits of a number; different numbers stay different.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Draws {
    pub(crate) const fn of(seed: u64, number: u64) -> Self {
        Self { state: mix(mix(seed.wrapping_add(STEP)).wrapping_add(number)) }
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Uniform in `[0, 1)`, in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        unit(self.next())
    }

    /// Uniform in `[0, bound)`; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        below(self.next(), bound)
    }

    /// Mean 0, deviation 1: the sum of twelve uniform numbers, so never beyond six deviations.
    pub(crate) fn normal(&mut self) -> f64 {
        let lanes = |word: u64| (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48);
        let sum = lanes(self.next()) + lanes(self.next()) + lanes(self.next());
        (sum as f64 - 12.0 * 32_767.5) / 65_536.0
    }
}

fn unit(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

pub(crate) fn below(word: u64, bound: u64) -> u64 {
    let product = u128::from(word) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or_default()
}

/// e^x, to ten digits for `|x|` up to 20, which is as far as generators go.
pub(crate) fn exp(x: f64) -> f64 {
    let small = x / 1024.0;
    let mut power = 1.0 + small * (1.0 + small / 2.0 * (1.0 + small / 3.0 * (1.0 + small / 4.0 * (1.0 + small / 5.0))));
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// The natural logarithm of a number of at least 1, by Newton's method on [`exp`].
pub(crate) fn ln(number: f64) -> f64 {
    let mut estimate = 0.0;
    for _ in 0..64 {
        let power = exp(estimate);
        estimate += 2.0 * (number - power) / (number + power);
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_ever() {
        let mut draws = Draws::of(7, 0);
        assert_eq!([draws.next(), draws.next()], [17_527_383_841_289_775_211, 16_227_360_601_726_436_777]);
    }

    #[test]
    fn the_mixer_is_that_of_the_publication() {
        // The first outputs of SplitMix64 from the state 1234567, as its reference implementation prints them.
        let mut draws = Draws { state: 1_234_567 };
        assert_eq!(
            [draws.next(), draws.next(), draws.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let values: Vec<f64> = (0..100_000).map(|number| Draws::of(1, number).normal()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn below_reaches_both_ends_and_no_further() {
        let mut seen = [0_u32; 5];
        for number in 0..1000 {
            seen[usize::try_from(Draws::of(3, number).below(5)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
        assert_eq!(Draws::of(3, 0).below(0), 0);
    }

    #[test]
    fn exp_and_ln_are_close_to_the_real_ones() {
        for x in [-20.0, -3.0, -0.5, 0.0, 1e-9, 0.7, 5.0, 20.0_f64] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-9, "exp {x}");
        }
        for x in [1.0, 1.5, 2.0, 1000.0, 1e7_f64] {
            assert!((ln(x) - x.ln()).abs() < 1e-9, "ln {x}");
        }
    }
}
