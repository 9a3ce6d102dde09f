//! Events of the landing.

use crate::TARGET;

/// An invocation of ingest is done; partitions that failed are reported on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLanded<'a> {
    pub request_id: &'a str,
    pub dataset: &'a str,
    /// Partitions in the payload.
    pub partitions: usize,
    /// Records in the payload.
    pub received: u64,
    /// Records that landed now, the rejected ones included.
    pub landed: u64,
    /// Records that had landed before.
    pub trimmed: u64,
    pub rejected: u64,
    /// Raw objects created.
    pub objects: u64,
    /// Their size.
    pub bytes: u64,
}

impl BatchLanded<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        tracing::info!(
            target: TARGET,
            event = "batch_landed",
            request_id = self.request_id,
            dataset = self.dataset,
            partitions = self.partitions,
            received = self.received,
            landed = self.landed,
            trimmed = self.trimmed,
            rejected = self.rejected,
            objects = self.objects,
            bytes = self.bytes,
            "a batch landed"
        );
    }
}

/// A partition's records could not land; they are delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionFailed<'a> {
    pub request_id: &'a str,
    pub topic: &'a str,
    pub partition: &'a str,
    /// The first position of the batch.
    pub from: &'a str,
    /// Who must act: `Retry` (nobody), `Misconfigured` or `Bug`.
    pub kind: &'a str,
    pub message: &'a str,
}

impl PartitionFailed<'_> {
    /// Logs the event.
    pub fn emit(&self) {
        if self.kind == "Retry" {
            tracing::warn!(target: TARGET, event = "partition_failed", request_id = self.request_id, topic = self.topic,
                partition = self.partition, from = self.from, kind = self.kind, cause = self.message,
                "a partition could not land; its records are delivered again");
        } else {
            tracing::error!(target: TARGET, event = "partition_failed", request_id = self.request_id, topic = self.topic,
                partition = self.partition, from = self.from, kind = self.kind, cause = self.message,
                "a partition could not land, and will not until somebody acts");
        }
    }
}
