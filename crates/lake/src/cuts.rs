//! Cuts and their states, as they stand in a store.

use penstock_core::cut::Cut;
use penstock_core::keys;
use penstock_core::state::{self, State};

use crate::chain::{just_before, read_entry};
use crate::{LIST_LIMIT, Store, StoreError, hints};

#[derive(Debug, thiserror::Error)]
pub enum CutError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{key}` cannot be understood ({problem}): restore it from a backup")]
    Damaged { key: String, problem: String },
}

/// The number of the newest declared cut; 0 if there is none.
///
/// # Errors
/// The store's.
pub async fn newest(store: &dyn Store, dataset: &str) -> Result<u64, StoreError> {
    let hinted = hints::read(store, dataset).await.map_or(0, |progress| progress.cut);
    let mut newest = newest_from(store, dataset, hinted).await?;
    // A hint may name a cut that is not there: then it is as if there were no hint.
    if newest.is_none() && 0 < hinted {
        newest = newest_from(store, dataset, 0).await?;
    }
    Ok(newest.unwrap_or(0))
}

/// The newest cut from `first` on, if there is one.
async fn newest_from(store: &dyn Store, dataset: &str, first: u64) -> Result<Option<u64>, StoreError> {
    let folder = keys::cuts_folder(dataset);
    let mut after = just_before(&keys::cut(dataset, first));
    let mut newest = None;
    loop {
        let page = store.list_after(&folder, Some(&after), LIST_LIMIT).await?;
        newest = page.iter().filter_map(|listed| keys::parse_cut_number(&listed.key)).next_back().or(newest);
        match page.last() {
            Some(last) if page.len() == LIST_LIMIT => after = last.key.clone(),
            _ => return Ok(newest),
        }
    }
}

/// A declared cut.
///
/// # Errors
/// The store's, also if there is no such cut; or it is damaged.
pub async fn read(store: &dyn Store, dataset: &str, number: u64) -> Result<Cut, CutError> {
    let key = keys::cut(dataset, number);
    let json = store.get(&key).await?;
    match serde_json::from_slice::<Cut>(&json) {
        Ok(cut) if cut.number == number => Ok(cut),
        Ok(cut) => Err(CutError::Damaged { key, problem: format!("it declares cut {}", cut.number) }),
        Err(error) => Err(CutError::Damaged { key, problem: error.to_string() }),
    }
}

/// The state of a cut without its open windows; `None` if there is none, because the cut is not poured.
///
/// # Errors
/// The store's; or the state is damaged.
pub async fn read_state(store: &dyn Store, dataset: &str, number: u64) -> Result<Option<State>, CutError> {
    if number == 0 {
        return Ok(Some(State::empty()));
    }
    let key = keys::state(dataset, number);
    let damaged = |problem: String| CutError::Damaged { key: key.clone(), problem };
    let state = match read_entry::<State>(store, &key, state::FOOTER_KEY).await {
        Ok(read) => read.map_err(|error| damaged(error.to_string()))?,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if state.cut != number {
        return Err(damaged(format!("it is the state of cut {}", state.cut)));
    }
    Ok(Some(state))
}
