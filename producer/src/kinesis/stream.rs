//! One stream of Kinesis: what is asked of it, and what its answers mean.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::Builder;
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry, StreamDescriptionSummary, StreamStatus};

use super::outbox::{Answer, Entry, Written};
use crate::sink::SinkError;

/// How long one attempt may take: Kinesis answers within a fraction of a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The same where records are put: to give up too soon is to send again what the stream has taken, and an emulator on a
/// busy machine takes its time.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// Refusals that pass.
const PASSING: [&str; 4] = [
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "KMSThrottlingException",
    "ThrottlingException",
];
/// What Kinesis says of credentials that are not, or no longer, any.
const CREDENTIALS: [&str; 6] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
];

pub(super) struct Stream {
    client: Client,
    name: String,
    /// For messages.
    place: String,
}

impl Stream {
    /// Finds the stream where the environment leads to.
    pub(super) async fn find(name: &str) -> Result<Self, SinkError> {
        let environment = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let place = place(&environment)?;
        check_credentials(&environment).await?;
        let within = |time| TimeoutConfig::builder().operation_attempt_timeout(time).build();
        let config = Builder::from(&environment);
        let asking = Client::from_conf(config.clone().timeout_config(within(ANSWER_WITHIN)).build());
        // The outbox decides what is sent again, and counts it.
        let config = config.timeout_config(within(TAKEN_WITHIN)).retry_config(RetryConfig::disabled());
        let client = Client::from_conf(config.build());
        let stream = Self { client, name: name.to_owned(), place };
        stream.check(&asking).await.map_err(SinkError::Misconfigured)?;
        Ok(stream)
    }

    /// Whether the stream takes records.
    async fn check(&self, client: &Client) -> Result<(), String> {
        let Self { name, place, .. } = self;
        let answer = client.describe_stream_summary().stream_name(name).send().await;
        let answer = answer.map_err(|error| match &error {
            SdkError::ServiceError(refusal) => self.explain(refusal.err()),
            _ => format!(
                "no answer from {place} ({}): check AWS_REGION, AWS_ENDPOINT_URL and the network",
                DisplayErrorContext(&error)
            ),
        })?;
        match answer.stream_description_summary().map(StreamDescriptionSummary::stream_status) {
            Some(StreamStatus::Active | StreamStatus::Updating) => Ok(()),
            status => Err(format!(
                "stream `{name}` in {place} is {}: wait until it is ACTIVE (aws kinesis wait stream-exists --stream-name {name})",
                status.map_or("in no state", StreamStatus::as_str)
            )),
        }
    }

    pub(super) async fn put(&self, request: &[Entry]) -> Answer {
        let mut put = self.client.put_records().stream_name(&self.name);
        for entry in request {
            let record =
                PutRecordsRequestEntry::builder().data(Blob::new(entry.value.clone())).partition_key(&entry.key);
            match record.build() {
                Ok(record) => put = put.records(record),
                Err(error) => return Answer::Fatal(error.to_string()),
            }
        }
        match put.send().await {
            Ok(output) => answer(output.records(), request.len()),
            Err(SdkError::ServiceError(refusal)) => {
                let code = refusal.err().code().unwrap_or_default();
                if PASSING.contains(&code) {
                    Answer::Refused(self.explain(refusal.err()))
                } else if refusal.raw().status().is_server_error() {
                    Answer::Unknown(self.explain(refusal.err()))
                } else {
                    Answer::Fatal(self.explain(refusal.err()))
                }
            }
            Err(error @ SdkError::ConstructionFailure(_)) => Answer::Fatal(DisplayErrorContext(&error).to_string()),
            Err(error) => Answer::Unknown(format!("no answer from {} ({})", self.place, DisplayErrorContext(&error))),
        }
    }

    /// What a refusal means, and what to do.
    fn explain(&self, refusal: &impl ProvideErrorMetadata) -> String {
        let Self { name, place, .. } = self;
        let code = refusal.code().unwrap_or("an error without a name");
        let message = refusal.message().unwrap_or("no reason given");
        if code == "ResourceNotFoundException" {
            format!("stream `{name}` does not exist in {place}: create it, or set AWS_REGION to the region that has it")
        } else if code.starts_with("AccessDenied") {
            format!(
                "{place} refuses ({message}): grant kinesis:DescribeStreamSummary and kinesis:PutRecords on stream `{name}`"
            )
        } else if CREDENTIALS.contains(&code) {
            format!(
                "{place} refuses the credentials ({code}: {message}): renew them, or choose others with AWS_PROFILE"
            )
        } else if PASSING.contains(&code) {
            format!("stream `{name}` is at its limit ({message}): give it more shards, or send less (--rate)")
        } else {
            format!("stream `{name}` in {place}: {code}: {message}")
        }
    }
}

/// Where the environment leads to.
fn place(environment: &SdkConfig) -> Result<String, SinkError> {
    let Some(region) = environment.region() else {
        return Err(SinkError::Misconfigured(
            "no AWS region is configured: set AWS_REGION to the region of the stream".to_owned(),
        ));
    };
    match environment.endpoint_url() {
        None => Ok(format!("region {region}")),
        Some(url) if url.starts_with("http") => Ok(format!("region {region} at {url}")),
        Some(url) => Err(SinkError::Misconfigured(format!(
            "AWS_ENDPOINT_URL is `{url}`, but it has to begin with http:// or https://"
        ))),
    }
}

async fn check_credentials(environment: &SdkConfig) -> Result<(), SinkError> {
    let problem = match environment.credentials_provider() {
        None => "none are configured".to_owned(),
        Some(provider) => match provider.provide_credentials().await {
            Ok(_) => return Ok(()),
            Err(error) => DisplayErrorContext(&error).to_string(),
        },
    };
    Err(SinkError::Misconfigured(format!(
        "no AWS credentials ({problem}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )))
}

/// What became of each record, if the answer says so.
fn answer(results: &[PutRecordsResultEntry], sent: usize) -> Answer {
    if results.len() != sent {
        return Answer::Unknown(format!("the answer speaks of {} records, and {sent} were sent", results.len()));
    }
    let mut each = Vec::with_capacity(sent);
    for result in results {
        each.push(match (result.error_code(), result.shard_id(), result.sequence_number().map(str::parse)) {
            (None, Some(shard), Some(Ok(sequence_number))) => Ok(Written { shard: shard.to_owned(), sequence_number }),
            (None, ..) => return Answer::Unknown("the answer names no place in the stream".to_owned()),
            (Some(code), ..) => {
                let message = result.error_message().unwrap_or("no reason given");
                let remedy = if PASSING.contains(&code) { ": give it more shards, or send less (--rate)" } else { "" };
                Err(format!("the stream refuses records ({code}: {message}){remedy}"))
            }
        });
    }
    Answer::Each(each)
}
