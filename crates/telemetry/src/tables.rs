//! Events of the Iceberg tables.

use crate::TARGET;

/// A cut is in a table: one snapshot more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutAppended<'a> {
    pub request_id: &'a str,
    pub dataset: &'a str,
    /// As the catalogue calls it.
    pub table: &'a str,
    pub cut: u64,
    /// Data files.
    pub files: usize,
    pub rows: u64,
}

impl CutAppended<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        tracing::info!(target: TARGET, event = "cut_appended", request_id = self.request_id, dataset = self.dataset,
            table = self.table, cut = self.cut, files = self.files, rows = self.rows, "a cut is in a table");
    }
}

/// Retention deleted a raw object before it was in the table of raw, which lacks its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawExpired<'a> {
    /// As the catalogue calls it.
    pub table: &'a str,
    /// The key of the raw object.
    pub key: &'a str,
    pub rows: u64,
}

impl RawExpired<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        tracing::warn!(target: TARGET, event = "raw_expired", table = self.table, key = self.key, rows = self.rows,
            "retention deleted a raw object before its rows were in a table");
    }
}
