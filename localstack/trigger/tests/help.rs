//! What documents and messages tell people to type is what `penstock-trigger` understands.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../tests/tests/tidy/commands.rs"]
mod commands;

#[test]
fn command_lines_in_documents_and_messages_would_work() {
    commands::check("penstock-trigger", env!("CARGO_BIN_EXE_penstock-trigger"));
}
