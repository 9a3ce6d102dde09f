//! SQL over a lake, through DataFusion.
//!
//! In: a lake, a dataset and a query. Out: the answer as a table, CSV or JSON.
//! It only reads: statements that create, change or copy anything are refused.
//! Apart from `penstock`, because DataFusion takes longer to compile than everything else together.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod output;
mod store;
mod tables;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use penstock_core::dataset::Dataset;
use penstock_lake::{Store, cuts};
use penstock_runtime::{Failure, Kind, Lake, LakeUrl, SystemClock, dataset};

pub use output::Format;

/// The question that `penstock p95` answers, as Spark and DataFusion understand it.
pub const P95: &str = include_str!("../../../emr/p95.sql");

/// Ask a lake any question in SQL.
///
/// Tables: raw, rejects, silver, windows, and windows_total, which adds the corrections of each window up.
/// A condition on event_date reads the folders of those days alone.
#[derive(Clone, Debug, Parser)]
#[command(name = "penstock-sql", version, arg_required_else_help = true)]
pub struct Arguments {
    /// Where the lake is: s3://BUCKET/PREFIX or a directory
    #[arg(long, default_value = "./penstock-data", value_name = "URL")]
    lake: LakeUrl,
    /// The dataset: the name of a shipped one, or the path of a dataset file
    #[arg(long, default_value = "iot", value_name = "NAME|FILE")]
    dataset: String,
    /// Write CSV with a header
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Write one JSON document, an array of rows
    #[arg(long)]
    json: bool,
    /// The query; `p95` stands for the one in emr/p95.sql
    #[arg(value_name = "SQL")]
    query: String,
}

impl Arguments {
    fn format(&self) -> Format {
        match self {
            Self { csv: true, .. } => Format::Csv,
            Self { json: true, .. } => Format::Json,
            _ => Format::Table,
        }
    }
}

/// Parses the command line, asks, and says how it went by the exit code: 0 fine, 1 failed, 2 wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::bug(error)),
    };
    match runtime.block_on(run(&arguments, &mut io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "error: {failure}");
    ExitCode::from(match failure.kind {
        Kind::Misconfigured => 2,
        Kind::Retry | Kind::Bug => 1,
    })
}

async fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let known = dataset(&arguments.dataset).map_err(Failure::misconfigured)?;
    let lake = Lake::open_existing(&arguments.lake, Arc::new(SystemClock)).await?;
    let query = if arguments.query == "p95" { P95 } else { &arguments.query };
    let answer = ask(lake.store(), known, query).await?;
    match output::write(arguments.format(), &answer, out) {
        // A reader that went away (`| head`) is no error.
        Err(ArrowError::IoError(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::misconfigured(format!("the answer cannot be written: {error}"))),
    }
}

/// The answer to a query; at least one batch, which may have no rows.
///
/// `known` names the dataset and says what it looks like as long as the lake has no cut of it.
///
/// # Errors
/// The query is wrong, or the store failed.
pub async fn ask(store: Arc<dyn Store>, known: Dataset, query: &str) -> Result<Vec<RecordBatch>, Failure> {
    let dataset = newest_dataset(&*store, known).await?;
    let context = context(store).map_err(|error| explain(&error))?;
    tables::register(&context, &dataset).await.map_err(|error| explain(&error))?;
    collect(&context, query).await.map_err(|error| explain(&error))
}

/// The dataset as the newest cut has it: columns may have been added since this program was built.
async fn newest_dataset(store: &dyn Store, known: Dataset) -> Result<Dataset, Failure> {
    let newest = cuts::newest(store, &known.name).await?;
    if newest == 0 {
        return Ok(known);
    }
    let cut = cuts::read(store, &known.name, newest).await?;
    Dataset::parse(&cut.dataset).map_err(|problems| {
        Failure::misconfigured(format!("the dataset of cut {newest} cannot be understood: {problems}"))
    })
}

fn context(store: Arc<dyn Store>) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new();
    // Raw objects lie some folders deep.
    config.options_mut().execution.listing_table_ignore_subdirectory = false;
    config.options_mut().sql_parser.collect_spans = true;
    // With its cache DataFusion lists a whole table, and not only the folders that a query needs.
    let runtime = RuntimeEnvBuilder::new().with_object_list_cache_limit(0).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    let url = tables::OBJECTS.parse().map_err(|error| DataFusionError::External(Box::new(error)))?;
    context.register_object_store(&url, Arc::new(store::LakeObjects::new(store)));
    Ok(context)
}

async fn collect(context: &SessionContext, query: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
    let only_reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let answer = context.sql_with_options(query, only_reads).await?;
    let schema = Arc::new(answer.schema().as_arrow().clone());
    let mut batches = answer.collect().await?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// What went wrong: with the store, as it said; with the query, where, and what would have been right.
fn explain(error: &DataFusionError) -> Failure {
    let mut causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| (**cause).source());
    if let Some(failure) = causes.find_map(|cause| cause.downcast_ref::<Failure>()) {
        return failure.clone();
    }
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place =
        place.map_or_else(String::new, |span| format!("line {}, column {}: ", span.start.line, span.start.column));
    let root = error.find_root();
    let mut message = format!("{place}{}", root.message());
    if message.contains("table '") && message.ends_with("not found") {
        message = format!("{message}. The tables are {}", tables::NAMES);
    }
    match root {
        DataFusionError::Internal(_) => Failure::bug(message),
        DataFusionError::ResourcesExhausted(_) | DataFusionError::IoError(_) => Failure::retry(message),
        _ => Failure::misconfigured(message),
    }
}

#[cfg(test)]
mod tests;
