//! How many invocations may run at once, by the work that there is.
//!
//! One more when a batch has waited for a poller for a second; one fewer for each minute in which one was free.
//! Growing is quick, because records wait; shrinking is slow, because the next wave may be near.

use std::time::Duration;

use tokio::time::Instant;

use crate::mapping::Pollers;

const GROWS_AFTER: Duration = Duration::from_secs(1);
const SHRINKS_AFTER: Duration = Duration::from_secs(60);

/// The pollers of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    minimum: usize,
    maximum: usize,
    count: usize,
    /// Since when a batch waits for a poller, or since the last one was added for it.
    short_since: Option<Instant>,
    /// Since when a poller has been free, or since the last one went for it.
    free_since: Option<Instant>,
}

impl Pool {
    pub(crate) fn new(pollers: Pollers) -> Self {
        let (minimum, maximum) = match pollers {
            Pollers::OnDemand(count) => (count, count),
            Pollers::Provisioned { minimum, maximum } => (minimum, maximum),
        };
        Self { minimum, maximum, count: minimum, short_since: None, free_since: None }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Adds and takes pollers, when so many are at work; `short` says that a batch waits for one.
    pub(crate) fn scale(&mut self, at_work: usize, short: bool, now: Instant) {
        if short {
            self.free_since = None;
            let since = *self.short_since.get_or_insert(now);
            if self.count < self.maximum && since + GROWS_AFTER <= now {
                self.count += 1;
                self.short_since = Some(now);
            }
            return;
        }
        self.short_since = None;
        if self.count <= at_work {
            self.free_since = None;
            return;
        }
        // Nobody asks while there is nothing to do, so several minutes may have passed.
        let mut since = *self.free_since.get_or_insert(now);
        while self.minimum < self.count && since + SHRINKS_AFTER <= now {
            self.count -= 1;
            since += SHRINKS_AFTER;
        }
        self.free_since = Some(since);
    }

    /// When the next poller comes if a batch goes on waiting for it.
    pub(crate) fn grows_at(&self) -> Option<Instant> {
        self.short_since.filter(|_| self.count < self.maximum).map(|since| since + GROWS_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: bool = true;
    const ENOUGH: bool = false;

    /// At each second so many pollers are at work, and a batch waits or not: the pollers afterwards.
    fn check(minimum: usize, maximum: usize, story: &[(u64, usize, bool, usize)]) {
        let mut pool = Pool::new(Pollers::Provisioned { minimum, maximum });
        let start = Instant::now();
        for &(second, at_work, short, expect) in story {
            pool.scale(at_work, short, start + Duration::from_secs(second));
            assert_eq!(pool.count(), expect, "at second {second} of {story:?}");
        }
    }

    #[test]
    fn one_more_for_each_second_in_which_a_batch_waits() {
        check(1, 3, &[(0, 1, SHORT, 1), (1, 1, SHORT, 2), (2, 2, SHORT, 3), (3, 3, SHORT, 3)]);
        // The wait was over in between.
        check(1, 3, &[(0, 1, SHORT, 1), (0, 1, ENOUGH, 1), (1, 1, SHORT, 1), (2, 1, SHORT, 2)]);
        check(2, 2, &[(0, 2, SHORT, 2), (9, 2, SHORT, 2)]);
    }

    #[test]
    fn one_fewer_for_each_minute_in_which_one_was_free() {
        let grown = [(0, 1, SHORT, 1), (1, 1, SHORT, 2), (2, 2, SHORT, 3)];
        let check = |story: &[_]| check(1, 3, &[&grown, story].concat());
        check(&[(10, 2, ENOUGH, 3), (69, 2, ENOUGH, 3), (70, 2, ENOUGH, 2), (71, 2, ENOUGH, 2), (999, 2, ENOUGH, 2)]);
        check(&[(10, 0, ENOUGH, 3), (130, 0, ENOUGH, 1), (999, 0, ENOUGH, 1)]);
        // All were at work in between.
        check(&[(10, 2, ENOUGH, 3), (69, 3, ENOUGH, 3), (70, 2, ENOUGH, 3), (130, 2, ENOUGH, 2)]);
    }

    #[test]
    fn the_default_mode_has_a_number_that_does_not_change() {
        let mut pool = Pool::new(Pollers::OnDemand(4));
        let start = Instant::now();
        for (second, short) in [(0, SHORT), (5, SHORT), (9, ENOUGH), (999, ENOUGH)] {
            pool.scale(0, short, start + Duration::from_secs(second));
            assert_eq!((pool.count(), pool.grows_at()), (4, None));
        }
    }
}
