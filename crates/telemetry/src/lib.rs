//! The registry of what Penstock says about itself: one struct for each event, with `emit()`.
//!
//! No I/O: an event goes to `tracing`, and whoever runs the process decides where that leads.
//!
//! An event's level follows from its consequence.
//! ERROR: data is at risk, or somebody must act.
//! WARN: something was given up that is tried again elsewhere.
//! INFO: worth a line in a healthy run.

pub mod ingest;
pub mod refine;
pub mod store;

/// The name under which events appear in `tracing`, so that a filter can choose them.
pub const TARGET: &str = "penstock";
