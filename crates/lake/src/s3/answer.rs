//! What an answer of S3, or its absence, means.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::{Operation, StoreError};

/// Where in S3 the lake is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) bucket: String,
    /// What every key begins with: empty, or ending in `/`.
    pub(super) root: String,
    /// Where it is, if it is not Amazon's S3.
    pub(super) endpoint: Option<String>,
}

pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

impl Place {
    pub(super) fn new(bucket: &str, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let root = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { bucket: bucket.to_owned(), root, endpoint: None }
    }

    pub(super) fn full(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    pub(super) fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.root).trim_end_matches('/').to_owned()
    }

    pub(super) fn store_error<E>(&self, operation: Operation, key: &str, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        let location = self.location();
        match (status(&error), code.as_str()) {
            (None, _) => self.no_answer(operation, key, error),
            (_, "NoSuchBucket") => {
                let problem = format!("there is no bucket `{}`; create it or check the name of the lake", self.bucket);
                StoreError::unusable(operation, key, problem, Some(Box::new(error)))
            }
            (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken") => {
                let remedy = format!("The AWS credentials are wrong or have expired ({code})");
                StoreError::denied(operation, key, remedy, Box::new(error))
            }
            (_, "RequestTimeTooSkewed") => {
                StoreError::denied(operation, key, "This machine's clock is wrong; set it right", Box::new(error))
            }
            (Some(401 | 403), _) => StoreError::denied(operation, key, self.permission(operation), Box::new(error)),
            (Some(404), _) => StoreError::not_found(operation, key),
            (Some(409), _) => StoreError::Conflict { operation, key: key.to_owned() },
            // Broken on the way, not wrong.
            (Some(400), "RequestTimeout" | "IncompleteBody" | "BadDigest" | "XAmzContentChecksumMismatch") => {
                StoreError::unavailable(operation, key, code, Some(Box::new(error)))
            }
            (Some(301 | 307 | 308), _) | (Some(400), "AuthorizationHeaderMalformed") => {
                let problem = self.in_another_region(&error);
                StoreError::unusable(operation, key, problem, Some(Box::new(error)))
            }
            (Some(501), _) => {
                let problem = format!("the store at `{location}` lacks what a lake needs (a PUT with If-None-Match)");
                StoreError::unusable(operation, key, problem, Some(Box::new(error)))
            }
            (Some(status), _) if retried(status) => {
                let problem = format!("{status} {code}").trim_end().to_owned();
                StoreError::unavailable(operation, key, problem, Some(Box::new(error)))
            }
            (Some(status), _) => {
                let problem = format!("`{location}` refused with {status} {code}");
                StoreError::unusable(operation, key, problem, Some(Box::new(error)))
            }
        }
    }

    /// The permission that is likely to be missing.
    fn permission(&self, operation: Operation) -> String {
        let objects = format!("arn:aws:s3:::{}/{}*", self.bucket, self.root);
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        match operation {
            Operation::PutNew | Operation::PutHint => {
                format!("Allow s3:PutObject on {objects} (and kms:GenerateDataKey on its KMS key)")
            }
            Operation::Get | Operation::GetEnd | Operation::GetRange => format!(
                "Allow s3:GetObject on {objects} (and kms:Decrypt on its KMS key), and s3:ListBucket on {bucket}: \
                 without that S3 answers 403 for an object that is absent"
            ),
            Operation::Open | Operation::ListAfter | Operation::ListFolders => {
                format!("Allow s3:ListBucket on {bucket} for the prefix `{}`", self.root)
            }
            Operation::Delete => format!("Allow s3:DeleteObject on {objects}"),
        }
    }

    /// S3 says where a bucket is, also to those who asked in the wrong region.
    fn in_another_region<E>(&self, error: &SdkError<E, HttpResponse>) -> String {
        let region = error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
        let (bucket, region) =
            (&self.bucket, region.map_or_else(|| "another region".to_owned(), |name| format!("`{name}`")));
        format!("the bucket `{bucket}` is in {region}; set AWS_REGION to it")
    }

    fn no_answer<E>(&self, operation: Operation, key: &str, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        const SET: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
        if matches!(error, SdkError::ConstructionFailure(_)) {
            return StoreError::unusable(operation, key, "no request could be made", Some(Box::new(error)));
        }
        let problem = match credentials_error(&error) {
            Some(CredentialsError::CredentialsNotLoaded(_)) => {
                let remedy = format!("There are no AWS credentials; {SET}");
                return StoreError::denied(operation, key, remedy, Box::new(error));
            }
            Some(CredentialsError::InvalidConfiguration(_)) => {
                return StoreError::denied(operation, key, UNKNOWN_CREDENTIALS, Box::new(error));
            }
            Some(_) => format!("the AWS credentials could not be fetched; if they are not there to be fetched, {SET}"),
            None => match &self.endpoint {
                Some(endpoint) => format!("no answer came from {endpoint} (AWS_ENDPOINT_URL)"),
                None => "no answer came".to_owned(),
            },
        };
        StoreError::unavailable(operation, key, problem, Some(Box::new(error)))
    }
}

/// What to do where a profile asks for a login or a program: no function needs them, so the SDK is built without.
const UNKNOWN_CREDENTIALS: &str = "The AWS credentials cannot be read: keys and roles are understood, a login (SSO) and \
    `credential_process` are not. `eval \"$(aws configure export-credentials --format env)\"` makes keys of any profile";

/// Answers that say: not now. An answer of 2xx that reads as an error was cut off or garbled on the way.
const fn retried(status: u16) -> bool {
    matches!(status, 200..=299 | 408 | 425 | 429 | 500..=599)
}

/// Why the request could not be signed, if that is why it was not sent.
fn credentials_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e CredentialsError> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|cause| cause.downcast_ref())
}
