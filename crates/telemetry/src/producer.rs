//! Events of the producer, and of the outputs themselves.

use crate::{Metric, Registry};

/// Records were handed to the log, since the last event of this kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordsSent {
    pub records: u64,
    /// Of their values.
    pub bytes: u64,
    /// Of the records, those that the generator made so on purpose.
    pub malformed: u64,
    pub duplicates: u64,
    pub late: u64,
}

impl RecordsSent {
    /// What these totals add to earlier ones.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            records: self.records - earlier.records,
            bytes: self.bytes - earlier.bytes,
            malformed: self.malformed - earlier.malformed,
            duplicates: self.duplicates - earlier.duplicates,
            late: self.late - earlier.late,
        }
    }

    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.add(Metric::ProducerEventsSent, &[], self.records);
        registry.add(Metric::ProducerBytesSent, &[], self.bytes);
        let planted = [("malformed", self.malformed), ("duplicate", self.duplicates), ("late", self.late)];
        for (fault, count) in planted {
            registry.add(Metric::ProducerEventsPlanted, &[fault], count);
        }
    }
}

/// Datagrams that could not be sent to a StatsD server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramsDropped(pub u64);

impl DatagramsDropped {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.add(Metric::StatsdDropped, &[], self.0);
    }
}
