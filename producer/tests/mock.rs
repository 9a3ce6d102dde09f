//! The Kafka sink against librdkafka's mock cluster: acknowledgements, refusals, retries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use penstock_core::dataset::Dataset;
use penstock_producer::{
    Generated, Generator, Interrupt, KafkaSettings, KafkaSink, Lines, Outcome, Progress, Report, Shape, SinkError,
    Source, Stopped, produce,
};
use penstock_telemetry::Registry;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

const EVENTS: u64 = 5000;

fn cluster(partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("events", partitions, 1).unwrap();
    cluster
}

fn settings(cluster: &MockCluster<'static, DefaultProducerContext>) -> KafkaSettings {
    KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "events".to_owned(), ..KafkaSettings::default() }
}

fn iot() -> Dataset {
    Dataset::shipped("iot").unwrap()
}

fn generated() -> Generated {
    let shape = Shape { events: EVENTS, start_time_us: 1_795_262_400_000_000, ..Shape::default() };
    Generated::new(Generator::new(&iot(), &shape).unwrap())
}

fn send(source: &mut dyn Source, settings: &KafkaSettings) -> (Report, Outcome) {
    let mut sink = KafkaSink::connect(settings).unwrap();
    let outcome = produce(source, &mut sink, None, &Interrupt::default(), &mut Progress::Quiet, &Registry::default());
    let mut report = Report::default();
    report.account(&outcome, |number| source.place(number));
    (report, outcome)
}

fn refusal(settings: &KafkaSettings) -> String {
    KafkaSink::connect(settings).err().unwrap().to_string()
}

#[test]
fn everything_is_acknowledged_and_the_report_adds_up() {
    let cluster = cluster(3);
    let (report, outcome) = send(&mut generated(), &settings(&cluster));
    assert!(outcome.stopped.is_none());
    assert!(report.complete(), "{report:?}");
    assert_eq!((report.sent, report.acknowledged, report.partitions.len()), (EVENTS, EVENTS, 3));
    assert_eq!(report.partitions.iter().map(|partition| partition.acknowledged).sum::<u64>(), EVENTS);
    for partition in &report.partitions {
        assert_eq!((partition.first_offset, partition.failed), (Some(0), 0));
        assert_eq!(partition.last_offset, i64::try_from(partition.sent).ok().map(|sent| sent - 1));
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn a_broker_that_stumbles_gets_each_record_once() {
    let cluster = cluster(1);
    let settings = settings(&cluster);
    let stumble = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3];
    cluster.request_errors(RDKafkaApiKey::Produce, &stumble);
    let (report, _) = send(&mut generated(), &settings);
    assert!(report.complete(), "{report:?}");
    assert_eq!(report.partitions[0].last_offset, Some(4999));
}

#[test]
fn a_full_queue_holds_the_source_back_and_loses_nothing() {
    let cluster = cluster(1);
    let one_at_a_time = ("queue.buffering.max.messages".to_owned(), "1".to_owned());
    let settings = KafkaSettings { extra: vec![one_at_a_time], ..settings(&cluster) };
    let input = "{\"device_id\":\"a\"}\n".repeat(20);
    let (report, _) = send(&mut Lines::new(input.as_bytes(), "input", &iot()), &settings);
    assert_eq!((report.sent, report.acknowledged), (20, 20));
}

#[test]
fn a_refused_record_is_named_and_counted() {
    let cluster = cluster(1);
    let settings = settings(&cluster);
    let refuse = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 100];
    cluster.request_errors(RDKafkaApiKey::Produce, &refuse);
    let input = &b"\n{\"device_id\":\"a\"}\n"[..];
    let (report, _) = send(&mut Lines::new(input, "input", &iot()), &settings);
    assert_eq!((report.sent, report.acknowledged, report.failed), (1, 0, 1));
    let failure = report.failure.unwrap();
    assert!(failure.starts_with("line 2 of input: "), "{failure}");
}

#[test]
fn a_line_over_the_limit_is_named_and_what_came_before_is_sent() {
    let cluster = cluster(1);
    let input = [b"{\"device_id\":\"a\"}\n\"".to_vec(), vec![b'x'; 1 << 21], b"\"\n{}\n".to_vec()].concat();
    let (report, outcome) = send(&mut Lines::new(input.as_slice(), "input", &iot()), &settings(&cluster));
    assert_eq!((report.sent, report.acknowledged), (1, 1));
    let stopped = outcome.stopped.unwrap();
    assert!(matches!(stopped, Stopped::Sink { error: SinkError::TooLarge { size: 2_097_154 }, .. }));
    assert!(stopped.to_string().starts_with("line 2 of input: 2097154 bytes is more than"), "{stopped}");
}

#[test]
fn a_number_of_partitions_that_differs_is_refused() {
    let cluster = cluster(3);
    let six = KafkaSettings { partitions: Some(6), ..settings(&cluster) };
    assert!(refusal(&six).starts_with("topic `events` has 3 partitions and not 6"), "{}", refusal(&six));
    assert!(KafkaSink::connect(&KafkaSettings { partitions: Some(3), ..six }).is_ok());
}

#[test]
fn an_unknown_topic_is_named_with_a_remedy() {
    let cluster = cluster(1);
    cluster.topic_error("events", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let message = refusal(&settings(&cluster));
    assert!(message.contains("`events` does not exist") && message.contains("--partitions"), "{message}");
}

#[test]
fn an_unreachable_broker_is_named_with_the_reason() {
    let settings =
        KafkaSettings { brokers: "127.0.0.1:1".to_owned(), topic: "events".to_owned(), ..KafkaSettings::default() };
    let message = refusal(&settings);
    assert!(message.starts_with("no answer from 127.0.0.1:1 within 10 s"), "{message}");
    assert!(message.contains("refused"), "{message}");
}

#[test]
fn wrong_settings_are_named() {
    let cluster = cluster(1);
    let with = |key: &str, value: &str| KafkaSettings {
        extra: vec![(key.to_owned(), value.to_owned())],
        ..settings(&cluster)
    };
    assert!(refusal(&with("linger.mss", "3")).starts_with("Kafka setting linger.mss is refused"));
    assert!(refusal(&with("acks", "0")).starts_with("Kafka settings are refused"));
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_how_to_get_it() {
    let cluster = cluster(1);
    let tls = KafkaSettings { tls_ca: Some("ca.pem".into()), ..settings(&cluster) };
    assert!(refusal(&tls).contains("--features tls"), "{}", refusal(&tls));
}
