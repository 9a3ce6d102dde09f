//! Names in the environment: each stands in the documentation, and nobody invents one.

use std::collections::{BTreeMap, BTreeSet};

use penstock_runtime::{NOTIFY_VARIABLES, VARIABLES, Variable};

use crate::tree::{assert_none, files, read};

/// Names that are no setting of the functions, and the document that explains each.
const OTHERS: [(&str, &str); 6] = [
    ("PENSTOCK_KAFKA_PASSWORD", "producer/README.md"),
    ("PENSTOCK_CACHE", "CONTRIBUTING.md"),
    ("PENSTOCK_DASHBOARDS", "dashboards/README.md"),
    ("PENSTOCK_LOCAL", "CONTRIBUTING.md"),
    ("PENSTOCK_TEST_BROKERS", "CONTRIBUTING.md"),
    ("PENSTOCK_TEST_OAUTH_BROKERS", "CONTRIBUTING.md"),
];

#[test]
fn every_name_in_the_tree_is_a_documented_setting() {
    let known: BTreeSet<&str> = settings().map(|variable| variable.name).chain(OTHERS.map(|(name, _)| name)).collect();
    let unknown = names_in_the_tree().into_iter().filter(|(name, _)| !known.contains(name.as_str()));
    let offences: Vec<String> = unknown.map(|(name, path)| format!("{path}: {name}")).collect();
    assert_none(
        "a name is in no list: add it to `penstock_runtime::VARIABLES`, or to the list in this test",
        &offences,
    );
}

#[test]
fn every_other_name_is_used_and_explained() {
    let used = names_in_the_tree();
    let mut offences = Vec::new();
    for (name, document) in OTHERS {
        if !used.contains_key(name) {
            offences.push(format!("{name} is used nowhere"));
        }
        if !read(document).contains(name) {
            offences.push(format!("{document} does not explain {name}"));
        }
    }
    assert_none("a name is stale or without explanation", &offences);
}

#[test]
fn the_readme_lists_the_settings_with_their_defaults() {
    let expected: Vec<String> = settings().map(row).collect();
    let readme = read("README.md");
    let found: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `PENSTOCK_")).collect();
    assert_eq!(found, expected, "the README's table of settings should be:\n{}\n", expected.join("\n"));
}

fn settings() -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().chain(NOTIFY_VARIABLES)
}

fn row(variable: &Variable) -> String {
    let default = variable.default.map_or_else(|| "must be set".to_owned(), |default| format!("`{default}`"));
    format!("| `{}` | {default} | {} |", variable.name, variable.about)
}

/// Every name with a file that has it.
fn names_in_the_tree() -> BTreeMap<String, String> {
    const PREFIX: &str = "PENSTOCK_";
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let mut names = BTreeMap::new();
    for file in files(&[".rs", ".md", ".sh", ".toml", ".yml", "Makefile", ".ci/run"]) {
        if file.path.starts_with("tests/tests/tidy/") {
            continue;
        }
        for (start, _) in file.text.match_indices(PREFIX) {
            let rest = &file.text[start..];
            let name = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
            // `PENSTOCK_*` in prose.
            if name != PREFIX {
                names.insert(name.to_owned(), file.path.clone());
            }
        }
    }
    names
}
