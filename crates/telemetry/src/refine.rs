//! Events of the refinement.

use crate::TARGET;

/// A cut is poured: its files and its state are in the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutPoured<'a> {
    pub request_id: &'a str,
    pub dataset: &'a str,
    pub cut: u64,
    /// Raw objects.
    pub objects: usize,
    /// Rows of the raw objects.
    pub rows: u64,
    /// Files of silver, windows and rejects.
    pub files: usize,
    pub open_windows: u64,
    /// Ids held against duplicates.
    pub ids: usize,
    /// The watermark in epoch microseconds.
    pub watermark: i64,
}

impl CutPoured<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        tracing::info!(target: TARGET, event = "cut_poured", request_id = self.request_id, dataset = self.dataset,
            cut = self.cut, objects = self.objects, rows = self.rows, files = self.files,
            open_windows = self.open_windows, ids = self.ids, watermark = self.watermark, "a cut is poured");
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
    /// Logs the event.
    pub fn emit(&self) {
        tracing::error!(target: TARGET, event = "chain_broken", dataset = self.dataset, chain = self.chain,
            expected = self.expected, key = self.key, found = self.found,
            "a raw object is missing in its chain; what comes after it waits. If this lasts, restore the object; \
             if it is lost, `penstock gaps declare --unreadable` with its key lets refine go on without it");
    }
}
