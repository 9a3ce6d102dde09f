//! Declares the next cut: which raw objects it takes, by which settings, and which windows it closes.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::cut::{self, ChainCut, Closing, Cut, RULES, Waiting};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::state::State;
use penstock_lake::chain::{LinksEnd, find_chains, read_links};
use penstock_lake::{Put, Store};
use penstock_runtime::Failure;
use penstock_telemetry::refine::ChainBroken;

use crate::Refine;

/// How many objects one cut takes of a chain at the most: their footers are read before the cut is declared.
const MAX_OBJECTS: usize = 512;

/// How many chains are walked at once.
const CHAINS_AT_ONCE: usize = 16;

/// Why refine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the schedule: windows close behind the watermark.
    Scheduled,
    /// A finite run ends: pour everything and close all windows.
    Drain,
}

impl Refine {
    /// Declares the cut after `state`, or finds it declared by another run; `None` if there is nothing to do.
    pub(crate) async fn declare(&self, store: &dyn Store, state: &State, mode: Mode) -> Result<Option<Cut>, Failure> {
        let Some(cut) = self.next_cut(store, state, mode).await? else {
            return Ok(None);
        };
        let json = serde_json::to_vec(&cut).map_err(Failure::bug)?;
        match store.put_new(&keys::cut(&self.dataset.name, cut.number), Bytes::from(json)).await? {
            Put::Created => Ok(Some(cut)),
            Put::Exists => self.read_cut(store, cut.number).await.map(Some),
        }
    }

    async fn next_cut(&self, store: &dyn Store, state: &State, mode: Mode) -> Result<Option<Cut>, Failure> {
        if let Some(before) = self.changed_windows(store, state).await? {
            return Ok(Some(self.cut(state, &before, Vec::new(), Closing::All)));
        }
        let waiting = self.waiting(store, state).await?;
        let chains = cut::select(&waiting, self.settings.bounds);
        let has_objects = chains.iter().any(|chain| !chain.objects.is_empty());
        let takes_all = chains.iter().all(|chain| !chain.waiting);
        let closing = match mode {
            Mode::Drain if takes_all => Closing::All,
            _ => Closing::Watermark,
        };
        if has_objects {
            let holds_back = mode == Mode::Scheduled && self.holds_back(&waiting);
            return Ok((!holds_back).then(|| self.cut(state, &self.dataset, chains, closing)));
        }
        // What waits here stands behind a hole in its list: its windows stay open for it.
        let is_idle = mode == Mode::Drain || (takes_all && self.is_idle(state));
        let closes_windows = 0 < state.open_windows && is_idle;
        Ok(closes_windows.then(|| self.cut(state, &self.dataset, Vec::new(), Closing::All)))
    }

    fn cut(&self, state: &State, dataset: &Dataset, chains: Vec<ChainCut>, closing: Closing) -> Cut {
        Cut {
            number: state.cut + 1,
            rules: RULES,
            declared_at: self.lake.clock().now().max(state.declared_at),
            closing,
            chains: chains.into_iter().filter(|chain| chain.waiting || !chain.objects.is_empty()).collect(),
            dataset_hash: dataset.hash.clone(),
            dataset: dataset.text.clone(),
        }
    }

    /// The dataset of the last cut, if its windows are others than ours and some are still open: they close by their own rules.
    async fn changed_windows(&self, store: &dyn Store, state: &State) -> Result<Option<Arc<Dataset>>, Failure> {
        if state.open_windows == 0 || state.dataset_hash == self.dataset.hash {
            return Ok(None);
        }
        let before = self.dataset_of(store, state.cut).await?;
        Ok((!before.has_windows_like(&self.dataset)).then_some(before))
    }

    /// What waits in each chain behind the state's position.
    async fn waiting(&self, store: &dyn Store, state: &State) -> Result<Vec<Waiting>, Failure> {
        let chains = find_chains(store, &self.dataset.name).await?;
        let walks: Vec<BoxFuture<'_, _>> =
            chains.into_iter().map(|chain| self.waiting_in(store, state, chain).boxed()).collect();
        stream::iter(walks).buffered(CHAINS_AT_ONCE).try_collect().await
    }

    async fn waiting_in(&self, store: &dyn Store, state: &State, chain: ChainId) -> Result<Waiting, Failure> {
        let walk = read_links(store, &self.dataset.name, &chain, state.position(&chain), MAX_OBJECTS).await?;
        if let LinksEnd::Broken { expected, found } = walk.end {
            ChainBroken {
                dataset: &self.dataset.name,
                chain: &chain.to_string(),
                expected: &expected.to_string(),
                key: &chain.object(&self.dataset.name, expected),
                found: &found.to_string(),
            }
            .emit();
        }
        // Behind a hole in the list objects wait as well, perhaps only until the next look.
        Ok(Waiting { chain, links: walk.links, has_more: walk.end != LinksEnd::Tail })
    }

    /// Whether to wait for more, as the settings ask for larger files.
    fn holds_back(&self, waiting: &[Waiting]) -> bool {
        let links = || waiting.iter().flat_map(|waiting| &waiting.links);
        let bytes: u64 = links().map(|link| link.uncompressed_bytes).sum();
        let oldest = links().map(|link| link.ingested_at).min().unwrap_or(i64::MAX);
        let age = self.lake.clock().now().saturating_sub(oldest);
        bytes < self.settings.min_bytes && age < self.settings.max_age_secs.saturating_mul(1_000_000)
    }

    /// Whether no partition brought anything for so long that open windows need not wait any more.
    fn is_idle(&self, state: &State) -> bool {
        let newest = state.chains.iter().map(|chain| chain.newest_ingested_at).max().unwrap_or(i64::MIN);
        let now = self.lake.clock().now().max(state.declared_at);
        self.dataset.windows.idle_after_secs.saturating_mul(1_000_000) <= now.saturating_sub(newest)
    }
}
