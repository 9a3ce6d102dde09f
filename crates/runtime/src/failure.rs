//! Errors at the edge: what failed, and who must act.

use std::fmt;

use penstock_lake::chain::ChainError;
use penstock_lake::cuts::CutError;
use penstock_lake::{StoreError, with_causes};

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody: the next delivery, or the next minute, will do it.
    Retry,
    /// Whoever configures or operates the pipeline; the message says how.
    Misconfigured,
    /// Whoever develops Penstock.
    Bug,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Misconfigured => "Misconfigured",
            Self::Bug => "Bug",
        }
    }
}

/// Why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
}

impl Failure {
    #[must_use]
    pub fn retry(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Retry, message: message.to_string() }
    }

    #[must_use]
    pub fn misconfigured(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Misconfigured, message: message.to_string() }
    }

    #[must_use]
    pub fn bug(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Bug, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = with_causes(&error);
        match error {
            StoreError::Conflict { .. } | StoreError::Unavailable { .. } | StoreError::NotFound { .. } => {
                Self::retry(message)
            }
            StoreError::Denied { .. } | StoreError::Unusable { .. } => Self::misconfigured(message),
            StoreError::Misuse { .. } => Self::bug(message),
        }
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Store(error) => error.into(),
            ChainError::Damaged { .. } => Self::misconfigured(error),
        }
    }
}

impl From<CutError> for Failure {
    fn from(error: CutError) -> Self {
        match error {
            CutError::Store(error) => error.into(),
            CutError::Damaged { .. } => Self::misconfigured(error),
        }
    }
}
