//! The functions' settings: each environment variable once, beside its documentation; all problems at once.

mod notify;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use penstock_core::chain::{Offsets, OnGap};
use penstock_core::cut::Bounds;
use penstock_core::dataset::{Dataset, SHIPPED};

use crate::LakeUrl;

pub use notify::{NOTIFY_VARIABLES, NotifySettings, SecretPlace, TelegramSettings};

/// An environment variable, for the documentation and for the code that reads it.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    pub name: &'static str,
    /// `None`: it must be set.
    pub default: Option<&'static str>,
    pub about: &'static str,
}

macro_rules! variables {
    ($(#[$about_all:meta])* $all:ident: $($constant:ident = $name:literal, $default:expr, $about:literal;)*) => {
        $(const $constant: Variable = Variable { name: $name, default: $default, about: $about };)*
        $(#[$about_all])*
        pub const $all: &[Variable] = &[$($constant),*];
    };
}
use variables;

variables! {
    /// Every setting of the functions that work on a lake, in the order of the documentation.
    VARIABLES:
    LAKE = "PENSTOCK_LAKE", None, "Where the lake is: `s3://bucket/prefix` or `file:///dir`.";
    DATASET = "PENSTOCK_DATASET", None, "The dataset: the name of a shipped one (`iot`), or the path of a dataset file.";
    SOURCE = "PENSTOCK_SOURCE", Some("kafka"), "A name for the cluster, so that two clusters with a topic of the same name stay apart: `a-z`, `0-9`, `-`.";
    EPOCH = "PENSTOCK_EPOCH", Some("0"), "Raise it by one when a topic was deleted and made anew, because its offsets begin again.";
    OFFSETS = "PENSTOCK_OFFSETS", Some("contiguous"), "`contiguous`: a hole in the offsets means that records are missing. `sparse`: for compacted or transactional topics. Kinesis is always sparse.";
    ON_GAP = "PENSTOCK_ON_GAP", Some("fail"), "`fail`: a hole stops its partition until it is declared. `declare`: declare it at once, for those who prefer flow to safety.";
    FAILURES = "PENSTOCK_FAILURES", Some("batch"), "`batch`: one failed partition fails the invocation. `partial`: answer with `batchItemFailures`; only if the mapping asks for it (`ReportBatchItemFailures`).";
    RAW_RETENTION_HOURS = "PENSTOCK_RAW_RETENTION_HOURS", Some("0"), "After how many hours refine deletes poured raw objects; at least 24. 0 keeps them for ever.";
    CUT_MAX_ROWS = "PENSTOCK_CUT_MAX_ROWS", Some("2000000"), "How many rows one cut takes at the most; bounds the memory of refine (about 200 bytes a row).";
    CUT_MIN_BYTES = "PENSTOCK_CUT_MIN_BYTES", Some("0"), "Wait until this many (uncompressed) bytes are there, for larger files; see the next.";
    CUT_MAX_AGE_SECS = "PENSTOCK_CUT_MAX_AGE_SECS", Some("0"), "But never wait longer than this with what is there. 0: every run cuts what is there.";
    CATALOG = "PENSTOCK_CATALOG", Some("none"), "Which catalogue keeps the Iceberg tables of a dataset with `format = \"iceberg\"`: `sqlite:///dir/catalog.db`, `https://host/path?warehouse=name`, or `glue`.";
    CATALOG_CREDENTIAL = "PENSTOCK_CATALOG_CREDENTIAL", Some("none"), "What a REST catalogue asks for: a bearer token, or `id:secret` for OAuth.";
    NAMESPACE = "PENSTOCK_NAMESPACE", Some("penstock"), "The catalogue's namespace (in Glue: the database) of the tables.";
    LOG = "PENSTOCK_LOG", Some("info"), "What to log: `error`, `warn`, `info`, `debug`, or a filter such as `penstock_ingest=debug,info`.";
}

/// The shortest retention of raw objects: a function that was frozen remembers a chain's end for minutes, never for a day.
const MIN_RETENTION_HOURS: i64 = 24;

/// Everything that the functions can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    pub lake: LakeUrl,
    pub dataset: Arc<Dataset>,
    pub ingest: IngestSettings,
    pub cut: CutSettings,
    pub catalog: CatalogSettings,
    pub log: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestSettings {
    pub source: String,
    pub epoch: u32,
    pub offsets: Offsets,
    pub on_gap: OnGap,
    pub failures: FailureResponse,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            source: "kafka".to_owned(),
            epoch: 0,
            offsets: Offsets::Contiguous,
            on_gap: OnGap::Fail,
            failures: FailureResponse::Batch,
        }
    }
}

/// What an invocation answers when some of its partitions could not land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureResponse {
    /// An error: all is delivered again, and what landed is found landed.
    Batch,
    /// `batchItemFailures`: only the failed partitions are delivered again. Needs the mapping's consent.
    Partial,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutSettings {
    pub bounds: Bounds,
    pub min_bytes: u64,
    pub max_age_secs: i64,
    /// `None`: raw objects are kept for ever.
    pub raw_retention_hours: Option<i64>,
}

/// Where the Iceberg tables are kept. What the URL means is for the function that opens it to say.
#[derive(Clone, PartialEq, Eq)]
pub struct CatalogSettings {
    pub url: String,
    pub credential: Option<String>,
    pub namespace: String,
}

impl fmt::Debug for CatalogSettings {
    /// Without the credential, because settings get logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogSettings")
            .field("url", &self.url)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Everything that is wrong with the environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(pub Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are wrong: {}", self.0.join("; "))
    }
}

/// What a function can be told by its environment.
pub trait FunctionSettings: Sized + Send + Sync {
    /// Reads the settings through `get`, the environment in production.
    ///
    /// # Errors
    /// All problems at once, each with its remedy.
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError>;

    /// What to log.
    fn log(&self) -> &str;

    /// The dataset that it works on, for metrics; empty if there is none.
    fn dataset(&self) -> &str;
}

impl FunctionSettings for Settings {
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Reader::new(get).finish(Reader::settings)
    }

    fn log(&self) -> &str {
        &self.log
    }

    fn dataset(&self) -> &str {
        &self.dataset.name
    }
}

struct Reader<G> {
    get: G,
    problems: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    const fn new(get: G) -> Self {
        Self { get, problems: Vec::new() }
    }

    /// What `read` makes of the environment, unless something was wrong with it.
    fn finish<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, SettingsError> {
        match read(&mut self) {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(SettingsError(self.problems)),
        }
    }

    fn settings(&mut self) -> Option<Settings> {
        let lake = self.parsed(LAKE, str::parse::<LakeUrl>);
        let dataset = self.parsed(DATASET, dataset);
        let ingest = self.ingest();
        let cut = self.cut();
        let catalog = self.catalog();
        let log = self.text(LOG);
        Some(Settings {
            lake: lake?,
            dataset: Arc::new(dataset?),
            ingest: ingest?,
            cut: cut?,
            catalog: catalog?,
            log: log?,
        })
    }

    fn ingest(&mut self) -> Option<IngestSettings> {
        let source = self.parsed(SOURCE, source_name);
        let epoch = self.number(EPOCH);
        let offsets = self.choice(OFFSETS, &[("contiguous", Offsets::Contiguous), ("sparse", Offsets::Sparse)]);
        let on_gap = self.choice(ON_GAP, &[("fail", OnGap::Fail), ("declare", OnGap::Declare)]);
        let failures =
            self.choice(FAILURES, &[("batch", FailureResponse::Batch), ("partial", FailureResponse::Partial)]);
        Some(IngestSettings { source: source?, epoch: epoch?, offsets: offsets?, on_gap: on_gap?, failures: failures? })
    }

    fn cut(&mut self) -> Option<CutSettings> {
        let rows = self.number(CUT_MAX_ROWS);
        let min_bytes = self.number(CUT_MIN_BYTES);
        let max_age_secs = self.number(CUT_MAX_AGE_SECS);
        let retention = self.parsed(RAW_RETENTION_HOURS, |text| match text.parse() {
            Ok(0) => Ok(None),
            Ok(hours) if MIN_RETENTION_HOURS <= hours => Ok(Some(hours)),
            _ => Err(format!("`{text}` is neither 0 nor a number of hours from {MIN_RETENTION_HOURS}")),
        });
        Some(CutSettings {
            bounds: Bounds { rows: rows?, ..Bounds::default() },
            min_bytes: min_bytes?,
            max_age_secs: max_age_secs?,
            raw_retention_hours: retention?,
        })
    }

    fn catalog(&mut self) -> Option<CatalogSettings> {
        let url = self.text(CATALOG);
        let credential = self.text(CATALOG_CREDENTIAL).filter(|text| text != "none");
        Some(CatalogSettings { url: url?, credential, namespace: self.text(NAMESPACE)? })
    }

    fn text(&mut self, variable: Variable) -> Option<String> {
        let set = (self.get)(variable.name).filter(|text| !text.is_empty());
        let text = set.or_else(|| variable.default.map(str::to_owned));
        if text.is_none() {
            self.problems.push(format!("{} is not set ({})", variable.name, variable.about.trim_end_matches('.')));
        }
        text
    }

    fn parsed<T>(&mut self, variable: Variable, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(variable)?;
        parse(&text).map_err(|problem| self.problems.push(format!("{}: {problem}", variable.name))).ok()
    }

    fn number<T: FromStr>(&mut self, variable: Variable) -> Option<T> {
        self.parsed(variable, |text| {
            text.parse()
                .map_err(|_| format!("`{text}` is no number in range, such as {}", variable.default.unwrap_or("1")))
        })
    }

    fn choice<T: Copy>(&mut self, variable: Variable, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(variable, |text| {
            let known = choices.iter().find(|(name, _)| *name == text);
            known.map(|(_, value)| *value).ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                format!("`{text}` is none of {}", names.join(", "))
            })
        })
    }
}

fn source_name(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.bytes().all(valid) { Ok(text.to_owned()) } else { Err(format!("`{text}` may hold only a-z, 0-9 and -")) }
}

/// A variable of the process's environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
#[must_use]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A dataset by the name of a shipped one, or by the path of its file.
///
/// # Errors
/// Neither; or everything that is wrong with the file.
pub fn dataset(name: &str) -> Result<Dataset, String> {
    let text = dataset_file(name)?;
    Dataset::parse(&text).map_err(|problems| format!("`{name}` is no valid dataset:\n{problems}"))
}

/// The text of a dataset file, by the name of a shipped one or by its path.
///
/// # Errors
/// Neither.
pub fn dataset_file(name: &str) -> Result<String, String> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return Ok((*text).to_owned());
    }
    if !Path::new(name).exists() {
        let shipped = Dataset::shipped_names();
        return Err(format!("`{name}` is neither a shipped dataset ({shipped}) nor a file"));
    }
    std::fs::read_to_string(name).map_err(|error| format!("`{name}` cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn only_the_lake_and_the_dataset_must_be_set() {
        let settings = read(&[("PENSTOCK_LAKE", "s3://lake/a"), ("PENSTOCK_DATASET", "iot")]).unwrap();
        assert_eq!(settings.ingest, IngestSettings::default());
        assert_eq!(settings.cut, CutSettings::default());
    }

    #[test]
    fn all_problems_are_reported_together() {
        let error = read(&[
            ("PENSTOCK_DATASET", "no-such"),
            ("PENSTOCK_SOURCE", "A/B"),
            ("PENSTOCK_EPOCH", "-1"),
            ("PENSTOCK_OFFSETS", "dense"),
            ("PENSTOCK_RAW_RETENTION_HOURS", "1"),
        ])
        .unwrap_err();
        let starts: Vec<&str> = error.0.iter().filter_map(|problem| problem.split([':', ' ']).next()).collect();
        assert_eq!(
            starts,
            [
                "PENSTOCK_LAKE",
                "PENSTOCK_DATASET",
                "PENSTOCK_SOURCE",
                "PENSTOCK_EPOCH",
                "PENSTOCK_OFFSETS",
                "PENSTOCK_RAW_RETENTION_HOURS"
            ]
        );
    }
}
