//! A bucket, a queue or a topic of SNS, over plain HTTP: LocalStack, MinIO, or anything that answers like them.
//!
//! Each needs one kind of request, so they are written by hand, and only the signature comes from AWS's crate for it:
//! three SDKs would cost everybody who builds this minutes.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::{Destination, DestinationError};
use crate::clock::Clock;
use crate::discard::Discarded;
use crate::http::{self, BadEndpoint, HttpClient, escape};
use crate::mapping::AwsResource;

/// How long a service may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Where services of AWS answer, and as whom they are asked.
#[derive(Clone)]
pub struct AwsAccess {
    /// `http://HOST:PORT`
    pub endpoint: String,
    /// The region of buckets. The ARNs of queues and topics name theirs.
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

/// One bucket, queue or topic of SNS.
pub struct AwsDestination {
    resource: AwsResource,
    access: AwsAccess,
    clock: Clock,
    client: HttpClient,
}

/// A request before it is signed.
#[derive(Debug)]
struct Call {
    service: &'static str,
    region: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl AwsDestination {
    /// A destination; `clock` dates the signatures.
    ///
    /// # Errors
    /// The endpoint is no address that can be called over plain HTTP.
    pub fn new(resource: AwsResource, access: AwsAccess, clock: Clock) -> Result<Self, BadEndpoint> {
        http::check_endpoint(&access.endpoint)?;
        Ok(Self { resource, access, clock, client: http::client() })
    }

    fn call(&self, discarded: &Discarded) -> Result<Call, serde_json::Error> {
        match &self.resource {
            AwsResource::Bucket { name } => Ok(self.put_object(name, discarded)?),
            AwsResource::Queue { region, account, name } => {
                let url = format!("{}/{account}/{name}", self.endpoint());
                Ok(send_message(region, &url, &discarded.notice()?))
            }
            AwsResource::Topic { region, .. } => Ok(publish(region, &self.resource.to_string(), &discarded.notice()?)),
        }
    }

    fn put_object(&self, bucket: &str, discarded: &Discarded) -> Result<Call, serde_json::Error> {
        Ok(Call {
            service: "s3",
            region: self.access.region.clone(),
            method: Method::PUT,
            path: format!("/{bucket}/{}", escape(&discarded.object_key(), b"/")),
            headers: vec![("content-type", "application/json")],
            body: discarded.notice_with_payload()?,
        })
    }

    fn endpoint(&self) -> &str {
        self.access.endpoint.trim_end_matches('/')
    }

    async fn send(&self, call: Call) -> Result<(), DestinationError> {
        let place = format!("{} {}{}", call.method, self.endpoint(), call.path);
        let unavailable = |reason: String| DestinationError::Unavailable(format!("{reason} ({place})"));
        let request = self.signed(call).map_err(|error| DestinationError::Refused(format!("{error} ({place})")))?;
        let response = self.client.request(request).await.map_err(|error| unavailable(http::chain(&error)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unavailable(http::chain(&error)))?.to_bytes();
        if status.is_success() {
            return Ok(());
        }
        let message = format!("{status}: {} ({place})", http::error_text(&body));
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            Err(DestinationError::Unavailable(message))
        } else {
            Err(DestinationError::Refused(message))
        }
    }

    fn signed(&self, call: Call) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let uri = format!("{}{}", self.endpoint(), call.path);
        let access = &self.access;
        let token = access.session_token.clone();
        let credentials =
            Credentials::new(&access.access_key_id, &access.secret_access_key, token, None, "penstock-trigger");
        let identity = credentials.into();
        // As S3 wants it; the others take it as well, because their paths have nothing to encode.
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let millis = u64::try_from((self.clock)()).unwrap_or(0);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&call.region)
            .name(call.service)
            .time(UNIX_EPOCH + Duration::from_millis(millis))
            .settings(settings)
            .build()?
            .into();
        let body = SignableBody::Bytes(call.body.as_bytes());
        let signable = SignableRequest::new(call.method.as_str(), &uri, call.headers.iter().copied(), body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::builder().method(call.method).uri(uri);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Full::new(Bytes::from(call.body)))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

fn send_message(region: &str, queue_url: &str, message: &str) -> Call {
    Call {
        service: "sqs",
        region: region.to_owned(),
        method: Method::POST,
        path: "/".to_owned(),
        headers: vec![("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.SendMessage")],
        body: json!({ "QueueUrl": queue_url, "MessageBody": message }).to_string(),
    }
}

fn publish(region: &str, topic: &str, message: &str) -> Call {
    let (topic, message) = (escape(topic, b""), escape(message, b""));
    Call {
        service: "sns",
        region: region.to_owned(),
        method: Method::POST,
        path: "/".to_owned(),
        headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
        body: format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message={message}"),
    }
}

#[async_trait]
impl Destination for AwsDestination {
    async fn take(&self, discarded: &Discarded) -> Result<(), DestinationError> {
        let call = self.call(discarded).map_err(|error| DestinationError::Refused(error.to_string()))?;
        tokio::time::timeout(ANSWER_TIMEOUT, self.send(call)).await.unwrap_or_else(|_| {
            let seconds = ANSWER_TIMEOUT.as_secs();
            Err(DestinationError::Unavailable(format!("no answer within {seconds} s ({})", self.resource)))
        })
    }
}

impl fmt::Debug for AwsDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsDestination").field("resource", &self.resource).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "aws_tests.rs"]
mod tests;
