//! What many commands share: the lake and the dataset.

use std::sync::Arc;

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_lake::{LIST_LIMIT, Listed, Store};
use penstock_runtime::{Failure, Lake, LakeUrl, SystemClock, dataset};
use penstock_telemetry::Registry;

/// Which lake, and which dataset in it.
#[derive(Clone, Debug, Args)]
pub struct LakeArguments {
    /// Where the lake is: s3://BUCKET/PREFIX or a directory
    #[arg(long, default_value = "./penstock-data", value_name = "URL")]
    pub lake: LakeUrl,
    /// The dataset: iot, user_actions, numbers, or the path of a dataset file of your own
    #[arg(long, default_value = "iot", value_name = "NAME|FILE")]
    pub dataset: String,
}

impl LakeArguments {
    /// Opens the lake, and makes it where none is.
    pub(crate) async fn open(&self) -> Result<(Lake, Arc<Dataset>), Failure> {
        let dataset = self.read_dataset()?;
        let telemetry = Arc::new(Registry::new(&dataset.name));
        Ok((Lake::open(&self.lake, Arc::new(SystemClock), telemetry).await?, dataset))
    }

    /// Opens a lake that must be there.
    pub(crate) async fn open_existing(&self) -> Result<(Lake, Arc<Dataset>), Failure> {
        let dataset = self.read_dataset()?;
        Ok((Lake::open_existing(&self.lake, Arc::new(SystemClock)).await?, dataset))
    }

    pub(crate) fn read_dataset(&self) -> Result<Arc<Dataset>, Failure> {
        dataset(&self.dataset).map(Arc::new).map_err(Failure::misconfigured)
    }
}

/// Every object under a prefix, after `after`.
pub(crate) async fn list_all(store: &dyn Store, prefix: &str, after: Option<String>) -> Result<Vec<Listed>, Failure> {
    let (mut objects, mut after): (Vec<Listed>, _) = (Vec::new(), after);
    loop {
        let page = store.list_after(prefix, after.as_deref(), LIST_LIMIT).await?;
        let is_last = page.len() < LIST_LIMIT;
        after = page.last().map(|listed| listed.key.clone());
        objects.extend(page);
        if is_last {
            return Ok(objects);
        }
    }
}
