//! What is said of a batch that was given up, as Lambda's on-failure destinations get it.
//!
//! A queue and a topic of SNS get what happened and where the records are; a bucket also the payload, as a text; a topic
//! of Kafka one message for each record, with a payload that has this record alone.
//! (Source: the developer guide of AWS Lambda, "Capturing discarded batches for Amazon MSK and self-managed Apache Kafka
//! event sources" and "Using a Kafka topic as an on-failure destination".)

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::batch::Part;
use crate::log::LogRecord;
use crate::mapping::{EventSource, Mapping};
use crate::payload::PayloadFormat;

/// Why a batch was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The function has failed as often as the mapping allows.
    RetryAttemptsExhausted,
    /// The records are older than the mapping allows.
    RecordAgeExceeded,
    /// A record alone makes a payload that is larger than Lambda takes.
    MaximumPayloadSizeExceeded,
}

/// What a function did with a batch when it was last called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// It ended with an error.
    Failed,
    /// It answered, and the answer says that records failed.
    Reported,
}

/// Records of one partition, in order, that were given up.
#[derive(Clone, Debug)]
pub struct Discarded {
    pub condition: Condition,
    pub topic: String,
    pub partition: i32,
    /// Never empty.
    pub records: Vec<LogRecord>,
    mapping: Arc<Mapping>,
    format: Arc<PayloadFormat>,
    id: String,
    /// Milliseconds since 1970, UTC.
    at: i64,
    invocations: u32,
    response: Option<Response>,
}

impl Discarded {
    /// A part that is given up at a time, under an id that nothing else has.
    pub(crate) fn new(
        mapping: &Arc<Mapping>,
        format: &Arc<PayloadFormat>,
        part: &Part,
        condition: Condition,
        at: i64,
        id: String,
    ) -> Self {
        Self {
            condition,
            topic: mapping.topic.clone(),
            partition: part.partition,
            records: part.records.clone(),
            mapping: Arc::clone(mapping),
            format: Arc::clone(format),
            id,
            at,
            invocations: part.invocations,
            response: part.response,
        }
    }

    /// For SQS and SNS: what happened, and where the records are in the topic.
    pub fn notice(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.record(Batch::whole(self, &self.payload()), None))
    }

    /// For S3: the same, with the payload that the function got.
    pub fn notice_with_payload(&self) -> Result<String, serde_json::Error> {
        let payload = self.payload();
        let text = String::from_utf8_lossy(&payload);
        serde_json::to_string(&self.record(Batch::whole(self, &payload), Some(Payload::Text(&text))))
    }

    /// For a topic of Kafka: one message of each record, in order.
    pub fn messages(&self) -> impl Iterator<Item = Result<String, serde_json::Error>> {
        self.records.iter().map(|record| {
            let payload = self.format.encode_part(self.partition, std::slice::from_ref(record));
            let json: &RawValue = serde_json::from_slice(&payload)?;
            serde_json::to_string(&self.record(Batch::one(self, record, &payload), Some(Payload::Json(json))))
        })
    }

    /// The name of the object in an S3 destination: `aws/lambda/<mapping>/<topic>-<partition>/YYYY/MM/DD/<time>-<id>`.
    ///
    /// It is that of the streams, with the partition in the place of the shard: Lambda's guide names none for Kafka.
    #[must_use]
    pub fn object_key(&self) -> String {
        let folder = time(self.at).strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
        format!("aws/lambda/{}/{}-{}/{folder}-{}", self.mapping.uuid, self.topic, self.partition, self.id)
    }

    fn payload(&self) -> Bytes {
        self.format.encode_part(self.partition, &self.records)
    }

    fn record<'a>(&'a self, batch: Batch<'a>, payload: Option<Payload<'a>>) -> Record<'a> {
        let response = self.response.map(|response| ResponseContext {
            status_code: 200,
            executed_version: "$LATEST",
            function_error: (response == Response::Failed).then_some("Unhandled"),
        });
        Record {
            request_context: RequestContext {
                request_id: &self.id,
                function_arn: self.mapping.function_arn(),
                condition: self.condition.name(payload.as_ref()),
                approximate_invoke_count: self.invocations,
            },
            response_context: response,
            version: "1.0",
            timestamp: text(self.at),
            batch,
            payload,
        }
    }
}

impl Condition {
    /// The guide has another name for exhausted retries in the messages of a Kafka topic.
    fn name(self, payload: Option<&Payload<'_>>) -> &'static str {
        match (self, payload) {
            (Self::RetryAttemptsExhausted, Some(Payload::Json(_))) => "RetriesExhausted",
            (Self::RetryAttemptsExhausted, _) => "RetryAttemptsExhausted",
            (Self::RecordAgeExceeded, _) => "RecordAgeExceeded",
            (Self::MaximumPayloadSizeExceeded, _) => "MaximumPayloadSizeExceeded",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    request_context: RequestContext<'a>,
    /// `null` if the function was never called.
    response_context: Option<ResponseContext>,
    version: &'static str,
    timestamp: String,
    #[serde(rename = "KafkaBatchInfo")]
    batch: Batch<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: String,
    condition: &'static str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Text(&'a str),
    Json(&'a RawValue),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    batch_size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source_arn: Option<&'a str>,
    bootstrap_servers: &'a str,
    payload_size: usize,
    #[serde(flatten)]
    place: Place,
}

/// Offsets are texts here, unlike in the payload.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Place {
    RecordsInfo(BTreeMap<String, Range>),
    RecordInfo { offset: String, timestamp: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    first_record_offset: String,
    last_record_offset: String,
    first_record_timestamp: String,
    last_record_timestamp: String,
}

impl<'a> Batch<'a> {
    fn whole(discarded: &'a Discarded, payload: &[u8]) -> Self {
        let (first, last) = (discarded.records.first(), discarded.records.last());
        let offset = |record: Option<&LogRecord>| record.map_or_else(String::new, |record| record.offset.to_string());
        let timestamp = |record: Option<&LogRecord>| record.map_or_else(String::new, |record| text(record.timestamp));
        let range = Range {
            first_record_offset: offset(first),
            last_record_offset: offset(last),
            first_record_timestamp: timestamp(first),
            last_record_timestamp: timestamp(last),
        };
        let name = format!("{}-{}", discarded.topic, discarded.partition);
        Self::new(discarded, discarded.records.len(), payload, Place::RecordsInfo(BTreeMap::from([(name, range)])))
    }

    fn one(discarded: &'a Discarded, record: &LogRecord, payload: &[u8]) -> Self {
        let place = Place::RecordInfo { offset: record.offset.to_string(), timestamp: text(record.timestamp) };
        Self::new(discarded, 1, payload, place)
    }

    fn new(discarded: &'a Discarded, batch_size: usize, payload: &[u8], place: Place) -> Self {
        let event_source_arn = match &discarded.mapping.source {
            EventSource::SelfManagedKafka => None,
            EventSource::Msk { arn } => Some(arn.as_str()),
        };
        let bootstrap_servers = &discarded.mapping.bootstrap_servers;
        Self { batch_size, event_source_arn, bootstrap_servers, payload_size: payload.len(), place }
    }
}

/// `2019-11-14T00:38:06.021Z`
fn text(millis: i64) -> String {
    format!("{:.3}", time(millis))
}

/// A producer may set any time; what no calendar has is moved to the calendar's end.
fn time(millis: i64) -> Timestamp {
    let nearest = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(nearest)
}

#[cfg(test)]
#[path = "discard_tests.rs"]
pub(crate) mod tests;
