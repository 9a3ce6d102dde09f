//! The whole from end to end: the real function binaries, `penstock run` and `replay` under SIGKILL, and one golden lake by many ways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the machine for its time and environment"
)]

mod golden;
mod contract;
mod kill;
mod replay;
