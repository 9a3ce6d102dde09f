//! What was done, for a summary that a person can check.

use std::collections::BTreeMap;

/// The totals of one [`crate::serve`].
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Served {
    /// Records read from the log.
    pub polled: u64,
    /// Records in invocations that succeeded; a record that was delivered twice counts twice.
    pub delivered: u64,
    /// Records put back on purpose after they were delivered.
    pub redelivered: u64,
    /// Records given up: too old, too large, or failed too often. The on-failure destination has them, if there is one.
    pub discarded: u64,
    /// Calls of the function, the failed ones included.
    pub invocations: u64,
    pub failed_invocations: u64,
    /// The most invocations that were allowed at once.
    pub pollers: usize,
    pub partitions: BTreeMap<i32, ServedPartition>,
}

/// The same for one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ServedPartition {
    /// The offset of the next record to deliver, if anything was committed.
    pub committed: Option<i64>,
    /// Records of it that were given up.
    pub discarded: u64,
    /// Why the partition does not go on: a record in it is too large for a payload.
    pub stopped: Option<String>,
}

impl Served {
    pub(crate) fn partition(&mut self, partition: i32) -> &mut ServedPartition {
        self.partitions.entry(partition).or_default()
    }
}
