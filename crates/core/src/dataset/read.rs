//! Reading a dataset file: what is wrong in it is said all at once.

mod columns;
mod generate;
mod reader;

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub use columns::TYPES;
pub(super) use columns::type_name;
pub use generate::GENERATORS;

use super::{ColumnType, Dataset, Dedupe, DuplicateKeys, Format, Limits, P95, Windows};
use columns::{Draft, Named};
use reader::{At, Reader, Section, as_str, as_strings, choose};

/// A minute is what people look at, and long enough to aggregate.
const DEFAULT_LENGTH_SECS: i64 = 60;
/// Devices send from where they are: two minutes cover a reconnect.
const DEFAULT_ALLOWED_LATENESS_SECS: i64 = 120;
/// Long enough for a pause of the event source mapping while it scales.
const DEFAULT_IDLE_AFTER_SECS: i64 = 300;
/// About 100 MB of state.
const DEFAULT_MAX_OPEN_WINDOWS: i64 = 500_000;
/// Producers retry for two minutes, event source mappings for a few more.
const DEFAULT_HORIZON_SECS: i64 = 600;
/// 16 bytes each, and the set stays below 1 GB.
const DEFAULT_MAX_IDS: i64 = 20_000_000;
/// Deeper than any event made by hand, shallow enough for any stack.
const DEFAULT_MAX_DEPTH: i64 = 32;
/// What Kafka brokers accept by default.
const DEFAULT_MAX_VALUE_BYTES: i64 = 1_048_576;
/// A device that was off for a month has lost its clock.
const DEFAULT_MAX_PAST_DAYS: i64 = 30;
/// Clocks that are not synchronised drift by minutes, not by hours.
const DEFAULT_MAX_FUTURE_SECS: i64 = 600;
/// Fewer events have no tail worth a percentile.
const DEFAULT_MIN_EVENTS: i64 = 500;
const DEFAULT_DEVIATIONS: f64 = 3.0;

const DAY_SECS: i64 = 86_400;
const WEEK_SECS: i64 = 7 * DAY_SECS;
/// Lambda delivers at most 6 MB at once.
const LARGEST_VALUE_BYTES: i64 = 6 * 1024 * 1024;

const DATASET_KEYS: [&str; 9] =
    ["name", "description", "format", "columns", "roles", "windows", "dedupe", "limits", "p95"];
const ROLE_KEYS: [&str; 3] = ["id", "event_time", "record_key"];
const WINDOW_KEYS: [&str; 6] =
    ["length_secs", "keys", "measure", "allowed_lateness_secs", "idle_after_secs", "max_open_windows"];
const DEDUPE_KEYS: [&str; 2] = ["horizon_secs", "max_ids"];
const LIMIT_KEYS: [&str; 5] = ["max_depth", "max_value_bytes", "max_past_days", "max_future_secs", "duplicate_keys"];
const P95_KEYS: [&str; 4] = ["group", "value", "min_events", "deviations"];

/// Every key that a dataset file may hold, by its table: what documents must list.
pub const KEYS: [(&str, &[&str]); 7] = [
    ("dataset", &DATASET_KEYS),
    ("columns", &columns::COLUMN_KEYS),
    ("roles", &ROLE_KEYS),
    ("windows", &WINDOW_KEYS),
    ("dedupe", &DEDUPE_KEYS),
    ("limits", &LIMIT_KEYS),
    ("p95", &P95_KEYS),
];

/// One thing that is wrong in a dataset file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// Everything that is wrong in a dataset file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, column, message }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}line {line}, column {column}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

pub(super) fn read(text: &str) -> Result<Dataset, Problems> {
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    let empty = DeTable::new();
    let mut reader = Reader::new(text, &empty);
    for error in syntax_errors {
        reader.syntax_problem(error.span().map_or(0, |span| span.start), format!("not TOML: {}", error.message()));
    }
    let root = Section { title: "the dataset".to_owned(), offset: 0, table: document.get_ref() };
    let dataset = read_dataset(&mut reader, &root, text);
    reader.finish()?;
    Ok(dataset)
}

fn read_dataset<'t>(reader: &mut Reader<'t>, root: &Section<'t>, text: &str) -> Dataset {
    reader.known_keys(root, &DATASET_KEYS);
    let name = reader.required(root, "name", "a string, the dataset's name", as_str);
    if let Some(name) = &name {
        columns::check_identifier(reader, name, Named::Dataset);
    }
    let description = reader.text(root, "description").unwrap_or_default();
    let format = read_format(reader, root);
    let drafts = columns::read(reader, root);
    let roles = read_roles(reader, root, &drafts);
    let windows = read_windows(reader, root, &drafts);
    let dedupe = read_dedupe(reader, root);
    let limits = read_limits(reader, root);
    check_together(reader, root, &drafts, &windows, &limits);
    let p95 = read_p95(reader, root, &drafts);
    Dataset {
        name: name.map_or_else(String::new, |name| name.value.to_owned()),
        description,
        format,
        columns: drafts.into_iter().map(|draft| draft.column).collect(),
        id: roles.id,
        event_time: roles.event_time,
        record_key: roles.record_key,
        windows,
        dedupe,
        limits,
        p95,
        text: text.to_owned(),
        hash: Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn read_format<'t>(reader: &mut Reader<'t>, root: &Section<'t>) -> Format {
    match reader.value(root, "format", "\"parquet\" or \"iceberg\"", as_str) {
        Some(At { value: "iceberg", .. }) => Format::Iceberg,
        Some(At { value: "parquet", .. }) | None => Format::Parquet,
        Some(At { value, offset }) => {
            reader.problem(offset, format!("`format` is `{value}`: use \"parquet\" or \"iceberg\""));
            Format::Parquet
        }
    }
}

/// What a column must be to play a part.
struct Part {
    types: &'static [ColumnType],
    required: bool,
}

const A_STRING: Part = Part { types: &[ColumnType::String], required: false };
const A_REQUIRED_STRING: Part = Part { types: &[ColumnType::String], required: true };

/// The column called `name`, or 0 where it does not fit.
fn find_column(reader: &mut Reader<'_>, drafts: &[Draft], name: &At<&str>, part: &Part) -> usize {
    let Some(index) = drafts.iter().position(|draft| draft.column.name == name.value) else {
        let names: Vec<&str> = drafts.iter().map(|draft| draft.column.name.as_str()).collect();
        reader.missing(name.offset, format!("unknown column `{}`: {}", name.value, choose(name.value, &names)));
        return 0;
    };
    let Some(Draft { column, type_known, .. }) = drafts.get(index) else { return 0 };
    if *type_known && !part.types.contains(&column.kind) {
        let message = format!(
            "`{}` is {} {} column: this must name {} {} column",
            column.name,
            article(column.kind),
            type_name(column.kind),
            part.types.first().map_or("a", |kind| article(*kind)),
            part.types.iter().map(|kind| type_name(*kind)).collect::<Vec<_>>().join(" or ")
        );
        reader.problem(name.offset, message);
    } else if part.required && !column.required {
        let message =
            format!("`{0}` may be absent, and this must not be: set required = true on column `{0}`", column.name);
        reader.missing(name.offset, message);
    }
    index
}

const fn article(kind: ColumnType) -> &'static str {
    if matches!(kind, ColumnType::Int) { "an" } else { "a" }
}

struct Roles {
    id: Option<usize>,
    event_time: usize,
    record_key: Option<usize>,
}

fn read_roles<'t>(reader: &mut Reader<'t>, root: &Section<'t>, drafts: &[Draft]) -> Roles {
    let section = reader.section(root, "roles");
    reader.known_keys(&section, &ROLE_KEYS);
    let id_part = Part { types: &[ColumnType::Uuid, ColumnType::String], required: true };
    let time_part = Part { types: &[ColumnType::Timestamp], required: true };
    let id = reader.value(&section, "id", "a column's name", as_str);
    let event_time = reader.required(&section, "event_time", "a string, the timestamp column that says when", as_str);
    let record_key = reader.value(&section, "record_key", "a column's name", as_str);
    Roles {
        id: id.map(|name| find_column(reader, drafts, &name, &id_part)),
        event_time: event_time.map_or(0, |name| find_column(reader, drafts, &name, &time_part)),
        record_key: record_key.map(|name| find_column(reader, drafts, &name, &A_STRING)),
    }
}

fn read_windows<'t>(reader: &mut Reader<'t>, root: &Section<'t>, drafts: &[Draft]) -> Windows {
    let section = reader.section(root, "windows");
    reader.known_keys(&section, &WINDOW_KEYS);
    let keys = read_window_keys(reader, &section, drafts);
    let measure_part = Part { types: &[ColumnType::Double], required: false };
    let measure = reader.value(&section, "measure", "a string, the double column to sum up", as_str);
    let measure = measure.map(|name| find_column(reader, drafts, &name, &measure_part));
    let mut setting = |key, default, range, remedy| reader.integer(&section, key, default, range, remedy);
    Windows {
        length_secs: setting("length_secs", DEFAULT_LENGTH_SECS, 1..=DAY_SECS, "windows lie within a day"),
        keys,
        measure,
        allowed_lateness_secs: setting(
            "allowed_lateness_secs",
            DEFAULT_ALLOWED_LATENESS_SECS,
            0..=WEEK_SECS,
            "what comes later becomes a correction, nothing is lost",
        ),
        idle_after_secs: setting(
            "idle_after_secs",
            DEFAULT_IDLE_AFTER_SECS,
            1..=DAY_SECS,
            "choose the longest pause of a partition that is still in use",
        ),
        max_open_windows: to_usize(setting(
            "max_open_windows",
            DEFAULT_MAX_OPEN_WINDOWS,
            1..=50_000_000,
            "each open window takes about 200 bytes of memory",
        )),
    }
}

fn read_window_keys<'t>(reader: &mut Reader<'t>, section: &Section<'t>, drafts: &[Draft]) -> Vec<usize> {
    let expected = "an array with the string columns to group by";
    let Some(names) = reader.required(section, "keys", expected, as_strings) else { return Vec::new() };
    if names.value.is_empty() {
        reader.problem(names.offset, "`keys` is empty: name at least one string column to group by");
    }
    let mut keys = Vec::new();
    for name in &names.value {
        let index = find_column(reader, drafts, name, &A_REQUIRED_STRING);
        if drafts.get(index).is_some_and(|draft| draft.column.name == name.value) && keys.contains(&index) {
            reader.problem(name.offset, format!("`{}` is named twice in `keys`: remove one", name.value));
        }
        keys.push(index);
    }
    keys
}

fn read_dedupe<'t>(reader: &mut Reader<'t>, root: &Section<'t>) -> Dedupe {
    let section = reader.section(root, "dedupe");
    reader.known_keys(&section, &DEDUPE_KEYS);
    Dedupe {
        horizon_secs: reader.integer(
            &section,
            "horizon_secs",
            DEFAULT_HORIZON_SECS,
            0..=WEEK_SECS,
            "choose how far apart duplicates arrive",
        ),
        max_ids: to_usize(reader.integer(
            &section,
            "max_ids",
            DEFAULT_MAX_IDS,
            1..=1_000_000_000,
            "each id takes about 40 bytes of memory",
        )),
    }
}

fn read_limits<'t>(reader: &mut Reader<'t>, root: &Section<'t>) -> Limits {
    let section = reader.section(root, "limits");
    reader.known_keys(&section, &LIMIT_KEYS);
    let duplicate_keys = read_duplicate_keys(reader, &section);
    let mut setting = |key, default, range, remedy| reader.integer(&section, key, default, range, remedy);
    Limits {
        max_depth: to_usize(setting("max_depth", DEFAULT_MAX_DEPTH, 1..=128, "parsers have a stack")),
        max_value_bytes: to_usize(setting(
            "max_value_bytes",
            DEFAULT_MAX_VALUE_BYTES,
            1..=LARGEST_VALUE_BYTES,
            "Lambda delivers at most 6 MB at once",
        )),
        max_past_days: setting(
            "max_past_days",
            DEFAULT_MAX_PAST_DAYS,
            1..=3650,
            "every day that events may lie back is a folder in the lake",
        ),
        max_future_secs: setting(
            "max_future_secs",
            DEFAULT_MAX_FUTURE_SECS,
            0..=DAY_SECS,
            "choose by how much the devices' clocks may be wrong",
        ),
        duplicate_keys,
    }
}

fn read_duplicate_keys<'t>(reader: &mut Reader<'t>, section: &Section<'t>) -> DuplicateKeys {
    match reader.value(section, "duplicate_keys", "\"reject\" or \"first\"", as_str) {
        Some(At { value: "first", .. }) => DuplicateKeys::First,
        Some(At { value: "reject", .. }) | None => DuplicateKeys::Reject,
        Some(At { value, offset }) => {
            reader.problem(offset, format!("`duplicate_keys` is `{value}`: use \"reject\" or \"first\""));
            DuplicateKeys::Reject
        }
    }
}

/// Settings that are fine each for itself and wrong together.
fn check_together<'t>(
    reader: &mut Reader<'t>,
    root: &Section<'t>,
    drafts: &[Draft],
    windows: &Windows,
    limits: &Limits,
) {
    for Draft { column, offset, .. } in drafts {
        if column.path.len() > limits.max_depth {
            let message = format!(
                "`{}` lies {} levels deep, max_depth is {}: raise max_depth in [limits]",
                column.name,
                column.path.len(),
                limits.max_depth
            );
            reader.problem(*offset, message);
        }
    }
    if windows.allowed_lateness_secs >= limits.max_past_days.saturating_mul(DAY_SECS) {
        let message = "`allowed_lateness_secs` reaches beyond `max_past_days`: events that late are rejected, \
                       lower the first or raise the second";
        let offset = root.table.get("windows").map_or(root.offset, |windows| windows.span().start);
        reader.problem(offset, message);
    }
}

fn read_p95<'t>(reader: &mut Reader<'t>, root: &Section<'t>, drafts: &[Draft]) -> Option<P95> {
    if !root.table.contains_key("p95") {
        return None;
    }
    let section = reader.section(root, "p95");
    reader.known_keys(&section, &P95_KEYS);
    let value_part = Part { types: &[ColumnType::Double], required: true };
    let group = reader.required(&section, "group", "a string, the column to group by", as_str);
    let value = reader.required(&section, "value", "a string, the double column to take the percentile of", as_str);
    let min_events = reader.integer(
        &section,
        "min_events",
        DEFAULT_MIN_EVENTS,
        1..=1_000_000_000,
        "groups with fewer events in a day are left out",
    );
    Some(P95 {
        group: group.map_or(0, |name| find_column(reader, drafts, &name, &A_REQUIRED_STRING)),
        value: value.map_or(0, |name| find_column(reader, drafts, &name, &value_part)),
        min_events: min_events.unsigned_abs(),
        deviations: reader.float(
            &section,
            "deviations",
            DEFAULT_DEVIATIONS,
            0.1..=1000.0,
            "values farther from the mean are outliers",
        ),
    })
}

/// Every setting that becomes a `usize` has been checked against a range above zero.
fn to_usize(setting: i64) -> usize {
    usize::try_from(setting).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Derive;
    use crate::french::Spelling;
    use insta::assert_snapshot;

    /// The smallest file that is right: every optional thing is left out.
    const SMALL: &str = r#"name = "small"
[[columns]]
name = "at"
field_id = 100
type = "timestamp"
required = true
[[columns]]
name = "who"
field_id = 101
type = "string"
required = true
[[columns]]
name = "level"
field_id = 102
type = "double"
[roles]
event_time = "at"
[windows]
keys = ["who"]
measure = "level"
"#;

    /// The problems of the small file with one part replaced.
    fn check(from: &str, to: &str) -> String {
        assert!(SMALL.contains(from), "{from}");
        problems(&SMALL.replacen(from, to, 1))
    }

    /// Each problem with its line.
    fn problems(text: &str) -> String {
        let Err(problems) = read(text) else { return "fine".to_owned() };
        let lines = problems.0.into_iter().map(|Problem { line, message, .. }| format!("line {line}: {message}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn absent_settings_take_their_defaults() {
        let dataset = read(SMALL).unwrap();
        assert_eq!(dataset.limits.max_depth, 32);
        assert_eq!(dataset.limits.max_value_bytes, 1_048_576);
        assert_eq!(dataset.limits.duplicate_keys, DuplicateKeys::Reject);
        assert_eq!((dataset.windows.length_secs, dataset.windows.allowed_lateness_secs), (60, 120));
        assert_eq!((dataset.windows.idle_after_secs, dataset.dedupe.horizon_secs), (300, 600));
        assert_eq!((dataset.limits.max_past_days, dataset.limits.max_future_secs), (30, 600));
        assert_eq!((dataset.id, dataset.event_time, dataset.record_key, dataset.p95), (None, 0, None, None));
        assert_eq!((dataset.windows.keys, dataset.windows.measure), (vec![1], Some(2)));
        assert_eq!(dataset.text, SMALL);
    }

    #[test]
    fn the_hash_is_the_sha_256_of_the_file() {
        let hash = read(SMALL).unwrap().hash;
        assert_eq!(hash.len(), 64);
        assert_ne!(hash, read(&format!("{SMALL}\n")).unwrap().hash);
    }

    #[test]
    fn windows_line_ends_are_fine_and_counted_once() {
        assert!(read(&SMALL.replace('\n', "\r\n")).is_ok());
        let text = SMALL.replace("measure = \"level\"", "measure = \"levle\"").replace('\n', "\r\n");
        assert_snapshot!(problems(&text), @"line 20: unknown column `levle`: did you mean `level`?");
    }

    #[test]
    fn paths_are_dotted_or_lists_of_keys() {
        let path = |path: &str| {
            let text = SMALL.replace("field_id = 102", &format!("field_id = 102\npath = {path}"));
            read(&text).unwrap().columns[2].path.clone()
        };
        assert_eq!(path(r#""a.b.c""#), ["a", "b", "c"]);
        assert_eq!(path(r#"["a.b", "c"]"#), ["a.b", "c"]);
        assert_eq!(read(SMALL).unwrap().columns[2].path, ["level"]);
    }

    #[test]
    fn a_file_with_many_errors_says_them_all_in_order() {
        assert_snapshot!(problems(r#"
name = "Small"
descripton = "x"
[[columns]]
name = "at"
field_id = 7
type = "time"
[[columns]]
name = "count"
field_id = 101
type = "string"
[[columns]]
name = "level"
field_id = 101
type = "double"
required = "yes"
generate = { kind = "normal", mean = 1, decimals = 9 }
[[columns]]
name = "level"
type = "double"
path = "level.of"
[roles]
event_time = "when"
id = "level"
[windows]
length_secs = 0
keys = []
[limits]
max_depth = 1000
duplicate_keys = "last"
[p95]
group = "level"
value = 3
"#), @r#"
        line 2: `Small` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter
        line 3: unknown key `descripton` in the dataset: did you mean `description`?
        line 6: `field_id` is 7 but must lie between 100 and 1000000000: smaller ids belong to Penstock's own columns
        line 7: unknown type `time`: use one of uuid, string, int, double, bool, timestamp
        line 9: `count` is a column of Penstock's own: choose another name and keep the JSON key with path = "count"
        line 12: `level` has the field_id 101 of `count`: give the newer column an id that was never used
        line 16: `required` in [[columns]] must be true or false
        line 17: generate lacks `deviation`: add a number
        line 17: `decimals` is 9 but must lie between 0 and 6: these are the digits behind the point
        line 18: [[columns]] lacks `field_id`: add an integer of at least 100 that no other column has or had
        line 18: a second column `level`: rename or remove one
        line 23: unknown column `when`: use one of at, count, level, level
        line 24: `level` is a double column: this must name a uuid or string column
        line 26: `length_secs` is 0 but must lie between 1 and 86400: windows lie within a day
        line 27: `keys` is empty: name at least one string column to group by
        line 29: `max_depth` is 1000 but must lie between 1 and 128: parsers have a stack
        line 30: `duplicate_keys` is `last`: use "reject" or "first"
        line 32: `level` is a double column: this must name a string column
        line 33: `value` in [p95] must be a string, the double column to take the percentile of
        "#);
    }

    #[test]
    fn empty_files_lack_everything() {
        assert_snapshot!(problems(""), @r"
        line 1: the dataset lacks `name`: add a string, the dataset's name
        line 1: the dataset lacks `columns`: add a [[columns]] table for each column
        line 1: [roles] lacks `event_time`: add a string, the timestamp column that says when
        line 1: [windows] lacks `keys`: add an array with the string columns to group by
        ");
    }

    #[test]
    fn broken_toml_is_named_with_its_line_and_the_rest_is_still_checked() {
        assert_snapshot!(check("field_id = 101\ntype = \"string\"", "field_id 101\ntype = \"strnig\""), @"line 9: not TOML: key with no value, expected `=`");
        assert_snapshot!(check("name = \"small\"", "name = \"small"), @r#"line 1: not TOML: invalid basic string, expected `"`"#);
        assert_snapshot!(check("measure = \"level\"", "measure = \"level\"\nmeasure = \"level\""), @"line 21: not TOML: duplicate key");
        assert_snapshot!(check("[windows]", "[windows"), @r"
        line 18: not TOML: unclosed table, expected `]`
        line 20: unknown key `measure` in the dataset: use one of name, description, format, columns, roles, windows, dedupe, limits, p95
        ");
    }

    #[test]
    fn names_are_identifiers_and_not_ours() {
        assert_snapshot!(check("\"small\"", "\"../small\""), @"line 1: `../small` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter");
        assert_snapshot!(check("\"small\"", "\"\""), @"line 1: `` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter");
        assert_snapshot!(check("\"small\"", "1"), @"line 1: `name` in the dataset must be a string, the dataset's name");
        assert_snapshot!(check("name = \"level\"", "name = \"offset\""), @r#"
        line 13: `offset` is a column of Penstock's own: choose another name and keep the JSON key with path = "offset"
        line 20: unknown column `level`: use one of at, who, offset
        "#);
        assert_snapshot!(check("name = \"level\"", "name = \"who\""), @r"
        line 12: a second column `who`: rename or remove one
        line 20: unknown column `level`: use one of at, who, who
        ");
    }

    #[test]
    fn column_names_may_have_upper_case_and_differ_in_more() {
        assert_snapshot!(check("name = \"level\"", "name = \"SKU\"").replace("level", "SKU"), @"line 20: unknown column `SKU`: use one of at, who, SKU");
        assert_snapshot!(check("name = \"level\"", "name = \"Who\"\npath = \"level\""), @r"
        line 12: `Who` and `who` differ in case alone, and most readers take them for one: rename one
        line 21: unknown column `level`: use one of at, who, Who
        ");
        assert_snapshot!(check("name = \"level\"", "name = \"Offset\"").lines().next().unwrap(), @r#"line 13: `Offset` is a column of Penstock's own: choose another name and keep the JSON key with path = "Offset""#);
        assert_snapshot!(check("name = \"small\"", "name = \"Small\""), @"line 1: `Small` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter");
    }

    #[test]
    fn derived_columns_are_hashes_and_in_no_value() {
        const HASH: &str = "field_id = 101\ntype = \"uuid\"\nderive = \"value_hash\"";
        let small = SMALL.replace("[[columns]]\nname = \"who\"", "[[columns]]\nname = \"id\"\nfield_id = 200\ntype = \"uuid\"\nderive = \"value_hash\"\n[[columns]]\nname = \"who\"");
        let dataset = read(&small.replace("[roles]", "[roles]\nid = \"id\"")).unwrap();
        let id = &dataset.columns[dataset.id.unwrap()];
        assert_eq!((id.derive, id.required, id.path.len()), (Some(Derive::ValueHash), true, 0));
        assert_snapshot!(check("field_id = 101", "field_id = 101\nderive = \"value_hash\""), @"line 10: a hash takes 16 bytes: set type = \"uuid\" on the column");
        assert_snapshot!(check("field_id = 101\ntype = \"string\"", &format!("{HASH}\npath = \"w\"\ngenerate = {{ kind = \"id\" }}")), @r"
        line 11: a derived column is in no value: remove `path`, or `derive`
        line 11: a derived column is in no value: remove `generate`, or `derive`
        line 22: `who` is a uuid column: this must name a string column
        ");
        assert_snapshot!(check("field_id = 102\ntype = \"double\"", "field_id = 102\ntype = \"uuid\"\nderive = \"hash\"").lines().next().unwrap(), @r#"line 16: `derive` is `hash`: use "value_hash" or "number_to_french""#);
    }

    #[test]
    fn words_come_from_an_int_column_and_may_be_absent() {
        const LEVEL: &str = "type = \"double\"\n[roles]";
        let words = |from: &str, column: &str| {
            let keys = format!("name = \"words\"\nfield_id = 103\nderive = \"number_to_french\"\n{column}");
            SMALL
                .replace("\nmeasure = \"level\"", "")
                .replace(LEVEL, &format!("type = \"{from}\"\n[[columns]]\n{keys}\n[roles]"))
        };
        let dataset = read(&words("int", "type = \"string\"\nfrom = \"level\"")).unwrap();
        let column = &dataset.columns[3];
        let derive = Derive::NumberToFrench { from: 2, spelling: Spelling::Of1990 };
        assert_eq!((column.derive, column.required, column.path.len()), (Some(derive), false, 0));
        let dataset = read(&words("int", "type = \"string\"\nfrom = \"level\"\nspelling = \"traditional\"")).unwrap();
        let derive = Derive::NumberToFrench { from: 2, spelling: Spelling::Traditional };
        assert_eq!(dataset.columns[3].derive, Some(derive));
        assert_snapshot!(problems(&words("int", "type = \"int\"\nrequired = true\nspelling = \"1835\"")), @r#"
        line 16: [[columns]] lacks `from`: add a string, the int column to put in words
        line 19: words are text: set type = "string" on the column
        line 19: not every number has words: remove `required`, and require the number itself
        line 22: `spelling` is `1835`: use "1990" or "traditional"
        "#);
        assert_snapshot!(problems(&words("double", "type = \"string\"\nfrom = \"level\"")), @"line 21: `level` is a double column: this must name an int column");
        assert_snapshot!(problems(&words("int", "type = \"string\"\nfrom = \"levle\"")), @"line 21: unknown column `levle`: did you mean `level`?");
        assert_snapshot!(check("field_id = 101", "field_id = 101\nfrom = \"level\"\nspelling = \"1990\""), @r#"
        line 10: `from` belongs to derive = "number_to_french": remove it, or add that
        line 11: `spelling` belongs to derive = "number_to_french": remove it, or add that
        "#);
    }

    #[test]
    fn what_a_dataset_does_without() {
        assert_eq!(check("measure = \"level\"", ""), "fine");
        assert_eq!(read(&SMALL.replace("measure = \"level\"", "")).unwrap().windows.measure, None);
        // A record without a key goes to any partition.
        let optional = SMALL.replace("= 101\ntype = \"string\"\nrequired = true", "= 101\ntype = \"string\"");
        assert_snapshot!(problems(&optional), @"line 18: `who` may be absent, and this must not be: set required = true on column `who`");
        let keyed = SMALL.replace("[roles]", "[roles]\nrecord_key = \"level\"").replace("measure = \"level\"", "");
        assert_eq!(problems(&keyed.replace("type = \"double\"", "type = \"string\"")), "fine");
    }

    #[test]
    fn places_are_lines_and_columns() {
        let place = |from: &str, to: &str| read(&SMALL.replacen(from, to, 1)).unwrap_err().to_string();
        assert_snapshot!(place("required = true", "required = \"ä\"; x"), @"line 6, column 15: not TOML: unexpected key or value, expected newline, `#`");
        assert_snapshot!(place("\"small\"", "\"Small\""), @"line 1, column 8: `Small` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter");
        assert_snapshot!(place("field_id = 101", "field_id = 102"), @"line 12, column 1: `level` has the field_id 102 of `who`: give the newer column an id that was never used");
        assert_snapshot!(place("event_time = \"at\"", "event_time = \"at\"\n'clé' = 1; rest"), @"line 18, column 9: not TOML: string values must be quoted, expected literal string");
    }

    #[test]
    fn field_ids_are_unique_and_not_ours() {
        assert_snapshot!(check("= 102", "= 101"), @"line 12: `level` has the field_id 101 of `who`: give the newer column an id that was never used");
        assert_snapshot!(check("= 102", "= 99"), @"line 14: `field_id` is 99 but must lie between 100 and 1000000000: smaller ids belong to Penstock's own columns");
        assert_snapshot!(check("= 102", "= 99999999999"), @"line 14: `field_id` is 99999999999 but must lie between 100 and 1000000000: smaller ids belong to Penstock's own columns");
        assert_snapshot!(check("= 102", "= \"102\""), @"line 14: `field_id` in [[columns]] must be an integer of at least 100 that no other column has or had");
    }

    #[test]
    fn paths_do_not_overlap() {
        assert_snapshot!(check("= 102", "= 102\npath = \"who\""), @"line 12: the path who of `level` and the path who of `who` overlap: one JSON value fills one column");
        assert_snapshot!(check("= 102", "= 102\npath = \"who.level\""), @"line 12: the path who.level of `level` and the path who of `who` overlap: one JSON value fills one column");
        assert_snapshot!(check("= 102", "= 102\npath = \"a..b\""), @r#"line 15: `path` has an empty key: write it like "device.id" or ["device", "id"]"#);
        assert_snapshot!(check("= 102", "= 102\npath = []"), @r#"
        line 12: the path  of `level` and the path at of `at` overlap: one JSON value fills one column
        line 12: the path  of `level` and the path who of `who` overlap: one JSON value fills one column
        line 15: `path` has an empty key: write it like "device.id" or ["device", "id"]
        "#);
        assert_snapshot!(check("[roles]", "path = \"a.b.c\"\n[limits]\nmax_depth = 2\n[roles]"), @"line 12: `level` lies 3 levels deep, max_depth is 2: raise max_depth in [limits]");
    }

    #[test]
    fn columns_play_only_the_parts_that_they_can() {
        assert_snapshot!(check("event_time = \"at\"", "event_time = \"who\""), @"line 17: `who` is a string column: this must name a timestamp column");
        assert_snapshot!(check("event_time = \"at\"", "event_time = \"ta\""), @"line 17: unknown column `ta`: did you mean `at`?");
        assert_snapshot!(check("event_time = \"at\"", "event_time = \"at\"\nid = \"at\""), @"line 18: `at` is a timestamp column: this must name a uuid or string column");
        assert_snapshot!(check("event_time = \"at\"", "event_time = \"at\"\nrecord_key = \"level\""), @"line 18: `level` is a double column: this must name a string column");
        assert_snapshot!(check("required = true", "required = false"), @"line 17: `at` may be absent, and this must not be: set required = true on column `at`");
        assert_snapshot!(check("keys = [\"who\"]", "keys = [\"who\", \"who\"]"), @"line 19: `who` is named twice in `keys`: remove one");
        assert_snapshot!(check("keys = [\"who\"]", "keys = [\"level\"]"), @"line 19: `level` is a double column: this must name a string column");
        assert_snapshot!(check("measure = \"level\"", "measure = \"who\""), @"line 20: `who` is a string column: this must name a double column");
        assert_snapshot!(check("[roles]", "[p95]\ngroup = \"who\"\nvalue = \"level\"\n[roles]"), @"line 18: `level` may be absent, and this must not be: set required = true on column `level`");
    }

    #[test]
    fn numbers_keep_their_ranges() {
        let window = |line: &str| check("[windows]", &format!("[windows]\n{line}"));
        let section = |lines: &str| check("[windows]", &format!("{lines}\n[windows]"));
        assert_snapshot!(window("length_secs = 86401"), @"line 19: `length_secs` is 86401 but must lie between 1 and 86400: windows lie within a day");
        assert_snapshot!(window("length_secs = 1.5"), @"line 19: `length_secs` in [windows] must be an integer");
        assert_snapshot!(window("allowed_lateness_secs = -1"), @"line 19: `allowed_lateness_secs` is -1 but must lie between 0 and 604800: what comes later becomes a correction, nothing is lost");
        assert_snapshot!(window("idle_after_secs = 0"), @"line 19: `idle_after_secs` is 0 but must lie between 1 and 86400: choose the longest pause of a partition that is still in use");
        assert_snapshot!(window("max_open_windows = 0"), @"line 19: `max_open_windows` is 0 but must lie between 1 and 50000000: each open window takes about 200 bytes of memory");
        assert_snapshot!(section("[dedupe]\nhorizon_secs = -1\nmax_ids = 0"), @r"
        line 19: `horizon_secs` is -1 but must lie between 0 and 604800: choose how far apart duplicates arrive
        line 20: `max_ids` is 0 but must lie between 1 and 1000000000: each id takes about 40 bytes of memory
        ");
        assert_snapshot!(section("[limits]\nmax_depth = 129\nmax_value_bytes = 0\nmax_past_days = 0\nmax_future_secs = -1"), @r"
        line 19: `max_depth` is 129 but must lie between 1 and 128: parsers have a stack
        line 20: `max_value_bytes` is 0 but must lie between 1 and 6291456: Lambda delivers at most 6 MB at once
        line 21: `max_past_days` is 0 but must lie between 1 and 3650: every day that events may lie back is a folder in the lake
        line 22: `max_future_secs` is -1 but must lie between 0 and 86400: choose by how much the devices' clocks may be wrong
        line 23: `allowed_lateness_secs` reaches beyond `max_past_days`: events that late are rejected, lower the first or raise the second
        ");
        assert_snapshot!(check("[windows]", "[limits]\nmax_past_days = 1\n[windows]\nallowed_lateness_secs = 86400"), @"line 20: `allowed_lateness_secs` reaches beyond `max_past_days`: events that late are rejected, lower the first or raise the second");
        assert_snapshot!(section("[p95]\ngroup = \"who\"\nvalue = \"level\"\nmin_events = 0\ndeviations = nan"), @r"
        line 20: `level` may be absent, and this must not be: set required = true on column `level`
        line 21: `min_events` is 0 but must lie between 1 and 1000000000: groups with fewer events in a day are left out
        line 22: `deviations` is NaN but must lie between 0.1 and 1000: values farther from the mean are outliers
        ");
    }

    #[test]
    fn unknown_keys_name_the_one_that_was_meant() {
        assert_snapshot!(check("[windows]", "[window]"), @r"
        line 1: [windows] lacks `keys`: add an array with the string columns to group by
        line 18: unknown key `window` in the dataset: did you mean `windows`?
        ");
        assert_snapshot!(check("measure", "meassure"), @"line 20: unknown key `meassure` in [windows]: did you mean `measure`?");
        assert_snapshot!(check("[windows]", "[windows]\nretention = 3"), @"line 19: unknown key `retention` in [windows]: use one of length_secs, keys, measure, allowed_lateness_secs, idle_after_secs, max_open_windows");
        assert_snapshot!(check("type = \"double\"", "type = \"float\""), @"line 15: unknown type `float`: use one of uuid, string, int, double, bool, timestamp");
        assert_snapshot!(check("[roles]", "[limits]\nduplicate_keys = \"frist\"\n[roles]"), @r#"line 17: `duplicate_keys` is `frist`: use "reject" or "first""#);
    }

    #[test]
    fn tables_and_values_are_not_taken_for_each_other() {
        assert_snapshot!(check("[roles]\nevent_time = \"at\"", "[[roles]]\nevent_time = \"at\""), @r"
        line 1: [roles] lacks `event_time`: add a string, the timestamp column that says when
        line 16: `roles` in the dataset must be a table [roles]
        ");
        assert_snapshot!(problems("columns = 3\nname = \"x\"\n[roles]\nevent_time = \"at\"\n[windows]\nkeys = [\"a\"]\nmeasure = \"b\""), @r"
        line 1: `columns` in the dataset must be a [[columns]] table for each column
        line 4: unknown column `at`: there is none
        line 6: unknown column `a`: there is none
        line 7: unknown column `b`: there is none
        ");
    }

    #[test]
    fn generators_fit_their_columns() {
        let of_who = |generate: &str| check("field_id = 101", &format!("field_id = 101\ngenerate = {generate}"));
        let of_level = |generate: &str| check("field_id = 102", &format!("field_id = 102\ngenerate = {generate}"));
        assert_snapshot!(of_who("{ kind = \"flag\", share = 0.5 }"), @"line 10: `flag` cannot generate a string: use id or entity or of_entity or choice");
        assert_snapshot!(of_who("{ kind = \"entitiy\" }"), @"line 10: unknown generator `entitiy`: did you mean `entity`?");
        assert_snapshot!(of_who("{ kind = \"entity\", count = 0 }"), @"line 10: `count` is 0 but must lie between 1 and 10000000: choose how many different ones there are");
        assert_snapshot!(of_who("{ kind = \"of_entity\", values = [\"a\"] }"), @"line 7: `of_entity` needs a column with an `entity` generator: add one, or use `choice`");
        assert_snapshot!(of_who("{ kind = \"choice\", values = [] }"), @"line 10: `values` is empty: name at least one value to choose from");
        assert_snapshot!(of_who("{ kind = \"choice\", values = [\"a\"], present = 0.5 }"), @"line 10: `present` is below 1 on a required column: remove one of the two");
        assert_snapshot!(of_level("{ kind = \"normal\", mean = 1, deviation = -1, spread = 2 }"), @r"
        line 15: `deviation` is -1 but must lie between 0 and 1000000000: choose one within
        line 15: unknown key `spread` in generate: use one of kind, mean, deviation, decimals, present
        ");
        assert_snapshot!(of_level("{ kind = \"log_normal\" }"), @r"
        line 15: generate lacks `median`: add a number
        line 15: generate lacks `spread`: add a number
        ");
        assert_snapshot!(of_level("{ kind = \"integer\", min = 2, max = 1 }"), @r"
        line 15: `integer` cannot generate a double: use log_normal or normal
        line 15: `max` is 1, below `min`, which is 2: exchange them
        ");
        assert_snapshot!(of_level("\"normal\""), @r#"line 15: `generate` in [[columns]] must be a table such as { kind = "id" }"#);
    }
}
