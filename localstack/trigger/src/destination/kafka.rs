//! A topic of the same cluster: one message for each record, under the record's key.

use std::fmt;

use async_trait::async_trait;
use futures::future::try_join_all;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::{Destination, DestinationError};
use crate::discard::Discarded;
use crate::kafka;
use crate::log::LogError;
use crate::mapping::Mapping;

/// One topic.
pub struct KafkaDestination {
    topic: String,
    producer: FutureProducer,
}

impl KafkaDestination {
    /// A destination in the mapping's cluster, without asking the broker anything yet.
    ///
    /// `client` are properties of librdkafka, as for [`kafka::KafkaLog`].
    ///
    /// # Errors
    /// A property is wrong.
    pub fn new(topic: &str, mapping: &Mapping, client: &[(String, String)]) -> Result<Self, LogError> {
        Ok(Self { topic: topic.to_owned(), producer: kafka::producer(mapping, client)? })
    }

    async fn send(&self, key: Option<&[u8]>, message: &str) -> Result<(), DestinationError> {
        let mut record = FutureRecord::<[u8], str>::to(&self.topic).payload(message);
        if let Some(key) = key {
            record = record.key(key);
        }
        // It waits for room in the queue; librdkafka itself gives up after `message.timeout.ms`.
        let sent = self.producer.send(record, Timeout::Never).await;
        sent.map(drop).map_err(|(error, _)| self.explain(&error))
    }

    fn explain(&self, error: &KafkaError) -> DestinationError {
        let topic = &self.topic;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                DestinationError::Refused(format!("topic `{topic}` does not exist: create it"))
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                DestinationError::Refused(format!("allow the user to WRITE to topic `{topic}`"))
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => DestinationError::Refused(format!(
                "a record with its payload in base64 is larger than topic `{topic}` takes: raise its max.message.bytes, \
                 and message.max.bytes of this client"
            )),
            _ => DestinationError::Unavailable(format!("topic `{topic}`: {error}")),
        }
    }
}

#[async_trait]
impl Destination for KafkaDestination {
    async fn take(&self, discarded: &Discarded) -> Result<(), DestinationError> {
        let messages = discarded.messages().collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(|error| DestinationError::Refused(error.to_string()))?;
        let records = discarded.records.iter().zip(&messages);
        let sends = records.map(|(record, message)| self.send(record.key.as_deref(), message));
        try_join_all(sends).await.map(drop)
    }
}

impl fmt::Debug for KafkaDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaDestination").field("topic", &self.topic).finish_non_exhaustive()
    }
}
