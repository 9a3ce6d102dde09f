//! Columns under construction: one place per row, filled in any order, taken back when a row turns out bad.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::ArrowError;

use super::strings::Strings;
use crate::dataset::ColumnType;

/// One bit per row.
#[derive(Debug)]
pub(super) struct Bits(Vec<u8>);

impl Bits {
    pub(super) fn new(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(8)])
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize) {
        self.0[row / 8] |= 1 << (row % 8);
    }

    #[inline]
    pub(super) fn put(&mut self, row: usize, bit: bool) {
        if bit {
            self.set(row);
        }
    }

    fn clear(&mut self, row: usize) {
        self.0[row / 8] &= !(1 << (row % 8));
    }

    pub(super) fn get(&self, row: usize) -> bool {
        self.0[row / 8] >> (row % 8) & 1 == 1
    }

    pub(super) fn finish(self, rows: usize) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.0), 0, rows)
    }
}

/// A typed column of the dataset. Rows that were never set are null.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) values: Values,
    valid: Bits,
}

#[derive(Debug)]
pub(super) enum Values {
    Uuid(Vec<[u8; 16]>),
    String(Strings),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(Bits),
    Timestamp(Vec<i64>),
}

impl Values {
    /// What JSON must hold for this type, for messages.
    pub(super) const fn expected(&self) -> &'static str {
        match self {
            Self::Uuid(_) | Self::String(_) => "a string",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::Timestamp(_) => "a timestamp",
        }
    }
}

impl Column {
    pub(super) fn new(kind: ColumnType, rows: usize) -> Self {
        let values = match kind {
            ColumnType::Uuid => Values::Uuid(vec![[0; 16]; rows]),
            ColumnType::String => Values::String(Strings::new(rows)),
            ColumnType::Int => Values::Int(vec![0; rows]),
            ColumnType::Double => Values::Double(vec![0.0; rows]),
            ColumnType::Bool => Values::Bool(Bits::new(rows)),
            ColumnType::Timestamp => Values::Timestamp(vec![0; rows]),
        };
        Self { values, valid: Bits::new(rows) }
    }

    /// The row's value has been written.
    #[inline]
    pub(super) fn set_valid(&mut self, row: usize) {
        self.valid.set(row);
    }

    pub(super) fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row)
    }

    /// Makes the row null again, as if it had never been written.
    pub(super) fn take_back(&mut self, row: usize) {
        self.valid.clear(row);
        match &mut self.values {
            Values::String(strings) => strings.take_back(row),
            Values::Bool(bits) => bits.clear(row),
            _ => {}
        }
    }

    pub(super) fn finish(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let valid = Some(NullBuffer::new(self.valid.finish(rows))).filter(|valid| valid.null_count() > 0);
        Ok(match self.values {
            Values::Uuid(ids) => {
                Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(ids.into_flattened()), valid)?)
            }
            Values::String(strings) => strings.finish(valid)?,
            Values::Int(values) => Arc::new(Int64Array::try_new(values.into(), valid)?),
            Values::Double(values) => Arc::new(Float64Array::try_new(values.into(), valid)?),
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(rows), valid)),
            Values::Timestamp(values) => {
                Arc::new(TimestampMicrosecondArray::try_new(values.into(), valid)?.with_timezone("UTC"))
            }
        })
    }
}

/// Byte strings of any length, most of them null or most of them not: rows are filled in ascending order.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    /// Where each row ends. Rows that were skipped are made up for by the next.
    ends: Vec<i32>,
    valid: Bits,
}

impl Bytes {
    pub(super) fn new(rows: usize) -> Self {
        Self { bytes: Vec::new(), ends: vec![0], valid: Bits::new(rows) }
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.close(row);
    }

    /// What has been appended to `bytes` since the row before is this row's value.
    #[inline]
    pub(super) fn close(&mut self, row: usize) {
        self.skip_to(row);
        self.ends.push(end_of(&self.bytes));
        self.valid.set(row);
    }

    fn skip_to(&mut self, row: usize) {
        if self.ends.len() < row + 1 {
            let last = self.ends.last().copied().unwrap_or_default();
            self.ends.resize(row + 1, last);
        }
    }

    fn parts(mut self, rows: usize) -> Result<(OffsetBuffer<i32>, Buffer, Option<NullBuffer>), ArrowError> {
        self.skip_to(rows);
        if i32::try_from(self.bytes.len()).is_err() {
            return Err(ArrowError::OffsetOverflowError(self.bytes.len()));
        }
        let valid = Some(NullBuffer::new(self.valid.finish(rows))).filter(|valid| valid.null_count() > 0);
        Ok((OffsetBuffer::new(self.ends.into()), Buffer::from_vec(self.bytes), valid))
    }

    pub(super) fn finish_binary(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes, valid) = self.parts(rows)?;
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, valid)?))
    }

    pub(super) fn finish_utf8(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes, valid) = self.parts(rows)?;
        Ok(Arc::new(StringArray::try_new(offsets, bytes, valid)?))
    }
}

/// The end of the last value. Beyond 2 GiB, which `finish` refuses, it stays where it is.
fn end_of(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).unwrap_or(i32::MAX)
}
