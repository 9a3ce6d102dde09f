//! What may happen: a schedule is a list of these, and any of them may be left out.

use std::fmt;
use std::time::Duration;

use super::network::Answer;
use super::topic::Kind;

/// One thing that happens. An action that makes no sense at its moment (its invocation has ended) does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Records are appended to a partition.
    Produce { partition: usize, kinds: Vec<Kind> },
    /// A consumer invokes ingest with what comes next in some partitions.
    Deliver(Delivery),
    /// The schedule invokes refine.
    Refine { id: u32, place: Place },
    /// An operator declares the gap that ingest asked for last.
    Declare { id: u32, partition: usize },
    /// An invocation gets so many of its waits over; which of those that it has at once follows from `order`.
    Run { id: u32, waits: u16, order: u64 },
    /// The oldest call of an invocation that has not taken effect is answered so.
    Fail { id: u32, answer: Answer },
    /// The consumer no longer waits for its invocation, which lives on.
    GiveUp { id: u32 },
    /// The process dies where it stands.
    Crash { id: u32 },
    /// Time passes.
    Wait(Duration),
    /// The broker loses records before they were delivered for good.
    Lose { partition: usize, from: i64, count: usize },
}

/// A batch, and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: u32,
    pub consumer: usize,
    /// How many records of each partition.
    pub counts: Vec<usize>,
    /// How many positions before the committed one the batch begins.
    pub back: i64,
    pub place: Place,
}

/// Where an invocation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the processes of its function; even ones are of the first deployment, odd ones of the second.
    pub process: usize,
    /// A new process takes its place.
    pub is_cold: bool,
    /// How long it may take; `None`: as long as it likes.
    pub time: Option<Duration>,
}

impl Place {
    pub(super) const fn deployment(self) -> usize {
        self.process % 2
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Produce { partition, kinds } => write!(f, "the topic gets {kinds:?} in partition {partition}"),
            Self::Deliver(Delivery { id, consumer, counts, back, place }) => {
                let rewound = if *back == 0 { String::new() } else { format!(", {back} positions again,") };
                write!(f, "consumer {consumer} delivers{rewound} up to {counts:?} records a partition as #{id} {place}")
            }
            Self::Refine { id, place } => write!(f, "refine runs as #{id} {place}"),
            Self::Declare { id, partition } => {
                write!(f, "an operator declares the gap in partition {partition} as #{id}")
            }
            Self::Run { id, waits: 1, .. } => write!(f, "#{id} gets one step on"),
            Self::Run { id, waits, .. } => write!(f, "#{id} gets {waits} steps on"),
            Self::Fail { id, answer } => write!(f, "#{id}: of the next call {answer}"),
            Self::GiveUp { id } => write!(f, "the consumer gives up waiting for #{id}, which lives on"),
            Self::Crash { id } => write!(f, "#{id} dies"),
            Self::Wait(duration) => write!(f, "{duration:?} pass"),
            Self::Lose { partition, from, count } => {
                write!(f, "the broker loses up to {count} records from offset {from} of partition {partition}")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deployment = ["the first", "the second"][self.deployment()];
        let start = if self.is_cold { ", cold" } else { "" };
        write!(f, "(process {} of {deployment} deployment{start}", self.process)?;
        match self.time {
            Some(time) => write!(f, ", {time:?} at the most)"),
            None => write!(f, ")"),
        }
    }
}
