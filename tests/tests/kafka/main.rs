//! The main job on a real broker with the real binaries: a million events go from the producer through Kafka and the trigger
//! to functions that are killed, behind a trigger that is killed and stopped, into a lake that holds each event once.
//! `PENSTOCK_TEST_BROKERS` says where the broker is; `make test-kafka` starts one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the machine for its time and environment"
)]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use penstock_producer::Report;
use penstock_tests::binaries;
use penstock_tests::lambda::{Deadline, Environment, FunctionConfig, Service};
use penstock_tests::reading::Reading;
use serde_json::json;
use tokio::process::{Child, Command};

const EVENTS: u64 = 1_000_000;
const PARTITIONS: u32 = 6;

/// So many that there are some 200 invocations, in which things can happen.
const BATCH_SIZE: u32 = 5000;

/// How many functions run at once: as many as the trigger's pollers.
const CONCURRENCY: usize = 4;

fn brokers() -> String {
    std::env::var("PENSTOCK_TEST_BROKERS")
        .expect("PENSTOCK_TEST_BROKERS is not set: `make test-kafka` starts a broker and sets it")
}

/// A name that no test has used on this broker.
fn new_topic() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("test-{nanos}")
}

fn tool(name: &str, arguments: &str) -> Command {
    let mut command = Command::new(binaries::tool(name));
    command.args(arguments.split_whitespace()).env("RUST_LOG", "error");
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command
}

fn produce(topic: &str, events: u64, report: &Path) -> Child {
    let arguments = format!(
        "--brokers {} --topic {topic} --partitions {PARTITIONS} --events {events} --report {}",
        brokers(),
        report.display()
    );
    tool("penstock-producer", &arguments).stderr(Stdio::null()).spawn().unwrap()
}

fn trigger(topic: &str, service: &Service, more: &str) -> Child {
    let arguments = format!(
        "--brokers {} --topic {topic} --invoke {} --function ingest --batch-size {BATCH_SIZE} {more}",
        brokers(),
        service.url()
    );
    tool("penstock-trigger", &arguments).spawn().unwrap()
}

/// What `docker stop` and Ctrl-C do: the trigger ends in order.
async fn stop(mut trigger: Child) {
    let pid = trigger.id().expect("it still runs");
    assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().await.unwrap().success());
    assert!(trigger.wait().await.unwrap().success());
}

async fn succeeds(mut child: Child) {
    let status = child.wait().await.unwrap();
    assert!(status.success(), "{status}");
}

/// Refines every second, as a schedule does every minute, until it is told that no more will come; then to the end.
/// One of its processes is killed at work.
async fn refine(lake: &Path, mut last: tokio::sync::oneshot::Receiver<()>) {
    let config = FunctionConfig::new("refine", binaries::function("refine"), lake);
    let mut refine = Environment::start(&config).await;
    let mut is_last = false;
    for run in 0.. {
        let (_, answer) = refine.begin("{}".into(), Deadline::InAMinute).await;
        if run == 3 {
            refine.kill().await;
            refine = Environment::start(&config).await;
            continue;
        }
        let answer = answer.await.response();
        if is_last && answer["cuts"] == json!([]) {
            return;
        }
        tokio::select! {
            _ = &mut last, if !is_last => is_last = true,
            () = tokio::time::sleep(Duration::from_secs(1)), if !is_last => {}
            else => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_events_land_once_though_triggers_and_functions_are_stopped_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, report) = (folder.path().join("lake"), folder.path().join("report.json"));
    let topic = new_topic();
    // Built before the clock starts.
    binaries::tool("penstock-trigger");
    let config = FunctionConfig::new("ingest", binaries::function("ingest"), &lake);
    let service = Service::start(config, CONCURRENCY).await;
    let (no_more, last) = tokio::sync::oneshot::channel();
    let refining = tokio::spawn({
        let lake = lake.clone();
        async move { refine(&lake, last).await }
    });
    let began = Instant::now();

    // The first trigger needs a topic.
    succeeds(produce(&topic, 0, &folder.path().join("nothing.json"))).await;
    let producing = produce(&topic, EVENTS, &report);
    let mut killed = trigger(&topic, &service, "");
    service.wait_for_invocations(20).await;
    service.kill_next();
    service.wait_for_invocations(50).await;
    killed.kill().await.unwrap();
    // The killed one is still a member of its group for a while, in which nothing comes.
    let stopped = trigger(&topic, &service, "");
    service.wait_for_invocations(100).await;
    service.kill_next();
    stop(stopped).await;
    succeeds(producing).await;
    succeeds(trigger(&topic, &service, "--drain")).await;
    no_more.send(()).unwrap();
    refining.await.unwrap();

    let totals = service.totals();
    println!("{EVENTS} events in {:?}, ingest: {totals:?}", began.elapsed());
    assert_eq!((totals.exits, totals.errors), (2, 0), "two processes were killed, and nothing else failed");
    assert_complete(&lake, &report).await;
}

/// The whole path in one process, with Kafka as its log; the second run goes on where the first one ended.
#[tokio::test]
async fn penstock_run_takes_kafka_as_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let topic = new_topic();
    for (run, distinct_events) in [(1, 20_000), (2, 40_000)] {
        let arguments = format!(
            "run --brokers {} --topic {topic} --lake {} --events 20000 --seed {run} --duplicates 0 --malformed 0",
            brokers(),
            folder.path().display()
        );
        let ended = tool("penstock", &arguments).stderr(Stdio::piped()).output().await.unwrap();
        assert!(ended.status.success(), "run {run}: {}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(Reading::of_directory(folder.path()).ids_each_once().len(), distinct_events);
    }
}

async fn assert_complete(lake: &Path, report: &Path) {
    let arguments = format!("audit --lake {} --brokers {} --sent {}", lake.display(), brokers(), report.display());
    let audit = tool("penstock", &arguments).stdout(Stdio::piped()).output().await.unwrap();
    let says = String::from_utf8_lossy(&audit.stdout);
    assert!(audit.status.success(), "the audit says:\n{says}");
    println!("{says}");

    let report: Report = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!((report.sent, report.failed), (EVENTS, 0));
    let reading = Reading::of_directory(lake);
    assert_eq!(reading.ids_each_once().len() as u64, report.sent - report.malformed - report.duplicates);
    assert_eq!(reading.rejects().len() as u64, report.malformed);
}
