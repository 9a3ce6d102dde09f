//! A dataset file that changes while the lake lives.

use penstock_core::cut::{Closing, Cut};
use penstock_core::keys;
use penstock_lake::Operation;
use penstock_tests::events::record;
use penstock_tests::lake::TestLake;

use crate::scene::*;
use crate::watched::{Moment, Watched};

const NEW_COLUMN: (&str, &str) = (
    "[roles]",
    "[[columns]]\nname = \"colour\"\nfield_id = 190\ntype = \"string\"\nrequired = false\ndescription = \"New\"\n\n[roles]",
);

async fn closings(lake: &TestLake) -> Vec<(Closing, u64)> {
    let mut closings = Vec::new();
    for key in all_keys(&*lake.store, &keys::cuts_folder("iot")).await {
        let cut: Cut = serde_json::from_slice(&lake.store.get(&key).await.unwrap()).unwrap();
        closings.push((cut.closing, cut.rows()));
    }
    closings
}

#[tokio::test]
async fn a_change_of_window_settings_drains_first() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    run(&lake.refine()).await;
    let changed = with_dataset(&lake, &[("length_secs = 60", "length_secs = 300")]);
    land(&changed.ingest(), &batch(5..10)).await;
    run(&changed.refine()).await;
    assert_eq!(closings(&lake).await, [(Closing::Watermark, 5), (Closing::All, 0), (Closing::Watermark, 5)]);
    changed.drain().await;
    let windows = changed.read().await.windows();
    // The windows of a minute hold what came before the change, those of five what came after it.
    let counts =
        |kind: &str| windows.iter().filter(|window| window.kind == kind).map(|window| window.total.count).sum::<i64>();
    assert_eq!((counts("on_time"), counts("late")), (10, 0));
    assert_eq!(changed.read().await.ids_each_once(), ids(0..10));
}

#[tokio::test]
async fn a_new_optional_column_changes_nothing_else() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    run(&lake.refine()).await;
    // Some objects of the old file wait, and duplicates come under the new one.
    land(&lake.ingest(), &batch(5..10)).await;
    let changed = with_dataset(&lake, &[NEW_COLUMN]);
    let copy = record(0, 10, START_SECS * 1000, landed(1).value.unwrap());
    land(&changed.ingest(), &[copy, landed(11)]).await;
    run(&changed.refine()).await;
    assert_eq!(closings(&lake).await, [(Closing::Watermark, 5), (Closing::Watermark, 7)]);
    assert_eq!(newest_state(&changed).await.chain_totals().duplicates.rows, 1);
    drained(&changed, &ids((0..10).chain(11..12))).await;
    // Ingest may be newer than refine: what refine does not know yet stays in raw.
    land(&changed.ingest(), &batch(12..15)).await;
    drained(&lake, &ids((0..10).chain(11..15))).await;
}

#[tokio::test]
async fn a_declared_cut_is_poured_by_the_dataset_that_it_names() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    // The run that declares it freezes, and a release with other settings comes meanwhile.
    let changed = with_dataset(&lake.reopened(), &[("length_secs = 60", "length_secs = 300"), NEW_COLUMN]);
    let release = async move {
        run(&changed.refine()).await;
    };
    let store = Watched::freeze(lake.faulty.clone(), (Moment::Before, Operation::Get, "raw/"), release);
    let old = penstock_refine::Refine::new(
        lake_over(&lake, store),
        lake.dataset.clone(),
        penstock_runtime::CutSettings::default(),
    );
    run(&old).await;
    assert_eq!(states(&lake).await[0].dataset_hash, lake.dataset.hash);
    drained(&lake, &ids(0..5)).await;
}

#[tokio::test]
async fn another_id_column_begins_a_new_memory() {
    let lake = TestLake::in_memory();
    land(&lake.ingest(), &batch(0..5)).await;
    run(&lake.refine()).await;
    let changed = with_dataset(&lake, &[("id = \"event_id\"", "id = \"device_type\"")]);
    land(&changed.ingest(), &batch(5..10)).await;
    run(&changed.refine()).await;
    // All events are of one device type: now that is what makes them alike.
    assert_eq!(newest_state(&changed).await.chain_totals().duplicates.rows, 4);
    let without = with_dataset(&lake, &[("id = \"event_id\"\n", "")]);
    land(&without.ingest(), &batch(10..15)).await;
    run(&without.refine()).await;
    assert_eq!(newest_state(&without).await.chain_totals().silver.rows, 5 + 1 + 5);
    lake.drain().await;
}
