//! The patches that `make test-guards` tries: each says what it removes, and still applies.

use std::process::Command;

use crate::tree::{TextFile, assert_none, files, root};

/// The fewest patches that prove anything of the whole.
const FEWEST: usize = 40;

/// What the lines before the diff must say.
const HEADER: [&str; 3] = ["guard: ", "without: ", "caught-by: "];

#[test]
fn every_planted_bug_says_what_it_removes() {
    let guards = guards();
    assert!(FEWEST <= guards.len(), "only {} guards are guarded", guards.len());
    let mut offences = Vec::new();
    for guard in &guards {
        let header = guard.text.split("\n--- ").next().unwrap();
        for line in HEADER.iter().filter(|line| !header.lines().any(|found| found.starts_with(**line))) {
            offences.push(format!("{}: no line begins with `{line}`", guard.path));
        }
    }
    assert_none("a planted bug does not say what it is", &offences);
}

#[test]
fn every_planted_bug_is_in_the_product() {
    let is_test = |path: &str| path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs");
    let mut offences = Vec::new();
    for guard in guards() {
        let changed = guard.text.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        offences.extend(changed.filter(|path| is_test(path)).map(|path| format!("{}: {path}", guard.path)));
    }
    assert_none("a planted bug changes a test", &offences);
}

#[test]
fn every_planted_bug_still_applies() {
    let mut offences = Vec::new();
    for guard in guards() {
        let check = Command::new("git").args(["apply", "--check", &guard.path]).current_dir(root()).output().unwrap();
        if !check.status.success() {
            offences.push(format!("{}: {}", guard.path, String::from_utf8_lossy(&check.stderr).trim()));
        }
    }
    assert_none("the guard stands elsewhere now: make the patch anew (see CONTRIBUTING.md)", &offences);
}

fn guards() -> Vec<TextFile> {
    files(&[".patch"])
}
