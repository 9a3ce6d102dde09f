//! Opens a lake: the store behind its URL with retry and counts around it, and the check of its format.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use penstock_core::keys::FORMAT_KEY;
use penstock_lake::{Clock, Counted, Counts, DirectoryStore, RetryPolicy, Retrying, S3Store, Store};
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
}

impl Lake {
    /// Opens a lake and creates it if nothing is there.
    ///
    /// # Errors
    /// The location cannot hold a lake, or holds one of another format.
    pub async fn open(url: &LakeUrl, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let store: Arc<dyn Store> = match url {
            LakeUrl::Directory(path) => Arc::new(DirectoryStore::open(path).await?),
            LakeUrl::S3 { bucket, prefix } => Arc::new(S3Store::connect(bucket, prefix).await?),
        };
        let lake = Self::over(store, clock);
        lake.check_format(Absent::Create).await?;
        Ok(lake)
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

    /// A lake over any store, without a look at its format.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let counted = Counted::new(store);
        let counts = counted.counts();
        let store = Retrying::new(Arc::new(counted), Arc::clone(&clock), RetryPolicy::default());
        Self { store, counts, clock }
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

    /// What was asked of the store so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    async fn check_format(&self, absent: Absent) -> Result<(), Failure> {
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
            Ok(Format { format: FORMAT }) => Ok(()),
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
    use super::*;

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
}
