//! Whatever a valid dataset file declares: what the producer makes of it is accepted, apart from the faults that it
//! plants, and stands in the lake as it was sent.

use std::collections::HashSet;
use std::fmt::Write;

use penstock_core::dataset::{Column, ColumnType, Dataset};
use penstock_core::time::{parse, rfc3339};
use penstock_producer::{EventKind, Generator, Record, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rows::{Row, lake_of, land, read};

/// Enough for every kind of event and most faults.
const EVENTS: u64 = 250;

/// A column of a random dataset. The first one is the event time, the second a required string.
#[derive(Clone, Debug)]
struct AnyColumn {
    kind: ColumnType,
    required: bool,
    /// Which of the objects holds it; 0 is the root.
    object: usize,
    /// Optional columns need no generator: they stay absent.
    generated: bool,
    choice: u32,
}

#[derive(Clone, Debug)]
struct AnyDataset {
    columns: Vec<AnyColumn>,
    id: Id,
    has_record_key: bool,
    has_measure: bool,
    settings: [u32; 6],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    None,
    Uuid,
    Text,
    Hash,
}

/// The objects that columns lie in, with keys that only an array can write.
const OBJECTS: [&[&str]; 5] = [&[], &["user"], &["user", "device.v2"], &["a \"quoted\" key"], &["größe", "x", "y"]];

fn any_column() -> impl Strategy<Value = AnyColumn> {
    let kind = prop::sample::select(vec![
        ColumnType::Uuid,
        ColumnType::String,
        ColumnType::Int,
        ColumnType::Double,
        ColumnType::Bool,
        ColumnType::Timestamp,
    ]);
    (kind, any::<bool>(), 0..OBJECTS.len(), prop::bool::weighted(0.8), any::<u32>())
        .prop_map(|(kind, required, object, generated, choice)| AnyColumn { kind, required, object, generated, choice })
}

fn any_dataset() -> impl Strategy<Value = AnyDataset> {
    let id = prop::sample::select(vec![Id::None, Id::Uuid, Id::Text, Id::Hash]);
    let columns = prop::collection::vec(any_column(), 2..9);
    (columns, id, any::<bool>(), any::<bool>(), any::<[u32; 6]>()).prop_map(
        |(mut columns, id, has_record_key, has_measure, settings)| {
            columns[0] = AnyColumn { kind: ColumnType::Timestamp, required: true, ..columns[0].clone() };
            columns[1] = AnyColumn { kind: ColumnType::String, required: true, ..columns[1].clone() };
            AnyDataset { columns, id, has_record_key, has_measure, settings }
        },
    )
}

impl AnyDataset {
    /// The dataset file.
    fn text(&self) -> String {
        let mut text = "name = \"any\"\n".to_owned();
        self.id_column(&mut text);
        for (number, column) in self.columns.iter().enumerate() {
            column.write(number, &mut text);
        }
        text += "[roles]\nevent_time = \"C0\"\n";
        if self.id != Id::None {
            text += "id = \"id\"\n";
        }
        let find = |kind| self.columns.iter().rposition(|column| column.kind == kind);
        if let Some(column) = find(ColumnType::String).filter(|_| self.has_record_key) {
            writeln!(text, "record_key = \"C{column}\"").unwrap();
        }
        text += "[windows]\nkeys = [\"C1\"]\n";
        if let Some(column) = find(ColumnType::Double).filter(|_| self.has_measure) {
            writeln!(text, "measure = \"C{column}\"").unwrap();
        }
        let [length, lateness, past, future, depth, keys] = self.settings;
        let keys = ["reject", "first"][keys as usize % 2];
        writeln!(text, "length_secs = {}\nallowed_lateness_secs = {}", 1 + length % 3600, lateness % 600).unwrap();
        writeln!(text, "[limits]\nmax_past_days = {}\nmax_future_secs = {}", 1 + past % 3650, future % 86_401).unwrap();
        writeln!(text, "max_depth = {}\nduplicate_keys = \"{keys}\"", 4 + depth % 125).unwrap();
        text
    }

    fn id_column(&self, text: &mut String) {
        let id = match self.id {
            Id::None => return,
            Id::Uuid => "type = \"uuid\"\nrequired = true\ngenerate = { kind = \"id\" }",
            Id::Text => "type = \"string\"\nrequired = true\npath = \"user.event\"\ngenerate = { kind = \"id\" }",
            Id::Hash => "type = \"uuid\"\nderive = \"value_hash\"",
        };
        writeln!(text, "[[columns]]\nname = \"id\"\nfield_id = 100\n{id}").unwrap();
    }
}

impl AnyColumn {
    fn write(&self, number: usize, text: &mut String) {
        let Self { kind, required, object, generated, .. } = self;
        let path = json!([OBJECTS[*object], &[format!("c{number}").as_str()]].concat());
        let kind_name = serde_json::to_value(kind).unwrap();
        writeln!(text, "[[columns]]\nname = \"C{number}\"\nfield_id = {}\ntype = {kind_name}", 101 + number).unwrap();
        writeln!(text, "path = {path}\nrequired = {required}").unwrap();
        if *generated || *required {
            writeln!(text, "generate = {{ {} }}", self.generator(number)).unwrap();
        }
    }

    fn generator(&self, number: usize) -> String {
        let present = if self.required { 1.0 } else { f64::from(self.choice % 5) / 4.0 };
        match self.kind {
            ColumnType::Uuid => "kind = \"id\"".to_owned(),
            ColumnType::Timestamp => "kind = \"event_time\"".to_owned(),
            // One entity for a dataset: the first string.
            ColumnType::String if number == 1 => {
                format!("kind = \"entity\", prefix = \"é\\\"\", count = {}", 1 + self.choice % 50)
            }
            ColumnType::String if self.choice.is_multiple_of(2) => {
                format!("kind = \"of_entity\", values = [\"\", \"two\\nlines\", \"☕\"], present = {present:?}")
            }
            ColumnType::String => format!("kind = \"choice\", values = [\"a\", \"b\\\\\"], present = {present:?}"),
            ColumnType::Int => {
                format!("kind = \"integer\", min = {}, max = {}, present = {present:?}", i64::MIN, i64::MAX)
            }
            ColumnType::Double if self.choice.is_multiple_of(2) => {
                format!("kind = \"normal\", mean = -5, deviation = 1e6, decimals = 6, present = {present:?}")
            }
            ColumnType::Double => {
                format!("kind = \"log_normal\", median = 0.5, spread = 3.0, decimals = 0, present = {present:?}")
            }
            ColumnType::Bool => format!("kind = \"flag\", share = 0.3, present = {present:?}"),
        }
    }
}

/// What a column holds of a value that was sent, read without Penstock's parser; `id` by hash is not in the value.
fn expected(column: &Column, sent: &Value) -> Value {
    let found = column.path.iter().try_fold(sent, |value, key| value.get(key));
    match (column.kind, found) {
        (_, None | Some(Value::Null)) => Value::Null,
        (ColumnType::Timestamp, Some(Value::String(text))) => json!(rfc3339(parse(text.as_bytes()).unwrap())),
        (ColumnType::Timestamp, Some(millis)) => json!(rfc3339(millis.as_i64().unwrap() * 1000)),
        (ColumnType::Double, Some(number)) => json!(number.as_f64()),
        (_, Some(value)) => value.clone(),
    }
}

/// The events of a run: the values, and for each what it is.
fn produce(dataset: &Dataset, start_time_us: i64) -> Vec<(EventKind, Vec<u8>)> {
    let shape = Shape {
        events: EVENTS,
        duplicates: 0.2,
        late: 0.1,
        malformed: 0.3,
        start_time_us,
        spacing_nanos: 1_000_000_000,
        ..Shape::default()
    };
    let generator = Generator::new(dataset, &shape).unwrap();
    let mut record = Record::default();
    (0..EVENTS).map(|number| (generator.event(number, &mut record), record.value.clone())).collect()
}

async fn check(file: &AnyDataset) {
    let text = file.text();
    let dataset = Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let lake = lake_of(dataset.clone());
    let events = produce(&dataset, lake.seconds_ago(600));
    let values: Vec<Vec<u8>> = events.iter().map(|(_, value)| value.clone()).collect();
    let (first, second) = values.split_at(100);
    land(&lake, 0, first).await;
    land(&lake, 100, second).await;
    lake.drain().await;

    let mut seen = HashSet::new();
    let (mut silver, mut rejects) = (Vec::new(), Vec::new());
    for (offset, (kind, value)) in events.iter().enumerate() {
        match kind {
            EventKind::Malformed(_) => rejects.push(json!(offset)),
            _ if file.id == Id::None || seen.insert(value) => silver.push((json!(offset), value)),
            _ => {}
        }
    }
    let rejected: Vec<Row> = read(&lake, "rejects").await;
    let found: Vec<&Value> = rejected.iter().map(|row| &row["offset"]).collect();
    assert_eq!(found, rejects.iter().collect::<Vec<_>>(), "{rejected:?}\n{text}");
    let rows = read(&lake, "silver").await;
    assert_eq!(rows.len(), silver.len(), "{text}");
    for (row, (offset, value)) in rows.iter().zip(silver) {
        let sent: Value = serde_json::from_slice(value).unwrap();
        assert_eq!(row["offset"], offset, "{text}");
        for column in dataset.columns.iter().filter(|column| column.derive.is_none()) {
            assert_eq!(row[&column.name], expected(column, &sent), "{} of {sent}\n{text}", column.name);
        }
        let date = row["C0"].as_str().unwrap().split('T').next();
        assert_eq!(row["event_date"].as_str(), date);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_the_producer_makes_of_any_dataset_lands_as_it_was_sent(file in any_dataset()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(check(&file));
    }
}
