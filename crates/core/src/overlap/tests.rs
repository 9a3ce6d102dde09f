use super::*;
use crate::keys::ChainId;
use crate::sample::{START, chain, iot, object, record};

/// The key and the timestamp of the record at an offset, as it landed.
fn landed(offset: u64) -> Record<'static> {
    record(offset, START + i64::try_from(offset).unwrap(), Some("a"), None)
}

/// What differs between the records and an object that holds the offsets 10, 11, 12 and 20.
fn check(records: &[Record<'static>], expect: Option<(u64, &str)>) {
    let chain: ChainId = chain(0);
    let (_, file) = object(&iot(), &chain, START, [10, 11, 12, 20].map(landed).into());
    let found = first_difference(&file, &chain.partition, records).unwrap();
    let found = found.as_ref().map(|(position, text)| (*position, text.as_str()));
    assert_eq!(found.map(|(position, _)| position), expect.map(|(offset, _)| Position::from_offset(offset)));
    let words = expect.map_or("", |(_, words)| words);
    assert!(found.is_none_or(|(_, text)| text.contains(words)), "{found:?}");
}

#[test]
fn a_record_is_the_one_that_landed_if_timestamp_and_key_are_equal() {
    check(&[], None);
    check(&[10, 11, 12, 20].map(landed), None);
    check(&[landed(12)], None);
    check(&[landed(11), record(12, START + 13, Some("a"), None)], Some((12, "timestamp")));
    check(&[record(12, START + 12, Some("b"), None)], Some((12, "key")));
    check(&[record(12, START + 12, None, None)], Some((12, "key")));
    check(&[Record { timestamp: None, ..landed(10) }], Some((10, "timestamp")));
}

#[test]
fn a_record_between_rows_that_landed_never_did() {
    check(&[landed(12), landed(13)], Some((13, "no row")));
    check(&[landed(19)], Some((19, "no row")));
}

#[test]
fn of_records_outside_the_file_it_says_nothing() {
    check(&[landed(9), landed(21), landed(10_000)], None);
}

#[test]
fn a_key_that_is_no_base64_cannot_be_compared() {
    let broken = Some(Encoded::Base64(b"*".as_slice().into()));
    check(&[Record { key: broken, ..landed(11) }], None);
}

#[test]
fn what_is_no_raw_object_is_an_error() {
    assert!(first_difference(&Bytes::from_static(b"PAR1"), &Partition::Kafka(0), &[landed(1)]).is_err());
}
