//! The dataset files that parsed the raw objects of a lake: its cuts carry them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures::future::try_join_all;
use penstock_core::chain::Link;
use penstock_core::dataset::Dataset;
use penstock_lake::{Store, cuts};
use penstock_runtime::Failure;
use tokio::sync::Mutex;

/// How many cuts are read at once.
const CUTS_AT_ONCE: u64 = 16;

#[derive(Debug)]
pub(super) struct Definitions {
    store: Arc<dyn Store>,
    dataset: String,
    found: Mutex<Found>,
}

#[derive(Debug)]
struct Found {
    by_hash: BTreeMap<String, Arc<Dataset>>,
    /// The newest cut that was not looked into yet.
    cut: u64,
}

impl Definitions {
    pub(super) async fn new(
        store: Arc<dyn Store>,
        dataset: &Arc<Dataset>,
        older: Vec<Dataset>,
    ) -> Result<Self, Failure> {
        let shipped = Dataset::shipped(&dataset.name);
        let known = older.into_iter().chain(shipped).map(Arc::new).chain([Arc::clone(dataset)]);
        let by_hash = known.map(|dataset| (dataset.hash.clone(), dataset)).collect();
        let cut = cuts::newest(&*store, &dataset.name).await?;
        Ok(Self { store, dataset: dataset.name.clone(), found: Mutex::new(Found { by_hash, cut }) })
    }

    /// The dataset file that parsed the records of an object: of the cuts the newest are looked into first.
    pub(super) async fn of(&self, link: &Link) -> Result<Arc<Dataset>, Failure> {
        let mut found = self.found.lock().await;
        loop {
            if let Some(dataset) = found.by_hash.get(&link.dataset_hash) {
                return Ok(Arc::clone(dataset));
            }
            if found.cut == 0 {
                return Err(unknown(link));
            }
            let first = found.cut.saturating_sub(CUTS_AT_ONCE) + 1;
            let reads = (first..=found.cut).map(|number| cuts::read(&*self.store, &self.dataset, number));
            for cut in try_join_all(reads).await? {
                if let Entry::Vacant(unknown) = found.by_hash.entry(cut.dataset_hash) {
                    let dataset = Dataset::parse(&cut.dataset).map_err(|problems| {
                        Failure::misconfigured(format!("the dataset in cut {} cannot be read:\n{problems}", cut.number))
                    })?;
                    unknown.insert(Arc::new(dataset));
                }
            }
            found.cut = first - 1;
        }
    }
}

fn unknown(link: &Link) -> Failure {
    Failure::misconfigured(format!(
        "the raw object `{}` was parsed by a dataset file that no cut carries (SHA-256 {}). \
         If that file is in use, run the replay again when refine has declared its next cut; \
         if it is older, find that version of the file and name it with --parsed-by",
        link.chain.object(&link.dataset, link.from),
        link.dataset_hash
    ))
}
