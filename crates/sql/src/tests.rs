use std::collections::BTreeMap;

use arrow_schema::{DataType, Schema};
use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Date32Type, Float64Type, Int64Type};
use penstock_core::p95::{Answer, Event, Question, answer};
use penstock_core::table::{TableWriter, silver_schema, windows_schema};
use penstock_core::{keys, parse, payload, raw};
use penstock_lake::MemoryStore;
use proptest::prelude::*;

use super::*;

const DAY: &str = "2026-01-31";
/// Noon of that day, in epoch microseconds.
const NOON: i64 = 1_769_860_800_000_000;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

/// An event as the question sees it.
#[derive(Clone, Debug)]
struct Row {
    id: u128,
    kind: &'static str,
    duration: f64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Kafka(&'static str, i32, i64),
    Kinesis(&'static str, &'static str),
}

fn row(id: u128, kind: &'static str, duration: f64) -> Row {
    Row { id, kind, duration, place: Place::Kafka("events", 0, i64::try_from(id).unwrap()) }
}

fn rows(kind: &'static str, durations: &[f64]) -> Vec<Row> {
    durations.iter().enumerate().map(|(id, duration)| row(id as u128, kind, *duration)).collect()
}

/// A file of the schema with the columns that `fill` knows; the others are null.
fn file(schema: &Arc<Schema>, rows: usize, fill: impl Fn(&str) -> Option<ArrayRef>) -> bytes::Bytes {
    let columns = schema.fields().iter().map(|field| match fill(field.name()) {
        Some(values) => cast(&values, field.data_type()).unwrap(),
        None => new_null_array(field.data_type(), rows),
    });
    let batch = RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap();
    let mut writer = TableWriter::new(schema, &[]).unwrap();
    writer.write(&batch).unwrap();
    writer.finish("entry", &()).unwrap()
}

fn silver(rows: &[Row]) -> bytes::Bytes {
    let text =
        |get: &dyn Fn(&Row) -> Option<String>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<StringArray>()) };
    let kafka = |row: &Row| match row.place {
        Place::Kafka(topic, partition, offset) => Some((topic, partition, offset)),
        Place::Kinesis(..) => None,
    };
    let kinesis = |row: &Row| match row.place {
        Place::Kafka(..) => None,
        Place::Kinesis(shard, number) => Some((shard.to_owned(), number.to_owned())),
    };
    file(&silver_schema(&iot()), rows.len(), |name| {
        Some(match name {
            "event_id" => text(&|row| Some(penstock_core::uuid::text(row.id.to_be_bytes()).as_str().to_owned())),
            "device_id" => text(&|_| Some("device".to_owned())),
            "device_type" => text(&|row| Some(row.kind.to_owned())),
            "event_time" => Arc::new(TimestampMicrosecondArray::from_value(NOON, rows.len()).with_timezone("UTC")),
            "event_duration" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.duration))),
            "topic" => text(&|row| Some(kafka(row).map_or("stream", |(topic, ..)| topic).to_owned())),
            "partition" => Arc::new(rows.iter().map(|row| Some(kafka(row)?.1)).collect::<Int32Array>()),
            "offset" => Arc::new(rows.iter().map(|row| Some(kafka(row)?.2)).collect::<Int64Array>()),
            "shard" => text(&|row| Some(kinesis(row)?.0)),
            "sequence_number" => text(&|row| Some(kinesis(row)?.1)),
            _ => return None,
        })
    })
}

async fn lake(files: Vec<(String, bytes::Bytes)>) -> Arc<dyn Store> {
    let store = MemoryStore::default();
    for (key, bytes) in files {
        store.put_new(&key, bytes).await.unwrap();
    }
    Arc::new(store)
}

/// Runs what is asynchronous to its end.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The answer as the command prints it, or the error.
fn asked(files: Vec<(String, bytes::Bytes)>, query: &str, format: Format) -> Result<String, Failure> {
    wait(async {
        let answer = ask(lake(files).await, iot(), query).await?;
        let mut text = Vec::new();
        output::write(format, &answer, &mut text).unwrap();
        Ok(String::from_utf8(text).unwrap())
    })
}

fn one_day(rows: &[Row]) -> Vec<(String, bytes::Bytes)> {
    vec![(keys::silver("iot", DAY, 1), silver(rows))]
}

/// What emr/p95.sql answers, by group.
fn p95(rows: &[Row]) -> BTreeMap<String, Answer> {
    let answer = wait(async { ask(lake(one_day(rows)).await, iot(), P95).await.unwrap() });
    answer.iter().flat_map(answers).map(|answer| (answer.group.clone(), answer)).collect()
}

fn answers(batch: &RecordBatch) -> Vec<Answer> {
    let dates = batch.column(0).as_primitive::<Date32Type>();
    let groups = cast(batch.column(1), &DataType::Utf8).unwrap();
    let double = |column: usize, row| batch.column(column).as_primitive::<Float64Type>().value(row);
    let count = |column: usize, row| batch.column(column).as_primitive::<Int64Type>().value(row).unsigned_abs();
    let answer = |row| {
        assert_eq!(dates.value_as_date(row).unwrap().to_string(), DAY);
        Answer {
            group: groups.as_string::<i32>().value(row).to_owned(),
            p95: double(2, row),
            mean: double(3, row),
            stddev: double(4, row),
            lower: double(5, row),
            upper: double(6, row),
            distinct_events: count(7, row),
            outliers: count(8, row),
            used: count(9, row),
        }
    };
    (0..batch.num_rows()).map(answer).collect()
}

/// What `penstock p95` answers, by group.
fn core_p95(rows: &[Row]) -> BTreeMap<String, Answer> {
    let mut names: Vec<String> = rows.iter().map(|row| row.kind.to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let event = |row: &Row| {
        let Place::Kafka(_, partition, offset) = row.place else { panic!("the rows compared are Kafka's") };
        let group = names.iter().position(|name| name == row.kind).unwrap();
        let place = (0, partition.cast_unsigned(), offset.cast_unsigned());
        Event { id: row.id, place, group: u32::try_from(group).unwrap(), value: row.duration }
    };
    let question = Question { min_events: 500, deviations: 3.0 };
    let answers = answer(rows.iter().map(event).collect(), &names, question);
    answers.into_iter().map(|answer| (answer.group.clone(), answer)).collect()
}

/// DataFusion rounds the weight of an interpolation to a millionth, and adds in another order.
#[track_caller]
fn check_like_the_core(rows: &[Row]) -> BTreeMap<String, Answer> {
    let (sql, core) = (p95(rows), core_p95(rows));
    assert_eq!(sql.keys().collect::<Vec<_>>(), core.keys().collect::<Vec<_>>());
    for (ours, theirs) in core.values().zip(sql.values()) {
        let close = |a: f64, b: f64| (a - b).abs() <= 2e-6 * (1e-3 + a.abs().max(b.abs()) + ours.stddev);
        assert!(close(ours.p95, theirs.p95), "{ours:?} {theirs:?}");
        assert!(close(ours.mean, theirs.mean) && close(ours.stddev, theirs.stddev), "{ours:?} {theirs:?}");
        assert!(close(ours.lower, theirs.lower) && close(ours.upper, theirs.upper), "{ours:?} {theirs:?}");
        let counts = |answer: &Answer| (answer.distinct_events, answer.outliers, answer.used);
        assert_eq!(counts(ours), counts(theirs));
    }
    sql
}

fn spread(count: usize) -> Vec<f64> {
    (0..count).map(|number| (number * 37 % 101) as f64 + 0.25).collect()
}

#[test]
fn five_hundred_distinct_events_are_needed() {
    let check = |rows: &[Row], groups: usize| assert_eq!(check_like_the_core(rows).len(), groups);
    check(&rows("camera", &spread(499)), 0);
    check(&rows("camera", &spread(500)), 1);
    check(&rows("camera", &spread(501)), 1);
    let mut lifted = rows("camera", &spread(499));
    lifted.push(Row { place: Place::Kafka("events", 1, 0), ..lifted[0].clone() });
    check(&lifted, 0);
}

#[test]
fn the_five_hundred_counts_before_outliers_go() {
    let mut durations = vec![1.0; 499];
    durations.push(1e6);
    let answer = &check_like_the_core(&rows("camera", &durations))["camera"];
    assert_eq!((answer.distinct_events, answer.outliers, answer.used), (500, 1, 499));
}

#[test]
fn equal_values_are_all_kept() {
    for value in [0.1, 0.0, -7.7, 1e-300, 123_456_789.123, 1e150] {
        let answer = &p95(&rows("camera", &[value; 500]))["camera"];
        assert_eq!((answer.outliers, answer.used), (0, 500), "{value}");
        assert!((answer.p95 - value).abs() <= 1e-12 * value.abs(), "{value}");
    }
}

/// Here Spark and DataFusion agree with each other, but not with the core, which keeps all values.
#[test]
fn values_whose_squares_are_too_large_have_no_row() {
    for scale in [1e200, 1e306] {
        let rows = rows("camera", &spread(500).iter().map(|value| value / 101.0 * scale).collect::<Vec<_>>());
        assert!(p95(&rows).is_empty());
        assert_eq!(core_p95(&rows)["camera"].used, 500);
    }
}

#[test]
fn a_value_on_the_border_is_kept_and_one_beyond_it_is_not() {
    // Half at 1 and half at -1, and one far out: it lies on the border where its distance is three deviations.
    let with_far = |far: f64| {
        let mut durations: Vec<f64> = (0..600).map(|number| if number % 2 == 0 { 1.0 } else { -1.0 }).collect();
        durations.push(far);
        durations
    };
    let distance = |far: f64| {
        let durations = with_far(far);
        let mean = durations.iter().sum::<f64>() / 601.0;
        let squares: f64 = durations.iter().map(|value| (value - mean).powi(2)).sum();
        far - mean - 3.0 * (squares / 600.0).sqrt()
    };
    let (mut inside, mut outside) = (1.0, 100.0);
    for _ in 0..200 {
        let middle = f64::midpoint(inside, outside);
        if distance(middle) <= 0.0 { inside = middle } else { outside = middle }
    }
    let outliers = |far: f64| check_like_the_core(&rows("camera", &with_far(far)))["camera"].outliers;
    assert_eq!(outliers(inside), 0);
    assert_eq!(outliers(outside), 0, "rounding decides nothing");
    assert_eq!(outliers(inside * (1.0 + 1e-6)), 1);
}

#[test]
fn of_one_id_the_first_counts() {
    let check = |first: Place, second: Place| {
        let mut rows = rows("camera", &[5.0; 499]);
        rows.push(Row { id: 1000, kind: "camera", duration: 10_000.0, place: second.clone() });
        rows.push(Row { id: 1000, kind: "camera", duration: 5.0, place: first.clone() });
        let answer = &p95(&rows)["camera"];
        assert_eq!((answer.distinct_events, answer.mean), (500, 5.0), "{first:?} before {second:?}");
    };
    check(Place::Kafka("a", 7, 7), Place::Kafka("b", 0, 0));
    check(Place::Kafka("events", 2, 7), Place::Kafka("events", 10, 0));
    check(Place::Kafka("events", 0, 9), Place::Kafka("events", 0, 10));
    check(Place::Kinesis("shard-1", "10"), Place::Kinesis("shard-2", "9"));
    check(Place::Kinesis("shard-1", "9"), Place::Kinesis("shard-1", "10"));
}

#[test]
fn days_are_apart() {
    let files = vec![
        (keys::silver("iot", "2026-01-30", 1), silver(&rows("camera", &spread(500)))),
        (keys::silver("iot", "2026-01-31", 1), silver(&rows("camera", &spread(250)))),
        (keys::silver("iot", "2026-01-31", 2), silver(&rows("light", &spread(250)))),
    ];
    let text = asked(files, P95, Format::Csv).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("2026-01-30,camera,"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn agrees_with_the_core(
        durations in prop::collection::vec((prop_oneof![4 => 0.0..200.0_f64, 1 => -1e5..1e5_f64], 0_u8..3, 0_u128..900), 400..1_600)
    ) {
        let row = |(offset, (duration, kind, id)): (usize, (f64, u8, u128))| {
            let kind = ["camera", "light", "plug"][usize::from(kind)];
            Row { id, kind, duration, place: Place::Kafka("events", i32::from(offset % 2 == 0), offset as i64) }
        };
        check_like_the_core(&durations.into_iter().enumerate().map(row).collect::<Vec<_>>());
    }
}

#[test]
fn all_tables_are_there_before_anything_was_poured() {
    for table in tables::NAMES.split(", ") {
        let text = asked(vec![], &format!("SELECT COUNT(*) AS rows FROM {table}"), Format::Csv).unwrap();
        assert_eq!(text, "rows\n0\n", "{table}");
    }
    assert_eq!(asked(vec![], P95, Format::Json).unwrap(), "[]\n");
}

#[test]
fn a_condition_on_the_date_opens_the_files_of_that_day_alone() {
    let files = || {
        let mut files = one_day(&rows("camera", &[1.0, 2.0]));
        files.push((keys::silver("iot", "2026-02-01", 1), "no Parquet".into()));
        files
    };
    let count = |condition: &str| asked(files(), &format!("SELECT COUNT(*) FROM silver {condition}"), Format::Csv);
    for condition in
        ["WHERE event_date = DATE '2026-01-31'", "WHERE event_date = '2026-01-31'", "WHERE event_date < '2026-02-01'"]
    {
        assert!(count(condition).unwrap().ends_with("\n2\n"), "{condition}");
    }
    assert!(count("").is_err());
}

#[test]
fn raw_has_the_objects_of_kafka_and_of_kinesis() {
    let kafka = r#"{"eventSource":"aws:kafka","records":{"events-0":[{"topic":"Events","partition":0,"offset":0,"timestamp":1,"timestampType":"CREATE_TIME","value":"e30="}]}}"#;
    let kinesis = r#"{"Records":[{"kinesis":{"partitionKey":"k","sequenceNumber":"49590338271490256608559692538361571095921575989136588898","data":"e30=","approximateArrivalTimestamp":1.5},"eventSource":"aws:kinesis","eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898","eventSourceARN":"arn:aws:kinesis:us-east-1:0:stream/clicks"}]}"#;
    let files = [("kafka/~45vents@0/00000", kafka), ("kafka/clicks@0/shard~49d-000000000006", kinesis)];
    let file = |(folder, text): (&str, &str)| {
        let payload = payload::read(text.as_bytes()).unwrap();
        let batch = &payload.batches[0];
        let rows = parse::rows(&iot(), batch, &batch.records, 7, NOON).unwrap();
        (format!("raw/iot/{folder}/0.parquet"), raw::encode(&rows.batch, Vec::new()).unwrap())
    };
    let query = "SELECT topic, partition, shard, reject_reason FROM raw ORDER BY topic";
    let text = asked(files.map(file).into(), query, Format::Csv).unwrap();
    assert_eq!(
        text,
        "topic,partition,shard,reject_reason\nEvents,0,,required_absent\nclicks,,shardId-000000000006,required_absent\n"
    );
}

#[test]
fn windows_total_adds_corrections_up() {
    let schema = windows_schema(&iot());
    let doubles = |values: [Option<f64>; 3]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let times = || -> ArrayRef { Arc::new(TimestampMicrosecondArray::from_value(NOON, 3).with_timezone("UTC")) };
    // A window of two rows, of which the second has no measured value, and one without any.
    let windows = file(&schema, 3, |name| {
        Some(match name {
            "device_id" => Arc::new(StringArray::from(vec!["a", "a", "b"])),
            "kind" => Arc::new(StringArray::from(vec!["on_time", "late", "on_time"])),
            "count" => Arc::new(Int64Array::from(vec![3, 2, 1])),
            "measure_count" => Arc::new(Int64Array::from(vec![2, 2, 0])),
            "sum" => doubles([Some(3.0), Some(9.0), None]),
            "min" => doubles([Some(1.0), Some(4.0), None]),
            "max" => doubles([Some(2.0), Some(5.0), None]),
            "avg" => doubles([Some(1.5), Some(4.5), None]),
            _ => times(),
        })
    });
    let files = vec![(keys::windows("iot", DAY, 1), windows)];
    let query = "SELECT event_date, device_id, count, measure_count, sum, min, max, avg FROM windows_total ORDER BY 2";
    assert_eq!(
        asked(files, query, Format::Csv).unwrap(),
        "event_date,device_id,count,measure_count,sum,min,max,avg\n\
         2026-01-31,a,5,4,12.0,1.0,5.0,3.0\n2026-01-31,b,1,0,,,,\n"
    );
}

#[test]
fn answers_in_three_forms() {
    let query = "SELECT event_date, device_type, event_duration, site FROM silver";
    let check = |format, expect: &str| {
        assert_eq!(asked(one_day(&rows("a,b", &[1.5])), query, format).unwrap(), expect);
    };
    check(Format::Csv, "event_date,device_type,event_duration,site\n2026-01-31,\"a,b\",1.5,\n");
    check(
        Format::Json,
        "[{\"event_date\":\"2026-01-31\",\"device_type\":\"a,b\",\"event_duration\":1.5,\"site\":null}]\n",
    );
    let table = [
        "+------------+-------------+----------------+------+",
        "| event_date | device_type | event_duration | site |",
        "+------------+-------------+----------------+------+",
        "| 2026-01-31 | a,b         | 1.5            | NULL |",
        "+------------+-------------+----------------+------+\n",
    ];
    check(Format::Table, &table.join("\n"));
}

#[test]
fn a_wrong_query_says_where_and_what_would_be_right() {
    let check = |query: &str, expect: &[&str]| {
        let failure = asked(vec![], query, Format::Csv).unwrap_err();
        assert_eq!(failure.kind, Kind::Misconfigured, "{failure}");
        for part in expect {
            assert!(failure.message.contains(part), "`{part}` is not in: {failure}");
        }
    };
    check("SELEC 1", &["Line: 1, Column: 1"]);
    check("SELECT * FROM gold", &["line 1, column 15", "gold", tables::NAMES]);
    check("SELECT\n  device FROM silver", &["line 2, column 3", "device"]);
    check("SELECT nonsense(1)", &["nonsense"]);
    check("", &["query"]);
}

#[test]
fn nothing_but_a_question_is_taken() {
    for statement in [
        "CREATE TABLE mine AS SELECT 1",
        "DROP TABLE silver",
        "INSERT INTO silver SELECT * FROM silver",
        "COPY silver TO 'out.parquet'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let failure = asked(vec![], statement, Format::Csv).unwrap_err();
        assert_eq!(failure.kind, Kind::Misconfigured, "{statement}: {failure}");
    }
}

#[test]
fn a_store_that_fails_says_so_itself() {
    let mut files = one_day(&rows("camera", &[1.0]));
    files[0].1 = files[0].1.slice(..100);
    let failure = asked(files, "SELECT * FROM silver", Format::Csv).unwrap_err();
    assert!(failure.message.to_lowercase().contains("parquet"), "{failure}");
}
