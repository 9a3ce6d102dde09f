//! Rules that no compiler checks, as tests: who may depend on whom, what must match elsewhere, and how files look.
//!
//! A failure lists every offence with its place, so that one run shows them all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod tree;

mod rooms;
mod settings;
mod metrics;
mod documents;
mod files;
mod guards;
