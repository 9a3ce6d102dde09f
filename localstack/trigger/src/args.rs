//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use penstock_exporter::Outputs;
use penstock_trigger::Served;
use penstock_trigger::destination::AwsAccess;
use penstock_trigger::follow::Report;
use penstock_trigger::mapping::{
    DEFAULT_BATCH_SIZE, DEFAULT_MAXIMUM_POLLERS, DEFAULT_MINIMUM_POLLERS, DEFAULT_POLLERS, EventSource, Failures,
    Mapping, OnFailure, Pollers, StartingPosition, Until,
};

/// Delivers a Kafka topic to a Lambda function, as an event source mapping does.
///
/// Batches end at --batch-size records, after --window-ms, or at 6 MB. Each partition goes out in order, positions are
/// committed after success, and what fails is tried again for ever, unless the mapping says otherwise. Ctrl-C stops it;
/// the next start goes on where the group has committed.
#[derive(Debug, Parser)]
#[command(name = "penstock-trigger", version, after_help = EXAMPLE)]
pub(crate) struct Args {
    /// A mapping as `aws lambda get-event-source-mapping` prints it, instead of all settings that it has
    #[arg(long, value_name = "FILE", conflicts_with_all = MAPPED)]
    mapping: Option<PathBuf>,

    /// Serve every mapping of a Kafka topic that the Invoke API's endpoint lists, and follow its changes
    #[arg(long, conflicts_with_all = MAPPED, conflicts_with_all = ["mapping", "drain"])]
    pub(crate) follow: bool,

    /// Where to keep a report of functions and mappings: state, positions and lag
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Kafka's bootstrap servers, comma-joined; a mapping of self-managed Kafka may name them
    #[arg(long, value_name = "HOST:PORT", required_unless_present_any = ["mapping", "follow"])]
    pub(crate) brokers: Option<String>,

    /// The topic to deliver
    #[arg(long, required_unless_present_any = ["mapping", "follow"])]
    topic: Option<String>,

    /// The consumer group whose commits say where to go on [default: penstock-trigger-FUNCTION-TOPIC]
    #[arg(long)]
    group: Option<String>,

    /// Where Lambda's Invoke API answers: LocalStack, `cargo lambda watch`, ...
    #[arg(long, value_name = "http://HOST:PORT")]
    pub(crate) invoke: String,

    /// The function's name
    #[arg(long, value_name = "NAME", required_unless_present_any = ["mapping", "follow"])]
    function: Option<String>,

    /// The most records of one invocation: 1 to 10000
    #[arg(long, value_name = "RECORDS", default_value_t = DEFAULT_BATCH_SIZE)]
    batch_size: usize,

    /// How long a record may wait for others to share its invocation: 0 to 300000
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500)]
    window_ms: u64,

    /// Where a group begins that has committed nothing yet: trim-horizon, latest, or a time (RFC 3339, or milliseconds
    /// since 1970)
    #[arg(long, value_name = "POSITION", default_value = "trim-horizon", value_parser = starting_position)]
    from: StartingPosition,

    /// The most invocations at once; a partition never has more than one
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_POLLERS)]
    pollers: usize,

    /// Shown to the function as the ARN of an MSK cluster; without it the source is self-managed Kafka
    #[arg(long, value_name = "ARN")]
    event_source_arn: Option<String>,

    #[command(flatten)]
    provisioned: Provisioned,

    /// Where batches go that are given up: kafka://TOPIC, or the ARN of an S3 bucket, an SQS queue or an SNS topic
    #[arg(long, value_name = "DESTINATION")]
    on_failure: Option<OnFailure>,

    #[command(flatten)]
    aws: Aws,

    /// A property of librdkafka, as for TLS and SASL; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = property)]
    pub(crate) kafka: Vec<(String, String)>,

    /// A file that holds the password for SASL and nothing else; without it, and without --kafka sasl.password, which
    /// others can see, the password of sasl.username is $PENSTOCK_KAFKA_PASSWORD
    #[arg(long, value_name = "FILE")]
    sasl_password_file: Option<PathBuf>,

    /// End when everything that the topic held at the start is delivered and committed
    #[arg(long)]
    drain: bool,

    /// Print the summary, and keep the report, as one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// What Lambda takes in provisioned mode only.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Provisioned mode")]
struct Provisioned {
    /// The least invocations that may run at once: 1 to 200; this or the next sets provisioned mode [default: 1]
    #[arg(long, value_name = "COUNT", conflicts_with = "pollers")]
    minimum_pollers: Option<usize>,

    /// The most invocations at once: 1 to 2000 [default: 200]
    #[arg(long, value_name = "COUNT", conflicts_with = "pollers")]
    maximum_pollers: Option<usize>,

    /// How often a batch is tried again before it is given up: 0 to 10000, or -1 for ever (then 10 times, if there is an
    /// on-failure destination)
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, value_parser = limit::<u32>)]
    maximum_retry_attempts: Option<Limit<u32>>,

    /// The age from which a record is given up instead of sent: 60 to 604800, or -1 for any
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = limit::<u64>)]
    maximum_record_age_in_seconds: Option<Limit<u64>>,

    /// Cut a batch in two when the function fails on it
    #[arg(long)]
    bisect_batch_on_function_error: bool,

    /// Let the function's answer say which records failed (batchItemFailures)
    #[arg(long)]
    report_batch_item_failures: bool,
}

/// As whom functions are called and mappings listed, and where S3, SQS and SNS are for an on-failure destination.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access to AWS's services")]
struct Aws {
    /// Where S3, SQS and SNS answer: LocalStack, MinIO, ...
    #[arg(long, value_name = "http://HOST:PORT", env = "AWS_ENDPOINT_URL")]
    endpoint_url: Option<String>,

    /// The region of a bucket, and of functions and mappings
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: String,

    /// Better given in the environment than as an argument, which others can see
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true, default_value = "test")]
    access_key_id: String,

    /// As the key's id
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, default_value = "test")]
    secret_access_key: String,

    /// As the key's id
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    session_token: Option<String>,
}

/// Lambda writes -1 where there is no limit.
type Limit<T> = Option<T>;

/// The arguments whose settings a mapping has.
const MAPPED: [&str; 15] = [
    "topic",
    "group",
    "function",
    "batch_size",
    "window_ms",
    "from",
    "pollers",
    "event_source_arn",
    "minimum_pollers",
    "maximum_pollers",
    "maximum_retry_attempts",
    "maximum_record_age_in_seconds",
    "bisect_batch_on_function_error",
    "report_batch_item_failures",
    "on_failure",
];

const EXAMPLE: &str = "\
Example:
  penstock-trigger --brokers localhost:9092 --topic events --invoke http://127.0.0.1:4566 --function ingest
  penstock-trigger --mapping mapping.json --invoke http://127.0.0.1:4566
  penstock-trigger --follow --invoke http://127.0.0.1:4566 --report mappings.txt

Exit codes: 0 fine; 1 a partition stopped at a record that no payload can hold; 2 wrong usage or configuration.
RUST_LOG sets how much is logged to standard error (default: info).";

/// The password for SASL, unless a file or an argument has it.
pub(crate) const PASSWORD_VARIABLE: &str = "PENSTOCK_KAFKA_PASSWORD";

impl Args {
    /// With the password among the client's properties. `variable` is the value of [`PASSWORD_VARIABLE`].
    pub(crate) fn with_password(mut self, variable: Option<String>) -> Result<Self, String> {
        let is_set = |name: &str| self.kafka.iter().any(|(key, _)| key == name);
        let password = match &self.sasl_password_file {
            Some(_) if is_set("sasl.password") => {
                return Err(
                    "--sasl-password-file and --kafka sasl.password are two passwords: leave one out".to_owned()
                );
            }
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!("cannot read the password in {}: {error}", file.display()))?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            None if is_set("sasl.username") && !is_set("sasl.password") => variable,
            None => None,
        };
        self.kafka.extend(password.map(|password| ("sasl.password".to_owned(), password)));
        Ok(self)
    }

    /// The mapping of the arguments, or of the file that they name.
    pub(crate) fn mapping(&self) -> Result<Mapping, String> {
        if self.report.is_some() {
            return Err("--report is about the mappings that --follow serves: leave it out here".to_owned());
        }
        let mapping = match &self.mapping {
            None => self.mapping_of_arguments(),
            Some(file) => {
                let json = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
                Mapping::from_aws(&json, self.brokers.as_deref())
                    .map_err(|problems| format!("{}: {}", file.display(), problems.join("; ")))?
            }
        };
        let until = if self.drain { Until::Drained } else { Until::Stopped };
        Ok(Mapping { until, ..mapping })
    }

    fn mapping_of_arguments(&self) -> Mapping {
        // The parser has seen to it that they are given.
        let text = |argument: &Option<String>| argument.clone().unwrap_or_default();
        let (topic, function, brokers) = (text(&self.topic), text(&self.function), text(&self.brokers));
        let group = self.group.clone().unwrap_or_else(|| format!("penstock-trigger-{function}-{topic}"));
        let source = match self.event_source_arn.clone() {
            Some(arn) => EventSource::Msk { arn },
            None => EventSource::SelfManagedKafka,
        };
        Mapping {
            source,
            start: self.from,
            batch_size: self.batch_size,
            batching_window: Duration::from_millis(self.window_ms),
            pollers: self.provisioned.pollers().unwrap_or(Pollers::OnDemand(self.pollers)),
            failures: self.provisioned.failures(self.on_failure.clone()),
            ..Mapping::new(&topic, &function, &brokers, &group)
        }
    }

    /// Replaces the report. Whoever reads it meanwhile sees the old one or the new one, and never a part.
    pub(crate) fn keep(&self, report: &Report) {
        let Some(file) = &self.report else { return };
        let text = if self.json { serde_json::to_string(report).unwrap_or_default() } else { report.to_string() };
        let new = file.with_extension("new");
        if let Err(error) = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, file)) {
            tracing::error!("the report {} is not kept: {error}", file.display());
        }
    }

    /// Where S3, SQS and SNS are.
    pub(crate) fn aws_access(&self) -> Result<AwsAccess, String> {
        let endpoint = self.aws.endpoint_url.clone();
        Ok(self.access(endpoint.ok_or("this on-failure destination needs --endpoint-url (or AWS_ENDPOINT_URL)")?))
    }

    /// Where functions are called, and mappings listed.
    pub(crate) fn lambda_access(&self) -> AwsAccess {
        self.access(self.invoke.clone())
    }

    fn access(&self, endpoint: String) -> AwsAccess {
        AwsAccess {
            endpoint,
            region: self.aws.region.clone(),
            access_key_id: self.aws.access_key_id.clone(),
            secret_access_key: self.aws.secret_access_key.clone(),
            session_token: self.aws.session_token.clone(),
        }
    }
}

impl Provisioned {
    fn pollers(&self) -> Option<Pollers> {
        let is_provisioned = self.minimum_pollers.is_some() || self.maximum_pollers.is_some();
        is_provisioned.then(|| {
            let minimum = self.minimum_pollers.unwrap_or(DEFAULT_MINIMUM_POLLERS);
            let maximum = self.maximum_pollers.unwrap_or(DEFAULT_MAXIMUM_POLLERS.max(minimum));
            Pollers::Provisioned { minimum, maximum }
        })
    }

    fn failures(&self, destination: Option<OnFailure>) -> Failures {
        Failures {
            maximum_retry_attempts: self.maximum_retry_attempts.flatten(),
            maximum_record_age_secs: self.maximum_record_age_in_seconds.flatten(),
            bisect_batch_on_function_error: self.bisect_batch_on_function_error,
            report_batch_item_failures: self.report_batch_item_failures,
            destination,
        }
    }
}

fn limit<T: std::str::FromStr>(text: &str) -> Result<Limit<T>, String> {
    if text == "-1" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "expected a number from 0, or -1 for no limit".to_owned())
}

fn starting_position(text: &str) -> Result<StartingPosition, String> {
    match text {
        "trim-horizon" => return Ok(StartingPosition::TrimHorizon),
        "latest" => return Ok(StartingPosition::Latest),
        _ => {}
    }
    let millis = match text.parse::<i64>() {
        Ok(millis) => Some(millis),
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
    };
    match millis {
        Some(millis) if millis >= 0 => Ok(StartingPosition::AtTimestamp(millis)),
        _ => {
            Err("expected trim-horizon, latest, a time like 2026-11-01T00:00:00Z, or milliseconds since 1970"
                .to_owned())
        }
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, as in security.protocol=SASL_SSL".to_owned()),
    }
}

/// The summary for people.
pub(crate) fn summary(served: &Served) -> String {
    let mut text = format!(
        "polled     {:>12} records\ndelivered  {:>12} records\ninvoked    {:>12} times, {} failed\n",
        served.polled, served.delivered, served.invocations, served.failed_invocations
    );
    if 0 < served.discarded {
        text += &format!("given up   {:>12} records\n", served.discarded);
    }
    for (partition, state) in &served.partitions {
        let next = state.committed.map_or_else(|| "nothing".to_owned(), |next| format!("up to offset {next}"));
        text += &format!("partition {partition:>4}: committed {next}\n");
        if let Some(reason) = &state.stopped {
            text += &format!("  stopped: {reason}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, expect: Option<StartingPosition>) {
        assert_eq!(starting_position(from).ok(), expect, "{from}");
    }

    #[test]
    fn reads_starting_positions() {
        check("trim-horizon", Some(StartingPosition::TrimHorizon));
        check("latest", Some(StartingPosition::Latest));
        check("1700000000123", Some(StartingPosition::AtTimestamp(1_700_000_000_123)));
        check("1970-01-01T00:00:01Z", Some(StartingPosition::AtTimestamp(1_000)));
        check("1970-01-01T01:00:01.5+01:00", Some(StartingPosition::AtTimestamp(1_500)));
        check("-1", None);
        check("1969-12-31T00:00:00Z", None);
        check("yesterday", None);
        check("2026-11-01", None);
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    /// The mapping of a command line, or what is wrong with it.
    fn mapping(more: &str) -> Result<Mapping, String> {
        let line = format!("penstock-trigger --invoke http://127.0.0.1:9000 {more}");
        let args = Args::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
        args.mapping()
    }

    const NAMES: &str = "--brokers b:9092 --topic events --function ingest";

    #[test]
    fn takes_lambdas_settings_for_failures() {
        let failures = |more: &str| mapping(&format!("{NAMES} {more}")).unwrap().failures;
        assert_eq!(failures(""), Failures::default());
        assert_eq!(failures("--maximum-retry-attempts -1 --maximum-record-age-in-seconds -1"), Failures::default());
        let expect = Failures {
            maximum_retry_attempts: Some(3),
            maximum_record_age_secs: Some(60),
            bisect_batch_on_function_error: true,
            report_batch_item_failures: true,
            destination: Some(OnFailure::Kafka { topic: "failed".to_owned() }),
        };
        let all = "--maximum-retry-attempts 3 --maximum-record-age-in-seconds 60 --bisect-batch-on-function-error \
                   --report-batch-item-failures --on-failure kafka://failed";
        assert_eq!(failures(all), expect);
        assert!(mapping(&format!("{NAMES} --on-failure nowhere")).unwrap_err().contains("kafka://TOPIC"));
        assert!(mapping(&format!("{NAMES} --maximum-retry-attempts -2")).unwrap_err().contains("-1 for no limit"));
    }

    #[test]
    fn a_number_of_provisioned_pollers_sets_provisioned_mode() {
        let pollers = |more: &str| mapping(&format!("{NAMES} {more}")).unwrap().pollers;
        assert_eq!(pollers(""), Pollers::OnDemand(DEFAULT_POLLERS));
        assert_eq!(pollers("--pollers 9"), Pollers::OnDemand(9));
        assert_eq!(pollers("--minimum-pollers 2"), Pollers::Provisioned { minimum: 2, maximum: 200 });
        assert_eq!(pollers("--maximum-pollers 3"), Pollers::Provisioned { minimum: 1, maximum: 3 });
        assert!(mapping(&format!("{NAMES} --pollers 2 --maximum-pollers 3")).unwrap_err().contains("cannot be used"));
    }

    #[test]
    fn a_list_of_mappings_has_all_settings_but_where_things_are() {
        let read = |more: &str| {
            let line = format!("penstock-trigger --invoke http://127.0.0.1:9000 {more}");
            Args::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())
        };
        assert!(read("--follow").unwrap().follow);
        assert!(read("--follow --brokers b:9092 --report r.txt --kafka a=b").is_ok());
        for other in ["--topic events", "--drain", "--mapping m.json", "--pollers 3"] {
            assert!(read(&format!("--follow {other}")).unwrap_err().contains("cannot be used"), "{other}");
        }
        assert!(mapping(&format!("{NAMES} --report r.txt")).unwrap_err().contains("--follow"));
    }

    #[test]
    fn the_password_comes_from_a_file_the_environment_or_an_argument() {
        let folder = std::env::temp_dir().join(format!("penstock-trigger-password-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("password");
        std::fs::write(&file, "from the file\r\n").unwrap();
        let password = |more: &str| {
            let line = format!("penstock-trigger --invoke http://127.0.0.1:9000 {NAMES} {more}");
            let args = Args::try_parse_from(line.split_whitespace()).unwrap();
            let args = args.with_password(Some("from the environment".to_owned()))?;
            let found = args.kafka.into_iter().find(|(key, _)| key == "sasl.password");
            Ok::<_, String>(found.map_or_else(|| "none".to_owned(), |(_, password)| password))
        };
        let in_file = format!("--sasl-password-file {}", file.display());
        assert_eq!(password(""), Ok("none".to_owned()));
        assert_eq!(password("--kafka sasl.username=me"), Ok("from the environment".to_owned()));
        assert_eq!(password("--kafka sasl.username=me --kafka sasl.password=mine"), Ok("mine".to_owned()));
        assert_eq!(password(&format!("--kafka sasl.username=me {in_file}")), Ok("from the file".to_owned()));
        assert!(password(&format!("--kafka sasl.password=mine {in_file}")).unwrap_err().contains("leave one out"));
        assert!(password("--sasl-password-file no-such-file").unwrap_err().contains("no-such-file"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_report_is_replaced_as_a_whole() {
        let folder = std::env::temp_dir().join(format!("penstock-trigger-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("report.txt");
        let line = format!("penstock-trigger --invoke http://127.0.0.1:9000 --follow --report {}", file.display());
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        args.keep(&Report { unreadable: None, mappings: vec![] });
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "no mapping of a Kafka topic\n");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        Args { json: true, ..args }.keep(&Report { unreadable: None, mappings: vec![] });
        assert_eq!(std::fs::read_to_string(&file).unwrap(), r#"{"unreadable":null,"mappings":[]}"#);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_may_hold_the_mapping() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mapping_self_managed.json");
        let read = mapping(&format!("--mapping {file} --drain")).unwrap();
        assert_eq!((read.topic.as_str(), read.batch_size, read.until), ("events", 1_000, Until::Drained));
        assert!(mapping(&format!("--mapping {file} --batch-size 5")).unwrap_err().contains("cannot be used"));
        assert!(mapping(&format!("--mapping {file} --on-failure kafka://x")).unwrap_err().contains("cannot be used"));
        assert!(mapping("--mapping no-such-file").unwrap_err().contains("no-such-file"));
        assert!(mapping("--topic events").unwrap_err().contains("--brokers"));
    }
}
