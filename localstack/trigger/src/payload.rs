//! The payload that Lambda's event source mapping gives to a function for Kafka.
//!
//! ```json
//! {"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:...","bootstrapServers":"b-1:9094,b-2:9094",
//!  "records":{"events-0":[{"topic":"events","partition":0,"offset":15,"timestamp":1545084650987,
//!   "timestampType":"CREATE_TIME","key":"ZGV2LTE=","value":"eyJ9","headers":[{"h":[104,-61,101]}]}]}}
//! ```
//! Keys and values are base64, header bytes are signed numbers, a null key is absent, a null value is `null`.
//! (Source: the developer guide of AWS Lambda, "Using Lambda with self-managed Apache Kafka".)
//!
//! The same function that writes a record counts it, so a batch can be filled up to the last byte of the limit.

use base64_simd::STANDARD;
use bytes::Bytes;

use crate::log::{LogRecord, TimestampType};
use crate::mapping::{EventSource, Mapping};

const TAIL: &[u8] = b"}}";

/// Writes payloads of one mapping.
#[derive(Clone, Debug)]
pub struct PayloadFormat {
    /// `{"eventSource":...,"records":{`
    head: Vec<u8>,
    /// `"events-`
    part_head: Vec<u8>,
    /// `{"topic":"events","partition":`
    record_head: Vec<u8>,
}

impl PayloadFormat {
    #[must_use]
    pub fn new(mapping: &Mapping) -> Self {
        let mut head = Vec::new();
        match &mapping.source {
            EventSource::SelfManagedKafka => head.raw(br#"{"eventSource":"SelfManagedKafka""#),
            EventSource::Msk { arn } => {
                head.raw(br#"{"eventSource":"aws:kafka","eventSourceArn":"#);
                write_string(&mut head, arn);
            }
        }
        head.raw(br#","bootstrapServers":"#);
        write_string(&mut head, &mapping.bootstrap_servers);
        head.raw(br#","records":{"#);

        let mut topic = Vec::new();
        write_string(&mut topic, &mapping.topic);
        let mut record_head = br#"{"topic":"#.to_vec();
        record_head.raw(&topic);
        record_head.raw(br#","partition":"#);
        topic.pop();
        topic.push(b'-');
        Self { head, part_head: topic, record_head }
    }

    /// The bytes of a payload without records.
    #[must_use]
    pub fn envelope_len(&self) -> usize {
        self.head.len() + TAIL.len()
    }

    /// The bytes that a partition adds beside its records: its name and the brackets of its list.
    #[must_use]
    pub fn part_len(&self, partition: i32) -> usize {
        let mut count = Count(0);
        self.write_part_head(&mut count, partition);
        count.0 + 1
    }

    /// The bytes of one record, without the comma that parts it from its neighbour.
    #[must_use]
    pub fn record_len(&self, record: &LogRecord) -> usize {
        let mut count = Count(0);
        self.write_record(&mut count, record);
        count.0
    }

    /// The payload of one partition's records.
    #[must_use]
    pub fn encode_part(&self, partition: i32, records: &[LogRecord]) -> Bytes {
        let commas = records.len().saturating_sub(1);
        let encoded: usize = records.iter().map(|record| self.record_len(record)).sum();
        let len = self.envelope_len() + self.part_len(partition) + encoded + commas;
        self.encode(std::iter::once((partition, records)), len)
    }

    /// One payload of `len` bytes that holds these partitions' records in this order.
    #[must_use]
    pub fn encode<'a>(&self, parts: impl Iterator<Item = (i32, &'a [LogRecord])>, len: usize) -> Bytes {
        let mut out = Vec::with_capacity(len);
        out.raw(&self.head);
        for (index, (partition, records)) in parts.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_part_head(&mut out, partition);
            for (index, record) in records.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                self.write_record(&mut out, record);
            }
            out.push(b']');
        }
        out.raw(TAIL);
        debug_assert_eq!(out.len(), len, "the payload was counted wrongly");
        Bytes::from(out)
    }

    fn write_part_head(&self, out: &mut impl Sink, partition: i32) {
        out.raw(&self.part_head);
        write_integer(out, partition.into());
        out.raw(br#"":["#);
    }

    fn write_record(&self, out: &mut impl Sink, record: &LogRecord) {
        out.raw(&self.record_head);
        write_integer(out, record.partition.into());
        out.raw(br#","offset":"#);
        write_integer(out, record.offset);
        out.raw(br#","timestamp":"#);
        write_integer(out, record.timestamp);
        out.raw(match record.timestamp_type {
            TimestampType::CreateTime => br#","timestampType":"CREATE_TIME""#,
            TimestampType::LogAppendTime => br#","timestampType":"LOG_APPEND_TIME""#,
        });
        if let Some(key) = &record.key {
            out.raw(br#","key":""#);
            out.base64(key);
            out.raw(b"\"");
        }
        match &record.value {
            Some(value) => {
                out.raw(br#","value":""#);
                out.base64(value);
                out.raw(br#"","headers":["#);
            }
            None => out.raw(br#","value":null,"headers":["#),
        }
        for (index, (name, bytes)) in record.headers.iter().enumerate() {
            if index > 0 {
                out.raw(b",");
            }
            write_header(out, name, bytes);
        }
        out.raw(b"]}");
    }
}

/// Takes the bytes of a payload, or only counts them.
trait Sink {
    fn raw(&mut self, bytes: &[u8]);
    fn base64(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn base64(&mut self, bytes: &[u8]) {
        STANDARD.encode_append(bytes, self);
    }
}

struct Count(usize);

impl Sink for Count {
    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.0 += STANDARD.encoded_length(bytes.len());
    }
}

/// `{"name":[104,-61,101]}`
fn write_header(out: &mut impl Sink, name: &str, bytes: &[u8]) {
    out.raw(b"{");
    write_string(out, name);
    out.raw(b":[");
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.raw(b",");
        }
        write_integer(out, byte.cast_signed().into());
    }
    out.raw(b"]}");
}

fn write_integer(out: &mut impl Sink, integer: i64) {
    // 19 digits and a sign hold every i64.
    let mut text = [0_u8; 20];
    let mut start = text.len();
    let mut rest = integer.unsigned_abs();
    loop {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        start -= 1;
        text[start] = b'-';
    }
    out.raw(&text[start..]);
}

/// A JSON string: quotes, backslashes and control characters are escaped, everything else stands as UTF-8.
fn write_string(out: &mut impl Sink, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.raw(b"\"");
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.raw(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => out.raw(&[b'\\', byte]),
            byte => out.raw(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
        rest = &rest[at + 1..];
    }
    out.raw(rest);
    out.raw(b"\"");
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
