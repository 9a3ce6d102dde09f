//! `penstock p95`: the 95th percentile per group and day, without outliers. [`penstock_core::p95`] says how it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, StringArray};
use bytes::Bytes;
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use penstock_core::dataset::{Dataset, P95};
use penstock_core::p95::{self, Answer, Event, Place, Question};
use penstock_core::position::Position;
use penstock_core::table::{self, TableError, column, primitive, wrong_type};
use penstock_core::time::Date;
use penstock_core::{keys, pour};
use penstock_lake::Store;
use penstock_runtime::Failure;
use serde::Serialize;

use crate::common::list_all;
use crate::output::{self, count, note};
use crate::{Exit, LakeArguments};

/// How many files are read at once.
const READS_AT_ONCE: usize = 4;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// The first day to ask about
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day to ask about
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// Write the answers to a CSV file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A row of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub event_date: String,
    /// The value of the dataset's group column.
    pub group: String,
    pub p95: f64,
    pub mean: f64,
    pub stddev: f64,
    pub lower: f64,
    pub upper: f64,
    pub distinct_events: u64,
    pub outliers: u64,
    pub used: u64,
}

/// The whole answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub rows: Vec<Row>,
    /// Rows of silver that were read.
    pub events: u64,
    /// Of these, how many repeat an id of their day: duplicates that lie farther apart than refine looks back.
    pub duplicates: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let report = report(&*lake.store(), &dataset, arguments.from, arguments.to).await?;
    let asked = question(&dataset)?;
    if let Some(path) = &arguments.csv {
        std::fs::write(path, csv(&dataset, asked, &report))
            .map_err(|error| Failure::misconfigured(format!("cannot write {}: {error}", path.display())))?;
    }
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&dataset, asked, &report);
    }
    Ok(Exit::Fine)
}

/// Answers the question for each day in `[from, to]` that has silver.
///
/// # Errors
/// The store's; the dataset asks no such question; or a silver file is damaged.
pub async fn report(
    store: &dyn Store,
    dataset: &Dataset,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Report, Failure> {
    let asked = question(dataset)?;
    let mut report = Report::default();
    let folder = keys::silver_folder(&dataset.name);
    for day in store.list_folders(&folder).await? {
        let Some(date) = day.strip_prefix("event_date=").and_then(|date| date.parse::<Date>().ok()) else {
            continue;
        };
        if from.is_some_and(|from| date < from) || to.is_some_and(|to| to < date) {
            continue;
        }
        let (events, groups) = read_day(store, dataset, asked, &format!("{folder}{day}/")).await?;
        report.events += events.len() as u64;
        report.duplicates += p95::duplicates(&events);
        let question = Question { min_events: asked.min_events, deviations: asked.deviations };
        let answers = p95::answer(events, &groups, question);
        report.rows.extend(answers.into_iter().map(|answer| row(date, answer)));
    }
    Ok(report)
}

fn question(dataset: &Dataset) -> Result<&P95, Failure> {
    dataset.p95.as_ref().ok_or_else(|| {
        Failure::misconfigured(format!(
            "the dataset {} has no section [p95]: say there which `group` and which `value` the question is about",
            dataset.name
        ))
    })
}

fn row(date: Date, answer: Answer) -> Row {
    let Answer { group, p95, mean, stddev, lower, upper, distinct_events, outliers, used } = answer;
    Row { event_date: date.to_string(), group, p95, mean, stddev, lower, upper, distinct_events, outliers, used }
}

async fn read_day(
    store: &dyn Store,
    dataset: &Dataset,
    asked: &P95,
    folder: &str,
) -> Result<(Vec<Event>, Vec<String>), Failure> {
    let keys: Vec<String> = list_all(store, folder, None).await?.into_iter().map(|listed| listed.key).collect();
    let reads: Vec<_> = keys.iter().map(|key| store.get(key)).collect();
    let mut files = stream::iter(reads).buffered(READS_AT_ONCE);
    let mut day = Day::default();
    for key in &keys {
        // A day of files is more than its events: each goes when it has been read.
        let Some(file) = files.try_next().await? else { break };
        day.add(dataset, asked, file).map_err(|error| {
            Failure::misconfigured(format!("the silver file `{key}` is damaged: {error}. Restore it from a backup"))
        })?;
    }
    Ok(day.finish())
}

/// The events of one day, with texts as numbers.
#[derive(Default)]
struct Day {
    events: Vec<Event>,
    groups: BTreeMap<String, u32>,
    topics: BTreeMap<String, u32>,
    shards: BTreeMap<String, u32>,
    /// Of Kinesis, in the order in which they were read.
    sequence_numbers: Vec<Position>,
}

/// The number of the first shard in a [`Place`]: beyond all partitions, which SQL sorts first because they are not null.
const FIRST_SHARD: u32 = 1 << 31;

impl Day {
    fn add(&mut self, dataset: &Dataset, asked: &P95, file: Bytes) -> Result<(), TableError> {
        let name = |index: usize| dataset.columns[index].name.as_str();
        let (group, value) = (name(asked.group), name(asked.value));
        let mut ids = pour::silver_ids(dataset, &file)?.into_iter();
        for batch in
            table::read(file, &[group, value, "topic", "partition", "offset", "shard", "sequence_number"], &[])?
        {
            let groups = texts(&batch, group, &mut self.groups)?;
            let places = self.places(&batch)?;
            let values = primitive::<Float64Type>(&batch, value)?;
            for (row, place) in places.into_iter().enumerate() {
                // Without an id every row is an event of its own.
                let id = ids.next().flatten().unwrap_or(self.events.len() as u128);
                if values.is_valid(row) {
                    self.events.push(Event { id, place, group: groups[row], value: values.value(row) });
                }
            }
        }
        Ok(())
    }

    /// Where the rows stood in their sources, with texts by the order of their appearance.
    fn places(&mut self, batch: &RecordBatch) -> Result<Vec<Place>, TableError> {
        let topics = texts(batch, "topic", &mut self.topics)?;
        let shards = texts(batch, "shard", &mut self.shards)?;
        let sequence_numbers = strings(batch, "sequence_number")?;
        let partitions = primitive::<Int32Type>(batch, "partition")?;
        let offsets = primitive::<Int64Type>(batch, "offset")?;
        let mut place = |row: usize| {
            if partitions.is_valid(row) {
                return Ok((topics[row], partitions.value(row).cast_unsigned(), offsets.value(row).cast_unsigned()));
            }
            let number = sequence_numbers.value(row).parse();
            self.sequence_numbers.push(number.map_err(|_| wrong_type("sequence_number", "a decimal number"))?);
            Ok((topics[row], FIRST_SHARD + shards[row], self.sequence_numbers.len() as u64 - 1))
        };
        (0..batch.num_rows()).map(&mut place).collect()
    }

    /// Texts get numbers that sort like them, so that "first" means the same as in SQL.
    fn finish(mut self) -> (Vec<Event>, Vec<String>) {
        let topics = ranks(self.topics.into_values());
        let shards = ranks(self.shards.into_values());
        let mut by_number: Vec<u32> = (0..).take(self.sequence_numbers.len()).collect();
        by_number.sort_by_key(|index| self.sequence_numbers[*index as usize]);
        let sequence_numbers = ranks(by_number.into_iter());
        for Event { place: (topic, partition, position), .. } in &mut self.events {
            *topic = topics[*topic as usize];
            if FIRST_SHARD <= *partition {
                *partition = FIRST_SHARD + shards[(*partition - FIRST_SHARD) as usize];
                *position = sequence_numbers[*position as usize].into();
            }
        }
        let mut groups = vec![String::new(); self.groups.len()];
        for (name, number) in self.groups {
            groups[number as usize] = name;
        }
        (self.events, groups)
    }
}

/// At each number its place in the sorted sequence of all numbers.
fn ranks(sorted: impl ExactSizeIterator<Item = u32>) -> Vec<u32> {
    let mut ranks = vec![0; sorted.len()];
    for (rank, number) in sorted.enumerate() {
        ranks[number as usize] = u32::try_from(rank).unwrap_or(u32::MAX);
    }
    ranks
}

fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, TableError> {
    column(batch, name)?.as_string_opt().ok_or_else(|| wrong_type(name, "text"))
}

/// The texts of a column as numbers, in the order of their first appearance.
fn texts(batch: &RecordBatch, name: &str, numbers: &mut BTreeMap<String, u32>) -> Result<Vec<u32>, TableError> {
    let texts = strings(batch, name)?;
    let mut number = |text: &str| match numbers.get(text) {
        Some(number) => *number,
        None => {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            numbers.insert(text.to_owned(), next);
            next
        }
    };
    Ok(texts.iter().map(|text| number(text.unwrap_or_default())).collect())
}

fn header(dataset: &Dataset, asked: &P95) -> [String; 10] {
    let value = format!("p95_{}", dataset.columns[asked.value].name);
    let group = dataset.columns[asked.group].name.clone();
    let fixed = ["mean", "stddev", "lower", "upper", "distinct_events", "outliers", "used"].map(str::to_owned);
    let [mean, stddev, lower, upper, distinct, outliers, used] = fixed;
    ["event_date".to_owned(), group, value, mean, stddev, lower, upper, distinct, outliers, used]
}

/// The report as CSV with a header, sorted by day and group.
fn csv(dataset: &Dataset, asked: &P95, report: &Report) -> String {
    let mut text = header(dataset, asked).join(",") + "\n";
    for row in &report.rows {
        let numbers = [row.p95, row.mean, row.stddev, row.lower, row.upper].map(|number| number.to_string());
        let counts = [row.distinct_events, row.outliers, row.used].map(|number| number.to_string());
        let cells = [row.event_date.clone(), csv_cell(&row.group)].into_iter().chain(numbers).chain(counts);
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The report as a table.
pub(crate) fn print(dataset: &Dataset, asked: &P95, report: &Report) {
    let header = header(dataset, asked);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .map(|row| {
            let numbers = [row.p95, row.mean, row.stddev, row.lower, row.upper].map(|number| format!("{number:.3}"));
            let counts = [row.distinct_events, row.outliers, row.used].map(|number| number.to_string());
            [row.event_date.clone(), row.group.clone()].into_iter().chain(numbers).chain(counts).collect()
        })
        .collect();
    output::table(&header, &rows);
    if report.rows.is_empty() {
        note(&format!(
            "no group had {} distinct events on a day (rows of silver: {})",
            count(asked.min_events),
            count(report.events)
        ));
    }
    if 0 < report.duplicates {
        note(&format!(
            "{} duplicates lay farther apart than refine looks back; they are counted once here",
            count(report.duplicates)
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, Int64Array};

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Coordinates {
        Kafka(&'static str, i32, i64),
        Kinesis(&'static str, &'static str, &'static str),
    }
    use Coordinates::{Kafka, Kinesis};

    fn silver(rows: &[Coordinates]) -> RecordBatch {
        let texts = |get: fn(&Coordinates) -> Option<&'static str>| -> ArrayRef {
            Arc::new(rows.iter().map(get).collect::<StringArray>())
        };
        let partition = |row: &Coordinates| if let Kafka(_, partition, _) = row { Some(*partition) } else { None };
        let offset = |row: &Coordinates| if let Kafka(.., offset) = row { Some(*offset) } else { None };
        let columns: [(&str, ArrayRef); 5] = [
            ("topic", texts(|(Kafka(topic, ..) | Kinesis(topic, ..))| Some(*topic))),
            ("partition", Arc::new(rows.iter().map(partition).collect::<Int32Array>())),
            ("offset", Arc::new(rows.iter().map(offset).collect::<Int64Array>())),
            ("shard", texts(|row| if let Kinesis(_, shard, _) = row { Some(*shard) } else { None })),
            ("sequence_number", texts(|row| if let Kinesis(.., number) = row { Some(*number) } else { None })),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true))).unwrap()
    }

    /// As emr/p95.sql orders them, too.
    #[test]
    fn places_sort_by_topic_then_partition_and_offset_or_shard_and_sequence_number() {
        let check = |first: Coordinates, second: Coordinates| {
            for rows in [[first, second], [second, first]] {
                let mut day = Day::default();
                let places = day.places(&silver(&rows)).unwrap();
                let event = |(id, place)| Event { id, place, group: 0, value: 0.0 };
                day.events = (0..).zip(places).map(event).collect();
                let (mut events, _) = day.finish();
                events.sort_unstable_by_key(|event| event.place);
                let sorted: Vec<_> = events.iter().map(|event| rows[event.id as usize]).collect();
                assert_eq!(format!("{sorted:?}"), format!("{:?}", [first, second]));
            }
        };
        check(Kafka("a", 7, 7), Kafka("b", 0, 0));
        check(Kafka("a", 2, 7), Kafka("a", 10, 0));
        check(Kafka("a", 0, 9), Kafka("a", 0, 10));
        check(Kafka("a", i32::MAX, i64::MAX), Kinesis("a", "shard-0", "0"));
        check(Kinesis("a", "shard-2", "9"), Kafka("b", 0, 0));
        check(Kinesis("a", "shard-1", "10"), Kinesis("a", "shard-2", "9"));
        check(Kinesis("a", "shard-1", "9"), Kinesis("a", "shard-1", "10"));
        let long = "49590338271490256608559692538361571095921575989136588898";
        check(Kinesis("a", "shard-1", "9"), Kinesis("a", "shard-1", long));
    }
}
