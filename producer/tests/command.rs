//! The binary as a person meets it: what it prints, what it leaves behind, how it exits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use penstock_producer::Report;

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock-producer"));
    command.args(arguments.split_whitespace()).current_dir(folder).env_remove("PENSTOCK_KAFKA_PASSWORD");
    command.stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

/// The exit status and what stands on standard error.
fn check(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = run(folder, arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn report(path: &Path) -> Report {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_same_seed_and_start_give_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let start = "--events 1000 --start-time 2026-11-21T12:00:00Z";
    for name in ["a", "b"] {
        assert_eq!(check(folder.path(), &format!("{start} --file {name} --report {name}.json")).0, Some(0));
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a"), read("b"));
    assert_eq!(read("a"), run(folder.path(), start).stdout);
    let report = report(&folder.path().join("a.json"));
    assert_eq!((report.sent, report.acknowledged, report.failed), (1000, 1000, 0));
    assert_eq!((report.dataset.as_str(), report.seed, report.sink.as_str()), ("iot", Some(7), "file"));
    assert!(report.started <= report.finished && report.topic.is_none() && !report.interrupted);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn own_events_pass_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in"), b"{\"device_id\":\"a\"}\r\n\nbroken \xff\n{}").unwrap();
    let output = run(folder.path(), "--input in --report report.json");
    assert_eq!(output.stdout, b"{\"device_id\":\"a\"}\nbroken \xff\n{}\n");
    let report = report(&folder.path().join("report.json"));
    assert_eq!((report.sent, report.broken_lines, report.empty_lines, report.without_key), (3, 1, 1, 2));
    assert_eq!(report.seed, None);

    let mut child = command(folder.path(), "--input -").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{}\n[]").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"{}\n[]\n");
}

#[test]
fn json_is_one_document_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "--events 10 --file out --json");
    assert_eq!(serde_json::from_slice::<Report>(&output.stdout).unwrap().sent, 10);
}

#[test]
fn the_schema_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&run(folder.path(), "--schema").stdout).unwrap();
    assert_eq!(schema["properties"]["event_duration"]["unit"], "ms");
    assert_eq!(
        schema["required"],
        serde_json::json!(["event_id", "device_id", "device_type", "event_time", "event_duration"])
    );
}

#[test]
fn wrong_usage_exits_with_2_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wrong.toml"), "name = 'x'\ncolums = 3\n").unwrap();
    let cases = [
        (
            "--dataset nowhere.toml",
            "none of those that ship with Penstock (iot, user_actions, numbers), and there is no such file",
        ),
        ("--dataset wrong.toml", "line 2, column 1: unknown key `colums` in the dataset: did you mean `columns`?"),
        ("--input nowhere.ndjson", "cannot read nowhere.ndjson"),
        ("--input .", "cannot read ."),
        ("--file nowhere/out", "cannot write nowhere/out"),
        ("--file out --report nowhere/report", "cannot write the report nowhere/report"),
        ("--late 2 --report report", "late is 2: give a share from 0 to 1"),
        ("--sink kafka", "Kafka needs --brokers HOST:PORT and --topic NAME"),
        ("--events many", "invalid value 'many'"),
        ("--kafka sasl.password=secret --brokers b:1 --topic t", "sasl.password is a secret"),
    ];
    for (arguments, message) in cases {
        let (code, error) = check(folder.path(), arguments);
        assert_eq!(code, Some(2), "{arguments}: {error}");
        assert!(error.contains(message), "{arguments}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), "--events 100000").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupt_ends_the_run_with_its_report() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-INT", "-TERM"] {
        let arguments = "--events 1000000 --rate 50 --report report.json";
        let mut child = command(folder.path(), arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let rest = output.lines().count() as u64;
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let report = report(&folder.path().join("report.json"));
        assert!(report.interrupted && report.complete(), "{report:?}");
        assert_eq!(report.sent, rest + 1);
    }
}
