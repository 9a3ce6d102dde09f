//! A topic of the broker, and a function that remembers what it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use penstock_trigger::invoke::{InvokeError, Invoker, from_fn};
use penstock_trigger::mapping::Mapping;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::ToBytes;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "the make target that starts the broker says where it is")]
pub(crate) fn brokers() -> String {
    std::env::var("PENSTOCK_TEST_BROKERS")
        .expect("PENSTOCK_TEST_BROKERS is not set: `make kafka-up` starts a broker, then set it to 127.0.0.1:9092")
}

/// A topic of its own for each test and run.
pub(crate) struct Topic {
    pub(crate) name: String,
    producer: FutureProducer,
    deliveries: Mutex<Vec<DeliveryFuture>>,
}

impl Topic {
    pub(crate) async fn new(partitions: i32) -> Self {
        let unique = RandomState::new().build_hasher().finish();
        let name = format!("trigger-test-{unique:016x}");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers()).set("enable.idempotence", "true");
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        // The records' timestamps lie in 1970, and retention would go by them.
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let created = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        assert_eq!(created, [Ok(name.clone())]);
        Self { name, producer: config.create().unwrap(), deliveries: Mutex::default() }
    }

    pub(crate) fn mapping(&self) -> Mapping {
        Mapping::new(&self.name, "ingest", &brokers(), &format!("group-of-{}", self.name))
    }

    /// Sends `count` records to a partition, with timestamps 1000, 1001, ...
    pub(crate) fn send(&self, partition: i32, count: usize) {
        for index in 0..count {
            let payload = format!("{{\"index\":{index}}}");
            let record = FutureRecord::<(), _>::to(&self.name)
                .partition(partition)
                .payload(&payload)
                .timestamp(1_000 + index as i64);
            self.send_record(record);
        }
    }

    pub(crate) fn send_record<K: ToBytes + ?Sized, V: ToBytes + ?Sized>(&self, mut record: FutureRecord<'_, K, V>) {
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => return self.deliveries.lock().unwrap().push(delivery),
                Err((error, back)) => {
                    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
                    std::thread::yield_now();
                    record = back;
                }
            }
        }
    }

    /// Returns when the broker has acknowledged everything.
    pub(crate) async fn acknowledged(&self) {
        let deliveries = std::mem::take(&mut *self.deliveries.lock().unwrap());
        for delivery in deliveries {
            delivery.await.unwrap().unwrap();
        }
    }
}

/// What a function was given, in order, by partition.
#[derive(Clone, Default)]
pub(crate) struct Function {
    delivered: Arc<Mutex<BTreeMap<i32, Vec<i64>>>>,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Function {
    /// Fails for payloads with a record of a partition in `failing`.
    pub(crate) fn invoker(&self, failing: &'static [i32]) -> Arc<dyn Invoker> {
        let Self { delivered, calls } = self.clone();
        Arc::new(from_fn(move |payload: Bytes| {
            calls.fetch_add(1, Ordering::Relaxed);
            let records = records(&payload);
            let fails = records.iter().any(|record| failing.contains(&partition(record)));
            if !fails {
                let mut delivered = delivered.lock().unwrap();
                for record in &records {
                    delivered.entry(partition(record)).or_default().push(record["offset"].as_i64().unwrap());
                }
            }
            let answer = if fails { Err(InvokeError::Function("told to".to_owned())) } else { Ok(Bytes::new()) };
            async { answer }
        }))
    }

    pub(crate) fn offsets(&self, partition: i32) -> Vec<i64> {
        self.delivered.lock().unwrap().get(&partition).cloned().unwrap_or_default()
    }

    /// The offsets in the order of their delivery.
    pub(crate) fn delivered(&self, partition: i32) -> String {
        runs(&self.offsets(partition))
    }

    pub(crate) fn partitions(&self) -> BTreeSet<i32> {
        self.delivered.lock().unwrap().keys().copied().collect()
    }
}

pub(crate) fn records(payload: &Bytes) -> Vec<Value> {
    let payload: Value = serde_json::from_slice(payload).unwrap();
    payload["records"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap().clone()).collect()
}

pub(crate) fn partition(record: &Value) -> i32 {
    record["partition"].as_i64().unwrap() as i32
}

/// Resolves once the condition holds. The test's own runner bounds how long it may take.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn range(from: i64, next: i64) -> String {
    runs(&(from..next).collect::<Vec<_>>())
}

/// `[0,7) [5,9)` for the offsets 0 to 6 and then 5 to 8, because a failing test should say something readable.
pub(crate) fn runs(offsets: &[i64]) -> String {
    let runs = offsets.chunk_by(|one, other| one + 1 == *other);
    runs.map(|run| format!("[{},{})", run[0], run[0] + run.len() as i64)).collect::<Vec<_>>().join(" ")
}
