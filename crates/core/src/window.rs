//! Tumbling windows over event time, the watermark that closes them, and corrections for what comes later.
//!
//! In: events in the order (topic, partition, offset), with the windows that the previous state left open.
//! Out: rows of windows that are complete, correction rows for windows that were written before, and what stays open.
//! All rows of a window, on time and late, add up to the truth: no event is dropped for being late.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::dataset::Windows;

/// The values of a window's key columns, in the order of the dataset's `windows.keys`.
pub type Group = Box<[Box<str>]>;

/// What a window knows of its events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// All events.
    pub count: u64,
    /// Those with a measure.
    pub measured: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    /// Epoch microseconds.
    pub first_event_time: i64,
    pub last_event_time: i64,
}

impl Totals {
    const EMPTY: Self = Self {
        count: 0,
        measured: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        first_event_time: i64::MAX,
        last_event_time: i64::MIN,
    };

    fn add(&mut self, event_time: i64, measure: Option<f64>) {
        self.count += 1;
        self.first_event_time = self.first_event_time.min(event_time);
        self.last_event_time = self.last_event_time.max(event_time);
        if let Some(value) = measure {
            self.measured += 1;
            self.sum += value;
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }
}

/// One row: a window of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRow {
    /// Epoch microseconds; the window is `[start, start + length)`.
    pub start: i64,
    pub group: Group,
    pub totals: Totals,
}

/// The start of the window that holds `event_time`.
#[must_use]
pub fn window_start(event_time: i64, length: i64) -> i64 {
    event_time - event_time.rem_euclid(length)
}

/// What [`OpenWindows::close`] yields, each sorted by start and group.
#[derive(Debug, Default, PartialEq)]
pub struct Closed {
    pub on_time: Vec<WindowRow>,
    pub late: Vec<WindowRow>,
}

/// The windows of one pour.
#[derive(Debug)]
pub struct OpenWindows {
    length: i64,
    max_open: usize,
    /// Windows that end at or before this were written by an earlier cut.
    closed_through: i64,
    open: HashMap<(i64, u32), Totals>,
    late: HashMap<(i64, u32), Totals>,
    groups: Vec<Group>,
    group_numbers: HashMap<Group, u32>,
}

impl OpenWindows {
    #[must_use]
    pub fn new(settings: &Windows, closed_through: i64) -> Self {
        Self {
            length: settings.length_secs.saturating_mul(1_000_000),
            max_open: settings.max_open_windows,
            closed_through,
            open: HashMap::new(),
            late: HashMap::new(),
            groups: Vec::new(),
            group_numbers: HashMap::new(),
        }
    }

    /// Takes over a window that the previous state left open.
    pub fn restore(&mut self, row: WindowRow) {
        let group = self.group_number(row.group);
        self.open.insert((row.start, group), row.totals);
    }

    /// A number for the group, for [`add`](Self::add): equal groups have equal numbers.
    pub fn group_number(&mut self, group: Group) -> u32 {
        if let Some(number) = self.group_numbers.get(&group) {
            return *number;
        }
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(group.clone());
        self.group_numbers.insert(group, number);
        number
    }

    /// Adds an event to its window, or to a correction if the window was written before.
    pub fn add(&mut self, event_time: i64, group: u32, measure: Option<f64>) {
        let start = window_start(event_time, self.length);
        let is_late = start.saturating_add(self.length) <= self.closed_through;
        let windows = if is_late { &mut self.late } else { &mut self.open };
        windows.entry((start, group)).or_insert(Totals::EMPTY).add(event_time, measure);
    }

    /// The end of the newest open window; `None` if none is open.
    #[must_use]
    pub fn newest_end(&self) -> Option<i64> {
        self.open.keys().map(|(start, _)| start.saturating_add(self.length)).max()
    }

    #[must_use]
    pub fn late_events(&self) -> u64 {
        self.late.values().map(|totals| totals.count).sum()
    }

    /// Closes every window that ends at or before the watermark, and the oldest ones beyond `max_open_windows`.
    /// Returns what closed and the point through which windows are closed now.
    pub fn close(&mut self, watermark: i64) -> (Closed, i64) {
        self.closed_through = self.closed_through.max(watermark).max(self.early_close());
        let ended = |(start, _): &(i64, u32)| start.saturating_add(self.length) <= self.closed_through;
        let on_time = self.open.extract_if(|key, _| ended(key)).collect();
        let late = std::mem::take(&mut self.late);
        (Closed { on_time: self.rows(on_time), late: self.rows(late) }, self.closed_through)
    }

    /// What stays open, sorted by start and group.
    #[must_use]
    pub fn into_open(mut self) -> Vec<WindowRow> {
        let open = std::mem::take(&mut self.open);
        self.rows(open)
    }

    /// The end of the oldest windows that must close so that at most `max_open` stay.
    fn early_close(&self) -> i64 {
        let mut excess = self.open.len().saturating_sub(self.max_open);
        if excess == 0 {
            return i64::MIN;
        }
        let mut by_start: BTreeMap<i64, usize> = BTreeMap::new();
        for (start, _) in self.open.keys() {
            *by_start.entry(*start).or_default() += 1;
        }
        for (start, count) in by_start {
            if excess <= count {
                return start.saturating_add(self.length);
            }
            excess -= count;
        }
        i64::MIN
    }

    fn rows(&self, windows: HashMap<(i64, u32), Totals>) -> Vec<WindowRow> {
        let row = |((start, group), totals): ((i64, u32), Totals)| WindowRow {
            start,
            group: self.groups[group as usize].clone(),
            totals,
        };
        let mut rows: Vec<WindowRow> = windows.into_iter().map(row).collect();
        rows.sort_unstable_by(|a, b| (a.start, &a.group).cmp(&(b.start, &b.group)));
        rows
    }
}

/// One partition, as the watermark sees it.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The newest event time so far, at most its arrival; `None` before the first valid event.
    pub newest_event_time: Option<i64>,
    pub newest_ingested_at: i64,
    /// Objects wait beyond the cut.
    pub waiting: bool,
}

/// The watermark after a cut: the oldest of the active partitions' newest event times, less the lateness.
/// While objects wait in a partition of which no event is known yet, it stays: they may be of any age.
/// It never goes back. All times in epoch microseconds.
#[must_use]
pub fn watermark(previous: i64, partitions: &[Progress], settings: &Windows) -> i64 {
    let idle_after = settings.idle_after_secs.saturating_mul(1_000_000);
    let lateness = settings.allowed_lateness_secs.saturating_mul(1_000_000);
    let newest_arrival = partitions.iter().map(|partition| partition.newest_ingested_at).max();
    let is_active = |partition: &&Progress| {
        let behind = newest_arrival.unwrap_or(i64::MIN).saturating_sub(partition.newest_ingested_at);
        partition.waiting || behind < idle_after
    };
    if partitions.iter().any(|partition| partition.waiting && partition.newest_event_time.is_none()) {
        return previous;
    }
    partitions
        .iter()
        .filter(is_active)
        .filter_map(|partition| partition.newest_event_time)
        .min()
        .map_or(previous, |oldest| previous.max(oldest.saturating_sub(lateness)))
}

#[cfg(test)]
mod tests;
