//! Follows a lake: each look asks only for what came after the one before.
//!
//! A look lists the cuts, the chains, and what came to each chain, of a bounded number of chains at a time;
//! what is new is then read once. On S3 that is how much a page costs, so nobody looks unless a page is open.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId, FORMAT_KEY};
use penstock_core::part::Part;
use penstock_core::position::Position;
use penstock_lake::chain::{ChainError, Links, LinksEnd, find_chains, read_links};
use penstock_lake::{Store, cuts, hints};
use penstock_runtime::{Failure, Lake, LakeUrl, SystemClock};
use tokio::task::JoinHandle;

use super::known::{Answer, CUTS, Known};
use super::pace::Pace;
use super::windows;
use crate::common::list_all;
use crate::{p95, rejects};

/// How many requests are under way at once.
const READS_AT_ONCE: usize = 16;

/// How many chains one look asks for what is new.
const CHAINS_PER_LOOK: usize = 64;

/// How many links of a chain are read in one look: a backlog is caught up with in several.
const LINKS_PER_LOOK: usize = 256;

/// The files of so many of the newest cuts are looked into, for windows and samples.
const CUTS_LOOKED_INTO: u64 = 30;

/// A file with more rows than this is not looked into.
const ROWS_LOOKED_INTO: u64 = 250_000;

/// After so long a look gives up, and the page says why.
const PATIENCE_MICROS: i64 = 5_000_000;

#[derive(Debug)]
pub(super) struct Follower {
    url: LakeUrl,
    dataset: Arc<Dataset>,
    pace: Pace,
    lake: Option<Lake>,
    /// When the lake's format was written, by the store's clock.
    made_at: Option<i64>,
    pub(super) known: Known,
    /// The chain with which the next look begins.
    turn: usize,
    /// Files of newly poured cuts.
    unread: VecDeque<Part>,
    /// The cut whose open windows are known.
    open_windows_of: u64,
    answering: Option<JoinHandle<Answer>>,
    /// When the question was asked last, in epoch microseconds.
    asked_at: i64,
}

impl Follower {
    pub(super) fn new(url: LakeUrl, dataset: Arc<Dataset>, pace: Pace) -> Self {
        Self {
            url,
            dataset,
            pace,
            lake: None,
            made_at: None,
            known: Known::default(),
            turn: 0,
            unread: VecDeque::new(),
            open_windows_of: 0,
            answering: None,
            asked_at: i64::MIN,
        }
    }

    /// How many requests were made so far.
    pub(super) fn requests(&self) -> u64 {
        let counts = self.lake.as_ref().map(|lake| lake.counts().snapshot());
        counts.map_or(0, |counts| counts.iter().map(|(_, counts)| counts.requests).sum())
    }

    /// Reads what came since the last look.
    ///
    /// # Errors
    /// There is no lake, its store does not answer, or something in it is damaged. What is known stays, and the next look goes on.
    pub(super) async fn look(&mut self, now: i64) -> Result<(), Failure> {
        let lake = match &self.lake {
            Some(lake) => lake.clone(),
            None => Lake::open_existing(&self.url, Arc::new(SystemClock)).await?,
        };
        self.lake = Some(lake.clone());
        let store = &*lake.store_until(now.saturating_add(PATIENCE_MICROS));
        if !self.is_the_same_lake(store).await? {
            *self = Self::new(self.url.clone(), Arc::clone(&self.dataset), self.pace);
            return Err(Failure::retry(format!("the lake {} is gone, or was made anew", self.url)));
        }
        self.read_cuts(store).await?;
        self.read_chains(store).await?;
        self.read_files(store).await?;
        self.ask(&lake, now).await;
        Ok(())
    }

    /// Whether the lake is there, and the one that was looked at before: it may have been deleted, and made anew.
    async fn is_the_same_lake(&mut self, store: &dyn Store) -> Result<bool, Failure> {
        let format = store.list_after(FORMAT_KEY, None, 1).await?;
        let Some(format) = format.first() else { return Ok(false) };
        Ok(*self.made_at.get_or_insert(format.modified) == format.modified)
    }

    async fn read_cuts(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let name = &self.dataset.name;
        let known = self.known.newest_cut();
        let newest = match known {
            0 => cuts::newest(store, name).await?,
            known => newest_after(store, name, known).await?,
        };
        let first = newest.saturating_sub(CUTS).max(known) + 1;
        let reads: Vec<_> = (first..=newest).map(|number| cuts::read(store, name, number)).collect();
        let declared: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        for cut in &declared {
            self.known.add_cut(cut);
        }
        // Behind a poured cut nothing is poured any more: states that are missing there were deleted.
        let unpoured = self.known.cuts.range(self.known.state.cut + 1..).map(|(number, _)| *number);
        let reads: Vec<_> = unpoured.map(|number| cuts::read_state(store, name, number)).collect();
        let states: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        for state in states.into_iter().flatten() {
            self.unread.extend(state.parts.iter().cloned());
            self.known.add_state(state);
        }
        Ok(())
    }

    /// Asks some of the chains, in turn, for what is new.
    async fn read_chains(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let name = self.dataset.name.clone();
        let chains = find_chains(store, &name).await?;
        if chains.is_empty() && self.known.newest_cut() == 0 {
            self.known.other_datasets = store.list_folders("raw/").await?;
        }
        let is_new = |chain: &ChainId| self.known.chains.get(chain).is_none_or(|known| known.tail.is_none());
        let hint = match chains.iter().any(is_new) {
            true => hints::read(store, &name).await.unwrap_or_default(),
            false => hints::Progress::default(),
        };
        for chain in &chains {
            self.known.chains.entry(chain.clone()).or_default();
        }
        let reads: Vec<_> = self
            .next_in_turn(&chains)
            .map(|chain| (chain, self.start(chain, &hint)))
            .map(|(chain, from)| {
                read_links(store, &name, chain, from, LINKS_PER_LOOK).map(move |walk| (chain, from, walk))
            })
            .collect();
        let walks: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).collect().await;
        self.turn = (self.turn + walks.len()).checked_rem(chains.len()).unwrap_or(0);
        for (chain, from, walk) in walks {
            self.add_walk(chain, from, walk);
        }
        Ok(())
    }

    /// The chains that this look asks: all of them, unless there are many.
    fn next_in_turn<'c>(&self, chains: &'c [ChainId]) -> impl Iterator<Item = &'c ChainId> + use<'c> {
        chains.iter().cycle().skip(self.turn).take(chains.len().min(CHAINS_PER_LOOK))
    }

    /// What is wrong with a chain is said beside it, and harms no other.
    fn add_walk(&mut self, chain: &ChainId, from: Position, walk: Result<Links, ChainError>) {
        let problem = match walk {
            Ok(Links { links, end }) => {
                let problem = hole(&end);
                if problem.is_none() || !links.is_empty() {
                    self.known.add_links(chain, from, &links);
                }
                problem
            }
            Err(error) => Some(Failure::from(error).message),
        };
        if let Some(known) = self.known.chains.get_mut(chain) {
            known.problem = problem;
        }
    }

    /// Where to go on with a chain. The first time at an object that is there, because its footer lists the gaps so far.
    fn start(&self, chain: &ChainId, hint: &hints::Progress) -> Position {
        let poured = self.known.state.position(chain);
        let known = self.known.chains.get(chain);
        if let Some(known) = known
            && known.tail.is_some()
        {
            return known.end().unwrap_or(poured);
        }
        // A hint may name an object that retention has deleted since: from there the walk had no end.
        let is_misled = known.is_some_and(|known| known.problem.is_some());
        let last = known.and_then(|known| known.objects.range(..poured).next_back()).map(|(from, _)| *from);
        let hinted = || hint.chains.iter().find(|hinted| hinted.chain == *chain).map(|hinted| hinted.last);
        last.or_else(hinted).filter(|_| !is_misled).unwrap_or(poured)
    }

    /// Looks into the newest files of windows and rejects, and into the windows that are open.
    async fn read_files(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let name = self.dataset.name.clone();
        let newest = self.known.state.cut;
        if self.open_windows_of < newest {
            self.read_open_windows(store, newest).await?;
            self.open_windows_of = newest;
        }
        let (windows_folder, rejects_folder) = (keys::windows_folder(&name), keys::rejects_folder(&name));
        self.unread.retain(|part| part.key.starts_with(&windows_folder) || part.key.starts_with(&rejects_folder));
        let last = newest.saturating_sub(CUTS_LOOKED_INTO);
        while self.unread.pop_front_if(|part| part.cut <= last).is_some() {
            self.known.pass_over_files(last);
        }
        while let Some(part) = self.unread.front() {
            if ROWS_LOOKED_INTO < part.rows {
                self.known.skipped_files = true;
            } else if part.key.starts_with(&rejects_folder) {
                for record in rejects::read_file(store, part.cut, &part.key).await? {
                    self.known.add_rejected(record);
                }
            } else {
                let rows = windows::kinds(store.get(&part.key).await?).map_err(|error| damaged(&part.key, &error))?;
                self.known.add_windows(rows.into_iter());
            }
            self.unread.pop_front();
        }
        Ok(())
    }

    async fn read_open_windows(&mut self, store: &dyn Store, cut: u64) -> Result<(), Failure> {
        if ROWS_LOOKED_INTO < self.known.state.open_windows {
            self.known.skipped_files = true;
            return Ok(());
        }
        let key = keys::state(&self.dataset.name, cut);
        let rows = windows::kinds(store.get(&key).await?).map_err(|error| damaged(&key, &error))?;
        self.known.set_open_windows(rows.into_iter().map(|(start, _)| start));
        Ok(())
    }

    /// Asks the dataset's question anew, beside the looks, when a newer cut is poured and the pace allows it.
    async fn ask(&mut self, lake: &Lake, now: i64) {
        if let Some(task) = self.answering.take_if(|task| task.is_finished()) {
            self.known.answer = task.await.unwrap_or_else(|error| Answer::Failed { problem: error.to_string() });
        }
        let is_answered = match &self.known.answer {
            Answer::Ready { cut, .. } => *cut == self.known.state.cut,
            Answer::TooLarge { .. } => true,
            Answer::Pending | Answer::Failed { .. } => self.known.state.cut == 0,
        };
        let is_due = self.asked_at.saturating_add(self.pace.answer_micros()) <= now;
        if self.dataset.p95.is_none() || is_answered || self.answering.is_some() || !is_due {
            return;
        }
        self.asked_at = now;
        let (lake, dataset, cut) = (lake.clone(), Arc::clone(&self.dataset), self.known.state.cut);
        let limit = self.pace.answer_bytes;
        self.answering = Some(tokio::spawn(async move { answer(&*lake.store(), &dataset, cut, limit).await }));
    }
}

async fn newest_after(store: &dyn Store, dataset: &str, known: u64) -> Result<u64, Failure> {
    let listed = list_all(store, &keys::cuts_folder(dataset), Some(keys::cut(dataset, known))).await?;
    Ok(listed.iter().filter_map(|listed| keys::parse_cut_number(&listed.key)).next_back().unwrap_or(known))
}

/// What a person should hear of how the walk along a chain ended.
fn hole(end: &LinksEnd) -> Option<String> {
    match end {
        LinksEnd::Limit | LinksEnd::Tail => None,
        LinksEnd::Broken { expected, found } => Some(format!(
            "no object begins at {expected}, and the next one begins at {found}: `penstock audit` says more"
        )),
    }
}

async fn answer(store: &dyn Store, dataset: &Dataset, cut: u64, limit: u64) -> Answer {
    let asked = async {
        let silver = list_all(store, &keys::silver_folder(&dataset.name), None).await?;
        let bytes = silver.iter().map(|listed| listed.size).sum();
        if limit < bytes {
            return Ok(Answer::TooLarge { bytes });
        }
        let report = p95::report(store, dataset, None, None).await?;
        Ok::<_, Failure>(Answer::Ready { cut, report })
    };
    asked.await.unwrap_or_else(|failure| Answer::Failed { problem: failure.message })
}

fn damaged(key: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::misconfigured(format!("`{key}` is damaged: {error}. Restore it from a backup"))
}
