//! The protocol of the lake, in one process: what batches, operators, crashes, rivals and time can do to it,
//! and that each of its guards holds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod scene;
mod watched;

// The landing.
mod gaps;
mod hints;
mod kinesis;
mod landing;
mod races;
mod retention;

// The refinement.
mod crashes;
mod cuts;
mod damage;
mod datasets;
mod dedupe;
mod watermark;

// What proves it.
mod audit;
