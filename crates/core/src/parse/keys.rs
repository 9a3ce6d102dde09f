//! The records' keys: few distinct ones, each decoded once.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BinaryArray, DictionaryArray, Int32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::ArrowError;

use super::columns::Bits;
use super::strings::Strings;
use crate::payload::Encoded;

/// The column `key` under construction. All keys of a batch are encoded in the same way.
#[derive(Debug)]
pub(super) struct Keys {
    /// As they stand in the payload.
    encoded: Strings,
    valid: Bits,
    /// For each distinct key its bytes, and whether they are only its text because it is no base64.
    distinct: Vec<(Vec<u8>, bool)>,
    /// Whether any of `distinct` is bad: seldom.
    any_bad: bool,
    bytes: u64,
}

impl Keys {
    pub(super) fn new(rows: usize) -> Self {
        Self { encoded: Strings::new(rows), valid: Bits::new(rows), distinct: Vec::new(), any_bad: false, bytes: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, row: usize, key: Option<&Encoded<'_>>) {
        let Some(key) = key else { return };
        let (Encoded::Base64(text) | Encoded::Plain(text)) = key;
        let index = self.encoded.set(row, text);
        if index == self.distinct.len() {
            self.decode(key);
        }
        self.bytes += self.distinct[index].0.len() as u64;
        self.valid.set(row);
    }

    #[cold]
    fn decode(&mut self, key: &Encoded<'_>) {
        let mut bytes = Vec::new();
        let bad = match key.decode_onto(&mut bytes) {
            Ok(()) => false,
            Err(text) => {
                bytes = text.to_vec();
                true
            }
        };
        self.any_bad |= bad;
        self.distinct.push((bytes, bad));
    }

    /// Whether the row's key is no base64.
    #[inline]
    pub(super) fn is_bad(&self, row: usize) -> bool {
        self.any_bad && self.valid.get(row) && self.distinct[self.encoded.index(row)].1
    }

    /// Bytes of all rows' keys.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn finish(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let valid = Some(NullBuffer::new(self.valid.finish(rows))).filter(|valid| valid.null_count() > 0);
        let keys = Int32Array::try_new(self.encoded.into_indices().into(), valid)?;
        let distinct = BinaryArray::from_iter_values(self.distinct.iter().map(|(bytes, _)| bytes));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(distinct))?))
    }
}
