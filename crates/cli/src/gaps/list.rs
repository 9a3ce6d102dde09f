//! `penstock gaps ls`: every declared gap, from the last footer of each chain, and every object declared unreadable.

use clap::Args;
use penstock_core::chain::{Gap, GapReason, Link};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::Position;
use penstock_lake::chain::{ChainError, find_chains, find_tail};
use penstock_lake::{Store, hints};
use penstock_runtime::Failure;
use serde::Serialize;

use crate::common::list_all;
use crate::output::{self, count, line, note};
use crate::{Exit, LakeArguments};

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is declared in a lake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    pub gaps: Vec<GapReport>,
    /// Objects that should say more, but cannot be understood.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapReport {
    #[serde(flatten)]
    pub chain: ChainId,
    pub from: Position,
    pub next: Position,
    /// How many positions; absent where they do not count records (Kinesis).
    pub positions: Option<u64>,
    pub reason: GapReason,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let listing = list(&*lake.store(), &dataset).await?;
    if arguments.json {
        output::json(&listing)?;
    } else {
        listing.print();
    }
    listing.problems.iter().for_each(|problem| note(problem));
    Ok(if listing.problems.is_empty() { Exit::Fine } else { Exit::Finding })
}

/// Every declared gap, by chain and position.
///
/// # Errors
/// The store's. A chain whose end is damaged is a problem of the listing.
pub async fn list(store: &dyn Store, dataset: &Dataset) -> Result<Listing, Failure> {
    let mut listing = Listing::default();
    for listed in list_all(store, &keys::unreadable_folder(&dataset.name), None).await? {
        match serde_json::from_slice::<Link>(&store.get(&listed.key).await?) {
            Ok(link) => listing.gaps.extend(link.gaps.iter().map(|gap| GapReport::new(&link.chain, gap))),
            Err(error) => listing.problems.push(format!(
                "`{}` cannot be understood ({error}): restore it from a backup, or delete it and declare the object again",
                listed.key
            )),
        }
    }
    for chain in find_chains(store, &dataset.name).await? {
        let known = hints::last_object(store, &dataset.name, &chain).await;
        match find_tail(store, &dataset.name, &chain, known).await {
            Ok(end) => listing.gaps.extend(end.tail.gaps.iter().map(|gap| GapReport::new(&chain, gap))),
            Err(ChainError::Damaged { key, .. }) if listing.declares(&dataset.name, &key) => {
                listing.problems.push(format!(
                    "`{key}` is declared unreadable and is the last of its chain: delete it, so that ingest can go on"
                ))
            }
            Err(error @ ChainError::Damaged { .. }) => listing.problems.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    listing.gaps.sort_by(|left, right| (&left.chain, left.from).cmp(&(&right.chain, right.from)));
    Ok(listing)
}

impl GapReport {
    fn new(chain: &ChainId, gap: &Gap) -> Self {
        let Gap { from, next, reason } = *gap;
        Self { chain: chain.clone(), from, next, positions: from.distance_to(next), reason }
    }

    fn cells(&self) -> Vec<String> {
        let Self { chain, from, next, positions, reason } = self;
        vec![
            chain.source.clone(),
            chain.topic.clone(),
            chain.epoch.to_string(),
            chain.partition.to_string(),
            from.to_string(),
            next.to_string(),
            positions.map_or("-".to_owned(), count),
            reason.to_string(),
        ]
    }
}

impl Listing {
    /// Whether a gap stands in for the object with this key.
    fn declares(&self, dataset: &str, key: &str) -> bool {
        self.gaps.iter().any(|gap| gap.chain.object(dataset, gap.from) == key)
    }

    fn print(&self) {
        if self.gaps.is_empty() {
            line("no gap is declared");
            return;
        }
        let rows: Vec<_> = self.gaps.iter().map(GapReport::cells).collect();
        output::table(&["source", "topic", "epoch", "partition", "from", "next", "positions", "reason"], &rows);
    }
}
