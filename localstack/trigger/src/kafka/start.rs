//! What happens before a member joins: is everything there, and where does the group begin?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::{GroupConsumer, unavailable};
use crate::log::LogError;
use crate::mapping::StartingPosition;

/// How long a broker may take for one answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the start is written down before giving up; other members of the group may be starting as well.
const START_ATTEMPTS: u32 = 5;
const START_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Checks the topic, writes down where a new group begins, and returns the topic's end by partition.
pub(super) async fn prepare(
    consumer: &Arc<GroupConsumer>,
    topic: &str,
    group: &str,
    start: StartingPosition,
    bootstrap_servers: &str,
) -> Result<BTreeMap<i32, i64>, LogError> {
    let name = topic.to_owned();
    let partitions = blocking(consumer, move |consumer| partitions(consumer, &name))
        .await?
        .map_err(|error| explain(&error, topic, bootstrap_servers, last_failure(consumer)))?;
    write_down_start(consumer, topic, group, &partitions, start).await?;
    let name = topic.to_owned();
    let ends = blocking(consumer, move |consumer| {
        let end = |partition| Ok((partition, consumer.fetch_watermarks(&name, partition, ANSWER_TIMEOUT)?.1));
        partitions.into_iter().map(end).collect::<KafkaResult<_>>()
    });
    ends.await?.map_err(|error| unavailable(&error))
}

pub(super) fn partitions(consumer: &GroupConsumer, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_TIMEOUT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    match found.map(|found| (found.error(), found.partitions())) {
        Some((None, partitions)) if !partitions.is_empty() => {
            Ok(partitions.iter().map(rdkafka::metadata::MetadataPartition::id).collect())
        }
        Some((Some(code), _)) => Err(KafkaError::MetadataFetch(code.into())),
        _ => Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition)),
    }
}

/// Why the broker could not be reached: librdkafka says it to whoever asks for records.
fn last_failure(consumer: &GroupConsumer) -> Option<String> {
    let mut stream = consumer.stream();
    // One event for each broker and address at most; asking once more costs nothing.
    for _ in 0..100 {
        let _ = stream.next().now_or_never();
    }
    consumer.context().last_failure()
}

fn explain(error: &KafkaError, topic: &str, servers: &str, last_failure: Option<String>) -> LogError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => LogError::Misconfigured(
            format!("topic `{topic}` does not exist at {servers}: create it, or check its name and the brokers"),
        ),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => LogError::Misconfigured(format!(
            "the broker at {servers} does not show topic `{topic}` to this user: allow it to DESCRIBE and READ the topic"
        )),
        _ => {
            let reason = last_failure.unwrap_or_else(|| error.to_string());
            LogError::Unavailable(format!(
                "no Kafka broker answered at {servers} within {} s ({reason}): check the address and whether the broker \
                 runs, and if it asks for TLS or a password, its security.protocol, user and password",
                ANSWER_TIMEOUT.as_secs()
            ))
        }
    }
}

/// Commits the starting position for partitions without a commit.
///
/// Once it is committed, a restart before the first batch begins at the same place and not at a later "latest".
/// `TrimHorizon` needs no commit: it is where a consumer begins that finds none.
async fn write_down_start(
    consumer: &Arc<GroupConsumer>,
    topic: &str,
    group: &str,
    partitions: &[i32],
    start: StartingPosition,
) -> Result<(), LogError> {
    let mut attempt = 1;
    loop {
        let (name, partitions) = (topic.to_owned(), partitions.to_vec());
        let error = match blocking(consumer, move |consumer| commit_start(consumer, &name, &partitions, start)).await? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if attempt == START_ATTEMPTS {
            return Err(LogError::Unavailable(format!(
                "could not write down where group `{group}` starts in topic `{topic}`: {error}"
            )));
        }
        // A group with members takes no commits from outside, but then one of them has written it down by now.
        tracing::warn!(%topic, %group, attempt, %error, "could not write down the group's start, trying again");
        tokio::time::sleep(START_RETRY_DELAY).await;
        attempt += 1;
    }
}

fn commit_start(consumer: &GroupConsumer, topic: &str, partitions: &[i32], start: StartingPosition) -> KafkaResult<()> {
    if start == StartingPosition::TrimHorizon {
        return Ok(());
    }
    let mut all = TopicPartitionList::new();
    for &partition in partitions {
        all.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(all, ANSWER_TIMEOUT)?;
    let mut missing = TopicPartitionList::new();
    for element in committed.elements() {
        element.error()?;
        if !matches!(element.offset(), Offset::Offset(_)) {
            let from = first_offset(consumer, topic, element.partition(), start)?;
            missing.add_partition_offset(topic, element.partition(), Offset::Offset(from))?;
        }
    }
    if missing.count() > 0 { consumer.commit(&missing, CommitMode::Sync) } else { Ok(()) }
}

fn first_offset(consumer: &GroupConsumer, topic: &str, partition: i32, start: StartingPosition) -> KafkaResult<i64> {
    let (low, end) = consumer.fetch_watermarks(topic, partition, ANSWER_TIMEOUT)?;
    let StartingPosition::AtTimestamp(millis) = start else {
        return Ok(if start == StartingPosition::Latest { end } else { low });
    };
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(topic, partition, Offset::Offset(millis))?;
    let found = consumer.offsets_for_times(wanted, ANSWER_TIMEOUT)?;
    match found.elements().first().map(|element| (element.error(), element.offset())) {
        Some((Err(error), _)) => Err(error),
        Some((Ok(()), Offset::Offset(offset))) => Ok(offset),
        // All records are older.
        _ => Ok(end),
    }
}

/// librdkafka's questions to the broker block their thread.
pub(super) async fn blocking<T: Send + 'static>(
    consumer: &Arc<GroupConsumer>,
    ask: impl FnOnce(&GroupConsumer) -> T + Send + 'static,
) -> Result<T, LogError> {
    let consumer = Arc::clone(consumer);
    tokio::task::spawn_blocking(move || ask(&consumer))
        .await
        .map_err(|error| LogError::Unavailable(format!("the Kafka client failed: {error}")))
}
