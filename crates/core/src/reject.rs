//! Why a record is no row: a closed list of reasons, few enough to be a label of a metric.
//!
//! A reject is a value, not an error: the record lands beside the good ones, byte for byte, with its reason
//! and a detail for people. The detail is short, says where, and quotes at most [`MAX_QUOTED`] bytes of the record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much of a record a detail may quote: enough to recognise it, too little to leak or to flood.
pub const MAX_QUOTED: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The value is null: in a compacted topic the mark of a deletion.
    Tombstone,
    /// The event carries a key or value that is no base64.
    NotBase64,
    /// A Kinesis record in which the Kinesis Producer Library packed several.
    Aggregated,
    TooLarge,
    NotUtf8,
    /// Avro, Protobuf or JSON behind the id of a schema in a registry.
    SchemaEncoded,
    NotJson,
    TooDeep,
    DuplicateKey,
    WrongType,
    NumberOutOfRange,
    RequiredAbsent,
    TimestampUnreadable,
    /// Too long before its arrival.
    TooOld,
    /// Too far after its arrival.
    InFuture,
}

impl Reason {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [Self; 15] = [
        Self::Tombstone,
        Self::NotBase64,
        Self::Aggregated,
        Self::TooLarge,
        Self::NotUtf8,
        Self::SchemaEncoded,
        Self::NotJson,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::WrongType,
        Self::NumberOutOfRange,
        Self::RequiredAbsent,
        Self::TimestampUnreadable,
        Self::TooOld,
        Self::InFuture,
    ];

    /// The reason's name in the lake and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::NotBase64 => "not_base64",
            Self::Aggregated => "aggregated",
            Self::TooLarge => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::SchemaEncoded => "schema_encoded",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::WrongType => "wrong_type",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::RequiredAbsent => "required_absent",
            Self::TimestampUnreadable => "timestamp_unreadable",
            Self::TooOld => "too_old",
            Self::InFuture => "in_future",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no reject reason: expected one of {expected}", expected = Reason::ALL.map(Reason::as_str).join(", "))]
pub struct ReasonError(pub String);

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let reason = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        reason.ok_or_else(|| ReasonError(text.chars().take(40).collect()))
    }
}

/// One record's reason, and the detail for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub reason: Reason,
    pub detail: String,
}

impl Reject {
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// A piece of a record for a detail: at most [`MAX_QUOTED`] bytes, cut at a character, control characters escaped.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_QUOTED)]);
    let cut = if bytes.len() > MAX_QUOTED { shown.trim_end_matches('\u{fffd}') } else { &shown };
    let ellipsis = if bytes.len() > MAX_QUOTED { "..." } else { "" };
    let visible: String = cut.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    format!("`{visible}{ellipsis}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_the_same_everywhere() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{reason}\""));
            assert_eq!(reason as usize, index, "ALL lists the reasons in order");
        }
        assert!("bad".parse::<Reason>().unwrap_err().to_string().contains("tombstone, not_base64"));
    }

    #[test]
    fn quotes_are_short_and_printable() {
        assert_eq!(quote(b"abc"), "`abc`");
        assert_eq!(quote(b"a\0b\xffc"), "`a\u{fffd}b\u{fffd}c`");
        assert_eq!(quote("ä".repeat(100).as_bytes()), format!("`{}...`", "ä".repeat(30)));
        assert_eq!(quote(format!("a{}", "ä".repeat(100)).as_bytes()), format!("`a{}...`", "ä".repeat(29)));
    }
}
