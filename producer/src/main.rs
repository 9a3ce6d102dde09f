//! `penstock-producer`: wires the command line to the library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod args;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use penstock_core::dataset::Dataset;
use penstock_core::time::rfc3339;
use penstock_exporter::Exporter;
use penstock_producer::{
    FileSink, Generated, Generator, Interrupt, KafkaSink, KinesisSink, LineSink, Lines, NewFile, Outcome, Pace,
    Progress, Report, Sink, SinkError, Source, Stopped, produce, schema,
};

use penstock_telemetry::Registry;
use tokio::signal::unix::{SignalKind, signal};

use args::{Args, PASSWORD_VARIABLE, SinkChoice};

const FINDING: u8 = 1;
const MISCONFIGURED: u8 = 2;
/// What shells report for a process that an interrupt ended.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("penstock-producer: {message}");
            ExitCode::from(MISCONFIGURED)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, String> {
    let dataset = read_dataset(&args.dataset)?;
    if args.schema {
        return print_schema(&dataset);
    }
    let choice = args.sink(password(), now_us)?;
    let shape = args.shape(now_us());
    let mut source: Box<dyn Source> = match &args.input {
        Some(input) => Box::new(Lines::open(input, &dataset).map_err(|error| error.to_string())?),
        None => Box::new(Generated::new(Generator::new(&dataset, &shape).map_err(|error| error.to_string())?)),
    };
    let mut report = Report {
        dataset: dataset.name.clone(),
        dataset_hash: dataset.hash.clone(),
        seed: args.input.is_none().then_some(shape.seed),
        ..Report::default()
    };
    let mut report_file = args.report.as_deref().map(create_report).transpose()?;
    let mut sink = open_sink(&choice, &mut report)?;
    let telemetry = Arc::new(Registry::new(&dataset.name));
    let exporter = Exporter::start(&args.outputs, Arc::clone(&telemetry), "penstock-producer", Box::new(now_us));
    let exporter = exporter.map_err(|error| error.to_string())?;
    if let Some(address) = exporter.address() {
        eprintln!("metrics at http://{address}/metrics");
    }
    let interrupt = Interrupt::default();
    listen_for_signals(interrupt.clone()).map_err(|error| format!("cannot listen for signals: {error}"))?;

    report.started = rfc3339(now_us());
    let pace = args.rate.map(|rate| Pace::new(rate, Instant::now()));
    let mut progress = Progress::new(source.total());
    let outcome = produce(source.as_mut(), sink.as_mut(), pace, &interrupt, &mut progress, &telemetry);
    drop(exporter);
    report.finished = rfc3339(now_us());

    report.account(&outcome, |number| source.place(number));
    if let Some(file) = &mut report_file {
        write_report(file, &report)?;
    }
    Ok(conclude(args, &report, &outcome))
}

fn read_dataset(name: &str) -> Result<Dataset, String> {
    if let Some(dataset) = Dataset::shipped(name) {
        return Ok(dataset);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        format!(
            "dataset {name}: none of those that ship with Penstock ({}), and there is no such file: {error}",
            Dataset::shipped_names()
        )
    })?;
    Dataset::parse(&text).map_err(|problems| format!("dataset file {name} has problems:\n{problems}"))
}

fn print_schema(dataset: &Dataset) -> Result<ExitCode, String> {
    match writeln!(io::stdout(), "{:#}", schema(dataset)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write the schema: {error}")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn open_sink(choice: &SinkChoice, report: &mut Report) -> Result<Box<dyn Sink>, String> {
    let sink: Result<Box<dyn Sink>, SinkError> = match choice {
        SinkChoice::Kafka(settings) => {
            report.sink = "kafka".to_owned();
            report.topic = Some(settings.topic.clone());
            KafkaSink::connect(settings).map(|sink| Box::new(sink) as _)
        }
        SinkChoice::Kinesis(settings) => {
            report.sink = "kinesis".to_owned();
            report.topic = Some(settings.stream.clone());
            KinesisSink::connect(settings).map(|sink| Box::new(sink) as _)
        }
        SinkChoice::File(path) => {
            report.sink = "file".to_owned();
            FileSink::create(path).map(|sink| Box::new(sink) as _)
        }
        SinkChoice::Stdout => {
            report.sink = "stdout".to_owned();
            Ok(Box::new(LineSink::new(io::stdout().lock(), "standard output")))
        }
    };
    sink.map_err(|error| error.to_string())
}

/// The report's file is made before the first record goes out: a run whose report cannot be written must not begin.
fn create_report(path: &Path) -> Result<ReportFile, String> {
    let (file, handle) =
        NewFile::create(path).map_err(|error| format!("cannot write the report {}: {error}", path.display()))?;
    Ok(ReportFile { file, handle, name: path.display().to_string() })
}

struct ReportFile {
    file: NewFile,
    handle: std::fs::File,
    name: String,
}

fn write_report(to: &mut ReportFile, report: &Report) -> Result<(), String> {
    let json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    let written = writeln!(to.handle, "{json}").and_then(|()| to.handle.sync_all()).and_then(|()| to.file.publish());
    written.map_err(|error| format!("cannot write the report {}: {error}", to.name))
}

/// Says how the run ended.
fn conclude(args: &Args, report: &Report, outcome: &Outcome) -> ExitCode {
    if args.json {
        // Whoever reads it may be gone; the exit status still tells.
        let _ = writeln!(io::stdout(), "{}", serde_json::to_string_pretty(report).unwrap_or_default());
    }
    match &outcome.stopped {
        // Whoever read the output has seen enough: nothing more to say.
        Some(Stopped::Sink { error: SinkError::Closed, .. }) => return ExitCode::SUCCESS,
        Some(stopped) => eprintln!("{}\npenstock-producer: {stopped}", report.summary()),
        None => eprintln!("{}", report.summary()),
    }
    match &outcome.stopped {
        Some(Stopped::Sink { error: SinkError::Broken(_), .. }) => ExitCode::from(FINDING),
        Some(_) => ExitCode::from(MISCONFIGURED),
        None if report.complete() => ExitCode::SUCCESS,
        None => ExitCode::from(FINDING),
    }
}

/// The first interrupt ends the run in order; the second ends the process.
fn listen_for_signals(interrupt: Interrupt) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let (mut interrupts, mut terminations) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if interrupt.is_set() {
                    std::process::exit(INTERRUPTED);
                }
                eprintln!("ending: waiting for what is on its way (once more ends at once)");
                interrupt.set();
            }
        });
    });
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the one place where the producer reads the environment")]
fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the producer asks for the time")]
fn now_us() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}
