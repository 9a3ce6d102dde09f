//! The whole path on the store: by the functions' release binaries, by `penstock run` and `replay`; all are killed at work.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use penstock_core::keys;
use penstock_producer::{Expected, Generator, Shape};
use penstock_tests::binaries;
use penstock_tests::events::{Topic, iot, payload};
use penstock_tests::kill::{kill_and_continue, length_of, moments, run};
use penstock_tests::lambda::{Answer, Deadline, Environment, FunctionConfig};
use penstock_tests::random::Random;
use penstock_tests::reading::Reading;
use serde_json::{Value, json};

use crate::place::Place;

/// What the processes need to know of the store.
const AWS: [&str; 4] = ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The audit finds nothing, and a reader who globs sees what was sent, each event once.
async fn assert_complete(place: &Place, expected: &Expected) -> Reading {
    run(&["audit", "--lake", &place.url()]).await;
    let reading = Reading::of_store(&*place.store().await).await;
    assert_eq!(reading.ids_each_once().len() as u64, expected.distinct());
    assert_eq!(reading.rejects().len() as u64, expected.malformed);
    reading
}

/// A function whose process is killed at every third invocation, at any point of it.
struct Killed {
    config: FunctionConfig,
    environment: Environment,
    random: Random,
    kills: usize,
}

impl Killed {
    async fn start(name: &str, place: &Place) -> Self {
        let config = FunctionConfig::new(name, binaries::function(name), Path::new("/"));
        let config = AWS.iter().fold(config.with("PENSTOCK_LAKE", &place.url()), |config, name| {
            config.with(name, &std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set")))
        });
        let environment = Environment::start(&config).await;
        Self { config, environment, random: Random::seeded(3), kills: 0 }
    }

    /// Delivers until a process has answered, as a mapping and a schedule do.
    async fn deliver(&mut self, event: &Bytes) -> Value {
        loop {
            let (_, answer) = self.environment.begin(event.clone(), Deadline::InAMinute).await;
            if self.random.once_in(3) {
                // Not for timing: any point of the invocation will do, and its end as well.
                tokio::time::sleep(Duration::from_millis(self.random.below(30) as u64)).await;
                self.environment.kill().await;
            }
            let answer = answer.await;
            if self.environment.has_exited() {
                self.kills += usize::from(answer == Answer::Exited);
                self.environment = Environment::start(&self.config).await;
            } else {
                return answer.response();
            }
        }
    }
}

fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_micros()).unwrap()
}

#[tokio::test]
async fn functions_that_are_killed_leave_nothing_out_and_nothing_twice() {
    const EVENTS: u64 = 30_000;
    let place = Place::new("functions").await;
    let shape = Shape {
        events: EVENTS,
        duplicates: 0.02,
        malformed: 0.01,
        // Functions look at the clock.
        start_time_us: now() - 600_000_000,
        spacing_nanos: 600_000_000_000 / EVENTS,
        ..Shape::default()
    };
    let topic = Topic::generated(&shape, 3);
    let (mut ingest, mut refine) = (Killed::start("ingest", &place).await, Killed::start("refine", &place).await);
    let mut landed = 0;
    for (number, batch) in topic.batches(500).into_iter().enumerate() {
        landed += ingest.deliver(&payload(&batch)).await["received"].as_u64().unwrap();
        if number % 5 == 0 {
            refine.deliver(&"{}".into()).await;
        }
    }
    while refine.deliver(&"{}".into()).await["cuts"] != json!([]) {}
    println!("{landed} records, ingest killed {} times at work, refine {} times", ingest.kills, refine.kills);
    assert!(0 < ingest.kills && 0 < refine.kills, "none was killed while it was at work");
    assert_complete(&place, &topic.expected).await;
}

/// How many events the windows count. When they begin depends on when the run did.
fn windows_hold(reading: &Reading) -> u64 {
    let counted: i64 = reading.windows_total().values().map(|total| total.count).sum();
    counted.unsigned_abs()
}

const RUN_EVENTS: u64 = 200_000;

fn command(place: &Place) -> Vec<String> {
    let (events, lake) = (RUN_EVENTS.to_string(), place.url());
    ["run", "--events", &events, "--late", "0.02", "--redeliver", "0.1", "--lake", &lake].map(str::to_owned).into()
}

/// What `penstock run` made up.
fn expected() -> Expected {
    let shape = Shape { events: RUN_EVENTS, late: 0.02, start_time_us: 1_767_225_600_000_000, ..Shape::default() };
    Generator::new(&iot(), &shape).unwrap().expected()
}

#[tokio::test]
async fn a_run_that_is_killed_and_continued_leaves_nothing_out_and_nothing_twice() {
    const KILLS: usize = 6;
    let expected = expected();
    let whole = Place::new("run-whole").await;
    let length = length_of(&command(&whole)).await;
    let straight = assert_complete(&whole, &expected).await;

    let place = Place::new("run-killed").await;
    let has_finished = async || place.store().await.get(&keys::run_finished("iot", 0)).await.is_ok();
    let moments = moments(length / 2, KILLS, &mut Random::seeded(7));
    let kills = kill_and_continue(&command(&place), &moments, has_finished).await;
    println!("{RUN_EVENTS} events in {length:?} without a kill; killed {kills} times");
    assert!(0 < kills, "it was never killed");
    let killed = assert_complete(&place, &expected).await;
    assert!(killed.silver_ids() == straight.silver_ids(), "other events than without a kill");
    assert_eq!(windows_hold(&killed), expected.distinct(), "every window is closed and whole");
}

#[tokio::test]
async fn a_replay_that_is_killed_and_continued_leaves_nothing_out_and_nothing_twice() {
    const KILLS: usize = 6;
    let source = Place::new("replay-source").await;
    run(&command(&source)).await;
    let replay = |target: &Place| ["replay", "--lake", &source.url(), "--into", &target.url()].map(str::to_owned);
    let whole = Place::new("replay-whole").await;
    let length = length_of(&replay(&whole)).await;

    let target = Place::new("replay-killed").await;
    let moments = moments(length / 2, KILLS, &mut Random::seeded(9));
    let kills = kill_and_continue(&replay(&target), &moments, async || false).await;
    println!("replayed in {length:?} without a kill; killed {kills} times");
    assert!(0 < kills, "it was never killed");
    for place in [&whole, &target] {
        let replayed = assert_complete(place, &expected()).await;
        assert!(replayed.silver_rows() == Reading::of_store(&*source.store().await).await.silver_rows());
    }
}
