//! Lands the records of one invocation: for each partition the chain of raw objects grows by what is new.
//!
//! In: the payload of a Kafka or Kinesis event source mapping. Out: raw objects, and an answer that says what landed.
//! A record that is there already is trimmed; a record that cannot be parsed lands as a reject;
//! where it cannot be known that a record has landed, the invocation fails and says what to do.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod land;
mod overlap;
mod tails;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures::future::join_all;
use penstock_core::dataset::Dataset;
use penstock_core::payload::{self, Batch, SourceKind};
use penstock_core::position::Partition;
use penstock_runtime::{Call, Failure, FailureResponse, Function, IngestSettings, Kind, Lake, Settings, SystemClock};
use penstock_telemetry::Registry;
use penstock_telemetry::function::StageEnded;
use penstock_telemetry::ingest::{BatchLanded, PartitionDone, PartitionFailed};
use serde::Serialize;
use serde_json::{Value, json};

pub use land::Landed;

use tails::Tails;

/// The function's name in metrics.
pub const NAME: &str = "ingest";

/// A warm function.
#[derive(Debug)]
pub struct Ingest {
    lake: Lake,
    dataset: Arc<Dataset>,
    settings: IngestSettings,
    tails: Tails,
}

/// What one invocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records in the payload.
    pub received: u64,
    /// Records that landed now, the rejected ones included.
    pub landed: u64,
    /// Records that had landed before.
    pub trimmed: u64,
    pub rejected: u64,
    pub rejects: BTreeMap<&'static str, u64>,
    pub objects: u64,
    /// Bytes of Parquet written.
    pub bytes: u64,
    /// The objects, for the log alone.
    #[serde(skip)]
    pub ranges: Vec<String>,
}

#[async_trait]
impl Function for Ingest {
    const NAME: &'static str = NAME;
    type Settings = Settings;

    async fn open(settings: &Settings, telemetry: Arc<Registry>) -> Result<Self, Failure> {
        let lake = Lake::open(&settings.lake, Arc::new(SystemClock), telemetry).await?;
        Ok(Self::new(lake, Arc::clone(&settings.dataset), settings.ingest.clone()))
    }

    async fn call(&self, event: &[u8], call: &Call) -> Result<Value, Failure> {
        self.handle(event, call).await
    }
}

impl Ingest {
    #[must_use]
    pub fn new(lake: Lake, dataset: Arc<Dataset>, settings: IngestSettings) -> Self {
        Self { lake, dataset, settings, tails: Tails::default() }
    }

    /// Lands a payload and answers as the mapping expects it.
    ///
    /// # Errors
    /// A partition could not land (and partial answers are off), or the payload is no event of a mapping.
    pub async fn handle(&self, event: &[u8], call: &Call) -> Result<Value, Failure> {
        let began = Instant::now();
        let payload = payload::read(event).map_err(Failure::misconfigured)?;
        self.stage_ended("read", began);
        let results = join_all(payload.batches.iter().map(|batch| self.land_batch(batch, call))).await;
        let mut summary = Summary::default();
        let mut failed = Vec::new();
        for (batch, result) in payload.batches.iter().zip(results) {
            summary.received += batch.records.len() as u64;
            match result {
                Ok(landed) => summary.add(landed),
                Err(failure) => {
                    self.emit_failure(batch, call, &failure);
                    failed.push((batch, failure));
                }
            }
        }
        self.emit_landed(&summary, event.len(), payload.batches.len(), call);
        match (self.settings.failures, failed.is_empty()) {
            (_, true) => serde_json::to_value(summary).map_err(Failure::bug),
            (FailureResponse::Partial, false) => Ok(partial_answer(payload.kind, &failed)),
            (FailureResponse::Batch, false) => Err(whole_failure(payload.batches.len(), &failed)),
        }
    }

    fn emit_landed(&self, summary: &Summary, payload_bytes: usize, partitions: usize, call: &Call) {
        BatchLanded {
            request_id: &call.request_id,
            dataset: &self.dataset.name,
            payload_bytes,
            partitions,
            received: summary.received,
            landed: summary.landed,
            trimmed: summary.trimmed,
            rejected: summary.rejected,
            objects: summary.objects,
            bytes: summary.bytes,
            ranges: &summary.ranges.join(" "),
        }
        .emit(self.lake.telemetry());
    }

    /// What became of a partition's records, also where it failed before the last of them.
    fn emit_done(&self, batch: &Batch<'_>, landed: &Landed) {
        let rejects: Vec<(&str, u64)> =
            landed.rejects.iter().map(|(reason, count)| (reason.as_str(), *count as u64)).collect();
        PartitionDone {
            topic: &batch.topic,
            partition: &batch.partition.to_string(),
            received: batch.records.len() as u64,
            landed: landed.rows,
            trimmed: landed.trimmed,
            rejects: &rejects,
            newest_timestamp: landed.newest_timestamp,
        }
        .emit(self.lake.telemetry());
    }

    fn emit_failure(&self, batch: &Batch<'_>, call: &Call, failure: &Failure) {
        PartitionFailed {
            request_id: &call.request_id,
            topic: &batch.topic,
            partition: &batch.partition.to_string(),
            from: &batch.records.first().map(|record| record.position.to_string()).unwrap_or_default(),
            kind: failure.kind.as_str(),
            message: &failure.message,
        }
        .emit(self.lake.telemetry());
    }

    fn stage_ended(&self, stage: &'static str, began: Instant) {
        StageEnded { function: NAME, stage, duration: began.elapsed() }.emit(self.lake.telemetry());
    }
}

impl Summary {
    fn add(&mut self, landed: Landed) {
        self.landed += landed.rows;
        self.trimmed += landed.trimmed;
        self.rejected += landed.rejected;
        self.objects += landed.objects;
        self.bytes += landed.bytes;
        self.ranges.extend(landed.ranges);
        for (reason, count) in &landed.rejects {
            *self.rejects.entry(reason.as_str()).or_default() += *count as u64;
        }
    }
}

/// Everything from the first record of a failed partition is to be delivered again; what of it landed is trimmed then.
fn partial_answer(kind: SourceKind, failed: &[(&Batch<'_>, Failure)]) -> Value {
    let identifier = |batch: &Batch<'_>| -> Option<Value> {
        let first = batch.records.first()?.position;
        match (kind, &batch.partition) {
            (SourceKind::Kafka, Partition::Kafka(number)) => {
                Some(json!({ "partition": format!("{}-{number}", batch.topic), "offset": first.offset() }))
            }
            _ => Some(json!(first.to_string())),
        }
    };
    let failures = failed.iter().filter_map(|(batch, _)| identifier(batch));
    json!({ "batchItemFailures": failures.map(|id| json!({ "itemIdentifier": id })).collect::<Vec<_>>() })
}

/// One failure for the invocation. It is of the kind that calls for the most.
fn whole_failure(partitions: usize, failed: &[(&Batch<'_>, Failure)]) -> Failure {
    let kind = match failed.iter().map(|(_, failure)| failure.kind) {
        mut kinds if kinds.clone().any(|kind| kind == Kind::Bug) => kinds.find(|kind| *kind == Kind::Bug),
        mut kinds => kinds.find(|kind| *kind == Kind::Misconfigured),
    };
    let messages: Vec<&str> = failed.iter().map(|(_, failure)| failure.message.as_str()).collect();
    let landed = match partitions - failed.len() {
        0 => String::new(),
        others => format!(" ({others} other partitions of the batch landed)"),
    };
    Failure { kind: kind.unwrap_or(Kind::Retry), message: format!("{}{landed}", messages.join("; ")) }
}
