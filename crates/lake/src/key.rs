//! What every store accepts as a key, a prefix and a limit, so that what works on one works on all.

use penstock_core::keys::MAX_NAME_BYTES;

use crate::store::LIST_LIMIT;
use crate::{Operation, StoreError};

/// Where the directory store prepares objects; no store lets a key in there.
pub(crate) const STAGING: &str = "_penstock/.staging";

/// S3 takes 1024 bytes, the lake's own prefix among them.
const MAX_KEY_BYTES: usize = 900;

pub(crate) fn check_key(operation: Operation, key: &str) -> Result<(), StoreError> {
    check_prefix(operation, key)?;
    if key.is_empty() || key.ends_with('/') {
        return Err(StoreError::misuse(operation, key, "a key has a last segment that is not empty"));
    }
    Ok(())
}

/// A hint is the one thing that may be replaced, so its place is checked here and not left to the caller.
pub(crate) fn check_hint(operation: Operation, key: &str) -> Result<(), StoreError> {
    check_key(operation, key)?;
    let mut segments = key.split('/');
    let is_hint = segments.next() == Some("_penstock")
        && segments.next().is_some()
        && segments.next() == Some("hints")
        && segments.next().is_some();
    if is_hint {
        return Ok(());
    }
    Err(StoreError::misuse(operation, key, "only `_penstock/<dataset>/hints/` may be overwritten"))
}

pub(crate) fn check_folder(operation: Operation, prefix: &str) -> Result<(), StoreError> {
    check_prefix(operation, prefix)?;
    if prefix.is_empty() || prefix.ends_with('/') {
        return Ok(());
    }
    Err(StoreError::misuse(operation, prefix, "a folder's prefix ends in `/`"))
}

pub(crate) fn check_list(operation: Operation, prefix: &str, limit: usize) -> Result<(), StoreError> {
    check_prefix(operation, prefix)?;
    if (1..=LIST_LIMIT).contains(&limit) {
        return Ok(());
    }
    Err(StoreError::misuse(operation, prefix, format!("a list's limit is 1 to {LIST_LIMIT}, not {limit}")))
}

/// The beginning of a key: its last segment may be cut off anywhere.
fn check_prefix(operation: Operation, prefix: &str) -> Result<(), StoreError> {
    problem(prefix).map_or(Ok(()), |problem| Err(StoreError::misuse(operation, prefix, problem)))
}

fn problem(prefix: &str) -> Option<&'static str> {
    let folders = prefix.rsplit_once('/').map_or("", |(folders, _)| folders);
    if prefix.starts_with('/') || (!folders.is_empty() && folders.split('/').any(str::is_empty)) {
        Some("a key is relative and has no empty segment")
    } else if prefix.split('/').any(|segment| segment == "." || segment == "..") {
        Some("a key has no segment `.` or `..`")
    } else if prefix.contains(|character: char| character.is_control() || character == '\\') {
        Some("a key has no control character and no backslash")
    } else if prefix.len() > MAX_KEY_BYTES || prefix.split('/').any(|segment| segment.len() > MAX_NAME_BYTES) {
        Some("a key has at most 900 bytes, and 255 in each segment")
    } else if prefix.strip_prefix(STAGING).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some("the staging folder is the store's own")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, accepted: bool) {
        assert_eq!(check_key(Operation::Get, key).is_ok(), accepted, "{key:?}");
    }

    #[test]
    fn keys() {
        check("a", true);
        check("raw/iot/kafka/events@0/00000/00000000000000000000.parquet", true);
        check("silver/iot/event_date=2026-11-21/000000000001.parquet", true);
        check("a/..b/c..", true);
        check("_penstock/.stagingx/a", true);
        check("", false);
        check("/", false);
        check("/a", false);
        check("a/", false);
        check("a//b", false);
        check("..", false);
        check("a/../b", false);
        check("a/./b", false);
        check("a\\b", false);
        check("a\0b", false);
        check("a\nb", false);
        check("_penstock/.staging/1", false);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        check(&format!("{0}/{0}/{0}/{0}", "a".repeat(250)), false);
    }

    fn check_is_hint(key: &str, accepted: bool) {
        assert_eq!(check_hint(Operation::PutHint, key).is_ok(), accepted, "{key:?}");
    }

    #[test]
    fn hints() {
        check_is_hint("_penstock/iot/hints/cut.json", true);
        check_is_hint("_penstock/iot/hints/kafka/events@0/00000.json", true);
        check_is_hint("_penstock/iot/hints", false);
        check_is_hint("_penstock/iot/hints/", false);
        check_is_hint("_penstock/iot/cuts/000000000001.json", false);
        check_is_hint("_penstock/iot/cuts/hints/000000000001.json", false);
        check_is_hint("raw/iot/hints/a", false);
        check_is_hint("_penstock/iot/hints/../cuts/000000000001.json", false);
    }

    #[test]
    fn lists() {
        for (prefix, limit, accepted) in
            [("", 1, true), ("raw/", 1000, true), ("raw/a", 1, true), ("raw/", 0, false), ("raw/", 1001, false)]
        {
            assert_eq!(check_list(Operation::ListAfter, prefix, limit).is_ok(), accepted, "{prefix} {limit}");
        }
        for (prefix, accepted) in [("", true), ("raw/", true), ("raw", false), ("raw//", false), ("/", false)] {
            assert_eq!(check_folder(Operation::ListFolders, prefix).is_ok(), accepted, "{prefix}");
        }
    }
}
