//! One request over HTTPS, and its answer.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use penstock_runtime::Failure;
use rustls::crypto::aws_lc_rs;

/// How long one answer may take. Slack and Telegram answer within a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Secrets have at most 64 KiB; of anything longer nobody wants to know more.
const LONGEST_ANSWER: usize = 1 << 18;

#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(crate) patience: Duration,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// What `Retry-After` asks for, in seconds. (It may be a date as well, which neither Slack nor Telegram sends.)
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

impl Http {
    /// # Errors
    /// The machine has no certificates to trust.
    pub(crate) fn new() -> Result<Self, Failure> {
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(aws_lc_rs::default_provider())
            .map_err(|error| Failure::misconfigured(format!("the system's certificates cannot be read: {error}")))?
            .https_or_http()
            .enable_http1()
            .build();
        // No connection is kept: Lambda freezes the process between alarms, and the other side hangs up meanwhile.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https);
        Ok(Self { client, patience: PATIENCE })
    }

    /// # Errors
    /// There is no answer, or none in time. What the problem says holds nothing of the request, whose address may be
    /// a secret.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, patience: Duration) -> Result<Answer, String> {
        let patience = patience.min(self.patience);
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| with_causes(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|error| with_causes(&*error))?;
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        let late = || format!("no answer within {} s", patience.as_secs_f64());
        tokio::time::timeout(patience, exchange).await.unwrap_or_else(|_| Err(late()))
    }
}

/// An address that a secret may be sent to: over TLS, or to this machine.
///
/// # Errors
/// It is none; the address is not shown, because it may be a secret.
pub(crate) fn address(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.trim().parse().map_err(|error| format!("it is no address ({error})"))?;
    let is_here = matches!(uri.host(), Some("127.0.0.1" | "localhost"));
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_here => Ok(uri),
        _ => Err("it is no address that begins with https://".to_owned()),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        let check = |text: &str, is_fine: bool| assert_eq!(address(text).is_ok(), is_fine, "{text}");
        check("https://hooks.slack.com/services/T0/B0/x\n", true);
        check("http://127.0.0.1:8080/a", true);
        check("http://localhost/a", true);
        check("http://example.org/a", false);
        check("http://127.0.0.1.example.org/a", false);
        check("hooks.slack.com/services", false);
        check("ftp://example.org", false);
        check("", false);
    }
}
