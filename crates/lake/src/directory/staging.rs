//! Where objects are prepared, out of sight of those who glob for `*.parquet`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::key::STAGING;

/// No write takes this long, so a file that is older belongs to nobody.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// A synced file in the staging folder, which goes when this value goes.
#[derive(Debug)]
pub(super) struct Staged(Option<PathBuf>);

impl Staged {
    /// Gives the file the name `path`, too, unless that name is taken.
    pub(super) fn link_to(&self, path: &Path) -> io::Result<()> {
        fs::hard_link(self.path()?, path)
    }

    /// Moves the file to `path`, in place of what is there.
    pub(super) fn move_to(mut self, path: &Path) -> io::Result<()> {
        fs::rename(self.path()?, path)?;
        // The staged name may be another process's from here on.
        self.0 = None;
        Ok(())
    }

    fn path(&self) -> io::Result<&Path> {
        self.0.as_deref().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What stays is cleared by a later `clear_leftovers`.
            drop(fs::remove_file(path));
        }
    }
}

/// Writes `bytes` into a new file and syncs them.
pub(super) fn stage(root: &Path, bytes: &[u8]) -> io::Result<Staged> {
    let (mut file, staged) = create(root)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(staged)
}

/// Creates a file under a name that nobody else has.
/// A process id is not enough: containers that share the directory may have the same, and so may a dead process.
fn create(root: &Path) -> io::Result<(File, Staged)> {
    let folder = root.join(STAGING);
    loop {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Staged(Some(path)))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // Not if the root is gone: a lake whose disk was unmounted must not begin anew in the mount point.
            Err(error) if error.kind() == ErrorKind::NotFound && root.is_dir() => fs::create_dir_all(&folder)?,
            Err(error) => return Err(error),
        }
    }
}

/// Deletes staged files that a crash left behind, as far as it can: they do no harm, and a reader may not delete.
pub(super) fn clear_leftovers(root: &Path) {
    let Ok(entries) = fs::read_dir(root.join(STAGING)) else { return };
    let staged: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    if staged.is_empty() {
        return;
    }
    // The time by the file system's own clock, which also dates the leftovers and may not be this machine's.
    let Ok(now) = create(root).and_then(|(file, _staged)| file.metadata()?.modified()) else { return };
    for path in staged {
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| LEFTOVER_AGE < age) {
            drop(fs::remove_file(path));
        }
    }
}
