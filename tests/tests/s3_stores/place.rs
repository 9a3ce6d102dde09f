//! Where in the store the tests work: a bucket for all of them, and in it a prefix for each, which no test has used before.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use penstock_lake::{S3Store, Store};

const BUCKET: &str = "penstock-tests";

/// A place for one test.
pub(crate) struct Place {
    prefix: String,
}

impl Place {
    /// # Panics
    /// `AWS_ENDPOINT_URL` is not set: on Amazon's S3 nobody runs tests by accident.
    pub(crate) async fn new(test: &str) -> Self {
        create_bucket().await;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        Self { prefix: format!("{test}-{nanos}") }
    }

    pub(crate) fn url(&self) -> String {
        format!("s3://{BUCKET}/{}", self.prefix)
    }

    /// The place, over connections of its own.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        Arc::new(S3Store::connect(BUCKET, &self.prefix).await.unwrap())
    }
}

async fn create_bucket() {
    let environment = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    assert!(
        environment.endpoint_url().is_some(),
        "AWS_ENDPOINT_URL is not set: `make test-s3` starts stores and sets it"
    );
    let config = aws_sdk_s3::config::Builder::from(&environment).force_path_style(true).build();
    match Client::from_conf(config).create_bucket().bucket(BUCKET).send().await.map_err(SdkError::into_service_error) {
        Ok(_) | Err(CreateBucketError::BucketAlreadyOwnedByYou(_)) => {}
        Err(error) => panic!("the bucket {BUCKET} cannot be made: {error:?}"),
    }
}
