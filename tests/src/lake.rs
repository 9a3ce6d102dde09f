//! A lake in this process: both functions over a store that fails as it is told to, and a clock that stands still.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use penstock_core::dataset::Dataset;
use penstock_ingest::Ingest;
use penstock_lake::{DirectoryStore, Faulty, MemoryStore, Store, TestClock};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, IngestSettings, Lake};
use penstock_telemetry::Registry;

use crate::events::iot;
use crate::reading::Reading;

/// A lake of the default dataset. Functions over it are cold when they are made, and any number may be made.
#[derive(Clone, Debug)]
pub struct TestLake {
    pub dataset: Arc<Dataset>,
    pub clock: Arc<TestClock>,
    /// What the functions see.
    pub faulty: Arc<Faulty>,
    /// The same objects, without faults.
    pub store: Arc<dyn Store>,
    /// What the functions record.
    pub telemetry: Arc<Registry>,
}

impl TestLake {
    #[must_use]
    pub fn in_memory() -> Self {
        let clock = Arc::new(TestClock::default());
        Self::over(Arc::new(MemoryStore::new(Arc::clone(&clock) as _)), clock)
    }

    pub async fn in_directory(path: &Path) -> Self {
        let store = DirectoryStore::open(path).await.expect("a folder for the lake");
        Self::over(Arc::new(store), Arc::default())
    }

    fn over(store: Arc<dyn Store>, clock: Arc<TestClock>) -> Self {
        let faulty = Arc::new(Faulty::new(Arc::clone(&store)));
        let dataset = Arc::new(iot());
        let telemetry = Arc::new(Registry::new(&dataset.name));
        Self { dataset, clock, faulty, store, telemetry }
    }

    /// The same lake behind a store of its own: whoever died over the old one is alive again over this.
    #[must_use]
    pub fn reopened(&self) -> Self {
        Self { faulty: Arc::new(Faulty::new(Arc::clone(&self.store))), ..self.clone() }
    }

    #[must_use]
    pub fn ingest(&self) -> Ingest {
        self.ingest_with(IngestSettings::default())
    }

    #[must_use]
    pub fn ingest_with(&self, settings: IngestSettings) -> Ingest {
        Ingest::new(self.lake(), Arc::clone(&self.dataset), settings)
    }

    #[must_use]
    pub fn refine(&self) -> Refine {
        self.refine_with(CutSettings::default())
    }

    #[must_use]
    pub fn refine_with(&self, settings: CutSettings) -> Refine {
        Refine::new(self.lake(), Arc::clone(&self.dataset), settings)
    }

    #[must_use]
    pub fn lake(&self) -> Lake {
        Lake::observed(Arc::clone(&self.faulty) as _, Arc::clone(&self.clock) as _, Arc::clone(&self.telemetry))
    }

    /// A cold refine pours everything and closes all windows.
    pub async fn drain(&self) {
        let drained = self.reopened().refine().run(Mode::Drain, &Call::default()).await;
        drained.expect("everything can be poured");
    }

    pub async fn read(&self) -> Reading {
        Reading::of_store(&*self.store).await
    }

    /// Epoch microseconds, `seconds` ago by the lake's clock.
    #[must_use]
    pub fn seconds_ago(&self, seconds: i64) -> i64 {
        use penstock_lake::Clock;
        self.clock.now() - seconds * 1_000_000
    }

    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
