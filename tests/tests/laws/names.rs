//! No two topics meet on a disk, whatever their names are and whatever the disk makes of letters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use penstock_core::keys;
use penstock_lake::chain::find_chains;
use penstock_lake::{Faulty, LIST_LIMIT, Store};
use penstock_runtime::{Call, Kind};
use penstock_tests::events::event;
use penstock_tests::lake::TestLake;
use proptest::prelude::*;

use crate::folding::Folding;
use crate::scene::block_on;

/// Names that differ by little, names that paths misread, letters whose case is odd, and any others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAbB._-]{1,4}",
        "(\\.\\.?/?|/|~|%2f|=|@|a=b/|[aA]@0|\\\\){1,4}",
        "[ßẞſsSİiIKk\u{212a}]{1,3}",
        ".{1,12}",
    ]
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(name(), 1..10)
}

fn on_a_folding_disk() -> TestLake {
    let store: Arc<dyn Store> = Arc::new(Folding::new());
    TestLake { faulty: Arc::new(Faulty::new(Arc::clone(&store))), store, ..TestLake::in_memory() }
}

fn value(lake: &TestLake, number: u64) -> String {
    base64_simd::STANDARD.encode_to_string(event(number, "device", lake.seconds_ago(1)))
}

/// One record of each topic.
fn kafka(lake: &TestLake, topics: &BTreeSet<String>) -> String {
    let record = |(number, topic): (u64, &String)| {
        let record = serde_json::json!({"topic": topic, "partition": 0, "offset": 0, "value": value(lake, number)});
        (format!("{topic}-0"), [record])
    };
    let records: BTreeMap<String, [serde_json::Value; 1]> = (0..).zip(topics).map(record).collect();
    serde_json::json!({"eventSource": "aws:kafka", "records": records}).to_string()
}

/// One record of a shard.
fn kinesis(lake: &TestLake, number: u64, shard: &str) -> String {
    let record = serde_json::json!({
        "eventSource": "aws:kinesis",
        "eventID": format!("{shard}:7"),
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/Stream",
        "kinesis": {"sequenceNumber": "7", "partitionKey": "device", "data": value(lake, number)},
    });
    serde_json::json!({ "Records": [record] }).to_string()
}

/// Every key stays in the folders of a lake, and no part of it is hidden, leads elsewhere or is changed by the disk.
async fn check_keys(lake: &TestLake) -> Result<(), TestCaseError> {
    let mut listed = Vec::new();
    for folder in ["raw/", "silver/", "windows/", "_penstock/"] {
        listed.extend(lake.store.list_after(folder, None, LIST_LIMIT).await.unwrap());
    }
    let everything = lake.store.list_after("", None, LIST_LIMIT).await.unwrap();
    prop_assert_eq!(everything.len(), listed.len());
    for key in listed.iter().map(|listed| &listed.key) {
        let is_plain = |part: &str| !part.is_empty() && part.is_ascii() && !part.starts_with(['.', '_']);
        prop_assert!(key.split('/').skip(1).all(is_plain), "{}", key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn topics_never_meet_on_a_disk_that_folds_case(topics in names()) {
        block_on(async {
            let lake = on_a_folding_disk();
            lake.ingest().handle(kafka(&lake, &topics).as_bytes(), &Call::default()).await.unwrap();
            lake.drain().await;
            check_keys(&lake).await?;
            let rows = lake.read().await.silver_rows();
            prop_assert_eq!(rows.len(), topics.len());
            prop_assert_eq!(&rows.into_iter().map(|row| row.topic).collect::<BTreeSet<_>>(), &topics);
            let chains = find_chains(&*lake.store, "iot").await.unwrap();
            prop_assert_eq!(chains.into_iter().map(|chain| chain.topic).collect::<BTreeSet<_>>(), topics);
            Ok(())
        })?;
    }

    #[test]
    fn shards_never_meet_on_a_disk_that_folds_case(shards in names()) {
        block_on(async {
            let lake = on_a_folding_disk();
            for (number, shard) in (0..).zip(&shards) {
                lake.ingest().handle(kinesis(&lake, number, shard).as_bytes(), &Call::default()).await.unwrap();
            }
            lake.drain().await;
            check_keys(&lake).await?;
            prop_assert_eq!(lake.read().await.ids_each_once().len(), shards.len());
            let chains = find_chains(&*lake.store, "iot").await.unwrap();
            let found: BTreeSet<String> = chains.into_iter().map(|chain| chain.partition.to_string()).collect();
            prop_assert_eq!(found, shards);
            Ok(())
        })?;
    }

    #[test]
    fn escaped_names_round_trip_through_a_disk_that_folds_case(name in name()) {
        let escaped = keys::escape(&name);
        prop_assert_eq!(keys::unescape(&escaped.to_lowercase()), Some(name));
        prop_assert!(escaped.is_ascii() && !escaped.contains(['/', '\\', '=', '@', '%']));
    }
}

/// Kafka takes 249 letters. An upper-case one takes three bytes in a key, of which no part may have more than 255.
#[test]
fn long_names_of_topics() {
    block_on(async {
        for (letter, length) in [("a", 249), ("-", 249), ("_", 249), (".", 249), ("A", 84)] {
            let lake = on_a_folding_disk();
            let topics = BTreeSet::from([letter.repeat(length)]);
            lake.ingest().handle(kafka(&lake, &topics).as_bytes(), &Call::default()).await.unwrap();
            lake.drain().await;
            assert_eq!(lake.read().await.silver_rows().len(), 1, "{length} times {letter}");
        }
    });
}

#[test]
fn a_topic_whose_name_is_too_long_is_refused_with_the_remedy() {
    block_on(async {
        let lake = on_a_folding_disk();
        let topics = BTreeSet::from(["A".repeat(249)]);
        let refusal = lake.ingest().handle(kafka(&lake, &topics).as_bytes(), &Call::default()).await.unwrap_err();
        assert_eq!(refusal.kind, Kind::Misconfigured);
        assert!(refusal.message.contains("749 bytes"), "{refusal}");
        assert!(refusal.message.contains("use a topic with a shorter name"), "{refusal}");
    });
}
