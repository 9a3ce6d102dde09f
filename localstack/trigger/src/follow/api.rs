//! The list of Lambda's API over plain HTTP: LocalStack, or anything that answers like it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};

use super::Mappings;
use crate::http::{self, BadEndpoint, HttpClient};
use crate::mapping::{Listed, Page};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// `GET {endpoint}/2015-03-31/event-source-mappings`, unsigned.
pub struct LambdaMappings {
    endpoint: String,
    brokers: Option<String>,
    client: HttpClient,
}

impl LambdaMappings {
    /// The list of an emulator. `brokers` are the bootstrap servers of MSK, which its mappings do not say.
    ///
    /// # Errors
    /// The endpoint is no address that can be called over plain HTTP.
    pub fn new(endpoint: &str, brokers: Option<&str>) -> Result<Self, BadEndpoint> {
        http::check_endpoint(endpoint)?;
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { endpoint, brokers: brokers.map(str::to_owned), client: http::client() })
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
        let uri = format!("{}/2015-03-31/event-source-mappings{query}", self.endpoint);
        let request = Request::get(&uri).body(Full::<Bytes>::default()).map_err(|error| format!("{uri}: {error}"))?;
        let response =
            self.client.request(request).await.map_err(|error| format!("GET {uri}: {}", http::chain(&error)))?;
        let status = response.status();
        let body =
            response.into_body().collect().await.map_err(|error| format!("GET {uri}: {}", http::chain(&error)))?;
        let body = body.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("GET {uri}: {status}: {}", http::error_text(&body)));
        }
        Page::read(&body).map_err(|reason| format!("GET {uri}: {reason}"))
    }
}

#[async_trait]
impl Mappings for LambdaMappings {
    async fn list(&self) -> Result<Vec<Listed>, String> {
        let seconds = ANSWER_TIMEOUT.as_secs();
        tokio::time::timeout(ANSWER_TIMEOUT, self.pages())
            .await
            .unwrap_or_else(|_| Err(format!("{} has not answered within {seconds} s", self.endpoint)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::TestServer;

    #[tokio::test]
    async fn asks_for_the_list() {
        let server = TestServer::start(200, None, r#"{"EventSourceMappings":[]}"#).await;
        let list = LambdaMappings::new(&format!("{}/", server.endpoint), None).unwrap().list().await;
        assert_eq!(list, Ok(vec![]));
        assert_eq!(server.asked()[0].line, "GET /2015-03-31/event-source-mappings");
    }

    #[tokio::test]
    async fn says_what_went_wrong_and_where() {
        let failure = async |status: u16, body: &'static str| {
            let server = TestServer::start(status, None, body).await;
            LambdaMappings::new(&server.endpoint, None).unwrap().list().await.unwrap_err()
        };
        assert!(failure(500, r#"{"Message":"out of order"}"#).await.contains("out of order"));
        assert!(failure(200, "hello").await.contains("/2015-03-31/event-source-mappings"));
        assert!(LambdaMappings::new("https://x", None).is_err());
    }
}
