//! Lists in byte order of the whole key, walking only the part of the tree that can hold an answer.
//!
//! A folder's entries are sorted with a `/` behind the names of folders: then the walk meets keys in their byte order,
//! `a-b` before `a/b` and that before `a0`.
//! Names that are not UTF-8 are not ours and do not appear.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::is_absent;
use crate::Listed;
use crate::clock::micros;
use crate::key::STAGING;

pub(super) fn list_after(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Vec<Listed>> {
    let mut walk = Walk { root, prefix, after, limit, found: Vec::new() };
    walk.descend(prefix.rfind('/').map_or("", |slash| &prefix[..=slash]))?;
    Ok(walk.found)
}

pub(super) fn list_folders(root: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut folders = Vec::new();
    for name in sorted_names(root, prefix)? {
        let folder = format!("{prefix}{name}");
        // A folder that holds no object, left by a crash or a delete, is none: on S3 it would not be there either.
        if name.ends_with('/') && !list_after(root, &folder, None, 1)?.is_empty() {
            folders.push(name.trim_end_matches('/').to_owned());
        }
    }
    folders.sort_unstable();
    Ok(folders)
}

struct Walk<'a> {
    root: &'a Path,
    prefix: &'a str,
    after: Option<&'a str>,
    limit: usize,
    found: Vec<Listed>,
}

impl Walk<'_> {
    /// Walks the folder whose keys begin with `folder`, which is empty or ends in `/`.
    fn descend(&mut self, folder: &str) -> io::Result<()> {
        for name in sorted_names(self.root, folder)? {
            if self.found.len() == self.limit {
                break;
            }
            let key = format!("{folder}{name}");
            if key.ends_with('/') {
                if self.may_hold(&key) {
                    self.descend(&key)?;
                }
            } else if key.starts_with(self.prefix) && self.after.is_none_or(|after| after < key.as_str()) {
                self.found.extend(listed(self.root, key)?);
            }
        }
        Ok(())
    }

    fn may_hold(&self, folder: &str) -> bool {
        let has_prefix = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        let is_behind = self.after.is_none_or(|after| after < folder || after.starts_with(folder));
        has_prefix && is_behind
    }
}

/// The object's entry; none if it was deleted a moment ago.
fn listed(root: &Path, key: String) -> io::Result<Option<Listed>> {
    let metadata = match fs::metadata(root.join(&key)) {
        Err(error) if is_absent(&error) => return Ok(None),
        metadata => metadata?,
    };
    let modified = match metadata.modified()?.duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    };
    Ok(Some(Listed { key, size: metadata.len(), modified }))
}

/// The names in a folder in the order of the keys that they begin, folders with a `/` at the end.
fn sorted_names(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(folder)) {
        // The root itself has to be there, or a lake that was unmounted would look like an empty one.
        Err(error) if is_absent(&error) && !folder.is_empty() && root.is_dir() => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_folder(&entry)? {
            if STAGING != format!("{folder}{name}") {
                names.push(name + "/");
            }
        } else {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A link to a folder counts as one: a lake may be spread over disks.
fn is_folder(entry: &fs::DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    Ok(kind.is_dir() || (kind.is_symlink() && entry.path().is_dir()))
}
