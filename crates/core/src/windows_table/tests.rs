use proptest::prelude::*;

use super::*;
use crate::sample::iot;

fn row(start: i64, group: &str, measures: &[f64]) -> WindowRow {
    let totals = Totals {
        count: measures.len() as u64 + 1,
        measured: measures.len() as u64,
        sum: measures.iter().sum(),
        min: measures.iter().copied().fold(f64::INFINITY, f64::min),
        max: measures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        first_event_time: start,
        last_event_time: start + 5,
    };
    WindowRow { start, group: Box::new([group.into()]), totals }
}

fn rows() -> impl Strategy<Value = Vec<WindowRow>> {
    let parts = (any::<i32>(), ".{0,8}", prop::collection::vec(-1e300..1e300_f64, 0..3));
    let row = parts.prop_map(|(start, group, measures)| row(i64::from(start) * 1_000_000, &group, &measures));
    prop::collection::vec(row, 0..20)
}

#[test]
fn a_window_without_measures_has_null_and_not_zero() {
    let file = encode(&iot(), &[(Kind::OnTime, &[row(0, "a", &[]), row(0, "b", &[1.0, 4.0])])], "entry", &()).unwrap();
    let batches = table::read(file, &["sum", "min", "max", "avg", "window_end"], &[]).unwrap();
    for (name, expect) in [("sum", 5.0), ("min", 1.0), ("max", 4.0), ("avg", 2.5)] {
        let values = table::primitive::<Float64Type>(&batches[0], name).unwrap();
        assert_eq!(values.iter().collect::<Vec<_>>(), [None, Some(expect)], "{name}");
    }
    let ends = table::primitive::<TimestampMicrosecondType>(&batches[0], "window_end").unwrap();
    assert_eq!(ends.values(), &[60_000_000, 60_000_000]);
}

#[test]
fn every_part_of_a_row_is_in_the_checksum() {
    let base = row(7, "ab", &[1.0, 2.0]);
    let changed = |change: fn(&mut WindowRow)| {
        let mut row = base.clone();
        change(&mut row);
        checksum(&[(Kind::OnTime, &[row])])
    };
    let mut sums = vec![
        checksum(&[(Kind::OnTime, std::slice::from_ref(&base))]),
        checksum(&[(Kind::Late, std::slice::from_ref(&base))]),
        checksum(&[(Kind::OnTime, &[base.clone(), base.clone()])]),
        checksum(&[(Kind::OnTime, &[])]),
        changed(|row| row.start = 8),
        changed(|row| row.group = Box::new(["a".into(), "b".into()])),
        changed(|row| row.group = Box::new(["abc".into()])),
        changed(|row| row.totals.count = 9),
        changed(|row| row.totals.measured = 9),
        changed(|row| row.totals.sum = 9.0),
        changed(|row| row.totals.min = 9.0),
        changed(|row| row.totals.max = 9.0),
        changed(|row| row.totals.first_event_time = 9),
        changed(|row| row.totals.last_event_time = 9),
    ];
    let count = sums.len();
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), count);
}

proptest! {
    #[test]
    fn rows_round_trip(on_time in rows(), late in rows()) {
        let dataset = iot();
        let file = encode(&dataset, &[(Kind::OnTime, &on_time), (Kind::Late, &late)], "entry", &"value").unwrap();
        prop_assert_eq!(table::file_entry::<String>(&file, "entry").unwrap(), "value");
        let read = decode(&dataset, &file).unwrap();
        prop_assert_eq!(read, [on_time, late].concat());
    }
}
