//! The shipped dataset of numbers: their French words are made on the way.

use penstock_core::dataset::Dataset;
use penstock_core::time::rfc3339;
use serde_json::{Value, json};

use crate::rows::{lake_of, land, read};

const DAY_SECS: i64 = 86_400;

#[tokio::test]
async fn words_are_in_silver_by_day() {
    let lake = lake_of(Dataset::shipped("numbers").unwrap());
    let event = |number: &str, days_ago: i64| {
        let time = rfc3339(lake.seconds_ago(days_ago * DAY_SECS));
        let id = format!("00000000-0000-0000-0000-0000{days_ago:08}");
        format!(r#"{{"event_id":"{id}","source":"counter-1","event_time":"{time}","number":{number}}}"#).into_bytes()
    };
    let values = [event("21", 0), event("-80000000", 1), event("1000000000001", 2), event("\"71\"", 3), event("21", 0)];
    land(&lake, 0, &values).await;
    lake.drain().await;

    let day = |days_ago: i64| json!(rfc3339(lake.seconds_ago(days_ago * DAY_SECS))[..10]);
    let expect = [
        [json!(0), day(0), json!(21), json!("vingt-et-un")],
        [json!(1), day(1), json!(-80_000_000), json!("moins quatre-vingts-millions")],
        [json!(2), day(2), json!(1_000_000_000_001_i64), Value::Null],
    ];
    let silver = read(&lake, "silver").await;
    let columns = ["offset", "event_date", "number", "french"];
    assert_eq!(silver.iter().map(|row| columns.map(|name| row[name].clone())).collect::<Vec<_>>(), expect);
    let rejects = read(&lake, "rejects").await;
    assert_eq!(rejects.iter().map(|row| row["offset"].clone()).collect::<Vec<_>>(), [json!(3)]);
}
