//! `penstock rejects redrive`: publishes the bytes of rejected records to a topic again, with their keys.
//!
//! A record that is still bad is rejected again, under a later cut: nothing is lost by trying.

use std::collections::BTreeMap;

use clap::Args;
use futures::TryStreamExt;
use penstock_core::reject::Reason;
use penstock_lake::{Store, cuts};
use penstock_producer::{Deliveries, Failure as Undelivered, KafkaSettings, KafkaSink, Record, Sink, SinkError};
use penstock_runtime::Failure;
use serde::Serialize;

use super::read::{Rejected, Selection};
use crate::output::{self, bytes, count, line, note};
use crate::{Exit, LakeArguments};

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    #[command(flatten)]
    selection: Selection,
    /// How many records to publish at the most
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true, value_name = "N")]
    limit: u64,
    /// The brokers to publish to
    #[arg(long, value_name = "HOST:PORT")]
    brokers: String,
    /// The topic to publish to, which must exist
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// Settings of librdkafka, for TLS and SASL
    #[arg(long, value_parser = crate::run::pair, value_name = "KEY=VALUE")]
    kafka: Vec<(String, String)>,
    /// Publish; without it, only say what would be published
    #[arg(long)]
    yes: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    pub records: u64,
    pub bytes: u64,
    pub reasons: BTreeMap<String, u64>,
    /// Records that cannot be published as they came, by the reason for their rejection.
    pub skipped: BTreeMap<String, u64>,
    pub acknowledged: u64,
    /// Records without an acknowledgement.
    pub failed: u64,
    pub first_failure: Option<String>,
    /// The newest cut before: what is rejected again comes after it.
    pub newest_cut: u64,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let sink: Box<dyn Sink + Send> = if arguments.yes { arguments.connect().await? } else { Box::new(DryRun) };
    let redriven = redrive(&*lake.store(), &dataset.name, &arguments.selection, arguments.limit, sink).await?;
    if arguments.json {
        output::json(&redriven)?;
    } else {
        arguments.print(&redriven);
    }
    if !arguments.yes {
        note("nothing was published: --yes publishes");
        return Ok(Exit::Fine);
    }
    if 0 < redriven.records {
        note(&format!(
            "what is still bad is rejected again: `penstock rejects ls --since {}` shows it after the next cuts",
            redriven.newest_cut
        ));
    }
    Ok(if redriven.acknowledged == redriven.records { Exit::Fine } else { Exit::Finding })
}

impl Arguments {
    async fn connect(&self) -> Result<Box<dyn Sink + Send>, Failure> {
        let settings = KafkaSettings {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            extra: self.kafka.clone(),
            ..KafkaSettings::default()
        };
        let connect = tokio::task::spawn_blocking(move || KafkaSink::connect(&settings));
        Ok(Box::new(connect.await.map_err(Failure::bug)?.map_err(refused)?))
    }

    fn print(&self, redriven: &Redriven) {
        let verb = if self.yes { "published" } else { "would publish" };
        let (records, size) = (count(redriven.records), bytes(redriven.bytes));
        line(&format!("{verb} {records} records ({size}) to {} on {}", self.topic, self.brokers));
        for (reason, number) in &redriven.reasons {
            line(&format!("  {} {reason}", count(*number)));
        }
        for (reason, number) in &redriven.skipped {
            line(&format!("skipped {} {reason}: {}", count(*number), why_skipped(reason)));
        }
        if self.yes {
            line(&format!("acknowledged {}, failed {}", count(redriven.acknowledged), count(redriven.failed)));
        }
        if let Some(failure) = &redriven.first_failure {
            note(&format!("not acknowledged: {failure}"));
        }
    }
}

/// Sends the selected rejects, up to `limit`, in the order of their cuts and positions.
///
/// # Errors
/// The store's; or the sink takes no more. A record that was refused is counted as failed.
pub async fn redrive(
    store: &dyn Store,
    dataset: &str,
    selection: &Selection,
    limit: u64,
    mut sink: Box<dyn Sink + Send>,
) -> Result<Redriven, Failure> {
    let mut redriven = Redriven { newest_cut: cuts::newest(store, dataset).await?, ..Redriven::default() };
    let files = selection.files(store, dataset).await?;
    let mut stream = selection.records(store, files);
    let mut places = Vec::new();
    let mut is_open = true;
    while is_open
        && redriven.records < limit
        && let Some(file) = stream.try_next().await?
    {
        let records = redriven.take(file, limit, &mut places);
        let sent = tokio::task::spawn_blocking(move || send(sink, &records)).await.map_err(Failure::bug)?;
        redriven.note_failure(sent.first_failure, &places);
        (sink, is_open) = (sent.sink, sent.is_open);
    }
    let finish = tokio::task::spawn_blocking(move || sink.finish());
    let deliveries = finish.await.map_err(Failure::bug)?.map_err(refused)?;
    redriven.acknowledged = deliveries.acknowledged;
    // What has no answer did not certainly arrive.
    redriven.failed = redriven.records.saturating_sub(deliveries.acknowledged);
    redriven.note_failure(deliveries.first_failure, &places);
    Ok(redriven)
}

impl Redriven {
    /// Counts the records of a file, and gives those that can be published. `places` says where each one stood.
    fn take(&mut self, file: Vec<Rejected>, limit: u64, places: &mut Vec<String>) -> Vec<Record> {
        let mut records = Vec::new();
        for rejected in file {
            if limit <= self.records {
                break;
            }
            let place = format!("{} partition {} position {}", rejected.topic, rejected.partition, rejected.position);
            let is_whole = rejected.reason != Reason::NotBase64.as_str();
            let Some(value) = rejected.value.filter(|_| is_whole) else {
                *self.skipped.entry(rejected.reason).or_default() += 1;
                continue;
            };
            *self.reasons.entry(rejected.reason).or_default() += 1;
            self.records += 1;
            self.bytes += value.len() as u64;
            records.push(Record::new(places.len() as u64, rejected.key, value));
            places.push(place);
        }
        records
    }

    fn note_failure(&mut self, failure: Option<Undelivered>, places: &[String]) {
        let Some(Undelivered { number, reason }) = failure else { return };
        let place = usize::try_from(number).ok().and_then(|number| places.get(number));
        self.first_failure.get_or_insert(format!("{}: {reason}", place.map_or("a record", String::as_str)));
    }
}

/// What came of sending some records.
struct Sent {
    sink: Box<dyn Sink + Send>,
    first_failure: Option<Undelivered>,
    /// The sink takes more.
    is_open: bool,
}

fn send(sink: Box<dyn Sink + Send>, records: &[Record]) -> Sent {
    let mut sent = Sent { sink, first_failure: None, is_open: true };
    for record in records {
        let Err(error) = sent.sink.send(record) else { continue };
        sent.first_failure.get_or_insert(Undelivered { number: record.number, reason: error.to_string() });
        // A record that is too large says nothing about the next one.
        if !matches!(error, SinkError::TooLarge { .. }) {
            sent.is_open = false;
            break;
        }
    }
    sent
}

fn refused(error: SinkError) -> Failure {
    match error {
        SinkError::Misconfigured(_) => Failure::misconfigured(error),
        _ => Failure::retry(error),
    }
}

fn why_skipped(reason: &str) -> &'static str {
    if reason == Reason::Tombstone.as_str() {
        "they have no value that could be published"
    } else {
        "the event did not carry the record's own bytes; the topic may still have them"
    }
}

/// Takes everything and publishes nothing.
struct DryRun;

impl Sink for DryRun {
    fn send(&mut self, _record: &Record) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        Ok(Deliveries::default())
    }
}
