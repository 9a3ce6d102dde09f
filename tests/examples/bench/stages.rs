//! Where the time of one invocation of ingest goes.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use penstock_core::dataset::Dataset;
use penstock_core::{parse, payload, raw};
use serde_json::{Value, json};

use crate::events;

const ROUNDS: usize = 50;

/// The same payload, stage by stage, the fastest of many rounds: seconds for all of its records.
pub(crate) fn measure(folder: &Path) -> Value {
    let dataset = Dataset::shipped("iot").unwrap();
    let payload = events::payloads(folder).remove(0);
    let mut fastest = [Duration::MAX; 3];
    let (mut bytes, mut records) = (0, 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let read = payload::read(&payload).unwrap();
        let scanned = Instant::now();
        let batch = &read.batches[0];
        let rows = parse::rows(&dataset, batch, &batch.records, 7, crate::now()).unwrap();
        let parsed = Instant::now();
        let file = black_box(raw::encode(&rows.batch, Vec::new()).unwrap());
        let times = [start, scanned, parsed, Instant::now()];
        (bytes, records) = (file.len(), batch.records.len());
        for (fastest, pair) in fastest.iter_mut().zip(times.windows(2)) {
            *fastest = (*fastest).min(pair[1] - pair[0]);
        }
    }
    let [scan, parse, encode] = fastest.map(|time| time.as_secs_f64());
    json!({
        "events": records, "rounds": ROUNDS, "payload_bytes": payload.len(), "bytes": bytes,
        "stages": [["payload to records", scan], ["records to columns", parse], ["columns to Parquet", encode]],
    })
}
