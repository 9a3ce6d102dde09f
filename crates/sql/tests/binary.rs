//! The binary as people call it: what it prints where, and its exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn penstock_sql(lake: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_penstock-sql")).arg("--lake").arg(lake).args(arguments).output().unwrap()
}

/// A lake into which nothing was poured yet.
fn empty_lake() -> tempfile::TempDir {
    let lake = tempfile::tempdir().unwrap();
    fs::create_dir(lake.path().join("_penstock")).unwrap();
    fs::write(lake.path().join("_penstock/format.json"), r#"{"format":1}"#).unwrap();
    lake
}

#[test]
fn answers_go_to_standard_output_and_refusals_to_standard_error() {
    let lake = empty_lake();
    let nowhere = lake.path().join("nowhere");
    let broken = empty_lake();
    fs::create_dir_all(broken.path().join("silver/iot/event_date=2026-01-31")).unwrap();
    fs::write(broken.path().join("silver/iot/event_date=2026-01-31/000000000001.parquet"), "no Parquet").unwrap();
    let check = |lake: &Path, arguments: &[&str], code: i32, out: &str, err: &str| {
        let output = penstock_sql(lake, arguments);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (seen_out, seen_err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {seen_out}{seen_err}");
        assert_eq!(seen_out, out, "{arguments:?}: {seen_err}");
        assert!(seen_err.contains(err) && seen_err.is_empty() == err.is_empty(), "{arguments:?}: {seen_err}");
    };
    check(lake.path(), &["--csv", "SELECT COUNT(*) AS events FROM silver"], 0, "events\n0\n", "");
    check(lake.path(), &["--json", "p95"], 0, "[]\n", "");
    check(lake.path(), &["SELECT * FROM gold"], 2, "", "raw, rejects, silver, windows, windows_total");
    check(lake.path(), &["--dataset", "no-such-dataset", "p95"], 2, "", "no-such-dataset");
    check(lake.path(), &["--csv", "--json", "p95"], 2, "", "--json");
    check(&nowhere, &["p95"], 2, "", "nowhere");
    check(broken.path(), &["SELECT * FROM silver"], 2, "", "arquet");
}

#[test]
fn a_store_that_does_not_answer_is_no_fault_of_the_caller() {
    let output = Command::new(env!("CARGO_BIN_EXE_penstock-sql"))
        .args(["--lake", "s3://bucket/lake", "p95"])
        // Nobody listens on this port.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
