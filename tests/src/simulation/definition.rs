//! What a cut must write, by the definition of the cuts: the first of each event, and every reject.
//!
//! An event is a duplicate if its id was written by this cut before, in the order of the cut's objects,
//! or by one of the cuts within reach: those that arrived within the horizon of this cut's oldest object,
//! as many of the newest as the limit of ids allows. What is beyond the reach of one cut is beyond that of all later ones.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::setting::DatasetRules;
use super::topic::{Made, Topic};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The limits of a dataset that says nothing of them.
const MAX_PAST: i64 = 30 * DAY;
const MAX_FUTURE: i64 = 600 * SECOND;

/// Partition and offset.
pub(super) type Place = (usize, i64);

/// An object that a cut takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) partition: usize,
    pub(super) from: i64,
    pub(super) next: i64,
    pub(super) is_gap: bool,
    pub(super) arrived_at: i64,
}

/// Length in microseconds, start, device.
pub(super) type WindowKey = (i64, i64, String);

/// What a row of a window says, or should say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    pub(super) count: i64,
    pub(super) measured: i64,
    pub(super) sum: f64,
}

/// What a cut must write.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) silver: BTreeSet<Place>,
    pub(super) rejects: BTreeSet<Place>,
    pub(super) duplicates: u64,
}

/// The cuts so far, as far as later ones depend on them.
#[derive(Debug, Default)]
pub(super) struct Definition {
    recent: Vec<Recent>,
}

#[derive(Debug)]
struct Recent {
    newest_arrival: i64,
    ids: HashSet<u64>,
}

impl Definition {
    /// The next cut. `landed` is every row of raw with its arrival.
    pub(super) fn pour(
        &mut self,
        objects: &[Taken],
        rules: DatasetRules,
        landed: &BTreeMap<Place, i64>,
        topic: &Topic,
    ) -> Written {
        let mut written = Written::default();
        let arrivals = || objects.iter().map(|object| object.arrived_at);
        let (Some(oldest), Some(newest_arrival)) = (arrivals().min(), arrivals().max()) else {
            return written;
        };
        self.forget(rules, oldest);
        let mut ids = HashSet::new();
        for object in objects.iter().filter(|object| !object.is_gap) {
            let rows = landed.range((object.partition, object.from)..(object.partition, object.next));
            for (place, arrived_at) in rows {
                let made = &topic.partitions[place.0].made[&place.1];
                let Some(event) = made.event.filter(|_| is_accepted(made, *arrived_at)) else {
                    written.rejects.insert(*place);
                    continue;
                };
                let is_known = self.recent.iter().any(|recent| recent.ids.contains(&event.number));
                if is_known || !ids.insert(event.number) {
                    written.duplicates += 1;
                } else {
                    written.silver.insert(*place);
                }
            }
        }
        if !ids.is_empty() {
            self.recent.push(Recent { newest_arrival, ids });
        }
        written
    }

    /// Forgets the cuts that lie beyond the reach of one whose oldest object arrived then.
    fn forget(&mut self, rules: DatasetRules, oldest: i64) {
        let mut held = 0;
        let mut kept = Vec::new();
        for recent in self.recent.drain(..).rev() {
            held += recent.ids.len();
            if rules.max_ids < held {
                break;
            }
            if oldest - recent.newest_arrival <= rules.horizon_secs * SECOND {
                kept.push(recent);
            }
        }
        kept.reverse();
        self.recent = kept;
    }
}

/// Whether a record is an event that a function takes which it reached then.
pub(super) fn is_accepted(made: &Made, arrived_at: i64) -> bool {
    made.event.is_some_and(|event| event.time <= arrived_at + MAX_FUTURE && arrived_at - MAX_PAST <= event.time)
}
