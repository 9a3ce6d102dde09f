//! Calls a function through Lambda's Invoke API over plain HTTP: LocalStack, `cargo lambda watch`, or anything that
//! answers like them. Requests are signed, because an emulator that checks rights has to know who asks.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::clock::Clock;
use crate::invoke::{InvokeError, Invoker};
use crate::signed::{AwsAccess, Call};

/// A function runs for 15 minutes at most; whoever has not answered after that will not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);
/// So much of an error's text goes into a message.
const MAX_ERROR_CHARS: usize = 2_000;

/// A client of plain HTTP.
pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// One function behind an Invoke API.
pub struct HttpInvoker {
    path: String,
    access: AwsAccess,
    clock: Clock,
    client: HttpClient,
}

impl fmt::Debug for HttpInvoker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpInvoker").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// The endpoint or the function's name is no part of an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadEndpoint(pub(crate) String);

impl HttpInvoker {
    /// An invoker for `POST {endpoint}/2015-03-31/functions/{function}/invocations`; `clock` dates the signatures.
    ///
    /// # Errors
    /// The endpoint is no address that can be called over plain HTTP, or the function's name cannot be one.
    pub fn new(access: AwsAccess, function: &str, clock: Clock) -> Result<Self, BadEndpoint> {
        check_endpoint(&access.endpoint)?;
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'$');
        if function.is_empty() || !function.bytes().all(is_legal) {
            return Err(BadEndpoint(format!(
                "function `{function}`: expected the name or the ARN of a Lambda function (letters, digits, `-`, `_`, `:`)"
            )));
        }
        let path = format!("/2015-03-31/functions/{}/invocations", escape(function, b""));
        Ok(Self { path, access, clock, client: client() })
    }

    fn address(&self) -> String {
        format!("{}{}", self.access.endpoint(), self.path)
    }

    fn call(&self, payload: Bytes) -> Call {
        Call {
            service: "lambda",
            region: self.access.region.clone(),
            method: Method::POST,
            path: self.path.clone(),
            headers: vec![("content-type", "application/json"), ("x-amz-invocation-type", "RequestResponse")],
            body: payload,
        }
    }

    async fn answer(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let unavailable = |error: &dyn std::error::Error| InvokeError::Unavailable(chain(error));
        let request = self.call(payload).signed(&self.access, &self.clock);
        let request = request.map_err(|error| InvokeError::Refused(error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| unavailable(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| unavailable(&error))?.to_bytes();
        judge(&Response::from_parts(head, ()), body)
    }

    /// Says where the call went that did not reach the function.
    fn with_place(&self, error: InvokeError) -> InvokeError {
        let place = |reason: String| format!("{reason} (POST {})", self.address());
        match error {
            InvokeError::Unavailable(reason) => InvokeError::Unavailable(place(reason)),
            InvokeError::Refused(reason) => InvokeError::Refused(place(reason)),
            InvokeError::Function(_) => error,
        }
    }
}

#[async_trait]
impl Invoker for HttpInvoker {
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.answer(payload)).await.unwrap_or_else(|_| {
            Err(InvokeError::Unavailable(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())))
        });
        answer.map_err(|error| self.with_place(error))
    }
}

/// Services of AWS ask for TLS; an emulator on this machine does not.
pub(crate) fn check_endpoint(endpoint: &str) -> Result<(), BadEndpoint> {
    match endpoint.parse::<Uri>() {
        _ if !endpoint.starts_with("http://") => {
            Err(BadEndpoint(format!("`{endpoint}`: expected http://HOST:PORT, of an emulator on this machine")))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(BadEndpoint(format!("`{endpoint}` is no address: {error}"))),
    }
}

pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// What an answer of the Invoke API means.
fn judge(head: &Response<()>, body: Bytes) -> Result<Bytes, InvokeError> {
    let status = head.status();
    if status.is_success() {
        return match head.headers().get("x-amz-function-error") {
            None => Ok(body),
            Some(kind) => {
                let kind = String::from_utf8_lossy(kind.as_bytes());
                Err(InvokeError::Function(format!("{}: {}", kind, error_text(&body))))
            }
        };
    }
    let message = format!("{status}: {}", error_text(&body));
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        Err(InvokeError::Unavailable(message))
    } else {
        Err(InvokeError::Refused(message))
    }
}

/// The text of `{"errorType":...,"errorMessage":...}` or `{"Message":...}`, or the body as it is.
pub(crate) fn error_text(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(rename = "errorType")]
        kind: Option<String>,
        #[serde(alias = "errorMessage", alias = "Message")]
        message: Option<String>,
    }
    let text = match serde_json::from_slice(body) {
        Ok(Problem { kind: Some(kind), message: Some(message) }) => format!("{kind}: {message}"),
        Ok(Problem { kind: Some(text), .. } | Problem { message: Some(text), .. }) => text,
        _ if body.is_empty() => "no reason given".to_owned(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    text.chars().take(MAX_ERROR_CHARS).collect()
}

/// Percent-encodes everything but letters, digits, `-`, `.`, `_`, `~` and what is `kept`.
pub(crate) fn escape(text: &str, kept: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// An error with its causes: hyper's own text stops at "client error (Connect)".
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
