//! Events for Penstock: made up from a seed, or the user's own, sent to Kafka, Kinesis, a file or standard output.
//!
//! In: a dataset, and a [`Shape`] or a file of lines. Out: records in a [`Sink`], and a [`Report`] of what became of them.
//! `penstock-producer` is the binary; `penstock run` uses the same library in its own process.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod fault;
mod generator;
mod input;
mod kafka;
#[cfg(feature = "aws")]
mod kinesis;
#[cfg(feature = "aws")]
mod msk;
mod pace;
mod plan;
mod produce;
mod random;
mod report;
mod schema;
mod shape;
mod sink;
mod source;
mod text;
mod token;
mod value;

pub use fault::Fault;
pub use generator::Generator;
pub use input::{InputError, Lines};
pub use kafka::{KafkaSettings, KafkaSink, Sasl};
#[cfg(feature = "aws")]
pub use kinesis::{KinesisSettings, KinesisSink, Order};
#[cfg(feature = "aws")]
pub use msk::MskIam;
pub use pace::Pace;
pub use plan::EventKind;
pub use produce::{Interrupt, Outcome, Progress, Stopped, produce};
pub use report::{Counts, Deliveries, Failure, PartitionReport, Report, ShardReport};
pub use schema::schema;
pub use shape::{
    DEFAULT_DUPLICATES, DEFAULT_EVENTS, DEFAULT_LATE, DEFAULT_MALFORMED, DEFAULT_SEED, DEFAULT_SPAN_SECS, Expected,
    GeneratorError, Shape, spacing,
};
pub use sink::{FileSink, LineSink, NewFile, Sink, SinkError};
pub use source::{Generated, Record, Source};
pub use token::{Token, TokenSource};
