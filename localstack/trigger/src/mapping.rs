//! The settings of an event source mapping, named and bounded as Lambda does.

mod aws;
mod failures;
mod list;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use failures::{
    AwsResource, BadDestination, CAPPED_RETRY_ATTEMPTS, Failures, MAX_RETRY_ATTEMPTS, OnFailure, RECORD_AGES_SECS,
};
pub use list::Listed;
pub(crate) use list::Page;

use crate::payload::PayloadFormat;

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
/// Lambda's bounds in provisioned mode.
pub const MINIMUM_POLLERS: RangeInclusive<usize> = 1..=200;
/// Lambda's bounds in provisioned mode.
pub const MAXIMUM_POLLERS: RangeInclusive<usize> = 1..=2_000;
/// Lambda's default in provisioned mode.
pub const DEFAULT_MINIMUM_POLLERS: usize = 1;
/// Lambda's default in provisioned mode.
pub const DEFAULT_MAXIMUM_POLLERS: usize = 200;
/// Short, because most failures pass; it is doubled with each attempt.
pub const DEFAULT_FIRST_RETRY_DELAY: Duration = Duration::from_millis(200);
/// A function that is running when the trigger is told to stop gets this long to end.
pub const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// Which topic goes to which function, and how it is cut into batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub topic: String,
    /// The function's name or ARN, for messages; the invoker knows how to call it.
    pub function: String,
    /// The mapping's name, which Lambda makes up: the names of objects in an S3 destination begin with it.
    pub uuid: String,
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
    pub pollers: Pollers,
    pub failures: Failures,
    /// How long the first retry waits. Each further one waits twice as long, up to half a minute; half of it is jitter.
    pub first_retry_delay: Duration,
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

/// How many invocations run at once at the most, which is also what tells the two modes of a mapping apart.
///
/// A poller delivers one batch at a time, and a partition has one batch under way at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pollers {
    /// Lambda's default mode, with a number that does not change.
    OnDemand(usize),
    /// Lambda's provisioned mode: as many as the work asks for, within these bounds.
    /// One more when a batch has waited for a poller for a second; one fewer for each minute in which one was free.
    Provisioned { minimum: usize, maximum: usize },
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
            uuid: group.to_owned(),
            bootstrap_servers: bootstrap_servers.to_owned(),
            group: group.to_owned(),
            source: EventSource::SelfManagedKafka,
            start: StartingPosition::default(),
            batch_size: DEFAULT_BATCH_SIZE,
            batching_window: DEFAULT_BATCHING_WINDOW,
            payload_limit_bytes: PAYLOAD_LIMIT_BYTES,
            pollers: Pollers::OnDemand(DEFAULT_POLLERS),
            failures: Failures::default(),
            first_retry_delay: DEFAULT_FIRST_RETRY_DELAY,
            until: Until::default(),
            stop_grace: DEFAULT_STOP_GRACE,
            redelivery: None,
        }
    }

    /// The function's ARN. A name alone is taken for that of a function on an emulator, whose account this is.
    #[must_use]
    pub fn function_arn(&self) -> String {
        if self.function.starts_with("arn:") {
            return self.function.clone();
        }
        format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.function)
    }

    /// Everything that is wrong with the settings, one sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.problems_of_delivery();
        problems.extend(self.pollers.problems());
        problems.extend(self.failures.problems(self.pollers, &self.topic));
        problems
    }

    fn problems_of_delivery(&self) -> Vec<String> {
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
        let frame = PayloadFormat::new(self).envelope_len();
        check(frame < self.payload_limit_bytes, &|| {
            format!("payload limit {}: a payload without records has {frame} bytes", self.payload_limit_bytes)
        });
        check(self.redelivery.is_none_or(|redelivery| (0.0..1.0).contains(&redelivery.share)), &|| {
            "the share to redeliver is at least 0 and less than 1".to_owned()
        });
        problems
    }
}

impl Pollers {
    fn problems(self) -> Vec<String> {
        let Self::Provisioned { minimum, maximum } = self else {
            let delivers_nothing = self == Self::OnDemand(0);
            return delivers_nothing.then(|| "0 pollers would deliver nothing".to_owned()).into_iter().collect();
        };
        let mut problems = Vec::new();
        if !MINIMUM_POLLERS.contains(&minimum) {
            problems.push(format!("minimum pollers {minimum}: Lambda takes 1 to 200"));
        }
        if !MAXIMUM_POLLERS.contains(&maximum) {
            problems.push(format!("maximum pollers {maximum}: Lambda takes 1 to 2000"));
        }
        if maximum < minimum {
            problems.push(format!("maximum pollers {maximum}: at least as many as the minimum, {minimum}"));
        }
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
        check(|m| m.payload_limit_bytes = 83, &["without records has 83 bytes"]);
        check(|m| m.payload_limit_bytes = 84, &[]);
        check(|m| m.redelivery = Some(Redelivery { share: 1.0, seed: 0 }), &["less than 1"]);
        check(|m| m.redelivery = Some(Redelivery { share: f64::NAN, seed: 0 }), &["less than 1"]);
        check(
            |m| (m.function, m.group, m.pollers) = (String::new(), String::new(), Pollers::OnDemand(0)),
            &["function", "group", "pollers"],
        );
    }

    #[test]
    fn bounds_the_pollers() {
        let provisioned =
            |minimum, maximum| move |m: &mut Mapping| m.pollers = Pollers::Provisioned { minimum, maximum };
        check(provisioned(1, 1), &[]);
        check(provisioned(200, 2_000), &[]);
        check(provisioned(0, 1), &["minimum pollers 0"]);
        check(provisioned(201, 2_001), &["1 to 200", "1 to 2000"]);
        check(provisioned(3, 2), &["at least as many as the minimum, 3"]);
        check(provisioned(0, 0), &["minimum", "maximum"]);
    }

    #[test]
    fn refuses_in_default_mode_what_needs_provisioned_mode() {
        let failures = || Failures {
            maximum_retry_attempts: Some(3),
            maximum_record_age_secs: Some(60),
            bisect_batch_on_function_error: true,
            report_batch_item_failures: true,
            destination: Some("kafka://failed".parse().unwrap()),
        };
        check(
            |m| m.failures = failures(),
            &[
                "MaximumRetryAttempts needs provisioned mode",
                "MaximumRecordAgeInSeconds needs",
                "BisectBatchOnFunctionError needs",
                "ReportBatchItemFailures needs",
                "Kafka topic as on-failure destination needs",
            ],
        );
        let provisioned = Pollers::Provisioned { minimum: 1, maximum: 1 };
        check(|m| (m.failures, m.pollers) = (failures(), provisioned), &[]);
        // Queues, topics and buckets take what fails in the default mode, too.
        let queue = || Some("arn:aws:sqs:us-east-1:000000000000:failed".parse().unwrap());
        check(|m| m.failures.destination = queue(), &[]);
    }

    #[test]
    fn bounds_what_becomes_of_failures() {
        let check = |change: fn(&mut Failures), expect: &[&str]| {
            let provisioned = Pollers::Provisioned { minimum: 1, maximum: 1 };
            check(
                |m| {
                    m.pollers = provisioned;
                    change(&mut m.failures);
                },
                expect,
            );
        };
        check(|f| f.maximum_retry_attempts = Some(0), &[]);
        check(|f| f.maximum_retry_attempts = Some(10_000), &[]);
        check(|f| f.maximum_retry_attempts = Some(10_001), &["0 to 10000"]);
        check(|f| f.maximum_record_age_secs = Some(59), &["60 to 604800"]);
        check(|f| f.maximum_record_age_secs = Some(60), &[]);
        check(|f| f.maximum_record_age_secs = Some(604_801), &["60 to 604800"]);
        check(|f| f.destination = Some("kafka://events".parse().unwrap()), &["`events` is the topic it comes from"]);
    }
}
