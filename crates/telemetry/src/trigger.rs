//! What happens to a mapping; the trigger logs it in its own words.

use crate::{Metric, Registry};

/// A mapping, whose events are counted.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    pub registry: &'a Registry,
    pub function: &'a str,
    pub topic: &'a str,
}

impl Mapping<'_> {
    /// Records were read from the topic.
    pub fn polled(&self, records: usize) {
        self.add(Metric::TriggerEventsPolled, records);
    }

    /// The function was called with so many records.
    pub fn invoked(&self, records: usize) {
        self.add(Metric::TriggerInvocations, 1);
        self.add(Metric::TriggerEventsInvoked, records);
        // So that the series are there before the first failure, and a graph shows zero and not nothing.
        for metric in [Metric::TriggerFailures, Metric::TriggerRetries, Metric::TriggerBisections] {
            self.add(metric, 0);
        }
        self.redelivered(0);
        self.dropped("RetryAttemptsExhausted", 0);
    }

    /// A call failed, or its answer reported records that did.
    pub fn failed(&self) {
        self.add(Metric::TriggerFailures, 1);
    }

    /// A batch of one partition was put back.
    pub fn retried(&self) {
        self.add(Metric::TriggerRetries, 1);
    }

    /// A failed batch was cut in two.
    pub fn bisected(&self) {
        self.add(Metric::TriggerBisections, 1);
    }

    /// Delivered records go out again on purpose.
    pub fn redelivered(&self, records: usize) {
        self.add(Metric::TriggerEventsRedelivered, records);
    }

    /// Records were given up.
    pub fn dropped(&self, condition: &str, records: usize) {
        let labels = [self.function, self.topic, condition];
        self.registry.add(Metric::TriggerEventsDropped, &labels, records as u64);
    }

    /// The positions of records were committed.
    pub fn committed(&self, records: usize) {
        self.add(Metric::TriggerEventsCommitted, records);
    }

    /// So many invocations may run at once.
    pub fn pollers(&self, count: usize) {
        self.registry.set(Metric::TriggerPollers, &[self.function, self.topic], count as f64);
    }

    /// So many records of a partition are not committed.
    pub fn lag(&self, partition: i32, records: i64) {
        let labels = [self.function, self.topic, &partition.to_string()];
        self.registry.set(Metric::LagEvents, &labels, records as f64);
    }

    /// The timestamp (epoch milliseconds) of the oldest record of a partition that is read and not committed.
    pub fn oldest(&self, partition: i32, timestamp: Option<i64>) {
        let moment = timestamp.map(|millis| millis.saturating_mul(1000));
        let labels = [self.function, self.topic, &partition.to_string()];
        self.registry.set_moment(Metric::LagSeconds, &labels, moment);
    }

    /// The partition is another member's now, who knows better how it stands.
    pub fn revoked(&self, partition: i32) {
        let labels = [self.function, self.topic, &partition.to_string()];
        self.registry.remove(Metric::LagEvents, &labels);
        self.registry.remove(Metric::LagSeconds, &labels);
    }

    fn add(&self, metric: Metric, count: usize) {
        self.registry.add(metric, &[self.function, self.topic], count as u64);
    }
}
