//! One record's value: the row that it must become, or the reason why it must be none.

use std::collections::HashSet;

use penstock_core::dataset::{Column, ColumnType, Dataset, DuplicateKeys};
use penstock_core::reject::Reason;

use super::json::{after_space, object, string, value};
use super::numbers::{double, integer};
use super::timestamps::{in_years, timestamp};

/// The columns of the dataset in its order, and then `extra`.
pub type Row = Vec<Option<Cell>>;

/// A value that is not null. Doubles are equal if all their bits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Uuid(u128),
    Text(String),
    Int(i64),
    Double(u64),
    Bool(bool),
    /// UTC microseconds.
    Time(i64),
}

/// Reads the value of a Kafka record that arrives at `arrival`, in UTC microseconds.
///
/// # Errors
/// The first thing wrong with it, from left to right.
pub fn record(dataset: &Dataset, bytes: &[u8], arrival: i64) -> Result<Row, Reason> {
    if dataset.limits.max_value_bytes < bytes.len() {
        return Err(Reason::TooLarge);
    }
    if bytes.len() >= 5 && bytes[0] == 0 {
        return Err(Reason::SchemaEncoded);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::NotUtf8)?;
    let mut reader = Reader { dataset, row: vec![None; dataset.columns.len()], seen: HashSet::new() };
    let extra = reader.document(text)?;
    reader.check(arrival)?;
    let Reader { mut row, .. } = reader;
    row.push((!extra.is_empty()).then(|| Cell::Text(in_braces(&extra))));
    Ok(row)
}

fn in_braces(members: &[String]) -> String {
    format!("{{{}}}", members.join(","))
}

struct Reader<'d> {
    dataset: &'d Dataset,
    row: Row,
    /// The keys so far, each with those that lead to it.
    seen: HashSet<Vec<String>>,
}

impl Reader<'_> {
    /// The whole text; returns the members that are no columns.
    fn document(&mut self, text: &str) -> Result<Vec<String>, Reason> {
        let mut extra = Vec::new();
        let is_object = after_space(text).starts_with('{');
        let rest =
            if is_object { self.object(text, &[], &mut extra)? } else { value(text, self.dataset.limits.max_depth)?.1 };
        if !after_space(rest).is_empty() {
            return Err(Reason::NotJson);
        }
        if is_object { Ok(extra) } else { Err(Reason::WrongType) }
    }

    /// The object that the keys of `path` lead to; returns the text behind it.
    fn object<'t>(&mut self, text: &'t str, path: &[String], extra: &mut Vec<String>) -> Result<&'t str, Reason> {
        if self.depth_left(path).is_none() {
            return Err(Reason::TooDeep);
        }
        object(text, |key, name, rest| self.member(key, &[path, &[name]].concat(), rest, extra))
    }

    /// How much deeper the values in the object at `path` may nest. The root is the first level.
    fn depth_left(&self, path: &[String]) -> Option<usize> {
        self.dataset.limits.max_depth.checked_sub(path.len() + 1)
    }

    fn member<'t>(
        &mut self,
        key: &str,
        path: &[String],
        rest: &'t str,
        extra: &mut Vec<String>,
    ) -> Result<&'t str, Reason> {
        let skip = |rest| value(rest, self.dataset.limits.max_depth - path.len());
        if self.seen.contains(path) {
            return match self.dataset.limits.duplicate_keys {
                DuplicateKeys::Reject => Err(Reason::DuplicateKey),
                DuplicateKeys::First => Ok(skip(rest)?.1),
            };
        }
        self.seen.insert(path.to_vec());
        if let Some(index) = self.dataset.columns.iter().position(|column| column.path == path) {
            let (cell, rest) = cell(&self.dataset.columns[index], rest)?;
            self.row[index] = cell;
            return Ok(rest);
        }
        if self.dataset.columns.iter().any(|column| column.path.starts_with(path)) {
            return self.parent(path, rest, extra);
        }
        let (raw, rest) = skip(rest)?;
        extra.push(format!("{key}:{raw}"));
        Ok(rest)
    }

    /// A member that should be an object with columns in it.
    fn parent<'t>(&mut self, path: &[String], rest: &'t str, extra: &mut Vec<String>) -> Result<&'t str, Reason> {
        match kind(rest)? {
            'n' => Ok(value(rest, 0)?.1),
            '{' => {
                let mut inner = Vec::new();
                let rest = self.object(rest, path, &mut inner)?;
                if !inner.is_empty() {
                    let key = serde_json::to_string(path.last().expect("a member has a key")).expect("a string");
                    extra.push(format!("{key}:{}", in_braces(&inner)));
                }
                Ok(rest)
            }
            _ => Err(Reason::WrongType),
        }
    }

    fn check(&self, arrival: i64) -> Result<(), Reason> {
        let Dataset { columns, limits, event_time, .. } = self.dataset;
        if columns.iter().zip(&self.row).any(|(column, cell)| column.required && cell.is_none()) {
            return Err(Reason::RequiredAbsent);
        }
        match self.row[*event_time] {
            Some(Cell::Time(time)) if time < arrival - limits.max_past_days * 86_400_000_000 => Err(Reason::TooOld),
            Some(Cell::Time(time)) if arrival + limits.max_future_secs * 1_000_000 < time => Err(Reason::InFuture),
            _ => Ok(()),
        }
    }
}

/// What kind of value comes next: its first letter, and `0` for every number.
fn kind(text: &str) -> Result<char, Reason> {
    match after_space(text).chars().next() {
        Some('-' | '0'..='9') => Ok('0'),
        Some('t' | 'f') => Ok('t'),
        Some(letter @ ('n' | '"' | '{' | '[')) => Ok(letter),
        _ => Err(Reason::NotJson),
    }
}

/// A column's value, and what comes after it.
fn cell<'t>(column: &Column, text: &'t str) -> Result<(Option<Cell>, &'t str), Reason> {
    let kind = kind(text)?;
    let fits = match column.kind {
        ColumnType::Uuid | ColumnType::String => kind == '"',
        ColumnType::Int | ColumnType::Double => kind == '0',
        ColumnType::Bool => kind == 't',
        ColumnType::Timestamp => matches!(kind, '"' | '0'),
    };
    if kind != 'n' && !fits {
        return Err(Reason::WrongType);
    }
    let (raw, rest) = value(text, 0)?;
    let cell = match column.kind {
        _ if kind == 'n' => return Ok((None, rest)),
        ColumnType::Uuid => Cell::Uuid(uuid(&string(raw)?).ok_or(Reason::WrongType)?),
        ColumnType::String => Cell::Text(string(raw)?),
        ColumnType::Int => Cell::Int(integer(raw)?),
        ColumnType::Double => Cell::Double(double(raw)?.to_bits()),
        ColumnType::Bool => Cell::Bool(raw == "true"),
        ColumnType::Timestamp if kind == '"' => {
            Cell::Time(timestamp(&string(raw)?).ok_or(Reason::TimestampUnreadable)?)
        }
        ColumnType::Timestamp => {
            let micros = integer(raw).ok().and_then(|millis| millis.checked_mul(1000)).and_then(in_years);
            Cell::Time(micros.ok_or(Reason::TimestampUnreadable)?)
        }
    };
    Ok((Some(cell), rest))
}

/// 32 hex digits, with hyphens in the usual four places or without any.
fn uuid(text: &str) -> Option<u128> {
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = match text.len() {
        32 => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        36 => text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if is_hyphen(at) { byte == b'-' } else { byte.is_ascii_hexdigit() }),
        _ => false,
    };
    u128::from_str_radix(&text.replace('-', ""), 16).ok().filter(|_| fits)
}
