//! What happens to a mapping, for its metrics; and how much of the topic waits, asked every few seconds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use penstock_telemetry::Registry;
use penstock_telemetry::trigger::Mapping as Counted;
use tokio::time::sleep;

use super::Session;
use crate::log::Log;
use crate::mapping::Mapping;

/// Scrapes are rarely closer together.
const EVERY: Duration = Duration::from_secs(5);

/// Never ends; without a registry it does nothing.
pub(super) async fn watch(telemetry: Option<Arc<Registry>>, log: Arc<dyn Log>, mapping: Arc<Mapping>) -> Infallible {
    let Some(registry) = telemetry else { return std::future::pending().await };
    let counted = Counted { registry: &registry, function: &mapping.function, topic: &mapping.topic };
    loop {
        match log.positions().await {
            Ok(positions) => {
                positions.iter().for_each(|(partition, position)| counted.lag(*partition, position.lag()));
            }
            // Whoever reads from the log says so, too, and louder.
            Err(error) => tracing::debug!(topic = mapping.topic, "the lag is not known now: {error}"),
        }
        sleep(EVERY).await;
    }
}

impl Session {
    /// Counts what happens to the mapping.
    pub(super) fn counted(&self) -> Counted<'_> {
        Counted { registry: &self.telemetry, function: &self.mapping.function, topic: &self.mapping.topic }
    }

    /// Says since when the oldest record of a partition waits.
    pub(super) fn count_oldest(&mut self, partition: i32) {
        if let Some(lane) = self.lanes.get_mut(partition) {
            let oldest = lane.oldest();
            self.counted().oldest(partition, oldest);
        }
    }
}
