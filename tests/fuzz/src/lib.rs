//! What the parser is tried with, and what it is compared with.
//!
//! [`corpus`] makes poison and odd records from rules; [`plain`] says what a record or a payload is, as plainly as it can
//! be said with `serde_json`; [`compare`] runs the product beside it and panics where the two differ.
//! The fuzz targets and the suites `poison` and `laws` stand on these three.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod corpus;
pub mod plain;
pub mod compare;
