//! What kind of event stands at each place: a function of the seed and the place alone.

use crate::fault::Fault;
use crate::random::Draws;
use crate::shape::Shape;

/// Keeps the draws that choose kinds apart from those that fill events.
const KIND_SEED: u64 = 0x6b69_6e64;

/// A duplicate repeats an event at most 2^14 places before it: most repeats follow at once, as a retry does,
/// and some come batches later.
const FARTHEST_DUPLICATE_BITS: u64 = 14;

/// Where nearly everything is malformed or repeated, the search for an original ends here.
const LONGEST_SEARCH: u64 = 1000;

/// What the event at one place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Regular,
    /// It lies beyond the allowed lateness and within the limits.
    Late,
    /// The bytes of the event at the place `of`, which is earlier and regular or late.
    Duplicate {
        of: u64,
    },
    Malformed(Fault),
}

pub(crate) struct Plan {
    seed: u64,
    malformed: f64,
    duplicates: f64,
    late: f64,
    /// The faults that the dataset has room for.
    faults: Vec<Fault>,
}

impl Plan {
    pub(crate) fn new(shape: &Shape, faults: Vec<Fault>) -> Self {
        Self {
            seed: shape.seed ^ KIND_SEED,
            malformed: shape.malformed,
            duplicates: shape.duplicates,
            late: shape.late,
            faults,
        }
    }

    pub(crate) fn kind(&self, place: u64) -> EventKind {
        let mut draws = Draws::of(self.seed, place);
        let share = draws.unit();
        if share < self.malformed {
            return self.fault(&mut draws);
        }
        if share < self.malformed + self.duplicates {
            let of = self.original(place, &mut draws);
            return of.map_or(EventKind::Regular, |of| EventKind::Duplicate { of });
        }
        if share < self.malformed + self.duplicates + self.late {
            return EventKind::Late;
        }
        EventKind::Regular
    }

    fn fault(&self, draws: &mut Draws) -> EventKind {
        let chosen = usize::try_from(draws.below(self.faults.len() as u64)).unwrap_or_default();
        self.faults.get(chosen).map_or(EventKind::Regular, |fault| EventKind::Malformed(*fault))
    }

    /// The newest event worth repeating at or before a place drawn from those just before; `None` at the very start.
    fn original(&self, place: u64, draws: &mut Draws) -> Option<u64> {
        let reach = 1 << draws.below(FARTHEST_DUPLICATE_BITS + 1);
        let newest = place.checked_sub(1 + draws.below(reach))?;
        (newest.saturating_sub(LONGEST_SEARCH)..=newest).rev().find(|earlier| self.is_original(*earlier))
    }

    fn is_original(&self, place: u64) -> bool {
        let share = Draws::of(self.seed, place).unit();
        self.malformed + self.duplicates <= share
    }
}
