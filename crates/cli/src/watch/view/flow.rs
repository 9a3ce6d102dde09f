//! What happens over time: arrivals, cuts, and windows that close behind the watermark.

use penstock_core::dataset::Dataset;
use penstock_core::time::MICROS_PER_SECOND;
use serde::Serialize;

use super::{known_millis, millis};
use crate::watch::known::{After, Known, KnownCut, STEP_SECS, STEPS, WINDOW_STARTS, WindowCounts};

/// Over how long the present rate is a mean.
const RATE_SECS: i64 = 60;

/// What landed, in steps of equal length up to now; or, where nothing landed for longer, up to the newest arrival.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ArrivalsView {
    step_secs: i64,
    /// The end of the last step.
    until: i64,
    is_past: bool,
    /// `None` where it is not known.
    rows: Vec<Option<u64>>,
    /// Records a second, the mean of the last minute.
    per_second: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CutView {
    number: u64,
    declared_at: i64,
    objects: usize,
    rows: u64,
    /// `waiting`, `poured` or `voided`.
    status: &'static str,
    /// What it added, once it is poured and the cut before is known.
    added: Option<AddedView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct AddedView {
    silver: u64,
    duplicates: u64,
    rejected: u64,
    windows_on_time: u64,
    windows_late: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct WindowsView {
    length_secs: i64,
    allowed_lateness_secs: i64,
    watermark: Option<i64>,
    newest_event: Option<i64>,
    /// By start, without holes.
    starts: Vec<StartView>,
    /// Some files were too large to look into.
    is_partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct StartView {
    start: i64,
    open: u64,
    on_time: u64,
    late: u64,
}

pub(super) fn arrivals(known: &Known, now: i64) -> ArrivalsView {
    let step = STEP_SECS * MICROS_PER_SECOND;
    let current = now.div_euclid(step);
    let steps = STEPS as i64;
    let newest = known.arrivals.last_key_value().map(|(step, _)| *step);
    let past = newest.filter(|newest| *newest <= current - steps);
    let last = past.unwrap_or(current);
    // The first step that is known may lack its beginning.
    let first_known = known.arrivals_since.map_or(i64::MIN, |since| since.div_euclid(step));
    let rows_of = |step: i64| (first_known <= step).then(|| known.arrivals.get(&step).copied().unwrap_or(0));
    let rows = (last + 1 - steps..=last).map(rows_of).collect();
    let recent: u64 = known.arrivals.range(current - RATE_SECS / STEP_SECS..current).map(|(_, rows)| rows).sum();
    ArrivalsView {
        step_secs: STEP_SECS,
        until: millis((last + 1).saturating_mul(step)),
        is_past: past.is_some(),
        rows,
        per_second: recent as f64 / RATE_SECS as f64,
    }
}

pub(super) fn cuts(known: &Known) -> Vec<CutView> {
    let before = |number: u64| match number {
        1 => Some(After::default()),
        number => known.cuts.get(&(number - 1))?.after,
    };
    known.cuts.iter().map(|(number, cut)| cut_view(*number, cut, before(*number))).collect()
}

fn cut_view(number: u64, cut: &KnownCut, before: Option<After>) -> CutView {
    let status = match cut.after {
        None => "waiting",
        Some(After { voided: true, .. }) => "voided",
        Some(_) => "poured",
    };
    let added = before.zip(cut.after).map(|(before, after)| AddedView {
        silver: after.totals.silver.rows.saturating_sub(before.totals.silver.rows),
        duplicates: after.totals.duplicates.rows.saturating_sub(before.totals.duplicates.rows),
        rejected: after.totals.rejected.rows.saturating_sub(before.totals.rejected.rows),
        windows_on_time: after.windows_on_time.saturating_sub(before.windows_on_time),
        windows_late: after.windows_late.saturating_sub(before.windows_late),
    });
    CutView { number, declared_at: millis(cut.declared_at), objects: cut.objects, rows: cut.rows, status, added }
}

pub(super) fn windows(known: &Known, dataset: &Dataset) -> WindowsView {
    let length = dataset.windows.length_secs.saturating_mul(MICROS_PER_SECOND).max(1);
    let is_whole = |start: &i64| known.windows_since < start.saturating_add(length);
    let last = known.windows.keys().copied().next_back();
    let first = known.windows.keys().copied().find(is_whole);
    let starts = first.zip(last).map_or_else(Vec::new, |(first, last)| {
        let first = first.max(last.saturating_sub(length.saturating_mul(WINDOW_STARTS as i64 - 1)));
        let at = |start: i64| known.windows.get(&start).copied().unwrap_or_default();
        let count = last.saturating_sub(first) / length;
        (0..=count).map(|index| first + index * length).map(|start| start_view(start, at(start))).collect()
    });
    WindowsView {
        length_secs: dataset.windows.length_secs,
        allowed_lateness_secs: dataset.windows.allowed_lateness_secs,
        watermark: known_millis(known.state.watermark),
        newest_event: known.state.chains.iter().filter_map(|chain| chain.newest_event_time).max().map(millis),
        starts,
        is_partial: known.skipped_files,
    }
}

const fn start_view(start: i64, counts: WindowCounts) -> StartView {
    let WindowCounts { open, on_time, late } = counts;
    StartView { start: millis(start), open, on_time, late }
}
