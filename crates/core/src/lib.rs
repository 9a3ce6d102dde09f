//! The pure heart of Penstock: bytes, settings and the time of arrival in; bytes out.
//!
//! Nothing here reads a clock, the environment, a file or the network, prints, or draws a random number:
//! the list of dependencies and the bans in `clippy.toml` hold that. Read the modules in this order.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

pub mod dataset;
pub mod position;

// A batch, from the payload to a raw object.
pub mod payload;
mod json;
pub mod time;
pub mod uuid;
pub mod french;
pub mod reject;
pub mod parse;
pub mod raw;

// The chain of raw objects.
pub mod keys;
pub mod checksum;
pub mod chain;
pub mod overlap;
pub mod raw_object;
pub mod replay;

// A cut, from raw objects to silver and windows.
pub mod cut;
pub mod dedupe;
pub mod window;
pub mod table;
pub mod windows_table;
pub mod part;
pub mod state;
pub mod pour;

pub mod p95;

#[cfg(test)]
mod sample;
