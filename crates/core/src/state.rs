//! What refine knows after a cut: where each chain stands, the watermark, the open windows, running totals.
//!
//! A state is one Parquet file: its rows are the open windows, its footer holds the rest as JSON.
//! State n exists if and only if cut n is poured. State 0 is empty and not stored.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;
use crate::dataset::Dataset;
use crate::dedupe::RecentCut;
use crate::keys::ChainId;
use crate::part::Part;
use crate::position::Position;
use crate::table::{self, TableError};
use crate::window::WindowRow;
use crate::windows_table;

/// The name of the footer entry that holds a [`State`] as JSON.
pub const FOOTER_KEY: &str = "penstock.state";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub cut: u64,
    pub rules: u32,
    /// The cut's, in epoch microseconds.
    pub declared_at: i64,
    /// An operator voided the cut: nothing of it was poured.
    pub voided: bool,
    /// Epoch microseconds; every window that ended before it has been written.
    pub watermark: i64,
    /// Never below the watermark; above it where windows closed early.
    pub closed_through: i64,
    pub chains: Vec<ChainState>,
    /// The cuts that the next one's ids are held against.
    pub recent: Vec<RecentCut>,
    /// The files of this cut.
    pub parts: Vec<Part>,
    /// How many windows stand in the rows of the state.
    pub open_windows: u64,
    pub totals: RunningTotals,
    pub dataset_hash: String,
}

/// Sums over all cuts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTotals {
    pub windows_on_time: u64,
    /// Correction rows.
    pub windows_late: u64,
    /// Events that came after their window was written.
    pub late_events: u64,
    /// Rejected records by reason.
    pub rejected: BTreeMap<String, u64>,
}

/// What has been poured of one chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainState {
    #[serde(flatten)]
    pub chain: ChainId,
    /// The first position that has not been poured.
    pub next: Position,
    /// The newest event time so far, at most its arrival, in epoch microseconds.
    pub newest_event_time: Option<i64>,
    pub newest_ingested_at: i64,
    pub totals: ChainTotals,
}

impl ChainState {
    #[must_use]
    pub const fn new(chain: ChainId) -> Self {
        Self {
            chain,
            next: Position::ZERO,
            newest_event_time: None,
            newest_ingested_at: i64::MIN,
            totals: ChainTotals::ZERO,
        }
    }
}

/// Landed = silver + duplicates + rejected, by count and by the sum of the rows' hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTotals {
    pub landed: Sum,
    pub silver: Sum,
    pub duplicates: Sum,
    pub rejected: Sum,
    /// Positions in declared gaps.
    pub gap_positions: u64,
}

impl ChainTotals {
    const ZERO: Self =
        Self { landed: Sum::ZERO, silver: Sum::ZERO, duplicates: Sum::ZERO, rejected: Sum::ZERO, gap_positions: 0 };

    /// Whether nothing was lost and nothing doubled.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.silver.plus(self.duplicates).plus(self.rejected) == self.landed
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            landed: self.landed.plus(other.landed),
            silver: self.silver.plus(other.silver),
            duplicates: self.duplicates.plus(other.duplicates),
            rejected: self.rejected.plus(other.rejected),
            gap_positions: self.gap_positions + other.gap_positions,
        }
    }
}

/// A number of rows and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub rows: u64,
    pub checksum: Checksum,
}

impl Sum {
    const ZERO: Self = Self { rows: 0, checksum: Checksum(0) };

    /// One row.
    #[must_use]
    pub const fn one(hash: u128) -> Self {
        Self { rows: 1, checksum: Checksum(hash) }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, checksum: self.checksum + other.checksum }
    }
}

impl State {
    /// State 0.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            cut: 0,
            rules: crate::cut::RULES,
            declared_at: i64::MIN,
            voided: false,
            watermark: i64::MIN,
            closed_through: i64::MIN,
            chains: Vec::new(),
            recent: Vec::new(),
            parts: Vec::new(),
            open_windows: 0,
            totals: RunningTotals::default(),
            dataset_hash: String::new(),
        }
    }

    /// Where the pour of a chain goes on.
    #[must_use]
    pub fn position(&self, chain: &ChainId) -> Position {
        self.chains.iter().find(|known| known.chain == *chain).map_or(Position::ZERO, |known| known.next)
    }

    /// The totals of all chains.
    #[must_use]
    pub fn chain_totals(&self) -> ChainTotals {
        self.chains.iter().fold(ChainTotals::default(), |sum, chain| sum.plus(chain.totals))
    }
}

/// Writes a state with its open windows.
///
/// # Errors
/// Encoding failed: a bug.
pub fn encode(dataset: &Dataset, state: &State, open: &[WindowRow]) -> Result<Bytes, TableError> {
    windows_table::encode(dataset, &[(windows_table::Kind::Open, open)], FOOTER_KEY, state)
}

/// Reads a state and its open windows.
///
/// # Errors
/// No readable state.
pub fn decode(dataset: &Dataset, file: &Bytes) -> Result<(State, Vec<WindowRow>), TableError> {
    let state = table::file_entry(file, FOOTER_KEY)?;
    Ok((state, windows_table::decode(dataset, file)?))
}

#[cfg(test)]
mod tests;
