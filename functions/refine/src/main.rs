//! The Lambda function `refine`: a schedule's event in, cuts declared and poured.

use std::process::ExitCode;

use penstock_refine::Refine;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    penstock_runtime::run_function::<Refine>(penstock_runtime::env).await
}
