//! The Invoke API over environments that come and go.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::{Semaphore, watch};

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
    totals: watch::Sender<Totals>,
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
            totals: watch::Sender::default(),
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
        *self.pool.totals.borrow()
    }

    /// Waits until so many invocations have ended in all.
    pub async fn wait_for_invocations(&self, invocations: u64) {
        let mut totals = self.pool.totals.subscribe();
        totals.wait_for(|totals| invocations <= totals.invocations).await.expect("the service is there");
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
            self.totals.send_modify(|totals| totals.throttles += 1);
            return reply(429, json!({ "Type": "User", "Message": "Rate Exceeded." }).to_string());
        };
        self.invoke(body.to_bytes()).await
    }

    async fn invoke(&self, payload: Bytes) -> Reply {
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
        self.totals.send_modify(|totals| totals.count(&answer));
        match answer {
            Answer::Response(value) => reply(200, value.to_string()),
            Answer::Error { kind, message } => function_error(&kind, &message),
            Answer::Exited => function_error("Runtime.ExitError", "the process ended before it answered"),
        }
    }
}

impl Totals {
    const fn count(&mut self, answer: &Answer) {
        self.invocations += 1;
        match answer {
            Answer::Response(_) => {}
            Answer::Error { .. } => self.errors += 1,
            Answer::Exited => self.exits += 1,
        }
    }
}

fn function_error(kind: &str, message: &str) -> Reply {
    let mut answer = reply(200, json!({ "errorType": kind, "errorMessage": message }).to_string());
    answer.headers_mut().insert("x-amz-function-error", "Unhandled".parse().unwrap());
    answer
}
