//! Which events have been seen before.
//!
//! An event is a duplicate if its id occurred earlier in the same cut, or in one of the recent cuts that the state lists.
//! Ids are 128 bits: a UUID is its own, any other text takes a truncated SHA-256.
//! What is remembered follows from cuts alone, never from the memory of a machine.

use std::collections::VecDeque;

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::Dedupe;

/// A cut whose ids are still held against later ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentCut {
    pub cut: u64,
    /// The newest arrival in the cut, in epoch microseconds.
    pub newest_ingested_at: i64,
    pub ids: u64,
    /// The column that holds them: ids of different columns cannot be compared.
    pub column: String,
    /// The silver files that have the column.
    pub files: Vec<String>,
}

/// The cuts that the next cut is checked against: those within the horizon of its oldest arrival,
/// as many of the newest as `max_ids` allows.
#[must_use]
pub fn within_reach(recent: &[RecentCut], settings: Dedupe, oldest_arrival: i64) -> Vec<RecentCut> {
    let horizon = settings.horizon_secs.saturating_mul(1_000_000);
    let limit = settings.max_ids as u64;
    let mut held = 0_u64;
    let mut kept: Vec<RecentCut> = recent
        .iter()
        .rev()
        .take_while(|cut| {
            held = held.saturating_add(cut.ids);
            held <= limit
        })
        .filter(|cut| oldest_arrival <= cut.newest_ingested_at.saturating_add(horizon))
        .cloned()
        .collect();
    kept.reverse();
    kept
}

/// The 128-bit id of an event whose id column is text.
#[must_use]
pub fn text_id(text: &str) -> u128 {
    hash(text.as_bytes())
}

/// The first 16 bytes of a SHA-256, as a number with the first one highest.
#[must_use]
pub fn hash(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte))
}

/// The ids of recent cuts, kept by cut so that a whole cut can be forgotten.
#[derive(Debug, Default)]
pub struct RecentIds {
    cuts: VecDeque<(u64, Vec<u128>)>,
    all: HashSet<u128>,
}

impl RecentIds {
    /// The numbers of the cuts whose ids are held, in ascending order.
    pub fn cuts(&self) -> impl Iterator<Item = u64> {
        self.cuts.iter().map(|(cut, _)| *cut)
    }

    /// Adds the ids of a cut that is newer than all held.
    pub fn push(&mut self, cut: u64, ids: Vec<u128>) {
        self.all.extend(&ids);
        self.cuts.push_back((cut, ids));
    }

    /// Forgets every cut that is not among `kept`.
    pub fn retain(&mut self, kept: &[RecentCut]) {
        let all = &mut self.all;
        self.cuts.retain(|(cut, ids)| {
            let keep = kept.iter().any(|recent| recent.cut == *cut);
            if !keep {
                ids.iter().for_each(|id| {
                    all.remove(id);
                });
            }
            keep
        });
    }

    /// How many ids are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[must_use]
    pub fn contains(&self, id: u128) -> bool {
        self.all.contains(&id)
    }
}

#[cfg(test)]
mod tests;
