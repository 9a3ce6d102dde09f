//! A lake in S3, or in a store that speaks its protocol.
//!
//! Each call is one attempt: the SDK's own retries are off, because [`crate::Retrying`] knows the deadline.
//! What an answer means stands in `answer.rs`.

mod answer;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::Object;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;

use crate::key::{check_folder, check_hint, check_key, check_list};
use crate::{Listed, ObjectEnd, Operation, Put, Store, StoreError};
use answer::{Place, status};

/// How long the first byte of an answer may take. S3 answers within tens of milliseconds, seldom within seconds;
/// a connection that was silent for this long is dead more often than slow.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// The slowest transfer that is waited for; the smallest function gets about ten times as much.
const BYTES_PER_SECOND: u64 = 1 << 20;

/// A lake under a prefix of a bucket.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    place: Place,
    first_answer: Duration,
}

impl S3Store {
    /// Reaches S3 as the environment and its profile say: region, credentials, and an endpoint for another store than
    /// Amazon's (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url`). `prefix` may be empty.
    /// Sends nothing to the bucket yet.
    pub async fn connect(bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        let environment = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let unusable = |problem: String| Err(StoreError::unusable(Operation::Open, bucket, problem, None));
        if environment.region().is_none() {
            let remedy = "set AWS_REGION, to us-east-1 if the store has no regions";
            return unusable(format!("no AWS region is configured; {remedy}"));
        }
        let endpoint = configured_endpoint(&environment);
        if let Some(url) = endpoint.as_deref().filter(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            return unusable(format!("AWS_ENDPOINT_URL is `{url}`, but it has to begin with http:// or https://"));
        }
        let config = aws_sdk_s3::config::Builder::from(&environment)
            // Other stores seldom resolve a host name for each bucket.
            .force_path_style(endpoint.is_some())
            .build();
        let store = Self::from_client(&Client::from_conf(config), bucket, prefix);
        Ok(Self { place: Place { endpoint, ..store.place }, ..store })
    }

    /// Where the store is, if the environment names another place than Amazon's S3.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.place.endpoint.as_deref()
    }

    /// With a client of one's own, whose retries are turned off.
    #[must_use]
    pub fn from_client(client: &Client, bucket: &str, prefix: &str) -> Self {
        let config = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), place: Place::new(bucket, prefix), first_answer: FIRST_ANSWER }
    }

    /// Waits so long, instead of ten seconds, for the first byte of an answer before the attempt counts as failed.
    #[must_use]
    pub fn first_answer_within(self, first_answer: Duration) -> Self {
        Self { first_answer, ..self }
    }

    /// Gives up what takes longer than the transfer of `bytes` can take.
    ///
    /// Uses the runtime's timer and not [`crate::Clock`]: this is about a connection that is dead in real time.
    async fn in_time<T>(
        &self,
        operation: Operation,
        key: &str,
        bytes: u64,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let patience = self.first_answer + Duration::from_secs(bytes / BYTES_PER_SECOND);
        match tokio::time::timeout(patience, Box::pin(work)).await {
            Ok(result) => result,
            Err(elapsed) => {
                let problem = format!("nothing came within {patience:?}");
                Err(StoreError::unavailable(operation, key, problem, Some(Box::new(elapsed))))
            }
        }
    }

    /// Asks for an object or a range of it; none if the object has no byte in that range.
    async fn get_object(
        &self,
        operation: Operation,
        key: &str,
        range: Option<String>,
    ) -> Result<Option<GetObjectOutput>, StoreError> {
        check_key(operation, key)?;
        let request = self.client.get_object().bucket(&self.place.bucket).key(self.place.full(key)).set_range(range);
        self.in_time(operation, key, 0, async {
            match request.send().await {
                Ok(output) => Ok(Some(output)),
                Err(error) if status(&error) == Some(416) => Ok(None),
                Err(error) => Err(self.place.store_error(operation, key, error)),
            }
        })
        .await
    }

    async fn body(&self, operation: Operation, key: &str, output: GetObjectOutput) -> Result<Bytes, StoreError> {
        let length = output.content_length().unwrap_or(0).unsigned_abs();
        self.in_time(operation, key, length, async {
            match output.body.collect().await {
                Ok(bytes) => Ok(bytes.into_bytes()),
                Err(error) => {
                    let problem = "the answer broke off";
                    Err(StoreError::unavailable(operation, key, problem, Some(Box::new(error))))
                }
            }
        })
        .await
    }

    async fn put(
        &self,
        operation: Operation,
        key: &str,
        bytes: Bytes,
        if_none_match: Option<&str>,
    ) -> Result<Put, StoreError> {
        let length = bytes.len() as u64;
        let request = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(self.place.full(key))
            .set_if_none_match(if_none_match.map(str::to_owned))
            .body(ByteStream::from(bytes));
        self.in_time(operation, key, length, async {
            match request.send().await {
                Ok(_) => Ok(Put::Created),
                Err(error) if if_none_match.is_some() && status(&error) == Some(412) => Ok(Put::Exists),
                Err(error) => Err(self.place.store_error(operation, key, error)),
            }
        })
        .await
    }
}

#[async_trait]
impl Store for S3Store {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        check_key(Operation::PutNew, key)?;
        self.put(Operation::PutNew, key, bytes, Some("*")).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        check_hint(Operation::PutHint, key)?;
        self.put(Operation::PutHint, key, bytes, None).await.map(drop)
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        match self.get_object(Operation::Get, key, None).await? {
            Some(output) => self.body(Operation::Get, key, output).await,
            None => Ok(Bytes::new()),
        }
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        // There is no range of the last 0 bytes, so the last one is read for the size that comes with it.
        let range = format!("bytes=-{}", length.max(1));
        let Some(output) = self.get_object(Operation::GetEnd, key, Some(range)).await? else {
            // Every object has a last byte, except an empty one.
            return Ok(ObjectEnd { bytes: Bytes::new(), size: 0 });
        };
        let size = output.content_range().and_then(size_in_content_range);
        let bytes = self.body(Operation::GetEnd, key, output).await?;
        // Without a range in the answer it is the whole object.
        let size = size.unwrap_or(bytes.len() as u64);
        let kept = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
        Ok(ObjectEnd { bytes: bytes.slice(bytes.len() - kept..), size })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        // There is no empty range either; asking for one byte tells whether the object is there.
        let last = range.end.max(range.start.saturating_add(1)) - 1;
        let asked = format!("bytes={}-{last}", range.start);
        let Some(output) = self.get_object(Operation::GetRange, key, Some(asked)).await? else {
            return Ok(Bytes::new());
        };
        let is_part = output.content_range().is_some();
        let bytes = self.body(Operation::GetRange, key, output).await?;
        let clamp = |position: u64| usize::try_from(position).map_or(bytes.len(), |position| position.min(bytes.len()));
        let start = if is_part { 0 } else { clamp(range.start) };
        let length = clamp(range.end.saturating_sub(range.start)).min(bytes.len() - start);
        Ok(bytes.slice(start..start + length))
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        const OPERATION: Operation = Operation::ListAfter;
        check_list(OPERATION, prefix, limit)?;
        let mut listed = Vec::new();
        let mut continuation = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.place.bucket)
                .prefix(self.place.full(prefix))
                .set_start_after(after.map(|after| self.place.full(after)))
                .set_continuation_token(continuation)
                .max_keys(i32::try_from(limit - listed.len()).unwrap_or(i32::MAX));
            let page = self
                .in_time(OPERATION, prefix, 0, async {
                    request.send().await.map_err(|error| self.place.store_error(OPERATION, prefix, error))
                })
                .await?;
            listed.extend(page.contents().iter().filter_map(|object| self.place.listed(object)));
            continuation = page.next_continuation_token().map(str::to_owned);
            // A page may be shorter than asked for and yet not be the last.
            if continuation.is_none() || limit <= listed.len() {
                listed.truncate(limit);
                return Ok(listed);
            }
        }
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        const OPERATION: Operation = Operation::ListFolders;
        check_folder(OPERATION, prefix)?;
        let full_prefix = self.place.full(prefix);
        let mut folders = Vec::new();
        let mut continuation = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.place.bucket)
                .prefix(&full_prefix)
                .delimiter("/")
                .set_continuation_token(continuation);
            let page = self
                .in_time(OPERATION, prefix, 0, async {
                    request.send().await.map_err(|error| self.place.store_error(OPERATION, prefix, error))
                })
                .await?;
            let names = page.common_prefixes().iter().filter_map(|folder| folder.prefix()?.strip_prefix(&full_prefix));
            folders.extend(names.map(|name| name.trim_end_matches('/').to_owned()));
            continuation = page.next_continuation_token().map(str::to_owned);
            if continuation.is_none() {
                // They come in the order of `name/`, where `a-b/` is before `a/`.
                folders.sort_unstable();
                return Ok(folders);
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        check_key(Operation::Delete, key)?;
        let request = self.client.delete_object().bucket(&self.place.bucket).key(self.place.full(key));
        self.in_time(Operation::Delete, key, 0, async {
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => match self.place.store_error(Operation::Delete, key, error) {
                    StoreError::NotFound { .. } => Ok(()),
                    error => Err(error),
                },
            }
        })
        .await
    }

    fn location(&self) -> String {
        self.place.location()
    }
}

impl Place {
    fn listed(&self, object: &Object) -> Option<Listed> {
        Some(Listed {
            key: object.key()?.strip_prefix(&self.root)?.to_owned(),
            size: object.size().unwrap_or(0).unsigned_abs(),
            modified: object.last_modified().map_or(0, epoch_micros),
        })
    }
}

fn epoch_micros(time: &DateTime) -> i64 {
    i64::try_from(time.as_nanos() / 1000).unwrap_or(i64::MAX)
}

/// The endpoint that the SDK takes for S3: that of the service before that of all services.
fn configured_endpoint(environment: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_s3 = environment.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    of_s3.or_else(|| environment.endpoint_url().map(str::to_owned))
}

/// The size of the whole object in `bytes 10-19/30`.
fn size_in_content_range(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}
