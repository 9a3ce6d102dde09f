//! How far a group has come in a topic.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::start::{self, ANSWER_TIMEOUT};
use super::{GroupConsumer, unavailable};
use crate::log::{LogError, Position};

/// Asks the broker for the commits of the consumer's group and for the ends of all partitions.
pub(super) async fn read(consumer: &Arc<GroupConsumer>, topic: &str) -> Result<BTreeMap<i32, Position>, LogError> {
    let topic = topic.to_owned();
    start::blocking(consumer, move |consumer| positions(consumer, &topic)).await?.map_err(|error| unavailable(&error))
}

fn positions(consumer: &GroupConsumer, topic: &str) -> KafkaResult<BTreeMap<i32, Position>> {
    let mut all = TopicPartitionList::new();
    for partition in start::partitions(consumer, topic)? {
        all.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(all, ANSWER_TIMEOUT)?;
    let position = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        element.error()?;
        let (low, end) = consumer.fetch_watermarks(topic, element.partition(), ANSWER_TIMEOUT)?;
        // A group that has committed nothing begins where the topic does; every other start is written down at once.
        let next = if let Offset::Offset(next) = element.offset() { next } else { low };
        Ok((element.partition(), Position { next, end }))
    };
    committed.elements().iter().map(position).collect()
}
