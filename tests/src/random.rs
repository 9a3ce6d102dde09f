//! Chance that can be repeated: a test names its seed.

/// A generator of random numbers (SplitMix64, by Steele, Lea and Flood).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("it is below a usize")
    }

    /// Whether something happens that happens once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Cuts a slice into pieces of 1 to `longest`.
    pub fn pieces<'s, T>(&mut self, mut whole: &'s [T], longest: usize) -> Vec<&'s [T]> {
        let mut pieces = Vec::new();
        while !whole.is_empty() {
            let (piece, rest) = whole.split_at((1 + self.below(longest)).min(whole.len()));
            pieces.push(piece);
            whole = rest;
        }
        pieces
    }
}
