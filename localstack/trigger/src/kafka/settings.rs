//! The properties of the Kafka client: ours, and the user's for TLS and SASL.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use crate::log::LogError;
use crate::mapping::Mapping;

/// What the trigger decides itself, because delivery would no longer be at least once, or not end, otherwise.
const RESERVED: [&str; 6] = [
    "bootstrap.servers",
    "group.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "auto.offset.reset",
];

pub(super) fn consumer_config(mapping: &Mapping, client: &[(String, String)]) -> Result<ClientConfig, LogError> {
    let mut config = checked(client)?;
    config
        // A joining member takes over only what it gets; the other partitions go on undisturbed.
        .set("partition.assignment.strategy", "cooperative-sticky")
        // A paused partition loses what was fetched ahead, so little is.
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384")
        // By default it then looks again after a second, in which nothing would be fetched.
        .set("fetch.queue.backoff.ms", "10")
        // Empty partitions must not hold back one that was just resumed for long.
        .set("fetch.wait.max.ms", "100")
        // A commit is a small request that somebody waits for.
        .set("socket.nagle.disable", "true")
        // A commit without a coordinator gives up after this, and is tried again.
        .set("coordinator.query.interval.ms", "10000");
    set_all(&mut config, client);
    config
        .set("bootstrap.servers", &mapping.bootstrap_servers)
        .set("group.id", &mapping.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        // Other starting positions are committed before the group starts. What is left are positions that retention
        // has overtaken, and there the oldest record loses least.
        .set("auto.offset.reset", "earliest");
    Ok(config)
}

/// The properties of a producer to the mapping's cluster, which loses nothing and keeps the order of a key.
pub(super) fn producer_config(mapping: &Mapping, client: &[(String, String)]) -> Result<ClientConfig, LogError> {
    let mut config = checked(client)?;
    config
        // As Kafka's own clients place a key.
        .set("partitioner", "murmur2_random")
        // So long a broker may be away before it is said; the caller then tries again.
        .set("message.timeout.ms", "30000");
    set_all(&mut config, client);
    config.set("bootstrap.servers", &mapping.bootstrap_servers).set("acks", "all").set("enable.idempotence", "true");
    Ok(config)
}

fn checked(client: &[(String, String)]) -> Result<ClientConfig, LogError> {
    let problems: Vec<String> = client.iter().filter_map(|(key, value)| problem(key, value)).collect();
    if !problems.is_empty() {
        return Err(LogError::Misconfigured(problems.join("; ")));
    }
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning).set("client.id", "penstock-trigger");
    Ok(config)
}

fn set_all(config: &mut ClientConfig, client: &[(String, String)]) {
    for (key, value) in client {
        config.set(key, value);
    }
}

fn problem(key: &str, value: &str) -> Option<String> {
    if RESERVED.contains(&key) {
        return Some(format!("`{key}` is set by the trigger itself: leave it out"));
    }
    let needs_tls = match key {
        "security.protocol" => !value.eq_ignore_ascii_case("plaintext"),
        _ => key.starts_with("ssl.") || key.starts_with("sasl."),
    };
    (needs_tls && !cfg!(feature = "tls"))
        .then(|| format!("`{key}={value}` needs TLS and SASL, which this binary lacks: build it with `--features tls`"))
}

pub(super) fn explain(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, description, key, value) => {
            format!("Kafka setting {key}={value}: {description}")
        }
        other => format!("the Kafka client refuses its settings: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, value: &str, expect: &str) {
        let mapping = Mapping::new("events", "ingest", "localhost:9092", "group");
        let said = match consumer_config(&mapping, &[(key.to_owned(), value.to_owned())]) {
            Ok(config) => config.get(key).unwrap().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expect), "{key}={value} gave {said:?}, not {expect:?}");
    }

    #[test]
    fn takes_the_users_settings_but_not_ours() {
        check("client.id", "mine", "mine");
        check("fetch.wait.max.ms", "5", "5");
        check("security.protocol", "plaintext", "plaintext");
        check("group.id", "other", "leave it out");
        check("enable.auto.commit", "true", "leave it out");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn says_how_to_get_tls() {
        check("security.protocol", "SSL", "--features tls");
        check("security.protocol", "sasl_ssl", "--features tls");
        check("security.protocol", "SASL_PLAINTEXT", "--features tls");
        check("sasl.mechanism", "SCRAM-SHA-512", "--features tls");
        check("ssl.ca.location", "/ca.pem", "--features tls");
    }
}
