//! What documents say of the tree: targets, tests, files and links are there.

use std::collections::BTreeSet;

use crate::tree::{TextFile, assert_none, files, read, root};

#[test]
fn every_make_target_that_is_named_exists() {
    let targets = make_targets();
    let mut offences = Vec::new();
    for file in files(&[".md", ".rs", ".yml", ".sh", ".ci/run"]) {
        for (line, word) in words_after(&file, "make ") {
            if !targets.contains(word) {
                offences.push(format!("{}:{line}: make {word}", file.path));
            }
        }
    }
    assert_none("the Makefile has no such target", &offences);
}

#[test]
fn every_make_target_says_what_it_does() {
    let silent = make_targets().into_iter().filter(|target| !read("Makefile").contains(&format!("\n{target}: ")));
    assert_none("`make help` does not list a target", &silent.collect::<Vec<_>>());
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let tests = test_names();
    let architecture = read("ARCHITECTURE.md");
    let lines: Vec<&str> = architecture.lines().collect();
    let invariants: Vec<&[&str]> = lines.windows(2).filter(|pair| pair[0].starts_with("- Invariant: ")).collect();
    assert!(!invariants.is_empty(), "ARCHITECTURE.md has no invariant");
    let mut offences = Vec::new();
    for pair in invariants {
        let named: Vec<&str> =
            pair[1].trim_start().strip_prefix("Test: ").map_or(Vec::new(), |line| code_spans(line).collect());
        if named.is_empty() {
            offences.push(format!("no `Test:` line follows: {}", pair[0]));
        }
        offences
            .extend(named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("no such test: {name}")));
    }
    assert_none("ARCHITECTURE.md promises what no test proves", &offences);
}

#[test]
fn every_file_that_a_document_names_exists() {
    const ENDINGS: [&str; 6] = [".rs", ".toml", ".sh", ".md", ".yml", "/"];
    const ROOTS: [&str; 10] = [
        "crates/",
        "dashboards/",
        "functions/",
        "localstack/",
        "producer/",
        "tests/",
        "datasets/",
        "docs/",
        "emr/",
        ".ci/",
    ];
    let mut offences = Vec::new();
    for file in files(&[".md"]) {
        let named = code_spans(&file.text).filter(|span| ROOTS.iter().any(|root| span.starts_with(root)));
        let whole =
            named.filter(|span| ENDINGS.iter().any(|end| span.ends_with(end)) && !span.contains(['*', '<', ' ']));
        let missing = whole.filter(|span| !root().join(span).exists());
        offences.extend(missing.map(|span| format!("{}: {span}", file.path)));
    }
    assert_none("a document names a file that is not there", &offences);
}

#[test]
fn every_link_leads_somewhere() {
    let mut offences = Vec::new();
    for file in files(&[".md"]) {
        let folder = root().join(&file.path).parent().unwrap().to_owned();
        for (start, _) in file.text.match_indices("](") {
            let target = file.text[start + 2..].split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                offences.push(format!("{}: {target}", file.path));
            }
        }
    }
    assert_none("a link leads nowhere", &offences);
}

#[test]
fn prose_has_one_sentence_per_line() {
    let mut offences = Vec::new();
    for file in files(&[".md"]) {
        for (number, line) in prose(&file.text) {
            if has_two_sentences(line) {
                offences.push(format!("{}:{number}: {line}", file.path));
            }
        }
    }
    assert_none("a line holds two sentences, so that changing one shows both as changed", &offences);
}

/// The targets that people call.
fn make_targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let phony = makefile.lines().find_map(|line| line.strip_prefix(".PHONY: ")).unwrap();
    // Not for people: it only checks that the others can run.
    phony.split(' ').filter(|target| *target != "need-compiler").map(str::to_owned).collect()
}

/// The names of all functions with `#[test]` or `#[tokio::test]`.
fn test_names() -> BTreeSet<String> {
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let mut names = BTreeSet::new();
    for file in files(&[".rs"]) {
        let mut lines = file.text.lines().map(str::trim);
        while lines.any(is_test) {
            if let Some((_, name)) = lines.find_map(|line| line.split_once("fn ")) {
                names.insert(name.split(['(', '<']).next().unwrap().to_owned());
            }
        }
    }
    names
}

/// The word behind each occurrence of `command` at the start of a code span or of a line in a fence, with its line.
fn words_after<'f>(file: &'f TextFile, command: &str) -> Vec<(usize, &'f str)> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let mut words = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let code =
            code_spans(line).chain(Some(line.trim_start_matches(['$', ' '])).filter(|_| file.path.ends_with(".md")));
        let yaml = line.trim_start().strip_prefix("- run: ");
        for rest in code.chain(yaml).filter_map(|code| code.strip_prefix(command)) {
            let word = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
            if !word.is_empty() {
                words.push((index + 1, word));
            }
        }
    }
    words
}

/// What stands between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The lines that are neither code nor tables nor headings, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_fence = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_fence ^= is_fence;
        (!in_fence && !is_fence && !line.starts_with(['|', '#'])).then_some((index + 1, line))
    })
}

fn has_two_sentences(line: &str) -> bool {
    let without_code: String = line.split('`').step_by(2).collect();
    let ends = without_code.match_indices(". ").map(|(index, _)| index);
    ends.into_iter().any(|index| {
        let before = without_code[..index].chars().next_back();
        let after = without_code[index + 2..].chars().next();
        before.is_some_and(|letter| letter.is_lowercase() || letter == ')') && after.is_some_and(char::is_uppercase)
    })
}
