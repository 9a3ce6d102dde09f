//! `penstock-trigger`: the event source mapping for a machine without one.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod args;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use penstock_exporter::Exporter;
use penstock_telemetry::Registry;
use penstock_trigger::clock;
use penstock_trigger::destination::{AwsDestination, Destination, KafkaDestination};
use penstock_trigger::follow::{LambdaMappings, follow};
use penstock_trigger::http::HttpInvoker;
use penstock_trigger::kafka::KafkaLog;
use penstock_trigger::mapping::{Mapping, OnFailure};
use penstock_trigger::{Served, Trigger};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use args::{Args, PASSWORD_VARIABLE};

const FINDING: u8 = 1;
const WRONG_USAGE: u8 = 2;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args = Args::parse().with_password(password());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr).init();
    match args.map_err(Failure::from).and_then(|args| run(&Arc::new(args))) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("penstock-trigger: {error}");
            ExitCode::from(WRONG_USAGE)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the trigger reads a variable by itself")]
fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE).ok()
}

#[tokio::main]
async fn run(args: &Arc<Args>) -> Result<ExitCode, Failure> {
    let telemetry = Arc::new(Registry::default());
    let _exporter = export(args, &telemetry)?;
    if args.follow {
        return follow_list(args, &telemetry).await;
    }
    let trigger = trigger(args, &args.mapping()?)?.observed_by(telemetry);
    report(args, &trigger.serve(stop_signal()?).await?)
}

fn export(args: &Args, telemetry: &Arc<Registry>) -> Result<Exporter, Failure> {
    let clock = clock::of_this_machine();
    let now = Box::new(move || clock().saturating_mul(1000));
    let exporter = Exporter::start(&args.outputs, Arc::clone(telemetry), "penstock-trigger", now)?;
    if let Some(address) = exporter.address() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    Ok(exporter)
}

async fn follow_list(args: &Arc<Args>, telemetry: &Arc<Registry>) -> Result<ExitCode, Failure> {
    let mappings = LambdaMappings::new(args.lambda_access(), args.brokers.as_deref(), clock::of_this_machine())?;
    let (in_wire, telemetry) = (Arc::clone(args), Arc::clone(telemetry));
    let wire = move |mapping: &Mapping| {
        let trigger = trigger(&in_wire, mapping).map_err(|error| error.to_string())?;
        Ok(trigger.observed_by(Arc::clone(&telemetry)))
    };
    follow(mappings, Box::new(wire), |report| args.keep(report), stop_signal()?).await;
    Ok(ExitCode::SUCCESS)
}

/// What serves a mapping.
fn trigger(args: &Args, mapping: &Mapping) -> Result<Trigger, Failure> {
    let invoker = HttpInvoker::new(args.lambda_access(), &mapping.function, clock::of_this_machine())?;
    let log = KafkaLog::new(mapping, &args.kafka)?;
    let trigger = Trigger::new(mapping, Arc::new(log), Arc::new(invoker));
    Ok(match &mapping.failures.destination {
        Some(on_failure) => trigger.on_failure(destination(args, mapping, on_failure)?),
        None => trigger,
    })
}

fn destination(args: &Args, mapping: &Mapping, on_failure: &OnFailure) -> Result<Arc<dyn Destination>, Failure> {
    Ok(match on_failure {
        OnFailure::Kafka { topic } => Arc::new(KafkaDestination::new(topic, mapping, &args.kafka)?),
        OnFailure::Aws(resource) => {
            Arc::new(AwsDestination::new(resource.clone(), args.aws_access()?, clock::of_this_machine())?)
        }
    })
}

fn report(args: &Args, served: &Served) -> Result<ExitCode, Failure> {
    let text = if args.json { serde_json::to_string(served)? + "\n" } else { args::summary(served) };
    // A reader that went away (`| head`) is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let has_stopped = served.partitions.values().any(|partition| partition.stopped.is_some());
    Ok(if has_stopped { ExitCode::from(FINDING) } else { ExitCode::SUCCESS })
}

/// Resolves at the first SIGINT or SIGTERM. The second one ends the process at once.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        either(&mut interrupt, &mut terminate).await;
        tokio::spawn(async move {
            either(&mut interrupt, &mut terminate).await;
            std::process::exit(FINDING.into());
        });
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
