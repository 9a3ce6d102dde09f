//! What a run with its log in memory is to send, kept in the lake until it is done.
//!
//! The log does not survive the process, but what it holds follows from the plan: the same plan gives the same records
//! at the same offsets. So an interrupted run goes on by sending everything again; what landed is trimmed.

use bytes::Bytes;
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_lake::{LIST_LIMIT, Put, Store};
use penstock_producer::{DEFAULT_SPAN_SECS, spacing};
use penstock_runtime::Failure;
use serde::{Deserialize, Serialize};

use super::Arguments;
use crate::output::note;

/// Everything that the content of the log follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The number of the run, which is the epoch of its log.
    pub(super) run: u32,
    /// Epoch microseconds: when the first event happens.
    pub(super) start_time: i64,
    pub(super) events: u64,
    pub(super) spacing_nanos: u64,
    seed: u64,
    duplicates: f64,
    late: f64,
    malformed: f64,
    partitions: i32,
    input: Option<String>,
    dataset_hash: String,
}

impl Plan {
    /// A plan for the arguments. Events without a rate lie in the last minutes, so that they are past when they are sent.
    pub(super) fn new(arguments: &Arguments, dataset: &Dataset, run: u32, now: i64) -> Self {
        let rate = arguments.rate();
        let span = if rate.is_some() { 0 } else { i64::try_from(DEFAULT_SPAN_SECS).unwrap_or(0) * 1_000_000 };
        Self {
            run,
            start_time: now - span,
            events: if arguments.forever { u64::MAX } else { arguments.events },
            spacing_nanos: spacing(arguments.events, rate),
            seed: arguments.seed,
            duplicates: arguments.duplicates,
            late: arguments.late,
            malformed: arguments.malformed,
            partitions: arguments.partitions,
            input: arguments.input.as_ref().map(|input| input.display().to_string()),
            dataset_hash: dataset.hash.clone(),
        }
    }

    /// Milliseconds since 1970: when the record of this number was produced.
    pub(super) fn timestamp(&self, number: u64) -> i64 {
        let nanos = u128::from(number) * u128::from(self.spacing_nanos);
        (self.start_time / 1000).saturating_add(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
    }

    /// Remembers that the run has come to its end.
    pub(super) async fn finish(&self, store: &dyn Store, dataset: &str) -> Result<(), Failure> {
        store.put_new(&keys::run_finished(dataset, self.run), Bytes::from_static(b"{}")).await?;
        Ok(())
    }

    fn sends_the_same(&self, other: &Self) -> bool {
        let comparable = |plan: &Self| Self { run: 0, start_time: 0, ..plan.clone() };
        comparable(self) == comparable(other)
    }
}

/// The plan of the run that was interrupted in this lake, if there is one; else a new one, which is written down first.
pub(super) async fn resume_or_begin(
    arguments: &Arguments,
    store: &dyn Store,
    dataset: &Dataset,
    now: i64,
) -> Result<Plan, Failure> {
    let last = last_run(store, &dataset.name).await?;
    if let Some(Last { plan, finished: false }) = &last
        && !arguments.new
    {
        if !plan.sends_the_same(&Plan::new(arguments, dataset, plan.run, now)) {
            return Err(Failure::misconfigured(format!(
                "run {} in this lake was interrupted, and it was to send other events (seed {}, {} events). \
                 Repeat the command that began it to go on with it, or add --new to leave it as it is and begin another",
                plan.run, plan.seed, plan.events
            )));
        }
        note(&format!("going on with run {}, which was interrupted: what landed is not landed again", plan.run));
        return Ok(plan.clone());
    }
    let plan = Plan::new(arguments, dataset, last.map_or(0, |last| last.plan.run + 1), now);
    let json = serde_json::to_vec(&plan).map_err(Failure::bug)?;
    match store.put_new(&keys::run(&dataset.name, plan.run), Bytes::from(json)).await? {
        Put::Created => Ok(plan),
        Put::Exists => Err(Failure::misconfigured(format!(
            "another `penstock run` has just begun run {} in this lake: wait for it, or use another lake",
            plan.run
        ))),
    }
}

struct Last {
    plan: Plan,
    finished: bool,
}

async fn last_run(store: &dyn Store, dataset: &str) -> Result<Option<Last>, Failure> {
    let folder = keys::runs_folder(dataset);
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = store.list_after(&folder, names.last().map(String::as_str), LIST_LIMIT).await?;
        let is_last = page.len() < LIST_LIMIT;
        names.extend(page.into_iter().map(|listed| listed.key));
        if is_last {
            break;
        }
    }
    let Some(key) = names.iter().rfind(|key| key.ends_with(".json")) else {
        return Ok(None);
    };
    let json = store.get(key).await?;
    let plan: Plan = serde_json::from_slice(&json).map_err(|error| {
        Failure::misconfigured(format!(
            "`{key}` cannot be understood ({error}): use --new with another lake, or restore it"
        ))
    })?;
    let finished = names.contains(&keys::run_finished(dataset, plan.run));
    Ok(Some(Last { plan, finished }))
}
