//! A dataset file that changes.

use std::sync::Arc;

use penstock_runtime::Kind;
use penstock_tables::Table;

use crate::scene::*;

const ROLES: &str = "[roles]";
const A_COLUMN: &str =
    "[[columns]]\nname = \"shade\"\nfield_id = 190\ntype = \"int\"\ndescription = \"How dark\"\n\n[roles]";

#[tokio::test]
async fn a_column_that_was_added_is_null_in_older_rows() {
    let mut scene = Scene::new();
    scene.cut(0..10).await;
    scene.publish().await;
    scene.dataset = with_tables(&[(ROLES, A_COLUMN)]);
    scene.cut(10..20).await;
    scene.publish().await;
    let table = scene.table(Table::Silver).await;
    let field = table.metadata().current_schema().field_by_name("shade").unwrap();
    assert_eq!((field.required, field.doc.as_deref()), (false, Some("How dark")));
    let rows = scene.read(Table::Silver).await;
    assert_eq!(texts(&rows, "event_id"), ids(0..20));
    let shades: usize = rows.iter().map(|batch| batch.column_by_name("shade").unwrap().null_count()).sum();
    assert_eq!(shades, 20);
    scene.tables_hold_the_lake().await;
}

/// The column goes, and what was written stays to be read.
#[tokio::test]
async fn a_column_that_is_gone_stays_in_the_table() {
    let mut scene = Scene::new();
    scene.dataset = with_tables(&[(ROLES, A_COLUMN)]);
    scene.cut(0..10).await;
    scene.publish().await;
    scene.dataset = with_tables(&[]);
    scene.cut(10..20).await;
    scene.publish().await;
    assert!(scene.table(Table::Silver).await.metadata().current_schema().field_by_name("shade").is_some());
    scene.tables_hold_the_lake().await;
}

/// The table of windows lacks the column, and goes on.
#[tokio::test]
async fn a_column_of_another_type_stops_the_tables_that_have_it_and_no_other() {
    let mut scene = Scene::new();
    scene.dataset = with_tables(&[(ROLES, A_COLUMN)]);
    scene.cut(0..400).await;
    scene.publish().await;
    scene.dataset = with_tables(&[(ROLES, &A_COLUMN.replace("int", "string"))]);
    scene.cut(400..800).await;
    let failure = scene.refused().await;
    assert_eq!(failure.kind, Kind::Misconfigured);
    assert!(failure.message.contains("column `shade` is long in table `penstock.iot_raw` and string"), "{failure}");
    assert_eq!(penstock_tables::position(&scene.table(Table::Silver).await).unwrap(), 1);
    assert_eq!(penstock_tables::position(&scene.table(Table::Windows).await).unwrap(), 2);
}

/// The cuts from before know their own dataset.
#[tokio::test]
async fn cuts_are_appended_by_the_dataset_that_they_name() {
    let mut scene = Scene::new();
    scene.cut(0..10).await;
    scene.dataset = with_tables(&[(ROLES, A_COLUMN)]);
    scene.cut(10..20).await;
    let newest = Arc::clone(&scene.dataset);
    scene.publish().await;
    assert_eq!(newest.columns.last().unwrap().name, "shade");
    scene.tables_hold_the_lake().await;
}
