//! One process of a function, and the Runtime API that it asks for work.
//! (Source: the developer guide of AWS Lambda, "Using the Lambda runtime API for custom runtimes".)

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::http::{Reply, Server, reply};

const API: &str = "/2018-06-01/runtime";

/// What a function runs with.
#[derive(Clone, Debug)]
pub struct FunctionConfig {
    pub name: String,
    pub binary: PathBuf,
    /// The only variables of its environment, beside those that Lambda sets.
    pub variables: Vec<(String, String)>,
    /// Another user than the one who runs the tests.
    pub user: Option<u32>,
}

impl FunctionConfig {
    /// A function over a lake in a directory, with the default dataset.
    #[must_use]
    pub fn new(name: &str, binary: PathBuf, lake: &Path) -> Self {
        let config = Self { name: name.to_owned(), binary, variables: Vec::new(), user: None };
        config.with("PENSTOCK_LAKE", &format!("file://{}", lake.display())).with("PENSTOCK_DATASET", "iot")
    }

    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.retain(|(name, _)| name != variable);
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }
}

/// When an invocation must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// As in Lambda, with a time-out of a minute.
    InAMinute,
    /// What some local runtimes send.
    In1970,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Response(Value),
    /// The function said so.
    Error {
        kind: String,
        message: String,
    },
    /// The process ended before it answered.
    Exited,
}

impl Answer {
    /// # Panics
    /// It is no response.
    pub fn response(self) -> Value {
        match self {
            Self::Response(value) => value,
            other => panic!("expected a response, got {other:?}"),
        }
    }
}

/// A running process of a function. It is killed when this is dropped.
#[derive(Debug)]
pub struct Environment {
    shared: Arc<Shared>,
    work: mpsc::UnboundedSender<Invocation>,
    kill: Arc<Notify>,
    exited: watch::Receiver<bool>,
    _server: Server,
}

#[derive(Debug)]
struct Invocation {
    request_id: String,
    deadline_ms: u128,
    payload: Bytes,
    /// Hears when the process has taken it.
    taken: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    work: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
}

impl Environment {
    pub async fn start(config: &FunctionConfig) -> Self {
        let (work, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            name: config.name.clone(),
            work: tokio::sync::Mutex::new(waiting),
            answers: Mutex::default(),
        });
        let api = Arc::clone(&shared);
        let server = Server::start(move |request| Arc::clone(&api).serve(request)).await;
        let mut child = command(config, &server.address.to_string()).spawn().expect("the function's binary starts");
        let kill = Arc::new(Notify::new());
        let (exits, exited) = watch::channel(false);
        let killed = Arc::clone(&kill);
        tokio::spawn(async move {
            tokio::select! {
                _ = child.wait() => {}
                () = killed.notified() => child.kill().await.expect("a child can be killed"),
                () = exits.closed() => child.kill().await.expect("a child can be killed"),
            }
            exits.send_replace(true);
        });
        Self { shared, work, kill, exited, _server: server }
    }

    pub async fn invoke(&self, payload: impl Into<Bytes>) -> Answer {
        self.invoke_until(payload, Deadline::InAMinute).await
    }

    pub async fn invoke_until(&self, payload: impl Into<Bytes>, deadline: Deadline) -> Answer {
        self.begin(payload.into(), deadline).await.1.await
    }

    /// Waits until the process has taken the invocation, and returns the wait for its answer.
    /// The first result says whether it was taken: a process that has ended takes nothing.
    pub async fn begin(&self, payload: Bytes, deadline: Deadline) -> (bool, impl Future<Output = Answer> + use<>) {
        static INVOCATIONS: AtomicU64 = AtomicU64::new(1);
        let request_id = format!("{:08}-0000-4000-8000-000000000000", INVOCATIONS.fetch_add(1, Ordering::Relaxed));
        let (answers, answer) = oneshot::channel();
        self.shared.answers.lock().unwrap().insert(request_id.clone(), answers);
        let (taken, is_taken) = oneshot::channel();
        let deadline_ms = match deadline {
            Deadline::InAMinute => {
                (SystemTime::now() + Duration::from_secs(60)).duration_since(UNIX_EPOCH).unwrap().as_millis()
            }
            Deadline::In1970 => 1,
        };
        let invocation = Invocation { request_id, deadline_ms, payload, taken };
        self.work.send(invocation).expect("the server lives as long as its environment");
        let mut exited = self.exited.clone();
        let taken = tokio::select! {
            taken = is_taken => taken.is_ok(),
            _ = exited.wait_for(|exited| *exited) => false,
        };
        let answer = async move {
            tokio::select! {
                biased;
                answer = answer => answer.unwrap_or(Answer::Exited),
                _ = exited.wait_for(|exited| *exited) => Answer::Exited,
            }
        };
        (taken, answer)
    }

    /// Ends the process with SIGKILL and waits for its end.
    pub async fn kill(&self) {
        self.kill.notify_one();
        let mut exited = self.exited.clone();
        exited.wait_for(|exited| *exited).await.expect("its end is announced");
    }

    #[must_use]
    pub fn has_exited(&self) -> bool {
        *self.exited.borrow()
    }
}

fn command(config: &FunctionConfig, api: &str) -> Command {
    let mut command = Command::new(&config.binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", config.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]1")
        .env("PENSTOCK_LOG", "error")
        .envs(config.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    if let Some(user) = config.user {
        command.uid(user);
    }
    command
}

impl Shared {
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        let path = path.strip_prefix(API).unwrap_or_default();
        if path == "/invocation/next" {
            return self.next().await;
        }
        let Ok(body) = request.into_body().collect().await else {
            return reply(400, "{}");
        };
        let body = body.to_bytes();
        let finished = match path.strip_prefix("/invocation/").and_then(|rest| rest.split_once('/')) {
            Some((request_id, "response")) => self.finish(request_id, response(&body)),
            Some((request_id, "error")) => self.finish(request_id, error(&body)),
            // The process ends after this one, and every invocation hears of that.
            None if path == "/init/error" => true,
            _ => false,
        };
        if finished { reply(202, r#"{"status":"OK"}"#) } else { reply(404, r#"{"errorType":"UnknownRequest"}"#) }
    }

    async fn next(&self) -> Reply {
        let Some(invocation) = self.work.lock().await.recv().await else {
            // The environment is gone, and its process is about to be killed: it hears nothing more.
            return std::future::pending().await;
        };
        let mut answer = reply(200, invocation.payload);
        let headers = answer.headers_mut();
        let mut header = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
        header("lambda-runtime-aws-request-id", invocation.request_id);
        header("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string());
        header(
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name),
        );
        header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        );
        // Whoever invoked may have gone.
        let _ = invocation.taken.send(());
        answer
    }

    fn finish(&self, request_id: &str, answer: Answer) -> bool {
        let answers = self.answers.lock().unwrap().remove(request_id);
        answers.is_some_and(|answers| answers.send(answer).is_ok())
    }
}

fn response(body: &[u8]) -> Answer {
    Answer::Response(serde_json::from_slice(body).expect("a function answers JSON"))
}

fn error(body: &[u8]) -> Answer {
    let diagnostic: Value = serde_json::from_slice(body).expect("an error is JSON");
    let field = |name: &str| diagnostic[name].as_str().unwrap_or_default().to_owned();
    Answer::Error { kind: field("errorType"), message: field("errorMessage") }
}
