//! Does for a Kafka topic what Lambda's event source mapping does, in its default (on-demand) and its provisioned mode.
//!
//! In go a [`mapping::Mapping`], a [`log::Log`] (in memory or Kafka) and an [`invoke::Invoker`] (a closure, or
//! Lambda's Invoke API over HTTP). The function gets the documented payload; batches end at a size, a window or 6 MB;
//! each partition goes out in order; positions are committed after success only; what fails is tried again for ever.
//! In provisioned mode a mapping may end the retries by number and age, cut a failed batch in two, let the function say
//! which records failed, and give up the rest to a [`destination::Destination`].
//! [`follow::follow`] serves every mapping that Lambda's API lists, and goes with its changes.
//! Filters and schema registries are not there.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use penstock_trigger::{invoke, mapping::Mapping, memory::{MemoryLog, NewRecord}, serve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let log = Arc::new(MemoryLog::new(6, 64 << 20));
//! log.append(3, NewRecord { value: Some(Bytes::from_static(b"{}")), ..NewRecord::default() }).await?;
//! log.close();
//!
//! let function = invoke::from_fn(|_payload| async { Ok(Bytes::from_static(b"null")) });
//! let mapping = Mapping::new("events", "ingest", "localhost:9092", "example");
//! let served = serve(&mapping, log, Arc::new(function), std::future::pending()).await?;
//! assert_eq!(served.partitions[&3].committed, Some(1));
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking"
    )
)]

pub mod mapping;
pub mod log;
pub mod memory;
pub mod kafka;
mod batch;
pub mod payload;
pub mod invoke;
pub mod http;
mod answer;
pub mod discard;
mod signed;
pub mod destination;
mod pollers;
mod retry;
pub mod clock;
mod serve;
mod served;
pub mod follow;
#[cfg(test)]
mod test_server;

pub use serve::{Trigger, TriggerError, serve};
pub use served::{Served, ServedPartition};
