//! The chains of raw objects, as they stand in a store.
//!
//! An object's key says where it begins and its footer where its successor must begin.
//! Whoever reads a footer checks that it belongs to the chain and to the key.

use futures::future::join_all;
use penstock_core::chain::{self, Link, Tail};
use penstock_core::keys::{self, ChainId};
use penstock_core::position::Position;
use penstock_core::table::{FooterRead, TableError, footer_entry};

use crate::{LIST_LIMIT, Store, StoreError};

/// How many last bytes of a Parquet file are asked for first: a footer of a few dozen columns fits.
const FOOTER_GUESS_BYTES: u64 = 16 * 1024;

/// How many footers are asked for at once.
const FOOTERS_AT_ONCE: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object is there, but it is not a link of this chain.
    #[error(
        "the raw object `{key}` is damaged or foreign: {problem}. Restore it from a backup, or move it away if it was copied here; \
         if it is lost, `penstock gaps declare --unreadable {key}` lets refine go on without it"
    )]
    Damaged { key: String, problem: String },
}

impl ChainError {
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_not_found())
    }
}

/// A footer entry of an object: one request, or two where the footer is unusually long.
///
/// # Errors
/// The outer error is the store's; the inner one says that the object is no Parquet file, or not ours.
pub async fn read_entry<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    key: &str,
    entry: &'static str,
) -> Result<Result<T, TableError>, StoreError> {
    let mut length = FOOTER_GUESS_BYTES;
    loop {
        let end = store.get_end(key, length).await?;
        match footer_entry(&end.bytes, entry) {
            Ok(FooterRead::Entry(value)) => return Ok(Ok(value)),
            Ok(FooterRead::NeedsEnd(needed)) if length < needed && length < end.size => length = needed,
            Ok(FooterRead::NeedsEnd(_)) => {
                let problem = "its footer is longer than the file".to_owned();
                return Ok(Err(TableError::Column { column: "footer".to_owned(), problem }));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// The link that begins at `from`.
///
/// # Errors
/// The store's, also if there is no such object; or the object is not what its key says.
pub async fn read_link(store: &dyn Store, dataset: &str, chain: &ChainId, from: Position) -> Result<Link, ChainError> {
    let key = chain.object(dataset, from);
    let damaged = |problem: String| ChainError::Damaged { key: key.clone(), problem };
    let link = read_entry::<Link>(store, &key, chain::FOOTER_KEY).await?.map_err(|error| damaged(error.to_string()))?;
    chain::check_place(dataset, chain, from, &link).map_err(damaged)?;
    Ok(link)
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub tail: Tail,
    /// Where the last object begins; `None` if there is no object.
    pub last: Option<Position>,
}

/// Finds the end of a chain. `known` is where some object of the chain begins, from memory or from a hint:
/// if that object is there, only what comes after it is listed.
///
/// # Errors
/// The store's; or the last object is not what its key says.
pub async fn find_tail(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    known: Option<Position>,
) -> Result<End, ChainError> {
    let mut newer = last_position(store, dataset, chain, known).await?;
    if newer.or(known).is_none() {
        // One list of a directory can miss the last object, which came while it was made, and the object before it,
        // which retention deleted meanwhile. A chain that is there stands in the second.
        newer = last_position(store, dataset, chain, None).await?;
    }
    let Some(last) = newer.or(known) else {
        return Ok(End { tail: Tail::new_chain(), last: None });
    };
    match read_link(store, dataset, chain, last).await {
        Ok(link) => Ok(End { tail: Tail::from(&link), last: Some(last) }),
        // A hint may name an object that is not there: then it is as if there were no hint.
        Err(error) if error.is_not_found() && newer.is_none() => Box::pin(find_tail(store, dataset, chain, None)).await,
        Err(error) => Err(error),
    }
}

/// Where the last object of the chain begins, if one comes after `known`.
async fn last_position(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    known: Option<Position>,
) -> Result<Option<Position>, ChainError> {
    let mut after = known.map(|from| chain.object(dataset, from));
    let mut last = None;
    loop {
        let page = store.list_after(&chain.folder(dataset), after.as_deref(), LIST_LIMIT).await?;
        let Some(newest) = page.last() else {
            return Ok(last);
        };
        last = positions(dataset, chain, page.iter().map(|listed| listed.key.as_str())).last().or(last);
        if page.len() < LIST_LIMIT {
            return Ok(last);
        }
        after = Some(newest.key.clone());
    }
}

/// The positions that keys of this chain name; other keys are none of ours.
fn positions<'k>(
    dataset: &str,
    chain: &ChainId,
    keys: impl Iterator<Item = &'k str>,
) -> impl Iterator<Item = Position> {
    keys.filter_map(move |key| {
        let (named, from) = ChainId::parse_object(dataset, key)?;
        (named == *chain).then_some(from)
    })
}

/// Links that follow one another.
#[derive(Debug)]
pub struct Links {
    pub links: Vec<Link>,
    pub end: LinksEnd,
}

/// Why a walk along a chain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinksEnd {
    /// There may be more links than were asked for.
    Limit,
    /// No object comes after the last link.
    Tail,
    /// Objects come later, but none begins where the last link ends. A directory may list so while it is written.
    Broken { expected: Position, found: Position },
}

/// Walks a chain by its footers from `from`, where an object must begin, over about `limit` links.
///
/// Where an operator declared an object unreadable, a gap stands in for it.
///
/// # Errors
/// The store's; or an object is not what its key says, and nobody declared it unreadable.
pub async fn read_links(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    from: Position,
    limit: usize,
) -> Result<Links, ChainError> {
    let mut links: Vec<Link> = Vec::new();
    let mut expected = from;
    let mut after = just_before(&chain.object(dataset, from));
    loop {
        let page = store.list_after(&chain.folder(dataset), Some(&after), LIST_LIMIT).await?;
        let found: Vec<Position> = positions(dataset, chain, page.iter().map(|listed| listed.key.as_str())).collect();
        for chunk in found.chunks(FOOTERS_AT_ONCE) {
            if limit <= links.len() {
                return Ok(Links { links, end: LinksEnd::Limit });
            }
            let reads = chunk.iter().map(|from| read_link(store, dataset, chain, *from));
            for (found, read) in chunk.iter().zip(join_all(reads).await) {
                while expected < *found {
                    let Some(gap) = read_unreadable(store, dataset, chain, expected).await? else {
                        return Ok(Links { links, end: LinksEnd::Broken { expected, found: *found } });
                    };
                    expected = gap.next;
                    links.push(gap);
                }
                if *found < expected {
                    return Ok(Links { links, end: LinksEnd::Broken { expected, found: *found } });
                }
                let link = match read {
                    Ok(link) => link,
                    Err(error) => read_unreadable(store, dataset, chain, *found).await?.ok_or(error)?,
                };
                expected = link.next;
                links.push(link);
            }
        }
        match page.last() {
            Some(last) if page.len() == LIST_LIMIT => after = last.key.clone(),
            _ => return Ok(Links { links, end: LinksEnd::Tail }),
        }
    }
}

/// A text that sorts before the key and behind every key that sorts before it: keys of a chain have one length.
#[must_use]
pub fn just_before(key: &str) -> String {
    key[..key.len() - 1].to_owned()
}

/// The gap that stands in for an object which an operator declared unreadable.
async fn read_unreadable(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    from: Position,
) -> Result<Option<Link>, ChainError> {
    let key = chain.unreadable(dataset, from);
    match store.get(&key).await {
        Ok(json) => {
            let damaged = |problem: String| ChainError::Damaged { key: key.clone(), problem };
            let link: Link = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
            chain::check_place(dataset, chain, from, &link).map_err(damaged)?;
            Ok(Some(link))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The gaps that stand in for objects of a chain which were declared unreadable and still are, in order.
///
/// What was restored, or has landed again, is as if it had never been declared.
///
/// # Errors
/// The store's; or a declaration is not what its key says.
pub async fn find_unreadable(store: &dyn Store, dataset: &str, chain: &ChainId) -> Result<Vec<Link>, ChainError> {
    let mut gaps: Vec<Link> = Vec::new();
    // Records may land again in other batches, so that one object covers several that were lost. It begins where one
    // of them began: before that the chain still stood.
    let (mut declared_to, mut stands_to) = (Position::ZERO, Position::ZERO);
    for gap in declarations(store, dataset, chain).await? {
        if gap.from != declared_to {
            stands_to = gap.from;
        }
        declared_to = gap.next;
        if gap.from < stands_to {
            continue;
        }
        let standing = find_covering(store, dataset, chain, stands_to, gap.from).await?;
        stands_to = standing.as_ref().map_or(gap.next, |link| link.next);
        if standing.is_none() {
            gaps.push(gap);
        }
    }
    Ok(gaps)
}

/// The link that covers a position, by the footers of the chain from `from` on, where a link begins; `None` if one of
/// them is missing or cannot be read.
///
/// # Errors
/// The store's.
pub async fn find_covering(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    mut from: Position,
    position: Position,
) -> Result<Option<Link>, ChainError> {
    loop {
        match read_link(store, dataset, chain, from).await {
            Ok(link) if position < link.next => return Ok(Some(link)),
            Ok(link) => from = link.next,
            Err(error @ ChainError::Store(_)) if !error.is_not_found() => return Err(error),
            Err(_) => return Ok(None),
        }
    }
}

/// Everything of a chain that was ever declared unreadable, in order.
async fn declarations(store: &dyn Store, dataset: &str, chain: &ChainId) -> Result<Vec<Link>, ChainError> {
    let folder = chain.unreadable_folder(dataset);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_after(&folder, after.as_deref(), LIST_LIMIT).await?;
        for listed in &page {
            let name = listed.key.rsplit('/').next().and_then(|name| name.strip_suffix(".json"));
            let Some(from) = name.and_then(|from| from.parse().ok()) else { continue };
            found.extend(read_unreadable(store, dataset, chain, from).await?);
        }
        match page.last() {
            Some(last) if page.len() == LIST_LIMIT => after = Some(last.key.clone()),
            _ => return Ok(found),
        }
    }
}

/// Where the first object of a chain begins that still stands, or the gap that stands in for a lost one before it.
///
/// # Errors
/// The store's; or a declaration is not what its key says.
pub async fn find_start(store: &dyn Store, dataset: &str, chain: &ChainId) -> Result<Option<Position>, ChainError> {
    let objects = store.list_after(&chain.folder(dataset), None, 1).await?;
    let first = objects.first().and_then(|listed| ChainId::parse_object(dataset, &listed.key));
    let Some((_, first)) = first else {
        return Ok(None);
    };
    // The first object itself may be lost, and a gap stand in for it.
    let lost = find_unreadable(store, dataset, chain).await?;
    Ok(Some(lost.iter().find(|gap| gap.next == first).map_or(first, |gap| gap.from)))
}

/// Every chain of a dataset, in order.
///
/// # Errors
/// The store's.
pub async fn find_chains(store: &dyn Store, dataset: &str) -> Result<Vec<ChainId>, StoreError> {
    let root = keys::raw_folder(dataset);
    let mut chains = Vec::new();
    for source in store.list_folders(&root).await? {
        for topic in store.list_folders(&format!("{root}{source}/")).await? {
            let folder = format!("{root}{source}/{topic}/");
            let partitions = store.list_folders(&folder).await?;
            chains.extend(
                partitions
                    .iter()
                    .filter_map(|partition| ChainId::parse_folder(dataset, &format!("{folder}{partition}/"))),
            );
        }
    }
    chains.sort();
    Ok(chains)
}
