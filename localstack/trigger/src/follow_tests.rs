use std::sync::Mutex;

use bytes::Bytes;

use super::*;
use crate::invoke;
use crate::memory::{MemoryLog, NewRecord};

/// A list that the test writes, a log for each topic that exists, and what is delivered and reported.
struct World {
    list: Mutex<Result<Vec<Listed>, String>>,
    logs: Mutex<BTreeMap<String, Arc<MemoryLog>>>,
    delivered: Mutex<Vec<String>>,
    report: Mutex<Option<Report>>,
}

struct List(Arc<World>);

#[async_trait]
impl Mappings for List {
    async fn list(&self) -> Result<Vec<Listed>, String> {
        self.0.list.lock().unwrap().clone()
    }
}

impl World {
    /// Follows an empty list, for as long as the test runs.
    fn start() -> Arc<Self> {
        let world = Arc::new(Self {
            list: Mutex::new(Ok(Vec::new())),
            logs: Mutex::default(),
            delivered: Mutex::default(),
            report: Mutex::default(),
        });
        let (wired, reported) = (Arc::clone(&world), Arc::clone(&world));
        let wire = move |mapping: &Mapping| wired.wire(mapping);
        let report = move |report: &Report| *reported.report.lock().unwrap() = Some(report.clone());
        tokio::spawn(follow(List(Arc::clone(&world)), Box::new(wire), report, std::future::pending()));
        world
    }

    fn wire(self: &Arc<Self>, mapping: &Mapping) -> Result<Trigger, String> {
        let log = self.logs.lock().unwrap().get(&mapping.topic).cloned().ok_or("no such topic")?;
        let (world, name) = (Arc::clone(self), format!("{} by {}", mapping.topic, mapping.batch_size));
        let function = invoke::from_fn(move |_| {
            world.delivered.lock().unwrap().push(name.clone());
            async { Ok(Bytes::new()) }
        });
        Ok(Trigger::new(mapping, log, Arc::new(function)))
    }

    fn make_topic(&self, topic: &str) {
        self.logs.lock().unwrap().insert(topic.to_owned(), Arc::new(MemoryLog::new(1, 1 << 20)));
    }

    /// Lists these, waits until that is known, and returns what was delivered since the last time.
    async fn list(&self, listed: Vec<Listed>) -> Vec<String> {
        *self.list.lock().unwrap() = Ok(listed);
        self.settle().await
    }

    async fn produce(&self, topic: &str) -> Vec<String> {
        let log = Arc::clone(&self.logs.lock().unwrap()[topic]);
        log.append(0, NewRecord { value: Some(Bytes::from_static(b"1")), ..NewRecord::default() }).await.unwrap();
        self.settle().await
    }

    async fn settle(&self) -> Vec<String> {
        tokio::time::sleep(LIST_INTERVAL + RETRY_DELAY + LIST_INTERVAL).await;
        std::mem::take(&mut *self.delivered.lock().unwrap())
    }

    fn reported(&self) -> Vec<(State, Option<String>, i64)> {
        let report = self.report.lock().unwrap().clone().unwrap();
        report.mappings.iter().map(|mapping| (mapping.state, mapping.reason.clone(), mapping.lag())).collect()
    }
}

/// A mapping named after its topic.
fn listed(topic: &str, batch_size: usize) -> Listed {
    let mapping = Mapping { batch_size, ..Mapping::new(topic, "ingest", "b:9092", topic) };
    Listed { uuid: topic.to_owned(), is_enabled: true, mapping: Ok(mapping) }
}

#[tokio::test(start_paused = true)]
async fn serves_every_mapping_that_is_listed_and_none_that_is_gone() {
    let world = World::start();
    world.make_topic("a");
    world.make_topic("b");
    world.list(vec![listed("a", 1), listed("b", 1)]).await;
    assert_eq!(world.produce("a").await, ["a by 1"]);
    assert_eq!(world.produce("b").await, ["b by 1"]);
    world.list(vec![listed("b", 1)]).await;
    assert!(world.produce("a").await.is_empty());
    assert_eq!(world.produce("b").await, ["b by 1"]);
    assert_eq!(world.reported(), [(State::Serving, None, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_changes_is_served_with_its_new_settings() {
    let world = World::start();
    world.make_topic("a");
    world.list(vec![listed("a", 1)]).await;
    assert_eq!(world.produce("a").await, ["a by 1"]);
    world.list(vec![listed("a", 2)]).await;
    assert_eq!(world.produce("a").await, ["a by 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_mapping_waits_and_goes_on_where_it_was() {
    let world = World::start();
    world.make_topic("a");
    world.list(vec![Listed { is_enabled: false, ..listed("a", 1) }]).await;
    assert!(world.produce("a").await.is_empty());
    assert_eq!(world.reported(), [(State::Disabled, None, 0)]);
    assert_eq!(world.list(vec![listed("a", 1)]).await, ["a by 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_of_an_unknown_topic_says_so_and_is_served_once_the_topic_is_there() {
    let world = World::start();
    world.make_topic("b");
    world.list(vec![listed("a", 1), listed("b", 1)]).await;
    let failed = (State::Failed, Some("no such topic".to_owned()), 0);
    assert_eq!(world.reported(), [failed, (State::Serving, None, 0)]);
    assert_eq!(world.produce("b").await, ["b by 1"], "its neighbour is served");
    world.make_topic("a");
    assert_eq!(world.produce("a").await, ["a by 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_cannot_be_served_says_why() {
    let world = World::start();
    world.list(vec![Listed { mapping: Err(vec!["two topics".to_owned()]), ..listed("a", 1) }]).await;
    assert_eq!(world.reported(), [(State::Refused, Some("two topics".to_owned()), 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_served_goes_on_while_the_list_cannot_be_read() {
    let world = World::start();
    world.make_topic("a");
    world.list(vec![listed("a", 1)]).await;
    *world.list.lock().unwrap() = Err("out of order".to_owned());
    world.settle().await;
    assert_eq!(world.produce("a").await, ["a by 1"]);
    assert_eq!(world.report.lock().unwrap().as_ref().unwrap().unreadable.as_deref(), Some("out of order"));
    world.list(vec![listed("a", 1)]).await;
    assert_eq!(world.report.lock().unwrap().as_ref().unwrap().unreadable, None);
}

#[tokio::test(start_paused = true)]
async fn reports_how_many_records_wait() {
    let world = World::start();
    world.make_topic("a");
    let waiting = |mapping| Mapping { batching_window: Duration::from_secs(300), batch_size: 9, ..mapping };
    world.list(vec![Listed { mapping: listed("a", 9).mapping.map(waiting), ..listed("a", 9) }]).await;
    assert!(world.produce("a").await.is_empty());
    assert_eq!(world.reported(), [(State::Serving, None, 1)]);
}
