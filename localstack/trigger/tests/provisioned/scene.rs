//! A mapping with all that stands around it, and the story of what happens.

use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use penstock_trigger::clock::Clock;
use penstock_trigger::destination::{Destination, DestinationError};
use penstock_trigger::discard::Discarded;
use penstock_trigger::invoke::{InvokeError, Invoker, from_fn};
use penstock_trigger::mapping::{Failures, Mapping, Pollers};
use penstock_trigger::memory::{MemoryLog, NewRecord};
use penstock_trigger::{Served, Trigger};
use tokio::time::Instant;

use crate::payload::{Payload, offsets};

/// When the tests begin, in milliseconds since 1970.
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// What a function does with a payload.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Succeed,
    Fail,
    BeAway,
    /// Report these records as failed.
    Report(Vec<(i32, i64)>),
    Answer(&'static str),
}

/// A mapping with what stands around it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) mapping: Mapping,
    pub(crate) log: Arc<MemoryLog>,
    story: Arc<Mutex<Vec<String>>>,
    /// How often the destination refuses before it takes something.
    pub(crate) refusals: Arc<Mutex<u32>>,
}

impl Scene {
    /// Provisioned mode with a queue for what is given up; so many records by partition, all of this moment.
    pub(crate) async fn new(counts: &[usize], failures: Failures) -> Self {
        let scene = Self::empty(counts.len(), failures);
        for (partition, &count) in counts.iter().enumerate() {
            for _ in 0..count {
                scene.append(partition, 10, NOW).await;
            }
        }
        scene
    }

    pub(crate) fn empty(partitions: usize, failures: Failures) -> Self {
        let queue = Some("arn:aws:sqs:us-east-1:000000000000:failed".parse().unwrap());
        let mapping = Mapping {
            batch_size: 8,
            pollers: Pollers::Provisioned { minimum: 1, maximum: 1 },
            failures: Failures { destination: queue, ..failures },
            ..Mapping::new("events", "ingest", "localhost:9092", "group")
        };
        Self {
            mapping,
            log: Arc::new(MemoryLog::new(partitions, 1 << 26)),
            story: Arc::default(),
            refusals: Arc::default(),
        }
    }

    pub(crate) async fn append(&self, partition: usize, bytes: usize, timestamp: i64) {
        let record = NewRecord { value: Some(Bytes::from(vec![7; bytes])), timestamp, ..NewRecord::default() };
        self.log.append(partition, record).await.unwrap();
    }

    fn tell(&self, what: String) {
        self.story.lock().unwrap().push(what);
    }

    pub(crate) fn story(&self) -> Vec<String> {
        self.story.lock().unwrap().clone()
    }

    /// Serves all of the log, with a function that does what it is told for the payload and the number of the call.
    pub(crate) async fn run(&self, act: impl Fn(&Payload, usize) -> Act + Send + Sync + 'static) -> Served {
        self.log.close();
        self.serve(act).await
    }

    async fn serve(&self, act: impl Fn(&Payload, usize) -> Act + Send + Sync + 'static) -> Served {
        let mut trigger = Trigger::new(&self.mapping, Arc::clone(&self.log) as _, self.invoker(act)).clock(clock());
        if self.mapping.failures.destination.is_some() {
            trigger = trigger.on_failure(Arc::new(Taker(self.clone())));
        }
        trigger.serve(pending()).await.unwrap()
    }

    pub(crate) fn invoker(&self, act: impl Fn(&Payload, usize) -> Act + Send + Sync + 'static) -> Arc<dyn Invoker> {
        let (scene, calls) = (self.clone(), Mutex::new(0));
        Arc::new(from_fn(move |payload| {
            let payload = offsets(&payload);
            let mut calls = calls.lock().unwrap();
            let act = act(&payload, *calls);
            *calls += 1;
            scene.tell(format!("{} {}", describe(&payload), told(&act)));
            let answer = answer(&act);
            async { answer }
        }))
    }
}

fn describe(payload: &Payload) -> String {
    let part = |(partition, offsets): (&i32, &Vec<i64>)| {
        assert!(offsets.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a hole in {offsets:?}");
        format!("{partition}[{},{})", offsets[0], offsets[0] + offsets.len() as i64)
    };
    payload.iter().map(part).collect::<Vec<_>>().join(" ")
}

fn told(act: &Act) -> String {
    match act {
        Act::Succeed => "ok".to_owned(),
        Act::Fail => "failed".to_owned(),
        Act::BeAway => "away".to_owned(),
        Act::Report(failed) => {
            let failed: Vec<String> =
                failed.iter().map(|(partition, offset)| format!("{partition}@{offset}")).collect();
            format!("reports {}", failed.join(" "))
        }
        Act::Answer(text) => format!("answers {text}"),
    }
}

fn answer(act: &Act) -> Result<Bytes, InvokeError> {
    match act {
        Act::Succeed => Ok(Bytes::from_static(b"{}")),
        Act::Fail => Err(InvokeError::Function("told to".to_owned())),
        Act::BeAway => Err(InvokeError::Unavailable("told to".to_owned())),
        Act::Report(failed) => {
            let item = |(partition, offset): &(i32, i64)| serde_json::json!({"itemIdentifier": {"partition": format!("events-{partition}"), "offset": offset}});
            let items: Vec<_> = failed.iter().map(item).collect();
            Ok(serde_json::json!({ "batchItemFailures": items }).to_string().into())
        }
        Act::Answer(text) => Ok(Bytes::from_static(text.as_bytes())),
    }
}

/// The time since 1970 goes on with that of Tokio.
fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || NOW + start.elapsed().as_millis() as i64)
}

/// A destination that tells what it takes.
#[derive(Clone)]
pub(crate) struct Taker(pub(crate) Scene);

impl std::fmt::Debug for Taker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Taker")
    }
}

#[async_trait::async_trait]
impl Destination for Taker {
    async fn take(&self, discarded: &Discarded) -> Result<(), DestinationError> {
        let refuses = {
            let mut left = self.0.refusals.lock().unwrap();
            let refuses = 0 < *left;
            *left = left.saturating_sub(1);
            refuses
        };
        if refuses {
            assert!(self.0.log.committed()[discarded.partition as usize] <= discarded.records[0].offset);
            return Err(DestinationError::Unavailable("told to".to_owned()));
        }
        let offsets = discarded.records.iter().map(|record| record.offset).collect();
        let place = describe(&Payload::from([(discarded.partition, offsets)]));
        self.0.tell(format!("{place} up: {:?}", discarded.condition));
        Ok(())
    }
}
