//! The command line.

use std::time::Duration;

use clap::Parser;
use penstock_trigger::Served;
use penstock_trigger::mapping::{DEFAULT_BATCH_SIZE, DEFAULT_POLLERS, EventSource, Mapping, StartingPosition, Until};

/// Delivers a Kafka topic to a Lambda function, as an event source mapping does.
///
/// Batches end at --batch-size records, after --window-ms, or at 6 MB. Each partition goes out in order, positions are
/// committed after success, and what fails is tried again for ever. Ctrl-C stops it; the next start goes on where the
/// group has committed.
#[derive(Debug, Parser)]
#[command(name = "penstock-trigger", version, after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Kafka's bootstrap servers, comma-joined
    #[arg(long, value_name = "HOST:PORT")]
    brokers: String,

    /// The topic to deliver
    #[arg(long)]
    topic: String,

    /// The consumer group whose commits say where to go on [default: penstock-trigger-FUNCTION-TOPIC]
    #[arg(long)]
    group: Option<String>,

    /// Where Lambda's Invoke API answers: LocalStack, `cargo lambda watch`, ...
    #[arg(long, value_name = "http://HOST:PORT")]
    pub(crate) invoke: String,

    /// The function's name
    #[arg(long, value_name = "NAME")]
    pub(crate) function: String,

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

    /// A property of librdkafka, as for TLS and SASL; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = property)]
    pub(crate) kafka: Vec<(String, String)>,

    /// End when everything that the topic held at the start is delivered and committed
    #[arg(long)]
    drain: bool,

    /// Print the summary as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLE: &str = "\
Example:
  penstock-trigger --brokers localhost:9092 --topic events --invoke http://127.0.0.1:4566 --function ingest

Exit codes: 0 fine; 1 a partition stopped at a record that no payload can hold; 2 wrong usage or configuration.
RUST_LOG sets how much is logged to standard error (default: info).";

impl Args {
    pub(crate) fn mapping(&self) -> Mapping {
        let group = self.group.clone().unwrap_or_else(|| format!("penstock-trigger-{}-{}", self.function, self.topic));
        let source = match self.event_source_arn.clone() {
            Some(arn) => EventSource::Msk { arn },
            None => EventSource::SelfManagedKafka,
        };
        Mapping {
            source,
            start: self.from,
            batch_size: self.batch_size,
            batching_window: Duration::from_millis(self.window_ms),
            pollers: self.pollers,
            until: if self.drain { Until::Drained } else { Until::Stopped },
            ..Mapping::new(&self.topic, &self.function, &self.brokers, &group)
        }
    }
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
}
