//! `penstock gaps declare`: puts a gap object at the end of a chain, so that what comes after the gap lands.

use clap::Args;
use penstock_core::chain::{Gap, GapReason, Link, Tail};
use penstock_core::dataset::Dataset;
use penstock_core::keys::ChainId;
use penstock_core::position::{Partition, Position};
use penstock_core::raw_object;
use penstock_lake::chain::{find_chains, find_tail};
use penstock_lake::{Put, Store, hints};
use penstock_runtime::{Failure, Lake};
use serde::Serialize;

use super::{Act, declare_unreadable};
use crate::output::{self, count, line, note};
use crate::{Exit, LakeArguments};

/// Who declared a gap, in its footer.
pub(super) const REQUEST_ID: &str = "penstock gaps declare";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// The name of the cluster: ingest's PENSTOCK_SOURCE
    #[arg(long, default_value = "kafka", value_name = "NAME")]
    source: String,
    /// The topic, or the stream
    #[arg(long, required_unless_present = "unreadable", value_name = "TOPIC")]
    topic: Option<String>,
    /// Ingest's PENSTOCK_EPOCH
    #[arg(long, default_value_t = 0, value_name = "N")]
    epoch: u32,
    /// The partition, or the shard
    #[arg(long, required_unless_present = "unreadable", value_parser = partition, value_name = "PARTITION")]
    partition: Option<Partition>,
    /// The first missing position: where the chain ends
    #[arg(long, required_unless_present = "unreadable", value_name = "POSITION")]
    from: Option<Position>,
    /// The first position that is not missing
    #[arg(long, required_unless_present = "unreadable", value_name = "POSITION")]
    to: Option<Position>,
    /// Why the records are gone: expired, dead_lettered or markers
    #[arg(long, required_unless_present = "unreadable", value_parser = reason, value_name = "REASON")]
    reason: Option<GapReason>,
    /// Instead of a range: the key of a raw object that is lost or damaged
    #[arg(long, value_name = "KEY", conflicts_with_all = ["topic", "partition", "from", "to", "reason"])]
    unreadable: Option<String>,
    /// Only say what would be declared
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn partition(text: &str) -> Result<Partition, String> {
    match text.parse() {
        Ok(number) if 0 <= number => Ok(Partition::Kafka(number)),
        Ok(_) => Err("a partition is not negative".to_owned()),
        Err(_) if text.is_empty() => Err("give a number, or the id of a shard".to_owned()),
        Err(_) => Ok(Partition::Shard(text.to_owned())),
    }
}

fn reason(text: &str) -> Result<GapReason, String> {
    let known = GapReason::DECLARABLE.into_iter().find(|reason| reason.as_str() == text);
    known.ok_or_else(|| format!("give one of {}", GapReason::DECLARABLE.map(GapReason::as_str).join(", ")))
}

/// A gap to be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    pub chain: ChainId,
    pub gap: Gap,
}

/// What was declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declared {
    #[serde(flatten)]
    pub chain: ChainId,
    pub gap: Gap,
    /// The object that declares it.
    pub key: String,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Declared,
    /// It was declared before.
    Known,
    /// A dry run.
    WouldDeclare,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let act = if arguments.dry_run { Act::DryRun } else { Act::Write };
    let declared = match (arguments.declaration(), &arguments.unreadable) {
        (Some(declaration), _) => declare(&lake, &dataset, &declaration, act).await?,
        (None, Some(key)) => declare_unreadable(&lake, &dataset, key, act).await?,
        (None, None) => return Err(Failure::misconfigured("say which range is missing, or give --unreadable KEY")),
    };
    if arguments.json {
        output::json(&declared)?;
    } else {
        declared.print();
    }
    Ok(Exit::Fine)
}

impl Arguments {
    fn declaration(&self) -> Option<Declaration> {
        let chain = ChainId {
            topic: self.topic.clone()?,
            partition: self.partition.clone()?,
            source: self.source.clone(),
            epoch: self.epoch,
        };
        Some(Declaration { chain, gap: Gap { from: self.from?, next: self.to?, reason: self.reason? } })
    }
}

/// Declares a gap at the end of a chain.
///
/// # Errors
/// The chain does not end where the gap begins, or somebody landed there meanwhile; or the store's.
pub async fn declare(lake: &Lake, dataset: &Dataset, declaration: &Declaration, act: Act) -> Result<Declared, Failure> {
    let Declaration { chain, gap } = declaration;
    let store = lake.store();
    let key = chain.object(&dataset.name, gap.from);
    let outcome = |outcome| Declared { chain: chain.clone(), gap: gap.clone(), key: key.clone(), outcome };
    if gap.next <= gap.from {
        let message =
            format!("the range [{}, {}) is empty: --to is the first position that is not missing", gap.from, gap.next);
        return Err(Failure::misconfigured(message));
    }
    let tail = tail(&*store, dataset, chain).await?;
    if tail.gaps.contains(gap) {
        return Ok(outcome(Outcome::Known));
    }
    check_end(chain, gap, &tail)?;
    if act == Act::DryRun {
        return Ok(outcome(Outcome::WouldDeclare));
    }
    let link = Link::at_tail(dataset, chain, &tail, lake.clock().now(), REQUEST_ID).into_gap(gap.next, gap.reason);
    let object = raw_object::encode_gap(dataset, &link).map_err(Failure::bug)?;
    match store.put_new(&key, object).await? {
        Put::Created => Ok(outcome(Outcome::Declared)),
        // It may be our own: an earlier attempt whose reply was lost.
        Put::Exists if self::tail(&*store, dataset, chain).await?.gaps.contains(gap) => Ok(outcome(Outcome::Declared)),
        Put::Exists => Err(Failure::retry(format!(
            "{chain}: somebody landed at {} meanwhile, so the records are not missing, or another gap was declared: nothing was declared. \
             See whether the partition still fails, and with which range",
            gap.from
        ))),
    }
}

/// Where a chain ends that has an object.
async fn tail(store: &dyn Store, dataset: &Dataset, chain: &ChainId) -> Result<Tail, Failure> {
    let known = hints::last_object(store, &dataset.name, chain).await;
    let end = find_tail(store, &dataset.name, chain, known).await?;
    if end.last.is_some() {
        return Ok(end.tail);
    }
    let chains = find_chains(store, &dataset.name).await?;
    let mut names: Vec<String> = chains
        .iter()
        .map(|known| format!("--source {} --topic {} --epoch {}", known.source, known.topic, known.epoch))
        .collect();
    names.dedup();
    Err(Failure::misconfigured(format!(
        "{chain}: nothing has landed, and the first delivery declares by itself what lies before it. \
         If a name is wrong: the partitions of {} that have landed are of {}",
        dataset.name,
        if names.is_empty() { "no topic".to_owned() } else { names.join(", ") }
    )))
}

fn check_end(chain: &ChainId, gap: &Gap, tail: &Tail) -> Result<(), Failure> {
    let end = tail.next;
    match gap.from.cmp(&end) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Failure::misconfigured(format!(
            "{chain}: the chain ends before {end}, so what begins at {} has landed or is declared already (`penstock gaps ls`). \
             If records are missing from {end} on, declare the gap with --from {end}",
            gap.from
        ))),
        std::cmp::Ordering::Greater => Err(Failure::misconfigured(format!(
            "{chain}: the chain ends before {end}, so the positions [{end}, {}) would be missing too. \
             If they are gone as well, declare the gap with --from {end}; if not, let them land first",
            gap.from
        ))),
    }
}

impl Declared {
    fn print(&self) {
        let Self { chain, gap: Gap { from, next, reason }, key, outcome } = self;
        let positions =
            from.distance_to(*next).map_or(String::new(), |positions| format!(", {} positions", count(positions)));
        let what = format!("the gap [{from}, {next}) of {chain} ({reason}{positions})");
        match outcome {
            Outcome::Declared => line(&format!("declared {what}: {key}")),
            Outcome::Known => line(&format!("{what} was declared already: nothing to do")),
            Outcome::WouldDeclare => line(&format!("would declare {what}: {key}")),
        }
        match (outcome, reason) {
            (Outcome::WouldDeclare, _) => note("nothing was declared: leave out --dry-run to declare it"),
            (_, GapReason::Unreadable) => note(
                "refine goes on without the object with its next run. Its records are lost here: \
                 if the topic still has them, publish them to it again",
            ),
            _ => note(&format!(
                "what comes from {next} on lands with its next delivery, which the mapping repeats by itself. \
                 A gap cannot be taken back: a record inside it that arrives later is refused, and must be published again"
            )),
        }
    }
}
