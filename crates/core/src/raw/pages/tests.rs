use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;

use super::*;
use crate::table::{dictionary, field, timestamp};

/// One value of every type; null where `None`.
type Row = Option<(u8, i64, bool)>;

fn schema() -> SchemaRef {
    let kinds = [
        dictionary(),
        DataType::Utf8,
        DataType::Utf8,
        DataType::Int32,
        DataType::Int64,
        timestamp(),
        DataType::Float64,
        DataType::Boolean,
    ];
    let fields = kinds.into_iter().zip(1..).map(|(kind, id)| field(&format!("column{id}"), kind, true, id));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn text(kind: u8) -> String {
    "text".repeat(usize::from(kind % 16)) + &kind.to_string()
}

/// The rows as a raw object has them, with the id as bytes.
fn arrays(rows: &[Row]) -> Vec<ArrayRef> {
    let ids = rows.iter().map(|row| row.map(|(_, number, _)| u128::from(number.cast_unsigned()).to_be_bytes()));
    let mut arrays = plain_arrays(rows);
    arrays[0] = Arc::new(
        rows.iter()
            .map(|row| row.map(|row| text(row.0)))
            .collect::<Vec<_>>()
            .iter()
            .map(Option::as_deref)
            .collect::<DictionaryArray<Int32Type>>(),
    );
    arrays[1] = Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap());
    arrays
}

/// The rows as any reader should see them.
fn plain_arrays(rows: &[Row]) -> Vec<ArrayRef> {
    let texts: StringArray = rows.iter().map(|row| row.map(|row| text(row.0))).collect();
    let id = |number: i64| {
        String::from_utf8(uuid::text(u128::from(number.cast_unsigned()).to_be_bytes()).as_bytes().to_vec())
    };
    let ids: StringArray = rows.iter().map(|row| row.map(|row| id(row.1).unwrap())).collect();
    let numbers: Int64Array = rows.iter().map(|row| row.map(|row| row.1)).collect();
    let times: TimestampMicrosecondArray = rows.iter().map(|row| row.map(|row| row.1)).collect();
    vec![
        Arc::new(texts.clone()),
        Arc::new(ids),
        Arc::new(texts),
        Arc::new(rows.iter().map(|row| row.map(|row| i32::from(row.0))).collect::<Int32Array>()),
        Arc::new(numbers),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(rows.iter().map(|row| row.map(|row| row.1 as f64 / 8.0)).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.map(|row| row.2)).collect::<BooleanArray>()),
    ]
}

/// A file of the chosen rows of each batch.
fn write(batches: &[(Vec<Row>, Vec<u32>)]) -> Bytes {
    let schema = schema();
    let descriptor = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let properties = WriterProperties::builder().set_offset_index_disabled(true).build();
    let mut file = SerializedFileWriter::new(Vec::new(), descriptor.root_schema_ptr(), properties.into()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for (index, column) in descriptor.columns().iter().enumerate() {
        let mut pages = Pages::new(schema.field(index).data_type(), true);
        for (rows, chosen) in batches {
            pages.push(&arrays(rows)[index], chosen, column).unwrap();
        }
        let chunk = pages.finish(column).unwrap();
        group.append_column(&chunk.bytes, chunk.close).unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap().into()
}

#[track_caller]
fn check(batches: &[(Vec<Row>, Vec<u32>)]) {
    let rows: Vec<Row> =
        batches.iter().flat_map(|(rows, chosen)| chosen.iter().map(|&row| rows[row as usize])).collect();
    let reader = ParquetRecordBatchReaderBuilder::try_new(write(batches)).unwrap();
    let read: Vec<RecordBatch> = reader.with_batch_size(1 << 20).build().unwrap().collect::<Result<_, _>>().unwrap();
    let [read] = read.as_slice() else { panic!("{} batches", read.len()) };
    assert_eq!(read.columns(), plain_arrays(&rows));
}

#[test]
fn pages_end_anywhere() {
    let row = |number: usize| {
        (number % 5 != 1).then_some((number as u8, number as i64 * 1_000_003, number.is_multiple_of(3)))
    };
    for count in [1, PAGE_ROWS - 1, PAGE_ROWS, PAGE_ROWS + 1, 2 * PAGE_ROWS + 1] {
        let rows: Vec<Row> = (0..count).map(row).collect();
        check(&[(rows.clone(), (0..count as u32).collect()), (rows, (0..count as u32).step_by(7).collect())]);
    }
}

#[test]
fn a_page_may_have_nothing_but_nulls() {
    let nulls = || (vec![None; PAGE_ROWS], (0..PAGE_ROWS as u32).collect::<Vec<_>>());
    let one = || (vec![Some((7, -1, true))], vec![0]);
    check(&[nulls()]);
    check(&[nulls(), one(), nulls(), nulls()]);
    check(&[one(), nulls(), one()]);
}

#[test]
fn a_dictionary_that_grows_too_large_is_given_up() {
    let texts: StringArray = (0..3 * PAGE_ROWS).map(|row| Some(format!("{row:050}"))).collect();
    let keys = Int32Array::from_iter_values((0..3 * PAGE_ROWS).map(|row| row as i32));
    let array: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::new(texts.clone())));
    let schema = Schema::new(vec![field("text", dictionary(), true, 1)]);
    let descriptor = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let mut file =
        SerializedFileWriter::new(Vec::new(), descriptor.root_schema_ptr(), Arc::new(WriterProperties::default()))
            .unwrap();
    let mut pages = Pages::new(&dictionary(), true);
    let rows: Vec<u32> = (0..3 * PAGE_ROWS as u32).collect();
    pages.push(&array, &rows, &descriptor.column(0)).unwrap();
    let chunk = pages.finish(&descriptor.column(0)).unwrap();
    assert!(chunk.bytes.len() < 3 * PAGE_ROWS * 54, "compressed");
    let mut group = file.next_row_group().unwrap();
    group.append_column(&chunk.bytes, chunk.close).unwrap();
    group.close().unwrap();
    let file = Bytes::from(file.into_inner().unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 20).build().unwrap();
    let read: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(read[0].column(0), &take(&texts, &arrow_array::UInt32Array::from(rows), None).unwrap());
}

#[test]
fn a_long_text_is_no_bound() {
    let check = |length: usize, is_bound: bool| {
        let text = "x".repeat(length);
        let array: DictionaryArray<Int32Type> = [Some(text.as_str())].into_iter().collect();
        let schema = Schema::new(vec![field("text", dictionary(), true, 1)]);
        let descriptor = ArrowSchemaConverter::new().convert(&schema).unwrap();
        let mut pages = Pages::new(&dictionary(), true);
        pages.push(&array, &[0], &descriptor.column(0)).unwrap();
        let statistics = pages.finish(&descriptor.column(0)).unwrap().close.metadata.statistics().cloned().unwrap();
        assert_eq!(statistics.max_bytes_opt().is_some(), is_bound, "{length}");
        assert_eq!(statistics.min_bytes_opt().is_some(), is_bound, "{length}");
    };
    check(LONGEST_BOUND, true);
    check(LONGEST_BOUND + 1, false);
}

proptest! {
    /// Whatever rows are chosen of whatever arrays, they are read as they were.
    #[test]
    fn rows_are_read_as_they_were_written(
        batches in proptest::collection::vec(
            (proptest::collection::vec(proptest::option::of(any::<(u8, i64, bool)>()), 1..50), proptest::collection::vec(any::<proptest::sample::Index>(), 0..50)),
            1..5,
        ),
    ) {
        let chosen = |(rows, chosen): (Vec<Row>, Vec<proptest::sample::Index>)| {
            let chosen = chosen.iter().map(|index| index.index(rows.len()) as u32).collect();
            (rows, chosen)
        };
        let batches: Vec<(Vec<Row>, Vec<u32>)> = batches.into_iter().map(chosen).collect();
        prop_assume!(batches.iter().any(|(_, chosen)| !chosen.is_empty()));
        check(&batches);
    }
}
