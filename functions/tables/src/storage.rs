//! The lake's store, as Iceberg wants its files: metadata and data go through the same retries and the same
//! `put_new` as everything else in the lake.
//!
//! In: locations below the lake's root. Out: the objects behind them. A location outside the lake is refused:
//! a table that is not in this lake is not ours.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use iceberg::io::{FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig, StorageFactory};
use iceberg::{Error, ErrorKind, Result};
use penstock_lake::{Put, Store, StoreError, with_causes};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a lake's files are for Iceberg. Cheap to clone.
#[derive(Clone)]
pub struct LakeFiles {
    store: Arc<dyn Store>,
    /// The lake's URL, with a `/` at its end.
    root: Arc<str>,
}

impl LakeFiles {
    /// `root` is the lake's URL, such as `s3://bucket/prefix` or `file:///dir`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, root: &str) -> Self {
        Self { store, root: format!("{}/", root.trim_end_matches('/')).into() }
    }

    /// The location of a key.
    #[must_use]
    pub fn location(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The key of a location.
    fn key<'l>(&self, location: &'l str) -> Result<&'l str> {
        // Hadoop, and so Spark, writes `file:/dir` for `file:///dir`.
        let by_hadoop = || location.strip_prefix("file:")?.strip_prefix(self.root.strip_prefix("file://")?);
        location.strip_prefix(&*self.root).or_else(by_hadoop).ok_or_else(|| {
            Error::new(ErrorKind::DataInvalid, format!("`{location}` is not in the lake at `{}`", self.root))
        })
    }

    /// Creates an object. If one is there, it must be the same: an earlier attempt, whose reply was lost.
    async fn create(&self, location: &str, bytes: Bytes) -> Result<()> {
        let key = self.key(location)?;
        match self.store.put_new(key, bytes.clone()).await.map_err(failed)? {
            Put::Created => Ok(()),
            Put::Exists if self.store.get(key).await.map_err(failed)? == bytes => Ok(()),
            Put::Exists => Err(Error::new(ErrorKind::DataInvalid, format!("`{location}` exists with another content"))),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn failed(error: StoreError) -> Error {
    Error::new(ErrorKind::Unexpected, with_causes(&error))
}

impl fmt::Debug for LakeFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files of {}", self.root)
    }
}

#[async_trait]
#[typetag::serde(name = "penstock")]
impl Storage for LakeFiles {
    async fn exists(&self, path: &str) -> Result<bool> {
        match self.store.get_end(self.key(path)?, 1).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let end = self.store.get_end(self.key(path)?, 1).await.map_err(failed)?;
        Ok(FileMetadata { size: end.size })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        self.store.get(self.key(path)?).await.map_err(failed)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        Ok(Box::new(Reader { store: Arc::clone(&self.store), key: self.key(path)?.to_owned() }))
    }

    async fn write(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.create(path, bytes).await
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        self.key(path)?;
        Ok(Box::new(Writer { files: self.clone(), location: path.to_owned(), bytes: BytesMut::new() }))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.store.delete(self.key(path)?).await.map_err(failed)
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        Err(Error::new(ErrorKind::FeatureUnsupported, format!("`{path}` is not deleted: Penstock deletes no folder")))
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        while let Some(path) = paths.next().await {
            self.delete(&path).await?;
        }
        Ok(())
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

#[typetag::serde(name = "penstock")]
impl StorageFactory for LakeFiles {
    fn build(&self, _config: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }
}

/// Iceberg can send its storage to other processes; an open store stays in this one.
const STAYS_HERE: &str = "an open lake is not sent to another process";

impl Serialize for LakeFiles {
    fn serialize<S: Serializer>(&self, _serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(STAYS_HERE))
    }
}

impl<'de> Deserialize<'de> for LakeFiles {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> std::result::Result<Self, D::Error> {
        Err(serde::de::Error::custom(STAYS_HERE))
    }
}

struct Reader {
    store: Arc<dyn Store>,
    key: String,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.store.get_range(&self.key, range).await.map_err(failed)
    }
}

/// Collects a file, which is created whole when it is closed.
struct Writer {
    files: LakeFiles,
    location: String,
    bytes: BytesMut,
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.files.create(&self.location, self.bytes.split().freeze()).await
    }
}
