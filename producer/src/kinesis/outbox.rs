//! Which records go next, and what became of those that went. No I/O, and the time is passed in.
//!
//! Kinesis takes some records of a request and refuses others, and promises no order within one.
//! So of each group (the records of a partition key) one at the most is under way; the next follows when it was taken.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use penstock_core::position::Position;

use crate::random::Draws;
use crate::report::{Deliveries, Failure, ShardReport};

/// What Kinesis takes in one request; bytes are those of the values and their keys.
const REQUEST_RECORDS: usize = 500;
const REQUEST_BYTES: usize = 5 << 20;
/// More would only wait for each other at Kinesis, whose limits are those of the shards.
const REQUESTS_AT_ONCE: usize = 8;
/// What waits here before the source has to: enough to find many keys, and no more than the memory bears.
const WAITING_RECORDS: usize = 20_000;
const WAITING_BYTES: usize = 64 << 20;
/// A shard's limits are those of a second, so a fraction of one lets it recover.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A stream that takes nothing for so long will not take the rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// A record that waits or is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) group: Group,
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    /// How many attempts ended without an answer: after each the stream may have it.
    doubts: u64,
}

/// Records that must stand in the stream in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// Those of a partition key.
    Key(String),
    /// A record that no order binds, by its number.
    Alone(u64),
}

/// Where a record stands in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) shard: String,
    pub(super) sequence_number: Position,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Of each record, in the order of the request: where it stands, or why it was refused for now.
    Each(Vec<Result<Written, String>>),
    /// All of it was refused for now.
    Refused(String),
    /// Nobody knows what of it was written.
    Unknown(String),
    /// All of it was refused, and so will be what follows.
    Fatal(String),
}

#[derive(Debug)]
pub(super) struct Outbox {
    /// The waiting records of each group that has any waiting or under way.
    groups: HashMap<Group, VecDeque<Entry>>,
    /// Groups with something waiting and nothing under way: who comes first goes first.
    ready: VecDeque<Group>,
    waiting: usize,
    waiting_bytes: usize,
    requests: usize,
    /// Nothing goes before this.
    resume_at: Option<Instant>,
    /// How many pauses there were since something was taken.
    pauses: u32,
    /// Since when nothing was taken.
    trouble_since: Option<Instant>,
    jitter: Draws,
    /// Why nothing goes any more.
    end: Option<String>,
    deliveries: Deliveries,
    shards: BTreeMap<String, ShardReport>,
}

impl Entry {
    pub(super) const fn new(number: u64, group: Group, key: String, value: Vec<u8>) -> Self {
        Self { number, group, key, value, doubts: 0 }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

impl Outbox {
    /// `seed` is for the jitter of pauses, so that many producers do not come back at once.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            groups: HashMap::new(),
            ready: VecDeque::new(),
            waiting: 0,
            waiting_bytes: 0,
            requests: 0,
            resume_at: None,
            pauses: 0,
            trouble_since: None,
            jitter: Draws::of(seed, 0),
            end: None,
            deliveries: Deliveries::default(),
            shards: BTreeMap::new(),
        }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.waiting < WAITING_RECORDS && self.waiting_bytes < WAITING_BYTES
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting += 1;
        self.waiting_bytes += entry.bytes();
        if let Some(waiting) = self.groups.get_mut(&entry.group) {
            waiting.push_back(entry);
        } else {
            self.ready.push_back(entry.group.clone());
            self.groups.insert(entry.group.clone(), VecDeque::from([entry]));
        }
    }

    /// The next request, if one may go now. What it holds is under way until it is settled.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<Entry>> {
        // While others are under way, only a full request goes: what is held back joins the next.
        let is_worth_it = self.requests == 0 || REQUEST_RECORDS <= self.ready.len();
        let is_pause = self.resume_at.is_some_and(|at| now < at);
        if self.end.is_some() || self.ready.is_empty() || is_pause || REQUESTS_AT_ONCE <= self.requests || !is_worth_it
        {
            return None;
        }
        let (mut request, mut bytes) = (Vec::new(), 0);
        while request.len() < REQUEST_RECORDS
            && let Some(group) = self.ready.front()
            && let Some(waiting) = self.groups.get_mut(group)
            && let Some(entry) = waiting.pop_front_if(|entry| bytes + entry.bytes() <= REQUEST_BYTES)
        {
            bytes += entry.bytes();
            request.push(entry);
            self.ready.pop_front();
        }
        self.waiting -= request.len();
        self.waiting_bytes -= bytes;
        self.requests += 1;
        Some(request)
    }

    /// When the pause ends, if there is one.
    pub(super) fn pause_ends(&self, now: Instant) -> Option<Instant> {
        self.resume_at.filter(|at| now < *at && self.end.is_none() && !self.ready.is_empty())
    }

    /// Nothing waits and nothing is under way, or nothing will go any more.
    pub(super) fn is_done(&self) -> bool {
        self.requests == 0 && (self.end.is_some() || self.groups.is_empty())
    }

    /// Why nothing goes any more.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    pub(super) fn settle(&mut self, request: Vec<Entry>, answer: Answer, now: Instant) {
        self.requests -= 1;
        match answer {
            Answer::Each(results) => self.settle_each(request, results, now),
            Answer::Refused(reason) => self.set_back(request, &reason, now),
            Answer::Unknown(reason) => {
                let doubt = |entry: Entry| Entry { doubts: entry.doubts + 1, ..entry };
                self.set_back(request.into_iter().map(doubt).collect(), &reason, now);
            }
            Answer::Fatal(reason) => self.give_up(&request, reason),
        }
    }

    fn settle_each(&mut self, request: Vec<Entry>, results: Vec<Result<Written, String>>, now: Instant) {
        let mut refused = Vec::new();
        let mut reason = None;
        let sent = request.len();
        for (entry, result) in request.into_iter().zip(results) {
            match result {
                Ok(written) => self.taken(entry, written),
                Err(why) => {
                    reason.get_or_insert(why);
                    refused.push(entry);
                }
            }
        }
        if refused.len() < sent {
            (self.pauses, self.trouble_since) = (0, None);
        }
        match reason {
            None => {}
            Some(reason) if refused.len() == sent => self.set_back(refused, &reason, now),
            Some(_) => self.again(refused, now),
        }
    }

    fn taken(&mut self, entry: Entry, Written { shard, sequence_number }: Written) {
        self.deliveries.acknowledged += 1;
        self.deliveries.may_be_doubled += entry.doubts;
        let report = self.shards.entry(shard).or_insert_with_key(|shard| ShardReport {
            shard: shard.clone(),
            acknowledged: 0,
            first_sequence_number: sequence_number,
            last_sequence_number: sequence_number,
        });
        report.acknowledged += 1;
        report.first_sequence_number = report.first_sequence_number.min(sequence_number);
        report.last_sequence_number = report.last_sequence_number.max(sequence_number);
        if self.groups.get(&entry.group).is_none_or(VecDeque::is_empty) {
            self.groups.remove(&entry.group);
        } else {
            self.ready.push_back(entry.group);
        }
    }

    /// Nothing of a request was taken.
    fn set_back(&mut self, request: Vec<Entry>, reason: &str, now: Instant) {
        let since = *self.trouble_since.get_or_insert(now);
        if PATIENCE <= now.saturating_duration_since(since) {
            let seconds = PATIENCE.as_secs();
            return self.give_up(&request, format!("gave up after {seconds} s in which nothing was taken: {reason}"));
        }
        self.again(request, now);
    }

    /// Puts records back to where they were, before all that wait, and pauses.
    fn again(&mut self, records: Vec<Entry>, now: Instant) {
        for entry in records.into_iter().rev() {
            self.waiting += 1;
            self.waiting_bytes += entry.bytes();
            self.ready.push_front(entry.group.clone());
            self.groups.entry(entry.group.clone()).or_default().push_front(entry);
        }
        self.pause(now);
    }

    fn pause(&mut self, now: Instant) {
        // Requests that were under way together are refused together, which is one reason to pause and not several.
        if self.resume_at.is_none_or(|at| at <= now) {
            let longest = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(16)).min(LONGEST_PAUSE);
            self.resume_at = Some(now + longest.mul_f64(0.5 + self.jitter.unit() / 2.0));
            self.pauses += 1;
        }
    }

    fn give_up(&mut self, request: &[Entry], reason: String) {
        if let Some(entry) = request.first() {
            let failure = Failure { number: entry.number, reason: reason.clone() };
            self.deliveries.first_failure.get_or_insert(failure);
        }
        self.end.get_or_insert(reason);
    }

    /// What became of all records so far.
    pub(super) fn deliveries(&self) -> Deliveries {
        Deliveries { shards: self.shards.values().cloned().collect(), ..self.deliveries.clone() }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
