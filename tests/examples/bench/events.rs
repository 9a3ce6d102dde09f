//! The events that everybody gets: those of the shipped generator, as payloads and as lines.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::Bytes;
use penstock_core::dataset::Dataset;
use penstock_producer::{Generator, Record, Shape};
use penstock_trigger::log::{LogRecord, TimestampType};
use penstock_trigger::mapping::{Mapping, PAYLOAD_LIMIT_BYTES};
use penstock_trigger::payload::PayloadFormat;
use serde_json::{Value, json};

/// The lines that peers read.
const LINES: &str = "events.ndjson";
/// The folder of the payloads, whose names sort as they are delivered.
const PAYLOADS: &str = "payloads";

/// Event time between two events: the same for any number of them, so that volume is all that grows with it.
const SPACING_NANOS: u64 = 1_200_000;

/// What is to be made up.
pub(crate) struct Events {
    events: usize,
    /// The most records of one payload; fewer where 6 MB are reached before.
    batch: usize,
    devices: u64,
    duplicates: f64,
    late: f64,
    malformed: f64,
    /// The length of a text that is added to each event, in a field that the dataset does not name.
    padding: usize,
}

impl Events {
    /// `name=value` for whatever differs from the defaults.
    pub(crate) fn parse(options: &[&str]) -> Self {
        let mut events = Self {
            events: 500_000,
            batch: 10_000,
            devices: 1000,
            duplicates: 0.01,
            late: 0.01,
            malformed: 0.0,
            padding: 0,
        };
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or_else(|| panic!("`{option}` is not NAME=VALUE"));
            let whole = || value.parse().unwrap_or_else(|_| panic!("`{option}`: expected a whole number"));
            let share = || value.parse().unwrap_or_else(|_| panic!("`{option}`: expected a share"));
            match name {
                "events" => events.events = whole(),
                "batch" => events.batch = whole(),
                "devices" => events.devices = whole() as u64,
                "duplicates" => events.duplicates = share(),
                "late" => events.late = share(),
                "malformed" => events.malformed = share(),
                "padding" => events.padding = whole(),
                _ => panic!("there is no option `{name}`"),
            }
        }
        events
    }

    fn generator(&self) -> Generator {
        let mut dataset = Dataset::shipped("iot").unwrap();
        for column in &mut dataset.columns {
            if let Some(penstock_core::dataset::Generate::Entity { count, .. }) = &mut column.generate {
                *count = self.devices;
            }
        }
        let span_us = self.events as i64 * SPACING_NANOS as i64 / 1000;
        let shape = Shape {
            events: self.events as u64,
            duplicates: self.duplicates,
            late: self.late,
            malformed: self.malformed,
            start_time_us: crate::now() - span_us,
            spacing_nanos: SPACING_NANOS,
            ..Shape::default()
        };
        Generator::new(&dataset, &shape).unwrap()
    }
}

/// Writes `payloads/*.json` and `events.ndjson` into `folder`, and says how many events of which length they hold.
pub(crate) fn write(folder: &Path, events: &Events) -> Value {
    fs::create_dir_all(folder.join(PAYLOADS)).unwrap();
    let mut lines = BufWriter::new(fs::File::create(folder.join(LINES)).unwrap());
    let mut payloads = Payloads::new(folder, events.batch);
    let generator = events.generator();
    let mut record = Record::default();
    let mut value_bytes = 0;
    for number in 0..events.events {
        generator.event(number as u64, &mut record);
        pad(&mut record.value, number, events.padding);
        value_bytes += record.value.len();
        lines.write_all(&record.value).and_then(|()| lines.write_all(b"\n")).unwrap();
        payloads.push(LogRecord {
            partition: 0,
            offset: number as i64,
            timestamp: generator.shape().start_time_us / 1000 + number as i64 / 1000,
            timestamp_type: TimestampType::CreateTime,
            key: record.key().map(Bytes::copy_from_slice),
            value: Some(Bytes::copy_from_slice(&record.value)),
            headers: Vec::new(),
        });
    }
    lines.flush().unwrap();
    payloads.write();
    json!({ "events": events.events, "value_bytes": value_bytes, "payloads": payloads.written, "payload_bytes": payloads.bytes })
}

/// All payloads, in the order in which they are delivered.
pub(crate) fn payloads(folder: &Path) -> Vec<Bytes> {
    let mut paths: Vec<_> = fs::read_dir(folder.join(PAYLOADS)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap().into()).collect()
}

/// Adds a field whose text no compression makes short. A value that is no object stays as it is.
fn pad(value: &mut Vec<u8>, number: usize, length: usize) {
    if length == 0 || value.last() != Some(&b'}') {
        return;
    }
    value.pop();
    value.extend_from_slice(br#","note":""#);
    let mut random = number as u64;
    for _ in 0..length {
        // Knuth's linear congruential generator: its upper bits are good enough for text.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value.push(b"abcdefghijklmnopqrstuvwxyz012345"[(random >> 59) as usize]);
    }
    value.extend_from_slice(br#""}"#);
}

/// Cuts records into payloads as a mapping does: by number and by length.
struct Payloads<'f> {
    folder: &'f Path,
    format: PayloadFormat,
    batch: usize,
    records: Vec<LogRecord>,
    /// The length of the payload with the records so far.
    length: usize,
    written: usize,
    bytes: usize,
}

impl<'f> Payloads<'f> {
    fn new(folder: &'f Path, batch: usize) -> Self {
        let format = PayloadFormat::new(&Mapping::new("events", "ingest", "localhost:9092", "bench"));
        Self { folder, format, batch, records: Vec::new(), length: 0, written: 0, bytes: 0 }
    }

    fn push(&mut self, record: LogRecord) {
        let length = self.format.record_len(&record) + 1;
        if self.records.len() == self.batch || PAYLOAD_LIMIT_BYTES < self.length + length {
            self.write();
        }
        if self.records.is_empty() {
            // The first record has no comma before it.
            self.length = self.format.envelope_len() + self.format.part_len(0) - 1;
        }
        self.length += length;
        self.records.push(record);
    }

    fn write(&mut self) {
        let payload = self.format.encode([(0, self.records.as_slice())].into_iter(), self.length);
        fs::write(self.folder.join(PAYLOADS).join(format!("{:06}.json", self.written)), &payload).unwrap();
        self.written += 1;
        self.bytes += payload.len();
        self.records.clear();
    }
}
