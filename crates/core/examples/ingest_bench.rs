//! What ingest costs: nanoseconds per event and stage, from Lambda's payload to raw Parquet, on one core.
//!
//! `cargo run --release -p penstock-core --example ingest_bench [EVENTS] [ROUNDS]`. Stages are timed one after the other,
//! `ROUNDS` times over one generated payload; the table shows the fastest round and the median.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a benchmark reads the clock and prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use penstock_core::dataset::Dataset;
use penstock_core::payload::{self, Encoded};
use penstock_core::{parse, raw};

/// 2026-11-21T12:00:00Z.
const ARRIVAL: i64 = 1_795_262_400_000_000;

const STAGES: [&str; 5] = [
    "scan the payload",
    "base64 and UTF-8, alone",
    "records to columns",
    "columns to Parquet",
    "all, from payload to Parquet",
];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let events = arguments.next().unwrap_or(10_000);
    let rounds = arguments.next().unwrap_or(200);
    let payload = payload_of(events);
    let dataset = Dataset::shipped("iot").unwrap();
    let mut times: [Vec<Duration>; STAGES.len()] = Default::default();
    let mut file_bytes = 0;
    for _ in 0..rounds {
        let (round, bytes) = measure(&dataset, &payload);
        times.iter_mut().zip(round).for_each(|(times, time)| times.push(time));
        file_bytes = bytes;
    }
    let value_bytes = value_bytes(&payload) / events;
    println!("{events} events of {value_bytes} bytes, payload {} bytes, {rounds} rounds", payload.len());
    println!("{:<30} {:>12} {:>12}   ns per event", "", "fastest", "median");
    for (name, mut times) in STAGES.into_iter().zip(times) {
        times.sort_unstable();
        let per_event = |time: Duration| time.as_nanos() as f64 / events as f64;
        println!("{name:<30} {:>12.1} {:>12.1}", per_event(times[0]), per_event(times[times.len() / 2]));
    }
    println!("Parquet: {:.1} bytes per event", file_bytes as f64 / events as f64);
    println!("peak memory: {:.1} MiB, the payload and its making included", peak_memory() / 1024.0);
}

/// One round: the time of each stage, and the size of the file.
fn measure(dataset: &Dataset, payload: &[u8]) -> ([Duration; STAGES.len()], usize) {
    let start = Instant::now();
    let read = payload::read(payload).unwrap();
    let scanned = start.elapsed();
    let batch = &read.batches[0];

    let start = Instant::now();
    let mut decoded = Vec::new();
    for chunk in batch.records.chunks(256) {
        decoded.clear();
        for record in chunk {
            let Some(Encoded::Base64(text)) = &record.value else { continue };
            base64_simd::STANDARD.decode_append(text, &mut decoded).unwrap();
        }
        black_box(simdutf8::basic::from_utf8(&decoded).unwrap());
    }
    let decoded = start.elapsed();

    let start = Instant::now();
    let rows = parse::rows(dataset, batch, &batch.records, 7, ARRIVAL).unwrap();
    let parsed = start.elapsed();
    assert_eq!(rows.rejected, 0, "the payload is good");

    let start = Instant::now();
    let file = raw::encode(&rows.batch, vec![("next".to_owned(), "1".to_owned())]).unwrap();
    let encoded = start.elapsed();
    black_box(&file);
    ([scanned, decoded, parsed, encoded, scanned + parsed + encoded], file.len())
}

fn value_bytes(payload: &[u8]) -> usize {
    let read = payload::read(payload).unwrap();
    let values = read.batches.iter().flat_map(|batch| &batch.records).filter_map(|record| record.value.as_ref());
    values.map(|(Encoded::Base64(text) | Encoded::Plain(text))| text.len() / 4 * 3).sum()
}

/// A Kafka event with records of one partition, as the producer and Lambda would make it.
fn payload_of(events: usize) -> Vec<u8> {
    let mut random = Random(7);
    let records: Vec<String> = (0..events).map(|number| record(number, &mut random)).collect();
    let records = records.join(",");
    let head = r#"{"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:eu-west-1:123456789012:cluster/c/1","bootstrapServers":"b-1:9094""#;
    format!(r#"{head},"records":{{"events-0":[{records}]}}}}"#).into_bytes()
}

fn record(number: usize, random: &mut Random) -> String {
    let event = event(random);
    let device = random.device();
    let key: String = base64_simd::STANDARD.encode_type(device.as_bytes());
    let value: String = base64_simd::STANDARD.encode_type(event.replace("DEVICE", &device).as_bytes());
    let (offset, timestamp) = (5_000_000 + number, ARRIVAL / 1000 - 2_000 + number as i64 / 10);
    format!(
        r#"{{"topic":"events","partition":0,"offset":{offset},"timestamp":{timestamp},"timestampType":"CREATE_TIME","key":"{key}","value":"{value}","headers":[]}}"#
    )
}

fn event(random: &mut Random) -> String {
    let id = format!("{:016x}{:016x}", random.next(), random.next());
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    let kinds = ["thermostat", "camera", "door_lock", "light", "smoke_detector", "speaker", "plug", "air_quality"];
    let time = penstock_core::time::rfc3339(ARRIVAL - (random.below(60_000_000) as i64) / 1000 * 1000);
    let time = format!("{}Z", &time[..23]);
    let (kind, duration) = (random.pick(&kinds), random.below(5_000) as f64 / 10.0);
    let mut event = format!(
        r#"{{"event_id":"{id}","device_id":"DEVICE","device_type":"{kind}","event_time":"{time}","event_duration":{duration}"#
    );
    let mut optional = |share: u64, text: String| {
        if random.below(100) < share {
            event += &text;
        }
    };
    let number = u64::from_str_radix(&id[..8], 16).unwrap();
    optional(98, format!(r#","value":{}"#, (number % 4_000) as f64 / 100.0));
    optional(90, format!(r#","unit":"{}""#, ["celsius", "lux", "ppm", "watt"][number as usize % 4]));
    optional(15, format!(r#","site":"{}""#, ["berlin", "lyon", "porto", "oslo", "graz"][number as usize % 5]));
    optional(15, r#","firmware":"1.5.0""#.to_owned());
    optional(25, format!(r#","battery":{}"#, number % 100));
    optional(20, r#","status":"ok""#.to_owned());
    event + "}"
}

/// Marsaglia's xorshift64: enough for test data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    fn pick<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[self.below(values.len() as u64) as usize]
    }

    /// A thousand devices, the first ones more active than the last.
    fn device(&mut self) -> String {
        format!("device-{}", self.below(1_000) * self.below(1_000) / 1_000)
    }
}

/// The process's peak resident memory in KiB, where Linux tells it.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}
