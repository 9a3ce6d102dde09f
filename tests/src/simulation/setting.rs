//! What stays the same during a schedule: the topic, the two deployments, and how the store lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use penstock_core::chain::{Offsets, OnGap};
use penstock_core::cut::Bounds;
use penstock_core::dataset::Dataset;
use penstock_runtime::{CutSettings, FailureResponse, IngestSettings};

use super::port::{Listing, Version};
use crate::random::Random;

pub(super) const DATASET: &str = "simulated";
/// After so many hours raw objects may go.
pub(super) const RETENTION_HOURS: i64 = 24;

/// Drawn from the seed before anything happens.
#[derive(Clone, Debug)]
pub struct Setting {
    pub(super) partitions: usize,
    pub(super) is_sparse: bool,
    pub(super) listing: Listing,
    pub(super) deployments: [Deployment; 2],
}

/// One version of the functions with its settings. An operator deploys the other one, and some of the first live on.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) dataset: Arc<Dataset>,
    pub(super) rules: DatasetRules,
    pub(super) ingest: IngestSettings,
    pub(super) cut: CutSettings,
    /// How far the clocks of its functions are ahead.
    pub(super) ahead: Duration,
    /// Whether its refine is one that declares cuts of newer rules.
    pub(super) version: Version,
}

/// What a dataset file says, as far as it changes what a pour writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DatasetRules {
    pub(super) window_secs: i64,
    pub(super) lateness_secs: i64,
    pub(super) max_open_windows: usize,
    pub(super) horizon_secs: i64,
    pub(super) max_ids: usize,
    /// Whether the file has one more column.
    pub(super) has_note: bool,
}

impl Setting {
    pub(super) fn draw(random: &mut Random) -> Self {
        let is_sparse = random.once_in(6);
        let listing = if random.once_in(2) { Listing::Whole } else { Listing::WithHoles };
        let retention = random.once_in(2).then_some(RETENTION_HOURS);
        let first = Deployment::draw(random, is_sparse, retention, None);
        let second = Deployment::draw(random, is_sparse, retention, Some(&first));
        Self { partitions: 1 + random.below(3), is_sparse, listing, deployments: [first, second] }
    }
}

impl Setting {
    /// The one that can pour whatever cuts there are.
    pub(super) fn newest_deployment(&self) -> usize {
        usize::from(self.deployments[1].version == Version::Next)
    }

    pub(super) fn has_retention(&self) -> bool {
        self.deployments.iter().any(|deployment| deployment.cut.raw_retention_hours.is_some())
    }

    /// The setting in words, a line each.
    pub(super) fn words(&self) -> Vec<String> {
        let Self { partitions, is_sparse, listing, deployments } = self;
        let offsets = if *is_sparse { "sparse" } else { "contiguous" };
        let lists = if *listing == Listing::Whole { "as S3's" } else { "with holes, as a directory's" };
        let topic = format!("{partitions} partitions, offsets {offsets}, lists {lists}");
        let deployment = |Deployment { rules, ingest, cut, ahead, version, .. }: &Deployment| {
            format!(
                "deployment of {version:?} version: {rules:?}; gaps {:?}; failures {:?}; cuts of {} rows, {} bytes, {} s; retention {:?} h; clock {ahead:?} ahead",
                ingest.on_gap,
                ingest.failures,
                cut.bounds.rows,
                cut.min_bytes,
                cut.max_age_secs,
                cut.raw_retention_hours
            )
        };
        [vec![topic], deployments.iter().map(deployment).collect()].concat()
    }
}

impl Deployment {
    fn draw(random: &mut Random, is_sparse: bool, retention: Option<i64>, before: Option<&Self>) -> Self {
        let rules = match before {
            // Often only the settings change.
            Some(before) if random.once_in(2) => before.rules,
            _ => DatasetRules::draw(random),
        };
        let ingest = IngestSettings {
            offsets: if is_sparse { Offsets::Sparse } else { Offsets::Contiguous },
            on_gap: if random.once_in(4) { OnGap::Declare } else { OnGap::Fail },
            failures: if random.once_in(2) { FailureResponse::Partial } else { FailureResponse::Batch },
            ..IngestSettings::default()
        };
        let rows = [1, 5, 20, 1_000_000][random.below(4)];
        let cut = CutSettings {
            bounds: Bounds { rows, ..Bounds::default() },
            min_bytes: if random.once_in(4) { 3_000 } else { 0 },
            max_age_secs: [0, 60][random.below(2)],
            raw_retention_hours: retention,
        };
        let ahead = Duration::from_millis(700 * random.below(3) as u64);
        let is_next = before.is_some() && random.once_in(3);
        Self {
            dataset: rules.dataset(),
            rules,
            ingest,
            cut,
            ahead,
            version: if is_next { Version::Next } else { Version::This },
        }
    }
}

impl DatasetRules {
    fn draw(random: &mut Random) -> Self {
        Self {
            window_secs: [60, 60, 300][random.below(3)],
            lateness_secs: [0, 120][random.below(2)],
            max_open_windows: [2, 1000][random.below(2)],
            horizon_secs: [60, 600, 86_400][random.below(3)],
            max_ids: [4, 1000][random.below(2)],
            has_note: random.once_in(2),
        }
    }

    fn dataset(self) -> Arc<Dataset> {
        // There are few, and parsing one takes as long as landing a batch.
        static PARSED: Mutex<BTreeMap<DatasetRules, Arc<Dataset>>> = Mutex::new(BTreeMap::new());
        let parse = || Arc::new(Dataset::parse(&self.text()).unwrap_or_else(|problems| panic!("{problems}")));
        Arc::clone(PARSED.lock().unwrap_or_else(PoisonError::into_inner).entry(self).or_insert_with(parse))
    }

    /// The dataset file.
    fn text(&self) -> String {
        let Self { window_secs, lateness_secs, max_open_windows, horizon_secs, max_ids, .. } = self;
        let mut text = format!("name = \"{DATASET}\"\n");
        let columns = [
            ("event_id", "uuid", true),
            ("device_id", "string", true),
            ("event_time", "timestamp", true),
            ("value", "double", false),
            ("note", "string", false),
        ];
        let count = if self.has_note { columns.len() } else { columns.len() - 1 };
        for (number, (name, kind, required)) in columns[..count].iter().enumerate() {
            let id = 101 + number;
            write!(text, "[[columns]]\nname = \"{name}\"\nfield_id = {id}\ntype = \"{kind}\"\nrequired = {required}\n")
                .expect("a string takes everything");
        }
        text + &format!(
            "[roles]\nid = \"event_id\"\nevent_time = \"event_time\"\n\
             [windows]\nlength_secs = {window_secs}\nkeys = [\"device_id\"]\nmeasure = \"value\"\n\
             allowed_lateness_secs = {lateness_secs}\nmax_open_windows = {max_open_windows}\n\
             [dedupe]\nhorizon_secs = {horizon_secs}\nmax_ids = {max_ids}\n"
        )
    }
}
