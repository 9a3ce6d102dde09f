//! `penstock check` as a person meets it: everything that is wrong at once, with place and remedy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A file with mistakes in every part of it. All kinds of them are tried where the file is read.
const WRONG: &str = r#"name = "Wrong"
[[columns]]
name = "at"
type = "time"
field_id = 7
[[columns]]
name = "level"
field_id = 102
type = "double"
requierd = true
[roles]
event_time = "ta"
[windows]
keys = []
"#;

const SMALL: &str = r#"name = "small"
columns = [
    { name = "at", field_id = 100, type = "timestamp", required = true },
    { name = "who", field_id = 101, type = "string", required = true },
    { name = "level", field_id = 102, type = "double", path = "reading.level" },
    { name = "place", field_id = 103, type = "string" },
]
[roles]
event_time = "at"
[windows]
keys = ["who"]
measure = "level"
"#;

const EVENT: &str = r#"{"at":"2025-12-30T12:00:00Z","who":"a","reading":{"level":1}}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What a command prints, on standard output and then on standard error, and its exit code.
fn penstock(folder: &Path, arguments: &[&str]) -> String {
    penstock_with(folder, arguments, &[])
}

fn penstock_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock"));
    command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    format!("{}{}exit code {}", text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let broken = SMALL.replace("name = \"small\"", "name = \"small").replace("measure", "meassure");
    let folder = folder(&[("wrong.toml", WRONG), ("broken.toml", &broken), ("small.toml", SMALL)]);
    let files = ["check", "wrong.toml", "broken.toml", "small.toml", "nowhere.toml", "iot"];
    insta::assert_snapshot!(penstock(folder.path(), &files), @r#"
        failed  dataset wrong.toml: 6 problems
          wrong.toml:1:8: `Wrong` cannot name a dataset: use at most 64 of a-z, 0-9 and _, beginning with a letter
          wrong.toml:4:8: unknown type `time`: use one of uuid, string, int, double, bool, timestamp
          wrong.toml:5:12: `field_id` is 7 but must lie between 100 and 1000000000: smaller ids belong to Penstock's own columns
          wrong.toml:10:1: unknown key `requierd` in [[columns]]: did you mean `required`?
          wrong.toml:12:14: unknown column `ta`: did you mean `at`?
          wrong.toml:14:8: `keys` is empty: name at least one string column to group by
        failed  dataset broken.toml: 2 problems
          broken.toml:1:14: not TOML: invalid basic string, expected `"`
          broken.toml:12:1: unknown key `meassure` in [windows]: did you mean `measure`?
        ok      dataset small.toml
        failed  dataset nowhere.toml: `nowhere.toml` is neither a shipped dataset (iot, user_actions, numbers) nor a file
        ok      dataset iot
        error: 3 of 5 checks failed
        exit code 2
        "#);
}

#[test]
fn with_json_it_is_one_document_with_places() {
    let folder = folder(&[("wrong.toml", WRONG)]);
    let said = penstock(folder.path(), &["check", "wrong.toml", "user_actions", "--json"]);
    let (json, rest) = said.split_once("\n]\n").unwrap();
    let checks: Value = serde_json::from_str(&format!("{json}]")).unwrap();
    let first = &checks[0]["problems"][0];
    assert_eq!((&first["file"], &first["line"], &first["column"]), (&"wrong.toml".into(), &1.into(), &8.into()));
    assert_eq!(checks[1]["problems"].as_array().unwrap().len(), 0);
    assert_eq!(rest, "error: 1 of 2 checks failed\nexit code 2");
}

#[test]
fn a_sample_says_what_would_be_rejected() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/user_actions.sample.ndjson");
    let folder = folder(&[("sample.ndjson", &fs::read_to_string(sample).unwrap()), ("one.ndjson", "{\"x\":1}\n")]);
    let said = penstock(folder.path(), &["check", "user_actions", "--sample", "sample.ndjson"]);
    insta::assert_snapshot!(said, @r"
        ok      dataset user_actions
        reject  sample sample.ndjson: 7 lines
          sample.ndjson:20: not_json: expected `,` or `}` at byte 120
          sample.ndjson:21: required_absent: the required column `event_name` is absent or null
          sample.ndjson:22: wrong_type: column `user_id`: expected a string, got a number at byte 84
          sample.ndjson:23: timestamp_unreadable: column `event_datetime`: expected RFC 3339 or integer epoch milliseconds, in the years 0000 to 9999, got `30.12.2025 09:04` at byte 21
          sample.ndjson:24: duplicate_key: the key `name` stands there twice, again before byte 81
          sample.ndjson:25: wrong_type: the value is an array, expected an object
          sample.ndjson:26: too_old: column `event_datetime`: 2014-01-01T00:00:00.000000Z is more than 3650 days before its arrival
          note: 36 lines: 27 rows, 2 duplicates, 7 rejected
          note: `device.os` is no column (3 lines): raw keeps it in `extra`
          note: `product.price` is no column (1 line): raw keeps it in `extra`
          note: `session` is no column (1 line): raw keeps it in `extra`
        exit code 1
        ");
    let said = penstock(folder.path(), &["check", "user_actions", "--sample", "one.ndjson"]);
    insta::assert_snapshot!(said, @r"
        ok      dataset user_actions
        reject  sample one.ndjson: 1 line
          one.ndjson:1: required_absent: the required column `event_datetime` is absent or null
          note: 1 line: 0 rows, 0 duplicates, 1 rejected
          note: no line fills the column `event_datetime`: is `event.datetime` its path?
          note: no line fills the column `event_name`: is `event.name` its path?
          note: no line fills the column `user_id`: is `user.id` its path?
          note: no line fills the column `platform`: is `device.platform` its path?
          note: no line fills the column `product_name`: is `product.name` its path?
          note: no line fills the column `SKU`: is `product.SKU` its path?
        exit code 1
        ");
    let said = penstock(folder.path(), &["check", "user_actions", "iot", "--sample", "one.ndjson"]);
    insta::assert_snapshot!(said, @r"
        error: --sample takes one dataset: name the file that its events belong to
        exit code 2
        ");
    let said = penstock(folder.path(), &["check", "iot", "--sample", "nowhere.ndjson"]);
    insta::assert_snapshot!(said, @r"
        error: cannot read nowhere.ndjson: No such file or directory (os error 2)
        exit code 2
        ");
}

/// What is accepted, because no column takes it, must not stop the check either.
#[test]
fn unknown_fields_of_a_sample_may_hold_any_json() {
    let deepest = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let event = |unknown: &str| EVENT.replacen('{', &format!(r#"{{"odd":{unknown},"#), 1);
    let events = [event("1e400"), event(&deepest), event(r#""\ud83d\ude00""#)].join("\n");
    let small = SMALL.replace("[windows]", "[limits]\nmax_depth = 128\nmax_past_days = 3650\n[windows]");
    let folder = folder(&[("small.toml", &small), ("events.ndjson", &events)]);
    insta::assert_snapshot!(penstock(folder.path(), &["check", "small.toml", "--sample", "events.ndjson"]), @r"
        ok      dataset small.toml
        ok      sample events.ndjson
          note: 3 lines: 3 rows, 0 duplicates, 0 rejected
          note: no line fills the column `place`: is `place` its path?
          note: `odd` is no column (3 lines): raw keeps it in `extra`
        exit code 0
        ");
}

#[test]
fn a_lake_says_what_a_changed_file_would_do_to_it() {
    let small = SMALL.replace("[windows]", "[limits]\nmax_past_days = 3650\nmax_future_secs = 86400\n[windows]");
    let changed = small
        .replace("\"level\", field_id = 102", "\"level\", field_id = 202")
        .replace("\"place\", field_id = 103, type = \"string\"", "\"place\", field_id = 103, type = \"int\"")
        .replace("[windows]", "[windows]\nlength_secs = 300");
    let folder = folder(&[("small.toml", &small), ("changed.toml", &changed), ("events.ndjson", EVENT)]);
    let run = ["run", "--dataset", "small.toml", "--input", "events.ndjson", "--lake", "lake"];
    let said = penstock(folder.path(), &run);
    assert!(said.contains("no p95: the dataset small has no section [p95]"), "{said}");
    let said = penstock(folder.path(), &["check", "small.toml", "user_actions", "--lake", "lake"]);
    insta::assert_snapshot!(said, @r"
        ok      dataset small.toml
        ok      dataset user_actions
        ok      lake lake: can be read, and its format is known
        ok      lake lake: can be written, and never overwrites
        ok      lake lake: can go on with the dataset small
        ok      lake lake: can go on with the dataset user_actions
        exit code 0
        ");
    let said = penstock(folder.path(), &["check", "changed.toml", "--lake", "lake"]);
    insta::assert_snapshot!(said, @r"
        ok      dataset changed.toml
        ok      lake lake: can be read, and its format is known
        ok      lake lake: can be written, and never overwrites
        failed  lake lake: can go on with the dataset small: 2 problems
          column `level` has field_id 102 in the lake and 202 in the file: readers that go by ids would take it for another column. Set it to 102 again
          column `place` is of type string in the lake and of type int in the file: a type never changes. Keep it, and add a column with another name and field_id for the new type
          note: the windows change: the next run of refine first closes all that are open (a drain), by their old settings
        error: 1 of 4 checks failed
        exit code 2
        ");
    // As the functions would find it.
    let variables = [("PENSTOCK_LAKE", "lake"), ("PENSTOCK_DATASET", "changed.toml")];
    let from_settings = penstock_with(folder.path(), &["check"], &variables);
    let comparison = |said: &str| said.split_once("can go on with").unwrap().1.to_owned();
    assert_eq!(comparison(&from_settings), comparison(&said));
    let said = penstock(folder.path(), &["p95", "--dataset", "small.toml", "--lake", "lake"]);
    insta::assert_snapshot!(said, @r"
        error: the dataset small has no section [p95]: say there which `group` and which `value` the question is about
        exit code 2
        ");
}

#[test]
fn a_volume_has_its_price() {
    let prices = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/prices.toml")).unwrap();
    let dearer = prices.replace("thousand_puts = 0.005", "thousand_puts = 5");
    let folder = folder(&[("dearer.toml", dearer.as_str())]);
    let bill = |more: &[&str]| -> Value {
        let said = penstock(folder.path(), &[&["check", "--events-per-second", "1000", "--json"], more].concat());
        let json = said.strip_suffix("exit code 0").unwrap_or_else(|| panic!("{said}"));
        serde_json::from_str::<Value>(json).unwrap()[0]["bill"].clone()
    };
    let dollars = |bill: &Value| bill["dollars_a_day"].as_f64().unwrap();
    // A thousand events a second fill a payload in ten seconds: 8,640 of them, each with all six partitions.
    let usual = bill(&[]);
    assert_eq!((&usual["items"][0]["amount"], &usual["items"][2]["amount"]), (&8_640.0.into(), &51_840.0.into()));
    assert!(dollars(&bill(&["--batching-window-secs", "60", "--event-bytes", "20"])) <= dollars(&usual));
    assert!(dollars(&usual) + 259.0 < dollars(&bill(&["--prices", "dearer.toml"])));
    let said = penstock(folder.path(), &["check", "--events-per-second", "0.5", "--partitions", "1"]);
    assert!(said.contains("ok      cost of 0.5 events a second of 217 bytes, in 1 partition\n"), "{said}");
    assert!(said.contains("  note: a batch holds 5 records: the batching window of 10 s ends it\n"), "{said}");
}

#[test]
fn a_volume_that_makes_no_sense_is_refused() {
    let prices = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/prices.toml")).unwrap();
    let folder = folder(&[("broken.toml", prices.replace("gb_month", "gb_moth").as_str())]);
    let check = |arguments: &[&str], expect: &str| {
        let said = penstock(folder.path(), &[&["check"], arguments].concat());
        assert!(said.contains(expect) && said.ends_with("exit code 2"), "{said}");
    };
    check(&["--events-per-second", "0"], "give a number above 0");
    check(&["--events-per-second", "1", "--batch-size", "10001"], "10001 is not in 1..=10000");
    check(&["--partitions", "3"], "--events-per-second");
    check(&["--events-per-second", "1", "--prices", "none.toml"], "cannot read the prices in none.toml");
    check(&["--events-per-second", "1", "--prices", "broken.toml"], "missing field `gb_month`");
    // 100 GB a second are more than one function refines.
    check(&["--events-per-second", "100000000", "--event-bytes", "1000"], "split the topics into datasets");
}
