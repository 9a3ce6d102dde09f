//! The Lambda function `refine`: a schedule's event in, cuts declared and poured.

use penstock_refine::Refine;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    penstock_runtime::run_function::<Refine>(penstock_runtime::env).await
}
