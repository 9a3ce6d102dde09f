//! What the broker holds, and what is true of every record that it ever held.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use penstock_trigger::log::LogRecord;

use crate::events::{event_id, record};

const SECOND: i64 = 1_000_000;

/// What a record is to the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event of a few seconds ago.
    Fresh,
    /// An event of so many minutes ago.
    Late(u16),
    /// The event so many records ago, sent again: the same id, perhaps in another partition.
    Again(u8),
    /// An event of so many minutes ahead.
    Ahead(u16),
    /// An event of 40 days ago.
    Ancient,
    NotJson,
    WithoutTime,
    Tombstone,
}

/// Values whose sum depends on the order in which they are added.
const VALUES: [Option<f64>; 7] = [Some(0.1), Some(1e16), Some(3.25), None, Some(-1e16), Some(0.7), Some(-2.000_000_1)];

/// An event, as its JSON says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) number: u64,
    pub(super) device: u64,
    /// Epoch microseconds.
    pub(super) time: i64,
    pub(super) value: Option<f64>,
}

/// A record, with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) record: LogRecord,
    /// `None`: no event of the dataset.
    pub(super) event: Option<Event>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    /// Every record that ever was, by offset.
    pub(super) made: BTreeMap<i64, Made>,
    /// The offsets that the broker no longer has.
    pub(super) lost: BTreeSet<i64>,
    /// The offset of the next record.
    pub(super) end: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) partitions: Vec<Partition>,
    /// Offsets have holes where no record ever was, as in a compacted topic.
    pub(super) is_sparse: bool,
    events: Vec<Event>,
}

impl Topic {
    pub(super) fn new(partitions: usize, is_sparse: bool) -> Self {
        Self { partitions: vec![Partition::default(); partitions], is_sparse, events: Vec::new() }
    }

    /// Appends a record. `now` is in epoch microseconds.
    pub(super) fn append(&mut self, partition: usize, kind: Kind, now: i64) {
        let event = self.event(kind, now);
        let value = value(kind, event, now);
        let number = i32::try_from(partition).expect("few partitions");
        let log = &mut self.partitions[partition];
        let offset = log.end + if self.is_sparse { (log.made.len() % 3) as i64 } else { 0 };
        // Producers set the time by clocks of their own, so it does not grow with the offset.
        let timestamp = now / 1000 - offset * 7919 % 10_000;
        let key = event.map(|event| Bytes::from(format!("d{}", event.device)));
        let record = LogRecord { value, key, ..record(number, offset, timestamp, Bytes::new()) };
        log.made.insert(offset, Made { record, event });
        log.end = offset + 1;
    }

    fn event(&mut self, kind: Kind, now: i64) -> Option<Event> {
        let number = self.events.len() as u64;
        let time = match kind {
            Kind::Fresh => now - 2 * SECOND,
            Kind::Late(minutes) => now - i64::from(minutes) * 60 * SECOND,
            Kind::Ahead(minutes) => now + i64::from(minutes) * 60 * SECOND,
            Kind::Ancient => now - 40 * 86_400 * SECOND,
            Kind::Again(back) => {
                let index = self.events.len().checked_sub(1 + usize::from(back));
                return index.map(|index| self.events[index]);
            }
            Kind::NotJson | Kind::WithoutTime | Kind::Tombstone => return None,
        };
        // Event times are milliseconds in the JSON.
        let time = time.div_euclid(1000) * 1000;
        let value = VALUES[(number % VALUES.len() as u64) as usize];
        let event = Event { number, device: number % 2, time, value };
        self.events.push(event);
        Some(event)
    }

    /// Up to `count` records that a consumer gets which goes on at `from`.
    pub(super) fn fetch(&self, partition: usize, from: i64, count: usize) -> Vec<LogRecord> {
        let log = &self.partitions[partition];
        let there = log.made.range(from..).filter(|(offset, _)| !log.lost.contains(offset));
        there.take(count).map(|(_, made)| made.record.clone()).collect()
    }

    /// The broker loses records. Their offsets stay taken.
    pub(super) fn lose(&mut self, partition: usize, from: i64, count: usize) -> usize {
        let log = &mut self.partitions[partition];
        let gone: Vec<i64> = log.made.range(from..).take(count).map(|(offset, _)| *offset).collect();
        let before = log.lost.len();
        log.lost.extend(gone);
        log.lost.len() - before
    }
}

/// The bytes of a record's value.
fn value(kind: Kind, event: Option<Event>, now: i64) -> Option<Bytes> {
    let text = match (kind, event) {
        (Kind::Tombstone, _) => return None,
        (Kind::NotJson, _) => format!("no event at {now}"),
        (_, None) => format!(r#"{{"event_id":"{}","device_id":"d0","value":{now}}}"#, event_id(0)),
        (_, Some(Event { number, device, time, value })) => {
            let value = value.map_or_else(String::new, |value| format!(r#","value":{value:?}"#));
            let (id, millis) = (event_id(number), time / 1000);
            format!(r#"{{"event_id":"{id}","device_id":"d{device}","event_time":{millis}{value}}}"#)
        }
    };
    Some(text.into())
}
