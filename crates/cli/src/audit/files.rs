//! The files of silver, windows and rejects: each that the states list is there as it was written, and no other is.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_core::part::{self, Part};
use penstock_lake::chain::read_entry;
use penstock_lake::{Listed, Store};
use penstock_runtime::Failure;

use super::cuts::History;
use super::{Finding, READS_AT_ONCE, Report, list_all};

pub(super) async fn check(
    store: &dyn Store,
    dataset: &Dataset,
    history: &History,
    report: &mut Report,
) -> Result<(), Failure> {
    let name = &dataset.name;
    let mut found: Vec<Listed> = Vec::new();
    for folder in [keys::silver_folder(name), keys::windows_folder(name), keys::rejects_folder(name)] {
        found.extend(list_all(store, &folder, None).await?);
    }
    let is_looked_at = |listed: &Listed| match keys::parse_cut_number(&listed.key) {
        Some(cut) => history.first.cut < cut,
        None => true,
    };
    found.retain(is_looked_at);
    let present: BTreeSet<&str> = found.iter().map(|listed| listed.key.as_str()).collect();
    for key in history.parts.keys().filter(|key| !present.contains(key.as_str())) {
        report.find(key, "is missing: restore it from a backup");
    }
    let mut checks: Vec<BoxFuture<'_, Result<Option<Finding>, Failure>>> = Vec::new();
    for listed in &found {
        match history.parts.get(&listed.key) {
            Some(part) => {
                report.files += 1;
                report.file_bytes += listed.size;
                checks.push(compare(store, part).boxed());
            }
            None if history.unpoured.is_some() && keys::parse_cut_number(&listed.key) == history.unpoured => {}
            None => report.find(
                &listed.key,
                "is listed by no state: readers see rows of it that do not count. Move it out of the lake",
            ),
        }
    }
    let findings: Vec<Option<Finding>> = stream::iter(checks).buffered(READS_AT_ONCE).try_collect().await?;
    report.findings.extend(findings.into_iter().flatten());
    Ok(())
}

/// Compares a file's footer with what its state says.
async fn compare(store: &dyn Store, part: &Part) -> Result<Option<Finding>, Failure> {
    let problem = match read_entry::<Part>(store, &part.key, part::FOOTER_KEY).await? {
        Ok(found) if found == *part => return Ok(None),
        Ok(found) => format!(
            "holds {} rows (checksum {}), and its state says {} ({})",
            found.rows, found.checksum, part.rows, part.checksum
        ),
        Err(error) => format!("cannot be read: {error}"),
    };
    Ok(Some(Finding { place: part.key.clone(), problem }))
}
