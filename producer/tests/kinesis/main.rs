//! The sink for Kinesis, as a person meets it, against a server that does what Kinesis may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::{Command, Output, Stdio};

use penstock_producer::{Report, ShardReport};
use server::{Reply, STREAM, Server, Stored};

const THROTTLED: &str = "ProvisionedThroughputExceededException";
/// Without duplicates, so that a record is known by its value.
const EVENTS: &str = "--start-time 2026-11-21T12:00:00Z --duplicates 0 --malformed 0 --events";

/// The producer in an environment that leads to this endpoint and nowhere else.
fn producer(endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock-producer"));
    command.env_clear().stdin(Stdio::null()).env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn send(server: &Server, arguments: &str) -> Output {
    let sink = ["--sink", "kinesis", "--stream", STREAM, "--json"];
    producer(&server.url()).args(sink).args(arguments.split_whitespace()).output().unwrap()
}

fn report(output: &Output) -> Report {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Sends events to a stream that answers as the script says: all of them arrive, each key's in their order, and the
/// report says where.
fn check(script: &[Reply], arguments: &str) -> (Report, Server) {
    let server = Server::start(script);
    let events = format!("{EVENTS} {arguments}");
    let output = send(&server, &events);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output);
    let sent = lines(&events.replace("--unordered", ""));
    assert_eq!((report.sent, report.acknowledged, report.failed), (sent.len() as u64, sent.len() as u64, 0));
    let log = server.log();
    let arrived: HashSet<&[u8]> = log.iter().map(|stored| stored.data.as_slice()).collect();
    assert!(arrived == sent.iter().map(Vec::as_slice).collect(), "what arrived is not what was sent");
    assert!(log.len() as u64 <= report.acknowledged + report.may_be_doubled, "{report:?}");
    if !arguments.contains("--unordered") {
        check_order(&sent, &log);
    }
    (report, server)
}

/// The events, as they go to standard output.
fn lines(arguments: &str) -> Vec<Vec<u8>> {
    let output = producer("unused").args(arguments.split_whitespace()).output().unwrap();
    output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn check_order(sent: &[Vec<u8>], log: &[Stored]) {
    let numbers: HashMap<&[u8], usize> =
        sent.iter().zip(0..).map(|(value, number)| (value.as_slice(), number)).collect();
    let mut newest = HashMap::<&str, usize>::new();
    for Stored { key, data, .. } in log {
        let number = numbers[data.as_slice()];
        let before = newest.insert(key, number).unwrap_or(0);
        assert!(before <= number, "of {key}, record {number} stands behind record {before}");
    }
}

/// What the log holds of each shard, as the report says it.
fn shards(log: &[Stored]) -> Vec<ShardReport> {
    let mut shards = BTreeMap::new();
    for Stored { shard, sequence_number, .. } in log {
        let position = sequence_number.parse().unwrap();
        let entry = shards.entry(shard.clone()).or_insert(ShardReport {
            shard: shard.clone(),
            acknowledged: 0,
            first_sequence_number: position,
            last_sequence_number: position,
        });
        entry.acknowledged += 1;
        entry.last_sequence_number = position;
    }
    shards.into_values().collect()
}

#[test]
fn every_event_stands_in_the_stream_once_under_its_key() {
    let (report, server) = check(&[], "20000");
    assert_eq!((report.sink.as_str(), report.topic.as_deref()), ("kinesis", Some(STREAM)));
    assert_eq!((report.shards, report.may_be_doubled), (shards(&server.log()), 0));
    assert!(server.log().iter().all(|stored| stored.key.starts_with("device-")));
    assert!(server.requests().iter().all(|records| *records <= 500));
}

#[test]
fn records_that_are_refused_one_by_one_come_again_in_order() {
    let script = [
        Reply::RefuseEvery(2, THROTTLED),
        Reply::RefuseEvery(3, "InternalFailure"),
        Reply::RefuseEvery(1, THROTTLED),
        Reply::RefuseEvery(5, THROTTLED),
    ];
    let (report, server) = check(&script, "5000");
    assert_eq!((report.shards, report.may_be_doubled), (shards(&server.log()), 0));
}

#[test]
fn a_request_that_is_refused_as_a_whole_comes_again() {
    let script = [Reply::Normal, Reply::Status(400, THROTTLED), Reply::Status(400, "LimitExceededException")];
    let (report, server) = check(&script, "2000");
    assert_eq!((report.shards, report.may_be_doubled), (shards(&server.log()), 0));
}

#[test]
fn a_lost_reply_doubles_records_and_the_report_says_how_many() {
    let (report, server) = check(&[Reply::Normal, Reply::ResetAfter], "2000");
    let doubled = server.log().len() as u64 - report.sent;
    assert!(0 < doubled, "{report:?}");
    assert_eq!(report.may_be_doubled, doubled);
}

#[test]
fn a_server_that_fails_gets_every_record_again() {
    let (report, server) = check(&[Reply::Status(500, "InternalFailure"), Reply::ResetBefore], "2000");
    // Nobody could know that they had not arrived.
    assert!(0 < report.may_be_doubled && server.log().len() == 2000, "{report:?}");
}

#[test]
fn a_reshard_in_the_middle_is_followed() {
    let script = [Reply::Normal, Reply::Reshard(4), Reply::RefuseEvery(2, THROTTLED), Reply::Reshard(1)];
    let (report, server) = check(&script, "5000");
    assert_eq!(report.may_be_doubled, 0);
    assert_eq!(report.shards, shards(&server.log()));
    // Each generation of shards took a request; how large that was, and so how many of them it met, is chance.
    assert!(3 <= report.shards.len(), "{:?}", report.shards);
}

#[test]
fn unordered_records_go_many_of_a_key_at_once() {
    let (report, server) = check(&[Reply::RefuseEvery(7, THROTTLED)], "20000 --unordered");
    assert_eq!(report.shards, shards(&server.log()));
    assert!(server.requests().len() < 100, "{} requests", server.requests().len());
}

#[test]
fn records_without_a_key_get_their_number_for_one() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, "{\"device_id\":\"a\"}\n\nbroken\n").unwrap();
    let report = report(&send(&server, &format!("--input {}", input.display())));
    assert_eq!((report.acknowledged, report.without_key), (2, 1));
    let mut keys: Vec<String> = server.log().into_iter().map(|stored| stored.key).collect();
    keys.sort();
    assert_eq!(keys, ["3", "a"]);
}

#[test]
fn a_stream_that_is_deleted_ends_the_run_with_a_finding() {
    let script = [Reply::Normal, Reply::Status(400, "ResourceNotFoundException")];
    let server = Server::start(&script);
    let output = send(&server, &format!("{EVENTS} 100000"));
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!(report.acknowledged, server.log().len() as u64);
    assert_eq!(report.sent, report.acknowledged + report.failed);
    assert!(report.failure.unwrap().contains("stream `clicks` does not exist in region eu-central-1"));
}

#[test]
fn what_no_stream_takes_is_named_and_what_came_before_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events.ndjson");
    for (line, problem) in [
        (format!("\"{}\"", "x".repeat(1 << 20)), "1048579 bytes with its key is more than a stream takes"),
        (format!("{{\"device_id\":\"{}\"}}", "é".repeat(257)), "its key has 257 characters, and Kinesis takes 256"),
    ] {
        std::fs::write(&input, format!("{{\"device_id\":\"a\"}}\n{line}\n{{}}\n")).unwrap();
        let server = Server::start(&[]);
        let output = send(&server, &format!("--input {}", input.display()));
        let message = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(message.contains("line 2 of") && message.contains(problem), "{message}");
        assert_eq!((output.status.code(), report(&output).acknowledged, server.log().len()), (Some(2), 1, 1));
    }
}

#[test]
fn msk_with_iam_needs_a_region_and_credentials() {
    let check = |variable: &str, problem: &str| {
        let mut command = producer("http://127.0.0.1:1");
        command.env_remove(variable).args(["--msk-iam", "--brokers", "127.0.0.1:1", "--topic", "events"]);
        let (code, message) = refusal(&mut command);
        assert!(code == Some(2) && message.contains(problem), "{code:?}: {message}");
    };
    check("AWS_REGION", "no AWS region is configured: set AWS_REGION to the region of the cluster");
    check("AWS_ACCESS_KEY_ID", "no AWS credentials");
    // With both it is as far as the broker, or as a build without TLS comes.
    check("UNUSED", if cfg!(feature = "tls") { "no answer from 127.0.0.1:1" } else { "--features tls" });
}

/// The exit status, and the message of a run that does not begin.
fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let output = command.args(["--events", "1", "--json"]).output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_not_there_is_named_with_a_remedy() {
    let server = Server::start(&[]);
    let check = |stream: &str, change: &dyn Fn(&mut Command), parts: &[&str]| {
        let mut command = producer(&server.url());
        change(command.args(["--stream", stream]));
        let (code, message) = refusal(&mut command);
        assert!(code == Some(2) && parts.iter().all(|part| message.contains(part)), "{code:?}: {message}");
    };
    let as_it_is = |_: &mut Command| {};
    check("other", &as_it_is, &["stream `other` does not exist in region eu-central-1 at http", "AWS_REGION"]);
    check(STREAM, &|command| _ = command.env_remove("AWS_REGION"), &["no AWS region is configured: set AWS_REGION"]);
    let without_credentials = |command: &mut Command| {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    };
    check(STREAM, &without_credentials, &["no AWS credentials", "AWS_PROFILE"]);
    let nobody_there = |command: &mut Command| _ = command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    check(STREAM, &nobody_there, &["no answer from region eu-central-1 at http://127.0.0.1:1", "AWS_ENDPOINT_URL"]);
    let no_address = |command: &mut Command| _ = command.env("AWS_ENDPOINT_URL", "localhost:4566");
    check(STREAM, &no_address, &["AWS_ENDPOINT_URL is `localhost:4566`", "http://"]);
    for (status, parts) in [
        ("CREATING", ["is CREATING", "aws kinesis wait stream-exists"]),
        ("error AccessDeniedException", ["said the server", "kinesis:PutRecords"]),
        ("error ExpiredTokenException", ["refuses the credentials", "renew them"]),
    ] {
        server.set_status(status);
        check(STREAM, &as_it_is, &parts);
    }
}
