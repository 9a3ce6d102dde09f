//! The values of all metrics in one process.
//!
//! Events record, outputs read: Prometheus and StatsD a [`Registry::snapshot`] of what has been so far, CloudWatch what
//! [`Registry::take`] says of one invocation. Recording is a lock, a search among few series, and an addition; it happens
//! once a batch and never once a record.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::metric::{Kind, Label, Metric};

/// So many values of a histogram are kept one by one, for outputs that want each: CloudWatch takes no more in a line.
pub const MAX_SAMPLES: usize = 100;

/// What a process has measured.
#[derive(Debug)]
pub struct Registry {
    /// The value of [`Label::Dataset`]: a process serves one.
    dataset: String,
    /// The series of each metric, in the order of their label values.
    families: Mutex<Vec<Vec<Cell>>>,
}

#[derive(Debug)]
struct Cell {
    /// The values of the metric's labels but for the dataset.
    labels: Box<[Box<str>]>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Number(f64),
    /// Epoch microseconds; none: nothing has an age.
    Moment(Option<i64>),
    // Boxed: most series are numbers, and each moves when another one comes before it.
    Histogram(Box<Histogram>),
}

/// How often values of each size occurred.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// One for each of [`crate::Unit::buckets`], and one for what is larger.
    pub buckets: Vec<u64>,
    pub count: u64,
    pub sum: f64,
    /// The first values since they were last taken, at most [`MAX_SAMPLES`].
    pub samples: Vec<f64>,
    /// How many values there were since then.
    pub sampled: u64,
}

/// All values at one moment, in the order of the registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub dataset: String,
    pub families: Vec<(Metric, Vec<Series>)>,
}

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The values of the metric's labels but for the dataset, which is the snapshot's.
    pub labels: Box<[Box<str>]>,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of counters, gauges, and ages in seconds.
    Number(f64),
    Histogram(Box<Histogram>),
}

impl Default for Registry {
    /// Of no dataset: for who knows none, and for who does not look.
    fn default() -> Self {
        Self::new("")
    }
}

impl Registry {
    #[must_use]
    pub fn new(dataset: &str) -> Self {
        let families = Metric::ALL.iter().map(|_| Vec::new()).collect();
        Self { dataset: dataset.to_owned(), families: Mutex::new(families) }
    }

    /// All values so far; ages are as old as they are at `now` (epoch microseconds).
    #[must_use]
    pub fn snapshot(&self, now: i64) -> Snapshot {
        let families = self.lock();
        self.read(families.iter().map(|cells| cells.iter().map(|cell| cell.series(now)).collect()))
    }

    /// The same, and the samples of histograms begin anew: for an output that wants each value once.
    #[must_use]
    pub fn flush(&self, now: i64) -> Snapshot {
        let mut families = self.lock();
        let flushed = families.iter_mut().map(|cells| {
            let series = cells.iter().map(|cell| cell.series(now)).collect();
            cells.iter_mut().for_each(Cell::forget_samples);
            series
        });
        self.read(flushed)
    }

    /// All values since the last time, and everything begins anew.
    #[must_use]
    pub fn take(&self, now: i64) -> Snapshot {
        let mut families = self.lock();
        self.read(families.iter_mut().map(|cells| cells.drain(..).map(|cell| cell.into_series(now)).collect()))
    }

    pub(crate) fn add(&self, metric: Metric, labels: &[&str], count: u64) {
        self.update(metric, labels, |state| {
            if let State::Number(number) = state {
                *number += count as f64;
            }
        });
    }

    pub(crate) fn set(&self, metric: Metric, labels: &[&str], value: f64) {
        self.update(metric, labels, |state| *state = State::Number(value));
    }

    /// `moment` is in epoch microseconds.
    pub(crate) fn set_moment(&self, metric: Metric, labels: &[&str], moment: Option<i64>) {
        self.update(metric, labels, |state| *state = State::Moment(moment));
    }

    pub(crate) fn observe(&self, metric: Metric, labels: &[&str], value: f64) {
        let ends = metric.description().unit.buckets();
        self.update(metric, labels, |state| {
            if let State::Histogram(histogram) = state {
                histogram.observe(ends, value);
            }
        });
    }

    /// Ends a series that nobody will update any more.
    pub(crate) fn remove(&self, metric: Metric, labels: &[&str]) {
        let cells = &mut self.lock()[metric as usize];
        if let Ok(at) = place(cells, labels) {
            cells.remove(at);
        }
    }

    fn update(&self, metric: Metric, labels: &[&str], change: impl FnOnce(&mut State)) {
        let cells = &mut self.lock()[metric as usize];
        let at = match place(cells, labels) {
            Ok(at) => at,
            Err(at) => {
                let labels = labels.iter().map(|value| Box::from(*value)).collect();
                cells.insert(at, Cell { labels, state: State::of(metric) });
                at
            }
        };
        change(&mut cells[at].state);
    }

    fn read(&self, families: impl Iterator<Item = Vec<Series>>) -> Snapshot {
        let families = Metric::ALL.iter().copied().zip(families).filter(|(_, series)| !series.is_empty());
        Snapshot { dataset: self.dataset.clone(), families: families.collect() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Cell>>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(cells: &[Cell], labels: &[&str]) -> Result<usize, usize> {
    cells.binary_search_by(|cell| cell.labels.iter().map(|value| &**value).cmp(labels.iter().copied()))
}

impl Cell {
    fn series(&self, now: i64) -> Series {
        Series { labels: self.labels.clone(), value: self.state.clone().into_value(now) }
    }

    fn into_series(self, now: i64) -> Series {
        Series { labels: self.labels, value: self.state.into_value(now) }
    }

    fn forget_samples(&mut self) {
        if let State::Histogram(histogram) = &mut self.state {
            histogram.samples.clear();
            histogram.sampled = 0;
        }
    }
}

impl State {
    /// How a series begins.
    fn of(metric: Metric) -> Self {
        let description = metric.description();
        match description.kind {
            Kind::Counter | Kind::Gauge => Self::Number(0.0),
            Kind::Age => Self::Moment(None),
            Kind::Histogram => Self::Histogram(Box::new(Histogram::new(description.unit.buckets().len() + 1))),
        }
    }

    fn into_value(self, now: i64) -> Value {
        match self {
            Self::Number(number) => Value::Number(number),
            Self::Moment(moment) => {
                let age = moment.map_or(0, |moment| now.saturating_sub(moment).max(0));
                Value::Number(age as f64 / 1e6)
            }
            Self::Histogram(histogram) => Value::Histogram(histogram),
        }
    }
}

impl Histogram {
    fn new(buckets: usize) -> Self {
        Self { buckets: vec![0; buckets], count: 0, sum: 0.0, samples: Vec::new(), sampled: 0 }
    }

    fn observe(&mut self, ends: &[f64], value: f64) {
        self.buckets[ends.partition_point(|end| *end < value)] += 1;
        self.count += 1;
        self.sum += value;
        self.sampled += 1;
        if self.samples.len() < MAX_SAMPLES {
            self.samples.push(value);
        }
    }
}

impl Snapshot {
    /// The series of a metric; none if it was never recorded.
    #[must_use]
    pub fn series(&self, metric: Metric) -> &[Series] {
        self.families.iter().find(|(found, _)| *found == metric).map_or(&[], |(_, series)| series)
    }

    /// The sum of a metric's numbers; of histograms, how many values there were.
    #[must_use]
    pub fn sum(&self, metric: Metric) -> f64 {
        self.series(metric).iter().map(|series| series.value.number()).sum()
    }

    /// Every label of a series with its value. The dataset of a process that knows none is no label.
    pub fn labels<'s>(&'s self, metric: Metric, series: &'s Series) -> impl Iterator<Item = (Label, &'s str)> {
        let (dataset, others) = metric.split_labels();
        let dataset = dataset.map(|label| (label, self.dataset.as_str())).filter(|(_, value)| !value.is_empty());
        dataset.into_iter().chain(others.iter().copied().zip(series.labels.iter().map(|value| &**value)))
    }
}

impl Value {
    /// The number; of a histogram, how many values there were.
    #[must_use]
    pub fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Histogram(histogram) => histogram.count as f64,
        }
    }
}

impl Metric {
    /// Whether it says of which dataset it is, and its other labels.
    #[must_use]
    pub const fn split_labels(self) -> (Option<Label>, &'static [Label]) {
        match self.description().labels {
            [Label::Dataset, others @ ..] => (Some(Label::Dataset), others),
            others => (None, others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_gauges_are_replaced_and_ages_grow() {
        let registry = Registry::new("iot");
        registry.add(Metric::EventsRejected, &["not_json"], 2);
        registry.add(Metric::EventsRejected, &["not_json"], 3);
        registry.set(Metric::WindowsOpen, &[], 4.0);
        registry.set(Metric::WindowsOpen, &[], 1.0);
        registry.set_moment(Metric::CutAge, &[], Some(1_000_000));
        registry.set_moment(Metric::UnpouredAge, &[], None);
        let check = |now: i64, metric: Metric, expect: f64| {
            assert_eq!(registry.snapshot(now).sum(metric), expect, "{metric:?} at {now}");
        };
        check(1_000_000, Metric::EventsRejected, 5.0);
        check(1_000_000, Metric::WindowsOpen, 1.0);
        check(3_500_000, Metric::CutAge, 2.5);
        check(500_000, Metric::CutAge, 0.0);
        check(3_500_000, Metric::UnpouredAge, 0.0);
    }

    #[test]
    fn series_stand_in_the_order_of_their_labels_and_may_end() {
        let registry = Registry::default();
        for partition in ["10", "9", "9"] {
            registry.set(Metric::LagEvents, &["ingest", "events", partition], 1.0);
        }
        let partitions = |snapshot: Snapshot| -> Vec<String> {
            snapshot.series(Metric::LagEvents).iter().map(|series| series.labels[2].to_string()).collect()
        };
        assert_eq!(partitions(registry.snapshot(0)), ["10", "9"]);
        registry.remove(Metric::LagEvents, &["ingest", "events", "10"]);
        assert_eq!(partitions(registry.snapshot(0)), ["9"]);
    }

    #[test]
    fn a_value_falls_into_the_first_bucket_that_does_not_end_below_it() {
        let registry = Registry::default();
        for value in [0.01, 0.011, 1.0, 7.0] {
            registry.observe(Metric::PayloadFill, &[], value);
        }
        let snapshot = registry.flush(0);
        let Value::Histogram(histogram) = &snapshot.series(Metric::PayloadFill)[0].value else {
            panic!("no histogram")
        };
        assert_eq!(histogram.buckets, [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((histogram.count, histogram.samples.len(), histogram.sampled), (4, 4, 4));
        let snapshot = registry.snapshot(0);
        let Value::Histogram(histogram) = &snapshot.series(Metric::PayloadFill)[0].value else {
            panic!("no histogram")
        };
        assert_eq!((histogram.count, histogram.samples.len(), histogram.sampled), (4, 0, 0));
    }

    #[test]
    fn what_was_taken_begins_anew() {
        let registry = Registry::default();
        registry.add(Metric::BatchesReceived, &[], 1);
        assert_eq!(registry.take(0).sum(Metric::BatchesReceived), 1.0);
        assert_eq!(registry.take(0), Snapshot::default());
    }
}
