//! A raw object, whole: rows in Parquet, and in its footer the [`Link`] that makes it a part of its chain.

use arrow_array::RecordBatch;
use bytes::Bytes;

use crate::chain::{FOOTER_KEY, Link};
use crate::dataset::Dataset;
use crate::raw;
use crate::table::TableError;

/// The file of a link with its rows.
///
/// # Errors
/// Encoding failed: a bug.
pub fn encode(link: &Link, rows: &RecordBatch) -> Result<Bytes, TableError> {
    let json = serde_json::to_string(link).map_err(|source| TableError::BadEntry { entry: FOOTER_KEY, source })?;
    Ok(raw::encode(rows, vec![(FOOTER_KEY.to_owned(), json)])?)
}

/// The file of a declared gap: the columns of any other, and no rows.
///
/// # Errors
/// Encoding failed: a bug.
pub fn encode_gap(dataset: &Dataset, link: &Link) -> Result<Bytes, TableError> {
    encode(link, &RecordBatch::new_empty(raw::schema(dataset, link.chain.partition.kind())))
}
