//! Where each chain ends, as far as a warm function remembers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use penstock_core::chain::Tail;
use penstock_core::keys::ChainId;
use penstock_core::position::Position;

/// How long an end is believed without a look, in microseconds.
/// Far below the shortest retention of raw objects: a function that was frozen must not write where a deleted object was.
const MEMORY: i64 = 5 * 60 * 1_000_000;

/// The end of a chain, and when it was.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) tail: Tail,
    /// A moment before the store was asked, in epoch microseconds.
    pub(crate) at: i64,
}

impl Seen {
    /// Whether to write there without another look.
    pub(crate) fn is_recent(&self, now: i64) -> bool {
        self.at <= now && now < self.at.saturating_add(MEMORY)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tails(Mutex<HashMap<ChainId, Remembered>>);

#[derive(Clone, Debug)]
struct Remembered {
    seen: Seen,
    /// Where the chain's last object begins: the place to list from.
    last: Position,
}

impl Tails {
    /// The end of the chain, if it was seen a short while ago and a batch that begins at `first` does not contradict it.
    pub(crate) fn recent(&self, chain: &ChainId, first: Position, now: i64) -> Option<Seen> {
        let tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &tails.get(chain)?.seen;
        (seen.is_recent(now) && first <= seen.tail.next).then(|| seen.clone())
    }

    /// Where the last object that was ever seen of the chain begins.
    pub(crate) fn last(&self, chain: &ChainId) -> Option<Position> {
        let tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tails.get(chain).map(|known| known.last)
    }

    pub(crate) fn remember(&self, chain: &ChainId, seen: &Seen, last: Position) {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tails.insert(chain.clone(), Remembered { seen: seen.clone(), last });
    }

    pub(crate) fn forget(&self, chain: &ChainId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use penstock_core::position::Partition;

    #[test]
    fn an_end_is_believed_for_five_minutes_and_only_by_a_batch_that_fits() {
        let chain =
            ChainId { topic: "t".to_owned(), partition: Partition::Kafka(0), source: "kafka".to_owned(), epoch: 0 };
        let at = Position::from_offset;
        let seen = Seen { tail: Tail { next: at(10), ..Tail::default() }, at: 1000 };
        let tails = Tails::default();
        tails.remember(&chain, &seen, at(5));
        let check = |first: u64, now: i64, expect: bool| {
            assert_eq!(tails.recent(&chain, at(first), now).is_some(), expect, "{first} at {now}");
        };
        check(10, 1000, true);
        check(3, 1000 + MEMORY - 1, true);
        check(10, 1000 + MEMORY, false);
        check(10, 999, false);
        check(11, 1000, false);
        assert_eq!(tails.last(&chain), Some(at(5)));
    }
}
