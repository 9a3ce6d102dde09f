//! What was sent and what became of it: the file that `penstock audit --sent` reads.

use penstock_core::position::Position;
use serde::{Deserialize, Serialize};

use crate::produce::Outcome;
use crate::shape::Expected;

/// The delivery report, one JSON object. Everything that was sent is either acknowledged or failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub dataset: String,
    /// SHA-256 of the dataset file, in lower-case hex.
    pub dataset_hash: String,
    /// The generator's seed; null if the events were the user's own.
    pub seed: Option<u64>,
    /// `kafka`, `kinesis`, `stdout` or `file`.
    pub sink: String,
    /// The topic or the stream; null unless the sink is a log.
    pub topic: Option<String>,
    /// RFC 3339, UTC.
    pub started: String,
    pub finished: String,
    /// Whether the run was ended before its last record.
    pub interrupted: bool,
    pub sent: u64,
    pub acknowledged: u64,
    pub failed: u64,
    /// Of those sent, by the generator's account: malformed, repeated and late ones.
    pub malformed: u64,
    pub duplicates: u64,
    pub late: u64,
    /// Lines of an input that hold no JSON; they were sent.
    pub broken_lines: u64,
    /// Lines of an input that hold nothing; they were not sent.
    pub empty_lines: u64,
    /// Records of an input in which no key was found.
    pub without_key: u64,
    /// In ascending order; empty unless the sink is Kafka.
    pub partitions: Vec<PartitionReport>,
    /// In ascending order; empty unless the sink is Kinesis.
    #[serde(default)]
    pub shards: Vec<ShardReport>,
    /// How many records more than were sent may stand in the stream, because what had no answer was sent again.
    #[serde(default)]
    pub may_be_doubled: u64,
    /// The first failure: which record, and why.
    pub failure: Option<String>,
}

/// What became of the records of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionReport {
    /// -1 holds what failed before a partition was chosen.
    pub partition: i32,
    pub sent: u64,
    pub acknowledged: u64,
    pub failed: u64,
    /// Smallest and largest offset that the broker acknowledged; others may have written in between.
    pub first_offset: Option<i64>,
    pub last_offset: Option<i64>,
}

/// What a shard of Kinesis has taken. Which shard a record was for that it did not take is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardReport {
    pub shard: String,
    pub acknowledged: u64,
    /// Smallest and largest sequence number that Kinesis named; others may have written in between.
    pub first_sequence_number: Position,
    pub last_sequence_number: Position,
}

/// What a source gave so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub expected: Expected,
    pub broken_lines: u64,
    pub empty_lines: u64,
    pub without_key: u64,
}

/// What a sink knows at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    pub acknowledged: u64,
    pub failed: u64,
    pub partitions: Vec<PartitionReport>,
    pub shards: Vec<ShardReport>,
    pub may_be_doubled: u64,
    pub first_failure: Option<Failure>,
}

/// A record that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The record's number.
    pub number: u64,
    pub reason: String,
}

impl Report {
    /// Whether everything that was sent has been acknowledged.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.failed == 0 && self.acknowledged == self.sent
    }

    /// Enters what came of a run. `place` says what a record's number means.
    pub fn account(&mut self, outcome: &Outcome, place: impl Fn(u64) -> String) {
        let Outcome { counts, deliveries, .. } = outcome;
        self.interrupted = outcome.interrupted;
        self.sent = counts.expected.sent;
        self.acknowledged = deliveries.acknowledged;
        // What has no answer did not certainly arrive.
        self.failed = self.sent.saturating_sub(self.acknowledged);
        self.malformed = counts.expected.malformed;
        self.duplicates = counts.expected.duplicates;
        self.late = counts.expected.late;
        self.broken_lines = counts.broken_lines;
        self.empty_lines = counts.empty_lines;
        self.without_key = counts.without_key;
        self.partitions.clone_from(&deliveries.partitions);
        self.shards.clone_from(&deliveries.shards);
        self.may_be_doubled = deliveries.may_be_doubled;
        let failure = deliveries.first_failure.as_ref();
        self.failure = failure.map(|failure| format!("{}: {}", place(failure.number), failure.reason));
    }

    /// A few words for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("sent {}, acknowledged {}, failed {}", self.sent, self.acknowledged, self.failed);
        for (count, what) in [
            (self.duplicates, "duplicates"),
            (self.late, "late"),
            (self.malformed, "malformed"),
            (self.broken_lines, "broken lines"),
            (self.empty_lines, "empty lines left out"),
            (self.without_key, "without key"),
            (self.may_be_doubled, "that may stand in the stream twice"),
        ] {
            if 0 < count {
                text.push_str(&format!("; {count} {what}"));
            }
        }
        if self.interrupted {
            text.push_str("; interrupted");
        }
        if let Some(failure) = &self.failure {
            text.push_str(&format!("\nnot acknowledged: {failure}"));
        }
        text
    }
}
