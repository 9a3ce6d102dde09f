//! Laws of the whole path, through the real functions: what must hold for every topic and every way to deliver it.
//! The laws of single modules stand beside them, in the core.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod folding;
mod scene;

mod delivery;
mod names;
mod time;
