//! Events of the refinement.

use crate::{Metric, Registry, TARGET};

/// A cut is poured: its files and its state are in the lake, and this run wrote the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutPoured<'a> {
    pub request_id: &'a str,
    pub dataset: &'a str,
    pub cut: u64,
    /// Raw objects.
    pub objects: usize,
    /// Rows of the raw objects.
    pub rows: u64,
    /// Of these, rows in silver, and events that had been seen.
    pub silver: u64,
    pub duplicates: u64,
    /// Events whose window had been written.
    pub late: u64,
    /// Rows of windows: on time, and corrections.
    pub windows: u64,
    pub corrections: u64,
    /// Files of silver, windows and rejects.
    pub files: usize,
    pub open_windows: u64,
    /// Ids held against duplicates.
    pub ids: usize,
    /// The watermark in epoch microseconds.
    pub watermark: i64,
    /// What it took of each chain, as `chain from..next`.
    pub ranges: &'a str,
}

impl CutPoured<'_> {
    /// Logs and counts the event.
    pub fn emit(&self, registry: &Registry) {
        tracing::info!(target: TARGET, event = "cut_poured", request_id = self.request_id, dataset = self.dataset,
            cut = self.cut, objects = self.objects, rows = self.rows, silver = self.silver,
            duplicates = self.duplicates, late = self.late, windows = self.windows, corrections = self.corrections,
            files = self.files, open_windows = self.open_windows, ids = self.ids, watermark = self.watermark,
            ranges = self.ranges, "a cut is poured");
        registry.add(Metric::CutsPoured, &[], 1);
        registry.add(Metric::EventsPoured, &[], self.silver);
        registry.add(Metric::EventsDuplicate, &[], self.duplicates);
        registry.add(Metric::EventsLate, &[], self.late);
        registry.add(Metric::WindowsClosed, &[], self.windows);
        registry.add(Metric::WindowsCorrected, &[], self.corrections);
    }
}

/// A run of refine is over, whether it poured anything or not: this is how the lake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefineRan {
    /// The newest poured cut.
    pub cut: u64,
    /// When it was declared, in epoch microseconds; none if there is no cut yet.
    pub declared_at: Option<i64>,
    /// In epoch microseconds; none before the first event.
    pub watermark: Option<i64>,
    pub open_windows: u64,
    pub ids: usize,
    pub backlog: Backlog,
}

/// What waits behind the newest poured cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub rows: u64,
    /// When the oldest object of it arrived, in epoch microseconds.
    pub oldest: Option<i64>,
    /// How many cuts it would fill.
    pub cuts: u64,
    /// Chains in which an object is missing.
    pub broken_chains: u64,
}

impl RefineRan {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.set(Metric::CutNumber, &[], self.cut as f64);
        registry.set_moment(Metric::CutAge, &[], self.declared_at);
        if let Some(watermark) = self.watermark {
            registry.set(Metric::WatermarkTimestamp, &[], watermark as f64 / 1e6);
            registry.set_moment(Metric::WatermarkDelay, &[], Some(watermark));
        }
        registry.set(Metric::WindowsOpen, &[], self.open_windows as f64);
        registry.set(Metric::DedupeIds, &[], self.ids as f64);
        registry.set(Metric::EventsUnpoured, &[], self.backlog.rows as f64);
        registry.set_moment(Metric::UnpouredAge, &[], self.backlog.oldest);
        registry.set(Metric::CutsBehind, &[], self.backlog.cuts as f64);
        registry.set(Metric::ChainsBroken, &[], self.backlog.broken_chains as f64);
    }
}

/// How far silver has come in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionPoured<'a> {
    pub topic: &'a str,
    pub partition: &'a str,
    /// In epoch microseconds.
    pub newest_event_time: i64,
}

impl PartitionPoured<'_> {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.set_moment(Metric::EventFreshness, &[self.topic, self.partition], Some(self.newest_event_time));
    }
}

/// A listing shows objects behind a position at which none begins. A directory may list so while it is written;
/// if it lasts, an object is missing and refine waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainBroken<'a> {
    pub dataset: &'a str,
    pub chain: &'a str,
    pub expected: &'a str,
    /// The key of the missing object.
    pub key: &'a str,
    pub found: &'a str,
}

impl ChainBroken<'_> {
    /// Logs the event; [`RefineRan`] counts it.
    pub fn emit(&self) {
        tracing::error!(target: TARGET, event = "chain_broken", dataset = self.dataset, chain = self.chain,
            expected = self.expected, key = self.key, found = self.found,
            "a raw object is missing in its chain; what comes after it waits. If this lasts, restore the object; \
             if it is lost, `penstock gaps declare --unreadable` with its key lets refine go on without it");
    }
}
