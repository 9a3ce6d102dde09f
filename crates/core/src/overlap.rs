//! Compares redelivered records with the rows that cover their positions.
//!
//! A record below a chain's tail should be the one that landed. Where its raw object still exists, the rows prove it:
//! another timestamp or another key at the same position is another record, of a topic made anew or of another cluster.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use bytes::Bytes;

use crate::payload::{Encoded, Record};
use crate::position::{Partition, Position};
use crate::raw;
use crate::table::{self, TableError, column, primitive, wrong_type};

/// The first of the records (ascending by position) that is not the row at its position, with what differs.
/// Records before and behind the file's rows are passed over.
///
/// # Errors
/// The file is no raw object.
pub fn first_difference(
    file: &Bytes,
    partition: &Partition,
    records: &[Record<'_>],
) -> Result<Option<(Position, String)>, TableError> {
    let position = match partition {
        Partition::Kafka(_) => raw::OFFSET.name,
        Partition::Shard(_) => raw::SEQUENCE_NUMBER.name,
    };
    for batch in table::read(file.clone(), &[position, raw::TIMESTAMP.name, raw::KEY.name], &[])? {
        let positions: Vec<Position> = match partition {
            Partition::Kafka(_) => {
                let offsets = primitive::<Int64Type>(&batch, position)?;
                offsets.values().iter().map(|offset| Position::from_offset(offset.unsigned_abs())).collect()
            }
            Partition::Shard(_) => {
                let numbers = column(&batch, position)?.as_string_opt::<i32>();
                let numbers = numbers.ok_or_else(|| wrong_type(position, "text"))?;
                numbers.iter().map(|number| number.unwrap_or_default().parse().unwrap_or_default()).collect()
            }
        };
        let timestamps = primitive::<TimestampMicrosecondType>(&batch, raw::TIMESTAMP.name)?;
        let keys = column(&batch, raw::KEY.name)?.as_binary_opt::<i32>();
        let keys = keys.ok_or_else(|| wrong_type(raw::KEY.name, "bytes"))?;
        for record in records {
            let row = match positions.binary_search(&record.position) {
                Ok(row) => row,
                // Its neighbours landed together and it did not: it was not delivered with them.
                Err(row) if 0 < row && row < positions.len() => {
                    return Ok(Some((record.position, "no row landed there, between rows that did".to_owned())));
                }
                Err(_) => continue,
            };
            let timestamp = timestamps.is_valid(row).then(|| timestamps.value(row));
            if timestamp != record.timestamp {
                return Ok(Some((
                    record.position,
                    "its timestamp is not that of the row that landed there".to_owned(),
                )));
            }
            let landed = keys.is_valid(row).then(|| keys.value(row));
            if decoded_key(record).is_ok_and(|key| key.as_deref() != landed) {
                return Ok(Some((record.position, "its key is not that of the row that landed there".to_owned())));
            }
        }
    }
    Ok(None)
}

/// The record's key; `Err` if its base64 is bad, because then the row has no key to compare.
fn decoded_key(record: &Record<'_>) -> Result<Option<Vec<u8>>, base64_simd::Error> {
    match &record.key {
        None => Ok(None),
        Some(Encoded::Plain(bytes)) => Ok(Some(bytes.to_vec())),
        Some(Encoded::Base64(text)) => base64_simd::STANDARD.decode_to_vec(text).map(Some),
    }
}

#[cfg(test)]
mod tests;
