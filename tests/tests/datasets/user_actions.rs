//! The shipped dataset of user actions: nested JSON flattened, with an id that is the hash of the value.

use std::collections::{BTreeMap, BTreeSet};

use penstock_core::dataset::Dataset;
use penstock_refine::Mode;
use penstock_runtime::Call;
use penstock_tests::lake::TestLake;
use serde_json::json;

use crate::rows::{Row, lake_of, land, read};

const SAMPLE: &str = include_str!("../../../datasets/user_actions.sample.ndjson");
/// What silver must hold of the sample, worked out without Penstock.
const GOLDEN: &str = include_str!("user_actions.golden.ndjson");
const COLUMNS: [&str; 7] = ["event_datetime", "event_date", "event_name", "user_id", "platform", "product_name", "SKU"];

fn sample() -> Vec<Vec<u8>> {
    SAMPLE.lines().map(|line| line.as_bytes().to_vec()).collect()
}

fn new_lake() -> TestLake {
    lake_of(Dataset::shipped("user_actions").unwrap())
}

/// A row's offset and the columns that people know.
fn known(row: &Row) -> Row {
    ["offset"].iter().chain(&COLUMNS).map(|name| ((*name).to_owned(), row[*name].clone())).collect()
}

fn golden() -> Vec<Row> {
    GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn assert_golden(lake: &TestLake) {
    let silver: Vec<Row> = read(lake, "silver").await.iter().map(known).collect();
    assert_eq!(silver, golden());
}

#[tokio::test]
async fn the_sample_becomes_the_golden_rows() {
    let lake = new_lake();
    land(&lake, 0, &sample()).await;
    lake.drain().await;
    assert_golden(&lake).await;
    let rejects = read(&lake, "rejects").await;
    let reasons: Vec<(i64, &str)> =
        rejects.iter().map(|row| (row["offset"].as_i64().unwrap(), row["reject_reason"].as_str().unwrap())).collect();
    assert_eq!(
        reasons,
        [
            (19, "not_json"),
            (20, "required_absent"),
            (21, "wrong_type"),
            (22, "timestamp_unreadable"),
            (23, "duplicate_key"),
            (24, "wrong_type"),
            (25, "too_old")
        ]
    );
    for row in rejects {
        let line = SAMPLE.lines().nth(row["offset"].as_u64().unwrap() as usize).unwrap();
        assert_eq!(row["reject_bytes"], json!(line.as_bytes()), "rejected records stay as they came");
    }
}

#[tokio::test]
async fn silver_has_the_columns_of_the_file_in_its_order_and_case() {
    let lake = new_lake();
    land(&lake, 0, &sample()).await;
    lake.drain().await;
    let row = read(&lake, "silver").await.remove(0);
    let names: BTreeSet<&str> = row.keys().map(String::as_str).collect();
    let own = ["event_id", "topic", "partition", "offset", "shard", "sequence_number"];
    assert_eq!(names, COLUMNS.into_iter().chain(own).collect());
}

#[tokio::test]
async fn windows_without_a_measure_count() {
    let lake = new_lake();
    land(&lake, 0, &sample()).await;
    lake.drain().await;
    let mut expect: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in golden() {
        let minute = format!("{}:00.000000Z", &row["event_datetime"].as_str().unwrap()[..16]);
        *expect.entry((minute, row["event_name"].as_str().unwrap().to_owned())).or_default() += 1;
    }
    let mut counted = BTreeMap::new();
    for row in read(&lake, "windows").await {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        *counted.entry((text("window_start"), text("event_name"))).or_default() += row["count"].as_i64().unwrap();
        assert_eq!(row["measure_count"], json!(0));
        assert!(["sum", "min", "max", "avg"].iter().all(|name| row[*name].is_null()), "{row:?}");
    }
    assert_eq!(counted, expect);
}

/// However the lines are cut, repeated across cuts, and whether refine remembers or has to read back.
#[tokio::test]
async fn a_repeated_value_is_a_duplicate_in_any_cut() {
    let (lake, lines) = (new_lake(), sample());
    let refine = lake.refine();
    for (index, part) in lines.chunks(5).enumerate() {
        land(&lake, 5 * i64::try_from(index).unwrap(), part).await;
        refine.run(Mode::Scheduled, &Call::default()).await.unwrap();
    }
    let end = i64::try_from(lines.len()).unwrap();
    land(&lake, end, &lines).await;
    refine.run(Mode::Scheduled, &Call::default()).await.unwrap();
    land(&lake, 2 * end, &lines).await;
    lake.drain().await;
    assert_golden(&lake).await;
}

#[tokio::test]
async fn the_id_is_the_hash_of_the_value() {
    let lake = new_lake();
    land(&lake, 0, &[br#"{"event":{"datetime":1767222000000,"name":"search"}}"#.to_vec()]).await;
    lake.drain().await;
    // printf %s '{"event":{"datetime":1767222000000,"name":"search"}}' | sha256sum
    assert_eq!(read(&lake, "silver").await[0]["event_id"], json!("96a72a72-3c72-87ef-b790-668adeb3c2ee"));
}
