//! `[[columns]]`: names, identities, types and places in the JSON value.

use toml::de::DeValue;

use super::reader::{At, Reader, Section, as_bool, as_integer, as_str, as_strings, as_table, choose};
use super::{Part, find_column, generate};
use crate::dataset::{Column, ColumnType, Derive, FIRST_FIELD_ID, Generate};
use crate::french::Spelling;

/// Names of the columns that Penstock adds in raw, silver, windows or rejects.
const OWN_COLUMNS: [&str; 25] = [
    "topic",
    "partition",
    "offset",
    "shard",
    "sequence_number",
    "timestamp",
    "timestamp_type",
    "key",
    "ingested_at",
    "extra",
    "reject_reason",
    "reject_detail",
    "reject_bytes",
    "event_date",
    "window_start",
    "window_end",
    "count",
    "measure_count",
    "sum",
    "min",
    "max",
    "avg",
    "first_event_time",
    "last_event_time",
    "kind",
];

/// Table formats keep the ids just below 2^31 for themselves.
const LAST_FIELD_ID: i32 = 1_000_000_000;

/// Names end up in paths and in every reader's catalogue.
const MAX_NAME_BYTES: usize = 64;

pub(super) const COLUMN_KEYS: [&str; 11] =
    ["name", "field_id", "type", "path", "derive", "from", "spelling", "required", "unit", "description", "generate"];

const AN_INT: Part = Part { types: &[ColumnType::Int], required: false };

/// The types of columns, as a file names them.
pub const TYPES: [(&str, ColumnType); 6] = [
    ("uuid", ColumnType::Uuid),
    ("string", ColumnType::String),
    ("int", ColumnType::Int),
    ("double", ColumnType::Double),
    ("bool", ColumnType::Bool),
    ("timestamp", ColumnType::Timestamp),
];

/// A column as far as it could be read.
pub(super) struct Draft {
    pub(super) column: Column,
    /// False if the type was wrong: then nothing more is said about it.
    pub(super) type_known: bool,
    pub(super) offset: usize,
}

pub(in crate::dataset) const fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Uuid => "uuid",
        ColumnType::String => "string",
        ColumnType::Int => "int",
        ColumnType::Double => "double",
        ColumnType::Bool => "bool",
        ColumnType::Timestamp => "timestamp",
    }
}

pub(super) fn read<'t>(reader: &mut Reader<'t>, root: &Section<'t>) -> Vec<Draft> {
    let tables = reader.required(root, "columns", "a [[columns]] table for each column", as_tables);
    let tables = tables.map(|tables| tables.value).unwrap_or_default();
    let mut drafts: Vec<Draft> = tables.iter().map(|section| read_column(reader, section)).collect();
    for (index, section) in tables.iter().enumerate() {
        read_derive(reader, section, &mut drafts, index);
    }
    check_unique(reader, &drafts);
    check_paths(reader, &drafts);
    check_entities(reader, &drafts);
    drafts
}

fn as_tables<'t>(value: &'t DeValue<'t>) -> Option<Vec<Section<'t>>> {
    let DeValue::Array(items) = value else { return None };
    items
        .iter()
        .map(|item| {
            let table = as_table(item.get_ref())?;
            Some(Section { title: "[[columns]]".to_owned(), offset: item.span().start, table })
        })
        .collect()
}

fn read_column<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> Draft {
    reader.known_keys(section, &COLUMN_KEYS);
    let name = read_name(reader, section);
    let field_id = read_field_id(reader, section);
    let kind = read_type(reader, section);
    let required = reader.value(section, "required", "true or false", as_bool).is_some_and(|flag| flag.value);
    let column = Column {
        path: read_path(reader, section).unwrap_or_else(|| vec![name.clone()]),
        derive: None,
        name,
        field_id,
        kind: kind.unwrap_or(ColumnType::String),
        required,
        unit: reader.text(section, "unit"),
        description: reader.text(section, "description").unwrap_or_default(),
        generate: generate::read(reader, section, kind, required),
    };
    Draft { column, type_known: kind.is_some(), offset: section.offset }
}

fn read_name<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> String {
    let Some(name) = reader.required(section, "name", "a string, the column's name", as_str) else {
        return String::new();
    };
    check_identifier(reader, &name, Named::Column);
    if OWN_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name.value)) {
        let message = format!(
            "`{0}` is a column of Penstock's own: choose another name and keep the JSON key with path = \"{0}\"",
            name.value
        );
        reader.problem(name.offset, message);
    }
    name.value.to_owned()
}

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Its name is that of a folder, and some disks fold case.
    Dataset,
    Column,
}

pub(super) fn check_identifier(reader: &mut Reader<'_>, name: &At<&str>, named: Named) {
    let is_letter = |letter: char| match named {
        Named::Dataset => letter.is_ascii_lowercase(),
        Named::Column => letter.is_ascii_alphabetic(),
    };
    let fine = name.value.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit() || letter == '_')
        && name.value.starts_with(is_letter)
        && name.value.len() <= MAX_NAME_BYTES;
    if !fine {
        let (what, letters) = match named {
            Named::Dataset => ("dataset", "a-z"),
            Named::Column => ("column", "a-z, A-Z"),
        };
        let message = format!(
            "`{}` cannot name a {what}: use at most {MAX_NAME_BYTES} of {letters}, 0-9 and _, beginning with a letter",
            name.value.escape_debug()
        );
        reader.problem(name.offset, message);
    }
}

/// The id, or 0 where it is wrong.
fn read_field_id<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> i32 {
    let expected = "an integer of at least 100 that no other column has or had";
    let Some(number) = reader.required(section, "field_id", expected, as_integer) else { return 0 };
    let range = i64::from(FIRST_FIELD_ID)..=i64::from(LAST_FIELD_ID);
    let number = reader.check_range("field_id", number, range, "smaller ids belong to Penstock's own columns");
    i32::try_from(number).unwrap_or_default()
}

fn read_type<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> Option<ColumnType> {
    let names = TYPES.map(|(name, _)| name);
    let expected = format!("one of {}", names.join(", "));
    let word = reader.required(section, "type", &expected, as_str)?;
    let kind = TYPES.into_iter().find_map(|(name, kind)| (name == word.value).then_some(kind));
    if kind.is_none() {
        reader.problem(word.offset, format!("unknown type `{}`: {}", word.value, choose(word.value, &names)));
    }
    kind
}

fn read_path<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> Option<Vec<String>> {
    let expected = "keys joined by dots, or an array of keys (for keys that hold dots)";
    let path = reader.value(section, "path", expected, |value| match value {
        DeValue::String(dotted) => Some(dotted.split('.').map(str::to_owned).collect::<Vec<_>>()),
        _ => Some(as_strings(value)?.into_iter().map(|key| key.value.to_owned()).collect()),
    })?;
    if path.value.is_empty() || path.value.iter().any(String::is_empty) {
        reader.problem(path.offset, "`path` has an empty key: write it like \"device.id\" or [\"device\", \"id\"]");
    }
    Some(path.value)
}

/// How the column follows from others, if it does: the others have been read by now.
fn read_derive<'t>(reader: &mut Reader<'t>, section: &Section<'t>, drafts: &mut [Draft], index: usize) {
    let expected = "\"value_hash\" or \"number_to_french\"";
    let word = reader.value(section, "derive", expected, as_str);
    if word.as_ref().is_none_or(|word| word.value != "number_to_french") {
        for (key, value) in
            section.table.iter().filter(|(key, _)| matches!(key.get_ref().as_ref(), "from" | "spelling"))
        {
            let message =
                format!("`{}` belongs to derive = \"number_to_french\": remove it, or add that", key.get_ref());
            reader.problem(value.span().start, message);
        }
    }
    let Some(word) = word else { return };
    for key in ["path", "generate"] {
        if section.table.contains_key(key) {
            reader.problem(word.offset, format!("a derived column is in no value: remove `{key}`, or `derive`"));
        }
    }
    let derive = match word.value {
        "value_hash" => Derive::ValueHash,
        "number_to_french" => read_words(reader, section, drafts),
        other => return reader.problem(word.offset, format!("`derive` is `{other}`: use {expected}")),
    };
    let Some(Draft { column, type_known, .. }) = drafts.get_mut(index) else { return };
    let (kind, why) = match derive {
        Derive::ValueHash => (ColumnType::Uuid, "a hash takes 16 bytes"),
        Derive::NumberToFrench { .. } => (ColumnType::String, "words are text"),
    };
    if *type_known && column.kind != kind {
        reader.problem(word.offset, format!("{why}: set type = \"{}\" on the column", type_name(kind)));
    }
    if derive != Derive::ValueHash && column.required {
        reader.problem(word.offset, "not every number has words: remove `required`, and require the number itself");
    }
    column.required = derive == Derive::ValueHash;
    column.path = Vec::new();
    column.derive = Some(derive);
}

fn read_words<'t>(reader: &mut Reader<'t>, section: &Section<'t>, drafts: &[Draft]) -> Derive {
    let from = reader.required(section, "from", "a string, the int column to put in words", as_str);
    let expected = "\"1990\" or \"traditional\"";
    let spelling = match reader.value(section, "spelling", expected, as_str) {
        Some(At { value: "traditional", .. }) => Spelling::Traditional,
        Some(At { value: "1990", .. }) | None => Spelling::Of1990,
        Some(At { value, offset }) => {
            reader.problem(offset, format!("`spelling` is `{value}`: use {expected}"));
            Spelling::Of1990
        }
    };
    Derive::NumberToFrench { from: from.map_or(0, |name| find_column(reader, drafts, &name, &AN_INT)), spelling }
}

fn check_unique(reader: &mut Reader<'_>, drafts: &[Draft]) {
    for (index, Draft { column, offset, .. }) in drafts.iter().enumerate() {
        let mut earlier = drafts.iter().take(index).map(|draft| &draft.column);
        let is_like = |other: &&Column| other.name.eq_ignore_ascii_case(&column.name);
        match earlier.clone().find(is_like).filter(|_| !column.name.is_empty()) {
            Some(other) if other.name == column.name => {
                reader.problem(*offset, format!("a second column `{}`: rename or remove one", column.name));
            }
            Some(other) => {
                let message = format!(
                    "`{}` and `{}` differ in case alone, and most readers take them for one: rename one",
                    column.name, other.name
                );
                reader.problem(*offset, message);
            }
            None => {}
        }
        if let Some(other) = earlier.find(|other| other.field_id == column.field_id && other.field_id != 0) {
            let message = format!(
                "`{}` has the field_id {} of `{}`: give the newer column an id that was never used",
                column.name, column.field_id, other.name
            );
            reader.problem(*offset, message);
        }
    }
}

/// A JSON value is either a column's or an object with columns inside, never both.
fn check_paths(reader: &mut Reader<'_>, drafts: &[Draft]) {
    for (index, Draft { column, offset, .. }) in drafts.iter().enumerate() {
        for Draft { column: other, .. } in drafts.iter().take(index) {
            let is_derived = column.derive.is_some() || other.derive.is_some();
            let overlap = column.path.starts_with(&other.path) || other.path.starts_with(&column.path);
            if overlap && !is_derived && column.name != other.name {
                let message = format!(
                    "the path {} of `{}` and the path {} of `{}` overlap: one JSON value fills one column",
                    column.path.join("."),
                    column.name,
                    other.path.join("."),
                    other.name
                );
                reader.problem(*offset, message);
            }
        }
    }
}

/// `of_entity` speaks of the one entity that an event belongs to.
fn check_entities(reader: &mut Reader<'_>, drafts: &[Draft]) {
    let is_entity = |draft: &&Draft| matches!(draft.column.generate, Some(Generate::Entity { .. }));
    for second in drafts.iter().filter(is_entity).skip(1) {
        reader.problem(second.offset, "a second `entity` generator: an event belongs to one entity, use `choice`");
    }
    if drafts.iter().any(|draft| is_entity(&draft)) {
        return;
    }
    for draft in drafts {
        if matches!(draft.column.generate, Some(Generate::OfEntity { .. })) {
            let message = "`of_entity` needs a column with an `entity` generator: add one, or use `choice`";
            reader.problem(draft.offset, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dataset::Dataset;
    use crate::payload::SourceKind;
    use crate::{raw, table};

    #[test]
    fn no_column_of_a_dataset_can_take_the_name_of_one_of_ours() {
        let iot = Dataset::shipped("iot").unwrap();
        let is_ours = |name: &String| !iot.columns.iter().any(|column| column.name == *name);
        let schemas = [
            raw::schema(&iot, SourceKind::Kafka),
            raw::schema(&iot, SourceKind::Kinesis),
            table::silver_schema(&iot),
            table::rejects_schema(),
            table::windows_schema(&iot),
        ];
        let names = schemas.iter().flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()));
        // `event_date` stands in the path, and readers show it as a column.
        let ours: BTreeSet<String> = names.filter(is_ours).chain(["event_date".to_owned()]).collect();
        assert_eq!(ours, OWN_COLUMNS.into_iter().map(str::to_owned).collect());
    }
}
