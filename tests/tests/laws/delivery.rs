//! Where a payload is split, and when refine runs, changes nothing that a reader sees.

use std::collections::BTreeSet;

use penstock_core::checksum::{Checksum, row_hash};
use penstock_core::keys::ChainId;
use penstock_core::position::{Partition, Position};
use penstock_lake::chain::{find_chains, read_links};
use penstock_tests::events::TOPIC;
use penstock_tests::lake::TestLake;
use proptest::prelude::*;

use crate::scene::{block_on, deliver, log, pieces, states, topic, windows_of, without_copies};

/// Where a record of the topic stands: its partition and its offset.
type Place = (i32, i64);

/// The sum of the hashes of these rows, as a footer has it.
fn sum(places: impl IntoIterator<Item = Place>) -> Checksum {
    let hash = |(partition, offset): Place| {
        let (topic, source) = (TOPIC.to_owned(), "kafka".to_owned());
        let chain = ChainId { topic, partition: Partition::Kafka(partition), source, epoch: 0 };
        Checksum(row_hash(chain.seed(), Position::from_offset(offset as u64)))
    };
    places.into_iter().map(hash).sum()
}

/// The sum of the checksums in all footers of raw objects.
async fn landed(lake: &TestLake) -> Checksum {
    let mut sum = Checksum::default();
    for chain in find_chains(&*lake.store, "iot").await.unwrap() {
        let links = read_links(&*lake.store, "iot", &chain, Position::ZERO, 1_000).await.unwrap().links;
        sum += links.iter().map(|link| link.checksum).sum();
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_payload_split_at_any_point_gives_the_same_lake(topic in topic(120), pieces in pieces()) {
        block_on(async {
            let (whole, split) = (TestLake::in_memory(), TestLake::in_memory());
            let records = log(&whole, &topic);
            let expect = deliver(&whole, &records, &[]).await;
            let found = deliver(&split, &records, &pieces).await;
            // Of copies in several cuts the one of the first cut stays, so that its place depends on the cuts.
            prop_assert_eq!(found.ids_each_once(), expect.ids_each_once());
            prop_assert_eq!(found.rejects(), expect.rejects());
            prop_assert_eq!(found.windows_total(), expect.windows_total());
            Ok(())
        })?;
    }

    #[test]
    fn without_copies_every_row_is_the_same(topic in topic(120), pieces in pieces()) {
        block_on(async {
            let mut topic = topic;
            without_copies(&mut topic);
            let (whole, split) = (TestLake::in_memory(), TestLake::in_memory());
            let records = log(&whole, &topic);
            let expect = deliver(&whole, &records, &[]).await;
            let found = deliver(&split, &records, &pieces).await;
            prop_assert_eq!(found.silver_rows(), expect.silver_rows());
            prop_assert_eq!(found.silver_rows().len() + found.rejects().len(), records.len());
            Ok(())
        })?;
    }

    #[test]
    fn every_row_of_silver_is_in_exactly_one_window(topic in topic(120), pieces in pieces()) {
        block_on(async {
            let lake = TestLake::in_memory();
            let reading = deliver(&lake, &log(&lake, &topic), &pieces).await;
            prop_assert_eq!(reading.windows_total(), windows_of(&reading.silver_rows()));
            let counted: i64 = reading.windows().iter().map(|window| window.total.count).sum();
            prop_assert_eq!(counted as usize, reading.silver_ids().len());
            Ok(())
        })?;
    }

    /// Footers, the state and what a reader finds tell of the same rows.
    #[test]
    fn checksums_add_up_under_any_split(topic in topic(120), pieces in pieces()) {
        block_on(async {
            let lake = TestLake::in_memory();
            let records = log(&lake, &topic);
            let reading = deliver(&lake, &records, &pieces).await;
            let sent: BTreeSet<Place> = records.iter().map(|record| (record.partition, record.offset)).collect();
            let silver: BTreeSet<Place> =
                reading.silver_rows().iter().map(|row| (row.partition, row.offset)).collect();
            let rejected: BTreeSet<Place> = reading.rejects().iter().map(|row| (row.partition, row.offset)).collect();
            let duplicates = sent.iter().filter(|place| !silver.contains(place) && !rejected.contains(place));
            let totals = states(&lake).await.pop().unwrap().chain_totals();
            prop_assert_eq!(totals.duplicates.checksum, sum(duplicates.copied()));
            prop_assert_eq!(totals.silver.checksum, sum(silver));
            prop_assert_eq!(totals.rejected.checksum, sum(rejected));
            prop_assert_eq!(totals.landed.checksum, sum(sent));
            prop_assert_eq!(totals.landed.checksum, landed(&lake).await);
            prop_assert!(totals.balance());
            Ok(())
        })?;
    }
}
