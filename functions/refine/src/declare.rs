//! Declares the next cut: which raw objects it takes, by which settings, and which windows it closes.

use std::sync::Arc;
use std::time::Instant;

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
use penstock_telemetry::refine::{Backlog, ChainBroken};

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

/// The next cut, if there is anything to do, and what will wait behind it.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) cut: Option<Cut>,
    pub(crate) backlog: Backlog,
}

/// What a look at all chains found.
struct Walked {
    waiting: Vec<Waiting>,
    /// In how many of them an object is missing.
    broken: u64,
}

impl Refine {
    /// Declares the cut after `state`, or finds it declared by another run; none if there is nothing to do.
    pub(crate) async fn declare(&self, store: &dyn Store, state: &State, mode: Mode) -> Result<Declared, Failure> {
        let began = Instant::now();
        let Declared { cut, backlog } = self.next_cut(store, state, mode).await?;
        let Some(cut) = cut else {
            return Ok(Declared { cut, backlog });
        };
        let json = serde_json::to_vec(&cut).map_err(Failure::bug)?;
        let cut = match store.put_new(&keys::cut(&self.dataset.name, cut.number), Bytes::from(json)).await? {
            Put::Created => cut,
            Put::Exists => self.read_cut(store, cut.number).await?,
        };
        self.stage_ended("declare", began);
        Ok(Declared { cut: Some(cut), backlog })
    }

    async fn next_cut(&self, store: &dyn Store, state: &State, mode: Mode) -> Result<Declared, Failure> {
        if let Some(before) = self.changed_windows(store, state).await? {
            let cut = self.cut(state, &before, Vec::new(), Closing::All);
            return Ok(Declared { cut: Some(cut), backlog: Backlog::default() });
        }
        let walked = self.waiting(store, state).await?;
        let cut = self.cut_of(&walked.waiting, state, mode);
        let backlog = self.backlog(&walked, cut.as_ref());
        Ok(Declared { cut, backlog })
    }

    fn cut_of(&self, waiting: &[Waiting], state: &State, mode: Mode) -> Option<Cut> {
        let chains = cut::select(waiting, self.settings.bounds);
        let has_objects = chains.iter().any(|chain| !chain.objects.is_empty());
        let takes_all = chains.iter().all(|chain| !chain.waiting);
        let closing = match mode {
            Mode::Drain if takes_all => Closing::All,
            _ => Closing::Watermark,
        };
        if has_objects {
            let holds_back = mode == Mode::Scheduled && self.holds_back(waiting);
            return (!holds_back).then(|| self.cut(state, &self.dataset, chains, closing));
        }
        // What waits here stands behind a hole in its list: its windows stay open for it.
        let is_idle = mode == Mode::Drain || (takes_all && self.is_idle(state));
        let closes_windows = 0 < state.open_windows && is_idle;
        closes_windows.then(|| self.cut(state, &self.dataset, Vec::new(), Closing::All))
    }

    /// What is seen to wait behind a cut. Of a chain no more is seen than one cut may take of it.
    fn backlog(&self, walked: &Walked, cut: Option<&Cut>) -> Backlog {
        let mut backlog = Backlog { broken_chains: walked.broken, ..Backlog::default() };
        let mut bytes = 0;
        for waiting in &walked.waiting {
            let in_cut = cut.into_iter().flat_map(|cut| &cut.chains).find(|chain| chain.chain == waiting.chain);
            let taken = in_cut.map_or(0, |chain| chain.objects.len());
            for link in waiting.links.iter().skip(taken) {
                backlog.rows += link.rows;
                backlog.oldest = Some(backlog.oldest.map_or(link.ingested_at, |oldest| oldest.min(link.ingested_at)));
                bytes += link.uncompressed_bytes;
            }
        }
        let bounds = self.settings.bounds;
        backlog.cuts = backlog.rows.div_ceil(bounds.rows).max(bytes.div_ceil(bounds.uncompressed_bytes));
        backlog
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
    async fn waiting(&self, store: &dyn Store, state: &State) -> Result<Walked, Failure> {
        let chains = find_chains(store, &self.dataset.name).await?;
        let walks: Vec<BoxFuture<'_, _>> =
            chains.into_iter().map(|chain| self.waiting_in(store, state, chain).boxed()).collect();
        let walks: Vec<(Waiting, bool)> = stream::iter(walks).buffered(CHAINS_AT_ONCE).try_collect().await?;
        let broken = walks.iter().filter(|(_, is_broken)| *is_broken).count() as u64;
        Ok(Walked { waiting: walks.into_iter().map(|(waiting, _)| waiting).collect(), broken })
    }

    /// What waits in one chain, and whether an object is missing in it.
    async fn waiting_in(&self, store: &dyn Store, state: &State, chain: ChainId) -> Result<(Waiting, bool), Failure> {
        let walk = read_links(store, &self.dataset.name, &chain, state.position(&chain), MAX_OBJECTS).await?;
        let is_broken = matches!(walk.end, LinksEnd::Broken { .. });
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
        Ok((Waiting { chain, links: walk.links, has_more: walk.end != LinksEnd::Tail }, is_broken))
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
