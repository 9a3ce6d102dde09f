//! What becomes of a batch whose function fails.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{Pollers, is_topic_name};

/// Lambda's upper bound.
pub const MAX_RETRY_ATTEMPTS: u32 = 10_000;
/// Lambda's bounds.
pub const RECORD_AGES_SECS: RangeInclusive<u64> = 60..=604_800;
/// Lambda tries so often again where retries are infinite and there is an on-failure destination.
pub const CAPPED_RETRY_ATTEMPTS: u32 = 10;

/// The settings for failures. By default a batch is tried again for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// `MaximumRetryAttempts`: how often a batch is tried again. `None` is Lambda's -1, for ever.
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`: older records are not sent. `None` is Lambda's -1, any age.
    pub maximum_record_age_secs: Option<u64>,
    /// `BisectBatchOnFunctionError`: a batch that fails is cut in two, which leaves the attempts as they are.
    pub bisect_batch_on_function_error: bool,
    /// `FunctionResponseTypes` has `ReportBatchItemFailures`: the function's answer says what failed.
    pub report_batch_item_failures: bool,
    /// `DestinationConfig.OnFailure`: where batches go that are given up. Without one they are dropped.
    pub destination: Option<OnFailure>,
}

/// Where batches go that are given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnFailure {
    Aws(AwsResource),
    /// A topic of the same cluster.
    Kafka {
        topic: String,
    },
}

/// Something at AWS that keeps what is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsResource {
    Bucket { name: String },
    Queue { region: String, account: String, name: String },
    Topic { region: String, account: String, name: String },
}

/// A text that names no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "on-failure destination `{0}`: expected kafka://TOPIC, or the ARN of an S3 bucket, an SQS queue or an SNS topic"
)]
pub struct BadDestination(String);

impl Failures {
    /// How often a batch is tried again before it is given up; `None` is for ever.
    #[must_use]
    pub fn retry_limit(&self) -> Option<u32> {
        let cap = self.destination.as_ref().map(|_| CAPPED_RETRY_ATTEMPTS);
        self.maximum_retry_attempts.or(cap)
    }

    pub(super) fn problems(&self, pollers: Pollers, source_topic: &str) -> Vec<String> {
        let mut problems = self.problems_of_mode(pollers);
        if let Some(attempts) = self.maximum_retry_attempts
            && MAX_RETRY_ATTEMPTS < attempts
        {
            problems.push(format!("maximum retry attempts {attempts}: Lambda takes 0 to {MAX_RETRY_ATTEMPTS}"));
        }
        if let Some(age) = self.maximum_record_age_secs
            && !RECORD_AGES_SECS.contains(&age)
        {
            problems.push(format!("maximum record age {age} s: Lambda takes 60 to 604800"));
        }
        if let Some(OnFailure::Kafka { topic }) = &self.destination
            && topic == source_topic
        {
            problems
                .push(format!("on-failure destination: `{topic}` is the topic it comes from, which would never end"));
        }
        problems
    }

    /// Lambda takes these settings in provisioned mode only.
    fn problems_of_mode(&self, pollers: Pollers) -> Vec<String> {
        if matches!(pollers, Pollers::Provisioned { .. }) {
            return Vec::new();
        }
        let settings = [
            (self.maximum_retry_attempts.is_some(), "MaximumRetryAttempts"),
            (self.maximum_record_age_secs.is_some(), "MaximumRecordAgeInSeconds"),
            (self.bisect_batch_on_function_error, "BisectBatchOnFunctionError"),
            (self.report_batch_item_failures, "ReportBatchItemFailures"),
            (matches!(self.destination, Some(OnFailure::Kafka { .. })), "a Kafka topic as on-failure destination"),
        ];
        let used = settings.into_iter().filter(|(is_used, _)| *is_used);
        used.map(|(_, setting)| {
            format!("{setting} needs provisioned mode: say how many pollers there are at least and at most")
        })
        .collect()
    }
}

impl FromStr for OnFailure {
    type Err = BadDestination;

    fn from_str(text: &str) -> Result<Self, BadDestination> {
        let bad = || BadDestination(text.to_owned());
        if let Some(topic) = text.strip_prefix("kafka://") {
            return if is_topic_name(topic) { Ok(Self::Kafka { topic: topic.to_owned() }) } else { Err(bad()) };
        }
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, service, region, account, name] = parts[..] else {
            return Err(bad());
        };
        let (region, account, name) = match (service, region, account) {
            _ if !partition.starts_with("aws") || !is_name(name) => return Err(bad()),
            ("s3", "", "") => return Ok(Self::Aws(AwsResource::Bucket { name: name.to_owned() })),
            (_, region, account) if !is_name(region) || !is_name(account) => return Err(bad()),
            (_, region, account) => (region.to_owned(), account.to_owned(), name.to_owned()),
        };
        match service {
            "sqs" => Ok(Self::Aws(AwsResource::Queue { region, account, name })),
            "sns" => Ok(Self::Aws(AwsResource::Topic { region, account, name })),
            _ => Err(bad()),
        }
    }
}

/// The letters of buckets, queues, topics, regions and accounts.
fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.bytes().all(is_legal) && name != "." && name != ".."
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(resource) => resource.fmt(f),
            Self::Kafka { topic } => write!(f, "kafka://{topic}"),
        }
    }
}

/// Its ARN.
impl fmt::Display for AwsResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket { name } => write!(f, "arn:aws:s3:::{name}"),
            Self::Queue { region, account, name } => write!(f, "arn:aws:sqs:{region}:{account}:{name}"),
            Self::Topic { region, account, name } => write!(f, "arn:aws:sns:{region}:{account}:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `None`: it is refused. Otherwise it is written as it was read.
    fn check(text: &str, expect: Option<OnFailure>) {
        let read = text.parse::<OnFailure>();
        if expect.is_some() {
            assert_eq!(read.as_ref().map(OnFailure::to_string).as_deref(), Ok(text));
        }
        assert_eq!(read.ok(), expect, "{text}");
    }

    #[test]
    fn reads_the_four_destinations() {
        let (region, account) = ("eu-west-1".to_owned(), "123456789012".to_owned());
        check("kafka://failed-1", Some(OnFailure::Kafka { topic: "failed-1".to_owned() }));
        let bucket = AwsResource::Bucket { name: "my.bucket".to_owned() };
        check("arn:aws:s3:::my.bucket", Some(OnFailure::Aws(bucket)));
        let queue = AwsResource::Queue { region: region.clone(), account: account.clone(), name: "failed".to_owned() };
        check("arn:aws:sqs:eu-west-1:123456789012:failed", Some(OnFailure::Aws(queue)));
        let topic = AwsResource::Topic { region, account, name: "failed".to_owned() };
        check("arn:aws:sns:eu-west-1:123456789012:failed", Some(OnFailure::Aws(topic)));
        for wrong in [
            "",
            "failed",
            "kafka://",
            "kafka://a/b",
            "arn:aws:s3:::",
            "arn:aws:s3:::a/b",
            "arn:aws:s3:eu-west-1::bucket",
            "arn:aws:sqs:::queue",
            "arn:aws:sqs:eu-west-1:123456789012:../x",
            "arn:aws:lambda:eu-west-1:123456789012:function:f",
            "arn:aws:events:eu-west-1:123456789012:bus",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn infinite_retries_end_after_ten_where_there_is_a_destination() {
        let check = |maximum_retry_attempts, destination: Option<&str>, expect| {
            let destination = destination.map(|text| text.parse().unwrap());
            let failures = Failures { maximum_retry_attempts, destination, ..Failures::default() };
            assert_eq!(failures.retry_limit(), expect);
        };
        check(None, None, None);
        check(Some(3), None, Some(3));
        check(None, Some("kafka://failed"), Some(10));
        check(Some(0), Some("kafka://failed"), Some(0));
        check(Some(500), Some("kafka://failed"), Some(500));
    }
}
