use std::collections::BTreeSet;

use arrow_array::Int64Array;
use arrow_array::types::Int64Type;

use super::*;
use crate::sample::iot;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![field("number", DataType::Int64, false, 1), field("text", DataType::Utf8, true, 2)]))
}

fn file(rows: i64, value: &str) -> Bytes {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..rows)),
        Arc::new((0..rows).map(|row| Some(format!("text {row}"))).collect::<arrow_array::StringArray>()),
    ];
    let mut writer = TableWriter::new(&schema(), &["text"]).unwrap();
    writer.write(&RecordBatch::try_new(schema(), columns).unwrap()).unwrap();
    assert_eq!(writer.rows(), rows as u64);
    writer.finish("entry", &value).unwrap()
}

#[test]
fn an_entry_is_found_from_the_end_of_the_file_alone() {
    let value = "x".repeat(1000);
    let file = file(1000, &value);
    let FooterRead::NeedsEnd(needed) = footer_entry::<String>(&file[file.len() - 8..], "entry").unwrap() else {
        panic!("eight bytes hold no footer");
    };
    let end = &file[file.len() - usize::try_from(needed).unwrap()..];
    assert_eq!(footer_entry(end, "entry").unwrap(), FooterRead::Entry(value.clone()));
    assert_eq!(footer_entry::<String>(&end[1..], "entry").unwrap(), FooterRead::NeedsEnd(needed));
    assert_eq!(file_entry::<String>(&file, "entry").unwrap(), value);
}

#[test]
fn what_is_no_file_of_ours_says_so() {
    let ours = file(3, "x");
    let check = |bytes: &[u8], entry, expect: &str| {
        let error = file_entry::<u64>(bytes, entry).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(b"", "entry", "shorter than a footer");
    check(b"PAR1", "entry", "shorter than a footer");
    check(b"0123456789", "entry", "no readable Parquet");
    check(&ours[..ours.len() - 1], "entry", "no readable Parquet");
    check(&ours[ours.len() - 20..], "entry", "longer than the file");
    check(&ours, "other", "was not written by Penstock");
    check(&ours, "entry", "cannot be understood");
}

#[test]
fn columns_that_a_file_lacks_are_left_out() {
    let batches = read(file(5, "x"), &["absent", "number"], &[]).unwrap();
    assert_eq!(batches[0].num_columns(), 1);
    assert_eq!(primitive::<Int64Type>(&batches[0], "number").unwrap().values(), &[0, 1, 2, 3, 4]);
    let error = column(&batches[0], "absent").unwrap_err().to_string();
    assert_eq!(error, "column `absent` is missing");
    let error = primitive::<arrow_array::types::Float64Type>(&batches[0], "number").unwrap_err().to_string();
    assert_eq!(error, "column `number` is not of type Float64");
}

#[test]
fn repeated_text_may_be_read_as_a_dictionary() {
    let batches = read(file(5, "x"), &["text"], &["text", "number"]).unwrap();
    assert_eq!(batches[0].column(0).data_type(), &dictionary());
}

#[test]
fn equal_rows_give_equal_bytes() {
    assert_eq!(file(100, "x"), file(100, "x"));
}

#[test]
fn encodings_are_those_that_every_reader_understands() {
    use parquet::basic::Encoding;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file(1000, "x")).unwrap();
    for column in metadata.row_group(0).columns() {
        let mut used = column.encodings();
        let known = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        assert!(used.all(|encoding| known.contains(&encoding)), "{}", column.column_path());
    }
}

#[test]
fn field_ids_are_unique_and_there() {
    let dataset = iot();
    for schema in [silver_schema(&dataset), rejects_schema(), windows_schema(&dataset)] {
        let id = |field: &Arc<Field>| field.metadata()[PARQUET_FIELD_ID_META_KEY].parse::<i32>().unwrap();
        let ids: BTreeSet<i32> = schema.fields().iter().map(id).collect();
        assert_eq!(ids.len(), schema.fields().len(), "{schema}");
        assert!(schema.field_with_name("event_date").is_err(), "the date stands in the path alone");
    }
}
