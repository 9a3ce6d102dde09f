//! What a run of the generator looks like, and which shapes make sense for a dataset.

use penstock_core::dataset::{Column, Dataset};

use crate::plan::EventKind;

/// The seed unless one is given.
pub const DEFAULT_SEED: u64 = 7;
/// Devices and networks that work well: one event in a hundred comes twice, one in a hundred late.
pub const DEFAULT_DUPLICATES: f64 = 0.01;
pub const DEFAULT_LATE: f64 = 0.01;
pub const DEFAULT_MALFORMED: f64 = 0.001;
/// Enough for several windows and cuts, and done within seconds.
pub const DEFAULT_EVENTS: u64 = 200_000;
/// Without a rate the events spread over this time: long enough for several windows to close.
pub const DEFAULT_SPAN_SECS: u64 = 600;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const DAY_SECS: i64 = 86_400;
/// Late events come up to this much later than is needed to be late.
pub(crate) const LATE_SPREAD_SECS: i64 = 600;
/// Of the allowed lateness, the part by which regular events may come out of order.
const JITTER_SHARE: i64 = 6;

/// What a run of the generator looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub seed: u64,
    /// How many events the run has; the generator itself goes on for ever.
    pub events: u64,
    /// Share of events that repeat an earlier one byte for byte.
    pub duplicates: f64,
    /// Share of events beyond the allowed lateness, yet within the limits.
    pub late: f64,
    pub malformed: f64,
    /// When the first event happens, in UTC microseconds.
    pub start_time_us: i64,
    /// Event time between one event and the next.
    pub spacing_nanos: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            seed: DEFAULT_SEED,
            events: DEFAULT_EVENTS,
            duplicates: DEFAULT_DUPLICATES,
            late: DEFAULT_LATE,
            malformed: DEFAULT_MALFORMED,
            start_time_us: 0,
            spacing_nanos: spacing(DEFAULT_EVENTS, None),
        }
    }
}

/// Nanoseconds of event time between two events: those of the rate (events a second), else
/// [`DEFAULT_SPAN_SECS`] divided by their number.
#[must_use]
pub fn spacing(events: u64, rate: Option<f64>) -> u64 {
    match rate {
        // A rate is positive, and `as` saturates.
        Some(rate) => (1e9 / rate) as u64,
        None => DEFAULT_SPAN_SECS * 1_000_000_000 / events.max(1),
    }
}

/// What is wrong with a shape or a dataset that events are to be made up for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeneratorError {
    #[error("{name} is {share}: give a share from 0 to 1")]
    Share { name: &'static str, share: f64 },
    #[error("duplicates, late and malformed add up to {0}: they are shares of all events, at most 1 together")]
    Shares(f64),
    #[error(
        "dataset {dataset}: required column `{column}` has no generator: add `generate` to it, or send events of your own with --input"
    )]
    NoGenerator { dataset: String, column: String },
    #[error(
        "dataset {dataset}: late events would be older than max_past_days allows: lower allowed_lateness_secs, or set late to 0"
    )]
    NoRoomForLate { dataset: String },
    #[error("the start time lies outside the years 1000 to 8000: give one that a device could have")]
    StartTime,
}

/// How many events of which kind a run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub sent: u64,
    pub malformed: u64,
    pub duplicates: u64,
    pub late: u64,
}

impl Expected {
    pub fn count(&mut self, kind: EventKind) {
        self.sent += 1;
        match kind {
            EventKind::Regular => {}
            EventKind::Late => self.late += 1,
            EventKind::Duplicate { .. } => self.duplicates += 1,
            EventKind::Malformed(_) => self.malformed += 1,
        }
    }

    /// Valid events with different ids: the rows that the lake must hold in the end.
    #[must_use]
    pub const fn distinct(&self) -> u64 {
        self.sent - self.malformed - self.duplicates
    }
}

/// By how much regular events come out of order at most.
pub(crate) fn jitter_secs(dataset: &Dataset) -> i64 {
    dataset.windows.allowed_lateness_secs / JITTER_SHARE
}

/// How late the latest events are: their window has closed even for the event before them.
pub(crate) fn late_secs(dataset: &Dataset) -> i64 {
    let windows = &dataset.windows;
    windows.allowed_lateness_secs + windows.length_secs + jitter_secs(dataset) + LATE_SPREAD_SECS
}

pub(crate) fn check(dataset: &Dataset, shape: &Shape) -> Result<(), GeneratorError> {
    let shares = [("duplicates", shape.duplicates), ("late", shape.late), ("malformed", shape.malformed)];
    for (name, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            return Err(GeneratorError::Share { name, share });
        }
    }
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if 1.0 < sum {
        return Err(GeneratorError::Shares(sum));
    }
    let must_be_written = |column: &&Column| column.required && column.derive.is_none();
    if let Some(column) = dataset.columns.iter().filter(must_be_written).find(|column| column.generate.is_none()) {
        return Err(GeneratorError::NoGenerator { dataset: dataset.name.clone(), column: column.name.clone() });
    }
    // An hour for the events to arrive, and as long as the run spans by default.
    let span_secs = i64::try_from(DEFAULT_SPAN_SECS).unwrap_or(i64::MAX) + 3600;
    if shape.late > 0.0 && late_secs(dataset) + span_secs > dataset.limits.max_past_days * DAY_SECS {
        return Err(GeneratorError::NoRoomForLate { dataset: dataset.name.clone() });
    }
    let years = |count: i64| (count - 1970) * 365 * DAY_SECS * MICROS_PER_SECOND;
    if !(years(1000)..years(8000)).contains(&shape.start_time_us) {
        return Err(GeneratorError::StartTime);
    }
    Ok(())
}
