//! What there is to replay: where each chain of raw objects begins within the days that were asked for.

use std::sync::Arc;

use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::Position;
use penstock_core::replay::Replay;
use penstock_core::time::{Date, rfc3339};
use penstock_lake::Store;
use penstock_lake::chain::{find_chains, find_start, read_links};
use penstock_runtime::{Failure, Lake};

use super::Request;
use super::definitions::Definitions;

/// How many links of a chain are looked at in one step.
const LINKS_AT_ONCE: usize = 512;

/// A lake to replay from.
#[derive(Debug)]
pub struct Survey {
    pub(super) store: Arc<dyn Store>,
    pub(super) dataset: Arc<Dataset>,
    pub(super) definitions: Definitions,
    pub(super) from: Option<Date>,
    /// What arrived before this time is taken, in epoch microseconds.
    pub(super) until: i64,
    /// The chains that have something to take, and where that begins.
    pub(super) begins: Vec<(ChainId, Position)>,
}

/// Looks for what there is to replay.
///
/// # Errors
/// The store's; there is nothing to replay; or the dataset file asks for what raw does not keep.
pub async fn survey(source: &Lake, dataset: &Arc<Dataset>, request: Request) -> Result<Survey, Failure> {
    let (store, name) = (source.store(), &dataset.name);
    let chains = find_chains(&*store, name).await?;
    if chains.is_empty() {
        return Err(no_raw(&*store, name).await?);
    }
    let now = source.clock().now().saturating_add(1);
    let mut survey = Survey {
        definitions: Definitions::new(Arc::clone(&store), dataset, request.older).await?,
        dataset: Arc::clone(dataset),
        from: request.from,
        until: request.to.map_or(now, |last| last.next().start().min(now)),
        begins: Vec::new(),
        store,
    };
    let mut arrivals = Vec::new();
    for chain in chains {
        if let Some(begin) = survey.begin(&chain, &mut arrivals).await? {
            survey.begins.push((chain, begin));
        }
    }
    if survey.begins.is_empty() {
        let (oldest, newest) = (arrivals.iter().min(), arrivals.iter().max());
        let seen = oldest.zip(newest).map(|(oldest, newest)| {
            format!(" (what was looked at arrived from {} to {})", rfc3339(*oldest), rfc3339(*newest))
        });
        return Err(Failure::misconfigured(format!(
            "no raw object of `{name}` in {} arrived on the days asked for{}: change --from and --to",
            survey.source(),
            seen.unwrap_or_default()
        )));
    }
    Ok(survey)
}

impl Survey {
    /// Where the lake is that is replayed.
    #[must_use]
    pub fn source(&self) -> String {
        self.store.location()
    }

    pub(super) const fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Where the first object of the chain begins that is to be taken. Adds when the ones arrived that were looked at.
    async fn begin(&self, chain: &ChainId, arrivals: &mut Vec<i64>) -> Result<Option<Position>, Failure> {
        let earliest = self.from.map_or(i64::MIN, Date::start);
        let mut next = find_start(&*self.store, &self.dataset.name, chain).await?;
        while let Some(from) = next {
            let walk = read_links(&*self.store, &self.dataset.name, chain, from, LINKS_AT_ONCE).await?;
            arrivals.extend(walk.links.iter().map(|link| link.ingested_at));
            if let Some(first) = walk.links.iter().find(|link| earliest <= link.ingested_at) {
                let older = self.definitions.of(first).await?;
                Replay::new(&older, &self.dataset).map_err(Failure::misconfigured)?;
                return Ok((first.ingested_at < self.until).then_some(first.from));
            }
            next = walk.links.last().map(|last| last.next);
        }
        Ok(None)
    }
}

async fn no_raw(store: &dyn Store, name: &str) -> Result<Failure, Failure> {
    let found = store.list_folders("raw/").await?;
    let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{}`", found.join("`, `")) };
    Ok(Failure::misconfigured(format!(
        "there is no raw object in `{}` of {}; its raw objects are of {found}. The changed dataset file keeps the name \
         of the dataset that it replays",
        keys::raw_folder(name),
        store.location()
    )))
}
