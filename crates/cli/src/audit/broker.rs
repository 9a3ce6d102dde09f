//! Compares the lake with the topics themselves: what they hold beyond the lake, and what they lost before it landed.

use std::time::Duration;

use penstock_core::position::{Partition, Position};
use penstock_runtime::Failure;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::Report;

/// How long the brokers have for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn compare(
    report: Report,
    brokers: String,
    settings: Vec<(String, String)>,
) -> Result<Report, Failure> {
    tokio::task::spawn_blocking(move || ask(report, &brokers, &settings)).await.map_err(Failure::bug)?
}

fn ask(mut report: Report, brokers: &str, settings: &[(String, String)]) -> Result<Report, Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "penstock-audit");
    for (key, value) in settings {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create().map_err(|error| {
        Failure::misconfigured(format!("the settings for Kafka are wrong: {error}. See --kafka KEY=VALUE"))
    })?;
    let mut chains = std::mem::take(&mut report.chains);
    for chain in &mut chains {
        let Partition::Kafka(number) = chain.chain.partition else { continue };
        if chain.chain.source == crate::run::MEMORY_SOURCE {
            continue;
        }
        let watermarks = consumer.fetch_watermarks(&chain.chain.topic, number, TIMEOUT);
        let (low, high) = watermarks.map_err(|error| {
            Failure::misconfigured(format!(
                "{brokers} does not say what topic {} partition {number} holds: {error}. Check --brokers, and that the topic exists there",
                chain.chain.topic
            ))
        })?;
        let [low, high] = [low, high].map(|offset| Position::from_offset(offset.unsigned_abs()));
        if chain.tail < low {
            let problem =
                format!("the topic begins at {low} now: positions [{}, {low}) expired before they landed", chain.tail);
            report.find(chain.chain.to_string(), problem);
        }
        if high < chain.tail {
            let problem = format!(
                "the topic ends at {high}, before the lake's end at {}: it was deleted and made anew; raise the epoch",
                chain.tail
            );
            report.find(chain.chain.to_string(), problem);
        }
        chain.beyond = Some(chain.tail.distance_to(high).unwrap_or(0));
    }
    report.chains = chains;
    Ok(report)
}
