//! One writer and a store that fails: what landed has landed once, and nobody is told so before it has.

use penstock_core::chain::OnGap;
use penstock_lake::{Answer, Clock, Fault, Operation};
use penstock_runtime::{Call, FailureResponse, IngestSettings, Kind};
use penstock_tests::events::payload;
use penstock_tests::lake::TestLake;
use serde_json::json;

use crate::scene::*;

fn raw(answer: Answer) -> Fault {
    Fault::new(answer).on(Operation::PutNew).key(|key| key.starts_with("raw/"))
}

/// Lands three batches; the second meets the faults.
async fn check(faults: Vec<Fault>) {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    land(&ingest, &batch(0..5)).await;
    faults.into_iter().for_each(|fault| lake.faulty.script(fault));
    deliver(&ingest, &batch(5..10)).await.unwrap();
    holds(&lake, 0..10).await;
    land(&ingest, &batch(10..15)).await;
    holds(&lake, 0..15).await;
    drained(&lake, &ids(0..15)).await;
}

#[tokio::test]
async fn written_and_the_reply_was_lost() {
    check(vec![raw(Answer::ReplyLost).times(1)]).await;
}

#[tokio::test]
async fn not_written_and_unavailable() {
    check(vec![raw(Answer::Unavailable).times(5)]).await;
}

#[tokio::test]
async fn a_conflict_means_try_again() {
    check(vec![raw(Answer::Conflict).times(3)]).await;
}

#[tokio::test]
async fn all_of_them_in_a_row() {
    check(vec![raw(Answer::Conflict).times(1), raw(Answer::Unavailable).times(1), raw(Answer::ReplyLost).times(1)])
        .await;
}

#[tokio::test]
async fn another_writer_was_first_with_less_with_as_much_and_with_more() {
    for rival in [5..7, 5..10, 5..13] {
        let lake = TestLake::in_memory();
        let (ours, other) = (lake.ingest(), lake.ingest());
        land(&ours, &batch(0..5)).await;
        let landed_by_rival = rival.clone();
        land(&other, &batch(landed_by_rival)).await;
        // Ours believes from memory that the chain ends at 5.
        assert_eq!(land(&ours, &batch(5..10)).await, (10 - rival.end.min(10)) as u64);
        holds(&lake, 0..rival.end.max(10)).await;
        drained(&lake, &ids(0..rival.end.max(10))).await;
    }
}

#[tokio::test]
async fn a_store_that_stays_away_fails_the_invocation_for_a_retry() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    lake.faulty.script(raw(Answer::Unavailable));
    let failure = deliver(&ingest, &batch(0..5)).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Retry, "{failure}");
    lake.faulty.heal();
    assert_eq!(land(&ingest, &batch(0..5)).await, 5);
    holds(&lake, 0..5).await;
}

#[tokio::test]
async fn the_deadline_ends_the_retries() {
    let lake = TestLake::in_memory();
    lake.faulty.script(raw(Answer::Unavailable));
    let deadline = lake.clock.now() + 3 * SECOND;
    let call = Call { request_id: "test".to_owned(), deadline };
    let failure = lake.ingest().handle(&payload(&batch(0..5)), &call).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Retry, "{failure}");
    assert!(lake.clock.now() < deadline);
}

#[tokio::test]
async fn denied_is_a_wrong_setting_and_says_nothing_about_existence() {
    for operation in [Operation::PutNew, Operation::ListAfter] {
        let lake = TestLake::in_memory();
        lake.faulty.script(Fault::new(Answer::Denied).on(operation));
        let failure = deliver(&lake.ingest(), &batch(0..5)).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Misconfigured, "{failure}");
        holds(&lake, []).await;
    }
}

#[tokio::test]
async fn a_writer_that_dies_at_any_call_leaves_a_chain_that_the_next_continues() {
    for (fault, calls) in [(Fault::new as fn(_) -> _, 8), (raw, 4)] {
        for call in 0.. {
            let lake = TestLake::in_memory();
            land(&lake.ingest(), &batch(0..5)).await;
            let answer = if calls == 8 { Answer::Die } else { Answer::DieAfter };
            lake.faulty.script(fault(answer).skip(call).times(1));
            let settings = IngestSettings { on_gap: OnGap::Declare, ..IngestSettings::default() };
            let with_holes = batch((3..8).chain(10..12).chain(13..14));
            let _ = deliver(&lake.ingest_with(settings.clone()), &with_holes).await;
            let died = lake.faulty.is_dead();
            deliver(&lake.reopened().ingest_with(settings), &with_holes).await.unwrap();
            holds(&lake, (0..8).chain(10..12).chain(13..14)).await;
            if !died {
                assert!(calls < call, "it makes more than {call} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn one_partition_that_fails_leaves_the_others_landed() {
    let lake = TestLake::in_memory();
    lake.faulty.script(Fault::new(Answer::Denied).on(Operation::PutNew).key(|key| key.contains("/00001/")));
    let records: Vec<_> =
        (0..3).flat_map(|partition| (0..4).map(move |offset| record_of(partition, offset, START_SECS))).collect();
    refused(&lake.ingest(), &records, &["2 other partitions of the batch landed"]).await;
    for (partition, rows) in [(0, 1), (1, 0), (2, 1)] {
        assert_eq!(links(&lake, &chain(partition)).await.len(), rows);
    }
    let partial = lake.ingest_with(IngestSettings { failures: FailureResponse::Partial, ..IngestSettings::default() });
    let answer = deliver(&partial, &records).await.unwrap();
    let identifier = json!({ "partition": "events-1", "offset": 0 });
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": identifier }] }));
}

#[tokio::test]
async fn a_warm_function_asks_no_more_than_it_must() {
    let lake = TestLake::in_memory();
    let ingest = lake.ingest();
    land(&ingest, &batch(0..5)).await;
    let before = lake.faulty.calls().len();
    land(&ingest, &batch(5..10)).await;
    let calls: Vec<_> = lake.faulty.calls()[before..].iter().map(|call| call.operation).collect();
    assert_eq!(calls, [Operation::PutNew]);
}
