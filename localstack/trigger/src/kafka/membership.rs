//! What librdkafka tells a member of a group, kept until somebody asks for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;

use crate::log::{LogEvent, LogRecord};

/// The partitions we own, and the events nobody has taken yet.
#[derive(Default)]
pub(super) struct Membership {
    /// Held for reading by every commit until it is answered, so a revocation waits for the commits under way, and
    /// none comes after it.
    owned: RwLock<BTreeSet<i32>>,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    events: VecDeque<LogEvent>,
    last_failure: Option<String>,
}

impl Membership {
    pub(super) fn owns(&self, partition: i32) -> bool {
        self.owned().contains(&partition)
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

    /// The partitions we own. They stay ours for as long as the guard lives.
    pub(super) fn owned(&self) -> RwLockReadGuard<'_, BTreeSet<i32>> {
        self.owned.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn assigned(&self, partitions: Vec<i32>) {
        self.owned.write().unwrap_or_else(PoisonError::into_inner).extend(&partitions);
        self.push(LogEvent::Assigned(partitions));
    }

    fn revoked(&self, partitions: Vec<i32>) {
        let mut owned = self.owned.write().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|partition| !partitions.contains(partition));
        drop(owned);
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
                let owned = self.owned().iter().copied().collect();
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
    }

    /// What librdkafka has to say about its connections; it keeps trying by itself.
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            // It only sums up what was said of each broker, twenty times a second.
            Some(RDKafkaErrorCode::AllBrokersDown) => tracing::debug!(target: "librdkafka", "{reason}"),
            _ => {
                tracing::warn!(target: "librdkafka", %error, "{reason}");
                self.lock().last_failure = Some(reason.to_owned());
            }
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
}
