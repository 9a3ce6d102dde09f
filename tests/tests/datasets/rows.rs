//! A lake of any dataset: lines land in it, and its files are read as somebody does who knows nothing of it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use penstock_core::dataset::Dataset;
use penstock_core::time::rfc3339;
use penstock_lake::LIST_LIMIT;
use penstock_runtime::Call;
use penstock_tests::events::{payload, record};
use penstock_tests::lake::TestLake;
use serde_json::{Map, Value, json};

/// A row by column, with `event_date` from the path of its file.
pub(crate) type Row = Map<String, Value>;

pub(crate) fn lake_of(dataset: Dataset) -> TestLake {
    TestLake { dataset: Arc::new(dataset), ..TestLake::in_memory() }
}

/// Values arrive as records of one partition, the first at an offset.
pub(crate) async fn land(lake: &TestLake, first: i64, values: &[Vec<u8>]) {
    let timestamp = lake.seconds_ago(0) / 1000;
    let records: Vec<_> =
        (first..).zip(values).map(|(offset, value)| record(0, offset, timestamp, value.clone())).collect();
    lake.ingest().handle(&payload(&records), &Call::default()).await.unwrap();
}

/// The rows of all files in a folder of the lake, by offset where they have one.
pub(crate) async fn read(lake: &TestLake, folder: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let listed = lake.store.list_after(&format!("{folder}/"), None, LIST_LIMIT).await.unwrap();
    assert!(listed.len() < LIST_LIMIT);
    for key in listed.into_iter().map(|listed| listed.key).filter(|key| key.ends_with(".parquet")) {
        let date = key.split_once("/event_date=").map(|(_, rest)| rest.split('/').next().unwrap().to_owned());
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let file = lake.store.get(&key).await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap().build().unwrap();
        for batch in reader {
            rows.extend(rows_of(&batch.unwrap(), date.as_deref()));
        }
    }
    rows.sort_by_key(|row| row.get("offset").and_then(Value::as_i64));
    rows
}

fn rows_of(batch: &RecordBatch, date: Option<&str>) -> Vec<Row> {
    let mut rows = vec![Row::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for (number, row) in rows.iter_mut().enumerate() {
            row.insert(field.name().clone(), value(column, number));
        }
    }
    for row in &mut rows {
        assert!(!row.contains_key("event_date"), "readers refuse a column that the path has, too");
        row.extend(date.map(|date| ("event_date".to_owned(), json!(date))));
    }
    rows
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let text = || Some(json!(column.as_string_opt::<i32>()?.value(row)));
    let small = || Some(json!(column.as_primitive_opt::<Int32Type>()?.value(row)));
    let integer = || Some(json!(column.as_primitive_opt::<Int64Type>()?.value(row)));
    let double = || Some(json!(column.as_primitive_opt::<Float64Type>()?.value(row)));
    let flag = || Some(json!(column.as_boolean_opt()?.value(row)));
    let bytes = || Some(json!(column.as_binary_opt::<i32>()?.value(row)));
    let time = || Some(json!(rfc3339(column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))));
    let found = text().or_else(small).or_else(integer).or_else(double).or_else(flag).or_else(bytes).or_else(time);
    found.unwrap_or_else(|| panic!("{} is no type that every reader takes", column.data_type()))
}
