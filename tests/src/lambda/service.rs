//! The Invoke API over environments that come and go.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::Semaphore;

use super::environment::{Answer, Deadline, Environment, FunctionConfig};
use super::http::{Reply, Server, reply};

/// One function behind `POST /2015-03-31/functions/NAME/invocations`.
#[derive(Debug)]
pub struct Service {
    pool: Arc<Pool>,
    server: Server,
}

#[derive(Debug)]
struct Pool {
    config: FunctionConfig,
    /// Reserved concurrency.
    slots: Semaphore,
    /// Warm, and waiting.
    idle: Mutex<Vec<Environment>>,
    /// Kill the process of the next invocation.
    doomed: Mutex<bool>,
    totals: Mutex<Totals>,
}

/// What a service was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub invocations: u64,
    pub errors: u64,
    pub exits: u64,
    pub throttles: u64,
}

impl Service {
    pub async fn start(config: FunctionConfig, concurrency: usize) -> Self {
        let pool = Arc::new(Pool {
            config,
            slots: Semaphore::new(concurrency),
            idle: Mutex::default(),
            doomed: Mutex::default(),
            totals: Mutex::default(),
        });
        let served = Arc::clone(&pool);
        let server = Server::start(move |request| Arc::clone(&served).serve(request)).await;
        Self { pool, server }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Kills the process of the next invocation while it is at work.
    pub fn kill_next(&self) {
        *self.pool.doomed.lock().unwrap() = true;
    }

    #[must_use]
    pub fn totals(&self) -> Totals {
        *self.pool.totals.lock().unwrap()
    }
}

impl Pool {
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let expected = format!("/2015-03-31/functions/{}/invocations", self.config.name);
        if request.uri().path() != expected {
            return reply(404, json!({ "Type": "User", "Message": "no such function" }).to_string());
        }
        let Ok(body) = request.into_body().collect().await else {
            return reply(400, "{}");
        };
        let Ok(_slot) = self.slots.try_acquire() else {
            self.totals.lock().unwrap().throttles += 1;
            return reply(429, json!({ "Type": "User", "Message": "Rate Exceeded." }).to_string());
        };
        self.invoke(body.to_bytes()).await
    }

    async fn invoke(&self, payload: Bytes) -> Reply {
        self.totals.lock().unwrap().invocations += 1;
        let warm = self.idle.lock().unwrap().pop();
        let environment = match warm {
            Some(environment) => environment,
            None => Environment::start(&self.config).await,
        };
        let (_, answer) = environment.begin(payload, Deadline::InAMinute).await;
        if std::mem::take(&mut *self.doomed.lock().unwrap()) {
            environment.kill().await;
        }
        let answer = answer.await;
        if !environment.has_exited() {
            self.idle.lock().unwrap().push(environment);
        }
        match answer {
            Answer::Response(value) => reply(200, value.to_string()),
            Answer::Error { kind, message } => {
                self.totals.lock().unwrap().errors += 1;
                function_error(&kind, &message)
            }
            Answer::Exited => {
                self.totals.lock().unwrap().exits += 1;
                function_error("Runtime.ExitError", "the process ended before it answered")
            }
        }
    }
}

fn function_error(kind: &str, message: &str) -> Reply {
    let mut answer = reply(200, json!({ "errorType": kind, "errorMessage": message }).to_string());
    answer.headers_mut().insert("x-amz-function-error", "Unhandled".parse().unwrap());
    answer
}
