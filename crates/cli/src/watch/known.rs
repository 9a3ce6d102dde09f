//! What is known of a lake so far: pure bookkeeping of what was read, bounded however old and large the lake is.
//!
//! In: cuts, states, links, window rows and rejects, in the order in which they were found. Out: what [`super::view`] shows.

use std::collections::{BTreeMap, VecDeque};

use penstock_core::chain::{Gap, Link, LinkKind};
use penstock_core::cut::{Cut, CutObject};
use penstock_core::keys::ChainId;
use penstock_core::position::Position;
use penstock_core::state::{ChainTotals, State};
use penstock_core::time::MICROS_PER_SECOND;
use penstock_core::windows_table;

use crate::p95;
use crate::rejects::Rejected;

/// How many of the newest cuts are kept: one more than is shown, because what a cut added is a difference.
pub(super) const CUTS: u64 = 61;

/// How many poured objects are kept of each chain; those that wait are all kept.
const POURED_OBJECTS: usize = 40;

/// Arrivals are counted in steps of this length ...
pub(super) const STEP_SECS: i64 = 5;

/// ... and so many of them are kept.
pub(super) const STEPS: usize = 120;

/// How many window starts are kept: of windows of a minute, two hours.
pub(super) const WINDOW_STARTS: usize = 120;

/// How many rejected records are kept of each reason.
const SAMPLES: usize = 3;

#[derive(Debug)]
pub(super) struct Known {
    /// Of the newest poured cut.
    pub(super) state: State,
    pub(super) cuts: BTreeMap<u64, KnownCut>,
    pub(super) chains: BTreeMap<ChainId, KnownChain>,
    /// Rows that landed, by step since the epoch.
    pub(super) arrivals: BTreeMap<i64, u64>,
    /// What landed before is not known, because cuts before the first that was read were passed over.
    pub(super) arrivals_since: Option<i64>,
    pub(super) windows: BTreeMap<i64, WindowCounts>,
    /// Rows of windows that ended at or before this stand in files that were passed over.
    pub(super) windows_since: i64,
    /// Files of windows or rejects were too large to look into.
    pub(super) skipped_files: bool,
    /// The newest rejected records of each reason.
    pub(super) samples: BTreeMap<String, VecDeque<Rejected>>,
    pub(super) answer: Answer,
    /// Datasets that the lake holds, looked up where it holds nothing of the one that was asked for.
    pub(super) other_datasets: Vec<String>,
}

/// One declared cut.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KnownCut {
    pub(super) declared_at: i64,
    pub(super) objects: usize,
    pub(super) rows: u64,
    /// What its state says, once it is poured.
    pub(super) after: Option<After>,
}

/// Running totals after a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct After {
    pub(super) voided: bool,
    pub(super) totals: ChainTotals,
    pub(super) windows_on_time: u64,
    pub(super) windows_late: u64,
    pub(super) closed_through: i64,
}

/// One partition's raw objects.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownChain {
    /// Where the next look goes on.
    pub(super) tail: Option<Position>,
    pub(super) objects: BTreeMap<Position, Object>,
    pub(super) gaps: Vec<Gap>,
    /// Something is wrong with the chain, or it could not be read.
    pub(super) problem: Option<String>,
    /// Arrivals up to here were counted.
    counted: Position,
}

/// One raw object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) next: Position,
    pub(super) kind: LinkKind,
    pub(super) rows: u64,
    pub(super) ingested_at: i64,
    /// The cut that took it, if that is known.
    pub(super) cut: Option<u64>,
}

/// Rows of windows that begin at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowCounts {
    pub(super) open: u64,
    pub(super) on_time: u64,
    pub(super) late: u64,
}

/// The answer to the dataset's question.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Not asked yet.
    Pending,
    /// As of a cut.
    Ready {
        cut: u64,
        report: p95::Report,
    },
    /// Silver is too large to be read again and again.
    TooLarge {
        bytes: u64,
    },
    Failed {
        problem: String,
    },
}

impl Default for Known {
    fn default() -> Self {
        Self {
            state: State::empty(),
            cuts: BTreeMap::new(),
            chains: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            arrivals_since: None,
            windows: BTreeMap::new(),
            windows_since: i64::MIN,
            skipped_files: false,
            samples: BTreeMap::new(),
            answer: Answer::Pending,
            other_datasets: Vec::new(),
        }
    }
}

impl Known {
    /// The newest declared cut that was read; 0 if there is none.
    pub(super) fn newest_cut(&self) -> u64 {
        self.cuts.last_key_value().map_or(0, |(number, _)| *number)
    }

    pub(super) fn add_cut(&mut self, cut: &Cut) {
        if cut.number != self.newest_cut() + 1 {
            self.begin_anew_at(cut);
        }
        let known =
            KnownCut { declared_at: cut.declared_at, objects: cut.objects().count(), rows: cut.rows(), after: None };
        self.cuts.insert(cut.number, known);
        while CUTS < self.cuts.len() as u64 {
            self.cuts.pop_first();
        }
        for (chain, object) in cut.objects() {
            self.add_object(chain, object.from, Object::new(object, Some(cut.number)));
        }
    }

    /// Cuts were passed over: what is known of single objects ends before them.
    fn begin_anew_at(&mut self, cut: &Cut) {
        self.cuts.clear();
        self.chains.clear();
        self.arrivals.clear();
        self.arrivals_since = cut.objects().map(|(_, object)| object.ingested_at).min().or(Some(cut.declared_at));
    }

    /// Files of windows up to a cut were passed over.
    pub(super) fn pass_over_files(&mut self, last: u64) {
        let closed_through = self.cuts.get(&last).and_then(|cut| cut.after).map(|after| after.closed_through);
        self.windows_since = self.windows_since.max(closed_through.unwrap_or(i64::MIN));
    }

    pub(super) fn add_state(&mut self, state: State) {
        if let Some(cut) = self.cuts.get_mut(&state.cut) {
            cut.after = Some(After::from(&state));
        }
        if self.state.cut < state.cut {
            self.state = state;
        }
        for (chain, known) in &mut self.chains {
            known.forget_poured(self.state.position(chain));
        }
    }

    /// Adds what follows in a chain from a position on.
    pub(super) fn add_links(&mut self, chain: &ChainId, from: Position, links: &[Link]) {
        for link in links {
            self.add_object(chain, link.from, Object::new(&CutObject::from(link), None));
        }
        let poured = self.state.position(chain);
        let known = self.chains.entry(chain.clone()).or_default();
        known.tail = Some(links.last().map_or(from, |last| last.next));
        // A gap that stands in for an unreadable object is not among those that later objects carry along.
        for gap in links.iter().flat_map(|link| &link.gaps) {
            if !known.gaps.contains(gap) {
                known.gaps.push(gap.clone());
            }
        }
        known.forget_poured(poured);
    }

    fn add_object(&mut self, chain: &ChainId, from: Position, object: Object) {
        let known = self.chains.entry(chain.clone()).or_default();
        // What was seen waiting is found again in a cut.
        if known.counted <= from {
            known.counted = object.next;
            *self.arrivals.entry(object.ingested_at.div_euclid(STEP_SECS * MICROS_PER_SECOND)).or_default() +=
                object.rows;
            while STEPS < self.arrivals.len() {
                self.arrivals.pop_first();
            }
        }
        let cut = known.objects.get(&from).and_then(|before| before.cut).or(object.cut);
        known.objects.insert(from, Object { cut, ..object });
    }

    /// Adds the rows of a file of windows.
    pub(super) fn add_windows(&mut self, rows: impl Iterator<Item = (i64, windows_table::Kind)>) {
        for (start, kind) in rows {
            let counts = self.windows.entry(start).or_default();
            match kind {
                windows_table::Kind::OnTime => counts.on_time += 1,
                windows_table::Kind::Late => counts.late += 1,
                windows_table::Kind::Open => counts.open += 1,
            }
        }
        while WINDOW_STARTS < self.windows.len() {
            self.windows.pop_first();
        }
    }

    /// Puts the windows that are open now in the place of those that were.
    pub(super) fn set_open_windows(&mut self, starts: impl Iterator<Item = i64>) {
        for counts in self.windows.values_mut() {
            counts.open = 0;
        }
        self.add_windows(starts.map(|start| (start, windows_table::Kind::Open)));
    }

    pub(super) fn add_rejected(&mut self, record: Rejected) {
        let samples = self.samples.entry(record.reason.clone()).or_default();
        samples.push_front(record);
        samples.truncate(SAMPLES);
    }
}

impl From<&State> for After {
    fn from(state: &State) -> Self {
        Self {
            voided: state.voided,
            totals: state.chain_totals(),
            windows_on_time: state.totals.windows_on_time,
            windows_late: state.totals.windows_late,
            closed_through: state.closed_through,
        }
    }
}

impl KnownChain {
    /// The objects that are not poured, in order.
    pub(super) fn waiting(&self, poured: Position) -> impl Iterator<Item = &Object> {
        self.objects.range(poured..).map(|(_, object)| object)
    }

    /// The first position that has not landed: a cut may name objects that no look has come to.
    pub(super) fn end(&self) -> Option<Position> {
        self.tail.max(self.objects.last_key_value().map(|(_, last)| last.next))
    }

    fn forget_poured(&mut self, poured: Position) {
        let known = self.objects.range(..poured).count();
        for _ in POURED_OBJECTS..known {
            self.objects.pop_first();
        }
    }
}

impl Object {
    const fn new(object: &CutObject, cut: Option<u64>) -> Self {
        Self { next: object.next, kind: object.kind, rows: object.rows, ingested_at: object.ingested_at, cut }
    }
}
