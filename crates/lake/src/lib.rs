//! The lake's storage: one trait, [`Store`], and what stands behind and around it.
//!
//! Behind it: [`S3Store`] for the cloud, [`DirectoryStore`] for a laptop, [`MemoryStore`] for tests.
//! All pass the same [`conformance`] suite, so that what is proved on one holds on the others.
//!
//! Whatever is written is written with [`Store::put_new`], which creates an object and never replaces one.
//! This is the whole of the exactly-once argument: who comes second is told so, and reads what the first one wrote.
//!
//! Around it stand decorators, in this order from the outside:
//!
//! 1. [`Retrying`] tries again what may succeed a moment later.
//! 2. [`Counted`] counts; below the retries, so that every attempt is counted, as S3 bills it.
//! 3. [`Faulty`], in tests only, fails as the script says; innermost, so that a fault is retried and counted like a real one.
//!
//! ```
//! use std::sync::Arc;
//! use penstock_lake::{Counted, MemoryStore, Operation, Put, Retrying, RetryPolicy, Store, TestClock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), penstock_lake::StoreError> {
//! let counted = Counted::new(Arc::new(MemoryStore::default()));
//! let counts = counted.counts();
//! let store = Retrying::new(Arc::new(counted), Arc::new(TestClock::default()), RetryPolicy::default());
//!
//! assert_eq!(store.put_new("raw/a", "first".into()).await?, Put::Created);
//! assert_eq!(store.put_new("raw/a", "second".into()).await?, Put::Exists);
//! assert_eq!(store.get("raw/a").await?, "first");
//! assert_eq!(counts.snapshot().of(Operation::PutNew).exists, 1);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod clock;
mod error;
mod key;
mod store;

mod directory;
mod memory;
mod s3;

pub mod chain;
pub mod cuts;
mod counts;
mod faults;
pub mod hints;
mod retry;

pub mod conformance;

pub use clock::{Clock, TestClock};
pub use counts::{Counted, Counts, OperationCounts, Snapshot};
pub use directory::DirectoryStore;
pub use error::{StoreError, with_causes};
pub use faults::{Answer, Call, Fault, Faulty};
pub use memory::MemoryStore;
pub use retry::{RetryPolicy, Retrying};
pub use s3::S3Store;
pub use store::{LIST_LIMIT, Listed, ObjectEnd, Operation, Put, Store};
