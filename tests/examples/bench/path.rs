//! The whole path, step by step: ingest, refine, p95.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use penstock_core::dataset::Dataset;
use penstock_ingest::Ingest;
use penstock_lake::{LIST_LIMIT, MemoryStore, Operation, Snapshot, Store};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, IngestSettings, Lake, SystemClock};
use serde_json::{Value, json};

use crate::events;
use crate::measure::Measure;

/// Takes all payloads through the real handlers and answers the question; then writes the lake to `out`, to be verified.
pub(crate) async fn measure(folder: &Path, out: &Path) -> Value {
    let dataset = Arc::new(Dataset::shipped("iot").unwrap());
    let payloads = events::payloads(folder);
    warm_up(&dataset, &payloads[..1]).await;

    let lake = lake();
    let ingest = Ingest::new(lake.clone(), Arc::clone(&dataset), IngestSettings::default());
    let begun = Measure::begin();
    let mut cold = Snapshot::default();
    for (number, payload) in payloads.iter().enumerate() {
        ingest.handle(payload, &Call::default()).await.unwrap();
        // The first one finds out where the chain ends; what the others ask for is what an invocation costs.
        if number == 0 {
            cold = lake.counts().snapshot();
        }
    }
    let mut ingested = step(begun.end(), &lake, &cold);
    let landed = lake.counts().snapshot();
    ingested["bytes"] = json!(landed.of(Operation::PutNew).bytes_out);

    let refine = Refine::new(lake.clone(), Arc::clone(&dataset), CutSettings::default());
    let begun = Measure::begin();
    refine.run(Mode::Drain, &Call::default()).await.unwrap();
    let mut refined = step(begun.end(), &lake, &landed);
    let poured = lake.counts().snapshot();
    refined["bytes"] = json!(poured.of(Operation::PutNew).bytes_out - landed.of(Operation::PutNew).bytes_out);

    let begun = Measure::begin();
    let report = penstock_cli::p95::report(&*lake.store(), &dataset, None, None).await.unwrap();
    let answered = step(begun.end(), &lake, &poured);

    write(&*lake.store(), out).await;
    fs::write(out.join("p95.json"), serde_json::to_vec(&report.rows).unwrap()).unwrap();
    json!({ "ingest": ingested, "refine": refined, "p95": answered })
}

/// What a warm function has behind it: memory that the allocator keeps, code in the caches.
async fn warm_up(dataset: &Arc<Dataset>, payloads: &[bytes::Bytes]) {
    let lake = lake();
    let ingest = Ingest::new(lake.clone(), Arc::clone(dataset), IngestSettings::default());
    for payload in payloads {
        ingest.handle(payload, &Call::default()).await.unwrap();
    }
    let refine = Refine::new(lake.clone(), Arc::clone(dataset), CutSettings::default());
    refine.run(Mode::Drain, &Call::default()).await.unwrap();
}

fn lake() -> Lake {
    Lake::over(Arc::new(MemoryStore::default()), Arc::new(SystemClock))
}

/// A measurement with what it asked of the store, as S3 bills it.
fn step(mut measured: Value, lake: &Lake, before: &Snapshot) -> Value {
    let now = lake.counts().snapshot();
    let requests = |operations: &[Operation]| -> u64 {
        operations.iter().map(|operation| now.of(*operation).requests - before.of(*operation).requests).sum()
    };
    measured["puts"] = json!(requests(&[Operation::PutNew, Operation::PutHint]));
    measured["gets"] = json!(requests(&[Operation::Get, Operation::GetEnd, Operation::GetRange]));
    measured["lists"] = json!(requests(&[Operation::ListAfter, Operation::ListFolders]));
    measured
}

/// Copies what readers read into a directory.
async fn write(store: &dyn Store, out: &Path) {
    for folder in ["raw/", "silver/", "windows/", "rejects/"] {
        let mut after: Option<String> = None;
        loop {
            let page = store.list_after(folder, after.as_deref(), LIST_LIMIT).await.unwrap();
            for listed in &page {
                let path = out.join(&listed.key);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, store.get(&listed.key).await.unwrap()).unwrap();
            }
            after = page.last().map(|listed| listed.key.clone());
            if page.len() < LIST_LIMIT {
                break;
            }
        }
    }
}
