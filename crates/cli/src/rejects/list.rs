//! `penstock rejects ls`: how many records were rejected, why, and where they stood.

use std::collections::BTreeMap;

use clap::Args;
use futures::TryStreamExt;
use penstock_core::position::{Partition, Position};
use penstock_core::time;
use penstock_runtime::Failure;
use serde::Serialize;

use super::read::{Rejected, Selection};
use crate::output::{self, count, line};
use crate::{Exit, LakeArguments};

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    #[command(flatten)]
    selection: Selection,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    records: u64,
    reasons: BTreeMap<String, u64>,
    partitions: Vec<PartitionRejects>,
}

#[derive(Debug, Serialize)]
struct PartitionRejects {
    topic: String,
    partition: Partition,
    records: u64,
    first: Place,
    last: Place,
}

#[derive(Clone, Debug, Serialize)]
struct Place {
    position: Position,
    time: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let (store, selection) = (lake.store(), &arguments.selection);
    let files = selection.files(&*store, &dataset.name).await?;
    let mut records = selection.records(&*store, files);
    let mut counts = Counts::default();
    while let Some(file) = records.try_next().await? {
        file.iter().for_each(|record| counts.add(record));
    }
    let report = counts.report();
    if arguments.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(Exit::Fine)
}

#[derive(Default)]
struct Counts {
    reasons: BTreeMap<String, u64>,
    partitions: BTreeMap<(String, Partition), PartitionRejects>,
}

impl Counts {
    fn add(&mut self, record: &Rejected) {
        *self.reasons.entry(record.reason.clone()).or_default() += 1;
        let place = Place { position: record.position, time: time::rfc3339(record.time()) };
        let key = (record.topic.clone(), record.partition.clone());
        let partition = self.partitions.entry(key).or_insert_with(|| PartitionRejects {
            topic: record.topic.clone(),
            partition: record.partition.clone(),
            records: 0,
            first: place.clone(),
            last: place.clone(),
        });
        partition.records += 1;
        if place.position < partition.first.position {
            partition.first = place;
        } else if partition.last.position < place.position {
            partition.last = place;
        }
    }

    fn report(self) -> Report {
        Report {
            records: self.reasons.values().sum(),
            reasons: self.reasons,
            partitions: self.partitions.into_values().collect(),
        }
    }
}

impl Report {
    fn print(&self) {
        line(&format!("{} rejected records", count(self.records)));
        if self.records == 0 {
            return;
        }
        line("");
        let reasons: Vec<_> =
            self.reasons.iter().map(|(reason, number)| vec![reason.clone(), count(*number)]).collect();
        output::table(&["reason", "records"], &reasons);
        line("");
        let rows: Vec<_> = self.partitions.iter().map(PartitionRejects::cells).collect();
        output::table(&["topic", "partition", "records", "first", "time of first", "last", "time of last"], &rows);
    }
}

impl PartitionRejects {
    fn cells(&self) -> Vec<String> {
        let Self { topic, partition, records, first, last } = self;
        let place = |place: &Place| [place.position.to_string(), place.time.clone()];
        let cells = [topic.clone(), partition.to_string(), count(*records)].into_iter();
        cells.chain(place(first)).chain(place(last)).collect()
    }
}
