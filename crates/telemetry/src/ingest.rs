//! Events of the landing.

use crate::{Metric, Registry, TARGET};

/// What Lambda delivers at the most.
const PAYLOAD_LIMIT_BYTES: f64 = 6.0 * 1024.0 * 1024.0;

/// An invocation of ingest is done; partitions that failed are reported on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLanded<'a> {
    pub request_id: &'a str,
    pub dataset: &'a str,
    /// Bytes of the payload.
    pub payload_bytes: usize,
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
    /// Each of them as `key..next`: with the key of a raw object, or a part of it, a search leads here,
    /// and from the request to its objects.
    pub ranges: &'a str,
}

impl BatchLanded<'_> {
    /// Logs and counts the event.
    pub fn emit(&self, registry: &Registry) {
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
            ranges = self.ranges,
            "a batch landed"
        );
        registry.add(Metric::BatchesReceived, &[], 1);
        registry.add(Metric::PayloadBytes, &[], self.payload_bytes as u64);
        registry.observe(Metric::PayloadFill, &[], self.payload_bytes as f64 / PAYLOAD_LIMIT_BYTES);
    }
}

/// What became of one partition's part of a batch, whether it landed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionDone<'a> {
    pub topic: &'a str,
    pub partition: &'a str,
    pub received: u64,
    pub landed: u64,
    pub trimmed: u64,
    /// How many of the landed ones were rejected, by reason.
    pub rejects: &'a [(&'static str, u64)],
    /// The newest record timestamp that the chain has seen, in epoch microseconds.
    pub newest_timestamp: Option<i64>,
}

impl PartitionDone<'_> {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        let labels = [self.topic, self.partition];
        registry.add(Metric::EventsReceived, &labels, self.received);
        registry.add(Metric::EventsLanded, &labels, self.landed);
        registry.add(Metric::EventsTrimmed, &labels, self.trimmed);
        for (reason, count) in self.rejects {
            registry.add(Metric::EventsRejected, &[reason], *count);
        }
        // So that the series are there before the first failure, and a graph shows zero and not nothing.
        for kind in ["retry", "misconfigured", "bug"] {
            registry.add(Metric::PartitionFailures, &[self.topic, kind], 0);
        }
        registry.add(Metric::GapsDeclared, &[self.topic, "start"], 0);
        if self.newest_timestamp.is_some() {
            registry.set_moment(Metric::RecordFreshness, &labels, self.newest_timestamp);
        }
    }
}

/// Ingest declared a gap by itself: at the start of a chain, or because the settings say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapDeclared<'a> {
    pub request_id: &'a str,
    pub topic: &'a str,
    pub partition: &'a str,
    pub from: &'a str,
    pub next: &'a str,
    pub reason: &'static str,
}

impl GapDeclared<'_> {
    /// Logs and counts the event.
    pub fn emit(&self, registry: &Registry) {
        tracing::info!(
            target: TARGET,
            event = "gap_declared",
            request_id = self.request_id,
            topic = self.topic,
            partition = self.partition,
            from = self.from,
            next = self.next,
            reason = self.reason,
            "a range whose records were never delivered is declared a gap"
        );
        registry.add(Metric::GapsDeclared, &[self.topic, self.reason], 1);
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
    /// Logs and counts the event.
    pub fn emit(&self, registry: &Registry) {
        if self.kind == "Retry" {
            tracing::warn!(target: TARGET, event = "partition_failed", request_id = self.request_id, topic = self.topic,
                partition = self.partition, from = self.from, kind = self.kind, cause = self.message,
                "a partition could not land; its records are delivered again");
        } else {
            tracing::error!(target: TARGET, event = "partition_failed", request_id = self.request_id, topic = self.topic,
                partition = self.partition, from = self.from, kind = self.kind, cause = self.message,
                "a partition could not land, and will not until somebody acts");
        }
        registry.add(Metric::PartitionFailures, &[self.topic, &self.kind.to_lowercase()], 1);
    }
}
