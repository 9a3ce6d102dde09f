//! What can go wrong with a store: one variant for each thing that somebody would do about it.

use crate::Operation;

/// What the store, or the library that reaches it, said.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error with all its causes, on one line, for a log or a message.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut text = String::new();
    for cause in causes.map(ToString::to_string) {
        // Many errors repeat their source in their own words.
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text = text + separator + &cause;
        }
    }
    text
}

/// Why an operation on the store failed, with the operation, the key (of a list: its prefix) and the source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object. The only error that says anything about existence.
    #[error("{operation}: there is no object `{key}`")]
    NotFound { operation: Operation, key: String },

    /// Not allowed. A wrong configuration; it says nothing about whether the object exists.
    #[error("{operation} `{key}`: access denied. {remedy}")]
    Denied { operation: Operation, key: String, remedy: String, source: Source },

    /// Somebody else was writing the same key at the same moment: try again.
    #[error("{operation} `{key}`: another request for the same key was under way; try again")]
    Conflict { operation: Operation, key: String },

    /// No answer, or the answer that there is none now: try again. What was asked may have been done nevertheless.
    #[error("{operation} `{key}`: the store is unavailable: {problem}")]
    Unavailable { operation: Operation, key: String, problem: String, source: Option<Source> },

    /// The location cannot hold a lake as it is: no directory, read-only, full, no such bucket. The message says what to do.
    #[error("{operation} `{key}`: {problem}")]
    Unusable { operation: Operation, key: String, problem: String, source: Option<Source> },

    /// The caller asked for something that no store does: a bug.
    #[error("{operation} `{key}`: {problem} (a bug in the caller)")]
    Misuse { operation: Operation, key: String, problem: String },
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Unavailable { .. })
    }

    /// Whether the object is known not to be there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// What went wrong, in one word that a metric may have for a label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Denied { .. } => "denied",
            Self::Conflict { .. } => "conflict",
            Self::Unavailable { source: Some(source), .. } if source.is::<tokio::time::error::Elapsed>() => "timeout",
            Self::Unavailable { .. } => "unavailable",
            Self::Unusable { .. } | Self::Misuse { .. } => "refused",
        }
    }

    pub(crate) fn not_found(operation: Operation, key: &str) -> Self {
        Self::NotFound { operation, key: key.to_owned() }
    }

    pub(crate) fn denied(operation: Operation, key: &str, remedy: impl Into<String>, source: Source) -> Self {
        Self::Denied { operation, key: key.to_owned(), remedy: remedy.into(), source }
    }

    pub(crate) fn unavailable(
        operation: Operation,
        key: &str,
        problem: impl Into<String>,
        source: Option<Source>,
    ) -> Self {
        Self::Unavailable { operation, key: key.to_owned(), problem: problem.into(), source }
    }

    pub(crate) fn unusable(
        operation: Operation,
        key: &str,
        problem: impl Into<String>,
        source: Option<Source>,
    ) -> Self {
        Self::Unusable { operation, key: key.to_owned(), problem: problem.into(), source }
    }

    pub(crate) fn misuse(operation: Operation, key: &str, problem: impl Into<String>) -> Self {
        Self::Misuse { operation, key: key.to_owned(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let check = |problem: &str, expect: &str| {
            let cause = std::io::Error::other("disk on fire");
            let error = StoreError::unusable(Operation::Get, "key", problem, Some(cause.into()));
            assert_eq!(with_causes(&error), expect);
        };
        check("it is hot", "get `key`: it is hot: disk on fire");
        check("it is hot (disk on fire): call somebody", "get `key`: it is hot (disk on fire): call somebody");
    }
}
