//! Missing ranges and lost objects are declared, and what comes after them lands.

use penstock_cli::cuts::Force;
use penstock_cli::gaps::{self, Act, Declaration, Outcome};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::keys::ChainId;
use penstock_lake::{Answer, Fault, Operation, Store};
use penstock_runtime::Kind;

use crate::scene::{Pipeline, at, chain, refused};

#[tokio::test]
async fn a_gap_is_refused_declared_and_then_the_next_delivery_lands() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    refused(pipeline.deliver(15..20).await, Kind::Misconfigured, "--from 10 --to 15 --reason expired");

    refused(pipeline.declare(12, 15).await, Kind::Misconfigured, "the positions [10, 12) would be missing too");
    refused(pipeline.declare(5, 15).await, Kind::Misconfigured, "declare the gap with --from 10");
    refused(pipeline.declare(10, 10).await, Kind::Misconfigured, "is empty");
    let elsewhere = Declaration {
        chain: ChainId { topic: "evnets".to_owned(), ..chain() },
        gap: Gap { from: at(0), next: at(15), reason: GapReason::Expired },
    };
    let result = gaps::declare(&pipeline.lake, &pipeline.dataset, &elsewhere, Act::Write).await;
    refused(result, Kind::Misconfigured, "--source kafka --topic events --epoch 0");

    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Declared);
    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Known);
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "[10, 15) is declared a gap already");
    pipeline.deliver(15..20).await.unwrap();
    refused(pipeline.deliver(12..14).await, Kind::Misconfigured, "lies in the gap [10, 15)");
    assert_eq!(pipeline.gaps().await, [("10".to_owned(), "15".to_owned(), GapReason::Expired)]);
    pipeline.refine().await.unwrap();
    pipeline.balances(15, 5).await;
}

#[tokio::test]
async fn a_gap_whose_place_was_taken_meanwhile_is_not_declared() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    let hidden = pipeline.object(10);
    pipeline.deliver(10..12).await.unwrap();
    // The list does not show what landed a moment ago.
    pipeline.store.hide(move |key| key == hidden);
    refused(pipeline.declare(10, 15).await, Kind::Retry, "somebody landed at 10 meanwhile");
    pipeline.store.heal();
    assert_eq!(pipeline.gaps().await, []);
}

#[tokio::test]
async fn a_declaration_whose_reply_was_lost_is_recognised_as_our_own() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.store.script(Fault::new(Answer::ReplyLost).on(Operation::PutNew).times(1));
    assert_eq!(pipeline.declare(10, 15).await.unwrap(), Outcome::Declared);
}

#[tokio::test]
async fn an_object_lost_before_any_cut_is_declared_unreadable_and_refine_goes_on() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30] {
        pipeline.deliver(batch).await.unwrap();
    }
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "can be read, all 10 rows of it");
    refused(pipeline.declare_unreadable(20).await, Kind::Misconfigured, "can be read");
    pipeline.lose(10).await;
    pipeline.refine().await.unwrap();
    assert_eq!(pipeline.totals().await.silver.rows, 10, "what comes after the hole waits");

    refused(pipeline.declare_unreadable(0).await, Kind::Misconfigured, "Nothing to do");
    assert_eq!(pipeline.declare_unreadable(10).await.unwrap(), Outcome::Declared);
    assert_eq!(pipeline.declare_unreadable(10).await.unwrap(), Outcome::Known);
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 10).await;
    assert_eq!(pipeline.gaps().await, [("10".to_owned(), "20".to_owned(), GapReason::Unreadable)]);
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "is poured");
}

#[tokio::test]
async fn the_last_object_of_a_chain_is_deleted_and_delivered_again() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.deliver(10..20).await.unwrap();
    pipeline.damage(10, "no parquet").await;
    refused(pipeline.deliver(20..30).await, Kind::Misconfigured, "damaged");
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "delete it");
    pipeline.lose(10).await;
    pipeline.deliver(10..30).await.unwrap();
    pipeline.refine().await.unwrap();
    pipeline.balances(30, 0).await;
}

#[tokio::test]
async fn a_damaged_object_with_a_sound_footer_is_moved_away_before_a_gap_can_stand_in_for_it() {
    let pipeline = Pipeline::new();
    for batch in [0..10, 10..20, 20..30] {
        pipeline.deliver(batch).await.unwrap();
    }
    let mut damaged = pipeline.store.get(&pipeline.object(10)).await.unwrap().to_vec();
    damaged[4..100].fill(0);
    pipeline.damage(10, damaged).await;
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "move the object out of the lake");
    pipeline.declare_cut_only().await;
    refused(pipeline.void(1, Force::No).await, Kind::Misconfigured, "move the object out of the lake");
    pipeline.lose(10).await;
    assert_eq!(pipeline.void(1, Force::No).await.unwrap().rows_lost, 10);
    pipeline.refine().await.unwrap();
    pipeline.balances(20, 10).await;
}

#[tokio::test]
async fn a_poured_object_that_ingest_needs_is_replaced_by_a_gap() {
    let pipeline = Pipeline::new();
    pipeline.deliver(0..10).await.unwrap();
    pipeline.deliver(10..20).await.unwrap();
    pipeline.refine().await.unwrap();
    pipeline.damage(10, "no parquet").await;
    refused(pipeline.declare_unreadable(10).await, Kind::Misconfigured, "--from 10 --to 20 --reason expired");
    pipeline.lose(10).await;
    assert_eq!(pipeline.declare(10, 20).await.unwrap(), Outcome::Declared);
    refused(pipeline.deliver(15..25).await, Kind::Misconfigured, "lies in the gap");
    pipeline.deliver(20..30).await.unwrap();
    pipeline.refine().await.unwrap();
    assert_eq!(pipeline.totals().await.silver.rows, 30, "nothing landed twice");
}
