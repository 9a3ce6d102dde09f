//! A plain Rust handler: the event types of `aws_lambda_events`, `serde_json`, and `ArrowWriter` with its defaults.
//!
//! `plain-handler DIR OUT` turns the payloads in DIR into one Parquet file each. It keeps no promise of Penstock's:
//! the first bad record fails the batch, and a batch that comes twice is written twice.

use std::fs;
use std::path::Path;
use std::time::Instant;

use arrow_array::RecordBatch;
use aws_lambda_events::kafka::KafkaEvent;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::arrow::ArrowWriter;

mod table;

use table::{Event, Table};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out] = arguments.as_slice() else {
        return Err("expected DIR OUT".into());
    };
    let mut paths = fs::read_dir(Path::new(folder).join("payloads"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    let payloads = paths.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    handle(&payloads[0])?;

    let (cpu, wall) = (cpu_secs()?, Instant::now());
    let files = payloads.iter().map(|payload| handle(payload)).collect::<Result<Vec<_>, _>>()?;
    let (cpu, wall) = (cpu_secs()? - cpu, wall.elapsed().as_secs_f64());

    fs::create_dir_all(out)?;
    for (number, file) in files.iter().enumerate() {
        fs::write(Path::new(out).join(format!("{number:06}.parquet")), file)?;
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    println!("{}", serde_json::json!({ "cpu_secs": cpu, "wall_secs": wall, "bytes": bytes }));
    Ok(())
}

/// One invocation: the payload of an event source mapping in, a Parquet file out.
fn handle(payload: &[u8]) -> Result<Vec<u8>, Error> {
    let event: KafkaEvent = serde_json::from_slice(payload)?;
    let mut table = Table::default();
    for record in event.records.into_values().flatten() {
        let value = STANDARD.decode(record.value.as_deref().ok_or("a record without a value")?)?;
        let event: Event = serde_json::from_slice(&value)?;
        let key = record.key.map(|key| STANDARD.decode(key)).transpose()?;
        let timestamp = record.timestamp.0.timestamp_micros();
        table.push(record.topic.as_deref(), record.partition, record.offset, timestamp, key, event);
    }
    encode(&table.finish()?)
}

fn encode(rows: &RecordBatch) -> Result<Vec<u8>, Error> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None)?;
    writer.write(rows)?;
    Ok(writer.into_inner()?)
}

/// What the only thread of this process has had of a processor.
fn cpu_secs() -> Result<f64, Error> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanos / 1e9)
}
