//! Command lines in documents and messages, against what a binary's `--help` says.
//!
//! Included by the crates that have a binary, because only their tests are certain to find it built.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks that each command line which names the program uses subcommands and options that it has.
pub(crate) fn check(program: &str, binary: &str) {
    let lines = command_lines(program);
    assert!(!lines.is_empty(), "nothing names {program}: the rule checks nothing");
    let offences: Vec<String> = lines.iter().flat_map(|line| problems(binary, line)).collect();
    assert!(offences.is_empty(), "a command line would not work:\n  {}\n", offences.join("\n  "));
}

/// The subcommands in the binary's help.
#[allow(dead_code, reason = "not every program has subcommands")]
pub(crate) fn subcommands(binary: &str) -> Vec<String> {
    let help = help(binary, &[]).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// A document from the root of the repository.
#[allow(dead_code, reason = "not every program is compared with a whole document")]
pub(crate) fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

struct CommandLine {
    place: String,
    words: Vec<String>,
}

fn problems(binary: &str, line: &CommandLine) -> Vec<String> {
    let is_subcommand =
        |word: &&String| word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let subcommands: Vec<&str> = line.words.iter().take_while(is_subcommand).map(String::as_str).collect();
    let Some(help) = help(binary, &subcommands) else {
        return vec![format!("{}: there is no `{}`", line.place, subcommands.join(" "))];
    };
    let known: BTreeSet<&str> = options(&help).collect();
    let used = line.words.iter().flat_map(|word| options(word));
    let unknown = used.filter(|option| !known.contains(option));
    unknown.map(|option| format!("{}: `{}` has no {option}", line.place, subcommands.join(" "))).collect()
}

/// `None` if there is no such subcommand.
fn help(binary: &str, subcommands: &[&str]) -> Option<String> {
    let output = Command::new(binary).args(subcommands).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The long options in a text.
fn options(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    text.match_indices("--").filter_map(move |(start, _)| {
        let rest = &text[start..];
        let option = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
        let begins = text[..start].chars().next_back().is_none_or(|before| !is_part(before));
        (begins && option.len() > 2).then_some(option)
    })
}

fn command_lines(program: &str) -> Vec<CommandLine> {
    let mut found = Vec::new();
    for path in texts() {
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        let is_markdown = path.extension().is_some_and(|ending| ending == "md");
        for (index, line) in text.lines().enumerate() {
            let spans = line.split('`').skip(1).step_by(2);
            // Two spaces in a row are a drawing.
            let whole = Some(line).filter(|line| is_markdown && !line.contains('`') && !line.trim().contains("  "));
            for words in spans.chain(whole).filter_map(|code| arguments(program, code)) {
                found.push(CommandLine { place: format!("{}:{}", path.display(), index + 1), words });
            }
        }
    }
    found
}

/// The words behind the program's name, if the code is a call of it with any.
fn arguments(program: &str, code: &str) -> Option<Vec<String>> {
    let code = code.trim_start().trim_start_matches("$ ");
    let call = code.split_once(" -- ").filter(|(start, _)| start.starts_with("cargo run")).map(|(start, rest)| {
        let package = start.split_whitespace().skip_while(|word| *word != "-p").nth(1).unwrap_or_default();
        (package, rest)
    });
    let (called, rest) = call.or_else(|| code.split_once(' '))?;
    let name = called.rsplit('/').next()?;
    let words: Vec<String> = rest.split(['|', '>', '#']).next()?.split_whitespace().map(str::to_owned).collect();
    (name == program && !words.is_empty()).then_some(words)
}

/// Documents, and sources with their messages.
fn texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "crates", "functions", "localstack", "producer"] {
        collect(&root().join(folder), !folder.is_empty(), &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect(folder: &Path, recursive: bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && recursive {
            collect(&path, recursive, found);
        } else if path.extension().is_some_and(|ending| ending == "md" || ending == "rs") {
            found.push(path);
        }
    }
}

/// The repository: the first folder above the crate that has a workspace.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().find(|folder| folder.join("rust-toolchain.toml").exists()).unwrap().to_owned()
}
