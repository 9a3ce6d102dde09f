//! `penstock audit`: proves from the lake's objects alone that nothing was lost and nothing doubled.
//!
//! It reads footers, cuts and states, not rows:
//! - each chain of raw objects is without fork, hole or undeclared gap, and each object is what its cut declared;
//! - each cut begins where the one before ended, and landed = silver + duplicates + rejected, by count and by checksum;
//! - each file that the states list is there with its rows and checksum, and no other file is.
//!
//! For sparse sources it claims what landed, not what upstream may have lost.

mod broker;
mod chains;
mod cuts;
mod files;
mod sent;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_core::state::State;
use penstock_lake::Store;
use penstock_runtime::Failure;
use serde::Serialize;

use crate::common::list_all;
use crate::output::{self, bytes, count, counted, line};
use crate::{Exit, LakeArguments};

pub use chains::ChainReport;

/// How many footers are read at once.
const READS_AT_ONCE: usize = 16;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// Look only at what came after this cut
    #[arg(long, default_value_t = 0, value_name = "CUT")]
    since: u64,
    /// Also say what the topics hold beyond the lake
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Settings of librdkafka, for TLS and SASL
    #[arg(long, value_parser = crate::run::pair, requires = "brokers", value_name = "KEY=VALUE")]
    kafka: Vec<(String, String)>,
    /// The producer's report: everything that was acknowledged must have landed
    #[arg(long, value_name = "REPORT")]
    sent: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Something that is missing, doubled or unexplained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The object, chain or cut.
    pub place: String,
    pub problem: String,
}

/// What the lake holds, and everything that is wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// The newest poured cut.
    pub cut: u64,
    /// Rows that landed, the waiting ones included.
    pub landed: u64,
    /// Rows that landed and are not poured yet.
    pub waiting: u64,
    pub silver: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub rejected_by_reason: BTreeMap<String, u64>,
    pub gap_positions: u64,
    pub late_events: u64,
    pub windows_on_time: u64,
    pub windows_late: u64,
    pub open_windows: u64,
    pub files: u64,
    pub file_bytes: u64,
    pub chains: Vec<ChainReport>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let mut report = report(&*lake.store(), &dataset, arguments.since).await?;
    if let Some(path) = &arguments.sent {
        sent::compare(&mut report, path)?;
    }
    if let Some(brokers) = arguments.brokers {
        report = broker::compare(report, brokers, arguments.kafka).await?;
    }
    if arguments.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(if report.balances() { Exit::Fine } else { Exit::Finding })
}

/// Audits what came after cut `since` (0: everything).
///
/// # Errors
/// The store's. What is wrong with the lake is a finding, not an error.
pub async fn report(store: &dyn Store, dataset: &Dataset, since: u64) -> Result<Report, Failure> {
    let mut report = Report::default();
    let history = cuts::read(store, dataset, since, &mut report.findings).await?;
    chains::check(store, dataset, &history, &mut report).await?;
    files::check(store, dataset, &history, &mut report).await?;
    report.add_state(&history.last);
    Ok(report)
}

impl Report {
    /// Whether nothing is missing, doubled or unexplained.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.findings.push(Finding { place: place.into(), problem: problem.into() });
    }

    fn add_state(&mut self, state: &State) {
        let totals = state.chain_totals();
        self.cut = state.cut;
        self.landed = totals.landed.rows + self.waiting;
        self.silver = totals.silver.rows;
        self.duplicates = totals.duplicates.rows;
        self.rejected = totals.rejected.rows;
        self.rejected_by_reason.clone_from(&state.totals.rejected);
        self.late_events = state.totals.late_events;
        self.windows_on_time = state.totals.windows_on_time;
        self.windows_late = state.totals.windows_late;
        self.open_windows = state.open_windows;
    }

    /// Prints the report for a person.
    pub(crate) fn print(&self) {
        let waiting = match self.waiting {
            0 => String::new(),
            waiting => format!(" + {} waiting to be poured", count(waiting)),
        };
        line(&format!(
            "{} landed = {} silver + {} duplicates + {} rejected{waiting}",
            count(self.landed),
            count(self.silver),
            count(self.duplicates),
            count(self.rejected)
        ));
        let reasons: Vec<String> =
            self.rejected_by_reason.iter().map(|(reason, number)| format!("{} {reason}", count(*number))).collect();
        if !reasons.is_empty() {
            line(&format!("rejected: {}", reasons.join(", ")));
        }
        line(&format!(
            "windows: {} on time, {} corrections for {} late events, {} open",
            count(self.windows_on_time),
            count(self.windows_late),
            count(self.late_events),
            count(self.open_windows)
        ));
        if 0 < self.gap_positions {
            line(&format!("declared gaps: {} positions", count(self.gap_positions)));
        }
        line(&format!(
            "{} of {} in {}, from {}",
            counted(self.files, "file"),
            bytes(self.file_bytes),
            counted(self.cut, "cut"),
            counted(self.chains.len() as u64, "partition")
        ));
        for chain in self.chains.iter().filter(|chain| chain.beyond.is_some()) {
            line(&format!(
                "{}: the topic holds {} records beyond the lake",
                chain.chain,
                count(chain.beyond.unwrap_or(0))
            ));
        }
        match self.findings.len() {
            0 => line("audit: in = out, nothing lost, nothing doubled"),
            number => line(&format!("audit: {number} FINDINGS")),
        }
        for finding in &self.findings {
            line(&format!("  {}: {}", finding.place, finding.problem));
        }
    }
}
