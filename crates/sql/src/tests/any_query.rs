//! The tables, what may be asked of them, and how answers look.

use penstock_core::table::windows_schema;
use penstock_core::{parse, payload, raw};

use super::*;

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
