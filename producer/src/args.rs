//! The command line, checked: what comes out can be run.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use penstock_exporter::Outputs;
use penstock_producer::{
    DEFAULT_DUPLICATES, DEFAULT_EVENTS, DEFAULT_LATE, DEFAULT_MALFORMED, DEFAULT_SEED, DEFAULT_SPAN_SECS,
    KafkaSettings, KinesisSettings, MskIam, Order, Sasl, Shape, TokenSource, spacing,
};

/// The password for --sasl-username, unless it stands in a file.
pub(crate) const PASSWORD_VARIABLE: &str = "PENSTOCK_KAFKA_PASSWORD";

/// Settings of librdkafka that hold a secret: a command line is no place for one, every user of the machine can read it.
const SECRETS: [&str; 4] = ["sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password"];

/// Send events to Kafka, to Kinesis, to a file or to standard output: made up from a seed, or your own.
///
/// Exit status: 0 fine; 1 something was not acknowledged; 2 wrong usage or configuration.
#[derive(Debug, Parser)]
#[command(name = "penstock-producer", version, max_term_width = 110)]
pub(crate) struct Args {
    /// A dataset that ships with Penstock, or a dataset file.
    #[arg(long, value_name = "NAME|FILE", default_value = "iot")]
    pub(crate) dataset: String,

    /// Print the description of the dataset's records (JSON Schema) and end.
    #[arg(long)]
    pub(crate) schema: bool,

    /// Where the events go [default: kafka with --brokers, kinesis with --stream, file with --file, else stdout].
    #[arg(long, value_enum)]
    sink: Option<SinkName>,

    /// Events a second [default: as fast as the sink takes them].
    #[arg(long, value_parser = positive)]
    pub(crate) rate: Option<f64>,

    /// Write what was sent, acknowledged and failed, for each partition, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Print the report on standard output.
    #[arg(long)]
    pub(crate) json: bool,

    /// Send the lines of a file, or of standard input for `-`, instead of made-up events.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["events", "seed", "duplicates", "late", "malformed", "start_time"])]
    pub(crate) input: Option<PathBuf>,

    #[command(flatten)]
    made_up: MadeUp,

    #[command(flatten)]
    file: FileArgs,

    #[command(flatten)]
    kafka: KafkaArgs,

    #[command(flatten)]
    kinesis: KinesisArgs,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Made-up events")]
struct MadeUp {
    /// How many [default: 200000].
    #[arg(long)]
    events: Option<u64>,

    /// The same seed and start time give the same bytes, on every machine [default: 7].
    #[arg(long)]
    seed: Option<u64>,

    /// Share of events that repeat an earlier one [default: 0.01].
    #[arg(long, value_name = "SHARE")]
    duplicates: Option<f64>,

    /// Share of events that come after their window has closed [default: 0.01].
    #[arg(long, value_name = "SHARE")]
    late: Option<f64>,

    /// Share of events that are wrong in one of many ways [default: 0.001].
    #[arg(long, value_name = "SHARE")]
    malformed: Option<f64>,

    /// When the first event happened: RFC 3339 or epoch milliseconds [default: now with --rate, else ten minutes ago].
    #[arg(long, value_name = "TIME", value_parser = time)]
    start_time: Option<i64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "File")]
struct FileArgs {
    /// The file to write; it appears when it is complete.
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kafka")]
struct KafkaArgs {
    #[arg(long, value_name = "HOST:PORT,...")]
    brokers: Option<String>,

    #[arg(long)]
    topic: Option<String>,

    /// Create the topic with so many partitions if it does not exist.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: Option<i32>,

    /// The authority of the brokers' certificates (PEM); turns TLS on.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// The client's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The client's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    #[arg(long, value_name = "NAME", value_parser = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], requires = "sasl_username")]
    sasl_mechanism: Option<String>,

    #[arg(long, value_name = "NAME", requires = "sasl_mechanism")]
    sasl_username: Option<String>,

    /// A file that holds the password and nothing else; without it, the password is $PENSTOCK_KAFKA_PASSWORD.
    #[arg(long, value_name = "FILE", requires = "sasl_username")]
    sasl_password_file: Option<PathBuf>,

    /// Prove who sends with AWS credentials, as MSK with IAM wants it: region and credentials are those of the AWS
    /// environment. Turns TLS on.
    #[arg(long, conflicts_with = "sasl_mechanism")]
    msk_iam: bool,

    /// A setting of librdkafka; may be given several times.
    #[arg(long = "kafka", value_name = "KEY=VALUE", value_parser = key_value)]
    extra: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kinesis")]
struct KinesisArgs {
    /// The stream. Region, credentials and endpoint are those of the AWS environment (AWS_REGION, AWS_PROFILE, ...).
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,

    /// Send several records of a key at once: faster with few keys, but what is refused comes behind what follows it.
    #[arg(long, requires = "stream")]
    unordered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SinkName {
    Kafka,
    Kinesis,
    Stdout,
    File,
}

/// A sink with all that it needs.
#[derive(Debug)]
pub(crate) enum SinkChoice {
    Kafka(Box<KafkaSettings>),
    Kinesis(KinesisSettings),
    File(PathBuf),
    Stdout,
}

impl Args {
    /// Where the events go. `password` is the value of [`PASSWORD_VARIABLE`], and `now_us` the present in UTC microseconds.
    pub(crate) fn sink(&self, password: Option<String>, now_us: fn() -> i64) -> Result<SinkChoice, String> {
        match self.sink_name()? {
            SinkName::Kafka => Ok(SinkChoice::Kafka(Box::new(self.kafka.settings(password, now_us)?))),
            SinkName::Kinesis => Ok(SinkChoice::Kinesis(self.kinesis.settings()?)),
            SinkName::File => {
                let file = self.file.file.clone().ok_or("--sink file needs a name: add --file FILE")?;
                Ok(SinkChoice::File(file))
            }
            SinkName::Stdout if self.json => {
                Err("--json prints the report where the events go: use --report FILE, or another sink".to_owned())
            }
            SinkName::Stdout => Ok(SinkChoice::Stdout),
        }
    }

    /// The sink that is asked for, or else the one that the other arguments are about.
    fn sink_name(&self) -> Result<SinkName, String> {
        let kafka = self.kafka.brokers.is_some() || self.kafka.topic.is_some();
        let named: Vec<(SinkName, &str)> = [
            (kafka, SinkName::Kafka, "--brokers"),
            (self.kinesis.stream.is_some(), SinkName::Kinesis, "--stream"),
            (self.file.file.is_some(), SinkName::File, "--file"),
        ]
        .into_iter()
        .filter_map(|(is_named, sink, argument)| is_named.then_some((sink, argument)))
        .collect();
        match (named.as_slice(), self.sink) {
            ([], sink) => Ok(sink.unwrap_or(SinkName::Stdout)),
            ([(_, one), (_, other), ..], _) => Err(format!("{one} and {other} name two places: leave one out")),
            ([(inferred, argument)], Some(sink)) if sink != *inferred => {
                Err(format!("--sink contradicts {argument}: leave one out"))
            }
            ([(inferred, _)], _) => Ok(*inferred),
        }
    }

    /// What is to be made up; `now_us` is the present in UTC microseconds.
    pub(crate) fn shape(&self, now_us: i64) -> Shape {
        let made_up = &self.made_up;
        let events = made_up.events.unwrap_or(DEFAULT_EVENTS);
        let earlier_us = match self.rate {
            Some(_) => 0,
            None => i64::try_from(DEFAULT_SPAN_SECS * 1_000_000).unwrap_or_default(),
        };
        Shape {
            seed: made_up.seed.unwrap_or(DEFAULT_SEED),
            events,
            duplicates: made_up.duplicates.unwrap_or(DEFAULT_DUPLICATES),
            late: made_up.late.unwrap_or(DEFAULT_LATE),
            malformed: made_up.malformed.unwrap_or(DEFAULT_MALFORMED),
            start_time_us: made_up.start_time.unwrap_or(now_us - earlier_us),
            spacing_nanos: spacing(events, self.rate),
        }
    }
}

impl KafkaArgs {
    fn settings(&self, password: Option<String>, now_us: fn() -> i64) -> Result<KafkaSettings, String> {
        let (Some(brokers), Some(topic)) = (&self.brokers, &self.topic) else {
            return Err("Kafka needs --brokers HOST:PORT and --topic NAME".to_owned());
        };
        Ok(KafkaSettings {
            brokers: brokers.clone(),
            topic: topic.clone(),
            partitions: self.partitions,
            tls_ca: self.tls_ca.clone(),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            sasl: self.sasl(password)?,
            tokens: self.tokens(now_us)?,
            extra: self.extra.clone(),
        })
    }

    fn tokens(&self, now_us: fn() -> i64) -> Result<Option<Arc<dyn TokenSource>>, String> {
        if !self.msk_iam {
            return Ok(None);
        }
        let source = MskIam::from_environment(now_us).map_err(|error| error.to_string())?;
        Ok(Some(Arc::new(source)))
    }

    fn sasl(&self, password: Option<String>) -> Result<Option<Sasl>, String> {
        let (Some(mechanism), Some(username)) = (&self.sasl_mechanism, &self.sasl_username) else {
            return Ok(None);
        };
        let password = match (&self.sasl_password_file, password) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!("cannot read the password in {}: {error}", file.display()))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, Some(password)) => password,
            (None, None) => {
                return Err(format!(
                    "no password for {username}: give --sasl-password-file, or set {PASSWORD_VARIABLE}"
                ));
            }
        };
        Ok(Some(Sasl { mechanism: mechanism.clone(), username: username.clone(), password }))
    }
}

impl KinesisArgs {
    fn settings(&self) -> Result<KinesisSettings, String> {
        let stream = self.stream.clone().ok_or("--sink kinesis needs a stream: add --stream NAME")?;
        let order = if self.unordered { Order::Any } else { Order::OfEachKey };
        Ok(KinesisSettings { stream, order })
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && 0.0 < *number);
    number.ok_or_else(|| "expected a number above zero".to_owned())
}

fn time(text: &str) -> Result<i64, String> {
    let millis = text.parse().ok().and_then(penstock_core::time::from_epoch_millis);
    millis
        .or_else(|| penstock_core::time::parse(text.as_bytes()))
        .ok_or_else(|| "expected a time such as 2026-11-21T12:00:00Z, or milliseconds since 1970".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if SECRETS.contains(&key) {
        return Err(format!(
            "{key} is a secret and every user can read a command line: use --sasl-password-file, {PASSWORD_VARIABLE} or a key file"
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sink that a command line leads to, or what is wrong with it.
    fn check(line: &str) -> String {
        let args = match Args::try_parse_from(line.split_whitespace()) {
            Ok(args) => args,
            Err(error) => return error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        match args.sink(None, || 0) {
            Ok(SinkChoice::Kafka(settings)) => format!("kafka {} {}", settings.brokers, settings.topic),
            Ok(SinkChoice::Kinesis(settings)) => format!("kinesis {} {:?}", settings.stream, settings.order),
            Ok(SinkChoice::File(file)) => format!("file {}", file.display()),
            Ok(SinkChoice::Stdout) => "stdout".to_owned(),
            Err(error) => error,
        }
    }

    #[test]
    fn the_sink_follows_from_what_is_named() {
        assert_eq!(check("p"), "stdout");
        assert_eq!(check("p --file x"), "file x");
        assert_eq!(check("p --brokers b:1 --topic t"), "kafka b:1 t");
        assert_eq!(check("p --sink kafka --brokers b:1 --topic t"), "kafka b:1 t");
        assert_eq!(check("p --stream s"), "kinesis s OfEachKey");
        assert_eq!(check("p --sink kinesis --stream s --unordered"), "kinesis s Any");
    }

    #[test]
    fn wrong_usage_is_told_with_a_remedy() {
        let cases = [
            ("p --sink kafka", "Kafka needs --brokers HOST:PORT and --topic NAME"),
            ("p --topic t", "Kafka needs --brokers HOST:PORT and --topic NAME"),
            ("p --sink file", "--sink file needs a name: add --file FILE"),
            ("p --file x --brokers b:1 --topic t", "--brokers and --file name two places: leave one out"),
            ("p --stream s --topic t", "--brokers and --stream name two places: leave one out"),
            ("p --sink stdout --file x", "--sink contradicts --file: leave one out"),
            ("p --sink kafka --stream s", "--sink contradicts --stream: leave one out"),
            ("p --sink kinesis", "--sink kinesis needs a stream: add --stream NAME"),
            ("p --json", "--json prints the report where the events go: use --report FILE, or another sink"),
            (
                "p --brokers b:1 --topic t --sasl-mechanism PLAIN --sasl-username u",
                "no password for u: give --sasl-password-file, or set PENSTOCK_KAFKA_PASSWORD",
            ),
        ];
        for (line, message) in cases {
            assert_eq!(check(line), message, "{line}");
        }
        for line in [
            "p --input x --seed 3",
            "p --rate 0",
            "p --rate nan",
            "p --partitions 0",
            "p --start-time yesterday",
            "p --kafka acks",
            "p --kafka sasl.password=x",
            "p --tls-cert x",
            "p --sasl-mechanism GUESS --sasl-username u",
            "p --msk-iam --sasl-mechanism PLAIN --sasl-username u",
        ] {
            assert!(check(line).starts_with("error:"), "{line}: {}", check(line));
        }
    }

    #[test]
    fn the_help_names_the_real_defaults() {
        let help = <Args as clap::CommandFactory>::command().render_long_help().to_string();
        for default in [DEFAULT_EVENTS.to_string(), DEFAULT_SEED.to_string(), DEFAULT_MALFORMED.to_string()] {
            assert!(help.contains(&format!("[default: {default}]")), "{default} in {help}");
        }
        assert_eq!((DEFAULT_DUPLICATES, DEFAULT_LATE, DEFAULT_SPAN_SECS), (0.01, 0.01, 600));
    }

    #[test]
    fn a_rate_makes_events_of_now() {
        let shape = |line: &str| Args::try_parse_from(line.split_whitespace()).unwrap().shape(1_000_000_000_000_000);
        assert_eq!(shape("p --rate 100").start_time_us, 1_000_000_000_000_000);
        assert_eq!(shape("p --rate 100").spacing_nanos, 10_000_000);
        assert_eq!(shape("p --events 1000").start_time_us, 1_000_000_000_000_000 - 600_000_000);
        assert_eq!(shape("p --events 1000").spacing_nanos, 600_000_000);
        assert_eq!(shape("p --start-time 2026-11-21T12:00:00Z").start_time_us, 1_795_262_400_000_000);
    }
}
