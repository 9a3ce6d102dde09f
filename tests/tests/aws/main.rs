//! Real processes and a small S3: what the environment says of AWS, what S3 answers to a wrong configuration,
//! and a store that speaks its protocol and overwrites.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../crates/lake/tests/s3/server.rs"]
mod server;

mod settings;
mod overwriting;

use server::Server;

const LAKE: &str = "s3://lake-bucket/some/prefix";
const FORMAT: &str = "some/prefix/_penstock/format.json";

/// An S3 with a lake in it.
async fn lake() -> Server {
    let server = Server::start().await;
    server.insert(FORMAT, r#"{"format":1}"#);
    server
}

/// What a process needs to reach it.
fn variables(server: &Server) -> Vec<(&'static str, String)> {
    let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-central-1")];
    let keys = keys.map(|(name, value)| (name, value.to_owned()));
    keys.into_iter().chain([("AWS_ENDPOINT_URL", server.url())]).collect()
}
