//! Lands raw objects of one lake in another, each as the changed dataset file would have parsed it.
//!
//! A chain of the target has the same positions as that of the source, so where it ends says where to go on.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use penstock_core::chain::{GapReason, Link, LinkKind, Tail};
use penstock_core::dataset::Dataset;
use penstock_core::keys::ChainId;
use penstock_core::position::Position;
use penstock_core::raw_object;
use penstock_core::replay::{Replay, ReplayError};
use penstock_lake::chain::{LinksEnd, find_tail, read_link, read_links};
use penstock_lake::{Put, Store};
use penstock_runtime::Failure;

use super::{Landed, Survey};
use crate::output::{counted, note};

/// How many chains are replayed at once, and how many objects of each: they bound the memory.
const CHAINS_AT_ONCE: usize = 8;
const OBJECTS_AT_ONCE: usize = 4;

/// How many links of a chain are read in one step.
const LINKS_AT_ONCE: usize = 512;

/// Lands what the target lacks.
pub(super) async fn all(survey: &Survey, target: &Arc<dyn Store>) -> Result<Landed, Failure> {
    let chains = survey.begins.iter().map(|(chain, begin)| one(survey, target, chain, *begin));
    let chains: Vec<_> = chains.map(Box::pin).collect();
    let landed: Vec<Landed> = stream::iter(chains).buffer_unordered(CHAINS_AT_ONCE).try_collect().await?;
    Ok(landed.into_iter().fold(Landed::default(), Landed::plus))
}

/// Lands one chain.
async fn one(survey: &Survey, target: &Arc<dyn Store>, chain: &ChainId, begin: Position) -> Result<Landed, Failure> {
    let dataset = &survey.dataset;
    let end = find_tail(&**target, &dataset.name, chain, None).await?;
    let (mut tail, mut next) = (end.tail, begin);
    if !tail.is_new {
        next = tail.next;
    }
    let mut landed = Landed::default();
    let mut looked_twice = false;
    loop {
        let walk = read_links(&*survey.store, &dataset.name, chain, next, LINKS_AT_ONCE).await?;
        match walk.end {
            LinksEnd::Broken { expected, found } if walk.links.is_empty() => {
                // One list of a directory may miss an object that came meanwhile; in the second it stands.
                if looked_twice {
                    return Err(hole(survey, chain, expected, found));
                }
                looked_twice = true;
                continue;
            }
            _ => looked_twice = false,
        }
        let found = walk.links.len();
        let links: Vec<Link> = walk.links.into_iter().take_while(|link| link.ingested_at < survey.until).collect();
        let is_last = links.len() < found || walk.end == LinksEnd::Tail;
        next = links.last().map_or(next, |last| last.next);
        landed = landed.plus(append(survey, target, &mut tail, links).await?);
        if is_last {
            return Ok(landed);
        }
        note(&format!("{chain}: {} of {}", counted(landed.records, "record"), counted(landed.objects, "object")));
    }
}

/// Appends objects to a chain of the target, whose end is `tail`.
async fn append(
    survey: &Survey,
    target: &Arc<dyn Store>,
    tail: &mut Tail,
    links: Vec<Link>,
) -> Result<Landed, Failure> {
    let mut landed = Landed::default();
    if let Some(first) = links.first() {
        begin_above_zero(&**target, &survey.dataset, tail, first).await?;
    }
    let objects = links.into_iter().map(|link| object(survey, link));
    let objects: Vec<_> = objects.map(Box::pin).collect();
    let mut objects = stream::iter(objects).buffered(OBJECTS_AT_ONCE);
    while let Some((before, mut link, rows)) = objects.try_next().await? {
        link.gaps.clone_from(&tail.gaps);
        let own_gap = before.gaps.iter().find(|gap| gap.from == link.from && gap.next == link.next);
        link.gaps.extend(own_gap.cloned());
        let file = match rows {
            Some(rows) => raw_object::encode(&link, &rows),
            None => raw_object::encode_gap(&survey.dataset, &link),
        };
        put(&**target, &link, file.map_err(Failure::bug)?).await?;
        *tail = Tail::from(&link);
        landed = landed.plus(Landed {
            objects: 1,
            records: link.rows,
            rejected_before: before.rejected,
            rejected: link.rejected,
        });
    }
    Ok(landed)
}

/// Where the first object that is taken begins above position 0, a gap says that the chain begins there.
async fn begin_above_zero(target: &dyn Store, dataset: &Dataset, tail: &mut Tail, first: &Link) -> Result<(), Failure> {
    if !tail.is_new || first.from == Position::ZERO {
        return Ok(());
    }
    let gap = Link::at_tail(dataset, &first.chain, tail, first.ingested_at, &first.request_id);
    let gap = gap.into_gap(first.from, GapReason::Start);
    put(target, &gap, raw_object::encode_gap(dataset, &gap).map_err(Failure::bug)?).await?;
    *tail = Tail::from(&gap);
    Ok(())
}

/// An object of the source, its link as it is to be in the target, and its rows there; none of a gap.
async fn object(survey: &Survey, link: Link) -> Result<(Link, Link, Option<RecordBatch>), Failure> {
    let dataset = Arc::clone(&survey.dataset);
    if link.kind == LinkKind::Gap {
        return Ok((link.clone(), Link { dataset_hash: dataset.hash.clone(), ..link }, None));
    }
    let older = survey.definitions.of(&link).await?;
    let key = link.chain.object(&dataset.name, link.from);
    let file = survey.store.get(&key).await.map_err(|error| match error.is_not_found() {
        true => Failure::misconfigured(format!("the raw object `{key}` was deleted meanwhile: run the replay again")),
        false => error.into(),
    })?;
    let parse = tokio::task::spawn_blocking(move || {
        let replayed = Replay::new(&older, &dataset).and_then(|replay| replay.object(&link, &file));
        replayed.map(|(replayed, rows)| (link, replayed, Some(rows)))
    });
    parse.await.map_err(Failure::bug)?.map_err(|error| match error {
        ReplayError::Damaged(problem) => Failure::misconfigured(format!(
            "the raw object `{key}` of {} is damaged: {problem}. Restore it from a backup; \
             if it is lost, `penstock gaps declare --unreadable {key}` lets the replay go on without it",
            survey.source()
        )),
        ReplayError::NoHash { .. } => Failure::misconfigured(error),
        ReplayError::Rows(_) => Failure::bug(error),
    })
}

/// Creates an object of the target. If it is there, another replay was first: then it must be ours.
async fn put(target: &dyn Store, link: &Link, file: Bytes) -> Result<(), Failure> {
    let key = link.chain.object(&link.dataset, link.from);
    match target.put_new(&key, file).await? {
        Put::Created => Ok(()),
        Put::Exists if read_link(target, &link.dataset, &link.chain, link.from).await? == *link => Ok(()),
        Put::Exists => Err(Failure::misconfigured(format!(
            "`{key}` in {} is there already, with other content: something else lands there. \
             Nothing was overwritten; name another place with --into",
            target.location()
        ))),
    }
}

fn hole(survey: &Survey, chain: &ChainId, expected: Position, found: Position) -> Failure {
    Failure::misconfigured(format!(
        "{chain}: no raw object begins at {expected} in {}, and the next one begins at {found}. If retention has deleted \
         what lay between since the replay began, name another place with --into to begin anew; otherwise the lake \
         has a hole, which `penstock audit` names",
        survey.source()
    ))
}

impl Landed {
    const fn plus(self, other: Self) -> Self {
        Self {
            objects: self.objects + other.objects,
            records: self.records + other.records,
            rejected_before: self.rejected_before + other.rejected_before,
            rejected: self.rejected + other.rejected,
        }
    }
}
