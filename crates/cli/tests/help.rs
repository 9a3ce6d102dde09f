//! What documents and messages tell people to type is what `penstock` understands.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../tests/tests/tidy/commands.rs"]
mod commands;

const BINARY: &str = env!("CARGO_BIN_EXE_penstock");

#[test]
fn command_lines_in_documents_and_messages_would_work() {
    commands::check("penstock", BINARY);
}

#[test]
fn the_readme_names_every_command() {
    let readme = commands::document("README.md");
    for command in commands::subcommands(BINARY) {
        assert!(readme.contains(&format!("penstock {command}")), "the README does not name `penstock {command}`");
    }
}
