//! `generate` of a column: how the producer invents its values.

use super::columns::type_name;
use super::reader::{At, Reader, Section, as_float, as_integer, as_str, as_strings, as_table, choose};
use crate::dataset::{ColumnType, Generate};

/// Digits behind the point: a millionth is as fine as any sensor.
const MAX_DECIMALS: i64 = 6;
const MAX_ENTITIES: i64 = 10_000_000;
/// Keeps every generated number exact in a double and short in JSON.
const MAX_MAGNITUDE: f64 = 1e9;

/// Each kind of generator with the column types it can fill and the keys it knows.
pub const GENERATORS: [(&str, &[ColumnType], &[&str]); 9] = [
    ("id", &[ColumnType::Uuid, ColumnType::String], &["kind"]),
    ("entity", &[ColumnType::String], &["kind", "prefix", "count", "present"]),
    ("of_entity", &[ColumnType::String], &["kind", "values", "present"]),
    ("event_time", &[ColumnType::Timestamp], &["kind"]),
    ("log_normal", &[ColumnType::Double], &["kind", "median", "spread", "decimals", "present"]),
    ("normal", &[ColumnType::Double], &["kind", "mean", "deviation", "decimals", "present"]),
    ("integer", &[ColumnType::Int], &["kind", "min", "max", "present"]),
    ("choice", &[ColumnType::String], &["kind", "values", "present"]),
    ("flag", &[ColumnType::Bool], &["kind", "share", "present"]),
];

/// The generator of a column; `None` if it has none or its kind is unreadable.
pub(super) fn read<'t>(
    reader: &mut Reader<'t>,
    column: &Section<'t>,
    column_type: Option<ColumnType>,
    required: bool,
) -> Option<Generate> {
    let table = reader.value(column, "generate", "a table such as { kind = \"id\" }", as_table)?;
    let section = Section { title: "generate".to_owned(), offset: table.offset, table: table.value };
    let names = GENERATORS.map(|(name, ..)| name);
    let kind = reader.required(&section, "kind", &format!("one of {}", names.join(", ")), as_str)?;
    let Some((_, types, keys)) = GENERATORS.iter().find(|(name, ..)| *name == kind.value) else {
        reader.problem(kind.offset, format!("unknown generator `{}`: {}", kind.value, choose(kind.value, &names)));
        return None;
    };
    reader.known_keys(&section, keys);
    if let Some(column_type) = column_type.filter(|column_type| !types.contains(column_type)) {
        let fitting: Vec<&str> =
            GENERATORS.iter().filter(|(_, types, _)| types.contains(&column_type)).map(|(name, ..)| *name).collect();
        let message =
            format!("`{}` cannot generate a {}: use {}", kind.value, type_name(column_type), fitting.join(" or "));
        reader.problem(kind.offset, message);
    }
    Some(read_kind(reader, &section, kind.value, required))
}

fn read_kind<'t>(reader: &mut Reader<'t>, section: &Section<'t>, kind: &str, required: bool) -> Generate {
    match kind {
        "id" => Generate::Id,
        "event_time" => Generate::EventTime,
        "entity" => Generate::Entity {
            prefix: reader.text(section, "prefix").unwrap_or_default(),
            count: reader
                .integer(section, "count", 1000, 1..=MAX_ENTITIES, "choose how many different ones there are")
                .unsigned_abs(),
            present: present(reader, section, required),
        },
        "of_entity" => {
            Generate::OfEntity { values: values(reader, section), present: present(reader, section, required) }
        }
        "log_normal" => Generate::LogNormal {
            median: number(reader, section, "median", 1e-6..=MAX_MAGNITUDE),
            spread: number(reader, section, "spread", 0.0..=3.0),
            decimals: decimals(reader, section),
            present: present(reader, section, required),
        },
        "normal" => Generate::Normal {
            mean: number(reader, section, "mean", -MAX_MAGNITUDE..=MAX_MAGNITUDE),
            deviation: number(reader, section, "deviation", 0.0..=MAX_MAGNITUDE),
            decimals: decimals(reader, section),
            present: present(reader, section, required),
        },
        "integer" => integer(reader, section, required),
        "choice" => Generate::Choice { values: values(reader, section), present: present(reader, section, required) },
        _ => Generate::Flag {
            share: number(reader, section, "share", 0.0..=1.0),
            present: present(reader, section, required),
        },
    }
}

fn integer<'t>(reader: &mut Reader<'t>, section: &Section<'t>, required: bool) -> Generate {
    let min = reader.required(section, "min", "an integer, the smallest value", as_integer);
    let max = reader.required(section, "max", "an integer, the largest value", as_integer);
    if let (Some(At { value: min, .. }), Some(At { value: max, offset })) = (min, max)
        && max < min
    {
        reader.problem(offset, format!("`max` is {max}, below `min`, which is {min}: exchange them"));
    }
    Generate::Integer {
        min: min.map_or(0, |min| min.value),
        max: max.map_or(0, |max| max.value),
        present: present(reader, section, required),
    }
}

fn values<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> Vec<String> {
    let values = reader.required(section, "values", "an array of strings to choose from", as_strings);
    let Some(values) = values else { return Vec::new() };
    if values.value.is_empty() {
        reader.problem(values.offset, "`values` is empty: name at least one value to choose from");
    }
    values.value.into_iter().map(|value| value.value.to_owned()).collect()
}

fn number<'t>(reader: &mut Reader<'t>, section: &Section<'t>, key: &str, range: std::ops::RangeInclusive<f64>) -> f64 {
    let number = reader.required(section, key, "a number", as_float);
    number.map_or(0.0, |number| reader.check_range(key, number, range, "choose one within"))
}

fn decimals<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> u8 {
    let decimals = reader.integer(section, "decimals", 2, 0..=MAX_DECIMALS, "these are the digits behind the point");
    u8::try_from(decimals).unwrap_or_default()
}

/// The share of events that have the column.
fn present<'t>(reader: &mut Reader<'t>, section: &Section<'t>, required: bool) -> f64 {
    let share = reader.float(section, "present", 1.0, 0.0..=1.0, "it is the share of events that have the column");
    if required && share < 1.0 {
        reader.problem(section.offset, "`present` is below 1 on a required column: remove one of the two");
    }
    share
}
