//! Compares redelivered records with the raw objects that cover their positions, where these still exist.

use penstock_core::chain::Tail;
use penstock_core::keys::ChainId;
use penstock_core::overlap::first_difference;
use penstock_core::payload::Record;
use penstock_core::position::Position;
use penstock_lake::chain::just_before;
use penstock_lake::{LIST_LIMIT, Store};
use penstock_runtime::Failure;

/// A raw object covers one batch, and a mapping's batch has at most this many records:
/// so the object that covers a position begins at most this far below it.
const LONGEST_BATCH: u64 = 10_000;

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

/// Where the objects begin that cover positions from `first` up to the tail.
async fn covering(
    store: &dyn Store,
    dataset: &str,
    chain: &ChainId,
    tail: &Tail,
    first: Position,
) -> Result<Vec<Position>, Failure> {
    let lowest = first.offset().map_or(first, |offset| {
        Position::from_offset(offset.unsigned_abs().saturating_sub(LONGEST_BATCH))
    });
    let after = just_before(&chain.object(dataset, lowest));
    let page = store.list_after(&chain.folder(dataset), Some(&after), LIST_LIMIT).await?;
    let found: Vec<Position> = page
        .iter()
        .filter_map(|listed| ChainId::parse_object(dataset, &listed.key))
        .map(|(_, from)| from)
        .filter(|from| *from < tail.next)
        .collect();
    let before_first = found.iter().rposition(|from| *from <= first).unwrap_or(0);
    Ok(found.into_iter().skip(before_first).take(MAX_OBJECTS).collect())
}
