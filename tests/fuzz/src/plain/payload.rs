//! The event that Lambda delivers: the records in it, or that it is none.

use penstock_core::payload::TimestampType;
use penstock_core::position::{Partition, Position};

use super::json::{elements, object, string, value};
use super::numbers::{double, integer};
use super::timestamps::in_years;

/// The records of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub topic: String,
    pub partition: Partition,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub position: Position,
    /// UTC microseconds.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<String>,
    pub value: Option<String>,
}

/// The batches of a payload, in the order of their first record; `None` if it must be refused as a whole.
#[must_use]
pub fn payload(text: &str) -> Option<Vec<Batch>> {
    let top = members(text)?;
    let source = last_string(&top, "eventSource");
    let is_records = |name: &str, raw: &str| match name {
        "records" => raw.starts_with('{'),
        "Records" => raw.starts_with('['),
        _ => false,
    };
    let (name, raw) = top.iter().find(|(name, raw)| is_records(name, raw))?;
    let mut batches = Batches::default();
    if name == "records" {
        for (_, raw) in members(raw)?.iter().filter(|(_, raw)| raw.starts_with('[')) {
            elements(raw).into_iter().try_for_each(|record| batches.push(kafka(&members(record)?)?))?;
        }
        return matches!(source.as_deref(), Some("aws:kafka" | "SelfManagedKafka")).then_some(batches.0);
    }
    elements(raw).into_iter().try_for_each(|record| batches.push(kinesis(&members(record)?)?))?;
    (!batches.0.is_empty()).then_some(batches.0)
}

/// The members of the object that is all of `text`, in their order: what each key says, and its value as it stands there.
fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut members = Vec::new();
    let rest = object(text, |_, name, rest| {
        let (raw, rest) = value(rest, usize::MAX)?;
        members.push((name, raw));
        Ok(rest)
    });
    let is_whole = rest.is_ok_and(|rest| rest.trim_start_matches([' ', '\t', '\n', '\r']).is_empty());
    is_whole.then_some(members)
}

/// The last member of this name whose value begins with one of these letters: others of the name do not count.
fn last<'t>(members: &[(String, &'t str)], name: &str, first: &str) -> Option<&'t str> {
    members
        .iter()
        .rfind(|(other, raw)| other == name && raw.starts_with(|letter| first.contains(letter)))
        .map(|found| found.1)
}

fn last_string(members: &[(String, &str)], name: &str) -> Option<String> {
    string(last(members, name, "\"")?).ok()
}

fn last_number<'t>(members: &[(String, &'t str)], name: &str) -> Option<&'t str> {
    last(members, name, "-0123456789")
}

#[derive(Default)]
struct Batches(Vec<Batch>);

impl Batches {
    /// Adds a record to its partition; `None` if that has one at or behind its position.
    fn push(&mut self, (topic, partition, record): (String, Partition, Record)) -> Option<()> {
        match self.0.iter_mut().find(|batch| batch.topic == topic && batch.partition == partition) {
            Some(batch) if record.position <= batch.records.last()?.position => return None,
            Some(batch) => batch.records.push(record),
            None => self.0.push(Batch { topic, partition, records: vec![record] }),
        }
        Some(())
    }
}

fn kafka(fields: &[(String, &str)]) -> Option<(String, Partition, Record)> {
    let number = |name| integer(last_number(fields, name)?).ok();
    let topic = last_string(fields, "topic").filter(|topic| !topic.is_empty())?;
    let partition = number("partition").and_then(|number| i32::try_from(number).ok()).filter(|number| 0 <= *number)?;
    let timestamp = number("timestamp").filter(|millis| *millis != -1);
    let record = Record {
        position: Position::from_offset(number("offset")?.try_into().ok()?),
        timestamp: timestamp.and_then(|millis| millis.checked_mul(1000)).and_then(in_years),
        timestamp_type: match last_string(fields, "timestampType").as_deref() {
            Some("CREATE_TIME") => TimestampType::CreateTime,
            Some("LOG_APPEND_TIME") => TimestampType::LogAppendTime,
            _ => TimestampType::Unknown,
        },
        key: last_string(fields, "key"),
        value: last_string(fields, "value"),
    };
    Some((topic, Partition::Kafka(partition), record))
}

fn kinesis(fields: &[(String, &str)]) -> Option<(String, Partition, Record)> {
    if last_string(fields, "eventSource")? != "aws:kinesis" {
        return None;
    }
    let arn = last_string(fields, "eventSourceARN")?;
    let stream = arn.split(":stream/").nth(1)?.split('/').next().filter(|name| !name.is_empty())?;
    let id = last_string(fields, "eventID")?;
    let (shard, _) = id.rsplit_once(':').filter(|(shard, _)| !shard.is_empty())?;
    let inner: Vec<(String, &str)> = fields
        .iter()
        .filter(|(name, raw)| name == "kinesis" && raw.starts_with('{'))
        .flat_map(|(_, raw)| members(raw))
        .flatten()
        .collect();
    let arrival = last_number(&inner, "approximateArrivalTimestamp").and_then(|seconds| double(seconds).ok());
    let record = Record {
        position: last_string(&inner, "sequenceNumber")?.parse().ok()?,
        #[expect(clippy::cast_possible_truncation, reason = "it saturates, and what is out of range is no time")]
        timestamp: arrival.and_then(|seconds| in_years((seconds * 1e6).round() as i64)),
        timestamp_type: TimestampType::ArrivalTime,
        key: last_string(&inner, "partitionKey"),
        value: last_string(&inner, "data"),
    };
    Some((stream.to_owned(), Partition::Shard(shard.to_owned()), record))
}
