//! What an error of the file system means for a lake, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::is_absent;
use crate::{Operation, StoreError};

pub(super) fn store_error(operation: Operation, key: &str, root: &Path, error: io::Error) -> StoreError {
    if !root.is_dir() {
        return no_directory(operation, key, root, error);
    }
    if is_absent(&error) && reads(operation) {
        return StoreError::not_found(operation, key);
    }
    let root = root.display();
    let problem = match error.kind() {
        ErrorKind::PermissionDenied => {
            let remedy = format!("Give this user the right to read and write `{root}`, or choose another lake");
            return StoreError::denied(operation, key, remedy, Box::new(error));
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!("`{root}` is on a read-only file system; choose another lake or mount it for writing")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk of `{root}` is full; make room and start again, nothing is lost")
        }
        ErrorKind::CrossesDevices => {
            format!("a part of `{root}` is on another file system than its `_penstock` folder; keep a lake on one")
        }
        ErrorKind::Unsupported => {
            format!("the file system of `{root}` has no hard links, which a lake needs; choose another lake")
        }
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            format!("a file in `{root}` stands where a folder should be, or the other way round; move it away")
        }
        _ => {
            return StoreError::unavailable(operation, key, format!("`{root}`: {error}"), Some(Box::new(error)));
        }
    };
    StoreError::unusable(operation, key, problem, Some(Box::new(error)))
}

fn no_directory(operation: Operation, key: &str, root: &Path, error: io::Error) -> StoreError {
    let root_display = root.display();
    let problem = match std::fs::metadata(root) {
        Ok(_) => format!("the lake `{root_display}` is a file; name a directory"),
        Err(metadata) if metadata.kind() == ErrorKind::PermissionDenied => {
            let remedy = format!("Give this user the right to reach `{root_display}`, or choose another lake");
            return StoreError::denied(operation, key, remedy, Box::new(error));
        }
        Err(_) => format!("there is no directory `{root_display}` ({error}); check the name of the lake"),
    };
    StoreError::unusable(operation, key, problem, Some(Box::new(error)))
}

/// Some file systems without hard links say that they are not permitted.
pub(super) fn linking(error: io::Error) -> io::Error {
    // EPERM on Linux and macOS; a missing right on the folder is EACCES.
    if error.raw_os_error() == Some(1) { ErrorKind::Unsupported.into() } else { error }
}

const fn reads(operation: Operation) -> bool {
    matches!(operation, Operation::Get | Operation::GetEnd | Operation::GetRange)
}
