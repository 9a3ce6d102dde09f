//! `penstock cuts ls`: the newest cuts, one line each.

use clap::Args;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::cut::Cut;
use penstock_core::state::State;
use penstock_core::time;
use penstock_lake::{Store, cuts};
use penstock_runtime::Failure;
use serde::Serialize;

use super::time_or_dash;
use crate::output::{self, count, line, note};
use crate::{Exit, LakeArguments};

/// How many declarations and footers are read at once.
const READS_AT_ONCE: usize = 8;

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// Only those after this cut
    #[arg(long, default_value_t = 0, value_name = "CUT")]
    since: u64,
    /// How many of the newest to list at the most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Declared; refine pours it with its next run.
    Waiting,
    Poured,
    Voided,
}

impl Status {
    pub(super) const fn of(state: Option<&State>) -> Self {
        match state {
            None => Self::Waiting,
            Some(State { voided: true, .. }) => Self::Voided,
            Some(_) => Self::Poured,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Poured => "poured",
            Self::Voided => "voided",
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    cut: u64,
    declared_at: String,
    objects: usize,
    rows: u64,
    status: Status,
    /// What the cut added to the lake, once it is poured.
    poured: Option<Poured>,
}

#[derive(Debug, Serialize)]
struct Poured {
    silver: u64,
    duplicates: u64,
    rejected: u64,
    gap_positions: u64,
    watermark: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let store = lake.store();
    let newest = cuts::newest(&*store, &dataset.name).await?;
    let first = newest.saturating_sub(arguments.limit).max(arguments.since) + 1;
    let rows = rows(&*store, &dataset.name, first, newest).await?;
    if arguments.json {
        output::json(&rows)?;
    } else {
        print(&rows);
    }
    if arguments.since + 1 < first {
        note(&format!("the newest {}; --limit N lists more of them", arguments.limit));
    }
    Ok(Exit::Fine)
}

async fn rows(store: &dyn Store, dataset: &str, first: u64, last: u64) -> Result<Vec<Row>, Failure> {
    let reads: Vec<BoxFuture<'_, _>> = (first..=last).map(|number| read(store, dataset, number).boxed()).collect();
    let read: Vec<(Cut, Option<State>)> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
    let mut before = cuts::read_state(store, dataset, first.saturating_sub(1)).await?;
    let mut rows = Vec::new();
    for (cut, state) in read {
        rows.push(row(&cut, before.as_ref(), state.as_ref()));
        before = state;
    }
    Ok(rows)
}

async fn read(store: &dyn Store, dataset: &str, number: u64) -> Result<(Cut, Option<State>), Failure> {
    Ok((cuts::read(store, dataset, number).await?, cuts::read_state(store, dataset, number).await?))
}

fn row(cut: &Cut, before: Option<&State>, state: Option<&State>) -> Row {
    // States that retention deleted give no differences.
    let poured = before.zip(state).map(|(before, after)| {
        let (old, new) = (before.chain_totals(), after.chain_totals());
        Poured {
            silver: new.silver.rows.saturating_sub(old.silver.rows),
            duplicates: new.duplicates.rows.saturating_sub(old.duplicates.rows),
            rejected: new.rejected.rows.saturating_sub(old.rejected.rows),
            gap_positions: new.gap_positions.saturating_sub(old.gap_positions),
            watermark: time_or_dash(after.watermark),
        }
    });
    Row {
        cut: cut.number,
        declared_at: time::rfc3339(cut.declared_at),
        objects: cut.objects().count(),
        rows: cut.rows(),
        status: Status::of(state),
        poured,
    }
}

fn print(rows: &[Row]) {
    if rows.is_empty() {
        line("no cut is declared");
        return;
    }
    let header =
        ["cut", "declared at", "objects", "rows", "status", "silver", "duplicates", "rejected", "gaps", "watermark"];
    output::table(&header, &rows.iter().map(Row::cells).collect::<Vec<_>>());
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let number = |get: fn(&Poured) -> u64| self.poured.as_ref().map_or("-".to_owned(), |poured| count(get(poured)));
        vec![
            self.cut.to_string(),
            self.declared_at.clone(),
            self.objects.to_string(),
            count(self.rows),
            self.status.as_str().to_owned(),
            number(|poured| poured.silver),
            number(|poured| poured.duplicates),
            number(|poured| poured.rejected),
            number(|poured| poured.gap_positions),
            self.poured.as_ref().map_or("-".to_owned(), |poured| poured.watermark.clone()),
        ]
    }
}
