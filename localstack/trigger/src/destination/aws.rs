//! A bucket, a queue or a topic of SNS, over plain HTTP: LocalStack, MinIO, or anything that answers like them.
//!
//! Each needs one kind of request, so they are written by hand: three SDKs would cost everybody who builds this minutes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::{Destination, DestinationError};
use crate::clock::Clock;
use crate::discard::Discarded;
use crate::http::{self, BadEndpoint, HttpClient, escape};
use crate::mapping::AwsResource;
use crate::signed::{AwsAccess, Call};

/// How long a service may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// One bucket, queue or topic of SNS.
pub struct AwsDestination {
    resource: AwsResource,
    access: AwsAccess,
    clock: Clock,
    client: HttpClient,
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
                let url = format!("{}/{account}/{name}", self.access.endpoint());
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
            body: discarded.notice_with_payload()?.into(),
        })
    }

    async fn send(&self, call: Call) -> Result<(), DestinationError> {
        let place = format!("{} {}{}", call.method, self.access.endpoint(), call.path);
        let unavailable = |reason: String| DestinationError::Unavailable(format!("{reason} ({place})"));
        let request = call
            .signed(&self.access, &self.clock)
            .map_err(|error| DestinationError::Refused(format!("{error} ({place})")))?;
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
}

fn send_message(region: &str, queue_url: &str, message: &str) -> Call {
    Call {
        service: "sqs",
        region: region.to_owned(),
        method: Method::POST,
        path: "/".to_owned(),
        headers: vec![("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.SendMessage")],
        body: json!({ "QueueUrl": queue_url, "MessageBody": message }).to_string().into(),
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
        body: format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message={message}").into(),
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
