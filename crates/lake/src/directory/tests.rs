//! What only a directory can get wrong.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::MemoryStore;
use crate::key::STAGING;

fn files_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn staging_is_left_empty_and_out_of_lists() {
    let root = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(root.path()).await.unwrap();
    store.put_new("a/1.parquet", "1".into()).await.unwrap();
    store.put_new("a/1.parquet", "2".into()).await.unwrap();
    store.put_hint("_penstock/iot/hints/hint", "1".into()).await.unwrap();
    store.put_hint("_penstock/iot/hints/hint", "2".into()).await.unwrap();
    assert_eq!(files_in(&root.path().join(STAGING)), [""; 0]);

    fs::write(root.path().join(STAGING).join("1-0.parquet"), "torn").unwrap();
    let listed = store.list_after("", None, 10).await.unwrap();
    let keys: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["_penstock/iot/hints/hint", "a/1.parquet"]);
    assert_eq!(store.list_folders("_penstock/").await.unwrap(), ["iot"]);
}

#[tokio::test]
async fn leftovers_of_a_crash_go_after_a_day() {
    let root = tempfile::tempdir().unwrap();
    let staging = root.path().join(STAGING);
    fs::create_dir_all(&staging).unwrap();
    for (name, age_hours) in [("old", 25), ("young", 23), ("now", 0)] {
        let file = File::create(staging.join(name)).unwrap();
        // The test dates a file as the file system would have; the store itself compares two dates of the file system.
        #[allow(clippy::disallowed_methods, reason = "files are dated by the file system's clock, which is this one")]
        let now = SystemTime::now();
        file.set_modified(now - Duration::from_secs(age_hours * 3600)).unwrap();
    }
    DirectoryStore::open(root.path()).await.unwrap();
    assert_eq!(files_in(&staging), ["now", "young"]);
}

#[tokio::test]
async fn a_name_in_staging_that_is_taken_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let staging = root.path().join(STAGING);
    fs::create_dir_all(&staging).unwrap();
    // As another container would that has the same process id. Other tests may use up some of these numbers.
    for number in 0..10_000 {
        fs::write(staging.join(format!("{}-{number}", std::process::id())), "theirs").unwrap();
    }
    let store = DirectoryStore::open(root.path()).await.unwrap();
    assert_eq!(store.put_new("a", "mine".into()).await.unwrap(), Put::Created);
    assert_eq!(store.get("a").await.unwrap(), "mine");
    assert_eq!(files_in(&staging).len(), 10_000);
    assert!(files_in(&staging).iter().all(|name| fs::read_to_string(staging.join(name)).unwrap() == "theirs"));
}

#[tokio::test]
async fn two_processes_on_one_lake_see_each_other() {
    let root = tempfile::tempdir().unwrap();
    let one = DirectoryStore::open(root.path()).await.unwrap();
    let other = DirectoryStore::open(root.path()).await.unwrap();
    assert_eq!(one.put_new("a/b", "one".into()).await.unwrap(), Put::Created);
    assert_eq!(other.put_new("a/b", "other".into()).await.unwrap(), Put::Exists);
    assert_eq!(other.get("a/b").await.unwrap(), "one");
    // A folder that was made durable and then deleted is made again.
    fs::remove_dir_all(root.path().join("a")).unwrap();
    assert_eq!(one.put_new("a/b", "again".into()).await.unwrap(), Put::Created);
}

/// What both stores list of the objects `keys`.
async fn check_lists(keys: &[String], prefix: &str, after: &str, limit: usize) {
    let root = tempfile::tempdir().unwrap();
    let (directory, memory) = (DirectoryStore::open(root.path()).await.unwrap(), MemoryStore::default());
    for key in keys {
        let path = root.path().join(key);
        // What would be an object and a folder at once cannot be in a directory, and no key of a lake is.
        if !path.exists() && fs::create_dir_all(path.parent().unwrap()).is_ok() && fs::write(&path, "x").is_ok() {
            memory.put_new(key, "x".into()).await.unwrap();
        }
    }
    let mut lists = Vec::new();
    for store in [&directory as &dyn Store, &memory] {
        let listed = store.list_after(prefix, Some(after), limit).await.unwrap();
        let keys: Vec<_> = listed.into_iter().map(|object| object.key).collect();
        lists.push((keys, store.list_folders("").await.unwrap()));
    }
    assert_eq!(lists[0], lists[1], "{keys:?} below {prefix:?} after {after:?}, at most {limit}");
}

proptest! {
    #[test]
    fn a_directory_lists_as_a_sorted_map_does(
        keys in prop::collection::vec("[ab0-]{1,2}(/[ab0-]{1,2}){0,3}", 0..20),
        prefix in "([ab0-]{1,2}/){0,2}[ab0-]{0,2}",
        after in "([ab0-]{1,2}/){0,3}[ab0-]{0,2}",
        limit in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check_lists(&keys, &prefix, &after, limit));
    }
}

#[tokio::test]
async fn a_folder_without_objects_is_none() {
    let root = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(root.path()).await.unwrap();
    fs::create_dir_all(root.path().join("a/b/c")).unwrap();
    store.put_new("d/e", Bytes::new()).await.unwrap();
    assert_eq!(store.list_folders("").await.unwrap(), ["d"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_lake_may_be_spread_with_links_to_folders() {
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = DirectoryStore::open(root.path()).await.unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("raw")).unwrap();
    assert_eq!(store.put_new("raw/a", "1".into()).await.unwrap(), Put::Created);
    assert_eq!(store.list_after("raw/", None, 10).await.unwrap().len(), 1);
    assert_eq!(store.list_folders("").await.unwrap(), ["raw"]);
}

#[tokio::test]
async fn a_relative_root_is_made_and_named_in_full() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("new/lake");
    let store = DirectoryStore::open(&root).await.unwrap();
    assert_eq!(store.put_new("a", "1".into()).await.unwrap(), Put::Created);
    assert_eq!(store.location(), root.display().to_string());
    assert_eq!(DirectoryStore::open_existing(&root).await.unwrap().get("a").await.unwrap(), "1");
}

/// The message of a lake that cannot be opened names it and says what to do.
async fn check_open(root: &Path, expected: &str) {
    let error = DirectoryStore::open(root).await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.to_string().contains(&root.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_location_that_is_no_directory() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "x").unwrap();
    check_open(&file, "is a file; name a directory").await;
    check_open(&file.join("below"), "there is no directory").await;

    let absent = parent.path().join("absent");
    let error = DirectoryStore::open_existing(&absent).await.unwrap_err();
    assert!(error.to_string().contains("there is no directory"), "{error}");
    assert!(!absent.exists());
}

#[tokio::test]
async fn a_lake_that_went_away_is_neither_empty_nor_begun_anew() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("lake");
    let store = DirectoryStore::open(&root).await.unwrap();
    store.put_new("a/b", "1".into()).await.unwrap();
    fs::rename(&root, parent.path().join("elsewhere")).unwrap();
    let errors = [
        store.list_after("a/", None, 10).await.unwrap_err(),
        store.list_folders("a/").await.unwrap_err(),
        store.get("a/b").await.unwrap_err(),
        store.put_new("a/c", "2".into()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    }
    assert!(!root.exists());
}

#[test]
fn errors_of_the_file_system_say_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let check = |kind: ErrorKind, variant: &str, message: &str| {
        let error = store_error(Operation::PutNew, "a", root.path(), kind.into());
        assert!(format!("{error:?}").starts_with(variant), "{kind:?}: {error:?}");
        assert!(error.to_string().contains(message), "{kind:?}: {error}");
    };
    check(ErrorKind::PermissionDenied, "Denied", "Give this user the right");
    check(ErrorKind::ReadOnlyFilesystem, "Unusable", "read-only file system");
    check(ErrorKind::StorageFull, "Unusable", "full; make room");
    check(ErrorKind::QuotaExceeded, "Unusable", "full; make room");
    check(ErrorKind::CrossesDevices, "Unusable", "another file system");
    check(ErrorKind::Unsupported, "Unusable", "no hard links");
    check(ErrorKind::NotADirectory, "Unusable", "stands where a folder should be");
    check(ErrorKind::NotFound, "Unavailable", "");
    check(ErrorKind::TimedOut, "Unavailable", "");
    check(ErrorKind::Other, "Unavailable", "");
}

#[tokio::test]
async fn an_object_where_a_folder_should_be() {
    let root = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(root.path()).await.unwrap();
    store.put_new("a", "1".into()).await.unwrap();
    let error = store.put_new("a/b", "2".into()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    assert_eq!(files_in(&root.path().join(STAGING)), [""; 0]);
}
