//! The columns of a file that rows are added to bit by bit: chosen rows of Arrow arrays to Parquet's pages.
//!
//! Silver is written here. Its rows come from many raw objects, less the duplicates, each for one of several files.
//! Choosing rows, and interning text that the arrays hold interned already, would cost more than encoding:
//! so values go straight from an array into the open page. Encodings: plain, and dictionaries for text that repeats.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use hashbrown::HashMap;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Chunk, compress, dictionary_indices, eight_bytes_each, levels};
use super::encoding::pack;
use crate::uuid;

/// Rows of a page: what the readers' own writers take.
const PAGE_ROWS: usize = 20_000;

/// A dictionary that has grown beyond this is not worth looking up values in: what comes next is written plain.
const DICTIONARY_BYTES: usize = 1 << 20;

/// A text that is longer is no least or greatest one: those stand in the footer, which everybody reads first.
const LONGEST_BOUND: usize = 64;

/// A column of one row group under construction.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Values of the open page that are not null.
    values: Values,
    valid: NullBufferBuilder,
    closed: Vec<ClosedPage>,
    nulls: usize,
}

/// A page, compressed.
#[derive(Debug)]
struct ClosedPage {
    bytes: Bytes,
    uncompressed_size: usize,
    rows: usize,
    encoding: Encoding,
}

/// The values of the open page, and of the whole column the least and the greatest.
#[derive(Debug)]
enum Values {
    Repeated(Repeated),
    /// Byte strings, each behind its length.
    Strings(Vec<u8>),
    Int32(Vec<i32>, Option<(i32, i32)>),
    Int64(Vec<i64>, Option<(i64, i64)>),
    Double(Vec<f64>, Option<(f64, f64)>),
    Bool(Vec<bool>),
}

impl Pages {
    /// For a column of this type; `repeats`: whether texts are worth a dictionary.
    pub(crate) fn new(kind: &DataType, repeats: bool) -> Self {
        let values = match kind {
            DataType::Dictionary(..) if repeats => Values::Repeated(Repeated::default()),
            DataType::Int32 => Values::Int32(Vec::new(), None),
            DataType::Int64 | DataType::Timestamp(..) => Values::Int64(Vec::new(), None),
            DataType::Float64 => Values::Double(Vec::new(), None),
            DataType::Boolean => Values::Bool(Vec::new()),
            _ => Values::Strings(Vec::new()),
        };
        Self { values, valid: NullBufferBuilder::new(PAGE_ROWS), closed: Vec::new(), nulls: 0 }
    }

    /// Adds those rows of `array` that `rows` names. Ids of 16 bytes become their text.
    ///
    /// # Errors
    /// The array is of another type than the column.
    pub(crate) fn push(&mut self, array: &dyn Array, rows: &[u32], column: &ColumnDescPtr) -> Result<(), ParquetError> {
        for rows in rows.chunks(PAGE_ROWS) {
            if PAGE_ROWS < self.valid.len() + rows.len() {
                self.close_page(column)?;
            }
            let present = self.push_levels(array, rows);
            self.values.push(array, present.as_deref().unwrap_or(rows))?;
        }
        Ok(())
    }

    /// Notes which rows are null, and returns those that are not, if there are both.
    fn push_levels(&mut self, array: &dyn Array, rows: &[u32]) -> Option<Vec<u32>> {
        let Some(nulls) = array.nulls().filter(|nulls| 0 < nulls.null_count()) else {
            self.valid.append_n_non_nulls(rows.len());
            return None;
        };
        let is_valid = |row: &u32| nulls.is_valid(*row as usize);
        rows.iter().for_each(|row| self.valid.append(is_valid(row)));
        Some(rows.iter().copied().filter(is_valid).collect())
    }

    fn close_page(&mut self, column: &ColumnDescPtr) -> Result<(), ParquetError> {
        let rows = self.valid.len();
        if rows == 0 {
            return Ok(());
        }
        let nulls = self.valid.finish();
        let mut page = Vec::new();
        if 0 < column.max_def_level() {
            levels(nulls.as_ref(), rows, &mut page);
        }
        let encoding = self.values.close_page(&mut page);
        self.nulls += nulls.map_or(0, |nulls| nulls.null_count());
        let uncompressed_size = page.len();
        self.closed.push(ClosedPage { bytes: compress(Compression::SNAPPY, page)?, uncompressed_size, rows, encoding });
        Ok(())
    }

    /// Ends the column.
    ///
    /// # Errors
    /// A page is too large to be written.
    pub(crate) fn finish(mut self, column: &ColumnDescPtr) -> Result<Chunk, ParquetError> {
        self.close_page(column)?;
        let statistics = self.values.statistics(self.nulls as u64);
        let mut file = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut file);
        let mut encodings = vec![Encoding::RLE];
        let (mut compressed, mut uncompressed, mut rows) = (0, 0, 0_u64);
        let (mut dictionary_at, mut data_at) = (None, None);
        for (page, uncompressed_size) in pages(self.values, self.closed)? {
            rows += if page.is_data_page() { u64::from(page.num_values()) } else { 0 };
            if !encodings.contains(&page.encoding()) {
                encodings.push(page.encoding());
            }
            let first = if page.is_data_page() { &mut data_at } else { &mut dictionary_at };
            let spec = writer.write_page(CompressedPage::new(page, uncompressed_size))?;
            first.get_or_insert(i64::try_from(spec.offset)?);
            compressed += spec.compressed_size;
            uncompressed += spec.uncompressed_size;
        }
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::SNAPPY)
            .set_encodings(encodings)
            .set_total_compressed_size(i64::try_from(compressed)?)
            .set_total_uncompressed_size(i64::try_from(uncompressed)?)
            .set_num_values(i64::try_from(rows)?)
            .set_dictionary_page_offset(dictionary_at)
            .set_data_page_offset(data_at.unwrap_or_default())
            .set_statistics(statistics)
            .build()?;
        Ok(Chunk::new(file.into_inner()?.into(), rows, metadata))
    }
}

/// The pages of a column with their uncompressed sizes: the dictionary first, if any page uses one.
fn pages(values: Values, closed: Vec<ClosedPage>) -> Result<Vec<(Page, usize)>, ParquetError> {
    let mut pages = Vec::with_capacity(closed.len() + 1);
    if let Values::Repeated(Repeated { indices, encoded, .. }) = values
        && !indices.is_empty()
    {
        let (num_values, size) = (u32::try_from(indices.len())?, encoded.len());
        let buf = compress(Compression::SNAPPY, encoded)?;
        pages.push((Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false }, size));
    }
    for ClosedPage { bytes, uncompressed_size, rows, encoding } in closed {
        let page = Page::DataPage {
            buf: bytes,
            num_values: u32::try_from(rows)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        pages.push((page, uncompressed_size));
    }
    Ok(pages)
}

impl Values {
    fn push(&mut self, array: &dyn Array, rows: &[u32]) -> Result<(), ParquetError> {
        match (self, array.data_type()) {
            (_, DataType::Null) => {}
            (Self::Repeated(texts), DataType::Dictionary(..)) => texts.push(array, rows),
            (Self::Strings(page), DataType::Dictionary(..)) => {
                let array = array.as_dictionary::<Int32Type>();
                let (keys, texts) = (array.keys().values(), array.values().as_string::<i32>());
                rows.iter().for_each(|&row| {
                    push_string(page, texts.value(keys[row as usize].cast_unsigned() as usize).as_bytes())
                });
            }
            (Self::Strings(page), DataType::FixedSizeBinary(16)) => {
                let ids = array.as_fixed_size_binary().value_data().as_chunks().0;
                rows.iter().for_each(|&row| push_string(page, uuid::text(ids[row as usize]).as_bytes()));
            }
            (Self::Strings(page), DataType::Utf8) => {
                let texts = array.as_string::<i32>();
                rows.iter().for_each(|&row| push_string(page, texts.value(row as usize).as_bytes()));
            }
            (Self::Int32(values, range), DataType::Int32) => extend::<Int32Type>(values, range, array, rows),
            (Self::Int64(values, range), DataType::Int64) => extend::<Int64Type>(values, range, array, rows),
            (Self::Int64(values, range), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                extend::<TimestampMicrosecondType>(values, range, array, rows);
            }
            (Self::Double(values, range), DataType::Float64) => extend::<Float64Type>(values, range, array, rows),
            (Self::Bool(values), DataType::Boolean) => {
                let bits = array.as_boolean();
                values.extend(rows.iter().map(|&row| bits.value(row as usize)));
            }
            (_, other) => return Err(ParquetError::NYI(format!("a column of silver takes no values of type {other}"))),
        }
        Ok(())
    }

    /// Appends the values to a page, and is empty again.
    fn close_page(&mut self, page: &mut Vec<u8>) -> Encoding {
        match self {
            Self::Repeated(texts) => return texts.close_page(page),
            Self::Strings(values) => page.append(values),
            Self::Int32(values, _) => page.extend(values.drain(..).flat_map(i32::to_le_bytes)),
            Self::Int64(values, _) => page.extend_from_slice(&eight_bytes_each(values.drain(..).map(i64::to_le_bytes))),
            Self::Double(values, _) => {
                page.extend_from_slice(&eight_bytes_each(values.drain(..).map(f64::to_le_bytes)))
            }
            Self::Bool(values) => pack(values.drain(..).map(u64::from), 1, page),
        }
        Encoding::PLAIN
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let nulls = Some(nulls);
        match self {
            Self::Int32(_, range) => {
                Statistics::int32(range.map(|range| range.0), range.map(|range| range.1), None, nulls, false)
            }
            Self::Int64(_, range) => {
                Statistics::int64(range.map(|range| range.0), range.map(|range| range.1), None, nulls, false)
            }
            // The two zeros are equal, and a reader may look for either.
            Self::Double(_, range) => {
                let least = range.map(|range| if range.0 == 0.0 { -0.0 } else { range.0 });
                Statistics::double(least, range.map(|range| range.1 + 0.0), None, nulls, false)
            }
            Self::Bool(_) => Statistics::boolean(None, None, None, nulls, false),
            Self::Repeated(Repeated { range: Some((least, greatest)), plain: None, .. })
                if least.len().max(greatest.len()) <= LONGEST_BOUND =>
            {
                let text = |text: &[u8]| Some(ByteArray::from(text.to_vec()));
                Statistics::byte_array(text(least), text(greatest), None, nulls, false)
            }
            Self::Repeated(_) | Self::Strings(_) => Statistics::byte_array(None, None, None, nulls, false),
        }
    }
}

/// Adds numbers to a page.
fn extend<T: ArrowPrimitiveType<Native: PartialOrd>>(
    values: &mut Vec<T::Native>,
    range: &mut Option<(T::Native, T::Native)>,
    array: &dyn Array,
    rows: &[u32],
) {
    let all = array.as_primitive::<T>().values();
    let start = values.len();
    values.extend(rows.iter().map(|&row| all[row as usize]));
    let Some(&first) = values.get(start) else { return };
    let (mut least, mut greatest) = range.unwrap_or((first, first));
    for &value in &values[start..] {
        least = if value < least { value } else { least };
        greatest = if greatest < value { value } else { greatest };
    }
    *range = Some((least, greatest));
}

fn push_string(page: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    page.extend_from_slice(&length.to_le_bytes());
    page.extend_from_slice(text);
}

type Text = Box<[u8]>;

/// Text that repeats: a dictionary of all pages.
#[derive(Debug, Default)]
struct Repeated {
    /// The distinct texts, in the order of first appearance.
    indices: HashMap<Text, i32>,
    /// Each behind its length, as their page has them.
    encoded: Vec<u8>,
    range: Option<(Text, Text)>,
    /// The indices of the open page.
    page: Vec<i32>,
    /// The texts of the open page, as soon as there are too many distinct ones.
    plain: Option<Vec<u8>>,
}

impl Repeated {
    fn push(&mut self, array: &dyn Array, rows: &[u32]) {
        let array = array.as_dictionary::<Int32Type>();
        let (keys, texts) = (array.keys().values(), array.values().as_string::<i32>());
        let text = |key: i32| texts.value(key.cast_unsigned() as usize).as_bytes();
        if let Some(plain) = &mut self.plain {
            rows.iter().for_each(|&row| push_string(plain, text(keys[row as usize])));
            return;
        }
        // Each text of the array is looked up once.
        let mut known = vec![-1; texts.len()];
        for &row in rows {
            let key = keys[row as usize];
            let index = &mut known[key.cast_unsigned() as usize];
            if *index < 0 {
                *index = self.index(text(key));
            }
            self.page.push(*index);
        }
    }

    fn index(&mut self, text: &[u8]) -> i32 {
        if let Some(index) = self.indices.get(text) {
            return *index;
        }
        let index = i32::try_from(self.indices.len()).unwrap_or(i32::MAX);
        self.indices.insert(text.into(), index);
        push_string(&mut self.encoded, text);
        match &mut self.range {
            None => self.range = Some((text.into(), text.into())),
            Some((least, _)) if *text < **least => *least = text.into(),
            Some((_, greatest)) if **greatest < *text => *greatest = text.into(),
            Some(_) => {}
        }
        index
    }

    fn close_page(&mut self, page: &mut Vec<u8>) -> Encoding {
        if let Some(plain) = &mut self.plain {
            page.append(plain);
            return Encoding::PLAIN;
        }
        if self.page.is_empty() {
            return Encoding::PLAIN;
        }
        page.extend(dictionary_indices(&self.page, self.indices.len()));
        self.page.clear();
        if DICTIONARY_BYTES < self.encoded.len() {
            self.plain = Some(Vec::new());
        }
        Encoding::RLE_DICTIONARY
    }
}

#[cfg(test)]
mod tests;
