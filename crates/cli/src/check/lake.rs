//! The lake: whether it can be read and written, honours conditional writes, and goes on with a dataset's file.

use std::sync::Arc;

use penstock_core::dataset::{Change, Dataset};
use penstock_core::keys::FORMAT_KEY;
use penstock_lake::{Put, Store, cuts};
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
    let honoured = check_put_new(&*lake.store()).await;
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

/// Tries to create an object that exists, with the bytes that it has: a store that would overwrite it changes nothing.
async fn check_put_new(store: &dyn Store) -> Result<(), String> {
    let bytes = store.get(FORMAT_KEY).await.map_err(|error| error.to_string())?;
    match store.put_new(FORMAT_KEY, bytes).await {
        Ok(Put::Exists) => Ok(()),
        Ok(Put::Created) => Err(format!(
            "the store overwrote `{FORMAT_KEY}` although it was asked to create it (If-None-Match: *). \
             Records would be lost or doubled on it: use a store that honours conditional writes, as S3 does"
        )),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use async_trait::async_trait;
    use bytes::Bytes;
    use penstock_lake::{Listed, MemoryStore, ObjectEnd, StoreError};

    use super::*;

    /// A store that ignores `If-None-Match`.
    #[derive(Debug)]
    struct Overwriting(MemoryStore);

    #[async_trait]
    impl Store for Overwriting {
        async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
            self.0.delete(key).await?;
            self.0.put_new(key, bytes).await
        }
        async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
            self.0.put_hint(key, bytes).await
        }
        async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
            self.0.get(key).await
        }
        async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
            self.0.get_end(key, length).await
        }
        async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.0.get_range(key, range).await
        }
        async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
            self.0.list_after(prefix, after, limit).await
        }
        async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
            self.0.list_folders(prefix).await
        }
        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.0.delete(key).await
        }
        fn location(&self) -> String {
            self.0.location()
        }
    }

    #[tokio::test]
    async fn a_store_that_overwrites_is_found_out_and_left_as_it_is() {
        let store = Overwriting(MemoryStore::default());
        store.put_new(FORMAT_KEY, "a lake".into()).await.unwrap();
        assert!(check_put_new(&store).await.unwrap_err().contains("conditional writes"));
        assert_eq!(store.get(FORMAT_KEY).await.unwrap(), "a lake");
        assert_eq!(check_put_new(&store.0).await, Ok(()));
    }

    #[tokio::test]
    async fn a_lake_is_checked_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let url = LakeUrl::Directory(folder.path().join("lake"));
        let mut checks = Vec::new();
        check(&url, &[], &mut checks).await;
        assert_eq!(checks[0].problems.len(), 1, "{checks:?}");
        let lake = Lake::open(&url, Arc::new(SystemClock)).await.unwrap();
        let before = lake.store().get(FORMAT_KEY).await.unwrap();
        checks.clear();
        check(&url, &[], &mut checks).await;
        assert_eq!(checks.iter().map(|check| check.problems.len()).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(lake.store().get(FORMAT_KEY).await.unwrap(), before);
    }
}
