//! What holds for all records.

use arrow_array::types::{Float64Type, Int64Type};
use proptest::prelude::*;

use super::*;

/// Values of every kind: whole events, broken ones, and bytes.
fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let good = Just(GOOD.as_bytes().to_vec());
    let cut = (0..GOOD.len()).prop_map(|at| GOOD.as_bytes()[..at].to_vec());
    let edited = (0..GOOD.len(), any::<u8>()).prop_map(|(at, byte)| {
        let mut value = GOOD.as_bytes().to_vec();
        value[at] = byte;
        value
    });
    let noise = proptest::collection::vec(any::<u8>(), 0..50);
    prop_oneof![4 => good.prop_map(Some), 2 => cut.prop_map(Some), 4 => edited.prop_map(Some), 1 => noise.prop_map(Some), 1 => Just(None)]
}

proptest! {
    /// Records do not see each other: alone or together, each becomes the same row.
    #[test]
    fn a_batch_is_its_records_one_by_one(values in proptest::collection::vec(value(), 0..12)) {
        let dataset = iot();
        let records = values.iter().enumerate().map(|(offset, value)| record(offset as u64, value.as_deref().and_then(encoded)));
        let batch = kafka(records.collect());
        let together = parse(&dataset, &batch);
        let mut checksum = Checksum::default();
        for (index, record) in batch.records.iter().enumerate() {
            let alone = rows(&dataset, &batch, std::slice::from_ref(record), 7, ARRIVAL).unwrap();
            checksum += alone.checksum;
            prop_assert_eq!(alone.rejected == 1, text(&together, "reject_reason", index).is_some());
            for (column, field) in together.batch.columns().iter().zip(together.batch.schema_ref().fields()) {
                let found = alone.batch.column_by_name(field.name()).unwrap();
                prop_assert_eq!(found.is_null(0), column.is_null(index), "{} of row {}", field.name(), index);
                if !matches!(field.data_type(), arrow_schema::DataType::Dictionary(..)) {
                    prop_assert_eq!(found, &column.slice(index, 1));
                } else if field.name() == raw::KEY.name {
                    prop_assert_eq!(bytes(&alone, field.name(), 0), bytes(&together, field.name(), index));
                } else {
                    prop_assert_eq!(text(&alone, field.name(), 0), text(&together, field.name(), index));
                }
            }
        }
        prop_assert_eq!(checksum, together.checksum);
    }

    /// What serde_json reads as an event with good fields is a row with the same values, in any order of keys.
    #[test]
    fn agrees_with_serde_json(
        duration in any::<f64>().prop_filter("finite", |double| double.is_finite()),
        battery in proptest::option::of(any::<i64>()),
        unit in proptest::option::of(any::<String>()),
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        pretty: bool,
    ) {
        let fields = [
            ("event_id", serde_json::json!("01234567-89ab-cdef-0123-456789abcdef")),
            ("device_id", serde_json::json!("device-1")),
            ("device_type", serde_json::json!("light")),
            ("event_time", serde_json::json!(ARRIVAL / 1000)),
            ("event_duration", serde_json::json!(duration)),
            ("battery", serde_json::json!(battery)),
            ("unit", serde_json::json!(unit)),
            ("more", serde_json::json!({"unit": [unit]})),
        ];
        let members: Vec<String> = order.iter().map(|&index| format!("\"{}\":{}", fields[index].0, fields[index].1)).collect();
        let value = if pretty { format!("{{\n  {}\n}}", members.join(" ,\n  ")) } else { format!("{{{}}}", members.join(",")) };
        let rows = parse(&iot(), &kafka(vec![record(0, encoded(value.as_bytes()))]));
        prop_assert_eq!(text(&rows, "reject_detail", 0), None, "{}", value);
        prop_assert_eq!(text(&rows, "unit", 0), unit.as_deref());
        let doubles = rows.batch.column_by_name("event_duration").unwrap().as_primitive::<Float64Type>();
        prop_assert_eq!(doubles.value(0).to_bits(), duration.to_bits());
        let integers = rows.batch.column_by_name("battery").unwrap().as_primitive::<Int64Type>();
        prop_assert_eq!(integers.is_valid(0).then(|| integers.value(0)), battery);
        let extra: serde_json::Value = serde_json::from_str(text(&rows, "extra", 0).unwrap()).unwrap();
        prop_assert_eq!(extra, serde_json::json!({"more": {"unit": [unit]}}));
    }

    /// Details never carry more of a record than they promise.
    #[test]
    fn details_are_short(value in value()) {
        let rows = parse(&iot(), &kafka(vec![record(0, value.as_deref().and_then(encoded))]));
        prop_assert!(text(&rows, "reject_detail", 0).is_none_or(|detail| detail.len() <= 300));
    }
}
