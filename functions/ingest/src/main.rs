//! The Lambda function `ingest`: a batch of an event source mapping in, raw objects out.

use penstock_ingest::Ingest;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    penstock_runtime::run_function::<Ingest>(penstock_runtime::env).await
}
