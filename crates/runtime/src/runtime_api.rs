//! Lambda's Runtime API: asks for invocations and answers them, one after the other, over one connection.
//!
//! In: the address that Lambda, or what stands in for it, gives the process. Out: invocations, their events as the
//! bytes that came: nothing looks into them here. (The usual library parses an event and copies it before it hands it
//! on: for 4 MB of records about a third of what an invocation took.)
//!
//! Source of the protocol: the developer guide of AWS Lambda, "Using the Lambda runtime API for custom runtimes".

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{Call, Failure};

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
const TRACE_ID: &str = "lambda-runtime-trace-id";
/// Lambda wants it back with the answer, where it gives one.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// Enough for every event of a mapping. A larger one only has to grow the buffer.
const LARGEST_EVENT: u64 = 6 << 20;

/// Why no further invocation can be served. Lambda starts another process then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeApiError {
    #[error("the Runtime API at {address} cannot be reached: {source}. AWS_LAMBDA_RUNTIME_API says where it is")]
    Unreachable { address: String, source: std::io::Error },
    #[error("the connection to the Runtime API failed: {0}")]
    Connection(#[from] hyper::Error),
    #[error("the Runtime API answered {status} to {request}")]
    Refused { request: String, status: StatusCode },
    #[error("the Runtime API sent an invocation without a usable header `{0}`")]
    Header(&'static str),
    #[error("a request to the Runtime API cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
}

/// One invocation, without its event.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) call: Call,
    /// AWS X-Ray's id; empty where there is none.
    pub(crate) trace_id: String,
    invocation_id: Option<HeaderValue>,
}

#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// `host:port`.
    authority: String,
    /// What stands before all paths: empty in Lambda, not so in `cargo lambda watch`.
    prefix: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl RuntimeApi {
    /// `address` is `host:port`, perhaps with a path behind it. Nothing is sent yet.
    pub(crate) fn new(address: &str) -> Self {
        let address = address.trim_start_matches("http://").trim_end_matches('/');
        let (authority, path) = address.split_once('/').unwrap_or((address, ""));
        let slash = if path.is_empty() { "" } else { "/" };
        Self {
            authority: authority.to_owned(),
            prefix: format!("{slash}{path}/2018-06-01/runtime/invocation"),
            connection: None,
        }
    }

    /// Connects, so that the next request leaves as soon as the connection gets the thread.
    pub(crate) async fn connect(&mut self) -> Result<(), RuntimeApiError> {
        let connection = self.connection.insert(connect(&self.authority).await?);
        Ok(connection.ready().await?)
    }

    /// Waits for the next invocation, and puts its event into `event`, whose memory serves again and again.
    pub(crate) async fn next(&mut self, event: &mut Vec<u8>) -> Result<Invocation, RuntimeApiError> {
        let response = self.send(Method::GET, "next", None, Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(RuntimeApiError::Refused { request: "next".to_owned(), status: response.status() });
        }
        let (parts, mut body) = response.into_parts();
        event.clear();
        event.reserve(usize::try_from(body.size_hint().lower().min(LARGEST_EVENT)).unwrap_or_default());
        while let Some(frame) = body.frame().await {
            if let Some(bytes) = frame?.data_ref() {
                event.extend_from_slice(bytes);
            }
        }
        invocation(&parts.headers)
    }

    /// Says how an invocation ended.
    ///
    /// That Lambda no longer wants to hear it (it gave the invocation up when its time was over) is no error.
    pub(crate) async fn answer(
        &mut self,
        invocation: &Invocation,
        answer: &Result<Value, Failure>,
    ) -> Result<(), RuntimeApiError> {
        let (how, body) = match answer {
            Ok(value) => ("response", value.to_string()),
            Err(Failure { kind, message }) => {
                ("error", json!({ "errorType": kind.as_str(), "errorMessage": message }).to_string())
            }
        };
        let request = format!("{}/{how}", invocation.call.request_id);
        let response = self.send(Method::POST, &request, invocation.invocation_id.as_ref(), body.into()).await?;
        let status = response.status();
        // The connection is free for the next request when this answer has been read.
        response.into_body().collect().await?;
        if status.is_server_error() {
            return Err(RuntimeApiError::Refused { request, status });
        }
        if !status.is_success() {
            tracing::warn!(request_id = invocation.call.request_id, "the Runtime API answered {status} to {request}");
        }
        Ok(())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        invocation_id: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Response<Incoming>, RuntimeApiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("penstock/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json");
        if path.ends_with("/error") {
            request = request.header(ERROR_TYPE, "Unhandled");
        }
        if let Some(id) = invocation_id {
            request = request.header(INVOCATION_ID, id);
        }
        let mut request = request.body(Full::new(body))?;
        // The other side may have ended the connection since the last answer. Then nothing of this request has left.
        if let Some(connection) = &mut self.connection
            && connection.ready().await.is_ok()
        {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let connection = self.connection.insert(connect(&self.authority).await?);
        Ok(connection.send_request(request).await?)
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, RuntimeApiError> {
    let unreachable = |source| RuntimeApiError::Unreachable { address: authority.to_owned(), source };
    let stream = TcpStream::connect(authority).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It fails together with the request that it carries, which says why.
    tokio::spawn(connection);
    Ok(sender)
}

fn invocation(headers: &HeaderMap) -> Result<Invocation, RuntimeApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let request_id = text(REQUEST_ID).ok_or(RuntimeApiError::Header(REQUEST_ID))?.to_owned();
    let deadline_ms = text(DEADLINE_MS).and_then(|millis| millis.parse::<i64>().ok());
    let deadline = deadline_ms.ok_or(RuntimeApiError::Header(DEADLINE_MS))?.saturating_mul(1000);
    Ok(Invocation {
        call: Call { request_id, deadline },
        trace_id: text(TRACE_ID).unwrap_or_default().to_owned(),
        invocation_id: headers.get(INVOCATION_ID).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_a_path_and_a_scheme() {
        let check = |address: &str, authority: &str, prefix: &str| {
            let api = RuntimeApi::new(address);
            assert_eq!((api.authority.as_str(), api.prefix.as_str()), (authority, prefix), "{address}");
        };
        check("127.0.0.1:9001", "127.0.0.1:9001", "/2018-06-01/runtime/invocation");
        check("127.0.0.1:9000/.rt/ingest", "127.0.0.1:9000", "/.rt/ingest/2018-06-01/runtime/invocation");
        check("http://127.0.0.1:9000/", "127.0.0.1:9000", "/2018-06-01/runtime/invocation");
    }

    #[test]
    fn an_invocation_has_an_id_and_a_deadline() {
        let mut headers = HeaderMap::new();
        assert!(matches!(invocation(&headers), Err(RuntimeApiError::Header(REQUEST_ID))));
        headers.insert(REQUEST_ID, HeaderValue::from_static("id"));
        assert!(matches!(invocation(&headers), Err(RuntimeApiError::Header(DEADLINE_MS))));
        headers.insert(DEADLINE_MS, HeaderValue::from_static("1542409706888"));
        let call = Call { request_id: "id".to_owned(), deadline: 1_542_409_706_888_000 };
        assert_eq!(invocation(&headers).unwrap().call, call);
    }
}
