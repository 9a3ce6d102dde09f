//! What a function's answer says of the batch it got, where the mapping has `ReportBatchItemFailures`.
//!
//! ```json
//! {"batchItemFailures":[{"itemIdentifier":{"partition":"events-3","offset":100}}]}
//! ```
//! No failures, an object without the list, and `null` mean that everything succeeded. An identifier that is not in the
//! batch, a text (which is what Kinesis has), and whatever else cannot be understood mean that everything failed:
//! trying again is safe, and passing over would lose records.
//! (Source: the developer guide of AWS Lambda, "Configuring error handling controls for Kafka event sources".)

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::batch::{Batch, Part};

/// The failed records of a batch: by partition the first offset that failed. Empty: everything succeeded.
pub(crate) type FirstFailures = BTreeMap<i32, i64>;

/// So much of an answer goes into a message.
const MAX_SHOWN_CHARS: usize = 200;

/// The answer cannot be understood, so that all of the batch counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its answer {0}. With ReportBatchItemFailures it lists what failed, as \
     {{\"batchItemFailures\":[{{\"itemIdentifier\":{{\"partition\":\"TOPIC-0\",\"offset\":100}}}}]}}, or is null"
)]
pub(crate) struct Unusable(String);

/// Kafka's identifier of a record.
#[derive(Debug, Deserialize)]
struct Identifier {
    /// `<topic>-<partition>`, as the payload names it.
    partition: String,
    offset: i64,
}

pub(crate) fn first_failures(answer: &[u8], topic: &str, batch: &Batch) -> Result<FirstFailures, Unusable> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| Unusable(format!("is not JSON ({error})")))?;
    let items = match &answer {
        Value::Null => return Ok(FirstFailures::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Ok(FirstFailures::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(Unusable(format!("has no list of batchItemFailures, but {}", shown(other)))),
        },
        other => return Err(Unusable(format!("is no object with batchItemFailures, but {}", shown(other)))),
    };
    let parts = batch.parts.iter().map(|part| (format!("{topic}-{}", part.partition), part)).collect();
    let mut first = FirstFailures::new();
    for item in items {
        let (partition, offset) = identify(item, &parts)
            .ok_or_else(|| Unusable(format!("names a record that is not in the batch: {}", shown(item))))?;
        first.entry(partition).and_modify(|first| *first = offset.min(*first)).or_insert(offset);
    }
    Ok(first)
}

/// The record that an item names, if the batch, whose parts have these names, has it.
fn identify(item: &Value, parts: &BTreeMap<String, &Part>) -> Option<(i32, i64)> {
    let Identifier { partition, offset } = Identifier::deserialize(item.get("itemIdentifier")?).ok()?;
    let part = parts.get(&partition)?;
    part.records.binary_search_by_key(&offset, |record| record.offset).ok()?;
    Some((part.partition, offset))
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{LogRecord, TimestampType};

    /// Reads an answer to the records 5 to 8 of partition 0 and 100 of partition 3 of topic `my-events`.
    fn check(answer: &str, expect: Result<&[(i32, i64)], &str>) {
        let batch = Batch { parts: vec![part(0, 5..9), part(3, 100..101)], attempt: 1 };
        match (first_failures(answer.as_bytes(), "my-events", &batch), expect) {
            (Ok(first), Ok(expect)) => assert_eq!(first.into_iter().collect::<Vec<_>>(), expect, "{answer}"),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{answer}: {error}"),
            (read, _) => panic!("{answer} is {read:?}, not {expect:?}"),
        }
    }

    /// A part of these offsets.
    fn part(partition: i32, offsets: std::ops::Range<i64>) -> Part {
        let record = |offset| LogRecord {
            partition,
            offset,
            timestamp: 0,
            timestamp_type: TimestampType::CreateTime,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let records = offsets.map(record).collect();
        Part { partition, generation: 1, records, encoded_len: 0, invocations: 0, response: None, failures: 0 }
    }

    fn item(partition: &str, offset: &str) -> String {
        format!(r#"{{"itemIdentifier":{{"partition":"{partition}","offset":{offset}}}}}"#)
    }

    fn failures(items: &[String]) -> String {
        format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(","))
    }

    #[test]
    fn nothing_that_failed_is_success() {
        check("null", Ok(&[]));
        check("{}", Ok(&[]));
        check(r#"{"landed":3}"#, Ok(&[]));
        check(r#"{"batchItemFailures":null}"#, Ok(&[]));
        check(r#"{"batchItemFailures":[]}"#, Ok(&[]));
    }

    #[test]
    fn the_first_failure_of_each_partition_counts() {
        check(&failures(&[item("my-events-3", "100")]), Ok(&[(3, 100)]));
        check(&failures(&[item("my-events-0", "7"), item("my-events-0", "6")]), Ok(&[(0, 6)]));
        check(&failures(&[item("my-events-3", "100"), item("my-events-0", "8")]), Ok(&[(0, 8), (3, 100)]));
    }

    #[test]
    fn what_is_not_in_the_batch_fails_all_of_it() {
        let foreign = Err("not in the batch");
        for (partition, offset) in [
            ("my-events-0", "4"),
            ("my-events-0", "9"),
            ("my-events-1", "5"),
            ("events-0", "5"),
            ("0", "5"),
            ("", "5"),
            ("my-events-0", "\"5\""),
            ("my-events-0", "null"),
            ("my-events-0", "5.5"),
        ] {
            check(&failures(&[item("my-events-0", "5"), item(partition, offset)]), foreign);
        }
    }

    #[test]
    fn what_cannot_be_understood_fails_all_of_it() {
        for identifier in ["null", "\"\"", "\"49590338271490256608559692538361571095921575989136588898\"", "{}", "[]"] {
            check(&format!(r#"{{"batchItemFailures":[{{"itemIdentifier":{identifier}}}]}}"#), Err("not in the batch"));
        }
        check(r#"{"batchItemFailures":[{}]}"#, Err("not in the batch"));
        check(r#"{"batchItemFailures":[{"itemidentifier":{"partition":"my-events-0","offset":5}}]}"#, Err("not in"));
        check(r#"{"batchItemFailures":[null]}"#, Err("not in the batch"));
        check(r#"{"batchItemFailures":{}}"#, Err("no list"));
        check(r#"{"batchItemFailures":"all"}"#, Err("no list"));
        check("[]", Err("no object"));
        check("\"done\"", Err("no object"));
        check("", Err("not JSON"));
        check(r#"{"batchItemFailures":["#, Err("not JSON"));
    }

    #[test]
    fn a_message_shows_the_beginning_of_a_long_answer() {
        let batch = Batch { parts: vec![part(0, 5..9)], attempt: 1 };
        let answer = format!("\"{}\"", "ä".repeat(1_000_000));
        let unusable = first_failures(answer.as_bytes(), "my-events", &batch).unwrap_err().to_string();
        assert!(unusable.contains("but \"ää") && unusable.len() < 1_000, "{unusable}");
    }
}
