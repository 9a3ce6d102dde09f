//! Rejected records are published again.

use std::sync::{Arc, Mutex};

use penstock_cli::rejects::{self, Selection};
use penstock_core::keys;
use penstock_lake::Store;
use penstock_producer::{Deliveries, Record, Sink, SinkError};

use crate::scene::Pipeline;

/// A topic that takes what is sent to it, except for one value.
#[derive(Clone, Default)]
struct Topic(Arc<Mutex<Vec<KeyAndValue>>>);

type KeyAndValue = (Option<Vec<u8>>, Vec<u8>);

impl Sink for Topic {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        if record.value == b"too large" {
            return Err(SinkError::TooLarge { size: record.value.len() });
        }
        self.0.lock().unwrap().push((record.key().map(<[u8]>::to_vec), record.value.clone()));
        Ok(())
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        Ok(Deliveries { acknowledged: self.0.lock().unwrap().len() as u64, ..Deliveries::default() })
    }
}

#[tokio::test]
async fn rejects_are_published_again_byte_for_byte_with_their_keys() {
    let pipeline = Pipeline::new();
    let bad = |offset: u64, value: &str| (offset, Some(value.to_owned()));
    let values =
        [bad(0, "{broken"), (1, None), bad(2, "too large"), bad(3, &pipeline.event(3)), bad(4, "{\"event_id\":1}")];
    pipeline.deliver_values(&values).await.unwrap();
    pipeline.refine().await.unwrap();
    let topic = Topic::default();
    let redrive = |selection: Selection, limit: u64| {
        let (store, sink) = (Arc::clone(&pipeline.store), Box::new(topic.clone()));
        async move { rejects::redrive(&*store, "iot", &selection, limit, sink).await.unwrap() }
    };

    let redriven = redrive(Selection::default(), u64::MAX).await;
    assert_eq!((redriven.records, redriven.acknowledged, redriven.failed), (3, 2, 1));
    assert_eq!(redriven.skipped.into_iter().collect::<Vec<_>>(), [("tombstone".to_owned(), 1)]);
    assert!(redriven.first_failure.unwrap().starts_with("events partition 0 position 2: 9 bytes"));
    let key = Some(b"dev-1".to_vec());
    let published = std::mem::take(&mut *topic.0.lock().unwrap());
    assert_eq!(published, [(key.clone(), b"{broken".to_vec()), (key, b"{\"event_id\":1}".to_vec())]);

    let selection = Selection { reason: Some("not_json".parse().unwrap()), ..Selection::default() };
    assert_eq!(redrive(selection, 1).await.records, 1);
    let after = Selection { since: Some(1), ..Selection::default() };
    assert_eq!(redrive(after, u64::MAX).await.records, 0);
    assert!(pipeline.store.get(&keys::rejects("iot", 1)).await.is_ok());
}
