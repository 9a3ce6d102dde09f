//! Serves every mapping of a list, and follows the list: what appears is started, what changes is started anew with its
//! new settings, what disappears or is disabled is stopped.
//!
//! A mapping that cannot be served (no such topic, wrong settings) keeps nothing from the others; it is tried again
//! every few seconds. While the list cannot be read, what is being served goes on.

mod api;
mod report;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

pub use api::LambdaMappings;
pub use report::{Report, Reported, State};

use crate::log::{Log, Position};
use crate::mapping::{Listed, Mapping};
use crate::serve::{Trigger, TriggerError};
use crate::served::Served;

/// How often the list is read.
pub const LIST_INTERVAL: Duration = Duration::from_secs(2);
/// How long a mapping that could not be served waits until it is tried again.
pub const RETRY_DELAY: Duration = Duration::from_secs(5);
/// How long a log may take to say how far it is; a report does not wait longer.
const POSITIONS_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the list comes from.
#[async_trait]
pub trait Mappings: Send + Sync {
    /// All mappings of Kafka topics, or why they cannot be read now.
    async fn list(&self) -> Result<Vec<Listed>, String>;
}

/// Makes what serves a mapping, or says why that cannot be.
pub type Wire = Box<dyn Fn(&Mapping) -> Result<Trigger, String> + Send + Sync>;

/// Follows a list until `stop` resolves; `report` is told after each reading how far everything is.
pub async fn follow(
    mappings: impl Mappings,
    wire: Wire,
    report: impl Fn(&Report) + Send,
    stop: impl Future<Output = ()> + Send,
) {
    let mut follower = Follower::new(wire);
    let mut stop = std::pin::pin!(stop.fuse());
    let mut ticks = interval(LIST_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = follower.running.join_next() => follower.ended(ended.ok()),
            _ = ticks.tick() => {
                follower.take(mappings.list().await);
                let state = follower.report().await;
                report(&state);
            }
        }
    }
    follower.stop_all().await;
}

struct Follower {
    wire: Wire,
    /// Why the list could not be read the last time.
    unreadable: Option<String>,
    followed: BTreeMap<String, Followed>,
    /// What serves a mapping, with the mapping's UUID.
    running: JoinSet<(String, Result<Served, TriggerError>)>,
    /// The last words about each mapping, which are not repeated.
    said: BTreeMap<String, String>,
}

/// A mapping of the list.
struct Followed {
    listed: Listed,
    work: Work,
}

enum Work {
    /// Nothing is to be done, or nothing can be.
    Idle,
    Serving {
        mapping: Box<Mapping>,
        /// Taken when it is told to stop.
        stop: Option<oneshot::Sender<()>>,
        log: Arc<dyn Log>,
    },
    Failed {
        reason: String,
        again_at: Instant,
    },
}

impl Follower {
    fn new(wire: Wire) -> Self {
        let (followed, running, said) = (BTreeMap::new(), JoinSet::new(), BTreeMap::new());
        Self { wire, unreadable: None, followed, running, said }
    }

    fn take(&mut self, listed: Result<Vec<Listed>, String>) {
        match listed {
            Ok(listed) => {
                self.unreadable = None;
                self.reconcile(&listed);
            }
            Err(reason) => {
                // Once: each answer may have another number in it.
                if self.unreadable.is_none() {
                    tracing::error!("the mappings cannot be read, what is served goes on: {reason}");
                }
                self.unreadable = Some(reason);
            }
        }
    }

    fn reconcile(&mut self, listed: &[Listed]) {
        for one in listed {
            let followed = Followed { listed: one.clone(), work: Work::Idle };
            self.followed.entry(one.uuid.clone()).or_insert(followed).listed = one.clone();
        }
        for (uuid, followed) in &mut self.followed {
            let is_listed = listed.iter().any(|one| one.uuid == *uuid);
            followed.listed.is_enabled &= is_listed;
            followed.stop_unless_wanted();
        }
        // What was told to stop is kept until it has stopped: it commits what it delivers until then.
        self.followed.retain(|uuid, followed| {
            let is_listed = listed.iter().any(|one| one.uuid == *uuid);
            is_listed || matches!(followed.work, Work::Serving { .. })
        });
        self.said.retain(|uuid, _| self.followed.contains_key(uuid));
        self.start_what_is_due();
    }

    fn start_what_is_due(&mut self) {
        let now = Instant::now();
        let due: Vec<String> =
            self.followed.iter().filter(|(_, followed)| followed.is_due(now)).map(|(uuid, _)| uuid.clone()).collect();
        for uuid in due {
            self.start(&uuid);
        }
    }

    fn start(&mut self, uuid: &str) {
        let Some(followed) = self.followed.get_mut(uuid) else { return };
        let mapping = match &followed.listed.mapping {
            Ok(mapping) => mapping.clone(),
            Err(problems) => {
                let words = format!("mapping {uuid} is not served: {}", problems.join("; "));
                return self.say(uuid, &words);
            }
        };
        let trigger = match (self.wire)(&mapping) {
            Ok(trigger) => trigger,
            Err(reason) => return self.fail(uuid, reason),
        };
        let (stop, stopped) = oneshot::channel();
        followed.work = Work::Serving { mapping: Box::new(mapping), stop: Some(stop), log: trigger.log() };
        let uuid = uuid.to_owned();
        self.running.spawn(async move {
            // A follower that is gone wants nothing served either.
            let result = trigger.serve(stopped.map(|_| ())).await;
            (uuid, result)
        });
    }

    fn ended(&mut self, ended: Option<(String, Result<Served, TriggerError>)>) {
        // A task neither panics nor is aborted.
        let Some((uuid, result)) = ended else { return };
        match result {
            Ok(_) => {
                if let Some(followed) = self.followed.get_mut(&uuid) {
                    followed.work = Work::Idle;
                }
                self.start_what_is_due();
            }
            Err(error) => self.fail(&uuid, error.to_string()),
        }
    }

    fn fail(&mut self, uuid: &str, reason: String) {
        let Some(followed) = self.followed.get_mut(uuid) else { return };
        let topic = followed.listed.mapping.as_ref().map_or("", |mapping| &mapping.topic).to_owned();
        let words = format!("mapping {uuid} of topic `{topic}` is not served now, and tried again: {reason}");
        followed.work = Work::Failed { reason, again_at: Instant::now() + RETRY_DELAY };
        self.say(uuid, &words);
    }

    /// Logs what was not the last that was said of this mapping.
    fn say(&mut self, uuid: &str, words: &str) {
        if self.said.get(uuid).is_none_or(|last| last != words) {
            tracing::error!("{words}");
            self.said.insert(uuid.to_owned(), words.to_owned());
        }
    }

    async fn stop_all(&mut self) {
        for followed in self.followed.values_mut() {
            followed.listed.is_enabled = false;
            followed.stop_unless_wanted();
        }
        while let Some(ended) = self.running.join_next().await {
            self.ended(ended.ok());
        }
    }

    async fn report(&self) -> Report {
        let reported = self.followed.iter().map(|(uuid, followed)| followed.report(uuid));
        Report { unreadable: self.unreadable.clone(), mappings: join_all(reported).await }
    }
}

impl Followed {
    /// The mapping as it is to be served.
    fn wanted(&self) -> Option<&Mapping> {
        self.listed.mapping.as_ref().ok().filter(|_| self.listed.is_enabled)
    }

    fn stop_unless_wanted(&mut self) {
        if !self.listed.is_enabled && matches!(self.work, Work::Failed { .. }) {
            self.work = Work::Idle;
        }
        let wanted = self.wanted().cloned();
        if let Work::Serving { mapping, stop, .. } = &mut self.work
            && wanted.as_ref() != Some(&**mapping)
            && let Some(stop) = stop.take()
        {
            // It may have ended in the meantime.
            let _ = stop.send(());
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.listed.is_enabled
            && match self.work {
                Work::Idle => true,
                Work::Serving { .. } => false,
                Work::Failed { again_at, .. } => again_at <= now,
            }
    }

    async fn report(&self, uuid: &str) -> Reported {
        let (state, reason, positions) = match (&self.work, &self.listed.mapping) {
            (Work::Serving { stop: None, .. }, _) => (State::Stopping, None, BTreeMap::new()),
            (Work::Serving { log, .. }, _) => {
                let positions = positions(log).await;
                (State::Serving, positions.as_ref().err().cloned(), positions.unwrap_or_default())
            }
            (Work::Failed { reason, .. }, _) => (State::Failed, Some(reason.clone()), BTreeMap::new()),
            (Work::Idle, Err(problems)) => (State::Refused, Some(problems.join("; ")), BTreeMap::new()),
            (Work::Idle, Ok(_)) => (State::Disabled, None, BTreeMap::new()),
        };
        let mapping = self.listed.mapping.as_ref().ok();
        Reported {
            uuid: uuid.to_owned(),
            topic: mapping.map(|mapping| mapping.topic.clone()),
            function: mapping.map(|mapping| mapping.function.clone()),
            state,
            reason,
            positions,
        }
    }
}

async fn positions(log: &Arc<dyn Log>) -> Result<BTreeMap<i32, Position>, String> {
    match timeout(POSITIONS_TIMEOUT, log.positions()).await {
        Ok(positions) => positions.map_err(|error| error.to_string()),
        Err(_) => Err("Kafka does not say how far it is".to_owned()),
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
