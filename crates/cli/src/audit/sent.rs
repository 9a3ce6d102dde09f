//! Compares the lake with the producer's report: everything that the brokers acknowledged must have landed.

use std::path::Path;

use penstock_core::position::{Partition, Position};
use penstock_producer::{PartitionReport, Report as Sent};
use penstock_runtime::Failure;

use super::{ChainReport, Report};

pub(super) fn compare(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::misconfigured(format!("cannot read the report {place}: {error}")))?;
    let sent: Sent = serde_json::from_str(&text)
        .map_err(|error| Failure::misconfigured(format!("{place} is no report of penstock-producer: {error}")))?;
    let Some(topic) = &sent.topic else {
        return Err(Failure::misconfigured(format!(
            "{place} is the report of a run that sent to {}, not to a topic: nothing to compare",
            sent.sink
        )));
    };
    if !sent.complete() {
        let problem = format!(
            "{} of {} records were not acknowledged: whether they arrived is not known",
            sent.sent - sent.acknowledged,
            sent.sent
        );
        report.find(&place, problem);
    }
    for partition in &sent.partitions {
        if let Some(problem) = missing(report, topic, partition) {
            report.find(format!("topic {topic} partition {}", partition.partition), problem);
        }
    }
    Ok(())
}

/// What of a partition's acknowledged records has not landed; `None` if all has.
fn missing(report: &Report, topic: &str, sent: &PartitionReport) -> Option<String> {
    let (first, last) = (at(sent.first_offset?), at(sent.last_offset?));
    let is_same =
        |chain: &&ChainReport| chain.chain.topic == topic && chain.chain.partition == Partition::Kafka(sent.partition);
    let Some(chain) = report.chains.iter().filter(is_same).max_by_key(|chain| chain.chain.epoch) else {
        return Some(format!("{} records were acknowledged, and nothing has landed", sent.acknowledged));
    };
    if chain.tail <= last {
        return Some(format!("was acknowledged up to {last}, and the lake ends before {}", chain.tail));
    }
    let gap = chain.gaps.iter().find(|gap| gap.from <= last && first < gap.next)?;
    Some(format!(
        "positions [{}, {}) are a declared gap ({}), and the report says that records were there",
        gap.from, gap.next, gap.reason
    ))
}

fn at(offset: i64) -> Position {
    Position::from_offset(offset.unsigned_abs())
}
