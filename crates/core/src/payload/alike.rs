//! Records that look like the one before them.
//!
//! Lambda writes the records of a partition in one shape: the same fields in the same order, and most of them with
//! the same text. Once a record has been read field by field, its [`Shape`] says what stands around the four parts that
//! differ (offset, timestamp, key, value), and the next record is read by comparing those texts.
//! A shape is learned, not assumed: what does not fit it is read field by field, with the same result.

use std::borrow::Cow;
use std::ops::Range;

use super::{Encoded, Record, TimestampType};
use crate::json::Scanner;
use crate::position::Position;
use crate::time::from_epoch_millis;

/// What stands around the parts of a record that differ from those of the record before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    /// From the record's brace to its offset: topic and partition are in here, or in one of the next.
    before_offset: &'a [u8],
    before_timestamp: &'a [u8],
    /// To behind the quote of the key; `None` where the record had no key.
    before_key: Option<&'a [u8]>,
    /// From the end of the last part to behind the quote of the value.
    before_value: &'a [u8],
    /// From the quote that ends the value to the record's brace.
    after: &'a [u8],
    timestamp_type: TimestampType,
}

/// Where the parts of a record stand in the payload; strings without their quotes.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) offset: Range<usize>,
    pub(super) timestamp: Range<usize>,
    pub(super) key: Option<Range<usize>>,
    pub(super) value: Range<usize>,
    /// The end of the last of the fields that stay the same.
    pub(super) same: usize,
    /// A field stands there twice: which one counts depends on their order.
    pub(super) repeated: bool,
}

impl<'a> Shape<'a> {
    /// The shape of the record at `record`, if it has the parts, but perhaps the key, in the usual order and behind everything else
    /// that counts.
    pub(super) fn learn(
        text: &'a [u8],
        record: Range<usize>,
        parts: &Parts,
        timestamp_type: TimestampType,
    ) -> Option<Self> {
        let Parts { offset, timestamp, key, value, same, repeated } = parts;
        if *repeated || value.start < *same {
            return None;
        }
        // Parts that are absent are empty ranges at 0, so that a range that ends there goes backwards: `None`.
        Some(Self {
            before_offset: text.get(record.start..offset.start)?,
            before_timestamp: text.get(offset.end..timestamp.start)?,
            before_key: match key {
                Some(key) => Some(text.get(timestamp.end..key.start)?),
                None => None,
            },
            before_value: text.get(key.as_ref().unwrap_or(timestamp).end..value.start)?,
            after: text.get(value.end..record.end)?,
            timestamp_type,
        })
    }

    /// Reads the next record if it has this shape; otherwise the scanner stays where it is.
    #[inline]
    pub(super) fn read(&self, scanner: &mut Scanner<'a>) -> Option<Record<'a>> {
        let mut ahead = scanner.clone();
        let offset = Self::part(&mut ahead, self.before_offset, Scanner::take_natural)?;
        let millis = Self::part(&mut ahead, self.before_timestamp, Scanner::take_natural)?;
        let key = match self.before_key {
            Some(before) => Some(Self::part(&mut ahead, before, Scanner::take_to_quote)?),
            None => None,
        };
        let value = Self::part(&mut ahead, self.before_value, Scanner::take_to_quote)?;
        if !ahead.take_text(self.after) {
            return None;
        }
        *scanner = ahead;
        Some(Record {
            position: Position::from_offset(offset),
            timestamp: i64::try_from(millis).ok().and_then(from_epoch_millis),
            timestamp_type: self.timestamp_type,
            key: key.map(|key| Encoded::Base64(Cow::Borrowed(key))),
            value: Some(Encoded::Base64(Cow::Borrowed(value))),
        })
    }

    #[inline]
    fn part<T>(ahead: &mut Scanner<'a>, before: &[u8], take: impl FnOnce(&mut Scanner<'a>) -> Option<T>) -> Option<T> {
        if ahead.take_text(before) { take(ahead) } else { None }
    }
}
