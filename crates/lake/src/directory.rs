//! A lake in a directory.
//!
//! An object is written into a staging folder, synced, and then linked to its name.
//! A link is made whole or not at all and fails where the name is taken, which is `If-None-Match: *`;
//! and because the bytes were synced before, neither a crash nor lost power leaves a torn object.
//!
//! Any number of processes may use the directory at once, as long as its file system has hard links.
//! Nothing is locked, and a process that dies leaves at most a file in the staging folder.

mod listing;
mod problem;
mod staging;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::key::{check_folder, check_hint, check_key, check_list};
use crate::{Listed, ObjectEnd, Operation, Put, Store, StoreError};
use problem::store_error;

/// A lake in a directory of the file system.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    directory: Arc<Directory>,
}

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    /// Folders whose names are known to be on the disk, so that each is synced once and not at every write.
    durable: Mutex<HashSet<PathBuf>>,
}

impl DirectoryStore {
    /// Opens the lake in `root`, making the directory if there is none, and clears what crashed writers left behind.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(root.into(), make_root).await
    }

    /// Opens the lake in `root` for those who only read: that there is no such directory is an error.
    pub async fn open_existing(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(root.into(), |_| Ok(())).await
    }

    async fn open_with(root: PathBuf, prepare: fn(&Path) -> io::Result<()>) -> Result<Self, StoreError> {
        let root = path::absolute(&root).unwrap_or(root);
        let store = Self { directory: Arc::new(Directory { root, durable: Mutex::default() }) };
        store
            .run(Operation::Open, &store.location(), move |directory, _| {
                prepare(&directory.root)?;
                // Fails here, and not at the first batch, if this is a file or may not be read.
                fs::read_dir(&directory.root)?;
                staging::clear_leftovers(&directory.root);
                Ok(())
            })
            .await?;
        Ok(store)
    }

    /// Runs blocking work on a thread for it, and tells what its errors mean.
    async fn run<T: Send + 'static>(
        &self,
        operation: Operation,
        key: &str,
        work: impl FnOnce(&Directory, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (directory, owned_key) = (Arc::clone(&self.directory), key.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&directory, &owned_key)).await;
        match done {
            Ok(result) => result.map_err(|error| store_error(operation, key, &self.directory.root, error)),
            Err(join) => {
                Err(StoreError::unavailable(operation, key, "the runtime is shutting down", Some(Box::new(join))))
            }
        }
    }
}

#[async_trait]
impl Store for DirectoryStore {
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        check_key(Operation::PutNew, key)?;
        self.run(Operation::PutNew, key, move |directory, key| directory.put_new(key, &bytes)).await
    }

    async fn put_hint(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        check_hint(Operation::PutHint, key)?;
        self.run(Operation::PutHint, key, move |directory, key| directory.put_hint(key, &bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        check_key(Operation::Get, key)?;
        self.run(Operation::Get, key, |directory, key| {
            let (mut file, size) = directory.open(key)?;
            read_exactly(&mut file, size)
        })
        .await
    }

    async fn get_end(&self, key: &str, length: u64) -> Result<ObjectEnd, StoreError> {
        check_key(Operation::GetEnd, key)?;
        self.run(Operation::GetEnd, key, move |directory, key| {
            let (mut file, size) = directory.open(key)?;
            let length = length.min(size);
            file.seek(SeekFrom::Start(size - length))?;
            Ok(ObjectEnd { bytes: read_exactly(&mut file, length)?, size })
        })
        .await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        check_key(Operation::GetRange, key)?;
        self.run(Operation::GetRange, key, move |directory, key| {
            let (mut file, size) = directory.open(key)?;
            let (start, end) = (range.start.min(size), range.end.min(size));
            file.seek(SeekFrom::Start(start))?;
            read_exactly(&mut file, end.saturating_sub(start))
        })
        .await
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        check_list(Operation::ListAfter, prefix, limit)?;
        let after = after.map(str::to_owned);
        self.run(Operation::ListAfter, prefix, move |directory, prefix| {
            listing::list_after(&directory.root, prefix, after.as_deref(), limit)
        })
        .await
    }

    async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        check_folder(Operation::ListFolders, prefix)?;
        self.run(Operation::ListFolders, prefix, |directory, prefix| listing::list_folders(&directory.root, prefix))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        check_key(Operation::Delete, key)?;
        // Not synced: what comes back after lost power is deleted again.
        self.run(Operation::Delete, key, |directory, key| match fs::remove_file(directory.root.join(key)) {
            Err(error) if is_absent(&error) => Ok(()),
            done => done,
        })
        .await
    }

    fn location(&self) -> String {
        self.directory.root.display().to_string()
    }
}

impl Directory {
    fn put_new(&self, key: &str, bytes: &[u8]) -> io::Result<Put> {
        let path = self.root.join(key);
        // Saves staging what cannot be linked; the link below is what decides.
        let put = if path.try_exists()? { Put::Exists } else { self.stage_and_link(&path, bytes)? };
        // After `Exists` too: whoever linked it may have died before this, and the caller is about to rely on it.
        self.sync_folder_of(&path)?;
        Ok(put)
    }

    fn stage_and_link(&self, path: &Path, bytes: &[u8]) -> io::Result<Put> {
        let staged = staging::stage(&self.root, bytes)?;
        self.make_folder_of(path)?;
        match staged.link_to(path) {
            Ok(()) => Ok(Put::Created),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Put::Exists),
            Err(error) => Err(problem::linking(error)),
        }
    }

    fn put_hint(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(key);
        let staged = staging::stage(&self.root, bytes)?;
        self.make_folder_of(&path)?;
        staged.move_to(&path)
    }

    fn open(&self, key: &str) -> io::Result<(File, u64)> {
        let file = File::open(self.root.join(key))?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        Ok((file, metadata.len()))
    }

    /// Makes the folder of `path`, and its folders up to the root, and puts their names on the disk.
    /// That a folder is there does not say that its name is on the disk: another process may have made it just now.
    fn make_folder_of(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        if self.durable().contains(folder) {
            // It may have been deleted since.
            return fs::create_dir_all(folder);
        }
        fs::create_dir_all(folder)?;
        let below_root = folder.ancestors().take_while(|ancestor| *ancestor != self.root);
        for named in below_root.filter_map(Path::parent) {
            sync(named)?;
        }
        self.durable().insert(folder.to_owned());
        Ok(())
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        self.make_folder_of(path)?;
        path.parent().map_or(Ok(()), sync)
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_root(root: &Path) -> io::Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(root)?;
    for above in root.ancestors().skip(1) {
        // Best effort: which of them are new is not known, and those that may not be read are not.
        drop(sync(above));
    }
    Ok(())
}

/// Puts the names in a folder on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file, and has names in its journal.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn read_exactly(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| ErrorKind::OutOfMemory)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes.into())
}

/// Whether the error says that there is no such object; a folder, or what would be below a file, is none.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests;
