//! The trait: what the lake asks of a store.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use crate::StoreError;

/// The most objects that one [`Store::list_after`] returns: a page of S3.
pub const LIST_LIMIT: usize = 1000;

/// A place that holds immutable objects under keys.
///
/// Keys are relative to the lake's root, with `/` between their segments.
/// No store accepts an empty segment, `.`, `..` or a control character in a key: [`StoreError::Misuse`].
///
/// Reads follow writes: what one call wrote, every later call of anyone sees, in a list too.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Creates the object unless one is there, in one step: of any number of writers exactly one gets [`Put::Created`].
    /// The only way in which data gets written.
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError>;

    /// Creates or replaces a hint, whole or not at all.
    /// Only keys under `_penstock/<dataset>/hints/` are accepted: nothing else in the lake is ever overwritten.
    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// The whole object.
    async fn get(&self, key: &str) -> Result<Bytes, StoreError>;

    /// The last `length` bytes of the object, or all of it if it is shorter, with one request: for Parquet footers.
    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError>;

    /// The part of `range` that lies inside the object: shorter, or empty, where the range reaches beyond the end.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Up to `limit` objects whose keys start with `prefix` and are greater than `after`, in byte order of the key.
    /// Fewer than `limit`, which is 1 to [`LIST_LIMIT`], means that this was the end.
    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError>;

    /// The names of the folders directly below `prefix`, which is empty or ends in `/`, in byte order.
    /// A folder is there as long as an object is in it, at any depth.
    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Deletes the object. That there is none is no error.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// What the store is, for messages: `s3://bucket/prefix`, a directory, `memory`.
    fn location(&self) -> String;
}

/// What became of a [`Store::put_new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is there, and this call wrote it.
    Created,
    /// An object was there already. It may be one's own, written by an earlier call whose reply was lost.
    Exists,
}

/// The end of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEnd {
    /// The last bytes, as many as were asked for or all.
    pub bytes: Bytes,
    /// The size of the whole object, in bytes.
    pub size: u64,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key, relative to the lake's root.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was written by the store's own clock, in epoch microseconds.
    pub modified: i64,
}

/// The operations of a [`Store`], for errors, counts and scripted faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Reaching the store for the first time.
    Open,
    /// [`Store::put_new`]
    PutNew,
    /// [`Store::put_hint`]
    PutHint,
    /// [`Store::get`]
    Get,
    /// [`Store::get_end`]
    GetEnd,
    /// [`Store::get_range`]
    GetRange,
    /// [`Store::list_after`]
    ListAfter,
    /// [`Store::list_folders`]
    ListFolders,
    /// [`Store::delete`]
    Delete,
}

impl Operation {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::PutNew,
        Self::PutHint,
        Self::Get,
        Self::GetEnd,
        Self::GetRange,
        Self::ListAfter,
        Self::ListFolders,
        Self::Delete,
    ];

    /// The method's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PutNew => "put_new",
            Self::PutHint => "put_hint",
            Self::Get => "get",
            Self::GetEnd => "get_end",
            Self::GetRange => "get_range",
            Self::ListAfter => "list_after",
            Self::ListFolders => "list_folders",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
