//! `penstock run`: producer, log, trigger, ingest and refine in one process, then the audit and the answer.
//!
//! ```text
//! producer -> log (in memory, or Kafka) -> trigger -> ingest -> raw -> refine -> silver, windows, rejects
//! ```
//! The functions are called with the JSON payload that Lambda would give them.

mod pipeline;
mod plan;
mod summary;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_exporter::{Exporter, Outputs};
use penstock_lake::Clock;
use penstock_producer::{
    DEFAULT_DUPLICATES, DEFAULT_EVENTS, DEFAULT_LATE, DEFAULT_MALFORMED, DEFAULT_SEED, Generated, Generator, Lines,
    Pace, Shape, Source,
};
use penstock_runtime::{Failure, IngestSettings, Lake, SystemClock};

use crate::output::note;
use crate::watch::{Page, RunLog};
use crate::{Exit, LakeArguments};

use pipeline::Pipeline;
use plan::Plan;

/// The name of a log in memory as a source: another than that of any Kafka, so that both can fill one lake.
pub(crate) const MEMORY_SOURCE: &str = "memory";

/// Events per second of a run without end, unless `--rate` says otherwise.
const FOREVER_RATE: f64 = 1000.0;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// How many events to make up
    #[arg(long, default_value_t = DEFAULT_EVENTS, conflicts_with = "input", value_name = "N")]
    events: u64,
    /// Take the events from a file with one JSON object a line, or from standard input (-)
    #[arg(long, value_name = "FILE.ndjson|-")]
    input: Option<PathBuf>,
    /// Events per second; unlimited if absent
    #[arg(long, value_name = "N", value_parser = positive)]
    rate: Option<f64>,
    /// Go on until interrupted
    #[arg(long, conflicts_with_all = ["input", "events"])]
    forever: bool,
    /// Use Kafka as the log instead of memory
    #[arg(long, requires = "topic", value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// The topic in Kafka; created if it does not exist
    #[arg(long, requires = "brokers", value_name = "TOPIC")]
    topic: Option<String>,
    /// Raise it by one when the topic was deleted and made anew
    #[arg(long, default_value_t = 0, requires = "brokers", value_name = "N")]
    epoch: u32,
    /// Settings of librdkafka, for TLS and SASL
    #[arg(long, value_parser = pair, requires = "brokers", value_name = "KEY=VALUE")]
    kafka: Vec<(String, String)>,
    /// Partitions of the log
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,
    /// Seed of the made-up events: equal seeds give equal events
    #[arg(long, default_value_t = DEFAULT_SEED, value_name = "N")]
    seed: u64,
    /// Share of events that come twice
    #[arg(long, default_value_t = DEFAULT_DUPLICATES, value_name = "SHARE")]
    duplicates: f64,
    /// Share of events that come after their window should have closed
    #[arg(long, default_value_t = DEFAULT_LATE, value_name = "SHARE")]
    late: f64,
    /// Share of events that are damaged
    #[arg(long, default_value_t = DEFAULT_MALFORMED, value_name = "SHARE")]
    malformed: f64,
    /// Share of batches that are delivered twice, cut differently
    #[arg(long, default_value_t = 0.02, value_name = "SHARE", value_parser = share)]
    redeliver: f64,
    /// Leave an interrupted run as it is, and begin another
    #[arg(long)]
    new: bool,
    /// Show the run as it goes on a page of its own, and afterwards until interrupted
    #[arg(long, value_name = "IP:PORT")]
    serve: Option<SocketAddr>,
    /// Print the summary as one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    outputs: Outputs,
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if 0.0 < number && number.is_finite() => Ok(number),
        _ => Err("give a number above 0".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to below 1".to_owned()),
    }
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let began = Instant::now();
    let (lake, dataset) = arguments.lake.open().await?;
    let _exporter = arguments.export(&lake)?;
    let log = RunLog::default();
    let page = match arguments.serve {
        Some(address) => {
            Some(Page::open(address, arguments.lake.lake.clone(), Arc::clone(&dataset), log.clone()).await?)
        }
        None => None,
    };
    let plan = match arguments.brokers {
        Some(_) => Plan::new(&arguments, &dataset, 0, lake.clock().now()),
        None => plan::resume_or_begin(&arguments, &*lake.store(), &dataset, lake.clock().now()).await?,
    };
    let source = arguments.source(&dataset, &plan)?;
    let pipeline = Pipeline::new(lake.clone(), &dataset, arguments.ingest_settings(&plan), log);
    let ran = match &arguments.brokers {
        Some(brokers) => pipeline.run_kafka(&arguments, brokers, source).await?,
        None => pipeline.run_memory(&arguments, &plan, source).await?,
    };
    let interrupted = ran.interrupted;
    if interrupted {
        note("interrupted: what was sent is in the lake; the same command goes on with the rest");
    }
    let summary = summary::collect(&lake, &dataset, ran, began.elapsed()).await?;
    // Not before the summary is there: whoever is killed while it is made gets it from the same command, and no second run.
    if !interrupted && arguments.brokers.is_none() {
        plan.finish(&*lake.store(), &dataset.name).await?;
    }
    summary.show(&dataset, &arguments.lake.lake.to_string(), arguments.json)?;
    if let Some(page) = page.filter(|_| !interrupted) {
        page.stay().await?;
    }
    Ok(if summary.balances() { Exit::Fine } else { Exit::Finding })
}

impl Arguments {
    fn export(&self, lake: &Lake) -> Result<Exporter, Failure> {
        let now = Box::new(|| SystemClock.now());
        let exporter = Exporter::start(&self.outputs, Arc::clone(lake.telemetry()), "penstock", now);
        let exporter = exporter.map_err(Failure::misconfigured)?;
        if let Some(address) = exporter.address() {
            note(&format!("metrics at http://{address}/metrics"));
        }
        Ok(exporter)
    }

    fn ingest_settings(&self, plan: &Plan) -> IngestSettings {
        match self.brokers {
            Some(_) => IngestSettings { epoch: self.epoch, ..IngestSettings::default() },
            None => IngestSettings { source: MEMORY_SOURCE.to_owned(), epoch: plan.run, ..IngestSettings::default() },
        }
    }

    fn rate(&self) -> Option<f64> {
        self.rate.or(self.forever.then_some(FOREVER_RATE))
    }

    fn pace(&self) -> Option<Pace> {
        self.rate().map(|rate| Pace::new(rate, Instant::now()))
    }

    fn source(&self, dataset: &Dataset, plan: &Plan) -> Result<Box<dyn Source + Send>, Failure> {
        if let Some(input) = &self.input {
            return Ok(Box::new(Lines::open(input, dataset).map_err(Failure::misconfigured)?));
        }
        let shape = Shape {
            seed: self.seed,
            events: plan.events,
            duplicates: self.duplicates,
            late: self.late,
            malformed: self.malformed,
            start_time_us: plan.start_time,
            spacing_nanos: plan.spacing_nanos,
        };
        let generator = Generator::new(dataset, &shape).map_err(Failure::misconfigured)?;
        Ok(Box::new(Generated::new(generator)))
    }
}
