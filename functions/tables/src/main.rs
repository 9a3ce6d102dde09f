//! `penstock-tables`: a Lambda function where Lambda starts it, a command anywhere else. See `penstock-tables --help`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use penstock_runtime::{Call, Failure, Function, FunctionSettings, Kind, Settings};
use penstock_tables::{Summary, Tables};

/// Append what refine poured to the Iceberg tables of a lake, once, and say what was done.
///
/// The dataset's file must have format = "iceberg".
#[derive(Debug, Parser)]
#[command(name = "penstock-tables", version, arg_required_else_help = true)]
struct Arguments {
    /// Where the lake is: s3://BUCKET/PREFIX or a directory
    #[arg(long, value_name = "URL")]
    lake: String,
    /// The dataset: the name of a shipped one, or the path of a dataset file
    #[arg(long, value_name = "NAME|FILE")]
    dataset: String,
    /// The catalogue: sqlite:///DIR/catalog.db, https://HOST/PATH?warehouse=NAME, or glue
    #[arg(long, value_name = "URL")]
    catalog: String,
    /// The catalogue's namespace (in Glue: the database) of the tables
    #[arg(long, default_value = "penstock", value_name = "NAME")]
    namespace: String,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// The settings as the function gets them from its environment, which has what is no argument.
    fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings::read(|name| match name {
            "PENSTOCK_LAKE" => Some(self.lake.clone()),
            "PENSTOCK_DATASET" => Some(self.dataset.clone()),
            "PENSTOCK_CATALOG" => Some(self.catalog.clone()),
            "PENSTOCK_NAMESPACE" => Some(self.namespace.clone()),
            _ => penstock_runtime::env(name),
        });
        settings.map_err(Failure::misconfigured)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if penstock_runtime::is_started_by_lambda() {
        return penstock_runtime::run_function::<Tables>(penstock_runtime::env).await;
    }
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(summary) => print(&arguments, &summary),
        Err(failure) => {
            let _ = writeln!(io::stderr().lock(), "error: {failure}");
            ExitCode::from(match failure.kind {
                Kind::Misconfigured => 2,
                Kind::Retry | Kind::Bug => 1,
            })
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Summary, Failure> {
    let tables = Tables::open(&arguments.settings()?, Arc::default()).await?;
    tables.run(&Call::default()).await
}

fn print(arguments: &Arguments, summary: &Summary) -> ExitCode {
    let mut out = io::stdout().lock();
    // A reader that went away (`| head`) is no error.
    if arguments.json {
        let _ = serde_json::to_writer_pretty(&mut out, summary);
        let _ = writeln!(out);
    } else {
        for table in &summary.tables {
            let (count, rows) = (table.cuts.len(), table.rows);
            let _ = writeln!(out, "{}: {count} cuts appended with {rows} rows; at cut {}", table.table, table.position);
        }
    }
    ExitCode::SUCCESS
}
