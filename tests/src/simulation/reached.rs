//! How often each kind of event happened, so that a kind that never happens is noticed.

use std::collections::BTreeMap;
use std::fmt;

/// Every kind that a large number of schedules must reach.
pub const KINDS: [&str; 48] = [
    "records",
    "duplicates sent",
    "late events sent",
    "bad records sent",
    "deliveries",
    "deliveries again, cut otherwise",
    "deliveries again, bisected",
    "deliveries of what was committed",
    "deliveries by two consumers at once",
    "partial answers",
    "cold starts",
    "crashes of ingest before an effect",
    "crashes of ingest after an effect",
    "crashes of refine before an effect",
    "crashes of refine after an effect",
    "zombies of minutes",
    "zombies of hours",
    "zombies of days",
    "invocations given up that lived on",
    "replies lost",
    "requests lost",
    "answers 503",
    "answers 409",
    "answers 403",
    "raw objects that were there",
    "cuts that were there",
    "files that were there",
    "states that were there",
    "lists with holes",
    "records lost by the broker",
    "refusals of a hole",
    "refusals of what lies in a gap",
    "gaps declared by an operator",
    "gaps declared by a setting",
    "gaps at the start of a chain",
    "raw objects deleted",
    "refines that overlapped",
    "refines called while their process was running",
    "cuts finished by another run",
    "cuts finished by a deployment with another dataset",
    "cuts of another dataset than the one before",
    "cuts finished by a newer version",
    "refusals of a cut of newer rules",
    "invocations out of time",
    "windows corrected",
    "duplicates removed",
    "duplicates kept beyond the horizon",
    "gap positions",
];

/// Counts by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached(BTreeMap<&'static str, u64>);

impl Reached {
    pub(super) fn count(&mut self, kind: &'static str) {
        self.add(kind, 1);
    }

    pub(super) fn add(&mut self, kind: &'static str, times: u64) {
        assert!(KINDS.contains(&kind), "{kind} is not listed");
        *self.0.entry(kind).or_default() += times;
    }

    /// Adds what other schedules reached.
    pub fn merge(&mut self, other: &Self) {
        for (kind, times) in &other.0 {
            *self.0.entry(kind).or_default() += times;
        }
    }

    /// The kinds that never happened.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        KINDS.into_iter().filter(|kind| self.of(kind) == 0).collect()
    }

    fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KINDS.into_iter().try_for_each(|kind| writeln!(f, "{:>12} {kind}", self.of(kind)))
    }
}
