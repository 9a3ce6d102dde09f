//! The chains of raw objects: no fork, no hole, no undeclared gap; and each object is what its cut declared.

use penstock_core::chain::{Gap, GapReason, Link, LinkKind};
use penstock_core::cut::CutObject;
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::Position;
use penstock_lake::Store;
use penstock_lake::chain::{ChainError, LinksEnd, find_chains, find_start, read_links};
use penstock_runtime::Failure;
use serde::Serialize;

use super::cuts::History;
use super::{Report, list_all};

/// How many links of a chain are looked at in one step.
const LINKS_AT_ONCE: usize = 1000;

/// One partition.
#[derive(Clone, Debug, Serialize)]
pub struct ChainReport {
    #[serde(flatten)]
    pub chain: ChainId,
    /// The first position that has not landed.
    pub tail: Position,
    /// The first position that has not been poured.
    pub poured: Position,
    /// Rows that landed, also those whose raw objects retention has deleted.
    pub landed: u64,
    /// Rows that landed and are not poured yet.
    pub waiting: u64,
    pub gaps: Vec<Gap>,
    /// Positions without a row that no gap declares: the source is read as sparse.
    pub is_sparse: bool,
    /// What the topic holds beyond the tail, if the brokers were asked.
    pub beyond: Option<u64>,
}

pub(super) async fn check(
    store: &dyn Store,
    dataset: &Dataset,
    history: &History,
    report: &mut Report,
) -> Result<(), Failure> {
    check_keys(store, dataset, report).await?;
    let chains = find_chains(store, &dataset.name).await?;
    for known in &history.last.chains {
        if !chains.contains(&known.chain) {
            report
                .find(known.chain.to_string(), "all its raw objects are gone, also the last one, which is its memory");
        }
    }
    for chain in chains {
        check_chain(store, dataset, history, chain, report).await?;
    }
    Ok(())
}

/// Nothing stands below `raw/` that is no link of a chain.
async fn check_keys(store: &dyn Store, dataset: &Dataset, report: &mut Report) -> Result<(), Failure> {
    for listed in list_all(store, &keys::raw_folder(&dataset.name), None).await? {
        if ChainId::parse_object(&dataset.name, &listed.key).is_none() {
            report.find(listed.key, "is no raw object: move it out of the lake");
        }
    }
    Ok(())
}

async fn check_chain(
    store: &dyn Store,
    dataset: &Dataset,
    history: &History,
    chain: ChainId,
    report: &mut Report,
) -> Result<(), Failure> {
    let poured = history.last.position(&chain);
    let Some(start) = start(store, dataset, history, &chain).await? else {
        return Ok(());
    };
    if poured < start {
        report.find(
            chain.to_string(),
            format!("begins at {start}, but is poured only up to {poured}: objects are missing"),
        );
    }
    let mut found = ChainReport::beginning(chain, start, poured);
    let mut is_border = poured == start;
    loop {
        let walk = match read_links(store, &dataset.name, &found.chain, found.tail, LINKS_AT_ONCE).await {
            Ok(walk) => walk,
            Err(ChainError::Damaged { key, problem }) => {
                report.find(key, problem);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        for link in &walk.links {
            is_border |= link.next == poured;
            found.add(link);
            if link.from < poured
                && let Some(declared) = history.objects.get(&(found.chain.clone(), link.from))
                && *declared != CutObject::from(link)
            {
                let key = found.chain.object(&dataset.name, link.from);
                report.find(key, "is not the object that its cut declared");
            }
        }
        match walk.end {
            LinksEnd::Limit => {}
            LinksEnd::Tail => break,
            LinksEnd::Broken { expected, found: next } => {
                let problem = format!("no object begins at {expected}, and the next one begins at {next}: a hole");
                report.find(found.chain.to_string(), problem);
                break;
            }
        }
    }
    if !is_border {
        report.find(found.chain.to_string(), format!("is poured up to {poured}, where no object ends"));
    }
    found.landed = poured_rows(history, &found.chain) + found.waiting;
    report.waiting += found.waiting;
    report.gap_positions += gap_positions(&found);
    report.chains.push(found);
    Ok(())
}

impl ChainReport {
    /// A chain of which no object was read yet.
    fn beginning(chain: ChainId, start: Position, poured: Position) -> Self {
        let (landed, waiting, gaps) = (0, 0, Vec::new());
        Self { chain, tail: start, poured, landed, waiting, gaps, is_sparse: false, beyond: None }
    }

    fn add(&mut self, link: &Link) {
        self.tail = link.next;
        // A gap that stands in for an unreadable object is not among those that later objects carry along.
        let new = link.gaps.iter().filter(|gap| !self.gaps.contains(gap)).cloned().collect::<Vec<_>>();
        self.gaps.extend(new);
        if link.kind == LinkKind::Data && link.from.distance_to(link.next) != Some(link.rows) {
            self.is_sparse = true;
        }
        if self.poured <= link.from {
            self.waiting += link.rows;
        }
    }
}

/// Where the walk begins: at the position of the first cut that is looked at, or where retention has left the chain.
async fn start(
    store: &dyn Store,
    dataset: &Dataset,
    history: &History,
    chain: &ChainId,
) -> Result<Option<Position>, Failure> {
    let wanted = history.first.position(chain);
    let first = find_start(store, &dataset.name, chain).await?;
    Ok(first.map(|first| first.max(wanted)))
}

fn poured_rows(history: &History, chain: &ChainId) -> u64 {
    history.last.chains.iter().find(|known| known.chain == *chain).map_or(0, |known| known.totals.landed.rows)
}

fn gap_positions(chain: &ChainReport) -> u64 {
    let counted = chain.gaps.iter().filter(|gap| gap.reason != GapReason::Start);
    counted.filter_map(|gap| gap.from.distance_to(gap.next)).sum()
}
