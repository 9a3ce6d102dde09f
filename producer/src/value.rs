//! What stands in the columns of an event.

use penstock_core::dataset::{Column, Generate};

use crate::fault::{self, Fault};
use crate::random::{Draws, below, exp, mix};
use crate::text::{quoted, write_decimal, write_digits, write_integer, write_time, write_uuid};

/// Numbers stay exact and short.
const LARGEST_NUMBER: f64 = 1e12;

/// How a column is filled; texts are JSON already.
pub(crate) enum Value {
    Id,
    Entity { prefix: Vec<u8>, width: usize },
    OfEntity(Vec<Vec<u8>>),
    Time,
    LogNormal { median: f64, spread: f64, decimals: u8 },
    Normal { mean: f64, deviation: f64, decimals: u8 },
    Integer { min: i64, span: u64 },
    Choice(Vec<Vec<u8>>),
    Flag { share: f64 },
}

/// What all columns of one event share.
pub(crate) struct Moment {
    pub(crate) draws: Draws,
    pub(crate) entity: u64,
    pub(crate) time_us: i64,
    /// A fault that sits in the column beside it.
    pub(crate) fault: Option<(Fault, usize)>,
}

impl Value {
    pub(crate) fn of(generate: &Generate) -> Self {
        let texts = |values: &[String]| values.iter().map(|value| quoted(value)).collect();
        match generate {
            Generate::Id => Value::Id,
            Generate::Entity { prefix, count, .. } => {
                let mut prefix = quoted(prefix);
                prefix.pop();
                Value::Entity { prefix, width: count.saturating_sub(1).to_string().len() }
            }
            Generate::OfEntity { values, .. } => Value::OfEntity(texts(values)),
            Generate::EventTime => Value::Time,
            Generate::LogNormal { median, spread, decimals, .. } => {
                Value::LogNormal { median: *median, spread: *spread, decimals: *decimals }
            }
            Generate::Normal { mean, deviation, decimals, .. } => {
                Value::Normal { mean: *mean, deviation: *deviation, decimals: *decimals }
            }
            Generate::Integer { min, max, .. } => Value::Integer { min: *min, span: max.abs_diff(*min) },
            Generate::Choice { values, .. } => Value::Choice(texts(values)),
            Generate::Flag { share, .. } => Value::Flag { share: *share },
        }
    }
}

impl Value {
    pub(crate) fn write(&self, moment: &mut Moment, column: usize, out: &mut Vec<u8>) {
        let draws = &mut moment.draws;
        match self {
            Self::Id => {
                out.push(b'"');
                write_uuid(out, draws.next(), draws.next());
                out.push(b'"');
            }
            Self::Entity { prefix, width } => {
                out.extend_from_slice(prefix);
                write_digits(out, moment.entity, *width);
                out.push(b'"');
            }
            Self::OfEntity(values) => pick(values, mix(moment.entity ^ (column as u64) << 32), out),
            Self::Time => write_event_time(moment.time_us, moment.entity, out),
            Self::LogNormal { median, spread, decimals } => {
                let number = median * exp(spread * draws.normal());
                write_decimal(out, number.min(LARGEST_NUMBER), *decimals);
            }
            Self::Normal { mean, deviation, decimals } => {
                write_decimal(out, mean + deviation * draws.normal(), *decimals);
            }
            Self::Integer { min, span } => {
                let above = if *span == u64::MAX { draws.next() } else { draws.below(span + 1) };
                write_integer(out, min.wrapping_add_unsigned(above));
            }
            Self::Choice(values) => pick(values, draws.next(), out),
            Self::Flag { share } => {
                out.extend_from_slice(if draws.unit() < *share { b"true" } else { b"false" });
            }
        }
    }
}

fn pick(values: &[Vec<u8>], word: u64, out: &mut Vec<u8>) {
    let chosen = usize::try_from(below(word, values.len() as u64)).unwrap_or_default();
    out.extend_from_slice(values.get(chosen).map_or(b"null", Vec::as_slice));
}

/// Each device writes time in a way of its own: most in UTC, some with an offset, some as epoch milliseconds.
fn write_event_time(time_us: i64, entity: u64, out: &mut Vec<u8>) {
    let offset_minutes = match mix(entity) % 8 {
        0 | 1 => return write_integer(out, time_us.div_euclid(1000)),
        2 => 120,
        3 => -210,
        _ => 0,
    };
    out.push(b'"');
    write_time(out, time_us, offset_minutes);
    out.push(b'"');
}

pub(crate) fn write_fault(fault: Fault, column: &Column, out: &mut Vec<u8>) -> bool {
    match fault {
        Fault::FieldMissing => return false,
        Fault::FieldNull => out.extend_from_slice(b"null"),
        Fault::NumberOutOfRange => out.extend_from_slice(b"1e999"),
        Fault::TimeUnreadable => out.extend_from_slice(b"\"yesterday\""),
        _ => out.extend_from_slice(fault::wrong_value(column.kind)),
    }
    true
}

/// A value that is absent is left out, or sometimes null: both mean the same.
pub(crate) fn write_absent(draws: &mut Draws, out: &mut Vec<u8>) -> bool {
    let null = draws.below(8) == 0;
    if null {
        out.extend_from_slice(b"null");
    }
    null
}

/// The share of events that have the column.
pub(crate) const fn present(column: &Column) -> f64 {
    match &column.generate {
        Some(
            Generate::Entity { present, .. }
            | Generate::OfEntity { present, .. }
            | Generate::LogNormal { present, .. }
            | Generate::Normal { present, .. }
            | Generate::Integer { present, .. }
            | Generate::Choice { present, .. }
            | Generate::Flag { present, .. },
        ) => *present,
        Some(Generate::Id | Generate::EventTime) => 1.0,
        None => 0.0,
    }
}
