//! The command line: the pipeline in one process, and what an operator asks of a lake.
//!
//! Each command is a module with its arguments and a function `run`.
//! Results go to standard output, everything else to standard error; with `--json` the result is one JSON document.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod common;
mod output;

pub mod run;
pub mod p95;
pub mod audit;
pub mod rejects;
pub mod gaps;
pub mod cuts;
pub mod replay;
pub mod check;
pub mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use penstock_runtime::{Failure, Kind};

pub use common::LakeArguments;
pub use output::Exit;

/// Events from Kafka to Parquet, exactly once, with nothing to operate.
#[derive(Debug, Parser)]
#[command(name = "penstock", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline in this process: producer, log, trigger, ingest, refine
    Run(run::Arguments),
    /// The 95th percentile per group and day, without outliers
    P95(p95::Arguments),
    /// Prove from the lake's objects that nothing was lost and nothing doubled
    Audit(audit::Arguments),
    /// Look at rejected records, and publish them again
    Rejects(rejects::Arguments),
    /// Look at declared gaps, and declare one
    Gaps(gaps::Arguments),
    /// Look at what refine declared and poured, and void a cut that cannot be poured
    Cuts(cuts::Arguments),
    /// Pour again from raw, by a changed dataset file, into a lake of its own
    Replay(replay::Arguments),
    /// Check dataset files, settings and the lake
    Check(check::Arguments),
    /// Show a lake as it flows, on a page of its own
    ///
    /// While the page is open, a directory is looked at every second, and S3 every 5 seconds: about 130 requests a minute
    /// with 6 partitions and 830 with 256. While no page is open, the lake is not asked.
    Watch(watch::Arguments),
}

/// Parses the command line, runs the command, and says how it went by the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&Failure::bug(error)),
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Run(arguments) => run::run(arguments).await,
            Command::P95(arguments) => p95::run(arguments).await,
            Command::Audit(arguments) => audit::run(arguments).await,
            Command::Rejects(arguments) => rejects::run(arguments).await,
            Command::Gaps(arguments) => gaps::run(arguments).await,
            Command::Cuts(arguments) => cuts::run(arguments).await,
            Command::Replay(arguments) => replay::run(arguments).await,
            Command::Check(arguments) => check::run(arguments).await,
            Command::Watch(arguments) => watch::run(arguments).await,
        }
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => output::fail(&failure),
    }
}

/// The exit code of a failure: 2 where somebody must change a setting, 1 otherwise.
const fn exit_code(failure: &Failure) -> u8 {
    match failure.kind {
        Kind::Misconfigured => 2,
        Kind::Retry | Kind::Bug => 1,
    }
}
