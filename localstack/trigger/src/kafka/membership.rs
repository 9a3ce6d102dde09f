//! What librdkafka tells a member of a group, kept until somebody asks for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{Notify, oneshot};

use crate::log::{LogError, LogEvent, LogRecord};

/// The partitions we own, the events nobody has taken yet, and the commits that have no answer yet.
#[derive(Default)]
pub(super) struct Membership {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    owned: BTreeSet<i32>,
    events: VecDeque<LogEvent>,
    commits: Vec<PendingCommit>,
    last_failure: Option<String>,
}

struct PendingCommit {
    /// Sorted by partition.
    positions: Vec<(i32, i64)>,
    answer: oneshot::Sender<Result<(), LogError>>,
}

impl Membership {
    pub(super) fn owns(&self, partition: i32) -> bool {
        self.lock().owned.contains(&partition)
    }

    pub(super) fn pop(&self) -> Option<LogEvent> {
        self.lock().events.pop_front()
    }

    /// Resolves when an event may have come.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn push(&self, event: LogEvent) {
        self.lock().events.push_back(event);
        self.news.notify_one();
    }

    /// Queues a record, together with the records right before it.
    pub(super) fn push_record(&self, record: LogRecord) {
        let mut state = self.lock();
        if let Some(LogEvent::Records(records)) = state.events.back_mut() {
            records.push(record);
        } else {
            state.events.push_back(LogEvent::Records(vec![record]));
        }
    }

    /// What librdkafka complained of last.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.lock().last_failure.clone()
    }

    /// Sends a commit on its way if all its partitions are ours.
    ///
    /// The lock is held until it is on its way, and a rebalance needs the lock, so a commit cannot overtake the
    /// revocation of its partition.
    pub(super) fn commit(
        &self,
        positions: &[(i32, i64)],
        send: impl FnOnce() -> KafkaResult<()>,
    ) -> Result<oneshot::Receiver<Result<(), LogError>>, LogError> {
        let mut state = self.lock();
        if let Some(&(partition, _)) = positions
            .iter()
            .find(|(partition, _)| !state.owned.contains(partition))
        {
            return Err(LogError::NotAssigned(partition));
        }
        send().map_err(|error| LogError::Unavailable(error.to_string()))?;
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        let (answer, committed) = oneshot::channel();
        state.commits.push(PendingCommit { positions, answer });
        Ok(committed)
    }

    fn assigned(&self, partitions: Vec<i32>) {
        self.lock().owned.extend(&partitions);
        self.push(LogEvent::Assigned(partitions));
    }

    fn revoked(&self, partitions: Vec<i32>) {
        self.lock()
            .owned
            .retain(|partition| !partitions.contains(partition));
        self.push(LogEvent::Revoked(partitions));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) if list.count() > 0 => self.assigned(partitions(list)),
            Rebalance::Revoke(list) if list.count() > 0 => self.revoked(partitions(list)),
            Rebalance::Assign(_) | Rebalance::Revoke(_) => {}
            // rdkafka gives everything up after an error.
            Rebalance::Error(error) => {
                tracing::error!(%error, "the group could not share its partitions");
                let owned = self.lock().owned.iter().copied().collect();
                self.revoked(owned);
            }
        }
    }

    /// A partition that was paused when it was revoked comes back paused, and a new assignment begins afresh.
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance
            && let Err(error) = consumer.resume(list)
        {
            tracing::warn!(%error, "could not resume the assigned partitions");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut positions = Vec::new();
        let mut result = result.map_err(|error| LogError::Unavailable(error.to_string()));
        for element in offsets.elements() {
            if let Err(error) = element.error() {
                result = Err(LogError::Unavailable(error.to_string()));
            }
            if let Offset::Offset(next) = element.offset() {
                positions.push((element.partition(), next));
            }
        }
        positions.sort_unstable();
        let mut state = self.lock();
        if let Some(index) = state
            .commits
            .iter()
            .position(|commit| commit.positions == positions)
        {
            // Nobody may be waiting for it any more.
            let _ = state.commits.remove(index).answer.send(result);
        }
        // A commit that nobody waits for will never be asked about.
        state.commits.retain(|commit| !commit.answer.is_closed());
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, "{message}")
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{message}")
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
        if matches!(facility, "FAIL" | "ERROR") {
            self.lock().last_failure = Some(message.to_owned());
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is no error, and the others come back from the stream.
        if !matches!(error, KafkaError::PartitionEOF(_)) {
            tracing::debug!(target: "librdkafka", %error, reason, "client error");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements()
        .iter()
        .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
        .collect()
}
