//! How source files look.

use crate::tree::{TextFile, assert_none, files};

/// The most lines of a file before its tests.
const MAX_LINES: usize = 400;

/// Files that are longer, each with the reason.
const LONGER: [(&str, &str); 0] = [];

#[test]
fn files_are_short() {
    let mut offences = Vec::new();
    for file in sources() {
        let lines = lines_before_tests(&file.text);
        let is_listed = LONGER.iter().any(|(path, _)| *path == file.path);
        if MAX_LINES < lines && !is_listed {
            offences.push(format!("{}: {lines} lines before the tests, at most {MAX_LINES}", file.path));
        }
        if lines <= MAX_LINES && is_listed {
            offences.push(format!("{}: {lines} lines, so it need not be listed as longer", file.path));
        }
    }
    assert_none("a file holds more than one thought", &offences);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = files(&[".rs"]).into_iter().filter(|file| !is_tests(&file.path) && !file.text.starts_with("//!"));
    let offences: Vec<String> = silent.map(|file| file.path).collect();
    assert_none("a module does not begin with `//!`", &offences);
}

#[test]
fn no_test_is_skipped() {
    let attribute = concat!("#[", "ignore");
    let skipping = files(&[".rs"]).into_iter().filter(|file| file.text.contains(attribute));
    let offences: Vec<String> = skipping.map(|file| file.path).collect();
    assert_none("a skipped test proves nothing: start what it needs, or give it a suite of its own", &offences);
}

fn sources() -> impl Iterator<Item = TextFile> {
    files(&[".rs"]).into_iter().filter(|file| file.path.contains("/src/") && !is_tests(&file.path))
}

fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

fn lines_before_tests(text: &str) -> usize {
    let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\nmod tests;"];
    let end = tests.iter().filter_map(|start| text.find(start)).min().unwrap_or(text.len());
    text[..end].lines().count()
}
