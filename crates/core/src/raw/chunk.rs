//! One column of a raw object: an Arrow array to a Parquet column chunk.
//!
//! Parquet's general writer takes every type and nesting and pays for it: it walks each column's levels and interns
//! dictionaries that are interned already. A raw object has flat columns of a handful of types, so that a chunk is
//! one page that can be copied together. The file around it (page headers, footer, schema) is the library's.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, ByteArrayType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    Utf8Type,
};
use arrow_array::{Array, BooleanArray, FixedSizeBinaryArray, GenericByteArray, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::encoding::{bit_width, delta, fits_delta, pack, packed_run, packed_run_header, repeated_run};

/// A column's bytes, and what the row group needs to know of them.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

impl Chunk {
    pub(super) fn new(bytes: Bytes, rows: u64, metadata: ColumnChunkMetaData) -> Self {
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Self { bytes, close }
    }
}

/// The values of a column that are not null, encoded.
struct Values {
    /// The dictionary page and how many entries it has.
    dictionary: Option<(Vec<u8>, usize)>,
    data: Vec<u8>,
    encoding: Encoding,
    /// The least and the greatest value.
    range: Option<(i64, i64)>,
    compression: Compression,
}

impl Values {
    /// Indices into a dictionary that the caller adds.
    fn indices(data: Vec<u8>) -> Self {
        Self { encoding: Encoding::RLE_DICTIONARY, ..Self::plain(data) }
    }

    /// One value in all rows: a dictionary of it alone.
    fn constant(value: Vec<u8>, rows: usize) -> Self {
        let mut data = vec![1];
        repeated_run(0, rows, 1, &mut data);
        Self { dictionary: Some((value, 1)), ..Self::indices(data) }
    }

    fn plain(data: Vec<u8>) -> Self {
        Self { dictionary: None, data, encoding: Encoding::PLAIN, range: None, compression: Compression::SNAPPY }
    }
}

/// Encodes a column.
///
/// # Errors
/// The array's type is none that a raw object has, or a page is too large to be compressed.
pub(super) fn encode(array: &dyn Array, column: &ColumnDescPtr) -> Result<Chunk, ParquetError> {
    let values = values(array)?;
    let mut page = Vec::with_capacity(values.data.len() + array.len() / 8 + 64);
    if 0 < column.max_def_level() {
        levels(array.nulls(), array.len(), &mut page);
    }
    page.extend_from_slice(&values.data);
    write(array, column, values, page)
}

fn values(array: &dyn Array) -> Result<Values, ParquetError> {
    Ok(match array.data_type() {
        DataType::Dictionary(_, values) if **values == DataType::Utf8 => repeated::<Utf8Type>(array),
        DataType::Dictionary(_, values) if **values == DataType::Binary => repeated::<BinaryType>(array),
        DataType::Utf8 => Values::plain(byte_strings(array.as_string::<i32>())),
        DataType::Binary => Values::plain(byte_strings(array.as_binary::<i32>())),
        DataType::Int32 => small_integers(array.as_primitive()),
        DataType::Int64 => integers(array.as_primitive::<Int64Type>()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => integers(array.as_primitive::<TimestampMicrosecondType>()),
        DataType::Float64 => Values::plain(doubles(array.as_primitive())),
        DataType::Boolean => Values::plain(booleans(array.as_boolean())),
        // Ids are random: looking for repetitions in them is lost time.
        DataType::FixedSizeBinary(_) => {
            Values { compression: Compression::UNCOMPRESSED, ..Values::plain(fixed_size(array.as_fixed_size_binary())) }
        }
        other => return Err(ParquetError::NYI(format!("a raw object has no columns of type {other}"))),
    })
}

/// Which rows are not null: one bit each, behind the length in bytes. Arrow's bits stand as Parquet wants them.
pub(super) fn levels(nulls: Option<&NullBuffer>, rows: usize, page: &mut Vec<u8>) {
    let length_at = page.len();
    page.extend_from_slice(&[0; 4]);
    match nulls {
        Some(nulls) if nulls.null_count() == rows => repeated_run(0, rows, 1, page),
        Some(nulls) if 0 < nulls.null_count() => {
            packed_run_header(rows, page);
            page.extend_from_slice(&nulls.inner().sliced()[..rows.div_ceil(8)]);
            // What stands behind the last row is not defined in Arrow, and zero here: equal rows give equal bytes.
            if let (Some(last), used @ 1..) = (page.last_mut(), rows % 8) {
                *last &= (1 << used) - 1;
            }
        }
        _ => repeated_run(1, rows, 1, page),
    }
    let length = u32::try_from(page.len() - length_at - 4).unwrap_or(u32::MAX);
    page[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

/// The values that are not null.
fn present<'a, T: Copy>(values: &'a [T], nulls: Option<&NullBuffer>) -> Cow<'a, [T]> {
    match nulls {
        Some(nulls) if 0 < nulls.null_count() => nulls.valid_indices().map(|row| values[row]).collect(),
        _ => Cow::Borrowed(values),
    }
}

/// Interned byte strings: their indices, unless most of them occur but once.
fn repeated<T: ByteArrayType<Offset = i32>>(array: &dyn Array) -> Values {
    let array = array.as_dictionary::<Int32Type>();
    let entries = array.values().as_bytes::<T>();
    let indices = present(array.keys().values(), array.nulls());
    if entries.is_empty() || indices.len() < entries.len() * 2 {
        let strings = indices.iter().map(|&index| entries.value(index.cast_unsigned() as usize).as_ref());
        return Values::plain(length_prefixed(strings));
    }
    let data = dictionary_indices(&indices, entries.len());
    Values { dictionary: Some((byte_strings(entries), entries.len())), ..Values::indices(data) }
}

/// Indices into a dictionary, behind the number of bits that each takes.
pub(super) fn dictionary_indices(indices: &[i32], entries: usize) -> Vec<u8> {
    let width = bit_width(entries.saturating_sub(1) as u64).max(1);
    let mut data = vec![width.to_le_bytes()[0]];
    let mut values = indices.iter().map(|&index| u64::from(index.cast_unsigned()));
    match values.next() {
        Some(first) if values.all(|value| value == first) => repeated_run(first, indices.len(), width, &mut data),
        _ => packed_run(indices.iter().map(|&index| u64::from(index.cast_unsigned())), width, &mut data),
    }
    data
}

fn byte_strings<T: ByteArrayType<Offset = i32>>(array: &GenericByteArray<T>) -> Vec<u8> {
    if array.null_count() == array.len() {
        return Vec::new();
    }
    let rows = (0..array.len()).filter(|&row| array.is_valid(row));
    length_prefixed(rows.map(|row| array.value(row).as_ref()))
}

fn length_prefixed<'a>(strings: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut data = Vec::new();
    for string in strings {
        let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(string);
    }
    data
}

/// 32-bit integers: in practice the partition's number, the same in all rows.
fn small_integers(array: &PrimitiveArray<Int32Type>) -> Values {
    let values = present(array.values(), array.nulls());
    match constant(&values) {
        Some(value) => Values::constant(value.to_le_bytes().into(), values.len()),
        None => Values::plain(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    }
}

/// 64-bit integers and times: neighbours mostly differ by little.
fn integers<T: ArrowPrimitiveType<Native = i64>>(array: &PrimitiveArray<T>) -> Values {
    let values = present(array.values(), array.nulls());
    let range = values.iter().copied().min().zip(values.iter().copied().max());
    let encoded = match constant(&values) {
        Some(value) => Values::constant(value.to_le_bytes().into(), values.len()),
        None if fits_delta(&values) => {
            let mut data = Vec::with_capacity(values.len() * 4);
            delta(&values, &mut data);
            Values { encoding: Encoding::DELTA_BINARY_PACKED, ..Values::plain(data) }
        }
        // Times out of order.
        None => Values::plain(eight_bytes_each(values.iter().map(|value| value.to_le_bytes()))),
    };
    Values { range, ..encoded }
}

/// The value of all rows, if there is but one.
fn constant<T: Copy + PartialEq>(values: &[T]) -> Option<T> {
    let (&first, rest) = values.split_first()?;
    rest.iter().all(|&value| value == first).then_some(first)
}

fn doubles(array: &PrimitiveArray<Float64Type>) -> Vec<u8> {
    let values = present(array.values(), array.nulls());
    eight_bytes_each(values.iter().map(|value| value.to_le_bytes()))
}

/// As many bytes as are known beforehand: a buffer that grows would cost more than the copy.
pub(super) fn eight_bytes_each(values: impl ExactSizeIterator<Item = [u8; 8]>) -> Vec<u8> {
    let mut data = vec![0; values.len() * 8];
    for (bytes, value) in data.as_chunks_mut().0.iter_mut().zip(values) {
        *bytes = value;
    }
    data
}

fn booleans(array: &BooleanArray) -> Vec<u8> {
    let mut data = Vec::new();
    pack(array.iter().flatten().map(u64::from), 1, &mut data);
    data
}

fn fixed_size(array: &FixedSizeBinaryArray) -> Vec<u8> {
    match array.nulls() {
        Some(nulls) if 0 < nulls.null_count() => {
            nulls.valid_indices().flat_map(|row| array.value(row)).copied().collect()
        }
        _ => array.value_data().to_vec(),
    }
}

/// Writes the dictionary page, if there is one, and the data page.
fn write(array: &dyn Array, column: &ColumnDescPtr, values: Values, page: Vec<u8>) -> Result<Chunk, ParquetError> {
    let rows = u32::try_from(array.len())?;
    let mut encodings = vec![values.encoding, Encoding::RLE];
    let mut file = TrackedWrite::new(Vec::with_capacity(page.len() + 64));
    let mut pages = SerializedPageWriter::new(&mut file);
    let mut sizes = (0, 0);
    let mut write_page = |page, uncompressed_size: usize| {
        let spec = pages.write_page(CompressedPage::new(page, uncompressed_size))?;
        sizes = (sizes.0 + spec.compressed_size, sizes.1 + spec.uncompressed_size);
        Ok::<_, ParquetError>(i64::try_from(spec.offset)?)
    };
    let mut dictionary_at = None;
    if let Some((entries, count)) = values.dictionary {
        let size = entries.len();
        let buf = compress(values.compression, entries)?;
        let num_values = u32::try_from(count)?;
        let dictionary = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        dictionary_at = Some(write_page(dictionary, size)?);
        encodings.push(Encoding::PLAIN);
    }
    let size = page.len();
    let data = Page::DataPage {
        buf: compress(values.compression, page)?,
        num_values: rows,
        encoding: values.encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let data_at = write_page(data, size)?;
    let mut metadata = ColumnChunkMetaData::builder(column.clone())
        .set_compression(values.compression)
        .set_encodings(encodings)
        .set_total_compressed_size(i64::try_from(sizes.0)?)
        .set_total_uncompressed_size(i64::try_from(sizes.1)?)
        .set_num_values(i64::from(rows))
        .set_dictionary_page_offset(dictionary_at)
        .set_data_page_offset(data_at);
    if let Some((least, greatest)) = values.range {
        let nulls = Some(array.null_count() as u64);
        metadata = metadata.set_statistics(Statistics::int64(Some(least), Some(greatest), None, nulls, false));
    }
    Ok(Chunk::new(file.into_inner()?.into(), u64::from(rows), metadata.build()?))
}

pub(super) fn compress(compression: Compression, page: Vec<u8>) -> Result<Bytes, ParquetError> {
    match compression {
        Compression::SNAPPY => {
            let compressed = snap::raw::Encoder::new().compress_vec(&page);
            compressed.map(Bytes::from).map_err(|error| ParquetError::External(Box::new(error)))
        }
        _ => Ok(page.into()),
    }
}
