//! Secrets, from where they are kept: read once while the function is warm, and again when a channel refuses one.
//!
//! Parameter Store and Secrets Manager are asked by signed requests: their SDKs would take longer to compile than all
//! the rest of this function.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use penstock_runtime::SecretPlace;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::attempts::{Attempts, Missed};
use crate::http::{Answer, Http};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

#[derive(Debug)]
pub(crate) struct Secrets {
    http: Http,
    aws: OnceCell<SdkConfig>,
    known: Mutex<HashMap<SecretPlace, String>>,
}

/// A request of a service that keeps secrets.
struct Service {
    name: &'static str,
    target: &'static str,
    body: Value,
    /// Where in the answer the secret is.
    pointer: &'static str,
}

impl Secrets {
    pub(crate) fn new(http: Http) -> Self {
        Self { http, aws: OnceCell::new(), known: Mutex::default() }
    }

    /// The secret, as it was when it was last read.
    ///
    /// # Errors
    /// It cannot be read; the message names its place.
    pub(crate) async fn get(&self, place: &SecretPlace, attempts: &Attempts) -> Result<String, Missed> {
        let known = self.known.lock().await.get(place).cloned();
        match known {
            Some(secret) => Ok(secret),
            None => self.get_again(place, attempts).await,
        }
    }

    /// The secret as it is now: it may have been changed.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn get_again(&self, place: &SecretPlace, attempts: &Attempts) -> Result<String, Missed> {
        let secret = self.read(place, attempts).await.map_err(|missed| missed.about(&format!("the secret {place}")))?;
        let secret = secret.trim().to_owned();
        if secret.is_empty() {
            return Err(Missed::Refused(format!("the secret {place} is empty")));
        }
        self.known.lock().await.insert(place.clone(), secret.clone());
        Ok(secret)
    }

    async fn read(&self, place: &SecretPlace, attempts: &Attempts) -> Result<String, Missed> {
        let service = match place {
            SecretPlace::File(path) => {
                return std::fs::read_to_string(path)
                    .map_err(|error| Missed::Refused(format!("cannot be read: {error}")));
            }
            SecretPlace::Variable(name) => {
                return penstock_runtime::env(name).ok_or_else(|| Missed::Refused("is not set".to_owned()));
            }
            SecretPlace::Parameter(name) => Service {
                name: "ssm",
                target: "AmazonSSM.GetParameter",
                body: json!({ "Name": name, "WithDecryption": true }),
                pointer: "/Parameter/Value",
            },
            SecretPlace::Secret(id) => Service {
                name: "secretsmanager",
                target: "secretsmanager.GetSecretValue",
                body: json!({ "SecretId": id }),
                pointer: "/SecretString",
            },
        };
        let service = &service;
        let aws = self.aws.get_or_init(|| aws_config::load_defaults(BehaviorVersion::latest())).await;
        attempts
            .until_done(|patience| async move {
                let request = service.request(aws, attempts.now()).await?;
                let answer = self.http.send(request, patience).await.map_err(Missed::later)?;
                service.secret(&answer)
            })
            .await
    }
}

impl Service {
    async fn request(&self, aws: &SdkConfig, now: i64) -> Result<Request<Full<Bytes>>, Missed> {
        let refused = |problem: String| Missed::Refused(problem);
        let region = aws.region().ok_or_else(|| refused("needs AWS_REGION, which is not set".to_owned()))?.to_string();
        let provider = aws.credentials_provider().ok_or_else(|| refused("needs AWS credentials".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| Missed::later(format!("needs AWS credentials: {error}")))?;
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = || format!("https://{}.{region}.{suffix}", self.name);
        let uri = format!("{}/", aws.endpoint_url().map_or_else(own, |url| url.trim_end_matches('/').to_owned()));
        let body = self.body.to_string();
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", self.target)];
        let sign = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let identity = credentials.into();
            let parameters = v4::SigningParams::builder()
                .identity(&identity)
                .region(&region)
                .name(self.name)
                .time(UNIX_EPOCH + Duration::from_micros(u64::try_from(now)?))
                .settings(SigningSettings::default())
                .build()?
                .into();
            let signable =
                SignableRequest::new("POST", &uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
            let (instructions, _) = sign(signable, &parameters)?.into_parts();
            let mut request = Request::builder().method(Method::POST).uri(&uri);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let mut request = request.body(Full::new(Bytes::from(body.clone())))?;
            instructions.apply_to_request_http1x(&mut request);
            Ok(request)
        };
        sign().map_err(|error| refused(format!("cannot be asked for: {error}")))
    }

    /// The secret in an answer. An error's name is told, and nothing else of what came.
    fn secret(&self, answer: &Answer) -> Result<String, Missed> {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            let secret = body.pointer(self.pointer).and_then(Value::as_str);
            return secret.map(str::to_owned).ok_or_else(|| Missed::Refused("is no text".to_owned()));
        }
        let kind = body["__type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let problem = format!("cannot be read: {} answered {} {kind}", self.name, answer.status.as_u16());
        if answer.status.is_server_error() || answer.status == 429 || kind.contains("Throttl") {
            return Err(Missed::later(problem));
        }
        let remedy = match kind {
            "AccessDeniedException" => "the function's role may not read it (module alarms gives the right)",
            "ParameterNotFound" | "ResourceNotFoundException" => {
                "there is none of this name in this account and region"
            }
            _ => "see its documentation",
        };
        Err(Missed::Refused(format!("{problem}: {remedy}")))
    }
}
