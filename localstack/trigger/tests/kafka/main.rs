//! The same promises against a real broker. `PENSTOCK_TEST_BROKERS` says where it is; `make test-kafka` starts one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use penstock_trigger::destination::{Destination, KafkaDestination};
use penstock_trigger::invoke::{Invoker, from_fn};
use penstock_trigger::kafka::KafkaLog;
use penstock_trigger::log::{Log, LogError, Position};
use penstock_trigger::mapping::{Failures, Mapping, OnFailure, Pollers, StartingPosition, Until};
use penstock_trigger::{Served, Trigger, TriggerError, serve};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use scene::{Function, Topic, brokers, partition, range, records, runs, until};

async fn run(mapping: &Mapping, invoker: Arc<dyn Invoker>, stop: impl Future<Output = ()> + Send) -> Served {
    let log = Arc::new(KafkaLog::new(mapping, &[]).unwrap());
    serve(mapping, log, invoker, stop).await.unwrap()
}

async fn drain(mapping: &Mapping, function: &Function) -> Served {
    let mapping = Mapping { until: Until::Drained, ..mapping.clone() };
    run(&mapping, function.invoker(&[]), pending()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_topic_goes_out_in_order() {
    let (topic, function) = (Topic::new(6).await, Function::default());
    (0..6).for_each(|partition| topic.send(partition, 5_000 * partition as usize));
    topic.acknowledged().await;
    let mapping = Mapping { batch_size: 1_000, ..topic.mapping() };
    let served = drain(&mapping, &function).await;
    for partition in 0..6 {
        let end = 5_000 * i64::from(partition);
        assert_eq!(function.delivered(partition), range(0, end));
        let committed = served.partitions.get(&partition).and_then(|partition| partition.committed);
        assert_eq!(committed, (end > 0).then_some(end));
    }
    assert_eq!((served.polled, served.delivered, served.failed_invocations), (75_000, 75_000, 0));
    let again = drain(&mapping, &function).await;
    assert_eq!((again.polled, again.invocations), (0, 0), "all of it was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_arrives_as_it_was_sent() {
    let topic = Topic::new(1).await;
    let header = |key, value| Header { key, value };
    let headers = OwnedHeaders::new().insert(header("h", Some(&b"h\xc3e"[..]))).insert(header("h", None));
    let full = FutureRecord::to(&topic.name).key("dev-1").payload(&b"\x00\xff"[..]).timestamp(1_545_084_650_987);
    topic.send_record(full.headers(headers));
    let tombstone = FutureRecord::<_, [u8]>::to(&topic.name).key("").timestamp(5);
    topic.send_record(tombstone);
    let bare = FutureRecord::<(), _>::to(&topic.name).payload("").timestamp(6);
    topic.send_record(bare);
    topic.acknowledged().await;

    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let invoker = from_fn(move |payload: Bytes| {
        keep.lock().unwrap().extend(records(&payload));
        async { Ok(Bytes::new()) }
    });
    run(&Mapping { until: Until::Drained, ..topic.mapping() }, Arc::new(invoker), pending()).await;
    let name = &topic.name;
    let expect = serde_json::json!([
        {"topic": name, "partition": 0, "offset": 0, "timestamp": 1_545_084_650_987_i64, "timestampType": "CREATE_TIME",
         "key": "ZGV2LTE=", "value": "AP8=", "headers": [{"h": [104, -61, 101]}, {"h": []}]},
        {"topic": name, "partition": 0, "offset": 1, "timestamp": 5, "timestampType": "CREATE_TIME",
         "key": "", "value": null, "headers": []},
        {"topic": name, "partition": 0, "offset": 2, "timestamp": 6, "timestampType": "CREATE_TIME",
         "value": "", "headers": []},
    ]);
    assert_eq!(Value::from(seen.lock().unwrap().clone()), expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_at_the_commits() {
    let (topic, function) = (Topic::new(3).await, Function::default());
    (0..3).for_each(|partition| topic.send(partition, 10_000));
    topic.acknowledged().await;
    let mapping = Mapping { batch_size: 500, ..topic.mapping() };
    let calls = Arc::clone(&function.calls);
    let first = run(&mapping, function.invoker(&[]), until(move || calls.load(Ordering::Relaxed) >= 10)).await;
    let second = drain(&mapping, &function).await;
    for partition in 0..3 {
        assert_eq!(function.delivered(partition), range(0, 10_000), "none lost, and none again after a clean stop");
    }
    assert_eq!(first.delivered + second.delivered, 30_000);
    assert!(first.delivered >= 5_000 && second.delivered > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_how_far_it_is() {
    let (topic, function) = (Topic::new(2).await, Function::default());
    topic.send(1, 5);
    topic.acknowledged().await;
    let positions = async || KafkaLog::new(&topic.mapping(), &[]).unwrap().positions().await.unwrap();
    let position = |next, end| Position { next, end };
    assert_eq!(positions().await, BTreeMap::from([(0, position(0, 0)), (1, position(0, 5))]));
    drain(&topic.mapping(), &function).await;
    topic.send(1, 2);
    topic.acknowledged().await;
    assert_eq!(positions().await, BTreeMap::from([(0, position(0, 0)), (1, position(5, 7))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_begins_where_the_group_was_first_started() {
    let (topic, function) = (Topic::new(2).await, Function::default());
    topic.send(0, 100);
    topic.acknowledged().await;
    let mapping = Mapping { start: StartingPosition::Latest, ..topic.mapping() };
    assert_eq!(drain(&mapping, &function).await.polled, 0);
    topic.send(0, 50);
    topic.send(1, 7);
    topic.acknowledged().await;
    drain(&mapping, &function).await;
    assert_eq!((function.delivered(0), function.delivered(1)), (range(100, 150), range(0, 7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_finds_its_first_record() {
    let (topic, function) = (Topic::new(3).await, Function::default());
    topic.send(0, 100);
    topic.send(1, 20);
    topic.acknowledged().await;
    let mapping = Mapping { start: StartingPosition::AtTimestamp(1_040), ..topic.mapping() };
    drain(&mapping, &function).await;
    assert_eq!(function.delivered(0), range(40, 100));
    assert_eq!(function.delivered(1), range(0, 0), "all its records are older");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_fails_for_ever_holds_back_no_other() {
    let (topic, function) = (Topic::new(3).await, Function::default());
    (0..3).for_each(|partition| topic.send(partition, 40_000));
    topic.acknowledged().await;
    // One poller, so that the failing batch would be in everybody's way.
    let mapping = Mapping { batch_size: 1_000, pollers: Pollers::OnDemand(1), ..topic.mapping() };
    let others = function.clone();
    let done = until(move || (1..3).all(|partition| others.offsets(partition).len() >= 40_000));
    let served = run(&mapping, function.invoker(&[0]), done).await;
    for partition in 1..3 {
        assert_eq!(function.delivered(partition), range(0, 40_000));
    }
    assert!(!served.partitions.contains_key(&0) && served.failed_invocations > 0);
    assert!(served.polled < 120_000, "reading the failing partition pauses: {}", served.polled);
    drain(&mapping, &function).await;
    assert_eq!(function.delivered(0), range(0, 40_000), "once the function is mended, all of it comes");
}

/// A mapping in provisioned mode that gives up to another topic what fails once.
fn giving_up(topic: &Topic, failed: &str) -> Mapping {
    Mapping {
        batch_size: 4,
        pollers: Pollers::Provisioned { minimum: 1, maximum: 4 },
        failures: Failures {
            maximum_retry_attempts: Some(0),
            destination: Some(OnFailure::Kafka { topic: failed.to_owned() }),
            ..Failures::default()
        },
        until: Until::Drained,
        ..topic.mapping()
    }
}

async fn run_giving_up(
    mapping: &Mapping,
    failed: &str,
    function: &Function,
    stop: impl Future<Output = ()> + Send,
) -> Served {
    let log = Arc::new(KafkaLog::new(mapping, &[]).unwrap());
    let destination: Arc<dyn Destination> = Arc::new(KafkaDestination::new(failed, mapping, &[]).unwrap());
    Trigger::new(mapping, log, function.invoker(&[0])).on_failure(destination).serve(stop).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_goes_to_a_topic_record_by_record() {
    let (topic, failed, function) = (Topic::new(2).await, Topic::new(3).await, Function::default());
    for index in 0..10 {
        let value = format!("value {index}");
        topic.send_record(FutureRecord::to(&topic.name).partition(0).key("dev-1").payload(&value).timestamp(1_000));
    }
    topic.send(1, 10);
    topic.acknowledged().await;
    let served = run_giving_up(&giving_up(&topic, &failed.name), &failed.name, &function, pending()).await;
    assert_eq!((served.delivered, served.discarded), (10, 10));
    assert_eq!((served.partitions[&0].committed, served.partitions[&1].committed), (Some(10), Some(10)));

    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let invoker = from_fn(move |payload: Bytes| {
        keep.lock().unwrap().extend(records(&payload));
        async { Ok(Bytes::new()) }
    });
    run(&Mapping { until: Until::Drained, ..failed.mapping() }, Arc::new(invoker), pending()).await;
    let kept = kept.lock().unwrap();
    // One key goes to one partition, so the order is kept.
    let partitions: BTreeSet<i32> = kept.iter().map(partition).collect();
    assert_eq!((kept.len(), partitions.len()), (10, 1));
    for (offset, record) in kept.iter().enumerate() {
        assert_eq!(record["key"], "ZGV2LTE=");
        let message = base64_simd::STANDARD.decode_to_vec(record["value"].as_str().unwrap()).unwrap();
        let message: Value = serde_json::from_slice(&message).unwrap();
        assert_eq!(message["requestContext"]["condition"], "RetriesExhausted");
        assert_eq!(message["KafkaBatchInfo"]["recordInfo"]["offset"], offset.to_string());
        let records = &message["payload"]["records"][format!("{}-0", topic.name)];
        assert_eq!((records.as_array().unwrap().len(), &records[0]["offset"]), (1, &Value::from(offset)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_no_topic_loses_nothing() {
    let (topic, function) = (Topic::new(2).await, Function::default());
    (0..2).for_each(|partition| topic.send(partition, 10));
    topic.acknowledged().await;
    let others = function.clone();
    let done = until(move || others.offsets(1).len() == 10);
    let mapping = giving_up(&topic, "no-such-topic");
    let served = run_giving_up(&mapping, "no-such-topic", &function, done).await;
    assert_eq!(served.discarded, 0);
    assert!(!served.partitions.contains_key(&0), "nothing of it is committed: {served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_lose_nothing() {
    let (topic, mine, theirs) = (Arc::new(Topic::new(6).await), Function::default(), Function::default());
    let mapping = Mapping { batch_size: 100, ..topic.mapping() };
    let (stop, stopped) = watch::channel(false);
    let member = |function: &Function| {
        let (mapping, invoker, mut stopped) = (mapping.clone(), function.invoker(&[]), stopped.clone());
        tokio::spawn(async move {
            let stop = async move { stopped.wait_for(|stopped| *stopped).await.map(drop).unwrap() };
            run(&mapping, invoker, stop).await
        })
    };
    let mut rounds = 0;
    let send = |rounds: &mut i64| {
        (0..6).for_each(|partition| topic.send(partition, 200));
        *rounds += 1;
    };
    // A member that starts before the broker shows the new topic ends at once, and nobody would join the second one.
    send(&mut rounds);
    topic.acknowledged().await;
    let first = member(&mine);
    while mine.partitions().len() < 6 {
        send(&mut rounds);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let second = member(&theirs);
    while theirs.partitions().len() < 3 {
        send(&mut rounds);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    topic.acknowledged().await;
    stop.send(true).unwrap();
    first.await.unwrap();
    second.await.unwrap();
    drain(&mapping, &mine).await;
    for partition in 0..6 {
        let mut all = mine.offsets(partition);
        all.extend(theirs.offsets(partition));
        all.sort_unstable();
        all.dedup();
        assert_eq!(runs(&all), range(0, 200 * rounds), "partition {partition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_goes_on_after_the_first_one_left() {
    let (topic, function) = (Topic::new(2).await, Function::default());
    (0..2).for_each(|partition| topic.send(partition, 1_000));
    topic.acknowledged().await;
    let leave = Arc::new(Notify::new());
    let (mapping, invoker, left) = (topic.mapping(), function.invoker(&[]), Arc::clone(&leave));
    let first = tokio::spawn(async move { run(&mapping, invoker, left.notified()).await });
    let seen = function.clone();
    until(move || seen.partitions().len() == 2).await;
    // It joins while the first member still owns everything, and ends only once it was given what is left.
    let (mapping, other) = (topic.mapping(), function.clone());
    let second = tokio::spawn(async move { drain(&mapping, &other).await });
    leave.notify_one();
    first.await.unwrap();
    second.await.unwrap();
    for partition in 0..2 {
        let distinct: BTreeSet<_> = function.offsets(partition).into_iter().collect();
        assert_eq!(distinct.len(), 1_000);
    }
}

/// Serves a mapping that cannot work and returns what it says.
async fn refusal(mapping: &Mapping, client: &[(String, String)]) -> LogError {
    let function = Function::default();
    let log = match KafkaLog::new(mapping, client) {
        Ok(log) => Arc::new(log),
        Err(error) => return error,
    };
    match serve(mapping, log, function.invoker(&[]), pending()).await {
        Err(TriggerError::Log(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_topic_is_named() {
    let mapping = Mapping { topic: "no-such-topic".to_owned(), ..Topic::new(1).await.mapping() };
    let error = refusal(&mapping, &[]).await;
    assert!(
        matches!(&error, LogError::Misconfigured(text) if text.contains("`no-such-topic` does not exist")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named_with_the_reason() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mapping = Mapping::new("events", "ingest", &address.to_string(), "group");
    let error = refusal(&mapping, &[]).await;
    let named = |text: &str| text.contains(&address.to_string()) && text.contains("refused");
    assert!(matches!(&error, LogError::Unavailable(text) if named(text)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_librdkafka_does_not_know_is_named() {
    let client = [("no.such.setting".to_owned(), "1".to_owned())];
    let error = refusal(&Mapping::new("events", "ingest", &brokers(), "group"), &client).await;
    assert!(matches!(&error, LogError::Misconfigured(text) if text.contains("no.such.setting=1")), "{error}");
}
