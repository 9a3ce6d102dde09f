//! The rooms of the workspace and the arrows between them.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::tree::{assert_none, files, read};

/// All that the core may use: pure libraries. None of them waits, reads, prints, or asks for the time.
const CORE: [&str; 16] = [
    "arrow-array",
    "arrow-buffer",
    "arrow-schema",
    "arrow-select",
    "base64-simd",
    "bytes",
    "hashbrown",
    "memchr",
    "parquet",
    "serde",
    "serde_json",
    "sha2",
    "simdutf8",
    "snap",
    "thiserror",
    "toml",
];

/// Which of our crates a crate may use, in its tests too. The tests crate may use all.
const ARROWS: [(&str, &[&str]); 15] = [
    ("penstock-core", &[]),
    ("penstock-telemetry", &[]),
    ("penstock-exporter", &["penstock-telemetry"]),
    ("penstock-lake", &["penstock-core", "penstock-telemetry"]),
    ("penstock-runtime", &["penstock-core", "penstock-exporter", "penstock-lake", "penstock-telemetry"]),
    ("penstock-ingest", &["penstock-core", "penstock-lake", "penstock-runtime", "penstock-telemetry"]),
    ("penstock-refine", &["penstock-core", "penstock-lake", "penstock-runtime", "penstock-telemetry"]),
    (
        "penstock-tables",
        &[
            "penstock-core",
            "penstock-ingest",
            "penstock-lake",
            "penstock-refine",
            "penstock-runtime",
            "penstock-telemetry",
        ],
    ),
    // Its clock is the lake's; it knows nothing else of it.
    ("penstock-notify", &["penstock-lake", "penstock-runtime", "penstock-telemetry"]),
    // It knows Lambda's payload and nothing of what is behind the function; what it counts stands in the registry of all metrics.
    ("penstock-trigger", &["penstock-exporter", "penstock-telemetry"]),
    ("penstock-producer", &["penstock-core", "penstock-exporter", "penstock-telemetry"]),
    ("penstock-dashboards", &["penstock-telemetry"]),
    ("penstock-fuzz", &["penstock-core"]),
    ("penstock-sql", &["penstock-core", "penstock-lake", "penstock-runtime"]),
    (
        "penstock",
        &[
            "penstock-core",
            "penstock-exporter",
            "penstock-ingest",
            "penstock-lake",
            "penstock-producer",
            "penstock-refine",
            "penstock-runtime",
            "penstock-telemetry",
            "penstock-trigger",
        ],
    ),
];

/// Libraries that stand for a part of the world, and the only crates that may know it.
const WORLDS: [(&str, &[&str]); 11] = [
    ("aws-config", &["penstock-lake", "penstock-notify", "penstock-producer", "penstock-tables"]),
    ("aws-sdk-glue", &["penstock-tables"]),
    ("aws-sdk-s3", &["penstock-lake"]),
    ("aws-sdk-kinesis", &["penstock-producer"]),
    // They sign what goes to on-failure destinations, requests for secrets, and tokens for MSK.
    ("aws-sigv4", &["penstock-notify", "penstock-producer", "penstock-trigger"]),
    ("rdkafka", &["penstock", "penstock-producer", "penstock-trigger"]),
    (
        "clap",
        &["penstock", "penstock-exporter", "penstock-producer", "penstock-sql", "penstock-tables", "penstock-trigger"],
    ),
    ("datafusion", &["penstock-sql"]),
    ("iceberg", &["penstock-tables"]),
    ("object_store", &["penstock-sql"]),
    ("tracing-subscriber", &["penstock-runtime", "penstock-trigger", "penstock-lake"]),
];

const TESTS: &str = "penstock-tests";

#[test]
fn the_core_uses_exactly_the_libraries_that_are_listed() {
    let core = &members()["penstock-core"];
    let used: Vec<&str> = dependencies(core, &["dependencies"]).map(|(name, _)| name).collect();
    assert_eq!(used, CORE, "a library of the core is pure: look into it, then list it");
}

#[test]
fn arrows_between_crates_point_inwards() {
    let mut offences = Vec::new();
    for (name, manifest) in &members() {
        if name == TESTS {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| crate_name == name) else {
            offences.push(format!("{name} is a new room: say here which crates it may use"));
            continue;
        };
        for (used, _) in all_dependencies(manifest).filter(|(used, _)| used.starts_with("penstock")) {
            if !allowed.contains(&used) {
                offences.push(format!("{name} uses {used}"));
            }
        }
    }
    assert_none("an arrow points the wrong way", &offences);
}

#[test]
fn only_one_room_knows_each_part_of_the_world() {
    let mut offences = Vec::new();
    for (name, manifest) in &members() {
        for (library, allowed) in WORLDS {
            let used = all_dependencies(manifest).any(|(used, _)| used.starts_with(library));
            if used && name != TESTS && !allowed.contains(&name.as_str()) {
                offences.push(format!("{name} uses {library}, which is for {}", allowed.join(", ")));
            }
        }
    }
    assert_none("a library is used outside its room", &offences);
}

#[test]
fn versions_stand_only_in_the_workspace() {
    let mut offences = Vec::new();
    for (name, manifest) in &members() {
        for (used, value) in all_dependencies(manifest) {
            let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
            if !inherits {
                offences.push(format!("{name}: {used} = {value}: write `{used}.workspace = true`"));
            }
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if manifest["package"][key].get("workspace").is_none() {
                offences.push(format!("{name}: {key}: write `{key}.workspace = true`"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            offences
                .push(format!("{name}: the workspace's lints do not hold: write `[lints]` with `workspace = true`"));
        }
    }
    assert_none("what belongs to the workspace stands in a member", &offences);
}

#[test]
fn every_library_that_a_crate_asks_for_is_used() {
    let sources = files(&[".rs"]);
    let mut offences = Vec::new();
    for (folder, manifest) in manifests() {
        for (table, place) in [("dependencies", "src/"), ("dev-dependencies", "")] {
            let place = format!("{folder}/{place}");
            let is_used = |library: &str| {
                sources.iter().any(|file| file.path.starts_with(&place) && file.text.contains(&in_code(library)))
            };
            // What a feature brings in may be for a binary of its own.
            let always = dependencies(&manifest, &[table]).filter(|(_, value)| value.get("optional").is_none());
            let unused = always.filter(|(library, _)| !is_used(library));
            offences.extend(unused.map(|(library, _)| format!("{folder}/Cargo.toml: {library} in [{table}]")));
        }
    }
    assert_none("nothing of a library is used", &offences);
}

/// How code names what is in a library.
fn in_code(library: &str) -> String {
    let name = if library == "penstock" { "penstock_cli".to_owned() } else { library.replace('-', "_") };
    name + "::"
}

/// Whoever types `cargo build` must not wait for DataFusion.
#[test]
fn only_sql_is_left_out_of_the_default_build() {
    let workspace = parse("Cargo.toml");
    let folders = |list: &str| -> BTreeSet<String> {
        workspace["workspace"][list]
            .as_array()
            .unwrap()
            .iter()
            .map(|folder| folder.as_str().unwrap().to_owned())
            .collect()
    };
    let left_out: Vec<String> = folders("members").difference(&folders("default-members")).cloned().collect();
    assert_eq!(left_out, ["crates/sql"]);
}

/// The manifests of all crates by their names.
fn members() -> BTreeMap<String, Table> {
    let manifests = manifests().into_iter();
    manifests.map(|(_, manifest)| (manifest["package"]["name"].as_str().unwrap().to_owned(), manifest)).collect()
}

/// The same by their folders.
fn manifests() -> Vec<(String, Table)> {
    let workspace = parse("Cargo.toml");
    let folders = workspace["workspace"]["members"].as_array().unwrap();
    let folders = folders.iter().map(|folder| folder.as_str().unwrap());
    folders.map(|folder| (folder.to_owned(), parse(&format!("{folder}/Cargo.toml")))).collect()
}

fn parse(path: &str) -> Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn all_dependencies(manifest: &Table) -> impl Iterator<Item = (&str, &Value)> {
    assert!(!manifest.contains_key("target"), "dependencies of one platform are not looked at yet: look at them here");
    dependencies(manifest, &["dependencies", "dev-dependencies", "build-dependencies"])
}

fn dependencies<'m>(manifest: &'m Table, tables: &[&str]) -> impl Iterator<Item = (&'m str, &'m Value)> + use<'m> {
    let tables: Vec<&Table> = tables.iter().filter_map(|name| manifest.get(*name)?.as_table()).collect();
    tables.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
