//! A hint only saves listing: stale, deleted, foreign or garbage, it changes nothing.

use penstock_core::keys::{self, ChainId};
use penstock_lake::hints::{ChainHint, Progress};
use penstock_tests::lake::TestLake;

use crate::scene::*;

async fn check(hint: &[u8]) {
    let lake = TestLake::in_memory();
    for first in [0, 5, 10] {
        land(&lake.ingest(), &batch(first..first + 5)).await;
        run(&lake.refine()).await;
    }
    lake.store.put_hint(&keys::progress_hint("iot"), hint.to_vec().into()).await.unwrap();
    // A redelivery and what is new, to a cold function.
    assert_eq!(land(&lake.ingest(), &batch(10..20)).await, 5, "{}", String::from_utf8_lossy(hint));
    assert_eq!(run(&lake.refine()).await, [4]);
    holds(&lake, 0..20).await;
    drained(&lake, &ids(0..20)).await;
}

fn hint(cut: u64, last: &[(ChainId, u64)]) -> Vec<u8> {
    let chains = last.iter().map(|(chain, last)| ChainHint { chain: chain.clone(), last: at(*last) }).collect();
    serde_json::to_vec(&Progress { cut, chains }).unwrap()
}

#[tokio::test]
async fn a_stale_hint_changes_nothing() {
    check(&hint(1, &[(chain(0), 0)])).await;
    check(&hint(0, &[])).await;
}

#[tokio::test]
async fn a_hint_of_what_is_not_there_changes_nothing() {
    check(&hint(99, &[(chain(0), 1000)])).await;
    check(&hint(u64::MAX, &[(chain(0), u64::MAX)])).await;
    // Between two objects, where none begins.
    check(&hint(2, &[(chain(0), 7)])).await;
    check(&hint(3, &[(chain(0), 12)])).await;
}

#[tokio::test]
async fn a_foreign_hint_changes_nothing() {
    check(&hint(1_000_000, &[(chain(7), 3), (ChainId { epoch: 4, ..chain(0) }, 5)])).await;
    check(&hint(2, &[(ChainId { source: "other".to_owned(), ..chain(0) }, 1), (chain(0), 10)])).await;
}

#[tokio::test]
async fn garbage_for_a_hint_changes_nothing() {
    for garbage in ["", "{", "null", "[]", "{\"cut\":-1,\"chains\":[]}", "{\"cut\":\"3\"}", "\u{feff}\0"] {
        check(garbage.as_bytes()).await;
    }
}

#[tokio::test]
async fn without_a_hint_and_without_a_way_to_write_one_all_goes_on() {
    use penstock_lake::{Answer, Fault, Operation};
    let lake = TestLake::in_memory();
    lake.faulty.script(Fault::new(Answer::Denied).on(Operation::PutHint));
    for first in [0, 5, 10] {
        assert_eq!(land(&lake.ingest(), &batch(first..first + 5)).await, 5);
        assert_eq!(run(&lake.refine()).await.len(), 1);
    }
    drained(&lake, &ids(0..15)).await;
}

/// A lake of three objects, of which retention has taken the first two: the key of the first is free again.
async fn without_its_beginning() -> TestLake {
    let lake = TestLake::in_memory();
    for first in [0, 5, 10] {
        land(&lake.ingest(), &batch(first..first + 5)).await;
    }
    run(&lake.refine()).await;
    for first in [0, 5] {
        lake.store.delete(&chain(0).object("iot", at(first))).await.unwrap();
    }
    lake
}

#[tokio::test]
async fn a_hint_of_an_object_that_retention_deleted_changes_nothing() {
    let lake = without_its_beginning().await;
    let stale = hint(1, &[(chain(0), 5)]);
    lake.store.put_hint(&keys::progress_hint("iot"), stale.into()).await.unwrap();
    assert_eq!(land(&lake.ingest(), &batch(10..20)).await, 5);
    drained(&lake, &ids(0..20)).await;
}

#[tokio::test]
async fn a_hint_of_what_is_not_there_does_not_begin_a_chain_anew() {
    let lake = without_its_beginning().await;
    // The hint of another lake.
    lake.store.put_hint(&keys::progress_hint("iot"), hint(1, &[(chain(0), 1000)]).into()).await.unwrap();
    assert_eq!(land(&lake.ingest(), &batch(10..20)).await, 5);
    assert_eq!(links(&lake, &chain(0)).await[0].from, at(10));
    drained(&lake, &ids(0..20)).await;
}
