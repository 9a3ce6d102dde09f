//! The ways in which a malformed event is malformed.

use penstock_core::dataset::{Column, ColumnType, Dataset, DuplicateKeys};

use crate::text::quoted;

/// One way to be wrong. None of them holds a line feed, so that a file of lines can carry them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Cut off in the middle.
    Truncated,
    NotJson,
    NotAnObject,
    /// A whole event and then something more.
    TextBehind,
    NotUtf8,
    LoneSurrogate,
    /// Begins like Avro or Protobuf with a schema id.
    SchemaRegistry,
    TooDeep,
    DuplicateKey,
    WrongType,
    NumberOutOfRange,
    FieldMissing,
    FieldNull,
    TimeUnreadable,
    TooOld,
    TooFarAhead,
}

impl Fault {
    const ALL: [Self; 16] = [
        Self::Truncated,
        Self::NotJson,
        Self::NotAnObject,
        Self::TextBehind,
        Self::NotUtf8,
        Self::LoneSurrogate,
        Self::SchemaRegistry,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::WrongType,
        Self::NumberOutOfRange,
        Self::FieldMissing,
        Self::FieldNull,
        Self::TimeUnreadable,
        Self::TooOld,
        Self::TooFarAhead,
    ];

    /// Those that make an event of the dataset malformed.
    pub(crate) fn of(dataset: &Dataset) -> Vec<Self> {
        let fits = |fault: &Self| match fault {
            Self::DuplicateKey => dataset.limits.duplicate_keys == DuplicateKeys::Reject,
            Self::NumberOutOfRange => dataset.columns.iter().any(|column| fault.fits(column)),
            _ => true,
        };
        Self::ALL.into_iter().filter(fits).collect()
    }

    /// Whether a column can carry the fault: one that is written. Faults of the whole event sit in none.
    pub(crate) fn fits(self, column: &Column) -> bool {
        column.generate.is_some()
            && match self {
                Self::WrongType | Self::FieldMissing | Self::FieldNull => column.required,
                Self::NumberOutOfRange => is_number(column),
                _ => false,
            }
    }
}

const fn is_number(column: &Column) -> bool {
    matches!(column.kind, ColumnType::Int | ColumnType::Double)
}

/// What stands in a column of a wrong type.
pub(crate) const fn wrong_value(kind: ColumnType) -> &'static [u8] {
    match kind {
        ColumnType::Uuid => b"\"not-a-uuid\"",
        ColumnType::String => b"17",
        ColumnType::Int | ColumnType::Double => b"\"many\"",
        ColumnType::Bool => b"\"yes\"",
        ColumnType::Timestamp => b"true",
    }
}

/// Spoils a whole event. `word` chooses where, `spare` is a key no column uses.
pub(crate) fn spoil(fault: Fault, dataset: &Dataset, spare: &str, word: u64, out: &mut Vec<u8>) {
    match fault {
        Fault::Truncated => {
            let middle = 1 + crate::random::below(word, out.len().saturating_sub(2) as u64);
            out.truncate(usize::try_from(middle).unwrap_or(1));
        }
        Fault::NotJson => replace(out, b"all is well"),
        Fault::NotAnObject => replace(out, b"[1,2,3]"),
        Fault::TextBehind => out.extend_from_slice(b" ok"),
        Fault::SchemaRegistry => replace(out, b"\0\0\0\0\x07\x02H\x18device"),
        Fault::NotUtf8 => append(out, quoted(spare), b"\"\xff\xfe\""),
        Fault::LoneSurrogate => append(out, quoted(spare), b"\"\\ud800\""),
        Fault::TooDeep => {
            let depth = dataset.limits.max_depth + 1;
            append(out, quoted(spare), &[vec![b'['; depth], vec![b']'; depth]].concat());
        }
        Fault::DuplicateKey => {
            let key = dataset.columns.get(dataset.event_time).and_then(|column| column.path.first());
            append(out, quoted(key.map_or(spare, String::as_str)), b"null");
        }
        Fault::WrongType
        | Fault::NumberOutOfRange
        | Fault::FieldMissing
        | Fault::FieldNull
        | Fault::TimeUnreadable
        | Fault::TooOld
        | Fault::TooFarAhead => {}
    }
}

fn replace(out: &mut Vec<u8>, text: &[u8]) {
    out.clear();
    out.extend_from_slice(text);
}

/// One more field at the end of the object.
pub(crate) fn append(out: &mut Vec<u8>, key: Vec<u8>, value: &[u8]) {
    out.pop();
    out.push(b',');
    out.extend(key);
    out.push(b':');
    out.extend_from_slice(value);
    out.push(b'}');
}
