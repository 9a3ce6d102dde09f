//! The files of the repository, as the rules look at them.

use std::fs;
use std::path::{Path, PathBuf};

/// What belongs to the repository. Build output, lakes and a broker's data lie beside it.
const FOLDERS: [&str; 11] = [
    ".ci",
    ".github",
    "crates",
    "dashboards",
    "datasets",
    "docs",
    "emr",
    "functions",
    "localstack",
    "producer",
    "tests",
];

pub(crate) struct TextFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file whose name ends in one of `endings`, in the order of the paths.
pub(crate) fn files(endings: &[&str]) -> Vec<TextFile> {
    let mut paths: Vec<PathBuf> = entries(&root()).into_iter().filter(|path| path.is_file()).collect();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    let named = paths.iter().map(|path| relative(path)).filter(|path| endings.iter().any(|end| path.ends_with(end)));
    let found: Vec<TextFile> = named.map(|path| TextFile { text: read(&path), path }).collect();
    assert!(!found.is_empty(), "no file ends in {endings:?}: the rule checks nothing");
    found
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() { collect(&path, paths) } else { paths.push(path) }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    listed.map(|entry| entry.unwrap().path()).collect()
}

pub(crate) fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}\n", offences.join("\n  "));
}
