//! The binary against a running broker, named by PENSTOCK_TEST_BROKERS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the broker is named by the environment, and topics by the time")]

use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use penstock_producer::Report;
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

fn brokers() -> String {
    std::env::var("PENSTOCK_TEST_BROKERS").expect("set PENSTOCK_TEST_BROKERS to HOST:PORT of a broker for tests")
}

/// A name that no test has used on this broker.
fn topic(test: &str) -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("producer-{test}-{nanos}")
}

fn run(topic: &str, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock-producer"));
    command.args(["--brokers", &brokers(), "--topic", topic]).args(arguments.split_whitespace());
    command.output().unwrap()
}

/// Keys and values of a partition, from the first offset to the last.
fn read_back(topic: &str, partition: i32, count: u64) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("bootstrap.servers", brokers()).set("group.id", "unused").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    (0..count)
        .map(|offset| {
            let message = consumer.poll(Duration::from_secs(30)).expect("a record within 30 s").unwrap();
            assert_eq!(message.offset(), i64::try_from(offset).unwrap());
            (message.key().map(<[u8]>::to_vec), message.payload().unwrap().to_vec())
        })
        .collect()
}

#[test]
fn every_event_stands_in_the_topic_once_under_its_key() {
    let topic = topic("events");
    let events = "--events 20000 --start-time 2026-11-21T12:00:00Z";
    let output = run(&topic, &format!("{events} --partitions 3 --json"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report.sent, report.acknowledged, report.partitions.len()), (20_000, 20_000, 3));

    let mut values = Vec::new();
    for partition in &report.partitions {
        assert_eq!((partition.first_offset, partition.failed), (Some(0), 0));
        assert_eq!(partition.last_offset, Some(i64::try_from(partition.acknowledged).unwrap() - 1));
        for (key, value) in read_back(&topic, partition.partition, partition.acknowledged) {
            // Malformed events may lack a key.
            assert!(key.is_none_or(|key| key.starts_with(b"device-")));
            values.push(value);
        }
    }
    let file = Command::new(env!("CARGO_BIN_EXE_penstock-producer")).args(events.split_whitespace()).output().unwrap();
    let mut expected: Vec<Vec<u8>> = file.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    expected.pop();
    values.sort();
    expected.sort();
    assert!(values == expected, "the topic holds other events than standard output");
}

#[test]
fn an_unknown_topic_is_refused_with_a_remedy() {
    let output = run(&topic("unknown"), "--events 1");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("does not exist on") && message.contains("--partitions N"), "{message}");
}

#[test]
fn a_topic_keeps_its_number_of_partitions() {
    let topic = topic("partitions");
    assert_eq!(run(&topic, "--events 1 --partitions 2").status.code(), Some(0));
    assert_eq!(run(&topic, "--events 1 --partitions 2").status.code(), Some(0));
    let output = run(&topic, "--events 1 --partitions 3");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("has 2 partitions and not 3"));
}
