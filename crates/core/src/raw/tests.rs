use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::printer::print_schema;

use super::*;
use crate::parse::{RawRows, rows};
use crate::payload::{Batch, Encoded, Record, TimestampType};
use crate::position::{Partition, Position};

const ARRIVAL: i64 = 1_795_262_400_000_000;

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

fn footer() -> Vec<(String, String)> {
    [("next", "42"), ("kind", "data"), ("é", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// Event `number`: every fourth lacks what it may lack, every seventh is broken.
fn event(number: u64) -> Vec<u8> {
    let optional = if number.is_multiple_of(4) { "" } else { r#","value":1.25,"unit":"lux","battery":7,"x":[1]"# };
    let value = format!(
        r#"{{"event_id":"01234567-89ab-cdef-0123-{number:012x}","device_id":"device-{}","device_type":"light","event_time":{},"event_duration":{}{optional}}}"#,
        number % 5,
        ARRIVAL / 1000 - i64::try_from(number).unwrap(),
        number as f64 / 8.0,
    );
    value.into_bytes().into_iter().take(if number % 7 == 6 { 50 } else { usize::MAX }).collect()
}

fn record(number: u64) -> Record<'static> {
    let encoded = |bytes: &[u8]| Some(Encoded::Base64(Cow::Owned(base64_simd::STANDARD.encode_type(bytes))));
    Record {
        position: Position::from_offset(number * number),
        timestamp: (!number.is_multiple_of(3)).then(|| ARRIVAL - 1_000 * i64::try_from(number).unwrap()),
        timestamp_type: TimestampType::CreateTime,
        key: if number.is_multiple_of(5) { None } else { encoded(format!("device-{}", number % 5).as_bytes()) },
        value: encoded(&event(number)),
    }
}

fn some_rows(partition: Partition, count: u64) -> RawRows {
    let batch = Batch { topic: "events".into(), partition, records: (0..count).map(record).collect() };
    rows(&iot(), &batch, &batch.records, 7, ARRIVAL).unwrap()
}

/// The file's rows as any reader sees them that knows nothing of our schema.
fn read(file: Bytes) -> Vec<RecordBatch> {
    let reader: ParquetRecordBatchReader =
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 20).build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// A column without its dictionary.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(entries) => match entries.downcast_dict::<StringArray>() {
            Some(strings) => Arc::new(strings.into_iter().collect::<StringArray>()),
            None => Arc::new(entries.downcast_dict::<BinaryArray>().unwrap().into_iter().collect::<BinaryArray>()),
        },
        None => Arc::clone(column),
    }
}

#[track_caller]
fn check_round_trip(rows: &RecordBatch) {
    let file = encode(rows, footer()).unwrap();
    let read = read(file.clone());
    let count: usize = read.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(count, rows.num_rows());
    for batch in &read {
        for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
            assert_eq!(batch.column_by_name(field.name()).unwrap(), &plain(column), "{}", field.name());
        }
    }
    let reader = SerializedFileReader::new(file).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), usize::from(rows.num_rows() > 0));
    assert_eq!(reader.metadata().file_metadata().created_by(), Some(CREATED_BY));
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let pairs: Vec<_> = pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect();
    assert_eq!(pairs, footer());
}

fn schema_text(kind: SourceKind) -> String {
    let partition = match kind {
        SourceKind::Kafka => Partition::Kafka(3),
        SourceKind::Kinesis => Partition::Shard("shardId-000000000006".to_owned()),
    };
    let file = encode(&some_rows(partition, 10).batch, footer()).unwrap();
    let mut text = Vec::new();
    print_schema(&mut text, SerializedFileReader::new(file).unwrap().metadata().file_metadata().schema());
    String::from_utf8(text).unwrap()
}

/// Readers and older objects hold us to this schema: columns may be added, never changed.
#[test]
fn the_schema_of_a_kafka_object() {
    insta::assert_snapshot!(schema_text(SourceKind::Kafka), @r"
    message raw {
      REQUIRED BYTE_ARRAY topic [1] (STRING);
      REQUIRED INT32 partition [2];
      REQUIRED INT64 offset [3];
      OPTIONAL INT64 timestamp [6] (TIMESTAMP(MICROS,true));
      REQUIRED BYTE_ARRAY timestamp_type [7] (STRING);
      OPTIONAL BYTE_ARRAY key [8];
      REQUIRED INT64 ingested_at [9] (TIMESTAMP(MICROS,true));
      OPTIONAL FIXED_LEN_BYTE_ARRAY (16) event_id [101];
      OPTIONAL BYTE_ARRAY device_id [102] (STRING);
      OPTIONAL BYTE_ARRAY device_type [103] (STRING);
      OPTIONAL INT64 event_time [104] (TIMESTAMP(MICROS,true));
      OPTIONAL DOUBLE event_duration [105];
      OPTIONAL DOUBLE value [106];
      OPTIONAL BYTE_ARRAY unit [107] (STRING);
      OPTIONAL BYTE_ARRAY site [108] (STRING);
      OPTIONAL BYTE_ARRAY firmware [109] (STRING);
      OPTIONAL INT64 battery [110];
      OPTIONAL BYTE_ARRAY status [111] (STRING);
      OPTIONAL BYTE_ARRAY extra [10] (STRING);
      OPTIONAL BYTE_ARRAY reject_reason [11] (STRING);
      OPTIONAL BYTE_ARRAY reject_detail [12] (STRING);
      OPTIONAL BYTE_ARRAY reject_bytes [13];
    }
    ");
}

#[test]
fn the_schema_of_a_kinesis_object() {
    insta::assert_snapshot!(schema_text(SourceKind::Kinesis), @r"
    message raw {
      REQUIRED BYTE_ARRAY topic [1] (STRING);
      REQUIRED BYTE_ARRAY shard [4] (STRING);
      REQUIRED BYTE_ARRAY sequence_number [5] (STRING);
      OPTIONAL INT64 timestamp [6] (TIMESTAMP(MICROS,true));
      REQUIRED BYTE_ARRAY timestamp_type [7] (STRING);
      OPTIONAL BYTE_ARRAY key [8];
      REQUIRED INT64 ingested_at [9] (TIMESTAMP(MICROS,true));
      OPTIONAL FIXED_LEN_BYTE_ARRAY (16) event_id [101];
      OPTIONAL BYTE_ARRAY device_id [102] (STRING);
      OPTIONAL BYTE_ARRAY device_type [103] (STRING);
      OPTIONAL INT64 event_time [104] (TIMESTAMP(MICROS,true));
      OPTIONAL DOUBLE event_duration [105];
      OPTIONAL DOUBLE value [106];
      OPTIONAL BYTE_ARRAY unit [107] (STRING);
      OPTIONAL BYTE_ARRAY site [108] (STRING);
      OPTIONAL BYTE_ARRAY firmware [109] (STRING);
      OPTIONAL INT64 battery [110];
      OPTIONAL BYTE_ARRAY status [111] (STRING);
      OPTIONAL BYTE_ARRAY extra [10] (STRING);
      OPTIONAL BYTE_ARRAY reject_reason [11] (STRING);
      OPTIONAL BYTE_ARRAY reject_detail [12] (STRING);
      OPTIONAL BYTE_ARRAY reject_bytes [13];
    }
    ");
}

#[test]
fn own_columns_keep_clear_of_the_datasets() {
    for kind in [SourceKind::Kafka, SourceKind::Kinesis] {
        let schema = schema(&iot(), kind);
        let mut ids: Vec<i32> =
            schema.fields().iter().map(|field| field.metadata()[PARQUET_FIELD_ID_META_KEY].parse().unwrap()).collect();
        let own = ids.iter().filter(|&&id| id < crate::dataset::FIRST_FIELD_ID).count();
        assert_eq!(own, schema.fields().len() - iot().columns.len());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), schema.fields().len(), "each column has its own id");
    }
}

#[test]
fn rows_survive() {
    for count in [1, 2, 7, 8, 9, 100, 5_000] {
        check_round_trip(&some_rows(Partition::Kafka(3), count).batch);
        check_round_trip(&some_rows(Partition::Shard("shardId-000000000006".to_owned()), count).batch);
    }
}

#[test]
fn a_file_without_rows_has_a_schema_and_a_footer() {
    check_round_trip(&some_rows(Partition::Kafka(3), 0).batch);
}

#[test]
fn equal_rows_give_equal_bytes() {
    let [left, right] = [(); 2].map(|()| encode(&some_rows(Partition::Kafka(3), 1_000).batch, footer()).unwrap());
    assert_eq!(left, right);
}

#[test]
fn chunks_say_the_range_of_offsets_and_times() {
    let file = encode(&some_rows(Partition::Kafka(3), 10).batch, footer()).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let range = |name: &str| {
        let group = reader.metadata().row_group(0);
        let column = group.columns().iter().find(|column| column.column_path().string() == name).unwrap();
        let statistics = column.statistics().unwrap();
        let number = |bytes: Option<&[u8]>| i64::from_le_bytes(bytes.unwrap().try_into().unwrap());
        (number(statistics.min_bytes_opt()), number(statistics.max_bytes_opt()), statistics.null_count_opt())
    };
    assert_eq!(range("offset"), (0, 81, Some(0)));
    assert_eq!(range("timestamp"), (ARRIVAL - 8_000, ARRIVAL - 1_000, Some(4)));
    assert_eq!(range("event_time"), (ARRIVAL - 9_000, ARRIVAL, Some(1)));
}

/// fastparquet gets wider deltas wrong without an error, and it is not the only program that will read a lake for years.
#[test]
fn integers_are_deltas_only_where_all_readers_get_them_right() {
    let check = |offsets: &[i64], expect: Encoding| {
        let rows = some_rows(Partition::Kafka(3), offsets.len() as u64).batch;
        let mut columns = rows.columns().to_vec();
        columns[rows.schema_ref().index_of("offset").unwrap()] = Arc::new(Int64Array::from(offsets.to_vec()));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        check_round_trip(&rows);
        let reader = SerializedFileReader::new(encode(&rows, footer()).unwrap()).unwrap();
        let group = reader.metadata().row_group(0);
        let column = group.columns().iter().find(|column| column.column_path().string() == "offset").unwrap();
        assert!(column.encodings().any(|encoding| encoding == expect), "{offsets:?}: {expect}");
    };
    check(&[7, 8, 9], Encoding::DELTA_BINARY_PACKED);
    check(&[0, 0, (1 << 28) - 1], Encoding::DELTA_BINARY_PACKED);
    check(&[0, 0, 1 << 28], Encoding::PLAIN);
    check(&[0, i64::MAX, i64::MIN, 5], Encoding::PLAIN);
    check(&[5; 3], Encoding::RLE_DICTIONARY);
}
