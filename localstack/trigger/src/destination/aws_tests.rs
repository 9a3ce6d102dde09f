use std::sync::Arc;

use super::*;
use crate::discard::tests::exhausted;
use crate::mapping::OnFailure;
use crate::test_server::{Asked, TestServer};

const BUCKET: &str = "arn:aws:s3:::failed";
const QUEUE: &str = "arn:aws:sqs:us-west-2:123456789012:failed";
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:failed";

fn destination(arn: &str, endpoint: &str) -> Result<AwsDestination, BadEndpoint> {
    let OnFailure::Aws(resource) = arn.parse().unwrap() else { panic!("{arn} is not at AWS") };
    let access = AwsAccess {
        endpoint: endpoint.to_owned(),
        region: "eu-central-1".to_owned(),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: Some("token".to_owned()),
    };
    // 2019-11-14T00:38:06.021Z
    AwsDestination::new(resource, access, Arc::new(|| 1_573_691_886_021))
}

/// What a server is asked that takes the batch. A slash at the end of its address makes no difference.
async fn asked(arn: &str) -> Asked {
    let server = TestServer::start(200, None, "").await;
    destination(arn, &format!("{}/", server.endpoint)).unwrap().take(&exhausted()).await.unwrap();
    let [asked] = server.asked().try_into().unwrap();
    asked
}

fn check_signature(asked: &Asked, scope: &str) {
    let authorization = asked.header("authorization");
    let credential = format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20191114/{scope}/aws4_request, SignedHeaders=");
    assert!(authorization.starts_with(&credential), "{authorization}");
    for signed in ["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"] {
        assert!(authorization.contains(signed), "{signed} is not signed: {authorization}");
    }
    assert_eq!((asked.header("x-amz-date"), asked.header("x-amz-security-token")), ("20191114T003806Z", "token"));
}

#[tokio::test]
async fn a_bucket_gets_an_object_with_the_payload() {
    let asked = asked(BUCKET).await;
    assert_eq!(asked.line, format!("PUT /failed/{}", exhausted().object_key()));
    assert_eq!(asked.body, exhausted().notice_with_payload().unwrap());
    check_signature(&asked, "eu-central-1/s3");
}

#[tokio::test]
async fn a_queue_gets_a_message() {
    let asked = asked(QUEUE).await;
    assert_eq!(asked.line, "POST /");
    assert_eq!(asked.header("x-amz-target"), "AmazonSQS.SendMessage");
    assert_eq!(asked.header("content-type"), "application/x-amz-json-1.0");
    let message: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert!(message["QueueUrl"].as_str().unwrap().ends_with("/123456789012/failed"), "{message}");
    assert_eq!(message["MessageBody"].as_str(), Some(exhausted().notice().unwrap().as_str()));
    check_signature(&asked, "us-west-2/sqs");
}

#[tokio::test]
async fn a_topic_gets_a_form() {
    let asked = asked(TOPIC).await;
    assert_eq!(asked.line, "POST /");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded; charset=utf-8");
    let form =
        "Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-west-2%3A123456789012%3Afailed&Message=";
    let message = asked.body.strip_prefix(form).unwrap();
    assert_eq!(message, escape(&exhausted().notice().unwrap(), b""));
    check_signature(&asked, "us-west-2/sns");
}

#[tokio::test]
async fn an_answer_says_who_must_act() {
    async fn check(status: u16, body: &'static str, expect: &str) {
        let server = TestServer::start(status, None, body).await;
        let error = destination(QUEUE, &server.endpoint).unwrap().take(&exhausted()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expect), "{error:?} is not {expect}");
    }
    check(503, "slow down", "Unavailable(\"503 Service Unavailable: slow down (POST http://127.").await;
    check(500, "", "Unavailable(\"500").await;
    check(429, "", "Unavailable(\"429").await;
    let unknown = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
    check(400, unknown, "Refused(\"400 Bad Request: The specified queue does not exist.").await;
    check(403, "<Error><Code>AccessDenied</Code></Error>", "Refused(\"403 Forbidden: <Error>").await;
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    // The listener is closed again, so its port refuses.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = destination(QUEUE, &format!("http://{address}")).unwrap().take(&exhausted()).await.unwrap_err();
    assert!(matches!(&error, DestinationError::Unavailable(reason) if reason.contains("refused")), "{error:?}");
}

#[test]
fn an_endpoint_is_plain_http() {
    let refuse = |endpoint| destination(QUEUE, endpoint).unwrap_err().to_string();
    assert!(refuse("https://sqs.us-west-2.amazonaws.com").contains("http://HOST:PORT"));
    assert!(refuse("127.0.0.1:4566").contains("http://HOST:PORT"));
    assert!(refuse("http://").contains("no address"));
}

#[test]
fn escapes_all_but_what_needs_no_escaping() {
    let check = |text, kept: &str, expect| assert_eq!(escape(text, kept.as_bytes()), expect);
    check("aZ09-._~", "", "aZ09-._~");
    check("a/b c", "/", "a/b%20c");
    check("a/b&c=d+e", "", "a%2Fb%26c%3Dd%2Be");
    check("ü", "", "%C3%BC");
}
