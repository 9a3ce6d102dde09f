//! `docs/datasets.md`: what it shows is right, and its tables list what the reader of dataset files knows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use penstock_core::dataset::{Dataset, GENERATORS, KEYS, P95, TYPES};
use penstock_core::parse;
use penstock_core::payload::{Batch, Encoded, Record, TimestampType};
use penstock_core::position::{Partition, Position};
use penstock_core::time;
use serde_json::{Value, json};
use toml::Table;

const GUIDE: &str = include_str!("../../../docs/datasets.md");

/// The fenced blocks with this info string.
fn blocks(info: &str) -> Vec<&'static str> {
    let fences = GUIDE.split("\n```").skip(1).step_by(2);
    let is_wanted = |fence: &&str| fence.split('\n').next() == Some(info);
    fences.filter(is_wanted).map(|fence| fence.split_once('\n').unwrap().1).collect()
}

/// The text between a heading and the next one.
fn section(heading: &str) -> &'static str {
    let marked = format!("# {heading}\n");
    let (_, rest) = GUIDE.split_once(&marked).unwrap_or_else(|| panic!("no section `{heading}`"));
    rest.split("\n#").next().unwrap()
}

/// The cells of a section's table, without its header.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let lines = section(heading).lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn code(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The names in the first column of a section's table.
fn names(heading: &str) -> BTreeSet<&'static str> {
    table(heading).into_iter().map(|cells| cells[0].trim_matches('`')).collect()
}

fn example() -> &'static str {
    blocks("toml")[0]
}

#[test]
fn every_snippet_is_a_dataset_or_completes_one() {
    let snippets = blocks("toml");
    assert!(4 < snippets.len(), "the guide has lost its snippets");
    for snippet in snippets {
        let mut file: Table = example().parse().unwrap();
        for (key, value) in snippet.parse::<Table>().unwrap() {
            match (file.get_mut(&key), value) {
                (Some(toml::Value::Array(columns)), toml::Value::Array(more)) if snippet != example() => {
                    columns.extend(more);
                }
                (Some(toml::Value::Table(table)), toml::Value::Table(more)) => table.extend(more),
                (_, value) => drop(file.insert(key, value)),
            }
        }
        Dataset::parse(&file.to_string()).unwrap_or_else(|problems| panic!("{problems}\n{snippet}"));
    }
}

#[test]
fn the_mistakes_are_what_the_reader_says() {
    let problems = Dataset::parse(blocks("toml wrong")[0]).unwrap_err();
    let line = |problem: penstock_core::dataset::Problem| {
        format!("wrong.toml:{}:{}: {}\n", problem.line, problem.column, problem.message)
    };
    let expect: String = problems.0.into_iter().map(line).collect();
    assert_eq!(blocks("text")[1].trim_end(), expect.trim_end());
}

#[test]
fn the_rejects_of_the_example_are_what_the_parser_says() {
    let dataset = Dataset::parse(example()).unwrap();
    let record = |(index, line): (usize, &'static str)| Record {
        position: Position::from_offset(index as u64),
        timestamp: None,
        timestamp_type: TimestampType::Unknown,
        key: None,
        value: Some(Encoded::Plain(Cow::Borrowed(line.as_bytes()))),
    };
    let records = blocks("ndjson")[0].lines().enumerate().map(record).collect();
    let batch = Batch { topic: "sample".into(), partition: Partition::Kafka(0), records };
    let arrival = time::parse(b"2026-11-21T12:00:00Z").unwrap();
    let rows = parse::rows(&dataset, &batch, &batch.records, 0, arrival).unwrap().batch;
    let reasons = rows.column_by_name("reject_reason").unwrap().as_dictionary::<Int32Type>();
    let details = rows.column_by_name("reject_detail").unwrap().as_string::<i32>();
    let said = (0..rows.num_rows()).filter(|row| reasons.is_valid(*row)).map(|row| {
        let reason = reasons.values().as_string::<i32>().value(reasons.key(row).unwrap());
        format!("trips.ndjson:{}: {reason}: {}\n", row + 1, details.value(row))
    });
    assert_eq!(blocks("text")[0].trim_end(), said.collect::<String>().trim_end());
}

#[test]
fn the_tables_list_every_key() {
    for (name, keys) in KEYS {
        let heading = match name {
            "dataset" => "The file".to_owned(),
            "columns" => "`[[columns]]`".to_owned(),
            section => format!("`[{section}]`"),
        };
        assert_eq!(names(&heading), keys.iter().copied().collect(), "{heading}");
    }
    assert_eq!(names("Types"), TYPES.iter().map(|(name, _)| *name).collect());
}

#[test]
fn the_table_of_generators_lists_their_types_and_keys() {
    let listed: Vec<_> = table("Made-up events")
        .into_iter()
        .map(|cells| (cells[0].trim_matches('`'), cells[1].split(", ").collect(), code(cells[2])))
        .collect();
    let type_name = |kind| TYPES.iter().find(|(_, known)| *known == kind).unwrap().0;
    let known: Vec<_> = GENERATORS
        .iter()
        .map(|(name, types, keys)| {
            let keys = keys.iter().copied().filter(|key| *key != "kind").collect();
            (*name, types.iter().map(|kind| type_name(*kind)).collect::<Vec<_>>(), keys)
        })
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn the_tables_name_the_defaults() {
    let question = "[p95]\ngroup = \"vehicle_id\"\nvalue = \"speed\"\n";
    let speed = "path = \"speed.kmh\"\n";
    let generated = "decimals = 1, present = 0.9";
    let text = example().replace(speed, &format!("{speed}required = true\n")).replace(generated, "decimals = 1");
    let dataset = Dataset::parse(&format!("{text}\n{question}")).unwrap();
    let P95 { min_events, deviations, .. } = dataset.p95.unwrap();
    let sections = [
        ("`[windows]`", serde_json::to_value(&dataset.windows).unwrap()),
        ("`[dedupe]`", serde_json::to_value(dataset.dedupe).unwrap()),
        ("`[limits]`", serde_json::to_value(dataset.limits).unwrap()),
        ("`[p95]`", json!({"min_events": min_events, "deviations": deviations})),
    ];
    for (heading, defaults) in sections {
        for cells in table(heading) {
            let default: Option<Value> = serde_json::from_str(cells[2].trim_matches('`')).ok();
            if let Some(default) = default {
                assert_eq!(defaults[cells[0].trim_matches('`')], default, "{heading} {}", cells[0]);
            } else {
                assert!(["must be set", "none"].contains(&cells[2]), "{heading}: {cells:?}");
            }
        }
    }
}
