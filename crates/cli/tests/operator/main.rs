//! What an operator does when records are missing or a raw object is lost: each refusal names a remedy, and the remedy works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gaps;
mod rejects;
mod scene;
mod voids;
