//! What is refused, and with which remedy.

use std::sync::Arc;

use iceberg::transaction::{ApplyTransactionAction, Transaction};
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_runtime::{Call, Kind};
use penstock_tables::{CUT, Table, Tables};

use crate::scene::*;

/// As `ALTER TABLE ... SET TBLPROPERTIES` does it.
async fn set_position(scene: &Scene, table: Table, cut: &str) {
    let catalog = scene.catalog(&scene.process()).await;
    let transaction = Transaction::new(&scene.table(table).await);
    let set = transaction.update_table_properties().set(CUT.to_owned(), cut.to_owned());
    set.apply(transaction).unwrap().commit(&*catalog).await.unwrap();
}

#[tokio::test]
async fn a_table_that_does_not_stand_where_its_history_ends_is_left_alone() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.cut(10..20).await;
    scene.publish().await;
    set_position(&scene, Table::Silver, "1").await;
    scene.cut(20..30).await;
    let failure = scene.refused().await;
    assert_eq!(failure.kind, Kind::Misconfigured);
    for words in ["penstock.iot_silver", "is 1", "has 2", "SET TBLPROPERTIES ('penstock.cut' = '2')"] {
        assert!(failure.message.contains(words), "{words}: {failure}");
    }
    set_position(&scene, Table::Silver, "2").await;
    scene.publish().await;
    scene.tables_hold_the_lake().await;
}

#[tokio::test]
async fn a_plain_file_that_is_missing_is_named_and_the_other_tables_go_on() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    let key = scene.keys(&keys::silver_folder("iot")).await.remove(0);
    let file = scene.store.get(&key).await.unwrap();
    scene.store.delete(&key).await.unwrap();
    let failure = scene.refused().await;
    assert_eq!(failure.message, format!("`{key}` is missing: restore it from a backup"));
    assert_eq!(penstock_tables::position(&scene.table(Table::Raw).await).unwrap(), 1);
    scene.store.put_new(&key, file).await.unwrap();
    scene.publish().await;
    scene.tables_hold_the_lake().await;
}

#[tokio::test]
async fn a_dataset_that_does_not_ask_for_tables_gets_none() {
    let scene = Scene::new();
    let process = scene.process();
    let files = process.files("memory:///lake");
    let plain = Arc::new(Dataset::shipped("iot").unwrap());
    let made = Tables::new(process.lake.clone(), files, scene.catalog(&process).await, "penstock", plain);
    assert!(made.unwrap_err().message.contains("write format = \"iceberg\""));
}

#[tokio::test]
async fn a_table_of_another_lake_is_refused() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    scene.publish().await;
    let process = scene.process();
    let files = process.files("memory:///other");
    let catalog = scene.catalog(&process).await;
    let tables = Tables::new(process.lake.clone(), files, catalog, "penstock", Arc::clone(&scene.dataset)).unwrap();
    let failure = tables.run(&Call::default()).await.unwrap_err();
    let folder = keys::table_folder("iot", "raw");
    assert!(failure.message.contains(&format!("memory:///lake/{folder}")), "{failure}");
    assert!(failure.message.contains("another lake"), "{failure}");
}

/// What retention deleted before there was a table is not in it, and holds nothing up.
#[tokio::test]
async fn raw_objects_that_retention_deleted_are_passed_over() {
    let scene = Scene::new();
    scene.cut(0..10).await;
    let key = scene.keys(&keys::raw_folder("iot")).await.remove(0);
    // The last object of a chain never goes.
    scene.cut(10..20).await;
    scene.store.delete(&key).await.unwrap();
    scene.wait_hours(25);
    let process = scene.process();
    let tables = process.publisher(scene.catalog(&process).await);
    let failure = tables.run(&Call::default()).await.unwrap_err();
    assert_eq!(failure.message, format!("`{key}` is missing: restore it from a backup"));
    let summary =
        process.publisher(scene.catalog(&process).await).with_raw_retention(Some(24)).run(&Call::default()).await;
    let raw = &summary.unwrap().tables[0];
    assert_eq!((&*raw.cuts, raw.rows), (&[2][..], 10));
    scene.tables_hold_the_lake().await;
}
