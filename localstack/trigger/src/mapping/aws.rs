//! A mapping as Lambda's API shows it: the answer of `GetEventSourceMapping`, one of `ListEventSourceMappings`.

use std::time::Duration;

use serde::Deserialize;

use super::{
    DEFAULT_BATCH_SIZE, DEFAULT_BATCHING_WINDOW, DEFAULT_MAXIMUM_POLLERS, DEFAULT_MINIMUM_POLLERS, DEFAULT_POLLERS,
    EventSource, Failures, Mapping, OnFailure, Pollers, StartingPosition,
};

/// The fields that say what to do; the others (state, metrics, tags) say nothing about the delivery.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Shown {
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    function_arn: Option<String>,
    event_source_arn: Option<String>,
    topics: Option<Vec<String>>,
    self_managed_event_source: Option<SelfManagedEventSource>,
    self_managed_kafka_event_source_config: Option<ConsumerGroup>,
    amazon_managed_kafka_event_source_config: Option<ConsumerGroup>,
    starting_position: Option<String>,
    starting_position_timestamp: Option<Moment>,
    batch_size: Option<usize>,
    maximum_batching_window_in_seconds: Option<u64>,
    provisioned_poller_config: Option<ProvisionedPollerConfig>,
    maximum_retry_attempts: Option<i64>,
    maximum_record_age_in_seconds: Option<i64>,
    bisect_batch_on_function_error: Option<bool>,
    function_response_types: Option<Vec<String>>,
    destination_config: Option<DestinationConfig>,
    filter_criteria: Option<FilterCriteria>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SelfManagedEventSource {
    endpoints: Endpoints,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoints {
    #[serde(rename = "KAFKA_BOOTSTRAP_SERVERS")]
    servers: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConsumerGroup {
    consumer_group_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ProvisionedPollerConfig {
    minimum_pollers: Option<usize>,
    maximum_pollers: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationConfig {
    on_failure: Option<OnFailureConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct OnFailureConfig {
    destination: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FilterCriteria {
    filters: Vec<serde::de::IgnoredAny>,
}

/// The API says seconds since 1970, its tools a date.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(f64),
    Date(String),
}

impl Mapping {
    /// Reads a mapping as Lambda's API shows it.
    ///
    /// `brokers` are the bootstrap servers, which a mapping of Amazon MSK does not say; if given, they go before its own.
    ///
    /// # Errors
    /// Everything that is wrong with it, one sentence each, what [`Mapping::problems`] finds included.
    pub fn from_aws(json: &[u8], brokers: Option<&str>) -> Result<Self, Vec<String>> {
        let shown: Shown = serde_json::from_slice(json)
            .map_err(|error| vec![format!("this is no mapping as GetEventSourceMapping shows it: {error}")])?;
        let mut problems = Vec::new();
        let mapping = shown.mapping(brokers, &mut problems);
        problems.extend(mapping.problems());
        if problems.is_empty() { Ok(mapping) } else { Err(problems) }
    }
}

impl Shown {
    fn mapping(&self, brokers: Option<&str>, problems: &mut Vec<String>) -> Mapping {
        let topic = match self.topics.as_deref() {
            Some([topic]) => topic.clone(),
            _ => {
                problems.push("Topics: a mapping has exactly one".to_owned());
                String::new()
            }
        };
        if self.filter_criteria.as_ref().is_some_and(|criteria| !criteria.filters.is_empty()) {
            problems.push("FilterCriteria: this trigger has no filters, so it would deliver too much".to_owned());
        }
        let function = self.function_arn.clone().unwrap_or_default();
        let uuid = self.uuid.clone().unwrap_or_default();
        let group = self.group().unwrap_or(&uuid);
        let servers = self.servers(brokers, problems);
        let window = self.maximum_batching_window_in_seconds;
        Mapping {
            source: self.source(problems),
            start: self.start(problems),
            batch_size: self.batch_size.unwrap_or(DEFAULT_BATCH_SIZE),
            batching_window: window.map_or(DEFAULT_BATCHING_WINDOW, Duration::from_secs),
            pollers: self.pollers(),
            failures: self.failures(problems),
            uuid: uuid.clone(),
            ..Mapping::new(&topic, &function, &servers, group)
        }
    }

    fn group(&self) -> Option<&str> {
        let configs = [&self.self_managed_kafka_event_source_config, &self.amazon_managed_kafka_event_source_config];
        configs.into_iter().flatten().find_map(|config| config.consumer_group_id.as_deref())
    }

    fn servers(&self, brokers: Option<&str>, problems: &mut Vec<String>) -> String {
        let own = self.self_managed_event_source.as_ref().map(|source| source.endpoints.servers.join(","));
        let servers = brokers.map(str::to_owned).or(own).unwrap_or_default();
        if servers.is_empty() {
            problems.push("the mapping does not say where Kafka is: give the brokers beside it".to_owned());
        }
        servers
    }

    fn source(&self, problems: &mut Vec<String>) -> EventSource {
        let Some(arn) = self.event_source_arn.clone() else {
            return EventSource::SelfManagedKafka;
        };
        if arn.split(':').nth(2) != Some("kafka") {
            problems.push(format!("EventSourceArn `{arn}`: this trigger delivers Kafka topics only"));
        }
        EventSource::Msk { arn }
    }

    fn start(&self, problems: &mut Vec<String>) -> StartingPosition {
        match (self.starting_position.as_deref(), &self.starting_position_timestamp) {
            (None | Some("TRIM_HORIZON"), _) => return StartingPosition::TrimHorizon,
            (Some("LATEST"), _) => return StartingPosition::Latest,
            (Some("AT_TIMESTAMP"), Some(moment)) => {
                if let Some(millis) = moment.millis() {
                    return StartingPosition::AtTimestamp(millis);
                }
            }
            _ => {}
        }
        problems
            .push("StartingPosition: TRIM_HORIZON, LATEST, or AT_TIMESTAMP with StartingPositionTimestamp".to_owned());
        StartingPosition::default()
    }

    fn pollers(&self) -> Pollers {
        match &self.provisioned_poller_config {
            None => Pollers::OnDemand(DEFAULT_POLLERS),
            Some(config) => Pollers::Provisioned {
                minimum: config.minimum_pollers.unwrap_or(DEFAULT_MINIMUM_POLLERS),
                maximum: config.maximum_pollers.unwrap_or(DEFAULT_MAXIMUM_POLLERS),
            },
        }
    }

    fn failures(&self, problems: &mut Vec<String>) -> Failures {
        let response_types = self.function_response_types.iter().flatten();
        Failures {
            maximum_retry_attempts: limit("MaximumRetryAttempts", self.maximum_retry_attempts, problems),
            maximum_record_age_secs: limit("MaximumRecordAgeInSeconds", self.maximum_record_age_in_seconds, problems),
            bisect_batch_on_function_error: self.bisect_batch_on_function_error == Some(true),
            report_batch_item_failures: response_types.into_iter().any(|name| name == "ReportBatchItemFailures"),
            destination: self.destination(problems),
        }
    }

    fn destination(&self, problems: &mut Vec<String>) -> Option<OnFailure> {
        let config = self.destination_config.as_ref()?.on_failure.as_ref()?;
        // An empty destination is how one is taken away.
        let text = config.destination.as_deref().filter(|text| !text.is_empty())?;
        text.parse().map_err(|error: super::BadDestination| problems.push(error.to_string())).ok()
    }
}

/// Lambda's -1, and nothing at all, mean that there is no limit.
fn limit<T: TryFrom<i64>>(name: &str, value: Option<i64>, problems: &mut Vec<String>) -> Option<T> {
    let value = value.filter(|value| *value != -1)?;
    let limit = T::try_from(value).ok();
    if limit.is_none() {
        problems.push(format!("{name} {value}: -1 for no limit, or a number from 0"));
    }
    limit
}

impl Moment {
    fn millis(&self) -> Option<i64> {
        let millis = match self {
            Self::Seconds(seconds) => Some((seconds * 1000.0) as i64),
            Self::Date(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
        };
        millis.filter(|millis| 0 <= *millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `aws lambda get-event-source-mapping` prints.
    const SELF_MANAGED: &str = include_str!("../../tests/fixtures/mapping_self_managed.json");
    const MSK: &str = include_str!("../../tests/fixtures/mapping_msk.json");

    fn refuse(json: &str, expect: &[&str]) {
        let problems = Mapping::from_aws(json.as_bytes(), None).unwrap_err();
        assert_eq!(problems.len(), expect.len(), "{problems:?}");
        for (problem, expect) in problems.iter().zip(expect) {
            assert!(problem.contains(expect), "{problem:?} does not say {expect:?}");
        }
    }

    #[test]
    fn reads_a_mapping_with_every_setting() {
        let expect = Mapping {
            uuid: "14e0db71-5d35-4eb5-b481-8945cf9d10c2".to_owned(),
            start: StartingPosition::AtTimestamp(1_700_000_000_500),
            batch_size: 1_000,
            batching_window: Duration::from_secs(5),
            pollers: Pollers::Provisioned { minimum: 2, maximum: 10 },
            failures: Failures {
                maximum_retry_attempts: Some(3),
                maximum_record_age_secs: Some(3_600),
                bisect_batch_on_function_error: true,
                report_batch_item_failures: true,
                destination: Some("arn:aws:s3:::failed".parse().unwrap()),
            },
            ..Mapping::new(
                "events",
                "arn:aws:lambda:us-east-1:000000000000:function:ingest",
                "abc.xyz.com:9092,abc2.xyz.com:9092",
                "landing",
            )
        };
        assert_eq!(Mapping::from_aws(SELF_MANAGED.as_bytes(), None), Ok(expect.clone()));
        let elsewhere = Mapping { bootstrap_servers: "127.0.0.1:9092".to_owned(), ..expect };
        assert_eq!(Mapping::from_aws(SELF_MANAGED.as_bytes(), Some("127.0.0.1:9092")), Ok(elsewhere));
    }

    #[test]
    fn what_is_not_said_is_lambdas_default() {
        let uuid = "a1b2c3d4-5678-90ab-cdef-11111example";
        let expect = Mapping {
            source: EventSource::Msk {
                arn: "arn:aws:kafka:us-east-1:111122223333:cluster/my-cluster/fc2f5bdf-fd1b-45ad-85dd-15b4a5a6247e-2"
                    .to_owned(),
            },
            start: StartingPosition::Latest,
            ..Mapping::new("AWSKafkaTopic", "arn:aws:lambda:us-east-1:111122223333:function:f", "b-1:9094", uuid)
        };
        assert_eq!(Mapping::from_aws(MSK.as_bytes(), Some("b-1:9094")), Ok(expect));
        refuse(MSK, &["where Kafka is"]);
    }

    #[test]
    fn names_every_problem_at_once() {
        refuse("7", &["GetEventSourceMapping"]);
        refuse(r#"{"BatchSize":"many"}"#, &["GetEventSourceMapping"]);
        refuse(
            r#"{"UUID":"u","FunctionArn":"f","Topics":["a","b"],"EventSourceArn":"arn:aws:kinesis:r:1:stream/s",
                "StartingPosition":"AT_TIMESTAMP","MaximumRetryAttempts":-2,"FilterCriteria":{"Filters":[{"Pattern":"{}"}]},
                "DestinationConfig":{"OnFailure":{"Destination":"nowhere"}},"BisectBatchOnFunctionError":true}"#,
            &[
                "exactly one",
                "no filters",
                "where Kafka is",
                "Kafka topics only",
                "StartingPositionTimestamp",
                "MaximumRetryAttempts -2",
                "`nowhere`",
                "topic ``",
                "BisectBatchOnFunctionError needs provisioned mode",
            ],
        );
    }
}
