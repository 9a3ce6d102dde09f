//! The lake: whether it can be read and written, honours conditional writes, and goes on with a dataset's file.

use std::sync::Arc;

use penstock_core::dataset::{Change, Dataset};
use penstock_lake::{Store, cuts};
use penstock_runtime::{Failure, Lake, LakeUrl, SystemClock};

use super::Check;

/// Checks the lake, and each dataset against the newest cut that the lake has of it.
pub(super) async fn check(url: &LakeUrl, datasets: &[Dataset], checks: &mut Vec<Check>) {
    let opened = Lake::open_existing(url, Arc::new(SystemClock)).await.map_err(|failure| failure.message);
    let readable = format!("lake {url}: can be read, and its format is known");
    let lake = match opened {
        Ok(lake) => lake,
        Err(problem) => return checks.push(Check::new(readable).with_problem(problem)),
    };
    checks.push(Check::new(readable));
    let honoured = lake.check_creation().await.map_err(|failure| failure.message);
    checks.push(Check::of(format!("lake {url}: can be written, and never overwrites"), honoured));
    for dataset in datasets {
        let compared = compare(&*lake.store(), dataset).await;
        let check = Check::new(format!("lake {url}: can go on with the dataset {}", dataset.name));
        checks.push(match compared {
            Ok(changes) => changes.into_iter().fold(check, Check::with_change),
            Err(failure) => check.with_problem(failure.message),
        });
    }
}

impl Check {
    fn with_change(mut self, change: Change) -> Self {
        match change {
            Change::Breaks(problem) => self.with_problem(problem),
            Change::Follows(note) => {
                self.notes.push(note);
                self
            }
        }
    }
}

/// What follows if the file is deployed on this lake; nothing if the lake does not know the dataset yet.
async fn compare(store: &dyn Store, dataset: &Dataset) -> Result<Vec<Change>, Failure> {
    let newest = cuts::newest(store, &dataset.name).await?;
    if newest == 0 {
        return Ok(Vec::new());
    }
    let cut = cuts::read(store, &dataset.name, newest).await?;
    let older = Dataset::parse(&cut.dataset).map_err(|problems| {
        Failure::misconfigured(format!("cut {newest} holds a dataset file that this version cannot read:\n{problems}"))
    })?;
    Ok(dataset.changes_since(&older))
}

#[cfg(test)]
mod tests {
    use penstock_core::keys::FORMAT_KEY;

    use super::*;

    #[tokio::test]
    async fn a_lake_is_checked_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let url = LakeUrl::Directory(folder.path().join("lake"));
        let mut checks = Vec::new();
        check(&url, &[], &mut checks).await;
        assert_eq!(checks[0].problems.len(), 1, "{checks:?}");
        let lake = Lake::open(&url, Arc::new(SystemClock), Arc::default()).await.unwrap();
        let before = lake.store().get(FORMAT_KEY).await.unwrap();
        checks.clear();
        check(&url, &[], &mut checks).await;
        assert_eq!(checks.iter().map(|check| check.problems.len()).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(lake.store().get(FORMAT_KEY).await.unwrap(), before);
    }
}
