//! Lakes made up for the tests, and what they answer.

mod question;
mod any_query;

use arrow_schema::Schema;
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::cast;
use penstock_core::keys;
use penstock_core::table::{TableWriter, silver_schema};
use penstock_lake::MemoryStore;

use super::*;

const DAY: &str = "2026-01-31";
/// Noon of that day, in epoch microseconds.
const NOON: i64 = 1_769_860_800_000_000;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

/// An event as the question sees it.
#[derive(Clone, Debug)]
struct Row {
    id: u128,
    kind: &'static str,
    duration: f64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Kafka(&'static str, i32, i64),
    Kinesis(&'static str, &'static str),
}

fn row(id: u128, kind: &'static str, duration: f64) -> Row {
    Row { id, kind, duration, place: Place::Kafka("events", 0, i64::try_from(id).unwrap()) }
}

fn rows(kind: &'static str, durations: &[f64]) -> Vec<Row> {
    durations.iter().enumerate().map(|(id, duration)| row(id as u128, kind, *duration)).collect()
}

/// A file of the schema with the columns that `fill` knows; the others are null.
fn file(schema: &Arc<Schema>, rows: usize, fill: impl Fn(&str) -> Option<ArrayRef>) -> bytes::Bytes {
    let columns = schema.fields().iter().map(|field| match fill(field.name()) {
        Some(values) => cast(&values, field.data_type()).unwrap(),
        None => new_null_array(field.data_type(), rows),
    });
    let batch = RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap();
    let mut writer = TableWriter::new(schema, &[]).unwrap();
    writer.write(&batch).unwrap();
    writer.finish("entry", &()).unwrap()
}

fn silver(rows: &[Row]) -> bytes::Bytes {
    let text =
        |get: &dyn Fn(&Row) -> Option<String>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<StringArray>()) };
    let kafka = |row: &Row| match row.place {
        Place::Kafka(topic, partition, offset) => Some((topic, partition, offset)),
        Place::Kinesis(..) => None,
    };
    let kinesis = |row: &Row| match row.place {
        Place::Kafka(..) => None,
        Place::Kinesis(shard, number) => Some((shard.to_owned(), number.to_owned())),
    };
    file(&silver_schema(&iot()), rows.len(), |name| {
        Some(match name {
            "event_id" => text(&|row| Some(penstock_core::uuid::text(row.id.to_be_bytes()).as_str().to_owned())),
            "device_id" => text(&|_| Some("device".to_owned())),
            "device_type" => text(&|row| Some(row.kind.to_owned())),
            "event_time" => Arc::new(TimestampMicrosecondArray::from_value(NOON, rows.len()).with_timezone("UTC")),
            "event_duration" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.duration))),
            "topic" => text(&|row| Some(kafka(row).map_or("stream", |(topic, ..)| topic).to_owned())),
            "partition" => Arc::new(rows.iter().map(|row| Some(kafka(row)?.1)).collect::<Int32Array>()),
            "offset" => Arc::new(rows.iter().map(|row| Some(kafka(row)?.2)).collect::<Int64Array>()),
            "shard" => text(&|row| Some(kinesis(row)?.0)),
            "sequence_number" => text(&|row| Some(kinesis(row)?.1)),
            _ => return None,
        })
    })
}

async fn lake(files: Vec<(String, bytes::Bytes)>) -> Arc<dyn Store> {
    let store = MemoryStore::default();
    for (key, bytes) in files {
        store.put_new(&key, bytes).await.unwrap();
    }
    Arc::new(store)
}

/// Runs what is asynchronous to its end.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The answer as the command prints it, or the error.
fn asked(files: Vec<(String, bytes::Bytes)>, query: &str, format: Format) -> Result<String, Failure> {
    wait(async {
        let answer = ask(lake(files).await, iot(), query).await?;
        let mut text = Vec::new();
        output::write(format, &answer, &mut text).unwrap();
        Ok(String::from_utf8(text).unwrap())
    })
}

fn one_day(rows: &[Row]) -> Vec<(String, bytes::Bytes)> {
    vec![(keys::silver("iot", DAY, 1), silver(rows))]
}
