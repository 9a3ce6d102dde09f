//! Hints: what refine last saw, so that others list less. Nothing depends on them.
//!
//! A hint may be stale, missing, damaged or of another lake: whoever reads one checks that the object it names exists,
//! and lists from the beginning if not. So an unreadable hint is no error.

use bytes::Bytes;
use penstock_core::keys::{self, ChainId};
use penstock_core::position::Position;
use serde::{Deserialize, Serialize};

use crate::Store;

/// How far refine had come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The newest cut.
    pub cut: u64,
    pub chains: Vec<ChainHint>,
}

/// Where the last object that a cut took of a chain begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainHint {
    #[serde(flatten)]
    pub chain: ChainId,
    pub last: Position,
}

/// The hint, if there is a readable one.
pub async fn read(store: &dyn Store, dataset: &str) -> Option<Progress> {
    let bytes = store.get(&keys::progress_hint(dataset)).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Where some object of the chain begins, if the hint names one.
pub async fn last_object(store: &dyn Store, dataset: &str, chain: &ChainId) -> Option<Position> {
    let progress = read(store, dataset).await?;
    progress.chains.iter().find(|hint| hint.chain == *chain).map(|hint| hint.last)
}

/// Writes the hint. A failure is no loss.
pub async fn write(store: &dyn Store, dataset: &str, progress: &Progress) {
    if let Ok(json) = serde_json::to_vec(progress) {
        let _ = store.put_hint(&keys::progress_hint(dataset), Bytes::from(json)).await;
    }
}
