//! Apache Kafka as a sink: idempotent, `acks=all`, and every record's end accounted for.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer};

use crate::report::{Deliveries, Failure, PartitionReport};
use crate::sink::{Sink, SinkError};
use crate::source::Record;
use crate::token::{TokenSource, Tokens};

/// How long the brokers may take to answer at the start.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a record may wait for its acknowledgement; a rolling restart of brokers takes less.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// What a broker accepts by default in one record.
const LARGEST_MESSAGE_BYTES: usize = 1_048_588;
/// Records on their way, in KiB.
const QUEUE_KBYTES: usize = 65_536;
/// While the queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);
/// A topic that refuses so many records will refuse the others.
const FAILURES_TO_GIVE_UP: u64 = 1000;

/// Where the topic is and how to get in.
#[derive(Clone, Debug, Default)]
pub struct KafkaSettings {
    /// `host:port`, several with commas between.
    pub brokers: String,
    pub topic: String,
    /// Create the topic with so many partitions if it does not exist; if it does, it must have as many.
    pub partitions: Option<i32>,
    /// PEM files: the authority that the brokers' certificates come from, and the client's own certificate and key.
    pub tls_ca: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub sasl: Option<Sasl>,
    /// Tokens over TLS instead of a user and a password.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// Settings of librdkafka, which win over ours.
    pub extra: Vec<(String, String)>,
}

/// A user and how it proves itself.
#[derive(Clone)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Sasl {
    /// Without the password: settings end up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl KafkaSettings {
    /// The settings as librdkafka has them.
    ///
    /// # Errors
    /// They need what this build does not have.
    pub fn client_config(&self) -> Result<ClientConfig, SinkError> {
        let sasl = self.sasl.is_some() || self.tokens.is_some();
        let files = [&self.tls_ca, &self.tls_cert, &self.tls_key];
        let tls = self.tokens.is_some() || files.iter().any(|file| file.is_some());
        if !cfg!(feature = "tls") && (tls || sasl) {
            return Err(SinkError::Misconfigured(
                "this build has neither TLS nor SASL: build it with `cargo build --release -p penstock-producer --features tls` (needs the OpenSSL headers)".to_owned(),
            ));
        }
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", "penstock-producer");
        match (tls, sasl) {
            (true, true) => config.set("security.protocol", "sasl_ssl"),
            (true, false) => config.set("security.protocol", "ssl"),
            (false, true) => config.set("security.protocol", "sasl_plaintext"),
            (false, false) => &mut config,
        };
        let files = [
            ("ssl.ca.location", &self.tls_ca),
            ("ssl.certificate.location", &self.tls_cert),
            ("ssl.key.location", &self.tls_key),
        ];
        for (key, file) in files {
            if let Some(file) = file {
                config.set(key, file.display().to_string());
            }
        }
        if let Some(Sasl { mechanism, username, password }) = &self.sasl {
            config.set("sasl.mechanism", mechanism).set("sasl.username", username).set("sasl.password", password);
        }
        if self.tokens.is_some() {
            config.set("sasl.mechanism", "OAUTHBEARER");
        }
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        Ok(config)
    }

    /// Idempotence and `acks=all` let no retry of the client add or lose a record;
    /// the partitioner is the one of the Java clients, so that a key keeps its partition whoever writes it.
    fn producer_config(&self) -> Result<ClientConfig, SinkError> {
        let mut config = ClientConfig::new();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("message.timeout.ms", MESSAGE_TIMEOUT.as_millis().to_string())
            .set("message.max.bytes", LARGEST_MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES.to_string());
        for (key, value) in self.client_config()?.config_map() {
            config.set(key, value);
        }
        config.set_log_level(RDKafkaLogLevel::Warning);
        Ok(config)
    }
}

/// Sends records to a topic. Dropping it without [`Sink::finish`] loses what is still on its way.
pub struct KafkaSink {
    producer: ThreadedProducer<Ledger>,
    topic: String,
}

impl KafkaSink {
    /// Connects, and makes sure that the topic is there.
    ///
    /// # Errors
    /// The brokers do not answer within 10 seconds, or the topic does not exist, or a setting is wrong.
    pub fn connect(settings: &KafkaSettings) -> Result<Self, SinkError> {
        let config = settings.producer_config()?;
        let producer: ThreadedProducer<Ledger> =
            config.create_with_context(Ledger::new(Tokens(settings.tokens.clone()))).map_err(wrong_setting)?;
        let sink = Self { producer, topic: settings.topic.clone() };
        match (sink.partitions(settings)?, settings.partitions) {
            (None, Some(partitions)) => sink.create_topic(settings, partitions)?,
            (None, None) => {
                return Err(SinkError::Misconfigured(format!(
                    "topic `{}` does not exist on {}: create it, or let it be created with --partitions N",
                    settings.topic, settings.brokers
                )));
            }
            (Some(have), Some(want)) if have != want => {
                return Err(SinkError::Misconfigured(format!(
                    "topic `{}` has {have} partitions and not {want}: leave --partitions out, or choose another topic",
                    settings.topic
                )));
            }
            (Some(_), _) => {}
        }
        Ok(sink)
    }

    /// How many partitions the topic has; `None`: it does not exist.
    fn partitions(&self, settings: &KafkaSettings) -> Result<Option<i32>, SinkError> {
        let metadata = self.producer.client().fetch_metadata(Some(&self.topic), ANSWER_WITHIN);
        let metadata = metadata.map_err(|error| self.no_answer(settings, &error))?;
        let Some(topic) = metadata.topics().first() else { return Ok(None) };
        match topic.error().map(RDKafkaErrorCode::from) {
            None => Ok(Some(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX))),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(error) => Err(SinkError::Misconfigured(format!(
                "topic `{}` on {} cannot be used: {error}; check its name, its leaders and what this user may do",
                self.topic, settings.brokers
            ))),
        }
    }

    fn no_answer(&self, settings: &KafkaSettings, error: &KafkaError) -> SinkError {
        let reason = self.producer.context().entries().last_error.clone().unwrap_or_else(|| error.to_string());
        SinkError::Misconfigured(format!(
            "no answer from {} within {} s ({reason}): check that the broker runs, --brokers, and TLS and SASL settings",
            settings.brokers,
            ANSWER_WITHIN.as_secs()
        ))
    }

    fn create_topic(&self, settings: &KafkaSettings, partitions: i32) -> Result<(), SinkError> {
        // rdkafka's client for such requests asks nobody for tokens.
        if settings.tokens.is_some() {
            return Err(SinkError::Misconfigured(format!(
                "topic `{}` does not exist on {}, and cannot be created with a token: create it with Kafka's own tools",
                settings.topic, settings.brokers
            )));
        }
        let failed = |reason: String| {
            SinkError::Misconfigured(format!(
                "topic `{}` cannot be created on {}: {reason}; create it by hand",
                settings.topic, settings.brokers
            ))
        };
        let admin: AdminClient<DefaultClientContext> = settings.client_config()?.create().map_err(wrong_setting)?;
        // As many replicas as the broker makes by default.
        let topic = NewTopic::new(&settings.topic, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(ANSWER_WITHIN)).request_timeout(Some(ANSWER_WITHIN));
        let created = futures::executor::block_on(admin.create_topics([&topic], &options));
        for result in created.map_err(|error| failed(error.to_string()))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, error)) => return Err(failed(error.to_string())),
            }
        }
        let deadline = Instant::now() + ANSWER_WITHIN;
        while self.partitions(settings)?.is_none() {
            if deadline < Instant::now() {
                return Err(failed("it was created and does not appear".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn give_up(&self) -> Option<SinkError> {
        let entries = self.producer.context().entries();
        let failures = entries.deliveries.failed;
        let reason = entries.deliveries.first_failure.as_ref().map_or("", |failure| failure.reason.as_str());
        (FAILURES_TO_GIVE_UP <= failures).then(|| {
            SinkError::Broken(format!("gave up after {failures} records that were not acknowledged: {reason}"))
        })
    }
}

fn wrong_setting(error: KafkaError) -> SinkError {
    SinkError::Misconfigured(match error {
        // Without the value, which may be a password.
        KafkaError::ClientConfig(_, reason, key, _) => format!("Kafka setting {key} is refused: {reason}"),
        other => format!("Kafka settings are refused: {other}"),
    })
}

impl Sink for KafkaSink {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        let number = usize::try_from(record.number).unwrap_or(usize::MAX);
        if let Some(error) = self.give_up() {
            return Err(error);
        }
        let mut message = BaseRecord::with_opaque_to(&self.topic, number).payload(record.value.as_slice());
        if let Some(key) = record.key() {
            message = message.key(key);
        }
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                    if let Some(error) = self.give_up() {
                        return Err(error);
                    }
                    message = unsent;
                    std::thread::sleep(QUEUE_FULL_PAUSE);
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Err(SinkError::TooLarge { size: record.value.len() });
                }
                Err((error, _)) => return Err(SinkError::Broken(error.to_string())),
            }
        }
    }

    /// Waits at most as long as a record may take; what has no answer then counts as failed.
    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        if self.producer.flush(MESSAGE_TIMEOUT + ANSWER_WITHIN).is_err() {
            self.producer.purge(PurgeConfig::default().queue().inflight());
            // Purged records are reported as failed; a moment is enough for that.
            let _ = self.producer.flush(ANSWER_WITHIN);
        }
        Ok(self.producer.context().entries().deliveries())
    }
}

/// What became of each record, written down by librdkafka's delivery callback.
struct Ledger {
    entries: Mutex<Entries>,
    tokens: Tokens,
}

#[derive(Default)]
struct Entries {
    deliveries: Deliveries,
    /// By partition number.
    partitions: std::collections::BTreeMap<i32, PartitionReport>,
    last_error: Option<String>,
}

impl Ledger {
    fn new(tokens: Tokens) -> Self {
        Self { entries: Mutex::default(), tokens }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn partition(&mut self, partition: i32) -> &mut PartitionReport {
        let report = self.partitions.entry(partition).or_default();
        report.partition = partition;
        report.sent += 1;
        report
    }

    fn acknowledged(&mut self, partition: i32, offset: i64) {
        let report = self.partition(partition);
        report.acknowledged += 1;
        // A retry that the broker had already written is acknowledged without an offset.
        if 0 <= offset {
            report.first_offset = Some(report.first_offset.map_or(offset, |first| first.min(offset)));
            report.last_offset = Some(report.last_offset.map_or(offset, |last| last.max(offset)));
        }
        self.deliveries.acknowledged += 1;
    }

    fn failed(&mut self, partition: i32, failure: Failure) {
        self.partition(partition).failed += 1;
        self.deliveries.failed += 1;
        self.deliveries.first_failure.get_or_insert(failure);
    }

    fn deliveries(&self) -> Deliveries {
        Deliveries { partitions: self.partitions.values().cloned().collect(), ..self.deliveries.clone() }
    }
}

impl ClientContext for Ledger {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.for_librdkafka()
    }

    /// Kept for the message that ends the run: librdkafka itself goes on trying.
    fn error(&self, error: KafkaError, reason: &str) {
        // It follows each broker's own reason and says less.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        self.entries().last_error = Some(if reason.is_empty() { error.to_string() } else { reason.to_owned() });
    }
}

impl ProducerContext for Ledger {
    /// The record's number.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(message) => self.entries().acknowledged(message.partition(), message.offset()),
            Err((error, message)) => {
                let failure = Failure { number: number as u64, reason: reason_of(error) };
                self.entries().failed(message.partition(), failure);
            }
        }
    }
}

fn reason_of(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            "the brokers did not acknowledge it in time (message.timeout.ms): check that they run".to_owned()
        }
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            "it is larger than the topic's max.message.bytes: shorten it, or raise the limit".to_owned()
        }
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}
