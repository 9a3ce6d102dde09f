//! Compares the lake with the producer's report: everything that was acknowledged must have landed.
//!
//! A shard's sequence numbers have holes, so there a count must do: of as many rows, up to the last one, none is missing
//! unless somebody else wrote to the shard as well.

use std::path::Path;

use penstock_core::position::{Partition, Position};
use penstock_producer::{PartitionReport, Report as Sent, ShardReport};
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
            "{place} is the report of a run that sent to {}, not to a topic or a stream: nothing to compare",
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
    let acknowledged = sent.partitions.iter().filter_map(of_partition).chain(sent.shards.iter().map(of_shard));
    for acknowledged in acknowledged {
        if let Some(problem) = missing(report, topic, &acknowledged) {
            report.find(format!("topic {topic} partition {}", acknowledged.partition), problem);
        }
    }
    Ok(())
}

/// What a partition or a shard has acknowledged.
struct Acknowledged {
    partition: Partition,
    records: u64,
    first: Position,
    last: Position,
}

/// `None` if the brokers named no offset.
fn of_partition(sent: &PartitionReport) -> Option<Acknowledged> {
    Some(Acknowledged {
        partition: Partition::Kafka(sent.partition),
        records: sent.acknowledged,
        first: at(sent.first_offset?),
        last: at(sent.last_offset?),
    })
}

fn of_shard(sent: &ShardReport) -> Acknowledged {
    Acknowledged {
        partition: Partition::Shard(sent.shard.clone()),
        records: sent.acknowledged,
        first: sent.first_sequence_number,
        last: sent.last_sequence_number,
    }
}

/// What of the acknowledged records has not landed; `None` if all has.
fn missing(report: &Report, topic: &str, acknowledged: &Acknowledged) -> Option<String> {
    let Acknowledged { partition, records, first, last } = acknowledged;
    let (first, last) = (*first, *last);
    let is_same = |chain: &&ChainReport| chain.chain.topic == topic && chain.chain.partition == *partition;
    let Some(chain) = report.chains.iter().filter(is_same).max_by_key(|chain| chain.chain.epoch) else {
        return Some(format!("{records} records were acknowledged, and nothing has landed"));
    };
    if chain.tail <= last {
        return Some(format!("was acknowledged up to {last}, and the lake ends before {}", chain.tail));
    }
    if matches!(partition, Partition::Shard(_)) && chain.landed < *records {
        return Some(format!("{records} records were acknowledged, and only {} have landed", chain.landed));
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

#[cfg(test)]
mod tests {
    use penstock_core::keys::ChainId;

    use super::*;

    fn number(index: u64) -> Position {
        format!("49590338271490256608559692538361571095{index:018}").parse().unwrap()
    }

    /// What is missing of ten records of a shard between the numbers 10 and 30, if so much of it has landed.
    fn check(landed: u64, tail: u64) -> Option<String> {
        let chain = ChainId {
            source: "kinesis".to_owned(),
            topic: "clicks".to_owned(),
            epoch: 0,
            partition: Partition::Shard("shardId-000000000001".to_owned()),
        };
        let chain = ChainReport {
            chain,
            tail: number(tail),
            poured: Position::ZERO,
            landed,
            waiting: landed,
            gaps: Vec::new(),
            is_sparse: true,
            beyond: None,
        };
        let report = Report { chains: vec![chain], ..Report::default() };
        let sent = ShardReport {
            shard: "shardId-000000000001".to_owned(),
            acknowledged: 10,
            first_sequence_number: number(10),
            last_sequence_number: number(30),
        };
        missing(&report, "clicks", &of_shard(&sent))
    }

    #[test]
    fn of_a_shard_the_last_number_and_the_count_must_have_landed() {
        assert_eq!(check(10, 31), None);
        assert_eq!(check(12, 40), None);
        assert!(check(10, 30).unwrap().contains("the lake ends before"));
        assert_eq!(check(9, 31).unwrap(), "10 records were acknowledged, and only 9 have landed");
    }
}
