//! Events, and their columns under construction.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use chrono::{DateTime, FixedOffset};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Event {
    event_id: String,
    device_id: String,
    device_type: String,
    event_time: EventTime,
    event_duration: f64,
    value: Option<f64>,
    unit: Option<String>,
    site: Option<String>,
    firmware: Option<String>,
    battery: Option<i64>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EventTime {
    Millis(i64),
    Text(DateTime<FixedOffset>),
}

impl EventTime {
    fn micros(&self) -> i64 {
        match self {
            Self::Millis(millis) => millis * 1000,
            Self::Text(time) => time.timestamp_micros(),
        }
    }
}

#[derive(Default)]
pub struct Table {
    topic: StringBuilder,
    partition: Int32Builder,
    offset: Int64Builder,
    timestamp: TimestampMicrosecondBuilder,
    key: BinaryBuilder,
    event_id: StringBuilder,
    device_id: StringBuilder,
    device_type: StringBuilder,
    event_time: TimestampMicrosecondBuilder,
    event_duration: Float64Builder,
    value: Float64Builder,
    unit: StringBuilder,
    site: StringBuilder,
    firmware: StringBuilder,
    battery: Int64Builder,
    status: StringBuilder,
}

impl Table {
    pub fn push(
        &mut self,
        topic: Option<&str>,
        partition: i64,
        offset: i64,
        timestamp: i64,
        key: Option<Vec<u8>>,
        event: Event,
    ) {
        self.topic.append_option(topic);
        self.partition.append_value(partition as i32);
        self.offset.append_value(offset);
        self.timestamp.append_value(timestamp);
        self.key.append_option(key);
        self.event_time.append_value(event.event_time.micros());
        self.event_id.append_value(event.event_id);
        self.device_id.append_value(event.device_id);
        self.device_type.append_value(event.device_type);
        self.event_duration.append_value(event.event_duration);
        self.value.append_option(event.value);
        self.unit.append_option(event.unit);
        self.site.append_option(event.site);
        self.firmware.append_option(event.firmware);
        self.battery.append_option(event.battery);
        self.status.append_option(event.status);
    }

    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let utc =
            |mut times: TimestampMicrosecondBuilder| -> ArrayRef { Arc::new(times.finish().with_timezone("UTC")) };
        RecordBatch::try_from_iter([
            ("topic", Arc::new(self.topic.finish()) as ArrayRef),
            ("partition", Arc::new(self.partition.finish())),
            ("offset", Arc::new(self.offset.finish())),
            ("timestamp", utc(self.timestamp)),
            ("key", Arc::new(self.key.finish())),
            ("event_id", Arc::new(self.event_id.finish())),
            ("device_id", Arc::new(self.device_id.finish())),
            ("device_type", Arc::new(self.device_type.finish())),
            ("event_time", utc(self.event_time)),
            ("event_duration", Arc::new(self.event_duration.finish())),
            ("value", Arc::new(self.value.finish())),
            ("unit", Arc::new(self.unit.finish())),
            ("site", Arc::new(self.site.finish())),
            ("firmware", Arc::new(self.firmware.finish())),
            ("battery", Arc::new(self.battery.finish())),
            ("status", Arc::new(self.status.finish())),
        ])
    }
}
