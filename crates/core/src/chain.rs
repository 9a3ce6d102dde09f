//! The chain of raw objects of one partition: the protocol of the landing, as arithmetic.
//!
//! Each raw object is a [`Link`] that covers the half-open range `[from, next)`.
//! Its key holds only `from`, which is the `next` of its predecessor, and it is created only if no object has that key.
//! So at most one object can follow any object, however batches are cut, doubled, delayed or reordered.
//!
//! In: what is known of the chain's end ([`Tail`]) and the records of a batch. Out: the one next [`Step`], or a [`Refusal`].
//! Listing, reading and writing happen elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;
use crate::dataset::Dataset;
use crate::keys::ChainId;
use crate::payload::Record;
use crate::position::Position;

/// The name of the footer entry that holds a raw object's [`Link`] as JSON.
pub const FOOTER_KEY: &str = "penstock.link";

/// What a raw object says of itself, in its footer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub dataset: String,
    #[serde(flatten)]
    pub chain: ChainId,
    pub from: Position,
    /// The first position behind the object: the key of its only possible successor.
    pub next: Position,
    pub kind: LinkKind,
    /// All rows, the rejected ones included.
    pub rows: u64,
    pub rejected: u64,
    /// Sum of the hashes of all rows' coordinates.
    pub checksum: Checksum,
    /// The same over the rejected rows only.
    pub rejected_checksum: Checksum,
    /// Epoch microseconds: when the batch arrived.
    pub ingested_at: i64,
    pub uncompressed_bytes: u64,
    /// The newest record timestamp of the chain up to here, in epoch microseconds.
    pub newest_timestamp: Option<i64>,
    /// Every declared gap of the chain up to here.
    pub gaps: Vec<Gap>,
    /// SHA-256 of the dataset file that parsed the records.
    pub dataset_hash: String,
    pub request_id: String,
}

impl Link {
    /// A link at the tail that covers nothing yet. `arrived_at` is in epoch microseconds.
    #[must_use]
    pub fn at_tail(dataset: &Dataset, chain: &ChainId, tail: &Tail, arrived_at: i64, request_id: &str) -> Self {
        Self {
            dataset: dataset.name.clone(),
            chain: chain.clone(),
            from: tail.next,
            next: tail.next,
            kind: LinkKind::Data,
            rows: 0,
            rejected: 0,
            checksum: Checksum::default(),
            rejected_checksum: Checksum::default(),
            ingested_at: arrived_at,
            uncompressed_bytes: 0,
            newest_timestamp: tail.newest_timestamp,
            gaps: tail.gaps.clone(),
            dataset_hash: dataset.hash.clone(),
            request_id: request_id.to_owned(),
        }
    }

    /// Makes the link a gap up to `next`.
    #[must_use]
    pub fn into_gap(mut self, next: Position, reason: GapReason) -> Self {
        self.next = next;
        self.kind = LinkKind::Gap;
        self.gaps.push(Gap { from: self.from, next, reason });
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Data,
    Gap,
}

/// A declared range without records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Position,
    pub next: Position,
    pub reason: GapReason,
}

/// Why a range of positions has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The chain began above position 0.
    Start,
    /// Retention of the topic took the records before they landed.
    Expired,
    /// An on-failure destination took the records.
    DeadLettered,
    /// Transaction markers or compaction: no records were ever there for a consumer.
    Markers,
    /// The setting `on_gap = "declare"` accepted it.
    Automatic,
    /// A raw object was lost or damaged before it was poured.
    Unreadable,
}

impl GapReason {
    /// The reasons that an operator may give.
    pub const DECLARABLE: [Self; 3] = [Self::Expired, Self::DeadLettered, Self::Markers];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Expired => "expired",
            Self::DeadLettered => "dead_lettered",
            Self::Markers => "markers",
            Self::Automatic => "automatic",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a hole in the positions means that records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offsets {
    /// Kafka's default: every position has a record.
    Contiguous,
    /// Compacted or transactional topics, and Kinesis: holes are normal.
    Sparse,
}

/// What to do about a hole in contiguous positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGap {
    /// Fail until an operator declares it.
    Fail,
    /// Declare it at once, for those who prefer flow to safety.
    Declare,
}

/// The end of a chain: everything that the next object needs to know of its predecessors.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tail {
    /// The first position that has not landed.
    pub next: Position,
    pub newest_timestamp: Option<i64>,
    pub gaps: Vec<Gap>,
    /// No object exists yet.
    pub is_new: bool,
}

impl Tail {
    /// The end of a chain without objects.
    #[must_use]
    pub fn new_chain() -> Self {
        Self { is_new: true, ..Self::default() }
    }
}

impl From<&Link> for Tail {
    fn from(link: &Link) -> Self {
        Self { next: link.next, newest_timestamp: link.newest_timestamp, gaps: link.gaps.clone(), is_new: false }
    }
}

/// The coordinates of a record that the chain cares about.
pub trait Positioned {
    fn position(&self) -> Position;
    /// Epoch microseconds, if the source gave one.
    fn timestamp(&self) -> Option<i64>;
}

impl Positioned for Record<'_> {
    fn position(&self) -> Position {
        self.position
    }

    fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }
}

/// The one next thing to do for a batch.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'r, R> {
    /// Every record stands in the lake.
    Landed,
    /// Write a gap object at the tail.
    Declare(Gap),
    /// Write these records as the object at the tail; it ends at `next`.
    Write { records: &'r [R], next: Position },
}

/// The batch cannot land, and waiting will not help: somebody must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "{chain}: positions [{from}, {next}) are missing: the batch goes on at {next} but the lake ends before {from}. \
         If they are gone for good (expired, dead-lettered, transaction markers), declare it: \
         `penstock gaps declare --source {source} --topic {topic} --epoch {epoch} --partition {partition} --from {from} --to {next} --reason expired`. \
         If the mapping starts at LATEST, or a filter drops records, mend that first. For compacted or transactional topics set PENSTOCK_OFFSETS=sparse",
        source = chain.source, topic = chain.topic, epoch = chain.epoch, partition = chain.partition
    )]
    Missing { chain: Box<ChainId>, from: Position, next: Position },
    #[error(
        "{chain}: position {position} lies in the gap [{from}, {next}) that was declared ({reason}), so its record never landed, and the gap cannot be taken back. \
         Publish the record to the topic again; if the topic was deleted and made anew, raise PENSTOCK_EPOCH",
        from = gap.from, next = gap.next, reason = gap.reason
    )]
    InGap { chain: Box<ChainId>, position: Position, gap: Gap },
    #[error(
        "{chain}: position {position} is below the end of the lake ({tail}), but its record is not the one that landed there: {evidence}. \
         If the topic was deleted and made anew, raise PENSTOCK_EPOCH; if this is another cluster, give it a name of its own in PENSTOCK_SOURCE; \
         otherwise publish the record to the topic again"
    )]
    NotTheSame { chain: Box<ChainId>, position: Position, tail: Position, evidence: String },
}

/// Finds the next step for a batch whose records are in ascending order of position.
///
/// # Errors
/// See [`Refusal`]. What comes before a hole is written first: a refusal never holds back records that can land.
pub fn next_step<'r, R: Positioned>(
    chain: &ChainId,
    tail: &Tail,
    offsets: Offsets,
    on_gap: OnGap,
    records: &'r [R],
) -> Result<Step<'r, R>, Refusal> {
    let (below, above) = split_at_tail(tail, records);
    for record in below {
        check_landed(chain, tail, record)?;
    }
    let Some(first) = above.first().map(Positioned::position) else {
        return Ok(Step::Landed);
    };
    if offsets == Offsets::Contiguous && first != tail.next {
        return step_over_hole(chain, tail, on_gap, first);
    }
    let records = match offsets {
        Offsets::Contiguous => contiguous_prefix(above),
        Offsets::Sparse => above,
    };
    let next = records.last().map_or(first, Positioned::position).next();
    Ok(Step::Write { records, next })
}

/// The records below the tail, which should have landed, and those at or above it.
pub fn split_at_tail<'r, R: Positioned>(tail: &Tail, records: &'r [R]) -> (&'r [R], &'r [R]) {
    records.split_at(records.partition_point(|record| record.position() < tail.next))
}

fn contiguous_prefix<R: Positioned>(records: &[R]) -> &[R] {
    let holes = |pair: &[R]| pair[0].position().next() != pair[1].position();
    let length = records.windows(2).position(holes).map_or(records.len(), |last| last + 1);
    &records[..length]
}

/// Below the tail means landed, unless there is proof of the contrary.
fn check_landed<R: Positioned>(chain: &ChainId, tail: &Tail, record: &R) -> Result<(), Refusal> {
    let position = record.position();
    if let Some(gap) = tail.gaps.iter().find(|gap| gap.from <= position && position < gap.next) {
        return Err(Refusal::InGap { chain: Box::new(chain.clone()), position, gap: gap.clone() });
    }
    match (record.timestamp(), tail.newest_timestamp) {
        (Some(timestamp), Some(newest)) if newest < timestamp => Err(Refusal::NotTheSame {
            chain: Box::new(chain.clone()),
            position,
            tail: tail.next,
            evidence: "its timestamp is newer than any that landed".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn step_over_hole<'r, R>(chain: &ChainId, tail: &Tail, on_gap: OnGap, first: Position) -> Result<Step<'r, R>, Refusal> {
    let gap = |reason| Step::Declare(Gap { from: tail.next, next: first, reason });
    match on_gap {
        _ if tail.is_new => Ok(gap(GapReason::Start)),
        OnGap::Declare => Ok(gap(GapReason::Automatic)),
        OnGap::Fail => Err(Refusal::Missing { chain: Box::new(chain.clone()), from: tail.next, next: first }),
    }
}

/// Checks that a link is what its key says.
///
/// # Errors
/// The link does not belong here; the text says why.
pub fn check_place(dataset: &str, chain: &ChainId, from: Position, link: &Link) -> Result<(), String> {
    if link.dataset != dataset || link.chain != *chain {
        return Err(format!("its footer says that it belongs to {} of dataset {}", link.chain, link.dataset));
    }
    if link.from != from {
        return Err(format!("its key says that it begins at {from}, its footer says {}", link.from));
    }
    if link.next <= link.from {
        return Err(format!("its range [{}, {}) is empty", link.from, link.next));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Partition;

    #[derive(Debug, PartialEq, Eq)]
    struct At(u64, i64);

    impl Positioned for At {
        fn position(&self) -> Position {
            Position::from_offset(self.0)
        }
        fn timestamp(&self) -> Option<i64> {
            Some(self.1)
        }
    }

    fn at(offset: u64) -> Position {
        Position::from_offset(offset)
    }

    fn chain() -> ChainId {
        ChainId { topic: "events".to_owned(), partition: Partition::Kafka(3), source: "kafka".to_owned(), epoch: 0 }
    }

    fn tail(next: u64) -> Tail {
        Tail { next: at(next), newest_timestamp: Some(100), gaps: vec![], is_new: false }
    }

    fn step<'r>(tail: &Tail, offsets: Offsets, on_gap: OnGap, records: &'r [At]) -> Result<Step<'r, At>, Refusal> {
        next_step(&chain(), tail, offsets, on_gap, records)
    }

    /// What is written of a contiguous batch: first position and number of records; (0, 0) for nothing.
    fn written(tail: &Tail, offsets: &[u64]) -> (u64, usize) {
        let records: Vec<At> = offsets.iter().map(|offset| At(*offset, 50)).collect();
        match step(tail, Offsets::Contiguous, OnGap::Fail, &records).unwrap() {
            Step::Write { records, next } => {
                assert_eq!(next, records.last().unwrap().position().next());
                (records[0].0, records.len())
            }
            Step::Landed => (0, 0),
            Step::Declare(gap) => panic!("{gap:?}"),
        }
    }

    #[test]
    fn the_batch_is_trimmed_to_what_lies_at_or_above_the_tail() {
        assert_eq!(written(&tail(5), &[5, 6, 7]), (5, 3));
        assert_eq!(written(&tail(5), &[3, 4, 5, 6]), (5, 2));
        assert_eq!(written(&tail(5), &[3, 4]), (0, 0));
        assert_eq!(written(&tail(5), &[]), (0, 0));
    }

    #[test]
    fn records_before_a_hole_land_before_the_hole_is_refused() {
        assert_eq!(written(&tail(5), &[5, 6, 9, 10]), (5, 2));
        let refusal = step(&tail(7), Offsets::Contiguous, OnGap::Fail, &[At(9, 50)]).unwrap_err();
        assert_eq!(refusal, Refusal::Missing { chain: Box::new(chain()), from: at(7), next: at(9) });
        assert!(refusal.to_string().contains("--from 7 --to 9"), "{refusal}");
    }

    #[test]
    fn a_new_chain_declares_its_own_start_and_nothing_else_does() {
        let start = step(&Tail::new_chain(), Offsets::Contiguous, OnGap::Fail, &[At(9, 50)]).unwrap();
        assert_eq!(start, Step::Declare(Gap { from: at(0), next: at(9), reason: GapReason::Start }));
        let automatic = step(&tail(5), Offsets::Contiguous, OnGap::Declare, &[At(9, 50)]).unwrap();
        assert_eq!(automatic, Step::Declare(Gap { from: at(5), next: at(9), reason: GapReason::Automatic }));
    }

    #[test]
    fn sparse_positions_need_no_declaration() {
        let records = [At(9, 50), At(20, 50)];
        let expect = Step::Write { records: &records[..], next: at(21) };
        assert_eq!(step(&tail(5), Offsets::Sparse, OnGap::Fail, &records).unwrap(), expect);
        assert_eq!(step(&Tail::new_chain(), Offsets::Sparse, OnGap::Fail, &records).unwrap(), expect);
    }

    #[test]
    fn a_record_in_a_declared_gap_never_landed() {
        let gap = Gap { from: at(2), next: at(4), reason: GapReason::Expired };
        let tail = Tail { gaps: vec![gap.clone()], ..tail(10) };
        for (offset, refused) in [(1, false), (2, true), (3, true), (4, false)] {
            let records = [At(offset, 50)];
            let result = step(&tail, Offsets::Contiguous, OnGap::Declare, &records);
            assert_eq!(result.is_err(), refused, "{offset}");
        }
    }

    #[test]
    fn a_record_newer_than_the_chain_never_landed() {
        let refusal = step(&tail(10), Offsets::Contiguous, OnGap::Fail, &[At(4, 101)]).unwrap_err();
        assert!(refusal.to_string().contains("PENSTOCK_EPOCH"), "{refusal}");
        assert!(step(&tail(10), Offsets::Contiguous, OnGap::Fail, &[At(4, 100)]).is_ok());
    }
}
