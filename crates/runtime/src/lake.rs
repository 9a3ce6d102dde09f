//! Opens a lake: the store behind its URL with retry and counts around it, the check of its format, and, where the store
//! is not Amazon's, the check that it keeps what is there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use penstock_core::keys::FORMAT_KEY;
use penstock_lake::{Clock, Counted, Counts, DirectoryStore, Put, RetryPolicy, Retrying, S3Store, Store};
use penstock_telemetry::Registry;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// The version of the lake's layout that this binary reads and writes.
const FORMAT: u32 = 1;

/// Where a lake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LakeUrl {
    Directory(PathBuf),
    S3 { bucket: String, prefix: String },
}

impl FromStr for LakeUrl {
    type Err = String;

    /// `s3://bucket/prefix`, `file:///dir`, or a path.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(format!("`{text}` names no bucket: write s3://BUCKET/PREFIX"));
            }
            let prefix = prefix.trim_matches('/').to_owned();
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix });
        }
        let path = match text.strip_prefix("file://") {
            Some(path) if path.starts_with('/') => path,
            Some(_) => return Err(format!("`{text}` is no absolute path: write file:///DIR")),
            None if text.contains("://") => {
                return Err(format!("`{text}` is of no known kind: write s3://BUCKET/PREFIX, file:///DIR or a path"));
            }
            None => text,
        };
        if path.is_empty() {
            return Err("the lake's location is empty: write s3://BUCKET/PREFIX, file:///DIR or a path".to_owned());
        }
        Ok(Self::Directory(PathBuf::from(path)))
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// What to do where no lake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    Create,
    Refuse,
}

/// Whether a store is known to create an object only where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    /// S3, a directory: their tests say so.
    Known,
    /// It speaks S3's protocol, and some that do ignore `If-None-Match`.
    ToTry,
}

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u32,
}

/// An open lake. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    store: Retrying,
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Registry>,
}

impl Lake {
    /// Opens a lake for those who write, and creates it if nothing is there. What is asked of it is recorded in `telemetry`.
    ///
    /// # Errors
    /// The location cannot hold a lake, or holds one of another format; or its store overwrites what is there.
    pub async fn open(url: &LakeUrl, clock: Arc<dyn Clock>, telemetry: Arc<Registry>) -> Result<Self, Failure> {
        let (store, creation): (Arc<dyn Store>, Creation) = match url {
            LakeUrl::Directory(path) => (Arc::new(DirectoryStore::open(path).await?), Creation::Known),
            LakeUrl::S3 { bucket, prefix } => {
                let store = S3Store::connect(bucket, prefix).await?;
                let creation = store.endpoint().map_or(Creation::Known, |_| Creation::ToTry);
                (Arc::new(store), creation)
            }
        };
        Self::observed(store, clock, telemetry).opened_to_write(creation).await
    }

    /// Opens a lake that must be there, for commands that only look.
    ///
    /// # Errors
    /// There is no lake, or one of another format.
    pub async fn open_existing(url: &LakeUrl, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let store: Arc<dyn Store> = match url {
            LakeUrl::Directory(path) => Arc::new(DirectoryStore::open_existing(path).await?),
            LakeUrl::S3 { bucket, prefix } => Arc::new(S3Store::connect(bucket, prefix).await?),
        };
        let lake = Self::over(store, clock);
        lake.check_format(Absent::Refuse).await?;
        Ok(lake)
    }

    /// A lake over any store, without a look at its format, and without anybody who looks at its metrics.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self::observed(store, clock, Arc::default())
    }

    /// The same, recorded in `telemetry`.
    #[must_use]
    pub fn observed(store: Arc<dyn Store>, clock: Arc<dyn Clock>, telemetry: Arc<Registry>) -> Self {
        let counted = Counted::new(store).observed_by(Arc::clone(&telemetry));
        let counts = counted.counts();
        let retrying = Retrying::new(Arc::new(counted), Arc::clone(&clock), RetryPolicy::default());
        Self { store: retrying.observed_by(Arc::clone(&telemetry)), counts, clock, telemetry }
    }

    /// The store, with all the time that the retry policy allows.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    /// The store, whose retries end at the deadline (epoch microseconds).
    #[must_use]
    pub fn store_until(&self, deadline: i64) -> Arc<dyn Store> {
        Arc::new(self.store.until(deadline))
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Where whoever works on the lake records what it does.
    #[must_use]
    pub const fn telemetry(&self) -> &Arc<Registry> {
        &self.telemetry
    }

    /// What was asked of the store so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Creates an object that exists, with the bytes that it has: a store that would overwrite it changes nothing.
    ///
    /// # Errors
    /// The store overwrites what is there, or cannot be written.
    pub async fn check_creation(&self) -> Result<(), Failure> {
        let format = self.store.get(FORMAT_KEY).await?;
        self.create_again(format).await
    }

    async fn opened_to_write(self, creation: Creation) -> Result<Self, Failure> {
        let format = self.check_format(Absent::Create).await?;
        if creation == Creation::ToTry {
            self.create_again(format).await?;
        }
        Ok(self)
    }

    async fn create_again(&self, format: Bytes) -> Result<(), Failure> {
        match self.store.put_new(FORMAT_KEY, format).await? {
            Put::Exists => Ok(()),
            Put::Created => Err(Failure::misconfigured(format!(
                "the store at {} overwrites: it wrote `{FORMAT_KEY}` again, with the same bytes, although it was asked to do so \
                 only if there is none (If-None-Match: *). Records would be lost or doubled on it, so nothing else was written. \
                 Use a store that honours conditional writes, as S3 and MinIO do, and look at AWS_ENDPOINT_URL",
                self.store.location()
            ))),
        }
    }

    /// The bytes of the format object, which is there now.
    async fn check_format(&self, absent: Absent) -> Result<Bytes, Failure> {
        let location = self.store.location();
        let ours = serde_json::to_vec(&Format { format: FORMAT }).map_err(Failure::bug)?;
        let found = match self.store.get(FORMAT_KEY).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() && absent == Absent::Refuse => {
                return Err(Failure::misconfigured(format!(
                    "there is no lake in {location}: `{FORMAT_KEY}` is missing. Check the location; `penstock run --lake {location}` makes a lake"
                )));
            }
            Err(error) if error.is_not_found() => {
                self.store.put_new(FORMAT_KEY, Bytes::from(ours)).await?;
                self.store.get(FORMAT_KEY).await?
            }
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice(&found) {
            Ok(Format { format: FORMAT }) => Ok(found),
            Ok(Format { format }) => Err(Failure::misconfigured(format!(
                "{location} is a lake of format {format}, and this version of Penstock reads format {FORMAT}. \
                 Use the version that wrote it, or another location; nothing was changed"
            ))),
            Err(error) => Err(Failure::misconfigured(format!(
                "`{FORMAT_KEY}` in {location} cannot be understood ({error}): this is no lake of Penstock's, or it is damaged; \
                 nothing was changed"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use async_trait::async_trait;
    use penstock_lake::{Listed, MemoryStore, ObjectEnd, Operation, StoreError, TestClock};

    use super::*;
    use crate::Kind;

    #[test]
    fn locations_are_read_or_refused_with_a_remedy() {
        let s3 = |bucket: &str, prefix: &str| LakeUrl::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        let check = |text: &str, expect: Option<LakeUrl>| assert_eq!(text.parse().ok(), expect, "{text}");
        check("s3://lake", Some(s3("lake", "")));
        check("s3://lake/a/b/", Some(s3("lake", "a/b")));
        check("file:///tmp/lake", Some(LakeUrl::Directory("/tmp/lake".into())));
        check("./penstock-data", Some(LakeUrl::Directory("./penstock-data".into())));
        check("s3://", None);
        check("file://lake", None);
        check("gs://lake", None);
        check("", None);
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

    fn lake_over(store: &Arc<dyn Store>) -> Lake {
        Lake::over(Arc::clone(store), Arc::new(TestClock::default()))
    }

    async fn assert_refused(store: &Arc<dyn Store>) {
        let opened = lake_over(store).opened_to_write(Creation::ToTry).await;
        for failure in [opened.unwrap_err(), lake_over(store).check_creation().await.unwrap_err()] {
            assert_eq!(failure.kind, Kind::Misconfigured);
            assert!(failure.message.contains("conditional writes"), "{failure}");
        }
        let listed = store.list_after("", None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), [FORMAT_KEY]);
    }

    #[tokio::test]
    async fn a_store_that_overwrites_is_refused_and_left_as_it_is() {
        const WRITTEN_BY_OTHERS: &str = r#"{ "format": 1 }"#;
        let store: Arc<dyn Store> = Arc::new(Overwriting(MemoryStore::default()));
        assert_refused(&store).await;
        store.put_new(FORMAT_KEY, WRITTEN_BY_OTHERS.into()).await.unwrap();
        assert_refused(&store).await;
        assert_eq!(store.get(FORMAT_KEY).await.unwrap(), WRITTEN_BY_OTHERS);
    }

    #[tokio::test]
    async fn a_store_that_keeps_what_is_there_is_asked_once_more_and_opened() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        for creation in [Creation::Known, Creation::ToTry] {
            lake_over(&store).opened_to_write(Creation::Known).await.unwrap();
            let lake = lake_over(&store).opened_to_write(creation).await.unwrap();
            let creations = lake.counts().snapshot().of(Operation::PutNew).exists;
            assert_eq!(creations, u64::from(creation == Creation::ToTry), "{creation:?}");
            lake.check_creation().await.unwrap();
        }
    }
}
