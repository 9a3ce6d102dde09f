//! `penstock check`: dataset files, the functions' settings and the lake, before anything depends on them.
//!
//! It changes nothing: what a store does with a second writer is tried on the one object that every lake has.

use std::sync::Arc;

use clap::Args;
use penstock_core::keys::FORMAT_KEY;
use penstock_lake::{Put, Store};
use penstock_runtime::{Failure, Lake, LakeUrl, Settings, SystemClock, VARIABLES, dataset, env};
use serde::Serialize;

use crate::Exit;
use crate::output::{self, line};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Dataset files, or names of shipped datasets
    #[arg(value_name = "DATASET.toml")]
    datasets: Vec<String>,
    /// A lake: s3://BUCKET/PREFIX or a directory
    #[arg(long, value_name = "URL")]
    lake: Option<LakeUrl>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: String,
    /// What is wrong, with the remedy; `None` if nothing is.
    pub problem: Option<String>,
}

impl Check {
    fn new<T>(what: impl Into<String>, result: Result<T, String>) -> Self {
        Self { what: what.into(), problem: result.err() }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut checks: Vec<Check> = arguments.datasets.iter().map(|name| check_dataset(name)).collect();
    let settings = check_settings(env, &mut checks);
    if let Some(url) = arguments.lake.or(settings) {
        check_lake(&url, &mut checks).await;
    }
    if checks.is_empty() {
        let message = "nothing to check: name dataset files or a --lake, or set the functions' PENSTOCK_* variables";
        return Err(Failure::misconfigured(message));
    }
    if arguments.json {
        output::json(&checks)?;
    } else {
        checks.iter().for_each(Check::print);
    }
    match checks.iter().filter(|check| check.problem.is_some()).count() {
        0 => Ok(Exit::Fine),
        failed => Err(Failure::misconfigured(format!("{failed} of {} checks failed", checks.len()))),
    }
}

fn check_dataset(name: &str) -> Check {
    Check::new(format!("dataset {name}"), dataset(name))
}

/// Checks the functions' settings if any is set, and says which lake they name.
fn check_settings(get: impl Fn(&str) -> Option<String>, checks: &mut Vec<Check>) -> Option<LakeUrl> {
    VARIABLES.iter().find(|variable| get(variable.name).is_some())?;
    match Settings::read(get) {
        Ok(settings) => {
            checks.push(Check { what: "settings".to_owned(), problem: None });
            Some(settings.lake)
        }
        Err(error) => {
            let problem = |problem| Check { what: "settings".to_owned(), problem: Some(problem) };
            checks.extend(error.0.into_iter().map(problem));
            None
        }
    }
}

async fn check_lake(url: &LakeUrl, checks: &mut Vec<Check>) {
    let opened = Lake::open_existing(url, Arc::new(SystemClock)).await.map_err(|failure| failure.message);
    checks.push(Check::new(
        format!("lake {url}: can be read, and its format is known"),
        opened.as_ref().map_err(Clone::clone),
    ));
    if let Ok(lake) = opened {
        let honoured = check_put_new(&*lake.store()).await;
        checks.push(Check::new(format!("lake {url}: can be written, and never overwrites"), honoured));
    }
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

impl Check {
    fn print(&self) {
        match &self.problem {
            None => line(&format!("ok      {}", self.what)),
            Some(problem) => line(&format!("failed  {}: {problem}", self.what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use async_trait::async_trait;
    use bytes::Bytes;
    use penstock_lake::{Listed, MemoryStore, ObjectEnd, StoreError};

    use super::*;

    #[test]
    fn every_wrong_setting_is_a_check_of_its_own() {
        let check = |set: &[(&str, &str)], problems: usize, expect: usize| {
            let mut checks = Vec::new();
            let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let lake = check_settings(get, &mut checks);
            let failed = checks.iter().filter(|check| check.problem.is_some()).count();
            assert_eq!((failed, checks.len()), (problems, expect), "{checks:?}");
            assert_eq!(lake.is_some(), problems == 0 && 0 < expect);
        };
        check(&[], 0, 0);
        check(&[("PENSTOCK_LAKE", "s3://lake"), ("PENSTOCK_DATASET", "iot")], 0, 1);
        check(&[("PENSTOCK_LAKE", "gs://lake"), ("PENSTOCK_DATASET", "no-such"), ("PENSTOCK_EPOCH", "x")], 3, 3);
    }

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
        check_lake(&url, &mut checks).await;
        assert!(checks[0].problem.is_some(), "{checks:?}");
        let lake = Lake::open(&url, Arc::new(SystemClock)).await.unwrap();
        let before = lake.store().get(FORMAT_KEY).await.unwrap();
        checks.clear();
        check_lake(&url, &mut checks).await;
        assert_eq!(checks.iter().map(|check| &check.problem).collect::<Vec<_>>(), [&None, &None]);
        assert_eq!(lake.store().get(FORMAT_KEY).await.unwrap(), before);
    }
}
