//! Where the time of one invocation of ingest goes.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use penstock_core::dataset::Dataset;
use penstock_core::payload::Encoded;
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
    let base64 = base64_alone(&payload).as_secs_f64();
    json!({
        "events": records, "rounds": ROUNDS, "payload_bytes": payload.len(), "bytes": bytes,
        "stages": [["payload to records", scan], ["records to columns", parse], ["columns to Parquet", encode]],
        "base64": base64,
    })
}

/// What the library takes for the values alone: a part of any way to read a payload.
fn base64_alone(payload: &[u8]) -> Duration {
    let read = payload::read(payload).unwrap();
    let mut fastest = Duration::MAX;
    let mut decoded = Vec::with_capacity(payload.len());
    for _ in 0..ROUNDS {
        decoded.clear();
        let start = Instant::now();
        for record in &read.batches[0].records {
            if let Some(Encoded::Base64(text)) = &record.value {
                base64_simd::STANDARD.decode_append(&**text, &mut decoded).unwrap();
            }
        }
        fastest = fastest.min(start.elapsed());
    }
    fastest
}
