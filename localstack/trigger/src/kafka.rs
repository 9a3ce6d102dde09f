//! A topic of Apache Kafka, read as a member of a consumer group.
//!
//! A [`KafkaLog`] shares the topic's partitions with the other members of its group, keeps its positions in the group's
//! commits, and commits only what it is told to. A broker that goes away is waited for; what is wrong from the start
//! (no broker, no such topic, wrong credentials) is said at [`Log::join`] within seconds.

mod membership;
mod settings;
mod start;
mod positions;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp};
use rdkafka::producer::FutureProducer;
use rdkafka::{Offset, TopicPartitionList};

use crate::log::{Log, LogError, LogEvent, LogRecord, Position, TimestampType};
use crate::mapping::{Mapping, StartingPosition};
use membership::Membership;

/// The most records of one [`LogEvent::Records`], so that other work gets its turn.
const MAX_READ: usize = 1_000;

type GroupConsumer = StreamConsumer<Membership>;

/// One member of the mapping's consumer group. It serves one [`crate::serve`], and leaves the group when it is dropped.
pub struct KafkaLog {
    topic: String,
    group: String,
    start: StartingPosition,
    bootstrap_servers: String,
    consumer: Arc<GroupConsumer>,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLog").field("topic", &self.topic).field("group", &self.group).finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// Prepares a consumer, without asking the broker anything yet. Needs a Tokio runtime.
    ///
    /// `client` are properties of librdkafka, as for TLS and SASL; they go before the ones set here.
    pub fn new(mapping: &Mapping, client: &[(String, String)]) -> Result<Self, LogError> {
        let config = settings::consumer_config(mapping, client)?;
        let consumer = config
            .create_with_context(Membership::default())
            .map_err(|error| LogError::Misconfigured(settings::explain(&error)))?;
        Ok(Self {
            topic: mapping.topic.clone(),
            group: mapping.group.clone(),
            start: mapping.start,
            bootstrap_servers: mapping.bootstrap_servers.clone(),
            consumer: Arc::new(consumer),
        })
    }

    fn membership(&self) -> &Membership {
        self.consumer.context()
    }

    fn positions(&self, positions: &[(i32, i64)]) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::new();
        for &(partition, next) in positions {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(next)).map_err(|e| unavailable(&e))?;
        }
        Ok(list)
    }

    fn one(&self, partition: i32) -> Result<TopicPartitionList, LogError> {
        if !self.membership().owns(partition) {
            return Err(LogError::NotAssigned(partition));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        Ok(list)
    }

    fn receive(&self, received: Result<BorrowedMessage<'_>, KafkaError>) -> Result<(), LogError> {
        match received {
            Ok(message) => self.membership().push_record(record(&message)),
            Err(KafkaError::PartitionEOF(partition)) => self.membership().push(LogEvent::CaughtUp(partition)),
            Err(KafkaError::MessageConsumptionFatal(code)) => {
                return Err(LogError::Unavailable(format!("the consumer cannot go on: {code}; start it again")));
            }
            Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed),
            )) => {
                return Err(LogError::Misconfigured(format!(
                    "{code}: allow the user to READ topic `{}` and group `{}`",
                    self.topic, self.group
                )));
            }
            // librdkafka connects again by itself, and says so in its log.
            Err(error) => {
                tracing::warn!(topic = %self.topic, %error, "reading is interrupted and goes on by itself")
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn join(&self) -> Result<BTreeMap<i32, i64>, LogError> {
        let ends =
            start::prepare(&self.consumer, &self.topic, &self.group, self.start, &self.bootstrap_servers).await?;
        self.consumer.subscribe(&[&self.topic]).map_err(|error| unavailable(&error))?;
        Ok(ends)
    }

    async fn next(&self) -> Result<LogEvent, LogError> {
        // Everything goes through one queue: a rebalance is noticed while a record is being received, and the records
        // before and after it must stay on their side of it.
        loop {
            if let Some(event) = self.membership().pop() {
                return Ok(event);
            }
            let mut stream = self.consumer.stream();
            let first = tokio::select! {
                biased;
                () = self.membership().news() => continue,
                received = stream.next() => received,
            };
            let mut received = first;
            for _ in 1..MAX_READ {
                let Some(result) = received else { break };
                self.receive(result)?;
                received = stream.next().now_or_never().flatten();
            }
            if let Some(result) = received {
                self.receive(result)?;
            }
        }
    }

    fn pause(&self, partition: i32) -> Result<(), LogError> {
        self.consumer.pause(&self.one(partition)?).map_err(|error| unavailable(&error))
    }

    fn resume(&self, partition: i32) -> Result<(), LogError> {
        self.consumer.resume(&self.one(partition)?).map_err(|error| unavailable(&error))
    }

    async fn commit(&self, positions: &[(i32, i64)]) -> Result<(), LogError> {
        let list = self.positions(positions)?;
        let partitions: Vec<i32> = positions.iter().map(|&(partition, _)| partition).collect();
        start::blocking(&self.consumer, move |consumer| {
            let owned = consumer.context().owned();
            match partitions.iter().find(|partition| !owned.contains(partition)) {
                Some(&partition) => Err(LogError::NotAssigned(partition)),
                None => consumer.commit(&list, CommitMode::Sync).map_err(|error| unavailable(&error)),
            }
        })
        .await?
    }

    async fn positions(&self) -> Result<BTreeMap<i32, Position>, LogError> {
        positions::read(&self.consumer, &self.topic).await
    }
}

/// A producer to the mapping's cluster.
pub(crate) fn producer(mapping: &Mapping, client: &[(String, String)]) -> Result<FutureProducer, LogError> {
    let config = settings::producer_config(mapping, client)?;
    config.create().map_err(|error| LogError::Misconfigured(settings::explain(&error)))
}

fn unavailable(error: &KafkaError) -> LogError {
    LogError::Unavailable(error.to_string())
}

fn record(message: &BorrowedMessage<'_>) -> LogRecord {
    let (timestamp, timestamp_type) = match message.timestamp() {
        Timestamp::CreateTime(millis) => (millis, TimestampType::CreateTime),
        Timestamp::LogAppendTime(millis) => (millis, TimestampType::LogAppendTime),
        // Only messages in the format of 2015 and before have none; Kafka's own clients then say -1.
        Timestamp::NotAvailable => (-1, TimestampType::CreateTime),
    };
    LogRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp,
        timestamp_type,
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: headers(message),
    }
}

/// The record's headers. rdkafka panics at a name that is not UTF-8, and one bad record must not end the trigger.
fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Bytes)> {
    let Some(headers) = message.headers() else {
        return Vec::new();
    };
    let read = || {
        let owned = |bytes: Option<&[u8]>| bytes.map_or_else(Bytes::new, Bytes::copy_from_slice);
        headers.iter().map(|header| (header.key.to_owned(), owned(header.value))).collect()
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let (partition, offset) = (message.partition(), message.offset());
        tracing::error!(partition, offset, "a header's name is not UTF-8: the record is delivered without its headers");
        Vec::new()
    })
}
