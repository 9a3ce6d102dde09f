//! The contract between Lambda and the functions, with their release binaries: what they are asked through the Runtime API,
//! what they answer, and what is in the lake when processes run side by side or are killed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures::future::join_all;
use penstock_producer::Shape;
use penstock_tests::binaries;
use penstock_tests::events::{Topic, event, event_id, payload, record};
use penstock_tests::lambda::{Answer, Deadline, Environment, FunctionConfig};
use penstock_tests::random::Random;
use penstock_tests::reading::Reading;
use penstock_trigger::log::LogRecord;
use serde_json::json;
use tempfile::TempDir;

/// What a rule of EventBridge sends every minute.
const SCHEDULED_EVENT: &str = r#"{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event",
    "source":"aws.events","account":"123456789012","time":"2026-11-21T12:00:00Z","region":"us-east-1",
    "resources":["arn:aws:events:us-east-1:123456789012:rule/refine"],"detail":{}}"#;

/// A user without rights: `nobody`.
const NOBODY: u32 = 65_534;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn ingest_config(lake: &Path) -> FunctionConfig {
    FunctionConfig::new("ingest", binaries::function("ingest"), lake)
}

async fn ingest(lake: &Path) -> Environment {
    Environment::start(&ingest_config(lake)).await
}

async fn refine(lake: &Path) -> Environment {
    Environment::start(&FunctionConfig::new("refine", binaries::function("refine"), lake)).await
}

/// Events of the last ten minutes, because functions look at the clock.
fn topic(events: u64) -> Topic {
    let shape = Shape {
        events,
        duplicates: 0.02,
        malformed: 0.01,
        start_time_us: now() - 600_000_000,
        spacing_nanos: 600_000_000_000 / events,
        ..Shape::default()
    };
    Topic::generated(&shape, 3)
}

/// Epoch microseconds.
fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_micros()).unwrap()
}

/// One valid record at an offset of partition 0.
fn one(offset: u64) -> LogRecord {
    let value = event(offset, "device", now());
    record(0, i64::try_from(offset).unwrap(), now() / 1000, value)
}

fn number(answer: &serde_json::Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {answer}"))
}

/// The kind and the message of an error.
fn error(answer: Answer) -> (String, String) {
    match answer {
        Answer::Error { kind, message } => (kind, message),
        other => panic!("expected an error, got {other:?}"),
    }
}

fn assert_misconfigured(answer: Answer, says: &[&str]) {
    let (kind, message) = error(answer);
    assert_eq!(kind, "Misconfigured", "{message}");
    for part in says {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

/// Refines until nothing is left to do. Windows may stay open.
async fn refine_all(refine: &Environment) {
    while refine.invoke(SCHEDULED_EVENT).await.response()["cuts"] != json!([]) {}
}

/// The audit finds nothing, and a reader who globs sees each event once.
fn assert_complete(lake: &Path, topic: &Topic) {
    let audit = Command::new(binaries::penstock()).args(["audit", "--lake"]).arg(lake).output().unwrap();
    assert!(audit.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&audit.stdout));
    let reading = Reading::of_directory(lake);
    assert_eq!(reading.ids_each_once().len() as u64, topic.expected.distinct());
    assert_eq!(reading.rejects().len() as u64, topic.expected.malformed);
}

#[tokio::test]
async fn one_invocation_lands_and_a_schedule_refines_it() {
    let lake = folder();
    let (topic, ingest) = (topic(300), ingest(lake.path()).await);
    let answer = ingest.invoke(payload(&topic.partitions.concat())).await.response();
    let rejected = topic.expected.malformed;
    assert_eq!(
        ["received", "landed", "trimmed", "rejected"].map(|name| number(&answer, name)),
        [300, 300, 0, rejected],
        "{answer}"
    );
    let refine = refine(lake.path()).await;
    assert_eq!(refine.invoke(SCHEDULED_EVENT).await.response(), json!({ "cuts": [1], "behind": false }));
    assert_eq!(refine.invoke(SCHEDULED_EVENT).await.response(), json!({ "cuts": [], "behind": false }));
    assert_complete(lake.path(), &topic);
}

#[tokio::test]
async fn many_invocations_go_through_one_process() {
    let lake = folder();
    let (topic, ingest) = (topic(3000), ingest(lake.path()).await);
    let mut landed = 0;
    for batch in topic.batches(50) {
        let answer = ingest.invoke(payload(&batch)).await.response();
        let again = ingest.invoke(payload(&batch)).await.response();
        assert_eq!((number(&again, "landed"), number(&again, "trimmed")), (0, batch.len() as u64), "{again}");
        landed += number(&answer, "landed");
    }
    assert_eq!(landed, 3000);
    refine_all(&refine(lake.path()).await).await;
    assert_complete(lake.path(), &topic);
}

#[tokio::test]
async fn a_payload_that_is_no_event_is_refused_and_the_process_lives_on() {
    let lake = folder();
    let ingest = ingest(lake.path()).await;
    for (offset, wrong) in [
        "{}",
        "[]",
        "7",
        SCHEDULED_EVENT,
        r#"{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"a"}}}]}"#,
        r#"{"eventSource":"aws:kafka","records":{"events-0":[{"topic":"events","partition":0}]}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        assert_misconfigured(ingest.invoke(wrong).await, &["event"]);
        let answer = ingest.invoke(payload(&[one(offset as u64)])).await.response();
        assert_eq!(number(&answer, "landed"), 1, "after {wrong}");
    }
    // The Runtime API promises JSON; what is none hurts nobody either.
    assert_misconfigured(ingest.invoke("{\"eventSource\":").await, &["breaks off"]);
    assert_eq!(number(&ingest.invoke(payload(&[one(6)])).await.response(), "landed"), 1);
}

#[tokio::test]
async fn wrong_settings_are_told_to_every_invocation_all_at_once() {
    for name in ["ingest", "refine"] {
        let lake = folder();
        let config = FunctionConfig::new(name, binaries::function(name), lake.path())
            .with("PENSTOCK_LAKE", "gs://elsewhere")
            .with("PENSTOCK_DATASET", "no-such")
            .with("PENSTOCK_EPOCH", "first");
        let environment = Environment::start(&config).await;
        for _ in 0..2 {
            let says = ["PENSTOCK_LAKE", "gs://elsewhere", "PENSTOCK_DATASET", "no-such", "PENSTOCK_EPOCH", "first"];
            assert_misconfigured(environment.invoke(payload(&[one(0)])).await, &says);
        }
    }
}

#[tokio::test]
async fn a_deadline_in_the_past_means_that_there_is_none() {
    let lake = folder();
    let (ingest, refine) = (ingest(lake.path()).await, refine(lake.path()).await);
    let landed = ingest.invoke_until(payload(&[one(0)]), Deadline::In1970).await.response();
    assert_eq!(number(&landed, "landed"), 1);
    let refined = refine.invoke_until(SCHEDULED_EVENT, Deadline::In1970).await.response();
    assert_eq!(refined, json!({ "cuts": [1], "behind": false }));
}

#[tokio::test]
async fn several_processes_land_the_same_and_overlapping_batches_at_once() {
    let lake = folder();
    let topic = topic(4000);
    let deliver_all = async |length: usize| {
        let ingest = ingest(lake.path()).await;
        let mut landed = 0;
        for batch in topic.batches(length) {
            landed += number(&ingest.invoke(payload(&batch)).await.response(), "landed");
        }
        landed
    };
    let landed: u64 = join_all([90, 90, 140, 230].map(deliver_all)).await.into_iter().sum();
    assert_eq!(landed, 4000, "each record lands by exactly one of the processes");
    refine_all(&refine(lake.path()).await).await;
    assert_complete(lake.path(), &topic);
}

#[tokio::test]
async fn several_refines_at_once_pour_each_cut_once() {
    let lake = folder();
    let topic = topic(3000);
    let ingest = ingest(lake.path()).await;
    let refines = [refine(lake.path()).await, refine(lake.path()).await, refine(lake.path()).await];
    for batch in topic.batches(200) {
        ingest.invoke(payload(&batch)).await.response();
        for answer in join_all(refines.each_ref().map(|refine| refine.invoke(SCHEDULED_EVENT))).await {
            answer.response();
        }
    }
    refine_all(&refines[0]).await;
    assert_complete(lake.path(), &topic);
}

#[tokio::test]
async fn what_a_killed_process_left_is_delivered_again_to_another() {
    let lake = folder();
    let topic = topic(4000);
    let mut random = Random::seeded(5);
    let mut ingest_kills = Killer::new(ingest(lake.path()).await);
    let mut refine_kills = Killer::new(refine(lake.path()).await);
    for batch in topic.batches(60) {
        while ingest_kills.invoke_or_kill(payload(&batch), &mut random).await == Answer::Exited {
            ingest_kills.environment = ingest(lake.path()).await;
        }
        while refine_kills.invoke_or_kill(SCHEDULED_EVENT.into(), &mut random).await == Answer::Exited {
            refine_kills.environment = refine(lake.path()).await;
        }
    }
    assert!(0 < ingest_kills.kills && 0 < refine_kills.kills, "none was killed while it was at work");
    refine_all(&refine_kills.environment).await;
    assert_complete(lake.path(), &topic);
}

/// Kills its process in the middle of every third invocation, at any point of it.
struct Killer {
    environment: Environment,
    kills: usize,
}

impl Killer {
    const fn new(environment: Environment) -> Self {
        Self { environment, kills: 0 }
    }

    async fn invoke_or_kill(&mut self, payload: bytes::Bytes, random: &mut Random) -> Answer {
        let (taken, answer) = self.environment.begin(payload, Deadline::InAMinute).await;
        assert!(taken, "a process that was not killed takes its invocation");
        if random.once_in(3) {
            // Not for timing: any point of the invocation will do, and its end as well.
            tokio::time::sleep(Duration::from_millis(random.below(6) as u64)).await;
            self.environment.kill().await;
        }
        let answer = answer.await;
        match &answer {
            Answer::Exited => self.kills += 1,
            Answer::Response(_) if self.environment.has_exited() => return Answer::Exited,
            Answer::Response(_) => {}
            Answer::Error { kind, message } => panic!("{kind}: {message}"),
        }
        answer
    }
}

#[tokio::test]
async fn a_lake_that_cannot_be_written_is_a_clear_error_and_a_mended_one_needs_no_restart() {
    let folder = folder();
    // Folders keep root from nothing, so a root that runs the tests lets nobody run the function.
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let lake = folder.path().join("lake");
    fs::create_dir(&lake).unwrap();
    fs::set_permissions(&lake, fs::Permissions::from_mode(0o555)).unwrap();
    let binary: PathBuf = folder.path().join("ingest");
    fs::copy(binaries::function("ingest"), &binary).unwrap();
    let config = FunctionConfig { user: is_root.then_some(NOBODY), ..FunctionConfig::new("ingest", binary, &lake) };
    let ingest = Environment::start(&config).await;
    for _ in 0..2 {
        assert_misconfigured(ingest.invoke(payload(&[one(0)])).await, &[lake.to_str().unwrap(), "ermission"]);
    }
    assert_eq!(fs::read_dir(&lake).unwrap().count(), 0);
    fs::set_permissions(&lake, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(number(&ingest.invoke(payload(&[one(0)])).await.response(), "landed"), 1);
}

#[tokio::test]
async fn a_lake_where_a_file_stands_is_a_clear_error() {
    let folder = folder();
    let file = folder.path().join("lake");
    fs::write(&file, "mine").unwrap();
    assert_misconfigured(ingest(&file).await.invoke(payload(&[one(0)])).await, &[file.to_str().unwrap()]);
    assert_misconfigured(refine(&file).await.invoke(SCHEDULED_EVENT).await, &[file.to_str().unwrap()]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn a_lake_of_another_format_is_left_as_it_is() {
    let lake = folder();
    let format = lake.path().join("_penstock/format.json");
    fs::create_dir(lake.path().join("_penstock")).unwrap();
    for (content, says) in [(r#"{"format":2}"#, "format 2"), ("no json", "cannot be understood")] {
        fs::write(&format, content).unwrap();
        assert_misconfigured(
            ingest(lake.path()).await.invoke(payload(&[one(0)])).await,
            &[says, "nothing was changed"],
        );
        assert_misconfigured(refine(lake.path()).await.invoke(SCHEDULED_EVENT).await, &[says, "nothing was changed"]);
        assert_eq!(fs::read_to_string(&format).unwrap(), content);
        assert!(!lake.path().join("raw").exists());
    }
}

#[tokio::test]
async fn a_hole_stops_its_partition_and_no_other() {
    let lake = folder();
    let ingest = ingest(lake.path()).await;
    assert_eq!(number(&ingest.invoke(payload(&[one(0)])).await.response(), "landed"), 1);
    let other = record(1, 0, now() / 1000, event(7, "device", now()));
    assert_misconfigured(
        ingest.invoke(payload(&[one(2), other.clone()])).await,
        &["partition 0", "penstock gaps declare"],
    );
    // The other partition landed, and the answer to what is missing is to bring it.
    let answer = ingest.invoke(payload(&[one(1), one(2), other])).await.response();
    assert_eq!([number(&answer, "landed"), number(&answer, "trimmed")], [2, 1]);
    refine_all(&refine(lake.path()).await).await;
    let expect = [0, 1, 2, 7].map(event_id);
    assert_eq!(Reading::of_directory(lake.path()).silver_ids(), expect);
}

/// The example payloads that CONTRIBUTING.md calls functions with.
#[tokio::test]
async fn the_example_payloads_are_answered() {
    let lake = folder();
    let example = |name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let ingest = Environment::start(&ingest_config(lake.path()).with("PENSTOCK_DATASET", "user_actions")).await;
    for (name, received) in [("kafka.json", 5), ("kinesis.json", 3)] {
        let answer = ingest.invoke(example(name)).await.response();
        let counts = ["received", "landed", "rejected"].map(|count| number(&answer, count));
        assert_eq!(counts, [received, received, 1], "{name}: {answer}");
        let again = ingest.invoke(example(name)).await.response();
        assert_eq!((number(&again, "landed"), number(&again, "trimmed")), (0, received), "{name}: {again}");
    }
    let config = FunctionConfig::new("refine", binaries::function("refine"), lake.path());
    let refine = Environment::start(&config.with("PENSTOCK_DATASET", "user_actions")).await;
    assert_eq!(refine.invoke(example("refine.json")).await.response(), json!({ "cuts": [1], "behind": false }));
}
