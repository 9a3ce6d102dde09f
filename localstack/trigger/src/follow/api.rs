//! The list of Lambda's API over plain HTTP: LocalStack, or anything that answers like it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};

use super::Mappings;
use crate::clock::Clock;
use crate::http::{self, BadEndpoint, HttpClient};
use crate::mapping::{Listed, Page};
use crate::signed::{AwsAccess, Call};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// `GET {endpoint}/2015-03-31/event-source-mappings`. It is signed, because that is what an emulator knows Lambda by.
pub struct LambdaMappings {
    access: AwsAccess,
    brokers: Option<String>,
    clock: Clock,
    client: HttpClient,
}

impl LambdaMappings {
    /// The list of an emulator. `brokers` are the bootstrap servers of MSK, which its mappings do not say; `clock` dates
    /// the signatures.
    ///
    /// # Errors
    /// The endpoint is no address that can be called over plain HTTP.
    pub fn new(access: AwsAccess, brokers: Option<&str>, clock: Clock) -> Result<Self, BadEndpoint> {
        http::check_endpoint(&access.endpoint)?;
        Ok(Self { access, brokers: brokers.map(str::to_owned), clock, client: http::client() })
    }

    async fn pages(&self) -> Result<Vec<Listed>, String> {
        let (mut listed, mut query) = (Vec::new(), String::new());
        loop {
            let page = self.page(&query).await?;
            listed.extend(page.kafka(self.brokers.as_deref()));
            match page.next_marker {
                Some(marker) if !marker.is_empty() => query = format!("?Marker={}", http::escape(&marker, b"")),
                _ => return Ok(listed),
            }
        }
    }

    async fn page(&self, query: &str) -> Result<Page, String> {
        let path = format!("/2015-03-31/event-source-mappings{query}");
        let place = format!("GET {}{path}", self.access.endpoint());
        let region = self.access.region.clone();
        let call =
            Call { service: "lambda", region, method: Method::GET, path, headers: Vec::new(), body: Bytes::new() };
        let request = call.signed(&self.access, &self.clock).map_err(|error| format!("{place}: {error}"))?;
        let failed = |reason: String| format!("{place}: {reason}");
        let response = self.client.request(request).await.map_err(|error| failed(http::chain(&error)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| failed(http::chain(&error)))?.to_bytes();
        if status != StatusCode::OK {
            return Err(failed(format!("{status}: {}", http::error_text(&body))));
        }
        Page::read(&body).map_err(failed)
    }
}

#[async_trait]
impl Mappings for LambdaMappings {
    async fn list(&self) -> Result<Vec<Listed>, String> {
        let seconds = ANSWER_TIMEOUT.as_secs();
        tokio::time::timeout(ANSWER_TIMEOUT, self.pages())
            .await
            .unwrap_or_else(|_| Err(format!("{} has not answered within {seconds} s", self.access.endpoint())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::test_server::TestServer;

    fn mappings(endpoint: &str) -> Result<LambdaMappings, BadEndpoint> {
        let access = AwsAccess { region: "eu-central-1".to_owned(), ..AwsAccess::of_tests(endpoint) };
        LambdaMappings::new(access, None, Arc::new(|| 1_573_691_886_021))
    }

    #[tokio::test]
    async fn asks_lambda_for_the_list() {
        let server = TestServer::start(200, None, r#"{"EventSourceMappings":[]}"#).await;
        let list = mappings(&format!("{}/", server.endpoint)).unwrap().list().await;
        assert_eq!(list, Ok(vec![]));
        let [asked] = server.asked().try_into().unwrap();
        assert_eq!(asked.line, "GET /2015-03-31/event-source-mappings");
        let credential = "AWS4-HMAC-SHA256 Credential=test/20191114/eu-central-1/lambda/aws4_request, ";
        assert!(asked.header("authorization").starts_with(credential), "{asked:?}");
    }

    #[tokio::test]
    async fn says_what_went_wrong_and_where() {
        let failure = async |status: u16, body: &'static str| {
            let server = TestServer::start(status, None, body).await;
            mappings(&server.endpoint).unwrap().list().await.unwrap_err()
        };
        assert!(failure(500, r#"{"Message":"out of order"}"#).await.contains("out of order"));
        assert!(failure(200, "hello").await.contains("/2015-03-31/event-source-mappings"));
        assert!(mappings("https://x").is_err());
    }
}
