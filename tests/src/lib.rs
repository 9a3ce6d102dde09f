//! What the tests of the whole share: events and payloads, a lake in this process, a reader that knows nothing of us,
//! and, for tests of real binaries, `cargo build` and a small Lambda of our own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the machine for its time and environment"
)]

pub mod random;
pub mod events;
pub mod lake;
pub mod reading;
pub mod simulation;
pub mod binaries;
pub mod kill;
pub mod lambda;
