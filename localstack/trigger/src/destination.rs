//! Where batches go that were given up.
//!
//! A position is committed once the destination has taken what lies below it; until then its partition waits, and the
//! delivery is tried again for ever. [`AwsDestination`] speaks to S3, SQS and SNS, [`KafkaDestination`] to a topic of
//! the same cluster.

mod aws;
mod kafka;

use std::fmt::Debug;

use async_trait::async_trait;

pub use aws::AwsDestination;
pub use kafka::KafkaDestination;

pub use crate::signed::AwsAccess;

use crate::discard::Discarded;

/// Why a destination has not taken a batch. It is offered again in every case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It does not answer now, or has too much to do.
    #[error("the on-failure destination is not available: {0}")]
    Unavailable(String),
    /// It refuses, and will until somebody changes a setting or a right.
    #[error("the on-failure destination refuses: {0}")]
    Refused(String),
}

/// Keeps batches that were given up.
#[async_trait]
pub trait Destination: Debug + Send + Sync {
    /// Returns once the batch is safe there. The same batch may come again, if it was not known that it is.
    async fn take(&self, discarded: &Discarded) -> Result<(), DestinationError>;
}
