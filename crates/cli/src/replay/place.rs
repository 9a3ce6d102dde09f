//! Where a replay may go: into a place of its own, which then belongs to it.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use penstock_core::keys;
use penstock_lake::{Put, Store, cuts};
use penstock_runtime::{Failure, LakeUrl};
use serde::{Deserialize, Serialize};

use super::Survey;

/// What a lake was replayed from. Whoever replays into it again must mean the same.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    source: String,
    dataset_hash: String,
    /// The first day of arrival that was taken.
    from: Option<String>,
}

/// The source and the target, in full.
///
/// # Errors
/// One of them is, or stands in, a folder of the other.
pub(super) fn apart(source: &LakeUrl, target: &LakeUrl) -> Result<(LakeUrl, LakeUrl), Failure> {
    let (source, target) = (absolute(source)?, absolute(target)?);
    let (a, b) = (segments(&source), segments(&target));
    let is_in = |inner: &[String], outer: &[String]| match inner.strip_prefix(outer) {
        Some([]) => true,
        Some([folder, ..]) => keys::FOLDERS.contains(&folder.as_str()),
        None => false,
    };
    if is_in(&a, &b) || is_in(&b, &a) {
        return Err(Failure::misconfigured(format!(
            "{target} is not apart from {source}: what is replayed needs a place of its own, \
             and each lake keeps {} to itself. Name another one with --into",
            keys::FOLDERS.map(|folder| format!("`{folder}/`")).join(", ")
        )));
    }
    Ok((source, target))
}

fn absolute(url: &LakeUrl) -> Result<LakeUrl, Failure> {
    let LakeUrl::Directory(path) = url else { return Ok(url.clone()) };
    let path = std::path::absolute(path)
        .map_err(|error| Failure::misconfigured(format!("`{}` is no path: {error}", path.display())))?;
    Ok(LakeUrl::Directory(without_parents(&path)))
}

/// The path without its `..`.
fn without_parents(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
        path
    })
}

fn segments(url: &LakeUrl) -> Vec<String> {
    match url {
        LakeUrl::Directory(path) => path.iter().map(|segment| segment.to_string_lossy().into_owned()).collect(),
        LakeUrl::S3 { bucket, prefix } => {
            let prefix = prefix.split('/').filter(|segment| !segment.is_empty());
            ["s3:", bucket.as_str()].into_iter().chain(prefix).map(str::to_owned).collect()
        }
    }
}

/// Says in the target, once and for all, what it is replayed from.
///
/// # Errors
/// The store's; or the target holds something else.
pub(super) async fn claim(target: &dyn Store, survey: &Survey) -> Result<(), Failure> {
    let ours = Origin {
        source: survey.source(),
        dataset_hash: survey.dataset.hash.clone(),
        from: survey.from.map(|date| date.to_string()),
    };
    let key = keys::replay(&survey.dataset.name);
    match target.get(&key).await {
        Ok(json) => return same(target, &key, &ours, &json),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let name = &survey.dataset.name;
    let has_raw = !target.list_after(&keys::raw_folder(name), None, 1).await?.is_empty();
    if has_raw || 0 < cuts::newest(target, name).await? {
        return Err(Failure::misconfigured(format!(
            "{} holds a lake of `{name}` that is no replay: name another place with --into. Nothing was changed",
            target.location()
        )));
    }
    let json = serde_json::to_vec(&ours).map_err(Failure::bug)?;
    match target.put_new(&key, Bytes::from(json)).await? {
        Put::Created => Ok(()),
        // Another replay was first.
        Put::Exists => same(target, &key, &ours, &target.get(&key).await?),
    }
}

fn same(target: &dyn Store, key: &str, ours: &Origin, found: &[u8]) -> Result<(), Failure> {
    let found: Origin = serde_json::from_slice(found).map_err(|error| {
        Failure::misconfigured(format!("`{key}` in {} cannot be understood: {error}", target.location()))
    })?;
    let differs = |what: &str, found: &str| {
        Err(Failure::misconfigured(format!(
            "{} is a replay {what} {found}: go on with that, or name another place with --into. Nothing was changed",
            target.location()
        )))
    };
    if found.source != ours.source {
        return differs("of", &found.source);
    }
    if found.from != ours.from {
        return differs("of what arrived from", found.from.as_deref().unwrap_or("the beginning on"));
    }
    if found.dataset_hash != ours.dataset_hash {
        return differs("by another dataset file, of SHA-256", &found.dataset_hash);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_apart_or_refused() {
        let check = |source: &str, target: &str, expect: bool| {
            let urls = (source.parse().unwrap(), target.parse().unwrap());
            assert_eq!(apart(&urls.0, &urls.1).is_ok(), expect, "{source} {target}");
        };
        check("s3://lake/a", "s3://lake/b", true);
        check("s3://lake", "s3://lake/again", true);
        check("s3://lake/again", "s3://lake", true);
        check("s3://lake/a", "s3://other/a", true);
        check("s3://lake/a", "s3://lake/ab", true);
        check("s3://lake/a", "s3://lake/a/", false);
        check("s3://lake", "s3://lake/raw/again", false);
        check("s3://lake/_penstock/b", "s3://lake", false);
        check("lake", "again", true);
        check("lake", "./x/../lake", false);
        check("lake", "lake/silver", false);
        check("lake", "lake/2", true);
        check("/lake", "s3://lake", true);
    }
}
