//! What a page shows, as one document: computed from what is known of the lake, and from nothing else.
//!
//! In: [`Known`], the dataset, and the time. Out: [`View`], which the page draws and does not reckon with.
//! Times are milliseconds since 1970, UTC, which JavaScript holds exactly; positions are texts, because those of Kinesis are long.

mod chains;
mod flow;

use std::collections::BTreeMap;

use penstock_core::dataset::Dataset;
use penstock_core::keys::ChainId;
use penstock_core::state::ChainTotals;
use penstock_trigger::log;
use serde::Serialize;

use super::known::{Answer, Known};
use crate::rejects::{Rejected, shown, visible};
use crate::{output, p95};

use chains::PartitionView;
use flow::{ArrivalsView, CutView, WindowsView};

/// Raised when a page of an older version would misread the document: it then asks to be loaded anew.
pub(super) const VERSION: u32 = 1;

/// What stands around a look.
#[derive(Debug)]
pub(super) struct Circumstances<'c> {
    /// Epoch microseconds.
    pub(super) now: i64,
    pub(super) location: &'c str,
    pub(super) dataset: &'c Dataset,
    /// What keeps the lake from being read, if something does.
    pub(super) problem: Option<&'c str>,
    pub(super) requests_per_minute: u64,
    pub(super) log: Option<&'c LogPositions>,
}

/// How far a run has read its log, by the chains that the log's partitions land in.
pub(super) type LogPositions = BTreeMap<ChainId, log::Position>;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct View {
    version: u32,
    at: i64,
    location: String,
    dataset: String,
    /// Of the lake, where it holds nothing of this one.
    other_datasets: Vec<String>,
    problem: Option<String>,
    requests_per_minute: u64,
    totals: TotalsView,
    arrivals: ArrivalsView,
    partitions: Vec<PartitionView>,
    cuts: Vec<CutView>,
    windows: WindowsView,
    rejects: Vec<ReasonView>,
    answer: Option<AnswerView>,
}

/// The audit's equation: `landed = silver + duplicates + rejected + waiting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct TotalsView {
    landed: u64,
    silver: u64,
    duplicates: u64,
    rejected: u64,
    waiting: u64,
    /// By count and by checksum, for every partition.
    balances: bool,
    gap_positions: u64,
    late_events: u64,
    windows_on_time: u64,
    windows_late: u64,
    open_windows: u64,
    /// The newest poured cut.
    cut: u64,
    /// Records in the log that have not landed, if a log is known.
    in_log: Option<u64>,
}

/// The rejected records of one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ReasonView {
    reason: String,
    count: u64,
    /// The newest few.
    samples: Vec<SampleView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SampleView {
    place: String,
    cut: u64,
    detail: String,
    value: String,
}

/// The dataset's question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct AnswerView {
    group: String,
    value: String,
    min_events: u64,
    deviations: f64,
    /// What there is instead of an answer.
    note: Option<String>,
    /// The cut up to which silver was read.
    cut: Option<u64>,
    rows: Vec<p95::Row>,
}

impl View {
    pub(super) fn of(known: &Known, around: &Circumstances<'_>) -> Self {
        let partitions = chains::view(known, around.log);
        Self {
            version: VERSION,
            at: millis(around.now),
            location: around.location.to_owned(),
            dataset: around.dataset.name.clone(),
            other_datasets: known.other_datasets.clone(),
            problem: around.problem.map(str::to_owned),
            requests_per_minute: around.requests_per_minute,
            totals: totals(known, &partitions),
            partitions,
            arrivals: flow::arrivals(known, around.now),
            cuts: flow::cuts(known),
            windows: flow::windows(known, around.dataset),
            rejects: reasons(known),
            answer: answer(&known.answer, around),
        }
    }
}

fn totals(known: &Known, partitions: &[PartitionView]) -> TotalsView {
    let totals: ChainTotals = known.state.chain_totals();
    let waiting = partitions.iter().map(|partition| partition.waiting).sum();
    TotalsView {
        landed: totals.landed.rows + waiting,
        silver: totals.silver.rows,
        duplicates: totals.duplicates.rows,
        rejected: totals.rejected.rows,
        waiting,
        balances: known.state.chains.iter().all(|chain| chain.totals.balance()),
        gap_positions: partitions.iter().map(|partition| partition.gap_positions).sum(),
        late_events: known.state.totals.late_events,
        windows_on_time: known.state.totals.windows_on_time,
        windows_late: known.state.totals.windows_late,
        open_windows: known.state.open_windows,
        cut: known.state.cut,
        in_log: partitions.iter().filter_map(|partition| partition.in_log).reduce(|sum, lag| sum + lag),
    }
}

/// The reasons with the most records first.
fn reasons(known: &Known) -> Vec<ReasonView> {
    let samples = |reason: &str| known.samples.get(reason).into_iter().flatten().map(sample).collect();
    let view = |(reason, count): (&String, &u64)| ReasonView {
        reason: reason.clone(),
        count: *count,
        samples: samples(reason),
    };
    let mut reasons: Vec<ReasonView> = known.state.totals.rejected.iter().map(view).collect();
    reasons.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
    reasons
}

/// Bounded, and without characters that control anything.
fn sample(record: &Rejected) -> SampleView {
    SampleView {
        place: format!("{} partition {} offset {}", record.topic, record.partition, record.position),
        cut: record.cut,
        detail: visible(&record.detail),
        value: shown(record.value.as_deref()),
    }
}

fn answer(answer: &Answer, around: &Circumstances<'_>) -> Option<AnswerView> {
    let asked = around.dataset.p95.as_ref()?;
    let name = |column: usize| around.dataset.columns[column].name.clone();
    let mut view = AnswerView {
        group: name(asked.group),
        value: name(asked.value),
        min_events: asked.min_events,
        deviations: asked.deviations,
        note: None,
        cut: None,
        rows: Vec::new(),
    };
    match answer {
        Answer::Pending => view.note = Some("no answer yet".to_owned()),
        Answer::Ready { cut, report } => {
            view.cut = Some(*cut);
            view.rows.clone_from(&report.rows);
        }
        Answer::TooLarge { bytes } => {
            let size = output::bytes(*bytes);
            let location = around.location;
            view.note = Some(format!(
                "silver is {size}, too large to be read again and again: `penstock p95 --lake {location}` answers"
            ));
        }
        Answer::Failed { problem } => view.note = Some(problem.clone()),
    }
    Some(view)
}

/// Epoch microseconds as milliseconds.
const fn millis(micros: i64) -> i64 {
    micros.div_euclid(1000)
}

/// The same, of a time that may be none.
fn known_millis(micros: i64) -> Option<i64> {
    (i64::MIN < micros).then(|| millis(micros))
}

#[cfg(test)]
mod tests;
