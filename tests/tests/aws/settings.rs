//! Where the store is, who asks, and in which region, as the AWS SDKs read it; and one message for what is wrong with it.

use std::path::Path;

use penstock_tests::binaries;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::server::{Reply, Server};
use crate::{LAKE, lake, variables};

/// What `penstock check` finds wrong with the lake, where its environment holds these variables and nothing else of AWS.
async fn problems(variables: &[(&str, String)]) -> Vec<String> {
    let mut command = Command::new(binaries::penstock());
    command.args(["check", "--json", "--lake", LAKE]).env_clear();
    for file in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(file, "/dev/null");
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().await.unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let problems = checks.as_array().unwrap().iter().flat_map(|check| check["problems"].as_array().unwrap());
    problems.map(|problem| problem["message"].as_str().unwrap().to_owned()).collect()
}

/// The lake is found, with every request signed by this key and for this region.
async fn check_signer(server: &Server, variables: &[(&str, String)], expected: &str) {
    assert_eq!(problems(variables).await, [""; 0], "{variables:?}");
    let signers = server.signers();
    assert!(!signers.is_empty() && signers.iter().all(|signer| signer == expected), "{signers:?}, not {expected}");
}

/// There is one problem, and it says this.
async fn check_problem(variables: &[(&str, String)], says: &[&str]) {
    let problems = problems(variables).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    for part in says {
        assert!(problems[0].contains(part), "{:?} does not say {part:?}", problems[0]);
    }
}

/// The variables without some, and with others.
fn changed(
    server: &Server,
    without: &[&str],
    with: impl IntoIterator<Item = (&'static str, String)>,
) -> Vec<(&'static str, String)> {
    let mut variables = variables(server);
    variables.retain(|(name, _)| !without.contains(name));
    variables.extend(with);
    variables
}

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// A configuration file of the AWS CLI, in a folder that lives as long as the test.
fn config_file(folder: &TempDir, text: &str) -> (&'static str, String) {
    ("AWS_CONFIG_FILE", written(folder.path(), "config", text))
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A host name, where the SDK would by itself look for `lake-bucket.localhost`.
fn by_name(server: &Server) -> String {
    server.url().replace("127.0.0.1", "localhost")
}

#[tokio::test]
async fn an_endpoint_is_asked_in_path_style_wherever_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let server = lake().await;
    let url = by_name(&server);
    let nobody = "http://127.0.0.1:9".to_owned();
    let of_all = format!("[default]\nendpoint_url = {url}\n");
    let of_s3 = format!(
        "[default]\nservices = local\nendpoint_url = {nobody}\n[services local]\ns3 =\n  endpoint_url = {url}\n"
    );
    for configured in [
        vec![("AWS_ENDPOINT_URL", url.clone())],
        vec![("AWS_ENDPOINT_URL_S3", url.clone())],
        vec![("AWS_ENDPOINT_URL", nobody), ("AWS_ENDPOINT_URL_S3", url)],
        vec![config_file(&folder, &of_all)],
        vec![("AWS_CONFIG_FILE", written(folder.path(), "services", &of_s3))],
    ] {
        let variables = changed(&server, &["AWS_ENDPOINT_URL"], configured);
        check_signer(&server, &variables, "key/eu-central-1").await;
    }
    assert!(server.requests().iter().all(|request| request.contains(" /lake-bucket/some/prefix/")));
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    let server = lake().await;
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let variables = changed(&server, &["AWS_ENDPOINT_URL"], [(name, "minio:9000".to_owned())]);
        check_problem(&variables, &["`minio:9000`", "http:// or https://"]).await;
    }
}

#[tokio::test]
async fn an_endpoint_where_nobody_answers_is_named() {
    let server = lake().await;
    let variables = changed(&server, &["AWS_ENDPOINT_URL"], [("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned())]);
    check_problem(&variables, &["no answer came from http://127.0.0.1:9"]).await;
}

#[tokio::test]
async fn regions_come_from_the_environment_or_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let server = lake().await;
    let file = config_file(&folder, "[default]\nregion = sa-east-1\n[profile other]\nregion = sa-west-1\n");
    let profile = ("AWS_PROFILE", "other".to_owned());
    for (set, region) in [
        (vec![("AWS_REGION", "eu-north-1".to_owned()), file.clone()], "eu-north-1"),
        (vec![("AWS_DEFAULT_REGION", "eu-south-1".to_owned()), file.clone()], "eu-south-1"),
        (vec![file.clone()], "sa-east-1"),
        (vec![file, profile], "sa-west-1"),
    ] {
        let server = lake().await;
        check_signer(&server, &changed(&server, &["AWS_REGION"], set), &format!("key/{region}")).await;
    }
    let none = changed(&server, &["AWS_REGION"], []);
    check_problem(&none, &["no AWS region is configured", "set AWS_REGION"]).await;
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn keys_come_from_the_environment_before_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let keys = "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n\
                [other]\naws_access_key_id = OTHER\naws_secret_access_key = s\naws_session_token = t\n";
    let file = ("AWS_SHARED_CREDENTIALS_FILE", written(folder.path(), "credentials", keys));
    let profile = ("AWS_PROFILE", "other".to_owned());
    let token = ("AWS_SESSION_TOKEN", "token".to_owned());
    for (without, with, signer) in [
        (&[][..], vec![], "key/eu-central-1"),
        (&[], vec![token], "key/eu-central-1 token"),
        (&[], vec![file.clone()], "key/eu-central-1"),
        (&KEYS, vec![file.clone()], "FILE/eu-central-1"),
        (&KEYS, vec![file, profile], "OTHER/eu-central-1 t"),
    ] {
        let server = lake().await;
        check_signer(&server, &changed(&server, without, with), signer).await;
    }
}

const CONTAINER: Reply =
    Reply::Text(r#"{"AccessKeyId":"CONTAINER","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#);

#[tokio::test]
async fn keys_come_from_a_container() {
    let (server, container) = (lake().await, Server::start().await);
    container.script([CONTAINER]);
    let url = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/keys", container.url()));
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret".to_owned());
    check_signer(&server, &changed(&server, &KEYS, [url, token]), "CONTAINER/eu-central-1 t").await;
    assert_eq!(container.requests(), ["GET /keys"]);
}

const ROLE: Reply = Reply::Text(
    r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"#,
);

#[tokio::test]
async fn keys_come_from_a_role() {
    let folder = tempfile::tempdir().unwrap();
    let (server, tokens) = (lake().await, Server::start().await);
    tokens.script([ROLE]);
    let file = config_file(
        &folder,
        "[profile pipeline]\nrole_arn = arn:aws:iam::123456789012:role/pipeline\nsource_profile = base\n\
         [profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n",
    );
    let with = [file, ("AWS_PROFILE", "pipeline".to_owned()), ("AWS_ENDPOINT_URL_STS", tokens.url())];
    check_signer(&server, &changed(&server, &KEYS, with), "ROLE/eu-central-1 t").await;
    assert_eq!(tokens.signers(), ["BASE/eu-central-1"]);
}

#[tokio::test]
async fn without_keys_nothing_is_asked_and_the_message_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let server = lake().await;
    let none = changed(&server, &KEYS, []);
    check_problem(&none, &["There are no AWS credentials", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"]).await;
    for profile in [
        "sso_start_url = https://x\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = x\n",
        "credential_process = /bin/true\n",
        "aws_access_key_id = half\n",
    ] {
        let file = config_file(&folder, &format!("[default]\n{profile}"));
        check_problem(&changed(&server, &KEYS, [file]), &["aws configure export-credentials"]).await;
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn what_s3_refuses_is_said_once_with_its_remedy() {
    for (reply, says) in [
        (Reply::Elsewhere(301, "PermanentRedirect", "eu-west-3"), &["`lake-bucket`", "`eu-west-3`", "AWS_REGION"][..]),
        (Reply::Elsewhere(400, "AuthorizationHeaderMalformed", "eu-west-3"), &["`eu-west-3`", "AWS_REGION"]),
        (Reply::Status(404, "NoSuchBucket"), &["no bucket `lake-bucket`", "create it or check the name"]),
        (
            Reply::Status(403, "AccessDenied"),
            &["access denied", "s3:GetObject on arn:aws:s3:::lake-bucket/some/prefix/*"],
        ),
        (Reply::Status(403, "InvalidAccessKeyId"), &["credentials are wrong", "InvalidAccessKeyId"]),
        (Reply::Status(403, "SignatureDoesNotMatch"), &["credentials are wrong", "SignatureDoesNotMatch"]),
        (Reply::Status(400, "ExpiredToken"), &["have expired"]),
        (Reply::Status(403, "RequestTimeTooSkewed"), &["clock is wrong"]),
    ] {
        let server = lake().await;
        server.script([reply]);
        check_problem(&variables(&server), says).await;
        assert_eq!(server.requests().len(), 1, "{reply:?} was asked again");
    }
}

#[tokio::test]
async fn retries_are_ours_whatever_the_environment_says() {
    let server = lake().await;
    server.script([Reply::Status(503, "SlowDown"), Reply::ResetBefore, Reply::Status(500, "InternalError")]);
    // To the SDK this would mean none.
    let with = [("AWS_MAX_ATTEMPTS", "1".to_owned())];
    assert_eq!(problems(&changed(&server, &[], with)).await, [""; 0]);
    let reads = server.requests().iter().filter(|request| request.starts_with("GET ")).count();
    assert_eq!(reads, 5, "four of the format, and one for the check of conditional writes");
}
