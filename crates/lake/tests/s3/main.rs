//! The S3 store against a small S3 on 127.0.0.1: the contracts, and what each answer of S3 and each silence becomes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use bytes::Bytes;
use penstock_lake::{
    Counted, Operation, Put, RetryPolicy, Retrying, S3Store, Store, StoreError, TestClock, conformance,
};
use server::{BUCKET, MODIFIED, Reply, Server};

/// Long enough for this server to answer, short enough to wait for when it does not.
const FIRST_ANSWER: Duration = Duration::from_millis(500);

fn config(server: &Server) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.url())
        .force_path_style(true)
}

fn s3_with(config: Builder, prefix: &str) -> S3Store {
    S3Store::from_client(&Client::from_conf(config.build()), BUCKET, prefix)
}

fn s3(server: &Server) -> Arc<dyn Store> {
    Arc::new(s3_with(config(server), "some/prefix").first_answer_within(FIRST_ANSWER))
}

fn retrying(store: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Retrying::new(store, Arc::new(TestClock::default()), RetryPolicy::default()))
}

/// What a caller hears: the error's name, or the answer.
fn heard<T: Debug>(result: &Result<T, StoreError>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{error:?}").split_whitespace().next().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn keeps_the_contracts() {
    let server = Server::start().await;
    conformance::all(&s3(&server)).await;
}

#[tokio::test]
async fn keeps_the_contracts_without_a_prefix() {
    let server = Server::start().await;
    let store: Arc<dyn Store> = Arc::new(s3_with(config(&server), ""));
    conformance::all(&store).await;
}

#[tokio::test]
async fn keeps_the_contracts_when_pages_are_short() {
    for entries in [1, 2] {
        let server = Server::start().await;
        server.limit_pages(entries);
        conformance::all(&s3(&server)).await;
    }
}

#[tokio::test]
async fn keeps_the_contracts_of_ranges_where_there_are_none() {
    let server = Server::start().await;
    let store = s3(&server);
    store.put_new("a", "0123456789".into()).await.unwrap();
    server.script([Reply::NoRanges; 5]);
    let end = store.get_end("a", 4).await.unwrap();
    assert_eq!((end.bytes, end.size), (Bytes::from("6789"), 10));
    assert_eq!(store.get_end("a", 0).await.unwrap().size, 10);
    assert_eq!(store.get_range("a", 3..7).await.unwrap(), "3456");
    assert_eq!(store.get_range("a", 8..12).await.unwrap(), "89");
    assert_eq!(store.get_range("a", 12..14).await.unwrap(), "");
}

#[tokio::test]
async fn puts_below_its_prefix_and_only_if_there_is_nothing() {
    let server = Server::start().await;
    let store = s3(&server);
    store.put_new("raw/a", "1".into()).await.unwrap();
    store.put_hint("_penstock/iot/hints/a", "1".into()).await.unwrap();
    assert_eq!(server.keys(), ["some/prefix/_penstock/iot/hints/a", "some/prefix/raw/a"]);
    let requests = server.requests();
    assert!(requests[0].starts_with("PUT /lake-bucket/some/prefix/raw/a") && requests[0].contains("if-none-match: *"));
    assert!(!requests[1].contains("if-none-match"), "{requests:?}");
    assert_eq!(store.location(), "s3://lake-bucket/some/prefix");
    assert_eq!(store.list_after("raw/", None, 1).await.unwrap()[0].modified, MODIFIED);
}

#[tokio::test]
async fn a_footer_takes_one_request_and_a_list_says_where_to_begin() {
    let server = Server::start().await;
    let store = s3(&server);
    store.put_new("a", "0123456789".into()).await.unwrap();
    store.get_end("a", 4).await.unwrap();
    store.list_after("raw/", Some("raw/b"), 7).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1].contains("range: bytes=-4"), "{requests:?}");
    for part in ["start-after=some%2Fprefix%2Fraw%2Fb", "max-keys=7", "prefix=some%2Fprefix%2Fraw%2F"] {
        assert!(requests[2].contains(part), "{part} in {requests:?}");
    }
}

/// What a write hears after one such answer: without retries, and with them, and in how many requests.
async fn check_put(reply: Reply, heard_once: &str, heard_retrying: &str, requests: usize) {
    let server = Server::start().await;
    let store = s3(&server);
    server.script([reply]);
    let once = store.put_new("once", "1".into()).await;
    assert_eq!(heard(&once), heard_once, "{reply:?}: {once:?}");
    assert_eq!(server.requests().len(), 1, "the SDK itself retried {reply:?}");

    server.script([reply]);
    let retried = retrying(store).put_new("retried", "1".into()).await;
    assert_eq!(heard(&retried), heard_retrying, "{reply:?}: {retried:?}");
    assert_eq!(server.requests().len() - 1, requests, "{reply:?}");
}

#[tokio::test]
async fn answers_to_a_write() {
    check_put(Reply::Normal, "Created", "Created", 1).await;
    check_put(Reply::Status(412, "PreconditionFailed"), "Exists", "Exists", 1).await;
    check_put(Reply::Bare(412), "Exists", "Exists", 1).await;
    check_put(Reply::Status(409, "ConditionalRequestConflict"), "Conflict", "Created", 2).await;
    check_put(Reply::Status(503, "SlowDown"), "Unavailable", "Created", 2).await;
    check_put(Reply::Status(503, "ServiceUnavailable"), "Unavailable", "Created", 2).await;
    check_put(Reply::Status(500, "InternalError"), "Unavailable", "Created", 2).await;
    check_put(Reply::Status(429, "TooManyRequests"), "Unavailable", "Created", 2).await;
    check_put(Reply::Bare(502), "Unavailable", "Created", 2).await;
    check_put(Reply::Status(400, "RequestTimeout"), "Unavailable", "Created", 2).await;
    check_put(Reply::Status(403, "AccessDenied"), "Denied", "Denied", 1).await;
    check_put(Reply::Bare(403), "Denied", "Denied", 1).await;
    check_put(Reply::Status(403, "RequestTimeTooSkewed"), "Denied", "Denied", 1).await;
    check_put(Reply::Status(400, "ExpiredToken"), "Denied", "Denied", 1).await;
    check_put(Reply::Status(404, "NoSuchBucket"), "Unusable", "Unusable", 1).await;
    check_put(Reply::Status(301, "PermanentRedirect"), "Unusable", "Unusable", 1).await;
    check_put(Reply::Status(501, "NotImplemented"), "Unusable", "Unusable", 1).await;
    check_put(Reply::Status(400, "InvalidRequest"), "Unusable", "Unusable", 1).await;
    check_put(Reply::ResetBefore, "Unavailable", "Created", 2).await;
}

#[tokio::test]
async fn written_reply_lost() {
    check_put(Reply::ResetAfter, "Unavailable", "Exists", 2).await;
    check_put(Reply::Silence, "Unavailable", "Exists", 2).await;
}

/// What a read of an object `0123456789` hears after one such answer: without retries, and with them.
async fn check_get(reply: Reply, heard_once: &str, heard_retrying: &str) {
    let server = Server::start().await;
    let store = s3(&server);
    store.put_new("a", "0123456789".into()).await.unwrap();
    server.script([reply]);
    let once = store.get("a").await;
    assert_eq!(heard(&once), heard_once, "get, {reply:?}: {once:?}");
    server.script([reply]);
    let range = store.get_range("a", 0..10).await;
    assert_eq!(heard(&range), heard_once, "get_range, {reply:?}: {range:?}");
    server.script([reply]);
    let end = store.get_end("a", 10).await.map(|end| end.bytes);
    assert_eq!(heard(&end), heard_once, "get_end, {reply:?}: {end:?}");
    server.script([reply]);
    let retried = retrying(store).get("a").await;
    assert_eq!(heard(&retried), heard_retrying, "{reply:?}: {retried:?}");
}

#[tokio::test]
async fn answers_to_a_read() {
    const ALL: &str = "b\"0123456789\"";
    check_get(Reply::Normal, ALL, ALL).await;
    check_get(Reply::Status(404, "NoSuchKey"), "NotFound", "NotFound").await;
    check_get(Reply::Bare(404), "NotFound", "NotFound").await;
    check_get(Reply::Status(404, "NoSuchBucket"), "Unusable", "Unusable").await;
    check_get(Reply::Status(403, "AccessDenied"), "Denied", "Denied").await;
    check_get(Reply::Status(503, "SlowDown"), "Unavailable", ALL).await;
    check_get(Reply::Status(500, "InternalError"), "Unavailable", ALL).await;
    check_get(Reply::ResetBefore, "Unavailable", ALL).await;
    check_get(Reply::Silence, "Unavailable", ALL).await;
    check_get(Reply::HalfBody, "Unavailable", ALL).await;
}

/// What lists hear after one such answer: without retries, and with them.
async fn check_list(reply: Reply, heard_once: &str, heard_retrying: &str) {
    let server = Server::start().await;
    let store = s3(&server);
    store.put_new("a/1", "1".into()).await.unwrap();
    let objects = async |store: &Arc<dyn Store>| {
        let listed = store.list_after("a/", None, 10).await;
        heard(&listed.map(|listed| listed.into_iter().map(|object| object.key).collect::<Vec<_>>()))
    };
    server.script([reply]);
    assert_eq!(objects(&store).await, heard_once.replace("LIST", "[\"a/1\"]"), "list_after, {reply:?}");
    server.script([reply]);
    assert_eq!(heard(&store.list_folders("").await), heard_once.replace("LIST", "[\"a\"]"), "list_folders, {reply:?}");
    let retrying = retrying(store);
    server.script([reply]);
    assert_eq!(objects(&retrying).await, heard_retrying.replace("LIST", "[\"a/1\"]"), "{reply:?}");
    server.script([reply]);
    assert_eq!(heard(&retrying.list_folders("").await), heard_retrying.replace("LIST", "[\"a\"]"), "{reply:?}");
}

#[tokio::test]
async fn answers_to_a_list() {
    check_list(Reply::Normal, "LIST", "LIST").await;
    check_list(Reply::Status(404, "NoSuchBucket"), "Unusable", "Unusable").await;
    check_list(Reply::Status(403, "AccessDenied"), "Denied", "Denied").await;
    check_list(Reply::Status(503, "SlowDown"), "Unavailable", "LIST").await;
    check_list(Reply::ResetBefore, "Unavailable", "LIST").await;
    check_list(Reply::Silence, "Unavailable", "LIST").await;
    check_list(Reply::HalfBody, "Unavailable", "LIST").await;
}

#[tokio::test]
async fn a_list_that_fails_at_a_later_page_is_tried_again() {
    let server = Server::start().await;
    let store = s3(&server);
    for key in ["a", "b", "c", "d", "e"] {
        store.put_new(key, "1".into()).await.unwrap();
    }
    server.limit_pages(2);
    server.script([Reply::Normal, Reply::Status(503, "SlowDown")]);
    assert_eq!(heard(&store.list_after("", None, 10).await), "Unavailable");
    server.script([Reply::Normal, Reply::Normal, Reply::ResetBefore]);
    assert_eq!(retrying(store).list_after("", None, 10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn answers_to_a_delete() {
    let server = Server::start().await;
    let store = s3(&server);
    for (reply, heard_once) in [
        (Reply::Status(403, "AccessDenied"), "Denied"),
        (Reply::Status(404, "NoSuchBucket"), "Unusable"),
        (Reply::Status(503, "SlowDown"), "Unavailable"),
        (Reply::Status(404, "NoSuchKey"), "()"),
        (Reply::ResetAfter, "Unavailable"),
        (Reply::Normal, "()"),
    ] {
        server.script([reply]);
        assert_eq!(heard(&store.delete("a").await), heard_once, "{reply:?}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_unavailable() {
    let server = Server::start().await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = s3_with(config(&server).endpoint_url(format!("http://{unused}")), "").get("a").await;
    assert_eq!(heard(&result), "Unavailable", "{result:?}");
}

#[tokio::test]
async fn without_credentials_there_is_no_use_in_trying_again() {
    let server = Server::start().await;
    let result = s3_with(config(&server).credentials_provider(NoCredentials), "").get("a").await;
    assert_eq!(heard(&result), "Denied", "{result:?}");
    assert!(result.unwrap_err().to_string().contains("AWS_ACCESS_KEY_ID"));
    assert_eq!(server.requests().len(), 0);
}

#[derive(Debug)]
struct NoCredentials;

impl aws_credential_types::provider::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = aws_credential_types::provider::error::CredentialsError::not_loaded("nobody is configured");
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn a_denial_names_the_permission_that_is_likely_missing() {
    let server = Server::start().await;
    let store = s3(&server);
    server.script([Reply::Status(403, "AccessDenied"); 4]);
    let messages = [
        (store.put_new("a", Bytes::new()).await.unwrap_err(), "s3:PutObject on arn:aws:s3:::lake-bucket/some/prefix/*"),
        (store.get("a").await.unwrap_err(), "s3:ListBucket on arn:aws:s3:::lake-bucket"),
        (store.list_after("", None, 1).await.unwrap_err(), "s3:ListBucket on arn:aws:s3:::lake-bucket"),
        (store.delete("a").await.unwrap_err(), "s3:DeleteObject"),
    ];
    for (error, expected) in messages {
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_says_which_if_the_answer_does() {
    let server = Server::start().await;
    let store = s3(&server);
    for (reply, expected) in [
        (Reply::Elsewhere(301, "PermanentRedirect", "eu-west-3"), "`eu-west-3`; set AWS_REGION"),
        (Reply::Elsewhere(400, "AuthorizationHeaderMalformed", "eu-west-3"), "`eu-west-3`; set AWS_REGION"),
        (Reply::Status(301, "PermanentRedirect"), "another region; set AWS_REGION"),
        (Reply::Status(400, "AuthorizationHeaderMalformed"), "another region; set AWS_REGION"),
    ] {
        server.script([reply]);
        let error = store.get("a").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{reply:?}: {error}");
    }
}

#[tokio::test]
async fn every_attempt_is_counted_when_counting_is_below_retrying() {
    let server = Server::start().await;
    let counted = Counted::new(s3(&server));
    let counts = counted.counts();
    let store = retrying(Arc::new(counted));
    server.script([
        Reply::Status(503, "SlowDown"),
        Reply::Status(409, "ConditionalRequestConflict"),
        Reply::ResetAfter,
    ]);
    assert_eq!(store.put_new("a", "12345".into()).await.unwrap(), Put::Exists);
    let counts = *counts.snapshot().of(Operation::PutNew);
    assert_eq!((counts.requests, counts.unavailable, counts.conflict, counts.exists, counts.ok), (4, 2, 1, 1, 0));
    assert_eq!(counts.bytes_out, 20);
    assert_eq!(server.requests().len(), 4);
}
