//! Runs a handler as a Lambda function, against any Lambda Runtime API.

use std::any::Any;
use std::convert::Infallible;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join;
use penstock_exporter::memory_peak;
use penstock_lake::Clock;
use penstock_telemetry::function::{InvocationEnded, ProcessState};
use penstock_telemetry::{Registry, embedded};
use tokio::sync::OnceCell;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use crate::runtime_api::{Invocation, RuntimeApi, RuntimeApiError};
use crate::{Failure, FunctionSettings, SystemClock};

/// Where the Runtime API is: the one variable that Lambda, and all that stand in for it, set.
const ADDRESS: &str = "AWS_LAMBDA_RUNTIME_API";

/// What an invocation knows besides its event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub request_id: String,
    /// Epoch microseconds. One in the past means that there is none.
    pub deadline: i64,
}

/// A Lambda function.
#[async_trait]
pub trait Function: Sized + Send + Sync {
    /// Its name in metrics.
    const NAME: &'static str;

    /// What it can be told by its environment.
    type Settings: FunctionSettings;

    /// What a cold start does, once. What the function measures it records in `telemetry`.
    async fn open(settings: &Self::Settings, telemetry: Arc<Registry>) -> Result<Self, Failure>;

    /// One invocation.
    async fn call(&self, event: &[u8], call: &Call) -> Result<serde_json::Value, Failure>;
}

/// Serves invocations until the Runtime API ends the process, or cannot be reached.
///
/// Where the start fails (wrong settings, no lake), every invocation says why, and tries it again:
/// the message reaches whoever looks at the invocation, and a store that was away for a while is no reason to restart.
pub async fn run_function<F: Function>(env: impl Fn(&str) -> Option<String>) -> ExitCode {
    let settings = F::Settings::read(&env);
    start_logging(settings.as_ref().map_or("info", FunctionSettings::log));
    let Some(address) = env(ADDRESS) else {
        tracing::error!(
            "{ADDRESS} is not set: this program is started by Lambda, or by what stands in for it, such as `cargo lambda watch`"
        );
        return ExitCode::FAILURE;
    };
    let start = Start::<F>::new(settings.map_err(Failure::misconfigured));
    let Err(error) = start.serve(&mut RuntimeApi::new(&address)).await;
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// Whether Lambda, or what stands in for it, started this process, so that [`run_function`] has somebody to ask.
#[must_use]
pub fn is_started_by_lambda() -> bool {
    crate::env(ADDRESS).is_some()
}

/// A function that is open, or will be.
struct Start<F: Function> {
    settings: Result<F::Settings, Failure>,
    function: OnceCell<F>,
    telemetry: Arc<Registry>,
}

impl<F: Function> Start<F> {
    fn new(settings: Result<F::Settings, Failure>) -> Self {
        let dataset = settings.as_ref().map_or("", FunctionSettings::dataset);
        let telemetry = Arc::new(Registry::new(dataset));
        Self { settings, function: OnceCell::new(), telemetry }
    }

    async fn serve(&self, api: &mut RuntimeApi) -> Result<Infallible, RuntimeApiError> {
        let mut event = Vec::new();
        api.connect().await?;
        // The lake is opened while the first invocation is on its way.
        let warm_up = async {
            // Computing comes first there (AWS's configuration, certificates), and there is one thread:
            // the connection gets it once before, to send the request.
            tokio::task::yield_now().await;
            if let Err(failure) = self.function().await {
                tracing::error!(kind = failure.kind.as_str(), "the function cannot start: {failure}");
            }
        };
        let (first, ()) = join(api.next(&mut event), warm_up).await;
        let mut invocation = first?;
        let mut cold = true;
        loop {
            let answer = self.invoke(&invocation, &event).await;
            ProcessState { function: F::NAME, cold, memory_peak_bytes: memory_peak() }.emit(&self.telemetry);
            cold = false;
            // Lambda may freeze the process as soon as it has the answer.
            self.write_metrics(&invocation.call);
            api.answer(&invocation, &answer).await?;
            invocation = api.next(&mut event).await?;
        }
    }

    /// What was measured since the last time, for CloudWatch: a line on standard output.
    fn write_metrics(&self, call: &Call) {
        let now = SystemClock.now();
        let invocation = embedded::Invocation { function: F::NAME, request_id: &call.request_id, now };
        if let Some(line) = embedded::line(&self.telemetry.take(now), &invocation) {
            // Whoever does not read standard output misses a line; the invocation does not depend on it.
            let _ = std::io::stdout().lock().write_all((line + "\n").as_bytes());
        }
    }

    async fn function(&self) -> Result<&F, Failure> {
        let open = || async {
            match &self.settings {
                Ok(settings) => F::open(settings, Arc::clone(&self.telemetry)).await,
                Err(failure) => Err(failure.clone()),
            }
        };
        self.function.get_or_try_init(open).await
    }

    async fn invoke(&self, invocation: &Invocation, event: &[u8]) -> Result<serde_json::Value, Failure> {
        let Invocation { call, trace_id, .. } = invocation;
        let began = Instant::now();
        let span = tracing::info_span!("invocation", trace_id);
        let work = async { self.function().await?.call(event, call).await };
        // A panic fails its own invocation, with a message, and not the process.
        let answer = AssertUnwindSafe(work.instrument(span)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|panic| Err(Failure::bug(panic_message(&*panic))));
        if let Err(failure) = &answer {
            tracing::error!(request_id = call.request_id, kind = failure.kind.as_str(), "{failure}");
        }
        let outcome = answer.as_ref().map_or_else(|failure| failure.kind.as_str(), |_| "ok");
        InvocationEnded { function: F::NAME, outcome, duration: began.elapsed() }.emit(&self.telemetry);
        answer
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the function panicked: {}", text.unwrap_or("no message"))
}

/// One JSON object per line on standard output, which Lambda takes to CloudWatch.
pub fn start_logging(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process (a test) keeps the first.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::mpsc::{self, Receiver};
    use std::sync::{Mutex, OnceLock};
    use std::time::Duration;

    use super::*;
    use crate::Settings;

    /// Whether the request for the first invocation was there when the function was opened.
    #[derive(Debug)]
    struct Opened;

    static REQUESTED: OnceLock<Mutex<Receiver<String>>> = OnceLock::new();

    #[async_trait]
    impl Function for Opened {
        const NAME: &'static str = "opened";
        type Settings = Settings;

        /// Holds the thread, as computing does, until the request has arrived.
        async fn open(_: &Settings, _: Arc<Registry>) -> Result<Self, Failure> {
            let requested = REQUESTED.get().unwrap().lock().unwrap();
            let request = requested.recv_timeout(Duration::from_secs(20)).map_err(Failure::bug)?;
            assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "{request}");
            Ok(Self)
        }

        async fn call(&self, _event: &[u8], _call: &Call) -> Result<serde_json::Value, Failure> {
            Err(Failure::bug("nobody calls it"))
        }
    }

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "PENSTOCK_LAKE" => "/nowhere",
            "PENSTOCK_DATASET" => "iot",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[tokio::test]
    async fn the_first_invocation_is_asked_for_before_the_function_is_opened() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut api = RuntimeApi::new(&listener.local_addr().unwrap().to_string());
        let (sender, receiver) = mpsc::channel();
        REQUESTED.set(Mutex::new(receiver)).unwrap();
        let server = std::thread::spawn(move || {
            let mut request = [0; 1024];
            let length = listener.accept().unwrap().0.read(&mut request).unwrap();
            sender.send(String::from_utf8_lossy(&request[..length]).into_owned()).unwrap();
        });
        let settings = Settings::read(environment);
        let start = Start::<Opened>::new(settings.map_err(Failure::misconfigured));
        // The server hangs up instead of answering.
        start.serve(&mut api).await.unwrap_err();
        server.join().unwrap();
        assert!(start.function.get().is_some(), "the request was not sent before the function was opened");
    }
}
