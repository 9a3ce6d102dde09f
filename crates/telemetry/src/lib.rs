//! What Penstock says about itself: the registry of metrics, and one struct for each event, with `emit()`.
//!
//! An event logs and counts together. No I/O: a log line goes to `tracing`, a number to the [`Registry`] that the caller
//! holds, and whoever runs the process decides where both lead.
//!
//! An event's level follows from its consequence.
//! ERROR: data is at risk, or somebody must act.
//! WARN: something was given up that is tried again elsewhere.
//! INFO: worth a line in a healthy run.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod metric;
mod registry;
pub mod prometheus;
pub mod embedded;
pub mod statsd;

pub mod ingest;
pub mod refine;
pub mod store;
pub mod tables;
pub mod function;
pub mod trigger;
pub mod producer;

pub use metric::{CloudWatch, Description, Kind, Label, Metric, Source, Unit};
pub use registry::{Histogram, MAX_SAMPLES, Registry, Series, Snapshot, Value};

/// The name under which events appear in `tracing`, so that a filter can choose them.
pub const TARGET: &str = "penstock";
