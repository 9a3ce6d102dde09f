//! Compares redelivered records with the raw objects that cover their positions, where these still exist.

use penstock_core::chain::Tail;
use penstock_core::keys::ChainId;
use penstock_core::overlap::first_difference;
use penstock_core::payload::Record;
use penstock_core::position::Position;
use penstock_lake::chain::{find_unreadable, just_before};
use penstock_lake::{LIST_LIMIT, Store};
use penstock_runtime::Failure;

/// How far below a position to look for the object that covers it. It begins at most one batch below, and a mapping's
/// batch has at most 10,000 records; but where objects are small, that would list thousands of them.
const LOOK_BACK: [u64; 2] = [100, 10_000];

/// How many objects are read at the most: an overlap spans one or two, unless batches were cut much smaller before.
const MAX_OBJECTS: usize = 8;

/// The first of the records below the tail that is not the row which landed at its position, with what differs.
pub(crate) async fn find_difference(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    tail: &Tail,
    records: &[Record<'_>],
) -> Result<Option<(Position, String)>, Failure> {
    let Some(first) = records.first().map(|record| record.position) else {
        return Ok(None);
    };
    if let Some(lost) = find_lost(store, dataset, chain, records).await? {
        return Ok(Some(lost));
    }
    for from in covering(store, dataset, chain, tail, first).await? {
        let key = chain.object(dataset, from);
        let file = match store.get(&key).await {
            Ok(file) => file,
            // Retention deleted it in between: then nothing is left to compare with.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let difference = first_difference(&file, &chain.partition, records)
            .map_err(|error| Failure::misconfigured(format!("the raw object `{key}` is damaged: {error}")))?;
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

/// The first of the records whose row landed and was lost with its raw object, as an operator declared.
async fn find_lost(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    records: &[Record<'_>],
) -> Result<Option<(Position, String)>, Failure> {
    let lost = find_unreadable(store, dataset, chain).await?;
    let holds = |record: &Record<'_>| {
        let gap = lost.iter().find(|gap| gap.from <= record.position && record.position < gap.next)?;
        Some((
            record.position,
            format!("the raw object that held [{}, {}) was lost and declared unreadable", gap.from, gap.next),
        ))
    };
    Ok(records.iter().find_map(holds))
}

/// Where the objects begin that cover positions from `first` up to the tail.
async fn covering(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    tail: &Tail,
    first: Position,
) -> Result<Vec<Position>, Failure> {
    let mut found = Vec::new();
    for distance in LOOK_BACK {
        found = begins_from(store, dataset, chain, below(first, distance), first).await?;
        found.retain(|from| *from < tail.next);
        if let Some(covers_first) = found.iter().rposition(|from| *from <= first) {
            found.drain(..covers_first);
            break;
        }
    }
    found.truncate(MAX_OBJECTS);
    Ok(found)
}

fn below(position: Position, distance: u64) -> Position {
    // Kinesis's numbers lie too far apart for this: there only what begins behind the first record is found.
    position.offset().map_or(position, |offset| Position::from_offset(offset.unsigned_abs().saturating_sub(distance)))
}

/// Where the chain's objects begin, from `lowest` on: all up to `first`, and a page or less behind it.
async fn begins_from(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    lowest: Position,
    first: Position,
) -> Result<Vec<Position>, Failure> {
    let mut after = just_before(&chain.object(dataset, lowest));
    let mut begins = Vec::new();
    loop {
        let page = store.list_after(&chain.folder(dataset), Some(&after), LIST_LIMIT).await?;
        let objects = page.iter().filter_map(|listed| ChainId::parse_object(dataset, &listed.key));
        begins.extend(objects.map(|(_, from)| from));
        match page.last() {
            Some(last) if page.len() == LIST_LIMIT && begins.last() < Some(&first) => after = last.key.clone(),
            _ => return Ok(begins),
        }
    }
}
