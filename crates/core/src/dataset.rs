//! A dataset, as its file declares it: columns, roles, windows, limits.
//!
//! In: the text of a `datasets/*.toml` file. Out: a [`Dataset`] in which every reference is resolved,
//! or every problem of the file at once, each with its line and its remedy.
//!
//! ```
//! use penstock_core::dataset::Dataset;
//! let iot = Dataset::shipped("iot").expect("iot ships with the product");
//! assert_eq!(iot.columns[iot.event_time].name, "event_time");
//! assert!(Dataset::parse("name = 'x'").is_err());
//! ```

mod read;
mod compare;

use serde::{Deserialize, Serialize};

use crate::french::Spelling;

pub use compare::Change;
pub use read::{GENERATORS, KEYS, Problem, Problems, TYPES};

/// The dataset files that are part of the product, by name.
pub const SHIPPED: [(&str, &str); 3] = [
    ("iot", include_str!("../../../datasets/iot.toml")),
    ("user_actions", include_str!("../../../datasets/user_actions.toml")),
    ("numbers", include_str!("../../../datasets/numbers.toml")),
];

/// Field ids below this one belong to Penstock's own columns.
pub const FIRST_FIELD_ID: i32 = 100;

/// A checked dataset: indices point into `columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub name: String,
    pub description: String,
    /// What the lake keeps besides its plain files.
    pub format: Format,
    pub columns: Vec<Column>,
    /// The column whose value identifies an event; `None`: nothing is deduplicated.
    pub id: Option<usize>,
    /// The column that says when an event happened: always a required timestamp.
    pub event_time: usize,
    /// The string column that the producer takes as the record's key; where it is absent, a record has none.
    pub record_key: Option<usize>,
    pub windows: Windows,
    pub dedupe: Dedupe,
    pub limits: Limits,
    pub p95: Option<P95>,
    /// The file as it was read: cuts carry it, so that a pour never depends on a deployed file.
    pub text: String,
    /// SHA-256 of `text`, in lower-case hex.
    pub hash: String,
}

/// In which form the lake offers its rows. The plain files are there in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain files alone.
    Parquet,
    /// Tables in a catalogue, too.
    Iceberg,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    /// The column's identity in every Parquet file, at least [`FIRST_FIELD_ID`].
    pub field_id: i32,
    pub kind: ColumnType,
    /// Keys from the root of the JSON value down to the column's; one key unless nested, none if derived.
    pub path: Vec<String>,
    /// How the value follows from the record; `None`: it stands in the JSON value.
    pub derive: Option<Derive>,
    /// Always true of a hash, never of words.
    pub required: bool,
    pub unit: Option<String>,
    pub description: String,
    pub generate: Option<Generate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// 16 bytes in raw, lower-case text in silver.
    Uuid,
    /// UTF-8, dictionary-encoded.
    String,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float; JSON has no NaN and no infinity, and neither has the lake.
    Double,
    Bool,
    /// UTC microseconds; written as RFC 3339 with any offset, or as integer epoch milliseconds.
    Timestamp,
}

/// How a column follows from the rest of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derive {
    /// The first 16 bytes of the SHA-256 of the record's value: equal only for values that are equal byte for byte.
    ValueHash,
    /// The number of an int column in French words; null where it is null or has none (see [`crate::french`]).
    NumberToFrench { from: usize, spelling: Spelling },
}

/// Tumbling windows over event time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    pub length_secs: i64,
    /// The string columns that a window is grouped by.
    pub keys: Vec<usize>,
    /// The double column that is summed up; `None`: windows only count.
    pub measure: Option<usize>,
    pub allowed_lateness_secs: i64,
    /// A partition that is silent for longer than this no longer holds the watermark back.
    pub idle_after_secs: i64,
    /// Bounds the state: beyond it the oldest windows close early.
    pub max_open_windows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedupe {
    /// Duplicates at most this far apart in arrival are found.
    pub horizon_secs: i64,
    /// Beyond it whole oldest cuts are forgotten.
    pub max_ids: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Nesting of objects and arrays in a record's value.
    pub max_depth: usize,
    pub max_value_bytes: usize,
    /// How far before its arrival an event may lie.
    pub max_past_days: i64,
    /// How far after its arrival an event may lie: the tolerated error of a device's clock.
    pub max_future_secs: i64,
    pub duplicate_keys: DuplicateKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateKeys {
    Reject,
    /// The first of the repeated keys counts.
    First,
}

/// The columns of the p95 question.
#[derive(Clone, Debug, PartialEq)]
pub struct P95 {
    pub group: usize,
    pub value: usize,
    /// Groups with fewer distinct events in a day are left out.
    pub min_events: u64,
    /// Values farther than this many standard deviations from the day's mean are outliers.
    pub deviations: f64,
}

/// How the producer invents a value for a column. `present` is the share of events that have it.
#[derive(Clone, Debug, PartialEq)]
pub enum Generate {
    /// A unique id (UUID, or its text).
    Id,
    /// One of `count` entities with skewed activity: `prefix` and a number.
    Entity {
        prefix: String,
        count: u64,
        present: f64,
    },
    /// A value that is fixed for the event's entity.
    OfEntity {
        values: Vec<String>,
        present: f64,
    },
    /// Around now, out of order.
    EventTime,
    LogNormal {
        median: f64,
        spread: f64,
        decimals: u8,
        present: f64,
    },
    Normal {
        mean: f64,
        deviation: f64,
        decimals: u8,
        present: f64,
    },
    Integer {
        min: i64,
        max: i64,
        present: f64,
    },
    Choice {
        values: Vec<String>,
        present: f64,
    },
    Flag {
        share: f64,
        present: f64,
    },
}

impl Dataset {
    /// Reads a dataset file.
    ///
    /// # Errors
    /// Every problem of the file, each with line and remedy.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        read::read(text)
    }

    /// A dataset that ships with the product; `None` if there is none of that name.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Self::parse(text).ok()
    }

    /// Whether windows of the other dataset can be continued by this one: equal settings over columns of equal names.
    #[must_use]
    pub fn has_windows_like(&self, other: &Self) -> bool {
        let names = |dataset: &Self| -> Vec<String> {
            let windows = &dataset.windows;
            windows.keys.iter().chain(&windows.measure).map(|index| dataset.columns[*index].name.clone()).collect()
        };
        // The number of keys tells a key from the measure.
        let settings = |dataset: &Self| {
            let Windows { keys, measure, .. } = &dataset.windows;
            Windows { keys: vec![0; keys.len()], measure: measure.map(|_| 0), ..dataset.windows.clone() }
        };
        names(self) == names(other) && settings(self) == settings(other)
    }

    /// The names of the shipped datasets, for messages.
    #[must_use]
    pub fn shipped_names() -> String {
        SHIPPED.map(|(name, _)| name).join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_dataset_is_valid() {
        for (name, text) in SHIPPED {
            let dataset = Dataset::parse(text).unwrap_or_else(|problems| panic!("{name}: {problems}"));
            assert_eq!(dataset.name, name);
        }
    }

    #[test]
    fn windows_go_on_only_if_their_columns_and_settings_stay() {
        let (_, iot) = SHIPPED[0];
        let is_like = |from: &str, to: &str| {
            assert!(iot.contains(from), "{from}");
            Dataset::parse(iot).unwrap().has_windows_like(&Dataset::parse(&iot.replace(from, to)).unwrap())
        };
        assert!(is_like("max_ids = 20_000_000", "max_ids = 1000"));
        assert!(is_like("[roles]", "[[columns]]\nname = \"new\"\nfield_id = 190\ntype = \"int\"\n[roles]"));
        assert!(!is_like("length_secs = 60", "length_secs = 61"));
        assert!(!is_like("measure = \"value\"", "measure = \"event_duration\""));
        assert!(!is_like("measure = \"value\"", ""));
        assert!(!is_like("keys = [\"device_id\"]", "keys = [\"device_id\", \"device_type\"]"));
    }
}
