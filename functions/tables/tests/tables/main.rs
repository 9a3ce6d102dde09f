//! The Iceberg tables hold what the lake holds, each cut once, whatever happens on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod scene;
mod catalogs;

mod once;
mod evolution;
mod refusals;
