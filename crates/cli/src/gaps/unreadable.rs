//! Declares that a raw object is lost or damaged: a gap stands in for it when refine comes to it.
//!
//! The chain itself stays as it is. Only objects that no poured cut vouches for need this.

use bytes::Bytes;
use penstock_core::chain::{Gap, GapReason, Link, LinkKind, Tail};
use penstock_core::cut::{Closing, Cut, CutObject, RULES};
use penstock_core::dataset::Dataset;
use penstock_core::dedupe::RecentIds;
use penstock_core::keys::ChainId;
use penstock_core::position::Position;
use penstock_core::pour::{Pour, PourError};
use penstock_core::state::State;
use penstock_lake::chain::{find_covering, read_link};
use penstock_lake::{LIST_LIMIT, Put, Store, cuts};
use penstock_runtime::{Failure, Lake};
use serde::Serialize;

use super::Act;
use super::declare::{Declared, Outcome, REQUEST_ID};

/// Declares that the raw object with this key can no longer be read.
///
/// # Errors
/// The object or its footer can be read, it is poured, stands in a declared cut, or is the last of its chain; or the
/// store's.
pub async fn declare_unreadable(lake: &Lake, dataset: &Dataset, key: &str, act: Act) -> Result<Declared, Failure> {
    let store = lake.store();
    let Some((chain, from)) = ChainId::parse_object(&dataset.name, key) else {
        return Err(Failure::misconfigured(format!(
            "`{key}` is no key of a raw object of {}: such a key begins with raw/{}/ and is the one that the error named",
            dataset.name, dataset.name
        )));
    };
    check_not_cut(&*store, dataset, &chain, from).await?;
    check_unreadable(&*store, dataset, &chain, from).await?;
    let next = successor(&*store, dataset, &chain, from).await?;
    // The gap stands in the chain as if it had arrived with its successor, so that it delays nothing.
    let arrived_at = match read_link(&*store, &dataset.name, &chain, next).await {
        Ok(link) => link.ingested_at,
        Err(_) => lake.clock().now(),
    };
    let lost = Lost { chain, from, next, ingested_at: arrived_at };
    let outcome = match act {
        Act::DryRun => Outcome::WouldDeclare,
        Act::Write => declare_lost(&*store, dataset, &lost).await?,
    };
    let gap = Gap { from, next, reason: GapReason::Unreadable };
    Ok(Declared { key: lost.chain.unreadable(&dataset.name, from), chain: lost.chain, gap, outcome })
}

/// A raw object whose rows are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lost {
    #[serde(flatten)]
    pub(crate) chain: ChainId,
    pub(crate) from: Position,
    pub(crate) next: Position,
    #[serde(skip)]
    pub(crate) ingested_at: i64,
}

/// Writes the declaration that a gap stands in for an object.
pub(crate) async fn declare_lost(store: &dyn Store, dataset: &Dataset, lost: &Lost) -> Result<Outcome, Failure> {
    let Lost { chain, from, next, ingested_at, .. } = lost;
    let place = Tail { next: *from, ..Tail::default() };
    let link = Link::at_tail(dataset, chain, &place, *ingested_at, REQUEST_ID).into_gap(*next, GapReason::Unreadable);
    let key = chain.unreadable(&dataset.name, *from);
    let json = serde_json::to_vec(&link).map_err(Failure::bug)?;
    if store.put_new(&key, Bytes::from(json)).await? == Put::Created {
        return Ok(Outcome::Declared);
    }
    match serde_json::from_slice::<Link>(&store.get(&key).await?) {
        Ok(known) if known.from == *from && known.next == *next => Ok(Outcome::Known),
        _ => Err(Failure::misconfigured(format!(
            "`{key}` exists, and does not declare the range [{from}, {next}): somebody restored or removed objects behind it. \
             See `penstock gaps ls`; if no poured cut took that gap, delete `{key}` and declare the object again"
        ))),
    }
}

/// A poured cut vouches for its objects; one that is declared names them, and must be voided to leave them out.
async fn check_not_cut(store: &dyn Store, dataset: &Dataset, chain: &ChainId, from: Position) -> Result<(), Failure> {
    let newest = cuts::newest(store, &dataset.name).await?;
    let (state, declared) = match cuts::read_state(store, &dataset.name, newest).await? {
        Some(state) => (Some(state), None),
        None => {
            let before = cuts::read_state(store, &dataset.name, newest.saturating_sub(1)).await?;
            (before, Some(cuts::read(store, &dataset.name, newest).await?))
        }
    };
    let poured = state.map_or(Position::ZERO, |state| state.position(chain));
    if from < poured {
        return Err(already_poured(store, dataset, chain, from, poured).await?);
    }
    let takes = |cut: &Cut| cut.objects().any(|(taken, object)| taken == chain && object.from == from);
    if declared.is_some_and(|cut| takes(&cut)) {
        return Err(Failure::misconfigured(format!(
            "{chain}: cut {newest} takes the object at {from} and is not poured yet: \
             `penstock cuts void {newest}` declares the object unreadable and lets refine go on without it"
        )));
    }
    Ok(())
}

/// Refine no longer needs the object. Ingest does if it is the last of its chain, because it says where the chain stands.
async fn already_poured(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &ChainId,
    from: Position,
    poured: Position,
) -> Result<Failure, Failure> {
    let is_last = first_after(store, dataset, chain, from).await?.is_none();
    let remedy = if is_last {
        format!(
            "It is the last of its chain, and ingest needs it to know where the chain stands: restore it from a backup. If it is lost, \
             delete what is left of it and declare its range at once, before anything of it could land a second time: \
             `penstock gaps declare --source {} --topic {} --epoch {} --partition {} --from {from} --to {poured} --reason expired`",
            chain.source, chain.topic, chain.epoch, chain.partition
        )
    } else {
        "Nothing to do".to_owned()
    };
    Ok(Failure::misconfigured(format!(
        "{chain}: the object at {from} is poured, and its cut vouches for its rows. {remedy}"
    )))
}

async fn check_unreadable(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &ChainId,
    from: Position,
) -> Result<(), Failure> {
    let Some(link) = find_covering(store, &dataset.name, chain, from, from).await? else {
        return Ok(());
    };
    check_sound(store, dataset, chain, &link).await?;
    Err(Failure::misconfigured(match link.kind {
        LinkKind::Gap => format!("{chain}: [{from}, {}) is declared a gap already: nothing was declared", link.next),
        LinkKind::Data => {
            format!("{chain}: the object at {from} can be read, all {} rows of it: nothing was declared", link.rows)
        }
    }))
}

/// A gap stands in for an object only where refine finds no footer that it can read.
///
/// # Errors
/// The rows of the link cannot be read: as its footer can, refine would take it again; or the store's.
pub(crate) async fn check_sound(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &ChainId,
    link: &Link,
) -> Result<(), Failure> {
    match damage(store, dataset, chain, &CutObject::from(link)).await? {
        None => Ok(()),
        Some(problem) => Err(Failure::misconfigured(format!(
            "`{}` {problem}, but its footer can be read, so the next cut would take it again. Nothing was changed: \
             move the object out of the lake, and repeat this command",
            chain.object(&dataset.name, link.from)
        ))),
    }
}

/// What keeps an object from being poured as it was declared; `None` if nothing does. A gap is poured without a look.
pub(crate) async fn damage(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &ChainId,
    object: &CutObject,
) -> Result<Option<String>, Failure> {
    if object.kind == LinkKind::Gap {
        return Ok(None);
    }
    let file = match store.get(&chain.object(&dataset.name, object.from)).await {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(Some("is missing".to_owned())),
        Err(error) => return Err(error.into()),
    };
    // Exactly what the pour asks of an object, by pouring it alone.
    let cut = Cut {
        number: 0,
        rules: RULES,
        declared_at: 0,
        closing: Closing::Watermark,
        chains: Vec::new(),
        dataset_hash: dataset.hash.clone(),
        dataset: dataset.text.clone(),
    };
    let (empty, ids) = (State::empty(), RecentIds::default());
    let mut pour = Pour::begin(&cut, dataset, &empty, Vec::new(), &ids).map_err(Failure::bug)?;
    match pour.add(chain, object, Some(&file)) {
        Err(PourError::Unreadable { problem, .. }) => Ok(Some(problem)),
        // Its bytes are sound: what does not fit is the dataset.
        Ok(()) | Err(PourError::Dataset { .. }) => Ok(None),
        Err(error @ PourError::Encode { .. }) => Err(Failure::bug(error)),
    }
}

/// Where the next object of the chain begins.
async fn successor(store: &dyn Store, dataset: &Dataset, chain: &ChainId, from: Position) -> Result<Position, Failure> {
    // A directory that is listed while objects are created may show a later one and not the one before it.
    // The second list began after both were there.
    let seen = first_after(store, dataset, chain, from).await?;
    let next = if seen.is_some() { first_after(store, dataset, chain, from).await? } else { None };
    next.ok_or_else(|| {
        Failure::misconfigured(format!(
            "{chain}: no object comes after {from}, so nothing waits for this one. If `{}` exists and is damaged, delete it: \
             either the next delivery brings its records again, or it is refused and names the range to declare",
            chain.object(&dataset.name, from)
        ))
    })
}

/// Where the first object begins that a list shows behind `from`.
pub(crate) async fn first_after(
    store: &dyn Store,
    dataset: &Dataset,
    chain: &ChainId,
    from: Position,
) -> Result<Option<Position>, Failure> {
    let after = chain.object(&dataset.name, from);
    let page = store.list_after(&chain.folder(&dataset.name), Some(&after), LIST_LIMIT).await?;
    let position = |key: &str| ChainId::parse_object(&dataset.name, key).filter(|(named, _)| named == chain);
    Ok(page.iter().find_map(|listed| position(&listed.key)).map(|(_, from)| from))
}
