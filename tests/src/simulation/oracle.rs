//! What must be true of the lake, worked out from what the broker held and from the bytes that were written.
//!
//! It shares no code with the product: it reads Parquet with the Parquet crate, JSON as JSON, and keys as text.
//! It looks at each object once, when it is created, so whatever a reader could have seen at any moment is checked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use penstock_lake::Operation;
use serde_json::Value;

use super::definition::{Definition, Place, Taken, Total, WindowKey, Written, is_accepted};
use super::network::{Effect, Outcome};
use super::reading::{File, date, integer, number, position};
use super::setting::{DATASET, DatasetRules, RETENTION_HOURS, Setting};
use super::topic::Topic;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

/// Everything that the lake held so far, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) findings: Vec<String>,
    /// Every object that there is, with the time of its creation.
    objects: BTreeMap<String, (Bytes, i64)>,
    chains: BTreeMap<usize, Chain>,
    /// Every row of raw, with the time of its arrival.
    landed: BTreeMap<Place, i64>,
    cuts: BTreeMap<u64, Cut>,
    silver_seen: HashSet<Place>,
    definition: Definition,
    /// What silver holds of each window, as far as no row of it says so.
    unwritten: BTreeMap<WindowKey, Total>,
    pub(super) tally: Tally,
}

/// Sums, to be compared with the audit's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) landed: u64,
    pub(super) silver: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
    pub(super) gap_positions: u64,
    pub(super) windows_on_time: u64,
    pub(super) windows_late: u64,
    pub(super) gaps_at_the_start: u64,
    pub(super) gaps_by_a_setting: u64,
    /// Duplicates that stayed, because they lie too far apart.
    pub(super) kept_duplicates: u64,
}

#[derive(Debug, Default)]
struct Chain {
    /// The first position that has not landed.
    next: i64,
    /// Each object by where it begins.
    objects: BTreeMap<i64, RawObject>,
    /// The first position that is in no cut.
    cut: i64,
}

#[derive(Clone, Copy, Debug)]
struct RawObject {
    next: i64,
    is_gap: bool,
    ingested_at: i64,
    is_poured: bool,
}

#[derive(Debug, Default)]
struct Cut {
    objects: Vec<(usize, i64)>,
    rules: Option<DatasetRules>,
    silver: BTreeSet<Place>,
    rejects: BTreeSet<Place>,
    windows: BTreeMap<WindowKey, Total>,
    watermark: Option<i64>,
}

impl Oracle {
    /// Looks at what a call did.
    pub(super) fn observe(&mut self, effect: &Effect, topic: &Topic, setting: &Setting) {
        match (&effect.outcome, effect.operation) {
            (Outcome::Created(bytes), _) => self.created(&effect.key, bytes, effect.at, topic, setting),
            (Outcome::Changed, Operation::Delete) => self.deleted(&effect.key, effect.at),
            _ => {}
        }
    }

    pub(super) fn has_landed(&self, partition: usize, offset: i64) -> bool {
        self.landed.contains_key(&(partition, offset))
    }

    /// Whether anything has landed of a partition.
    pub(super) fn has_begun(&self, partition: usize) -> bool {
        self.chains.contains_key(&partition)
    }

    /// The positions that a chain cannot go on without, because the broker lost them before what it still has.
    pub(super) fn missing(&self, topic: &Topic, partition: usize) -> Option<(i64, i64)> {
        let tail = self.chains.get(&partition).map_or(0, |chain| chain.next);
        let log = &topic.partitions[partition];
        let (first, _) = log.made.range(tail..).find(|(offset, _)| !log.lost.contains(offset))?;
        (tail < *first && !topic.is_sparse).then_some((tail, *first))
    }

    /// The keys and bytes that the store must hold now.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.objects.iter().map(|(key, (bytes, _))| (key.as_str(), bytes))
    }

    fn find(&mut self, problem: impl Into<String>) {
        self.findings.push(problem.into());
    }

    fn created(&mut self, key: &str, bytes: &Bytes, at: i64, topic: &Topic, setting: &Setting) {
        if self.objects.insert(key.to_owned(), (bytes.clone(), at)).is_some() {
            return self.find(format!("{key} was there and is overwritten"));
        }
        let parts: Vec<&str> = key.split('/').collect();
        match parts[..] {
            ["raw", DATASET, "kafka", "events@0", partition, from] => {
                self.raw(key, number(partition) as usize, number(from), bytes, topic);
            }
            ["silver", DATASET, folder, cut] => self.silver(key, folder, number(cut) as u64, bytes, topic),
            ["windows", DATASET, folder, cut] => self.windows(key, folder, number(cut) as u64, bytes),
            ["rejects", DATASET, cut] => self.rejects(key, number(cut) as u64, bytes, topic),
            ["_penstock", DATASET, "cuts", cut] => self.cut(key, number(cut) as u64, bytes, setting),
            ["_penstock", DATASET, "state", cut] => self.state(key, number(cut) as u64, bytes, topic),
            _ => self.find(format!("{key} has no place in a lake")),
        }
    }

    fn deleted(&mut self, key: &str, at: i64) {
        let Some((_, created)) = self.objects.remove(key) else { return };
        let parts: Vec<&str> = key.split('/').collect();
        let ["raw", _, _, _, partition, from] = parts[..] else {
            return self.find(format!("{key} was deleted"));
        };
        let (chain, from) = (self.chains.entry(number(partition) as usize).or_default(), number(from));
        let is_last = chain.objects.keys().next_back() == Some(&from);
        let is_poured = chain.objects.get(&from).is_some_and(|object| object.is_poured);
        if is_last || !is_poured || at - created < RETENTION_HOURS * HOUR - 2 * SECOND {
            self.find(format!(
                "{key} was deleted (last of its chain: {is_last}, poured: {is_poured}, {} s old)",
                (at - created) / SECOND
            ));
        }
    }

    fn raw(&mut self, key: &str, partition: usize, from: i64, bytes: &Bytes, topic: &Topic) {
        let file = File::open(bytes);
        let link = file.footer("penstock.link");
        let (next, is_gap) = (position(&link["next"]), link["kind"] == "gap");
        let chain = self.chains.entry(partition).or_default();
        let expected = chain.next;
        let ingested_at = link["ingested_at"].as_i64().unwrap_or_default();
        chain.objects.insert(from, RawObject { next, is_gap, ingested_at, is_poured: false });
        chain.next = next;
        if from != expected {
            return self.find(format!("{key} does not follow the object before it, which ends at {expected}"));
        }
        let log = &topic.partitions[partition];
        if is_gap {
            match link["gaps"].as_array().and_then(|gaps| gaps.last()?["reason"].as_str()) {
                // The first records of a chain were never announced to it: the audit does not count them.
                Some("start") => self.tally.gaps_at_the_start += 1,
                reason => {
                    self.tally.gaps_by_a_setting += u64::from(reason == Some("automatic"));
                    self.tally.gap_positions += (next - from) as u64;
                }
            }
            for (offset, _) in log.made.range(from..next).filter(|(offset, _)| !log.lost.contains(offset)) {
                self.find(format!("{key} declares offset {offset} missing, and the broker has it"));
            }
            return;
        }
        let Some(rows) = file.rows(&["offset", "ingested_at", "reject_reason"]) else {
            return self.find(format!("{key} is empty"));
        };
        let mut expected = from;
        for row in 0..rows.count() {
            let (offset, arrived_at) = (rows.integer("offset", row), rows.time("ingested_at", row));
            let skipped = log.made.range(expected..offset).count();
            expected = offset + 1;
            let Some(made) = log.made.get(&offset).filter(|_| skipped == 0 && offset < next) else {
                return self.find(format!("{key} holds {offset} in row {row}, where the topic has another"));
            };
            if rows.is_null("reject_reason", row) != is_accepted(made, arrived_at) {
                self.find(format!("{key}: {made:?}, arrived at {arrived_at}, is accepted or rejected wrongly"));
            }
            if arrived_at != ingested_at {
                self.find(format!("{key}: row {row} and footer differ in the time of arrival"));
            }
            if self.landed.insert((partition, offset), arrived_at).is_some() {
                self.find(format!("{key} lands offset {offset} again"));
            }
            self.tally.landed += 1;
        }
        if expected != next {
            self.find(format!("{key} says that it ends at {next}, and ends at {expected}"));
        }
    }

    fn cut(&mut self, key: &str, number: u64, bytes: &Bytes, setting: &Setting) {
        let json: Value = serde_json::from_slice(bytes).expect("a cut is JSON");
        let rules = setting.deployments.iter().find(|deployment| json["dataset"] == deployment.dataset.text.as_str());
        let mut objects = Vec::new();
        for chain in json["chains"].as_array().into_iter().flatten() {
            let partition = integer(&chain["partition"]["kafka"]) as usize;
            for object in chain["objects"].as_array().into_iter().flatten() {
                objects.push((partition, position(&object["from"])));
            }
        }
        if number != 1 && self.cuts.get(&(number - 1)).is_none_or(|before| before.watermark.is_none()) {
            self.find(format!("{key} is declared before the cut before it is poured"));
        }
        for (partition, from) in &objects {
            let chain = self.chains.entry(*partition).or_default();
            let next = chain.objects.get(from).map(|object| object.next);
            if chain.cut == *from && next.is_some() {
                chain.cut = next.unwrap_or_default();
            } else {
                let problem = format!("{key} takes {from} of partition {partition}, where {} comes next", chain.cut);
                self.find(problem);
            }
        }
        let cut = Cut { objects, rules: rules.map(|deployment| deployment.rules), ..Cut::default() };
        self.cuts.insert(number, cut);
    }

    fn silver(&mut self, key: &str, folder: &str, cut: u64, bytes: &Bytes, topic: &Topic) {
        let columns = ["event_id", "device_id", "event_time", "value", "partition", "offset"];
        let rows = File::open(bytes).rows(&columns);
        let rows = rows.iter().flat_map(|rows| (0..rows.count()).map(move |row| (rows, row)));
        let mut places = Vec::new();
        for (rows, row) in rows {
            let place = (rows.small("partition", row) as usize, rows.integer("offset", row));
            let event = topic.partitions.get(place.0).and_then(|log| log.made.get(&place.1)?.event);
            let is_it = event.is_some_and(|event| {
                rows.text("event_id", row) == crate::events::event_id(event.number)
                    && rows.text("device_id", row) == format!("d{}", event.device)
                    && rows.time("event_time", row) == event.time
                    && rows.double("value", row) == event.value
                    && folder == format!("event_date={}", date(event.time))
            });
            if !is_it {
                self.find(format!("{key}: row {row} is not the event of {place:?}, {event:?}"));
            }
            places.push(place);
        }
        for place in places {
            if !self.silver_seen.insert(place) {
                self.find(format!("{key}: a reader of silver sees {place:?} twice"));
            }
            self.cuts.entry(cut).or_default().silver.insert(place);
        }
    }

    fn rejects(&mut self, key: &str, cut: u64, bytes: &Bytes, topic: &Topic) {
        let rows = File::open(bytes).rows(&["partition", "offset", "reject_bytes"]);
        for (rows, row) in rows.iter().flat_map(|rows| (0..rows.count()).map(move |row| (rows, row))) {
            let place = (rows.small("partition", row) as usize, rows.integer("offset", row));
            let made = topic.partitions.get(place.0).and_then(|log| log.made.get(&place.1));
            if made.is_none_or(|made| made.record.value.as_deref() != rows.bytes("reject_bytes", row)) {
                self.find(format!("{key}: the reject of {place:?} is not what was sent"));
            }
            if !self.cuts.entry(cut).or_default().rejects.insert(place) {
                self.find(format!("{key}: {place:?} is rejected twice"));
            }
        }
    }

    fn windows(&mut self, key: &str, folder: &str, cut: u64, bytes: &Bytes) {
        let columns = ["window_start", "window_end", "device_id", "count", "measure_count", "sum", "kind"];
        let Some(rows) = File::open(bytes).rows(&columns) else { return };
        for row in 0..rows.count() {
            let (start, end) = (rows.time("window_start", row), rows.time("window_end", row));
            let window = (end - start, start, rows.text("device_id", row).to_owned());
            let total = Total {
                count: rows.integer("count", row),
                measured: rows.integer("measure_count", row),
                sum: rows.double("sum", row).unwrap_or(0.0),
            };
            if self.cuts.entry(cut).or_default().windows.insert(window, total).is_some() {
                self.find(format!("{key} has two rows for the window of row {row}"));
            }
            match rows.text("kind", row) {
                "on_time" => self.tally.windows_on_time += 1,
                "late" => self.tally.windows_late += 1,
                kind => self.findings.push(format!("{key}: a window is {kind}")),
            }
            if folder != format!("event_date={}", date(start)) {
                self.find(format!("{key} holds a window that begins at {start}"));
            }
        }
    }

    /// A state says that its cut is poured: every row must be there by now, and no other.
    fn state(&mut self, key: &str, number: u64, bytes: &Bytes, topic: &Topic) {
        let state = File::open(bytes).footer("penstock.state");
        let watermark = integer(&state["watermark"]);
        let before = self.cuts.get(&(number - 1)).and_then(|cut| cut.watermark);
        if number != 1 && before.is_none_or(|before| watermark < before) {
            self.find(format!("{key}: the watermark goes from {before:?} to {watermark}"));
        }
        let Some(cut) = self.cuts.get_mut(&number) else {
            return self.find(format!("{key} is the state of a cut that was never declared"));
        };
        cut.watermark = Some(watermark);
        let objects = cut.objects.clone();
        for (partition, from) in &objects {
            if let Some(object) = self.chains.get_mut(partition).and_then(|chain| chain.objects.get_mut(from)) {
                object.is_poured = true;
            }
        }
        let Some(rules) = cut.rules else {
            return self.find(format!("{key}: its cut carries a dataset that nobody deployed"));
        };
        let described = |(partition, from): &(usize, i64)| {
            let object = self.chains.get(partition)?.objects.get(from)?;
            Some(Taken {
                partition: *partition,
                from: *from,
                next: object.next,
                is_gap: object.is_gap,
                arrived_at: object.ingested_at,
            })
        };
        let taken: Vec<Taken> = objects.iter().filter_map(described).collect();
        let Written { silver, rejects, duplicates } = self.definition.pour(&taken, rules, &self.landed, topic);
        self.tally.silver += silver.len() as u64;
        self.tally.rejected += rejects.len() as u64;
        self.tally.duplicates += duplicates;
        self.add_up(key, number, rules.window_secs * SECOND, topic);
        let cut = &self.cuts[&number];
        for (what, expected, found) in [("silver", silver, &cut.silver), ("rejects", rejects, &cut.rejects)] {
            if expected != *found {
                let missing: Vec<_> = expected.difference(found).collect();
                let extra: Vec<_> = found.difference(&expected).collect();
                self.findings.push(format!("{key}: {what} of the cut lack {missing:?} and have {extra:?} too many"));
            }
        }
    }

    /// Judges the lake at the end, when all was delivered and drained.
    pub(super) fn judge(&mut self, topic: &Topic) {
        for (partition, log) in topic.partitions.iter().enumerate() {
            for offset in log.made.keys() {
                if !self.has_landed(partition, *offset) && !log.lost.contains(offset) {
                    self.find(format!("offset {offset} of partition {partition} never landed"));
                }
            }
        }
        for (partition, chain) in &self.chains {
            if chain.cut != chain.next {
                let problem = format!("partition {partition} is cut up to {}, and ends at {}", chain.cut, chain.next);
                self.findings.push(problem);
            }
        }
        if let Some((number, _)) = self.cuts.iter().find(|(_, cut)| cut.watermark.is_none()) {
            self.findings.push(format!("cut {number} was never poured"));
        }
        if let Some(unwritten) = self.unwritten.iter().next() {
            self.findings.push(format!("no row of the windows counts {unwritten:?}"));
        }
        let mut ids = HashSet::new();
        let events =
            self.silver_seen.iter().filter_map(|(partition, offset)| topic.partitions[*partition].made[offset].event);
        self.tally.kept_duplicates = events.filter(|event| !ids.insert(event.number)).count() as u64;
    }

    /// A row of a window says what silver has of it since the row before, added in the order of partition and offset.
    fn add_up(&mut self, key: &str, number: u64, length: i64, topic: &Topic) {
        let cut = &self.cuts[&number];
        for (partition, offset) in &cut.silver {
            let Some(event) = topic.partitions[*partition].made[offset].event else { continue };
            let start = event.time - event.time.rem_euclid(length);
            let total = self.unwritten.entry((length, start, format!("d{}", event.device))).or_default();
            total.count += 1;
            total.measured += i64::from(event.value.is_some());
            total.sum += event.value.unwrap_or(0.0);
        }
        for (window, found) in &cut.windows {
            let expected = self.unwritten.remove(window);
            if expected != Some(*found) {
                self.findings
                    .push(format!("{key}: the window {window:?} adds up to {expected:?}, and its row says {found:?}"));
            }
        }
    }
}
