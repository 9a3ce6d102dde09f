//! Runs a handler as a Lambda function, against any Lambda Runtime API.

use async_trait::async_trait;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use tracing_subscriber::EnvFilter;

use crate::{Failure, Settings};

/// What an invocation knows besides its event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub request_id: String,
    /// Epoch microseconds. One in the past means that there is none.
    pub deadline: i64,
}

impl From<&Context> for Call {
    fn from(context: &Context) -> Self {
        let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX).saturating_mul(1000);
        Self { request_id: context.request_id.clone(), deadline }
    }
}

/// A Lambda function.
#[async_trait]
pub trait Function: Sized + Send + Sync {
    /// What a cold start does, once.
    async fn open(settings: &Settings) -> Result<Self, Failure>;

    /// One invocation.
    async fn call(&self, event: &[u8], call: &Call) -> Result<serde_json::Value, Failure>;
}

/// Serves invocations until the Runtime API ends the process.
///
/// Where the start fails (wrong settings, no lake), every invocation says why, and tries it again:
/// the message reaches whoever looks at the invocation, and a store that was away for a while is no reason to restart.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn run_function<F: Function>(env: impl Fn(&str) -> Option<String>) -> Result<(), lambda_runtime::Error> {
    let settings = Settings::read(env);
    start_logging(settings.as_ref().map_or("info", |settings| &settings.log));
    let settings = settings.map_err(Failure::misconfigured);
    let function: OnceCell<F> = OnceCell::new();
    let open = || async {
        match &settings {
            Ok(settings) => F::open(settings).await,
            Err(failure) => Err(failure.clone()),
        }
    };
    if let Err(failure) = function.get_or_try_init(open).await {
        tracing::error!(kind = failure.kind.as_str(), "the function cannot start: {failure}");
    }
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let function = function.get_or_try_init(open).await?;
        let call = Call::from(&event.context);
        let answer = function.call(event.payload.get().as_bytes(), &call).await;
        if let Err(failure) = &answer {
            tracing::error!(request_id = call.request_id, kind = failure.kind.as_str(), "{failure}");
        }
        answer
    }))
    .await
}

/// One JSON object per line on standard output, which Lambda takes to CloudWatch.
pub fn start_logging(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process (a test) keeps the first.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}
