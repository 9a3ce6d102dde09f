//! A cut: the exact raw objects that one run of refine pours, declared before anything is written.
//!
//! In: the links that wait behind each chain's position, in chain order. Out: which of them the next cut takes ([`select`]).
//! A declared [`Cut`] carries everything that the pour depends on, so that any run, at any time, by anyone, pours the same rows.

use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::chain::{Link, LinkKind};
use crate::checksum::Checksum;
use crate::keys::ChainId;
use crate::position::Position;

/// The version of the rules by which a cut is poured. Raise it when the same cut would give other rows.
pub const RULES: u32 = 1;

/// The versions of the rules that this binary can pour.
pub const POURABLE: std::ops::RangeInclusive<u32> = 1..=RULES;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// 1 for the first; state 0 is empty.
    pub number: u64,
    /// See [`RULES`].
    pub rules: u32,
    /// Epoch microseconds; never below the predecessor's.
    pub declared_at: i64,
    pub closing: Closing,
    pub chains: Vec<ChainCut>,
    pub dataset_hash: String,
    /// The dataset file, whole: columns, windows, dedupe and limits are read from here.
    pub dataset: String,
}

/// What one chain contributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainCut {
    #[serde(flatten)]
    pub chain: ChainId,
    pub objects: Vec<CutObject>,
    /// Objects of this chain wait beyond the cut, so that its silence does not count.
    pub waiting: bool,
}

/// One raw object of a cut, as its footer described it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutObject {
    pub from: Position,
    pub next: Position,
    pub kind: LinkKind,
    pub rows: u64,
    pub rejected: u64,
    pub checksum: Checksum,
    pub rejected_checksum: Checksum,
    pub ingested_at: i64,
}

impl From<&Link> for CutObject {
    fn from(link: &Link) -> Self {
        Self {
            from: link.from,
            next: link.next,
            kind: link.kind,
            rows: link.rows,
            rejected: link.rejected,
            checksum: link.checksum,
            rejected_checksum: link.rejected_checksum,
            ingested_at: link.ingested_at,
        }
    }
}

/// Which windows a cut closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Those that the watermark has passed.
    Watermark,
    /// All: every partition is idle, a finite run ends, or the window settings change.
    All,
}

/// How much a cut may take, so that its pour fits the function's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub rows: u64,
    pub uncompressed_bytes: u64,
}

impl Default for Bounds {
    /// About 200 bytes a row in memory: one cut stays below half a gigabyte.
    fn default() -> Self {
        Self { rows: 2_000_000, uncompressed_bytes: 400 << 20 }
    }
}

/// The links of one chain that wait behind its position, in order, with those that a cut may take in front.
#[derive(Debug)]
pub struct Waiting {
    pub chain: ChainId,
    pub links: Vec<Link>,
    /// There are more than `links`.
    pub has_more: bool,
}

/// Takes waiting links in the order of their arrival across all chains, so that a backlog drains evenly.
///
/// A chain's links keep their order even where clocks disagree. At least one link is taken if any waits.
#[must_use]
pub fn select(waiting: &[Waiting], bounds: Bounds) -> Vec<ChainCut> {
    let mut taken = vec![0_usize; waiting.len()];
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    let mut queue: BinaryHeap<_> =
        waiting.iter().enumerate().filter_map(|(index, chain)| arrival(chain, index, 0, i64::MIN)).collect();
    while let Some(std::cmp::Reverse((arrived_at, index))) = queue.pop() {
        let link = &waiting[index].links[taken[index]];
        rows += link.rows;
        bytes += link.uncompressed_bytes;
        let is_first = taken.iter().all(|count| *count == 0);
        if !is_first && (bounds.rows < rows || bounds.uncompressed_bytes < bytes) {
            break;
        }
        taken[index] += 1;
        if taken[index] == waiting[index].links.len() && waiting[index].has_more {
            // When the next one of this chain arrived is not known, so nothing later may overtake it.
            break;
        }
        queue.extend(arrival(&waiting[index], index, taken[index], arrived_at));
    }
    waiting.iter().zip(taken).map(|(waiting, taken)| chain_cut(waiting, taken)).collect()
}

/// When a chain's next link arrived, never before its predecessor.
fn arrival(waiting: &Waiting, index: usize, taken: usize, previous: i64) -> Option<std::cmp::Reverse<(i64, usize)>> {
    let link = waiting.links.get(taken)?;
    Some(std::cmp::Reverse((link.ingested_at.max(previous), index)))
}

fn chain_cut(waiting: &Waiting, taken: usize) -> ChainCut {
    ChainCut {
        chain: waiting.chain.clone(),
        objects: waiting.links[..taken].iter().map(CutObject::from).collect(),
        waiting: taken < waiting.links.len() || waiting.has_more,
    }
}

impl Cut {
    /// The objects of all chains, in the order in which they are poured.
    pub fn objects(&self) -> impl Iterator<Item = (&ChainId, &CutObject)> {
        self.chains.iter().flat_map(|chain| chain.objects.iter().map(move |object| (&chain.chain, object)))
    }

    #[must_use]
    pub fn rows(&self) -> u64 {
        self.objects().map(|(_, object)| object.rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Partition;

    /// A chain whose links arrive at the given times, ten rows each.
    fn waiting(partition: i32, arrivals: &[i64]) -> Waiting {
        let chain = ChainId {
            topic: "events".to_owned(),
            partition: Partition::Kafka(partition),
            source: "kafka".to_owned(),
            epoch: 0,
        };
        let link = |(index, ingested_at): (usize, &i64)| Link {
            dataset: "iot".to_owned(),
            chain: chain.clone(),
            from: Position::from_offset(10 * index as u64),
            next: Position::from_offset(10 * index as u64 + 10),
            kind: LinkKind::Data,
            rows: 10,
            rejected: 0,
            checksum: Checksum::default(),
            rejected_checksum: Checksum::default(),
            ingested_at: *ingested_at,
            uncompressed_bytes: 1000,
            newest_timestamp: None,
            gaps: vec![],
            dataset_hash: String::new(),
            request_id: String::new(),
        };
        Waiting { links: arrivals.iter().enumerate().map(link).collect(), chain, has_more: false }
    }

    /// How many objects the cut takes of each chain.
    fn taken(waiting: &[Waiting], rows: u64) -> Vec<usize> {
        let bounds = Bounds { rows, uncompressed_bytes: u64::MAX };
        select(waiting, bounds).iter().map(|chain| chain.objects.len()).collect()
    }

    #[test]
    fn a_backlog_drains_evenly_by_arrival() {
        let chains = [waiting(0, &[1, 2, 3, 4]), waiting(1, &[1, 5, 6, 7])];
        assert_eq!(taken(&chains, 40), [3, 1]);
        assert_eq!(taken(&chains, 1000), [4, 4]);
    }

    #[test]
    fn at_least_one_object_is_taken_however_large() {
        assert_eq!(taken(&[waiting(0, &[1, 2])], 1), [1]);
        assert_eq!(taken(&[waiting(0, &[])], 1), [0]);
    }

    #[test]
    fn a_clock_that_jumped_back_does_not_overtake_other_chains() {
        let chains = [waiting(0, &[100, 1, 1]), waiting(1, &[50, 60, 70])];
        assert_eq!(taken(&chains, 30), [0, 3]);
    }

    #[test]
    fn what_stays_behind_is_remembered_as_waiting() {
        let chains = [waiting(0, &[1, 2]), waiting(1, &[3])];
        let cut = select(&chains, Bounds { rows: 20, uncompressed_bytes: u64::MAX });
        assert_eq!(cut.iter().map(|chain| chain.waiting).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn nothing_overtakes_a_link_that_was_not_read_yet() {
        let unread = Waiting { has_more: true, ..waiting(0, &[1, 2]) };
        assert_eq!(taken(&[unread, waiting(1, &[1, 5])], 1000), [2, 1]);
    }

    #[test]
    fn bytes_bound_a_cut_too() {
        let bounds = Bounds { rows: u64::MAX, uncompressed_bytes: 2500 };
        assert_eq!(select(&[waiting(0, &[1, 2, 3])], bounds)[0].objects.len(), 2);
    }
}
