//! Deletes raw objects that are poured and past their age.
//!
//! The last object of a chain stays whatever its age: it is the memory of where the chain stands.

use penstock_core::keys::ChainId;
use penstock_core::state::{ChainState, State};
use penstock_lake::{LIST_LIMIT, Store};
use penstock_runtime::Failure;

use crate::Refine;

/// Retention runs with the first cut of each hour: listing every chain each minute would cost more than the storage.
const EVERY: i64 = 3_600_000_000;

impl Refine {
    pub(crate) async fn retire(&self, store: &dyn Store, previous: &State, state: &State) -> Result<(), Failure> {
        let Some(hours) = self.settings.raw_retention_hours else {
            return Ok(());
        };
        if previous.declared_at.div_euclid(EVERY) == state.declared_at.div_euclid(EVERY) {
            return Ok(());
        }
        let oldest = self.lake.clock().now().saturating_sub(hours.saturating_mul(EVERY));
        for chain in &state.chains {
            self.retire_chain(store, chain, oldest).await?;
        }
        Ok(())
    }

    /// Deletes a page of objects at the beginning of the chain; a longer backlog goes in the following hours.
    async fn retire_chain(&self, store: &dyn Store, chain: &ChainState, oldest: i64) -> Result<(), Failure> {
        let name = &self.dataset.name;
        let page = store.list_after(&chain.chain.folder(name), None, LIST_LIMIT).await?;
        for pair in page.windows(2) {
            let (object, successor) = (&pair[0], &pair[1]);
            // A successor that is poured or begins where the pour goes on means that the object is poured and not the last.
            let is_poured = ChainId::parse_object(name, &successor.key).is_some_and(|(_, from)| from <= chain.next);
            if is_poured && object.modified < oldest {
                store.delete(&object.key).await?;
            }
        }
        Ok(())
    }
}
