//! Publishes a lake as Iceberg tables: what refine poured is appended to the tables `raw`, `silver` and `windows`,
//! one snapshot for each cut, exactly once.
//!
//! In: cuts and their states, which name the plain files. Out: data files below `tables/<dataset>/`, and commits to a
//! catalogue. The plain files stay as they are; a catalogue that is down holds nothing up but the tables.
//! Any number of runs may overlap or end anywhere: a table says by itself which cut is the newest in it.
//!
//! The library exists with the feature `iceberg` only, so that nothing else waits for Iceberg to be compiled.

#![cfg(feature = "iceberg")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod catalog;
#[cfg(feature = "glue")]
mod glue;
mod storage;
mod table;
mod tables;
mod files;
mod commit;
mod publish;

use std::sync::Arc;

use async_trait::async_trait;
use iceberg::Catalog;
use penstock_core::dataset::{Dataset, Format};
use penstock_runtime::{Call, Failure, Function, Lake, LakeUrl, Settings, SystemClock};
use penstock_telemetry::Registry;
use serde_json::Value;

pub use catalog::{CATALOG_NAME, CatalogUrl, open as open_catalog};
pub use commit::{CUT, position};
pub use publish::{Published, Summary};
pub use storage::LakeFiles;
pub use table::Table;
pub use tables::identifier;

/// A warm function.
#[derive(Debug)]
pub struct Tables {
    lake: Lake,
    files: LakeFiles,
    catalog: Arc<dyn Catalog>,
    namespace: String,
    dataset: Arc<Dataset>,
    /// As refine has it; `None`: raw objects are kept for ever.
    raw_retention_hours: Option<i64>,
}

#[async_trait]
impl Function for Tables {
    const NAME: &'static str = "tables";
    type Settings = Settings;

    async fn open(settings: &Settings, _telemetry: Arc<Registry>) -> Result<Self, Failure> {
        let lake = Lake::open_existing(&settings.lake, Arc::new(SystemClock)).await?;
        let files = LakeFiles::new(lake.store(), &root(&settings.lake)?);
        let catalog = &settings.catalog;
        let url = catalog.url.parse::<CatalogUrl>();
        let url = url.map_err(|problem| Failure::misconfigured(format!("PENSTOCK_CATALOG: {problem}")))?;
        let opened = open_catalog(&url, catalog.credential.as_deref(), &files).await?;
        let tables = Self::new(lake, files, opened, &catalog.namespace, Arc::clone(&settings.dataset))?;
        Ok(tables.with_raw_retention(settings.cut.raw_retention_hours))
    }

    /// What the event says does not matter: a schedule's, a test's, an operator's all mean "now".
    async fn call(&self, _event: &[u8], call: &Call) -> Result<Value, Failure> {
        serde_json::to_value(self.run(call).await?).map_err(Failure::bug)
    }
}

impl Tables {
    /// # Errors
    /// The dataset's file does not ask for tables.
    pub fn new(
        lake: Lake,
        files: LakeFiles,
        catalog: Arc<dyn Catalog>,
        namespace: &str,
        dataset: Arc<Dataset>,
    ) -> Result<Self, Failure> {
        if dataset.format != Format::Iceberg {
            return Err(Failure::misconfigured(format!(
                "dataset `{}` has no tables: write format = \"iceberg\" at the top of its file, and deploy that",
                dataset.name
            )));
        }
        let namespace = namespace.to_owned();
        Ok(Self { lake, files, catalog, namespace, dataset, raw_retention_hours: None })
    }

    /// After how many hours refine deletes raw objects, so that one that is gone by then is not missed.
    #[must_use]
    pub fn with_raw_retention(self, hours: Option<i64>) -> Self {
        Self { raw_retention_hours: hours, ..self }
    }
}

/// The URL of a lake by which readers anywhere on the machine, or anywhere at all, find its files.
fn root(lake: &LakeUrl) -> Result<String, Failure> {
    match lake {
        LakeUrl::S3 { .. } => Ok(lake.to_string()),
        LakeUrl::Directory(path) => {
            let whole = std::path::absolute(path).map_err(Failure::misconfigured)?;
            Ok(format!("file://{}", whole.display()))
        }
    }
}
