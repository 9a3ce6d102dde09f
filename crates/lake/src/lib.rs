//! The lake's storage: one trait, [`Store`], and what stands behind and around it.
//!
//! Behind it: [`MemoryStore`] for tests, [`DirectoryStore`] for a laptop, and S3.
//! All pass the same [`conformance`] suite, so that what is proved on one holds on the others.
//!
//! Whatever is written is written with [`Store::put_new`], which creates an object and never replaces one.
//! This is the whole of the exactly-once argument: who comes second is told so, and reads what the first one wrote.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod clock;
mod directory;
mod error;
mod key;
mod memory;
mod store;

pub use clock::{Clock, TestClock};
pub use directory::DirectoryStore;
pub use error::StoreError;
pub use memory::MemoryStore;
pub use store::{LIST_LIMIT, Listed, ObjectEnd, Operation, Put, Store};
