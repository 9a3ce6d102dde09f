//! The `records` of a Kafka event: an object of arrays, one per partition.
//!
//! The object's keys (`topic-partition`) are ignored: a topic may hold a hyphen, and the records say it themselves.

use std::borrow::Cow;

use super::alike::{Parts, Shape};
use super::{Batch, Batches, Encoded, PayloadError, Record, TimestampType, text};
use crate::json::{Kind, Scan, Scanner};
use crate::position::{Partition, Position};
use crate::time::from_epoch_millis;

/// As many records as a mapping can be told to put into a payload: more is not worth a reservation.
const LARGEST_BATCH: usize = 10_000;

/// A partition with this many records in a payload may well have all of them.
const MANY_RECORDS: usize = 512;

pub(super) fn read<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<Batch<'a>>, PayloadError> {
    let mut batches = Batches::default();
    let mut more = scanner.enter_object()?;
    while more {
        scanner.key()?;
        if scanner.kind()? == Kind::Array {
            read_array(scanner, &mut batches)?;
        } else {
            scanner.skip(usize::MAX)?;
        }
        more = scanner.next_member()?;
    }
    Ok(batches.batches)
}

fn read_array<'a>(scanner: &mut Scanner<'a>, batches: &mut Batches<'a>) -> Result<(), PayloadError> {
    let mut topic = Cow::Borrowed("");
    let mut partition = Partition::Kafka(0);
    let mut shape: Option<Shape<'a>> = None;
    let start = scanner.at();
    let mut count = 0;
    let mut more = scanner.enter_array()?;
    while more {
        if let Some(record) = shape.and_then(|shape| shape.read(scanner)) {
            batches.push_alike(record)?;
        } else {
            let start = scanner.value_start();
            let (fields, parts) = read_fields(scanner)?;
            fields.partition(&mut topic, &mut partition)?;
            shape = Shape::learn(scanner.text(), start..scanner.at(), &parts, fields.timestamp_type());
            batches.push(topic.clone(), &partition, fields.record()?)?;
        }
        count += 1;
        if count == MANY_RECORDS {
            // The rest of the payload probably holds records like these. Growing step by step would copy them.
            let record_bytes = (scanner.at() - start) / MANY_RECORDS;
            let rest = (scanner.text().len() - scanner.at()) / record_bytes.max(1);
            batches.reserve(rest.min(LARGEST_BATCH));
        }
        more = scanner.next_element()?;
    }
    Ok(())
}

/// The fields of one record as they stand in the payload; `None` if absent, null or of another type.
#[derive(Default)]
struct Fields<'a> {
    topic: Option<Cow<'a, [u8]>>,
    partition: Option<i64>,
    offset: Option<i64>,
    timestamp: Option<i64>,
    timestamp_type: Option<TimestampType>,
    key: Option<Encoded<'a>>,
    value: Option<Encoded<'a>>,
}

fn read_fields<'a>(scanner: &mut Scanner<'a>) -> Scan<(Fields<'a>, Parts)> {
    let (mut fields, mut parts) = (Fields::default(), Parts::default());
    let mut more = scanner.enter_object()?;
    while more {
        let name = scanner.key()?.unescape();
        read_field(scanner, &name, &mut fields, &mut parts)?;
        more = scanner.next_member()?;
    }
    Ok((fields, parts))
}

fn read_field<'a>(scanner: &mut Scanner<'a>, name: &[u8], fields: &mut Fields<'a>, parts: &mut Parts) -> Scan<()> {
    let kind = scanner.kind()?;
    let start = scanner.at();
    let mut number = |scanner: &mut Scanner<'a>, field: &mut Option<i64>| {
        parts.repeated |= field.is_some();
        *field = scanner.number()?.integer().ok();
        Ok(start..scanner.at())
    };
    match (name, kind) {
        (b"offset", Kind::Number) => parts.offset = number(scanner, &mut fields.offset)?,
        (b"timestamp", Kind::Number) => parts.timestamp = number(scanner, &mut fields.timestamp)?,
        (b"partition", Kind::Number) => parts.same = number(scanner, &mut fields.partition)?.end,
        (b"topic", Kind::String) => {
            parts.repeated |= fields.topic.replace(scanner.string()?.unescape()).is_some();
            parts.same = scanner.at();
        }
        (b"timestampType", Kind::String) => {
            let kind = timestamp_type(&scanner.string()?.unescape());
            parts.repeated |= fields.timestamp_type.replace(kind).is_some();
            parts.same = scanner.at();
        }
        (b"key", Kind::String) => {
            parts.repeated |= fields.key.replace(Encoded::Base64(scanner.loose_string()?)).is_some();
            parts.key = Some(start + 1..scanner.at() - 1);
        }
        (b"value", Kind::String) => {
            parts.repeated |= fields.value.replace(Encoded::Base64(scanner.loose_string()?)).is_some();
            parts.value = start + 1..scanner.at() - 1;
        }
        _ => drop(scanner.skip(usize::MAX)?),
    }
    Ok(())
}

fn timestamp_type(name: &[u8]) -> TimestampType {
    match name {
        b"CREATE_TIME" => TimestampType::CreateTime,
        b"LOG_APPEND_TIME" => TimestampType::LogAppendTime,
        _ => TimestampType::Unknown,
    }
}

impl<'a> Fields<'a> {
    /// Brings topic and partition up to date: they seldom change from one record to the next.
    fn partition(&self, topic: &mut Cow<'a, str>, partition: &mut Partition) -> Result<(), PayloadError> {
        let bytes = self.topic.as_ref().ok_or_else(|| self.error("the field `topic` is absent or no string"))?;
        if bytes.is_empty() {
            return Err(self.error("the field `topic` is empty"));
        }
        if topic.as_bytes() != &**bytes {
            *topic = text(bytes.clone()).ok_or_else(|| self.error("the field `topic` is not UTF-8"))?;
        }
        let number = self.partition.and_then(|number| i32::try_from(number).ok()).filter(|number| *number >= 0);
        *partition = Partition::Kafka(
            number.ok_or_else(|| self.error("the field `partition` is absent or no partition's number"))?,
        );
        Ok(())
    }

    fn timestamp_type(&self) -> TimestampType {
        self.timestamp_type.unwrap_or(TimestampType::Unknown)
    }

    fn record(self) -> Result<Record<'a>, PayloadError> {
        let offset = self.offset.and_then(|offset| u64::try_from(offset).ok());
        let offset = offset.ok_or_else(|| self.error("the field `offset` is absent or no offset"))?;
        Ok(Record {
            position: Position::from_offset(offset),
            // Kafka writes -1 where a record has no timestamp.
            timestamp: self.timestamp.filter(|&millis| millis != -1).and_then(from_epoch_millis),
            timestamp_type: self.timestamp_type(),
            key: self.key,
            value: self.value,
        })
    }

    fn error(&self, problem: &str) -> PayloadError {
        let show = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let topic = self.topic.as_deref().map_or_else(|| "?".into(), String::from_utf8_lossy);
        let topic: String = topic.chars().take(249).collect();
        let place = format!("at topic {topic}, partition {}, offset {}", show(self.partition), show(self.offset));
        PayloadError::Record { place, problem: problem.to_owned() }
    }
}
