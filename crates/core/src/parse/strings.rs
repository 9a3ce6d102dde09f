//! Repeated strings: each distinct one is kept once, in the order of first appearance.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::ArrowError;

/// A dictionary column under construction.
///
/// Strings are found by open addressing with a fixed hash, so that equal input takes the same way everywhere.
/// Somebody may send strings that collide; a payload's 10,000 records bound what that costs.
#[derive(Debug)]
pub(super) struct Strings {
    /// For each row the index of its string among the distinct ones.
    indices: Vec<i32>,
    distinct: Vec<Distinct>,
    bytes: Vec<u8>,
    /// Indices of distinct strings plus one, or 0; a power of two of them, at most half of them in use.
    slots: Vec<u32>,
}

#[derive(Debug)]
struct Distinct {
    fingerprint: Fingerprint,
    start: usize,
    first_row: usize,
}

/// A string's length, and of its bytes the first and last eight: all of them, if there are at most sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    length: usize,
    first: u64,
    last: u64,
}

const FIRST_SLOTS: usize = 64;

impl Strings {
    pub(super) fn new(rows: usize) -> Self {
        Self { indices: vec![0; rows], distinct: Vec::new(), bytes: Vec::new(), slots: vec![0; FIRST_SLOTS] }
    }

    /// Writes a row and returns the string's index among the distinct ones: a new one is the last of them.
    #[inline]
    pub(super) fn set(&mut self, row: usize, string: &[u8]) -> usize {
        let fingerprint = Fingerprint::of(string);
        let mut slot = fingerprint.hash(string) & (self.slots.len() - 1);
        let index = loop {
            let Some(index) = (self.slots[slot] as usize).checked_sub(1) else {
                break self.insert(row, slot, fingerprint, string);
            };
            let found = &self.distinct[index];
            if found.fingerprint == fingerprint && (string.len() <= 16 || self.string(index) == string) {
                break index;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        };
        self.indices[row] = as_index(index);
        index
    }

    #[cold]
    fn insert(&mut self, row: usize, slot: usize, fingerprint: Fingerprint, string: &[u8]) -> usize {
        let index = self.distinct.len();
        self.distinct.push(Distinct { fingerprint, start: self.bytes.len(), first_row: row });
        self.bytes.extend_from_slice(string);
        self.slots[slot] = as_slot(index);
        if self.slots.len() < self.distinct.len() * 2 {
            self.grow();
        }
        index
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for index in 0..self.distinct.len() {
            let slot = self.slot_of(index, 0);
            self.slots[slot] = as_slot(index);
        }
    }

    /// The first slot on the way of a distinct string that holds `entry`.
    fn slot_of(&self, index: usize, entry: u32) -> usize {
        let mut slot = self.distinct[index].fingerprint.hash(self.string(index)) & (self.slots.len() - 1);
        while self.slots[slot] != entry {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    fn string(&self, index: usize) -> &[u8] {
        let Distinct { start, fingerprint, .. } = self.distinct[index];
        &self.bytes[start..start + fingerprint.length]
    }

    /// The index of a row that has been written.
    pub(super) fn index(&self, row: usize) -> usize {
        self.indices[row].cast_unsigned() as usize
    }

    /// Forgets the strings that only this row has brought: a rejected record leaves no trace in the column.
    /// They are the last that were inserted, so that no other string's way leads over their slots.
    pub(super) fn take_back(&mut self, row: usize) {
        self.indices[row] = 0;
        while let Some(index) = self.distinct.len().checked_sub(1)
            && self.distinct[index].first_row == row
        {
            let slot = self.slot_of(index, as_slot(index));
            self.slots[slot] = 0;
            self.bytes.truncate(self.distinct[index].start);
            self.distinct.pop();
        }
    }

    pub(super) fn into_indices(self) -> Vec<i32> {
        self.indices
    }

    pub(super) fn finish(self, valid: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let lengths = self.distinct.iter().map(|string| string.fingerprint.length);
        let values = StringArray::try_new(OffsetBuffer::from_lengths(lengths), Buffer::from_vec(self.bytes), None)?;
        let indices = Int32Array::try_new(self.indices.into(), valid)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(indices, Arc::new(values))?))
    }
}

/// There are at most as many distinct strings as rows, and never 2^31 of those in a payload.
fn as_index(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn as_slot(index: usize) -> u32 {
    as_index(index).cast_unsigned() + 1
}

impl Fingerprint {
    #[inline]
    fn of(string: &[u8]) -> Self {
        let (first, last) = match (string.first_chunk(), string.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => (short_word(string), 0),
        };
        Self { length: string.len(), first, last }
    }

    #[inline]
    fn hash(self, string: &[u8]) -> usize {
        let mut hash = fold(self.first ^ self.length as u64, self.last);
        if 16 < string.len() {
            for chunk in string.as_chunks().0 {
                hash = fold(hash, u64::from_le_bytes(*chunk));
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "as many bits as there are")]
        let hash = hash as usize;
        hash
    }
}

/// The bytes of a string of less than eight, as a number.
#[inline]
fn short_word(string: &[u8]) -> u64 {
    match (string.first_chunk(), string.last_chunk()) {
        (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32,
        _ => string.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Mixes two words by a multiplication that keeps both halves of the product. The constants are digits of pi.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left ^ 0x243f_6a88_85a3_08d3) * u128::from(right ^ 0x1319_8a2e_0370_7344);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use proptest::prelude::*;

    proptest! {
        /// Rows that are taken back are as if they had never been; all others read as they were written.
        #[test]
        fn rows_read_as_written(
            rows in proptest::collection::vec(("[ab]{0,3}|[ab]{7,10}|[a-c]{14,40}", proptest::bool::weighted(0.2)), 0..300),
        ) {
            let mut strings = Strings::new(rows.len());
            let mut distinct: Vec<&[u8]> = Vec::new();
            for (row, (string, taken_back)) in rows.iter().enumerate() {
                let index = strings.set(row, string.as_bytes());
                prop_assert_eq!(strings.index(row), index);
                if *taken_back {
                    strings.take_back(row);
                } else if !distinct.contains(&string.as_bytes()) {
                    distinct.push(string.as_bytes());
                }
            }
            prop_assert_eq!(strings.distinct.len(), distinct.len());
            let nulls = NullBuffer::from_iter(rows.iter().map(|(_, taken_back)| !taken_back));
            if distinct.is_empty() {
                return Ok(());
            }
            let array = strings.finish(Some(nulls)).unwrap();
            let array = array.as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
            let found: Vec<_> = array.into_iter().collect();
            let expect: Vec<_> = rows.iter().map(|(string, taken_back)| (!taken_back).then_some(string.as_str())).collect();
            prop_assert_eq!(found, expect);
        }
    }
}
