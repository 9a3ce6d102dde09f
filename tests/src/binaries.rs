//! The product's own binaries, built once for each test process, so that `cargo test` alone is enough.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The functions as they are deployed: alone, so that no other package turns on features of theirs.
const FUNCTIONS: [&str; 2] = ["penstock-ingest", "penstock-refine"];
const TOOLS: [&str; 3] = ["penstock", "penstock-producer", "penstock-trigger"];

/// The release binary of a function: `ingest` or `refine`.
#[must_use]
pub fn function(name: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    named(name, BUILT.get_or_init(|| build(&FUNCTIONS, &["--release"])))
}

/// The release binary of a tool: `penstock`, `penstock-producer` or `penstock-trigger`.
pub fn tool(name: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    named(name, BUILT.get_or_init(|| build(&TOOLS, &["--release"])))
}

/// `penstock` in the profile of the tests, which is there sooner.
pub fn penstock() -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    named("penstock", BUILT.get_or_init(|| build(&TOOLS[..1], &[])))
}

fn named(name: &str, built: &BTreeMap<String, PathBuf>) -> PathBuf {
    built.get(name).unwrap_or_else(|| panic!("no binary {name} among {built:?}")).clone()
}

/// Builds packages and returns the binaries that Cargo names.
fn build(packages: &[&str], options: &[&str]) -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--message-format=json-render-diagnostics"]).args(options);
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).stderr(Stdio::inherit());
    // What Cargo tells this test about itself would be news to the build scripts, and they would run again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("cargo starts");
    assert!(output.status.success(), "cargo build {packages:?} failed: its messages are above");
    output.stdout.split(|byte| *byte == b'\n').filter_map(executable).collect()
}

/// The binary that one of Cargo's messages names.
fn executable(message: &[u8]) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_slice(message).ok()?;
    let path = message["executable"].as_str()?;
    Some((message["target"]["name"].as_str()?.to_owned(), path.into()))
}
