//! The Lambda function `ingest`: a batch of an event source mapping in, raw objects out.

use std::process::ExitCode;

use penstock_ingest::Ingest;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    penstock_runtime::run_function::<Ingest>(penstock_runtime::env).await
}
