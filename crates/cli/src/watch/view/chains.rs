//! The partitions: how far each has landed and is poured, how fresh it is, and its newest raw objects.

use penstock_core::chain::{Gap, GapReason, LinkKind};
use penstock_core::keys::ChainId;
use penstock_core::position::Position;
use penstock_core::state::ChainState;
use serde::Serialize;

use super::{LogPositions, millis};
use crate::watch::known::{Known, KnownChain, Object};

/// How many objects are shown of each chain where there are few ...
const OBJECTS_OF_A_CHAIN: usize = 32;

/// ... and of all chains together where there are many.
const OBJECTS_OF_ALL: usize = 2048;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PartitionView {
    source: String,
    topic: String,
    epoch: u32,
    partition: String,
    /// The first position that has not landed; `None` before anybody looked.
    tail: Option<String>,
    /// The first position that is not poured.
    poured: String,
    pub(super) landed: u64,
    pub(super) waiting: u64,
    /// When the oldest object that waits arrived.
    waiting_since: Option<i64>,
    silver: u64,
    duplicates: u64,
    rejected: u64,
    /// In declared gaps, the one before the chain's first record not counted.
    pub(super) gap_positions: u64,
    /// The newest event time in silver.
    newest_event: Option<i64>,
    newest_arrival: Option<i64>,
    /// Records in the log beyond what landed, if a log is known.
    pub(super) in_log: Option<u64>,
    problem: Option<String>,
    objects: Vec<ObjectView>,
    /// Objects before those.
    has_more: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ObjectView {
    from: String,
    next: String,
    rows: u64,
    is_gap: bool,
    is_poured: bool,
    cut: Option<u64>,
    at: i64,
}

pub(super) fn view(known: &Known, log: Option<&LogPositions>) -> Vec<PartitionView> {
    let shown = (OBJECTS_OF_ALL / known.chains.len().max(1)).clamp(4, OBJECTS_OF_A_CHAIN);
    let poured = |chain: &ChainId| known.state.chains.iter().find(|state| state.chain == *chain);
    let in_log = |chain: &ChainId| {
        let position = log?.get(chain)?;
        Some(position.lag().unsigned_abs())
    };
    let partition =
        |(chain, links): (&ChainId, &KnownChain)| partition(chain, links, poured(chain), in_log(chain), shown);
    known.chains.iter().map(partition).collect()
}

fn partition(
    chain: &ChainId,
    known: &KnownChain,
    state: Option<&ChainState>,
    in_log: Option<u64>,
    shown: usize,
) -> PartitionView {
    let poured = state.map_or(Position::ZERO, |state| state.next);
    let totals = state.map(|state| state.totals).unwrap_or_default();
    let waiting: u64 = known.waiting(poured).map(|object| object.rows).sum();
    let newest = known.objects.values().map(|object| object.ingested_at);
    let newest_poured = state.map(|state| state.newest_ingested_at).filter(|at| i64::MIN < *at);
    let objects = known.objects.iter().rev().take(shown).map(|(from, object)| object_view(*from, object, poured));
    let mut objects: Vec<ObjectView> = objects.collect();
    objects.reverse();
    PartitionView {
        source: chain.source.clone(),
        topic: chain.topic.clone(),
        epoch: chain.epoch,
        partition: chain.partition.to_string(),
        tail: known.end().map(|tail| tail.to_string()),
        poured: poured.to_string(),
        landed: totals.landed.rows + waiting,
        waiting,
        waiting_since: known.waiting(poured).map(|object| object.ingested_at).min().map(millis),
        silver: totals.silver.rows,
        duplicates: totals.duplicates.rows,
        rejected: totals.rejected.rows,
        gap_positions: gap_positions(&known.gaps),
        newest_event: state.and_then(|state| state.newest_event_time).map(millis),
        newest_arrival: newest.max().max(newest_poured).map(millis),
        in_log,
        problem: known.problem.clone(),
        has_more: known.objects.first_key_value().is_some_and(|(from, _)| *from != Position::ZERO)
            || objects.len() < known.objects.len(),
        objects,
    }
}

fn object_view(from: Position, object: &Object, poured: Position) -> ObjectView {
    ObjectView {
        from: from.to_string(),
        next: object.next.to_string(),
        rows: object.rows,
        is_gap: object.kind == LinkKind::Gap,
        is_poured: from < poured,
        cut: object.cut,
        at: millis(object.ingested_at),
    }
}

/// As the audit counts them.
fn gap_positions(gaps: &[Gap]) -> u64 {
    let counted = gaps.iter().filter(|gap| gap.reason != GapReason::Start);
    counted.filter_map(|gap| gap.from.distance_to(gap.next)).sum()
}
