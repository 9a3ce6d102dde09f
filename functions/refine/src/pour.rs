//! Pours a declared cut: reads its objects, lets the core do the rest, and creates what comes out, the state last.

use std::fmt::Write;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::chain::LinkKind;
use penstock_core::cut::{Cut, CutObject};
use penstock_core::dataset::Dataset;
use penstock_core::dedupe::RecentCut;
use penstock_core::keys::{self, ChainId};
use penstock_core::part::{self, Part};
use penstock_core::pour::{self, Pour, PourError, Poured};
use penstock_core::state::{self, State};
use penstock_lake::chain::read_entry;
use penstock_lake::hints::{self, ChainHint, Progress};
use penstock_lake::{Put, Store, StoreError};
use penstock_runtime::{Call, Failure};
use penstock_telemetry::refine::CutPoured;

use crate::{Refine, Warm};

/// How many objects are read, or files written, at once: enough to hide the store's latency, few enough for the memory.
const REQUESTS_AT_ONCE: usize = 8;

impl Refine {
    /// Pours a cut and makes its state the warm one.
    pub(crate) async fn pour(&self, store: &dyn Store, warm: &mut Warm, cut: &Cut, call: &Call) -> Result<(), Failure> {
        let dataset = self.dataset_in(cut)?;
        if !self.load_state(store, warm, cut.number - 1).await? {
            return Err(Failure::misconfigured(format!(
                "cut {} is declared, but the state before it, `{}`, is missing: restore it from a backup",
                cut.number,
                keys::state(&self.dataset.name, cut.number - 1)
            )));
        }
        let reach = pour::reach(cut, &dataset, &warm.state);
        let began = Instant::now();
        load_ids(store, &dataset, warm, &reach).await?;
        self.stage_ended("ids", began);
        let began = Instant::now();
        let poured = match pour_objects(store, cut, &dataset, warm).await {
            Ok(poured) => poured,
            // Another run may have poured it meanwhile, and retention deleted its objects since.
            Err(failure) => {
                let is_poured = self.load_state(store, warm, cut.number).await?;
                return if is_poured { Ok(()) } else { Err(failure) };
            }
        };
        self.stage_ended("pour", began);
        let began = Instant::now();
        let put = write(store, &dataset, cut, &poured).await?;
        self.stage_ended("write", began);
        // What another run poured, that one has counted.
        if put == Put::Created {
            self.emit_poured(cut, &poured, warm, call);
        }
        let previous = std::mem::replace(&mut warm.state, poured.state);
        warm.open_windows = poured.open_windows;
        if !poured.new_ids.is_empty() {
            warm.ids.push(cut.number, poured.new_ids);
        }
        hints::write(store, &self.dataset.name, &progress(cut, store, &self.dataset.name).await).await;
        self.retire(store, &previous, &warm.state).await
    }

    fn emit_poured(&self, cut: &Cut, poured: &Poured, warm: &Warm, call: &Call) {
        let (before, after) = (&warm.state, &poured.state);
        let (sums_before, sums) = (before.chain_totals(), after.chain_totals());
        CutPoured {
            request_id: &call.request_id,
            dataset: &self.dataset.name,
            cut: cut.number,
            objects: cut.objects().count(),
            rows: cut.rows(),
            silver: sums.silver.rows.saturating_sub(sums_before.silver.rows),
            duplicates: sums.duplicates.rows.saturating_sub(sums_before.duplicates.rows),
            late: after.totals.late_events.saturating_sub(before.totals.late_events),
            windows: after.totals.windows_on_time.saturating_sub(before.totals.windows_on_time),
            corrections: after.totals.windows_late.saturating_sub(before.totals.windows_late),
            files: poured.parts.len(),
            open_windows: after.open_windows,
            ids: warm.ids.len() + poured.new_ids.len(),
            watermark: after.watermark,
            ranges: &ranges(&self.dataset.name, cut),
        }
        .emit(self.lake.telemetry());
    }
}

/// Holds exactly the ids of the cuts in reach: forgets others, reads those that a cold function lacks.
async fn load_ids(store: &dyn Store, dataset: &Dataset, warm: &mut Warm, reach: &[RecentCut]) -> Result<(), Failure> {
    warm.ids.retain(reach);
    let held: Vec<u64> = warm.ids.cuts().collect();
    for recent in reach.iter().filter(|recent| !held.contains(&recent.cut)) {
        let mut ids = Vec::new();
        for key in &recent.files {
            let file = store.get(key).await.map_err(|error| missing(key, error))?;
            let in_file = pour::silver_ids(dataset, &file).map_err(|error| {
                Failure::misconfigured(format!(
                    "the silver file `{key}` is damaged ({error}): restore it from a backup"
                ))
            })?;
            ids.extend(in_file.into_iter().flatten());
        }
        if ids.len() as u64 != recent.ids {
            return Err(Failure::misconfigured(format!(
                "the silver files of cut {} hold {} ids instead of {}: restore them from a backup",
                recent.cut,
                ids.len(),
                recent.ids
            )));
        }
        warm.ids.push(recent.cut, ids);
    }
    Ok(())
}

fn missing(key: &str, error: StoreError) -> Failure {
    if error.is_not_found() {
        Failure::misconfigured(format!("the silver file `{key}` is missing: restore it from a backup"))
    } else {
        error.into()
    }
}

async fn pour_objects(store: &dyn Store, cut: &Cut, dataset: &Dataset, warm: &Warm) -> Result<Poured, Failure> {
    let open_windows = warm.open_windows.clone();
    let mut pour = Pour::begin(cut, dataset, &warm.state, open_windows, &warm.ids).map_err(|error| failure(&error))?;
    let reads: Vec<BoxFuture<'_, _>> =
        cut.objects().map(|(chain, object)| read_object(store, dataset, chain, object).boxed()).collect();
    let mut objects = stream::iter(reads).buffered(REQUESTS_AT_ONCE);
    while let Some((chain, object, file)) = objects.try_next().await? {
        pour.add(chain, object, file.as_ref()).map_err(|error| failure(&error))?;
    }
    pour.finish().map_err(|error| failure(&error))
}

/// The content of an object; none for a gap, and none for an object that is gone, which the pour will say.
async fn read_object<'c>(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &'c ChainId,
    object: &'c CutObject,
) -> Result<(&'c ChainId, &'c CutObject, Option<Bytes>), Failure> {
    let file = match object.kind {
        LinkKind::Gap => None,
        LinkKind::Data => match store.get(&chain.object(&dataset.name, object.from)).await {
            Ok(file) => Some(file),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        },
    };
    Ok((chain, object, file))
}

fn failure(error: &PourError) -> Failure {
    match error {
        PourError::Unreadable { .. } | PourError::Dataset { .. } => Failure::misconfigured(error),
        PourError::Encode { .. } => Failure::bug(error),
    }
}

/// Creates the files and then the state, whose existence means that the cut is poured.
async fn write(store: &dyn Store, dataset: &Dataset, cut: &Cut, poured: &Poured) -> Result<Put, Failure> {
    let writes: Vec<BoxFuture<'_, _>> =
        poured.parts.iter().map(|(part, bytes)| write_part(store, part, bytes).boxed()).collect();
    stream::iter(writes).buffer_unordered(REQUESTS_AT_ONCE).try_collect::<Vec<()>>().await?;
    let key = keys::state(&dataset.name, cut.number);
    match store.put_new(&key, poured.state_file.clone()).await? {
        Put::Created => Ok(Put::Created),
        Put::Exists => {
            let found = read_entry::<State>(store, &key, state::FOOTER_KEY).await?;
            same(&key, &poured.state, found).map(|()| Put::Exists)
        }
    }
}

/// Creates a file. If it is there, another run poured it: then its rows must be ours.
async fn write_part(store: &dyn Store, part: &Part, bytes: &Bytes) -> Result<(), Failure> {
    match store.put_new(&part.key, bytes.clone()).await? {
        Put::Created => Ok(()),
        Put::Exists => {
            let found = read_entry::<Part>(store, &part.key, part::FOOTER_KEY).await?;
            same(&part.key, part, found)
        }
    }
}

fn same<T: PartialEq, E: std::fmt::Display>(key: &str, ours: &T, found: Result<T, E>) -> Result<(), Failure> {
    match found {
        Ok(found) if found == *ours => Ok(()),
        Ok(_) => Err(Failure::bug(format!(
            "`{key}` exists with other rows than this pour of the same cut gives. Nothing was overwritten. \
             Stop refine, keep both versions of it and the cut, and report it: two runs must never differ"
        ))),
        Err(error) => Err(Failure::misconfigured(format!(
            "`{key}` exists but was not written by Penstock or is damaged ({error}): move it away, and the next run writes it"
        ))),
    }
}

/// The hint that this cut leaves: the newest cut, and the last object that it knows of each chain.
async fn progress(cut: &Cut, store: &dyn Store, dataset: &str) -> Progress {
    let mut progress = hints::read(store, dataset).await.unwrap_or_default();
    progress.cut = cut.number;
    for chain in &cut.chains {
        let Some(last) = chain.objects.last() else { continue };
        progress.chains.retain(|hint| hint.chain != chain.chain);
        progress.chains.push(ChainHint { chain: chain.chain.clone(), last: last.from });
    }
    progress
}

/// What the cut takes of each chain: with the key of a raw object, but for its number, a search leads here.
fn ranges(dataset: &str, cut: &Cut) -> String {
    let mut ranges = String::new();
    for chain in &cut.chains {
        let (Some(first), Some(last)) = (chain.objects.first(), chain.objects.last()) else { continue };
        let separator = if ranges.is_empty() { "" } else { " " };
        // Writing into a string cannot fail.
        let _ = write!(ranges, "{separator}{}..{}", chain.chain.object(dataset, first.from), last.next);
    }
    ranges
}
