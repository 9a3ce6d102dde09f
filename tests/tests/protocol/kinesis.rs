//! A Kinesis shard on the same path: positions of 56 digits with holes between them.

use penstock_core::position::Position;
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Fault, Operation};
use penstock_runtime::{Call, FailureResponse, IngestSettings};
use penstock_tests::events::event;
use penstock_tests::lake::TestLake;
use serde_json::{Value, json};

use crate::scene::*;

const SHARD: &str = "shardId-000000000007";

/// Neighbours lie far apart, as in a real stream.
fn sequence_number(index: u64) -> String {
    format!("49590338271490256608559692538361571095921575989{index:04}36588898")
}

fn kinesis_record(index: u64, data: &str) -> Value {
    let sequence_number = sequence_number(index);
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "device-1",
            "sequenceNumber": sequence_number,
            "data": base64_simd::STANDARD.encode_to_string(data),
            "approximateArrivalTimestamp": START_SECS as f64 + index as f64 / 1000.0,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{SHARD}:{sequence_number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/ingest",
        "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/Clicks",
    })
}

async fn deliver_records(ingest: &Ingest, records: Vec<Value>) -> Result<Value, penstock_runtime::Failure> {
    let payload = json!({ "Records": records }).to_string();
    ingest.handle(payload.as_bytes(), &Call { request_id: "test".to_owned(), deadline: 0 }).await
}

/// The numbers of the events are those of the records.
fn records(indices: impl IntoIterator<Item = u64>) -> Vec<Value> {
    let record = |index| kinesis_record(index, &event(index, "device-1", START_SECS * SECOND));
    indices.into_iter().map(record).collect()
}

async fn landed_now(ingest: &Ingest, indices: impl IntoIterator<Item = u64>) -> u64 {
    deliver_records(ingest, records(indices)).await.unwrap()["landed"].as_u64().unwrap()
}

#[tokio::test]
async fn each_record_of_a_shard_stands_once() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    assert_eq!(landed_now(&ingest, [1, 2, 5]).await, 3);
    assert_eq!(landed_now(&ingest, [2, 5, 6, 9]).await, 2);
    assert_eq!(landed_now(&lake.ingest(), [1, 2, 5, 6, 9, 10]).await, 1);
    deliver_records(&ingest, vec![kinesis_record(11, "not json")]).await.unwrap();
    run(&lake.refine()).await;
    lake.drain().await;
    let state = newest_state(&lake).await;
    let totals = state.chain_totals();
    assert_eq!((totals.landed.rows, totals.silver.rows, totals.rejected.rows, totals.gap_positions), (7, 6, 1, 0));
    assert!(totals.balance());
    let end: Position = sequence_number(11).parse::<Position>().unwrap().next();
    assert_eq!((state.chains[0].chain.topic.as_str(), state.chains[0].next), ("Clicks", end));
    let expect = [1, 2, 5, 6, 9, 10].map(penstock_tests::events::event_id);
    assert_eq!(lake.read().await.ids_each_once(), expect.into());
}

#[tokio::test]
async fn a_record_that_was_never_delivered_with_its_neighbours_is_refused() {
    let lake = TestLake::in_memory();
    landed_now(&lake.ingest(), [1, 2]).await;
    landed_now(&lake.ingest(), [5, 9]).await;
    let failure = deliver_records(&lake.ingest(), records([2, 7])).await.unwrap_err();
    check_refusal(&failure, &[&sequence_number(7), "no row landed there"]);
    let newer = vec![kinesis_record(1, "{}"), {
        let mut record = kinesis_record(2, "{}");
        record["kinesis"]["approximateArrivalTimestamp"] = json!(START_SECS + 60);
        record
    }];
    let failure = deliver_records(&lake.ingest(), newer).await.unwrap_err();
    check_refusal(&failure, &[&sequence_number(2), "timestamp is newer", "PENSTOCK_EPOCH"]);
}

#[tokio::test]
async fn a_partial_answer_names_the_sequence_number() {
    let lake = TestLake::in_memory();
    lake.faulty.script(Fault::new(Answer::Denied).on(Operation::PutNew));
    let settings = IngestSettings { failures: FailureResponse::Partial, ..IngestSettings::default() };
    let answer = deliver_records(&lake.ingest_with(settings), records([4, 5])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": sequence_number(4) }] }));
}
