//! Does for a Kafka topic what Lambda's event source mapping does in its default (on-demand) mode.
//!
//! In go a [`mapping::Mapping`], a [`log::Log`] (in memory or Kafka) and an [`invoke::Invoker`] (a closure, or
//! Lambda's Invoke API over HTTP). The function gets the documented payload; batches end at a size, a window or 6 MB;
//! each partition goes out in order; positions are committed after success only; what fails is tried again for ever.
//! Provisioned mode (retry limits, bisecting, partial responses, destinations) is not there.
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

mod batch;
pub mod http;
pub mod invoke;
pub mod kafka;
pub mod log;
pub mod mapping;
pub mod memory;
pub mod payload;
mod retry;
mod serve;
mod served;

pub use serve::{TriggerError, serve};
pub use served::{Served, ServedPartition};
