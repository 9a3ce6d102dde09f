//! The settings of an event source mapping, named and bounded as Lambda does.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The largest payload that Lambda delivers: 6 MB, counted with base64 and JSON.
pub const PAYLOAD_LIMIT_BYTES: usize = 6 * 1024 * 1024;
/// Lambda's default for Kafka.
pub const DEFAULT_BATCH_SIZE: usize = 100;
/// Lambda's bounds.
pub const BATCH_SIZES: RangeInclusive<usize> = 1..=10_000;
/// What Lambda waits when the mapping sets no window.
pub const DEFAULT_BATCHING_WINDOW: Duration = Duration::from_millis(500);
/// Lambda's upper bound.
pub const MAX_BATCHING_WINDOW: Duration = Duration::from_secs(300);
/// Enough to keep a few cores busy; a partition never uses more than one.
pub const DEFAULT_POLLERS: usize = 4;
/// A function that is running when the trigger is told to stop gets this long to end.
pub const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// Which topic goes to which function, and how it is cut into batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub topic: String,
    /// The function's name, for messages; the invoker knows how to call it.
    pub function: String,
    /// Comma-joined `host:port`, also shown to the function.
    pub bootstrap_servers: String,
    /// The consumer group whose commits say where to go on.
    pub group: String,
    pub source: EventSource,
    pub start: StartingPosition,
    /// The most records of one invocation.
    pub batch_size: usize,
    /// How long a record may wait for others to share its invocation.
    pub batching_window: Duration,
    /// The most bytes of one payload, at most [`PAYLOAD_LIMIT_BYTES`].
    pub payload_limit_bytes: usize,
    /// The most invocations at once.
    pub pollers: usize,
    pub until: Until,
    pub stop_grace: Duration,
    pub redelivery: Option<Redelivery>,
}

/// What the payload says it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSource {
    /// Kafka that somebody runs themselves: `SelfManagedKafka`, without an ARN.
    SelfManagedKafka,
    /// Amazon MSK: `aws:kafka`, with the cluster's ARN.
    Msk { arn: String },
}

/// Where a group begins that has not committed anything yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartingPosition {
    #[default]
    TrimHorizon,
    Latest,
    /// The first record at or after this time, in milliseconds since 1970, UTC.
    AtTimestamp(i64),
}

/// When [`crate::serve`] ends of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When it is told to stop, or when a finite log is closed and all of it is committed.
    #[default]
    Stopped,
    /// Also when everything that the log held at the start is committed.
    Drained,
}

/// Delivers again on purpose what was delivered, in other batches, as a lost commit would.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Redelivery {
    /// The share of successful batches that come again: at least 0, less than 1.
    pub share: f64,
    /// Two runs that cut the same batches redeliver the same ones.
    pub seed: u64,
}

impl Mapping {
    /// A mapping of self-managed Kafka with Lambda's defaults.
    #[must_use]
    pub fn new(topic: &str, function: &str, bootstrap_servers: &str, group: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            function: function.to_owned(),
            bootstrap_servers: bootstrap_servers.to_owned(),
            group: group.to_owned(),
            source: EventSource::SelfManagedKafka,
            start: StartingPosition::default(),
            batch_size: DEFAULT_BATCH_SIZE,
            batching_window: DEFAULT_BATCHING_WINDOW,
            payload_limit_bytes: PAYLOAD_LIMIT_BYTES,
            pollers: DEFAULT_POLLERS,
            until: Until::default(),
            stop_grace: DEFAULT_STOP_GRACE,
            redelivery: None,
        }
    }

    /// Everything that is wrong with the settings, one sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: &dyn Fn() -> String| {
            if !holds {
                problems.push(problem());
            }
        };
        check(is_topic_name(&self.topic), &|| {
            format!("topic `{}`: a Kafka topic has 1 to 249 letters, digits, `.`, `_` or `-`", self.topic)
        });
        check(!self.function.is_empty(), &|| "the function's name is empty".to_owned());
        check(!self.group.is_empty(), &|| "the consumer group's name is empty".to_owned());
        check(BATCH_SIZES.contains(&self.batch_size), &|| {
            format!("batch size {}: Lambda takes 1 to 10000 records", self.batch_size)
        });
        check(self.batching_window <= MAX_BATCHING_WINDOW, &|| {
            format!("batching window {:?}: Lambda waits at most 300 s", self.batching_window)
        });
        check(self.payload_limit_bytes <= PAYLOAD_LIMIT_BYTES, &|| {
            format!("payload limit {}: Lambda takes at most {PAYLOAD_LIMIT_BYTES} bytes", self.payload_limit_bytes)
        });
        check(self.pollers >= 1, &|| "0 pollers would deliver nothing".to_owned());
        check(self.redelivery.is_none_or(|redelivery| (0.0..1.0).contains(&redelivery.share)), &|| {
            "the share to redeliver is at least 0 and less than 1".to_owned()
        });
        problems
    }
}

fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(is_legal) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Mapping), expect: &[&str]) {
        let mut mapping = Mapping::new("events", "ingest", "localhost:9092", "group");
        change(&mut mapping);
        let problems = mapping.problems();
        assert_eq!(problems.len(), expect.len(), "{problems:?}");
        for (problem, expect) in problems.iter().zip(expect) {
            assert!(problem.contains(expect), "{problem:?} does not say {expect:?}");
        }
    }

    #[test]
    fn names_every_problem_at_once() {
        check(|_| {}, &[]);
        check(|m| m.topic = String::new(), &["topic"]);
        check(|m| m.topic = "..".to_owned(), &["topic"]);
        check(|m| m.topic = "a/b".to_owned(), &["`a/b`"]);
        check(|m| m.topic = "a".repeat(249), &[]);
        check(|m| m.topic = "a".repeat(250), &["249"]);
        check(|m| m.batch_size = 0, &["batch size 0"]);
        check(|m| m.batch_size = 10_000, &[]);
        check(|m| m.batch_size = 10_001, &["10001"]);
        check(|m| m.batching_window = Duration::ZERO, &[]);
        check(|m| m.batching_window = Duration::from_secs(300), &[]);
        check(|m| m.batching_window = Duration::from_millis(300_001), &["300 s"]);
        check(|m| m.payload_limit_bytes += 1, &["6291456"]);
        check(|m| m.redelivery = Some(Redelivery { share: 1.0, seed: 0 }), &["less than 1"]);
        check(|m| m.redelivery = Some(Redelivery { share: f64::NAN, seed: 0 }), &["less than 1"]);
        check(
            |m| (m.function, m.group, m.pollers) = (String::new(), String::new(), 0),
            &["function", "group", "pollers"],
        );
    }
}
