//! The Lambda function `notify`: alarms in, messages to people out.

use std::process::ExitCode;

use penstock_notify::Notify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    penstock_runtime::run_function::<Notify>(penstock_runtime::env).await
}
