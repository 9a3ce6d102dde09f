//! The JSON values of accepted records, put together again from their columns and from `extra`.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, BooleanArray, DictionaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
};

use crate::dataset::{Column, ColumnType, Dataset};
use crate::json::{Fault, Scanner};
use crate::parse::plan::{Object, Plan, Target};
use crate::table::{TableError, column, primitive, wrong_type};
use crate::time::rfc3339;
use crate::uuid;

/// The columns of an object that say what its values said.
pub(super) struct Values<'b> {
    plan: Plan,
    /// One for each column of the dataset.
    columns: Vec<ColumnValues<'b>>,
    extra: &'b StringArray,
}

enum ColumnValues<'b> {
    Uuid(&'b FixedSizeBinaryArray),
    /// With each distinct text as JSON writes it.
    Text(&'b DictionaryArray<Int32Type>, Vec<Vec<u8>>),
    Int(&'b PrimitiveArray<Int64Type>),
    Double(&'b PrimitiveArray<Float64Type>),
    Bool(&'b BooleanArray),
    Timestamp(&'b PrimitiveArray<TimestampMicrosecondType>),
}

/// A member of `extra`: its key as it stands in the text, and its value.
type Member<'a> = (&'a [u8], &'a [u8]);

impl<'b> Values<'b> {
    pub(super) fn new(dataset: &Dataset, batch: &'b RecordBatch) -> Result<Self, TableError> {
        let columns = dataset.columns.iter().map(|column| ColumnValues::new(column, batch));
        Ok(Self {
            plan: Plan::new(dataset),
            columns: columns.collect::<Result<_, _>>()?,
            extra: column(batch, "extra")?.as_string_opt().ok_or_else(|| wrong_type("extra", "text"))?,
        })
    }

    /// Writes the value of a row.
    ///
    /// # Errors
    /// `extra` is no object.
    pub(super) fn write(&self, row: usize, text: &mut Vec<u8>) -> Result<(), String> {
        let extra = if self.extra.is_valid(row) { self.extra.value(row) } else { "{}" };
        let damaged = |fault: Fault| format!("`extra` is no JSON object: {fault}");
        self.object(0, row, extra.as_bytes(), text).map_err(damaged)
    }

    /// Writes an object of the plan; `extra` is the object of its unknown members.
    fn object(&self, object: usize, row: usize, extra: &[u8], text: &mut Vec<u8>) -> Result<(), Fault> {
        let object = &self.plan.objects[object];
        let (nested, unknown) = members(object, extra)?;
        text.push(b'{');
        for (index, field) in object.fields.iter().enumerate() {
            let before = text.len();
            open_member(text, &field.key.text);
            let is_there = match field.target {
                Target::Column(column) => self.columns[column].write(row, text),
                Target::Object(child) => {
                    let extra = nested.iter().find(|(at, _)| *at == index).map_or(&b"{}"[..], |(_, extra)| extra);
                    let start = text.len();
                    self.object(child, row, extra, text)?;
                    text[start..] != *b"{}"
                }
            };
            if !is_there {
                text.truncate(before);
            }
        }
        for (key, value) in unknown {
            open_member(text, &[b"\"", key, b"\":"].concat());
            text.extend_from_slice(value);
        }
        text.push(b'}');
        Ok(())
    }
}

/// The members of `extra`: those that are objects of the plan, by the index of their field, and those that no column knows.
#[expect(clippy::type_complexity, reason = "two lists")]
fn members<'a>(object: &Object, extra: &'a [u8]) -> Result<(Vec<(usize, &'a [u8])>, Vec<Member<'a>>), Fault> {
    let (mut nested, mut unknown) = (Vec::new(), Vec::new());
    let mut scanner = Scanner::new(extra);
    let mut has_member = scanner.enter_object()?;
    while has_member {
        let key = scanner.key()?;
        let value = scanner.skip(usize::MAX)?;
        match object.find(&key.unescape()) {
            Some(field) => nested.push((field, value)),
            None => unknown.push((key.raw, value)),
        }
        has_member = scanner.next_member()?;
    }
    Ok((nested, unknown))
}

/// Begins a member of the object that is being written.
fn open_member(text: &mut Vec<u8>, key_and_colon: &[u8]) {
    if text.last() != Some(&b'{') {
        text.push(b',');
    }
    text.extend_from_slice(key_and_colon);
}

impl<'b> ColumnValues<'b> {
    fn new(declared: &Column, batch: &'b RecordBatch) -> Result<Self, TableError> {
        let name = &declared.name;
        let array = column(batch, name)?;
        Ok(match declared.kind {
            ColumnType::Uuid => Self::Uuid(array.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name, "UUIDs"))?),
            ColumnType::String => {
                let texts = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(name, "text"))?;
                let distinct = texts.values().as_string::<i32>().iter().map(|text| quoted(text.unwrap_or_default()));
                Self::Text(texts, distinct.collect())
            }
            ColumnType::Int => Self::Int(primitive(batch, name)?),
            ColumnType::Double => Self::Double(primitive(batch, name)?),
            ColumnType::Bool => Self::Bool(array.as_boolean_opt().ok_or_else(|| wrong_type(name, "booleans"))?),
            ColumnType::Timestamp => Self::Timestamp(primitive(batch, name)?),
        })
    }

    /// Writes the value in a row; false if it is null.
    fn write(&self, row: usize, text: &mut Vec<u8>) -> bool {
        let written = match self {
            Self::Uuid(ids) if ids.is_valid(row) => {
                let id = ids.value(row).try_into().unwrap_or_default();
                write!(text, "\"{}\"", uuid::text(id).as_str())
            }
            Self::Text(texts, distinct) if texts.is_valid(row) => {
                text.extend_from_slice(texts.key(row).map_or(b"", |key| &distinct[key]));
                Ok(())
            }
            Self::Int(numbers) if numbers.is_valid(row) => write!(text, "{}", numbers.value(row)),
            // With as many digits as it takes to read the same number again.
            Self::Double(numbers) if numbers.is_valid(row) => write!(text, "{:?}", numbers.value(row)),
            Self::Bool(flags) if flags.is_valid(row) => write!(text, "{}", flags.value(row)),
            Self::Timestamp(times) if times.is_valid(row) => write!(text, "\"{}\"", rfc3339(times.value(row))),
            _ => return false,
        };
        // Memory takes everything.
        written.is_ok()
    }
}

/// A text as JSON writes it.
fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}
