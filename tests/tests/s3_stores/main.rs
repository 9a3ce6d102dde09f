//! A store that speaks S3's protocol, and real processes on it: the contracts, races for a key, and the whole path with
//! processes that are killed. `AWS_ENDPOINT_URL` says which store; `make test-s3` starts MinIO and LocalStack and tries both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the machine for its time and environment"
)]

mod place;
mod contracts;
mod path;
