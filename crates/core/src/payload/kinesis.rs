//! The `Records` of a Kinesis event: an array of records of one shard.

use std::borrow::Cow;

use super::{Batch, Batches, Encoded, PayloadError, Record, TimestampType, text};
use crate::json::{Kind, Scan, Scanner};
use crate::position::{Partition, Position};
use crate::reject::quote;
use crate::time::in_range;

pub(super) fn read<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<Batch<'a>>, PayloadError> {
    let mut batches = Batches::default();
    let mut index = 0;
    let mut more = scanner.enter_array()?;
    while more {
        let fields = read_fields(scanner)?;
        let error =
            |problem: &str| PayloadError::Record { place: format!("number {index}"), problem: problem.to_owned() };
        fields.check_source(index)?;
        let topic = fields.stream().ok_or_else(|| error("the field `eventSourceARN` is absent or names no stream"))?;
        let shard =
            fields.shard().ok_or_else(|| error("the field `eventID` is absent or does not begin with a shard's id"))?;
        let record =
            fields.record().ok_or_else(|| error("the field `sequenceNumber` is absent or no sequence number"))?;
        batches.push(topic, &Partition::Shard(shard), record)?;
        index += 1;
        more = scanner.next_element()?;
    }
    Ok(batches.batches)
}

/// The fields of one record as they stand in the payload; `None` if absent, null or of another type.
#[derive(Default)]
struct Fields<'a> {
    event_source: Option<Cow<'a, [u8]>>,
    event_id: Option<Cow<'a, [u8]>>,
    event_source_arn: Option<Cow<'a, [u8]>>,
    partition_key: Option<Cow<'a, [u8]>>,
    sequence_number: Option<Cow<'a, [u8]>>,
    data: Option<Cow<'a, [u8]>>,
    /// Seconds since 1970, with a fraction.
    arrival: Option<f64>,
}

fn read_fields<'a>(scanner: &mut Scanner<'a>) -> Scan<Fields<'a>> {
    let mut fields = Fields::default();
    if scanner.kind()? != Kind::Object {
        scanner.skip(usize::MAX)?;
        return Ok(fields);
    }
    let mut more = scanner.enter_object()?;
    while more {
        let name = scanner.key()?.unescape();
        match (&*name, scanner.kind()?) {
            (b"eventSource", Kind::String) => fields.event_source = Some(scanner.string()?.unescape()),
            (b"eventID", Kind::String) => fields.event_id = Some(scanner.string()?.unescape()),
            (b"eventSourceARN", Kind::String) => fields.event_source_arn = Some(scanner.string()?.unescape()),
            (b"kinesis", Kind::Object) => read_kinesis(scanner, &mut fields)?,
            _ => drop(scanner.skip(usize::MAX)?),
        }
        more = scanner.next_member()?;
    }
    Ok(fields)
}

fn read_kinesis<'a>(scanner: &mut Scanner<'a>, fields: &mut Fields<'a>) -> Scan<()> {
    let mut more = scanner.enter_object()?;
    while more {
        let name = scanner.key()?.unescape();
        match (&*name, scanner.kind()?) {
            (b"partitionKey", Kind::String) => fields.partition_key = Some(scanner.string()?.unescape()),
            (b"sequenceNumber", Kind::String) => fields.sequence_number = Some(scanner.string()?.unescape()),
            (b"data", Kind::String) => fields.data = Some(scanner.string()?.unescape()),
            (b"approximateArrivalTimestamp", Kind::Number) => fields.arrival = scanner.number()?.double(),
            _ => drop(scanner.skip(usize::MAX)?),
        }
        more = scanner.next_member()?;
    }
    Ok(())
}

impl<'a> Fields<'a> {
    /// Other services send `Records` too.
    fn check_source(&self, index: usize) -> Result<(), PayloadError> {
        match self.event_source.as_deref() {
            Some(b"aws:kinesis") => Ok(()),
            Some(other) => Err(PayloadError::NotAnEvent { got: format!("an event of {}", quote(other)) }),
            None => {
                Err(PayloadError::NotAnEvent { got: format!("an event whose record {index} has no `eventSource`") })
            }
        }
    }

    /// `arn:aws:kinesis:<region>:<account>:stream/<name>`, with a consumer after it where there is enhanced fan-out.
    fn stream(&self) -> Option<Cow<'a, str>> {
        let arn = text(self.event_source_arn.clone()?)?;
        let name = arn.split(":stream/").nth(1)?.split('/').next()?;
        (!name.is_empty()).then(|| Cow::Owned(name.to_owned()))
    }

    /// `<shard id>:<sequence number>`.
    fn shard(&self) -> Option<String> {
        let id = text(self.event_id.clone()?)?;
        let (shard, _) = id.rsplit_once(':')?;
        (!shard.is_empty()).then(|| shard.to_owned())
    }

    fn record(self) -> Option<Record<'a>> {
        let position: Position = text(self.sequence_number?)?.parse().ok()?;
        Some(Record {
            position,
            timestamp: self.arrival.and_then(micros),
            timestamp_type: TimestampType::ArrivalTime,
            key: self.partition_key.map(Encoded::Plain),
            value: self.data.map(Encoded::Base64),
        })
    }
}

/// A double holds today's seconds to a quarter of a microsecond.
fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and what is out of range is no time")]
    let micros = micros as i64;
    in_range(micros)
}
