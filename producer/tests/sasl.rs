//! Tokens instead of a password, with a broker that asks for them (SASL/OAUTHBEARER).
//!
//! The broker is named by PENSTOCK_TEST_OAUTH_BROKERS. It takes tokens that nobody has signed, so one who makes them up
//! stands in for the signer of MSK, which cannot be had here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the broker is named by the environment, and tokens end in real time")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use penstock_core::dataset::Dataset;
use penstock_producer::{
    Counts, InputError, Interrupt, KafkaSettings, KafkaSink, Outcome, Pace, Progress, Record, Report, Source, Token,
    TokenSource, produce,
};
use penstock_telemetry::Registry;

/// The broker ends a session with its token, so whoever sends for longer than this has renewed it.
const LIFETIME_SECS: u64 = 4;

/// Makes tokens up.
#[derive(Debug, Default)]
struct Stub {
    asked: AtomicU64,
    problem: Option<&'static str>,
}

impl TokenSource for Stub {
    fn token(&self) -> Result<Token, Box<dyn Error>> {
        if let Some(problem) = self.problem {
            return Err(problem.into());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let expires = now + LIFETIME_SECS;
        let part = |json: String| base64_simd::URL_SAFE_NO_PAD.encode_to_string(json);
        let claims = format!(r#"{{"sub":"producer","iat":{now},"exp":{expires}}}"#);
        let text = format!("{}.{}.", part(r#"{"alg":"none"}"#.to_owned()), part(claims));
        Ok(Token { text, expires_at_ms: i64::try_from(expires * 1000)? })
    }
}

fn address(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("set {variable} to HOST:PORT of a broker for tests"))
}

/// A name that no test has used on this broker.
fn topic() -> String {
    format!("tokens-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

fn settings(source: &Arc<Stub>, topic: &str) -> KafkaSettings {
    KafkaSettings {
        brokers: address("PENSTOCK_TEST_OAUTH_BROKERS"),
        topic: topic.to_owned(),
        tokens: Some(Arc::<Stub>::clone(source) as Arc<dyn TokenSource>),
        // The broker of the tests has no certificate.
        extra: vec![("security.protocol".to_owned(), "sasl_plaintext".to_owned())],
        ..KafkaSettings::default()
    }
}

/// Makes the topic at the listener that asks for nothing.
fn make(topic: &str) {
    let brokers = address("PENSTOCK_TEST_BROKERS");
    let settings = KafkaSettings { brokers, topic: topic.to_owned(), partitions: Some(1), ..KafkaSettings::default() };
    KafkaSink::connect(&settings).unwrap();
}

/// Records until a token was asked for so often.
struct UntilRenewed {
    tokens: Arc<Stub>,
    enough: u64,
    counts: Counts,
}

impl Source for UntilRenewed {
    fn next(&mut self, record: &mut Record) -> Result<bool, InputError> {
        *record = Record::new(self.counts.expected.sent, None, b"{}".to_vec());
        self.counts.expected.sent += 1;
        Ok(self.tokens.asked.load(Ordering::Relaxed) < self.enough)
    }

    fn total(&self) -> Option<u64> {
        None
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn place(&self, number: u64) -> String {
        format!("record {number}")
    }
}

#[test]
fn tokens_are_renewed_while_records_flow_and_none_is_lost() {
    let (tokens, topic) = (Arc::new(Stub::default()), topic());
    make(&topic);
    let mut sink = KafkaSink::connect(&settings(&tokens, &topic)).unwrap();
    let mut source = UntilRenewed { tokens: Arc::clone(&tokens), enough: 3, counts: Counts::default() };
    let pace = Some(Pace::new(100.0, Instant::now()));
    let outcome: Outcome =
        produce(&mut source, &mut sink, pace, &Interrupt::default(), &mut Progress::Quiet, &Registry::default());
    let mut report = Report { dataset: Dataset::shipped("iot").unwrap().name, ..Report::default() };
    report.account(&outcome, |number| source.place(number));
    assert!(report.complete() && 0 < report.sent, "{report:?}");
    assert_eq!(report.partitions[0].last_offset, i64::try_from(report.sent).ok().map(|sent| sent - 1));
}

#[test]
fn a_source_without_a_token_is_named() {
    let tokens = Arc::new(Stub { problem: Some("the signer is on strike"), ..Stub::default() });
    let message = KafkaSink::connect(&settings(&tokens, &topic())).err().unwrap().to_string();
    assert!(message.contains("within 10 s") && message.contains("the signer is on strike"), "{message}");
}

#[test]
fn without_a_token_nobody_gets_in() {
    let topic = topic();
    make(&topic);
    let without = KafkaSettings { tokens: None, extra: Vec::new(), ..settings(&Arc::default(), &topic) };
    assert!(KafkaSink::connect(&without).is_err());
}

#[test]
fn a_topic_that_no_token_can_create_is_named() {
    let settings = KafkaSettings { partitions: Some(1), ..settings(&Arc::default(), &topic()) };
    let message = KafkaSink::connect(&settings).err().unwrap().to_string();
    assert!(message.contains("does not exist on") && message.contains("create it with Kafka's own tools"), "{message}");
}
