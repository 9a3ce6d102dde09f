//! How often a lake is looked at: a directory costs nothing, S3 a request at a time.
//!
//! A look is a list of the format, one of cuts, those of the folders that chains stand in, and one for each chain it asks:
//! 11 requests with one topic of 6 partitions.

use std::time::Duration;

use penstock_runtime::LakeUrl;

/// How often, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The time from one look to the next.
    pub(super) look: Duration,
    /// The time from one answer to the next.
    answer: Duration,
    /// The question is not asked where silver is larger: every answer reads all of it.
    pub(super) answer_bytes: u64,
}

impl Pace {
    pub(super) const fn of(lake: &LakeUrl) -> Self {
        match lake {
            LakeUrl::Directory(_) => {
                Self { look: Duration::from_secs(1), answer: Duration::from_secs(5), answer_bytes: 512 << 20 }
            }
            LakeUrl::S3 { .. } => {
                Self { look: Duration::from_secs(5), answer: Duration::from_secs(60), answer_bytes: 64 << 20 }
            }
        }
    }

    pub(super) fn answer_micros(self) -> i64 {
        i64::try_from(self.answer.as_micros()).unwrap_or(i64::MAX)
    }
}
