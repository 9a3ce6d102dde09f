//! The pure heart of Penstock: bytes, settings and the time of arrival in; bytes out.
//!
//! Nothing here reads a clock, the environment, a file or the network, prints, or draws a random number:
//! the list of dependencies and the bans in `clippy.toml` hold that. Read the modules in this order.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")
)]

pub mod dataset;
pub mod position;
