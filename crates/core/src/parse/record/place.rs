//! Where a value does not fit its column: the rejects of single values.

use super::{Parsed, reject};
use crate::json::{Kind, NoInteger, Number};
use crate::reject::{Reason, Reject, quote};

/// A column and where its value stands, for details.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) column: &'a str,
    pub(super) at: usize,
}

impl Place<'_> {
    pub(super) fn integer(&self, number: &Number<'_>) -> Parsed<i64> {
        number.integer().map_err(|error| match error {
            NoInteger::Fraction => self.wrong_text("an integer", number.text),
            NoInteger::OutOfRange => self.out_of_range("a 64-bit integer", number.text),
        })
    }

    #[cold]
    pub(super) fn wrong_type(&self, expected: &str, found: Kind) -> Box<Reject> {
        let Self { column, at } = self;
        reject(Reason::WrongType, format!("column `{column}`: expected {expected}, got {} at byte {at}", found.name()))
    }

    #[cold]
    pub(super) fn wrong_text(&self, expected: &str, text: &[u8]) -> Box<Reject> {
        let Self { column, at } = self;
        reject(Reason::WrongType, format!("column `{column}`: expected {expected}, got {} at byte {at}", quote(text)))
    }

    #[cold]
    pub(super) fn out_of_range(&self, range: &str, text: &[u8]) -> Box<Reject> {
        let Self { column, at } = self;
        reject(
            Reason::NumberOutOfRange,
            format!("column `{column}`: {} at byte {at} does not fit {range}", quote(text)),
        )
    }

    #[cold]
    pub(super) fn unreadable(&self, text: &[u8]) -> Box<Reject> {
        let Self { column, at } = self;
        let expected = "expected RFC 3339 or integer epoch milliseconds, in the years 0000 to 9999";
        reject(Reason::TimestampUnreadable, format!("column `{column}`: {expected}, got {} at byte {at}", quote(text)))
    }
}
