//! What the tests see of a payload.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The offsets of a payload by partition.
pub(crate) type Payload = BTreeMap<i32, Vec<i64>>;

pub(crate) fn offsets(payload: &Bytes) -> Payload {
    let payload: serde_json::Value = serde_json::from_slice(payload).unwrap();
    let lists = payload["records"].as_object().unwrap().values();
    let mut offsets = Payload::new();
    for record in lists.flat_map(|list| list.as_array().unwrap()) {
        let partition = record["partition"].as_i64().unwrap() as i32;
        offsets.entry(partition).or_default().push(record["offset"].as_i64().unwrap());
    }
    offsets
}
