//! Declares what is to be refined and pours it: raw objects in; silver, windows, rejects and the next state out.
//!
//! A run finds the newest cut. If it is not poured, it pours it; otherwise it declares the next one and pours that,
//! and so on until nothing waits or its time is up. Any number of runs may overlap or end anywhere:
//! a cut is declared once, and whoever pours it writes the same rows under the same keys.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod declare;
mod pour;
mod retention;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use penstock_core::cut::{Cut, POURABLE};
use penstock_core::dataset::Dataset;
use penstock_core::dedupe::RecentIds;
use penstock_core::keys;
use penstock_core::state::{self, State};
use penstock_core::window::WindowRow;
use penstock_lake::{Store, cuts};
use penstock_runtime::{Call, CutSettings, Failure, Function, Lake, Settings, SystemClock};
use penstock_telemetry::Registry;
use penstock_telemetry::function::StageEnded;
use penstock_telemetry::refine::{Backlog, PartitionPoured, RefineRan};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

pub use declare::Mode;

/// The function's name in metrics.
pub const NAME: &str = "refine";

/// A warm function.
#[derive(Debug)]
pub struct Refine {
    lake: Lake,
    dataset: Arc<Dataset>,
    settings: CutSettings,
    /// Runs in one process take turns.
    warm: Mutex<Warm>,
}

/// What a run leaves for the next one: the last state, and the ids that it holds against duplicates.
#[derive(Debug)]
struct Warm {
    state: State,
    open_windows: Vec<WindowRow>,
    ids: RecentIds,
}

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The cuts that it poured.
    pub cuts: Vec<u64>,
    /// Whether its time was up while cuts were still to be poured.
    pub behind: bool,
}

#[async_trait]
impl Function for Refine {
    const NAME: &'static str = NAME;
    type Settings = Settings;

    async fn open(settings: &Settings, telemetry: Arc<Registry>) -> Result<Self, Failure> {
        let lake = Lake::open(&settings.lake, Arc::new(SystemClock), telemetry).await?;
        Ok(Self::new(lake, Arc::clone(&settings.dataset), settings.cut))
    }

    /// What the event says does not matter: a schedule's, a test's, an operator's all mean "now".
    async fn call(&self, _event: &[u8], call: &Call) -> Result<Value, Failure> {
        let summary = self.run(Mode::Scheduled, call).await?;
        serde_json::to_value(summary).map_err(Failure::bug)
    }
}

impl Refine {
    #[must_use]
    pub fn new(lake: Lake, dataset: Arc<Dataset>, settings: CutSettings) -> Self {
        let warm = Warm { state: State::empty(), open_windows: Vec::new(), ids: RecentIds::default() };
        Self { lake, dataset, settings, warm: Mutex::new(warm) }
    }

    /// Pours what waits.
    ///
    /// # Errors
    /// The store's; or somebody must act on a cut that cannot be poured, or on a damaged object.
    pub async fn run(&self, mode: Mode, call: &Call) -> Result<Summary, Failure> {
        let mut warm = self.warm.lock().await;
        let (summary, backlog) = self.pour_what_waits(&mut warm, mode, call).await?;
        self.emit_ran(&warm, backlog);
        Ok(summary)
    }

    async fn pour_what_waits(&self, warm: &mut Warm, mode: Mode, call: &Call) -> Result<(Summary, Backlog), Failure> {
        let clock = self.lake.clock();
        let store = self.lake.store_until(call.deadline);
        // A deadline in the past means that there is none, unless it passes while this run waits.
        let deadline = Some(call.deadline).filter(|deadline| clock.now() < *deadline).unwrap_or(i64::MAX);
        let (mut summary, mut backlog) = (Summary::default(), Backlog::default());
        let mut newest = cuts::newest(&*store, &self.dataset.name).await?;
        let mut began = clock.now();
        let mut longest = 0;
        loop {
            // Another cut like the longest one so far must fit, with half of its time to spare.
            if deadline <= began.saturating_add(longest / 2 * 3) {
                summary.behind = true;
                return Ok((summary, backlog));
            }
            let cut = if self.load_state(&*store, warm, newest).await? {
                let declared = self.declare(&*store, &warm.state, mode).await?;
                backlog = declared.backlog;
                match declared.cut {
                    Some(cut) => cut,
                    None => return Ok((summary, backlog)),
                }
            } else {
                self.read_cut(&*store, newest).await?
            };
            newest = cut.number;
            self.pour(&*store, warm, &cut, call).await?;
            summary.cuts.push(cut.number);
            // A run that never catches up would say nothing until its time is over.
            self.emit_ran(warm, backlog);
            let ended = clock.now();
            longest = longest.max(ended.saturating_sub(began));
            began = ended;
        }
    }

    fn emit_ran(&self, warm: &Warm, backlog: Backlog) {
        let state = &warm.state;
        RefineRan {
            cut: state.cut,
            declared_at: (0 < state.cut).then_some(state.declared_at),
            watermark: Some(state.watermark).filter(|watermark| i64::MIN < *watermark),
            open_windows: state.open_windows,
            ids: warm.ids.len(),
            backlog,
        }
        .emit(self.lake.telemetry());
        for chain in &state.chains {
            let Some(newest_event_time) = chain.newest_event_time else { continue };
            let partition = &chain.chain.partition.to_string();
            PartitionPoured { topic: &chain.chain.topic, partition, newest_event_time }.emit(self.lake.telemetry());
        }
    }

    pub(crate) fn stage_ended(&self, stage: &'static str, began: Instant) {
        StageEnded { function: NAME, stage, duration: began.elapsed() }.emit(self.lake.telemetry());
    }

    async fn read_cut(&self, store: &dyn Store, number: u64) -> Result<Cut, Failure> {
        let cut = cuts::read(store, &self.dataset.name, number).await?;
        if !POURABLE.contains(&cut.rules) {
            return Err(Failure::misconfigured(format!(
                "cut {number} is to be poured by the rules of version {}, and this binary knows {} to {}: \
                 deploy a version of refine that knows them",
                cut.rules,
                POURABLE.start(),
                POURABLE.end()
            )));
        }
        Ok(cut)
    }

    /// Makes the state of a cut the warm one; `false` if there is none, because the cut is not poured.
    async fn load_state(&self, store: &dyn Store, warm: &mut Warm, number: u64) -> Result<bool, Failure> {
        if warm.state.cut == number {
            return Ok(true);
        }
        if number == 0 {
            *warm = Warm { state: State::empty(), open_windows: Vec::new(), ids: RecentIds::default() };
            return Ok(true);
        }
        let key = keys::state(&self.dataset.name, number);
        let file = match store.get(&key).await {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let damaged = |problem: String| {
            Failure::misconfigured(format!(
                "the state `{key}` cannot be understood ({problem}): restore it from a backup"
            ))
        };
        let dataset = self.dataset_of(store, number).await?;
        let (state, open_windows) = state::decode(&dataset, &file).map_err(|error| damaged(error.to_string()))?;
        if state.cut != number {
            return Err(damaged(format!("it is the state of cut {}", state.cut)));
        }
        warm.state = state;
        warm.open_windows = open_windows;
        Ok(true)
    }

    /// The dataset by which a cut was declared: our own, unless the file has changed since.
    async fn dataset_of(&self, store: &dyn Store, number: u64) -> Result<Arc<Dataset>, Failure> {
        let cut = self.read_cut(store, number).await?;
        self.dataset_in(&cut)
    }

    fn dataset_in(&self, cut: &Cut) -> Result<Arc<Dataset>, Failure> {
        if cut.dataset_hash == self.dataset.hash {
            return Ok(Arc::clone(&self.dataset));
        }
        Dataset::parse(&cut.dataset).map(Arc::new).map_err(|problems| {
            Failure::misconfigured(format!("the dataset in cut {} cannot be read:\n{problems}", cut.number))
        })
    }
}
