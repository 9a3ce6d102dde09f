//! The lake's store as DataFusion reads it.
//!
//! An adapter instead of a second client for S3: credentials, endpoint, retries and messages are those of `penstock`.
//! It lists and reads; what would write is refused, because nothing in a lake is ever overwritten.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use penstock_lake::{LIST_LIMIT, Listed, Store, StoreError};
use penstock_runtime::Failure;

/// A lake's objects under their keys.
#[derive(Debug)]
pub(crate) struct LakeObjects(Arc<dyn Store>);

impl LakeObjects {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// What was asked for, where it stands in the object, and the object's size as far as this read tells.
    async fn read(&self, key: &str, options: &GetOptions) -> Result<(Bytes, Range<u64>, u64), StoreError> {
        let (bytes, start) = match &options.range {
            _ if options.head => {
                let size = self.0.get_end(key, 1).await?.size;
                return Ok((Bytes::new(), 0..0, size));
            }
            Some(GetRange::Bounded(range)) => (self.0.get_range(key, range.clone()).await?, range.start),
            Some(GetRange::Suffix(length)) => {
                let end = self.0.get_end(key, *length).await?;
                let start = end.size - end.bytes.len() as u64;
                (end.bytes, start)
            }
            Some(GetRange::Offset(start)) => (self.0.get_range(key, *start..u64::MAX).await?, *start),
            None => (self.0.get(key).await?, 0),
        };
        let end = start + bytes.len() as u64;
        Ok((bytes, start..end, end))
    }
}

impl fmt::Display for LakeObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.location())
    }
}

#[async_trait]
impl ObjectStore for LakeObjects {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (bytes, range, size) = self.read(location.as_ref(), &options).await.map_err(error)?;
        let payload = GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed());
        Ok(GetResult { payload, meta: meta(location.clone(), size), range, attributes: Attributes::default() })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = prefix.map_or_else(String::new, |prefix| format!("{prefix}/"));
        let store = Arc::clone(&self.0);
        let pages = stream::try_unfold(Page::First, move |page| {
            let (folder, store) = (folder.clone(), Arc::clone(&store));
            async move { next_page(&*store, &folder, page).await }
        });
        pages.map_ok(|page| stream::iter(page.into_iter().map(listed))).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(unsupported("a listing by folder"))
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(unsupported("writing"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unsupported("writing"))
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::iter([Err(unsupported("deleting"))]).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("copying"))
    }
}

/// Where a listing goes on.
enum Page {
    First,
    After(String),
    None,
}

async fn next_page(store: &dyn Store, folder: &str, page: Page) -> Result<Option<(Vec<Listed>, Page)>> {
    let after = match &page {
        Page::First => None,
        Page::After(key) => Some(key.as_str()),
        Page::None => return Ok(None),
    };
    let objects = store.list_after(folder, after, LIST_LIMIT).await.map_err(error)?;
    let next = match objects.last() {
        Some(last) if objects.len() == LIST_LIMIT => Page::After(last.key.clone()),
        _ => Page::None,
    };
    Ok(Some((objects, next)))
}

fn listed(object: Listed) -> Result<ObjectMeta> {
    // Parsed, not converted: keys are escaped already.
    Ok(meta(Path::parse(object.key)?, object.size))
}

/// Objects never change, so that no time or tag is needed to tell their versions apart.
fn meta(location: Path, size: u64) -> ObjectMeta {
    ObjectMeta { location, last_modified: Default::default(), size, e_tag: None, version: None }
}

/// The failure travels through DataFusion as the source of its errors. See [`crate::explain`].
fn error(error: StoreError) -> Error {
    match error {
        StoreError::NotFound { ref key, .. } => {
            Error::NotFound { path: key.clone(), source: Box::new(Failure::from(error)) }
        }
        _ => Error::Generic { store: "lake", source: Box::new(Failure::from(error)) },
    }
}

fn unsupported(what: &str) -> Error {
    Error::NotSupported { source: format!("{what} is not for those who only read a lake").into() }
}
