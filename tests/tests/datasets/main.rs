//! Datasets other than the default one, from their file to what readers see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod rows;

mod user_actions;
mod numbers;
mod any_dataset;
mod guide;
mod replay;
