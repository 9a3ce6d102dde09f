//! The names of everything in a lake, built and parsed side by side.
//!
//! ```text
//! raw/<dataset>/<source>/<topic>@<epoch>/<partition>/<from>.parquet
//! silver/<dataset>/event_date=YYYY-MM-DD/<cut>.parquet
//! windows/<dataset>/event_date=YYYY-MM-DD/<cut>.parquet
//! rejects/<dataset>/<cut>.parquet
//! tables/<dataset>/<table>/data/<partition>/<cut>-<hash>.parquet      and metadata/, which are Iceberg's
//! _penstock/format.json
//! _penstock/<dataset>/cuts/<cut>.json
//! _penstock/<dataset>/state/<cut>.parquet
//! _penstock/<dataset>/unreadable/<source>/<topic>@<epoch>/<partition>/<from>.json
//! _penstock/<dataset>/runs/<run>.json
//! _penstock/<dataset>/replay.json
//! _penstock/<dataset>/hints/...
//! ```
//!
//! Topic and shard names are escaped: what is not `a-z 0-9 - _ .` becomes `~` and two hex digits for each byte,
//! and so does a `_` or `.` in front or a `.` at the end.
//! Thus two names never collide, not even on a disk that folds case; none leaves its folder;
//! and none hides from readers that skip `_` and `.`.

use crate::position::{Partition, Position};

/// The lake's format, checked by everything that opens a lake.
pub const FORMAT_KEY: &str = "_penstock/format.json";

/// The folders at the top of a lake: nothing else may stand in them.
pub const FOLDERS: [&str; 7] = ["_penstock", "raw", "rejects", "reports", "silver", "tables", "windows"];

/// The most bytes between two `/` of a key: the longest name of a file or folder on common disks.
pub const MAX_NAME_BYTES: usize = 255;

/// What one chain of raw objects holds: a partition of a topic, of a source, in an epoch.
///
/// The order is the order of records everywhere in the lake: topic, partition, then source and epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ChainId {
    pub topic: String,
    pub partition: Partition,
    /// The name of the cluster in the settings, so that two clusters with a topic of the same name stay apart.
    pub source: String,
    /// Goes up when a topic is deleted and made anew, because its offsets begin again.
    pub epoch: u32,
}

impl std::fmt::Display for ChainId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}@{} partition {}", self.source, self.topic, self.epoch, self.partition)
    }
}

impl ChainId {
    /// The folder of the chain's raw objects, with a `/` at its end.
    #[must_use]
    pub fn folder(&self, dataset: &str) -> String {
        format!("raw/{dataset}/{}/", self.path())
    }

    /// The key of the raw object that begins at `from`. Keys of a chain sort like their positions.
    #[must_use]
    pub fn object(&self, dataset: &str, from: Position) -> String {
        format!("{}{}.parquet", self.folder(dataset), self.padded(from))
    }

    /// The folder of the declarations that objects of the chain are unreadable, with a `/` at its end.
    #[must_use]
    pub fn unreadable_folder(&self, dataset: &str) -> String {
        format!("{}{}/", unreadable_folder(dataset), self.path())
    }

    /// The key under which an operator declares that the raw object at `from` can no longer be read.
    #[must_use]
    pub fn unreadable(&self, dataset: &str, from: Position) -> String {
        format!("{}{}.json", self.unreadable_folder(dataset), self.padded(from))
    }

    /// The chain and the position that a key of a raw object names; `None` for any other key.
    #[must_use]
    pub fn parse_object(dataset: &str, key: &str) -> Option<(Self, Position)> {
        let (path, name) = key.strip_prefix(&raw_folder(dataset))?.rsplit_once('/')?;
        let from = name.strip_suffix(".parquet")?.parse().ok()?;
        let chain = Self::parse_path(path)?;
        (chain.object(dataset, from) == key).then_some((chain, from))
    }

    /// The chain that a folder of [`folder`](Self::folder) names.
    #[must_use]
    pub fn parse_folder(dataset: &str, folder: &str) -> Option<Self> {
        let path = folder.strip_prefix(&raw_folder(dataset))?.strip_suffix('/')?;
        let chain = Self::parse_path(path)?;
        // Of another spelling it is not ours: two folders that read as one chain would land its objects twice in a cut.
        (chain.folder(dataset) == folder).then_some(chain)
    }

    /// The first part of the chain's path that is longer than [`MAX_NAME_BYTES`], as a topic of many upper-case
    /// letters is once they are escaped. Such a chain has no place in a lake.
    #[must_use]
    pub fn name_too_long(&self) -> Option<String> {
        self.path().split('/').find(|name| MAX_NAME_BYTES < name.len()).map(str::to_owned)
    }

    /// The seed of the hashes of the chain's rows. See [`crate::checksum::row_hash`].
    #[must_use]
    pub fn seed(&self) -> u128 {
        crate::dedupe::text_id(&self.path())
    }

    fn path(&self) -> String {
        let partition = match &self.partition {
            Partition::Kafka(number) => format!("{number:05}"),
            Partition::Shard(id) => escape_shard(id),
        };
        format!("{}/{}@{}/{partition}", self.source, escape(&self.topic), self.epoch)
    }

    fn parse_path(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let source = parts.next()?.to_owned();
        let (topic, epoch) = parts.next()?.rsplit_once('@')?;
        let partition = parts.next()?;
        if parts.next().is_some() {
            return None;
        }
        let partition = if partition.bytes().all(|byte| byte.is_ascii_digit()) {
            Partition::Kafka(partition.parse().ok()?)
        } else {
            Partition::Shard(unescape(partition)?)
        };
        Some(Self { topic: unescape(topic)?, partition, source, epoch: epoch.parse().ok()? })
    }

    fn padded(&self, position: Position) -> String {
        match self.partition {
            Partition::Kafka(_) => format!("{position:020}"),
            Partition::Shard(_) => format!("{position:076}"),
        }
    }
}

#[must_use]
pub fn raw_folder(dataset: &str) -> String {
    format!("raw/{dataset}/")
}

#[must_use]
pub fn cuts_folder(dataset: &str) -> String {
    format!("_penstock/{dataset}/cuts/")
}

#[must_use]
pub fn cut(dataset: &str, number: u64) -> String {
    format!("{}{number:012}.json", cuts_folder(dataset))
}

/// The number of the cut whose declaration, state or file has this key.
#[must_use]
pub fn parse_cut_number(key: &str) -> Option<u64> {
    let (_, name) = key.rsplit_once('/')?;
    let (number, _) = name.split_once('.')?;
    (number.len() == 12).then(|| number.parse().ok()).flatten()
}

#[must_use]
pub fn states_folder(dataset: &str) -> String {
    format!("_penstock/{dataset}/state/")
}

#[must_use]
pub fn state(dataset: &str, number: u64) -> String {
    format!("{}{number:012}.parquet", states_folder(dataset))
}

#[must_use]
pub fn unreadable_folder(dataset: &str) -> String {
    format!("_penstock/{dataset}/unreadable/")
}

#[must_use]
pub fn runs_folder(dataset: &str) -> String {
    format!("_penstock/{dataset}/runs/")
}

/// The plan of a run of `penstock run` with its log in memory.
#[must_use]
pub fn run(dataset: &str, number: u32) -> String {
    format!("{}{number:012}.json", runs_folder(dataset))
}

/// Exists once the run has come to its end.
#[must_use]
pub fn run_finished(dataset: &str, number: u32) -> String {
    format!("{}{number:012}.json.finished", runs_folder(dataset))
}

/// Which lake the raw objects were replayed from, and how.
#[must_use]
pub fn replay(dataset: &str) -> String {
    format!("_penstock/{dataset}/replay.json")
}

/// The newest cut and the ends of the chains as refine last saw them. Only saves listing.
#[must_use]
pub fn progress_hint(dataset: &str) -> String {
    format!("_penstock/{dataset}/hints/progress.json")
}

#[must_use]
pub fn silver_folder(dataset: &str) -> String {
    format!("silver/{dataset}/")
}

/// `date` is `YYYY-MM-DD`.
#[must_use]
pub fn silver(dataset: &str, date: &str, cut: u64) -> String {
    format!("{}event_date={date}/{cut:012}.parquet", silver_folder(dataset))
}

#[must_use]
pub fn windows_folder(dataset: &str) -> String {
    format!("windows/{dataset}/")
}

#[must_use]
pub fn windows(dataset: &str, date: &str, cut: u64) -> String {
    format!("{}event_date={date}/{cut:012}.parquet", windows_folder(dataset))
}

#[must_use]
pub fn rejects_folder(dataset: &str) -> String {
    format!("rejects/{dataset}/")
}

#[must_use]
pub fn rejects(dataset: &str, cut: u64) -> String {
    format!("{}{cut:012}.parquet", rejects_folder(dataset))
}

/// The folder of an Iceberg table, without a `/` at its end: its location is recorded so in the catalogue.
#[must_use]
pub fn table_folder(dataset: &str, table: &str) -> String {
    format!("tables/{dataset}/{table}")
}

/// A data file of an Iceberg table. `partition` is a folder of the form `column_day=YYYY-MM-DD`, `hash` is one of its bytes.
#[must_use]
pub fn table_data(dataset: &str, table: &str, partition: &str, cut: u64, hash: &str) -> String {
    format!("{}/data/{partition}/{cut:012}-{hash}.parquet", table_folder(dataset, table))
}

/// The `YYYY-MM-DD` in the path of a silver or windows file.
#[must_use]
pub fn parse_event_date(key: &str) -> Option<&str> {
    let (_, rest) = key.split_once("/event_date=")?;
    let (date, _) = rest.split_once('/')?;
    Some(date)
}

/// A name as one safe segment of a path. See the module for the rule.
#[must_use]
pub fn escape(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut escaped = String::with_capacity(bytes.len());
    for (index, &byte) in bytes.iter().enumerate() {
        let at_edge = index == 0 || index + 1 == bytes.len();
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => escaped.push(char::from(byte)),
            b'_' if index > 0 => escaped.push('_'),
            b'.' if !at_edge => escaped.push('.'),
            _ => push_escaped(&mut escaped, byte),
        }
    }
    escaped
}

fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('~');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Like [`escape`], and never all digits, because those name Kafka partitions.
fn escape_shard(id: &str) -> String {
    match id.as_bytes() {
        [first @ b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            let mut escaped = String::new();
            push_escaped(&mut escaped, *first);
            escaped.push_str(&id[1..]);
            escaped
        }
        _ => escape(id),
    }
}

/// Undoes [`escape`]; `None` if the text is not what `escape` writes.
#[must_use]
pub fn unescape(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = if *first == b'~' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            &tail[2..]
        } else {
            bytes.push(*first);
            tail
        };
    }
    let name = String::from_utf8(bytes).ok()?;
    (escape(&name) == escaped || escape_shard(&name) == escaped).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(topic: &str, partition: Partition) -> ChainId {
        ChainId { topic: topic.to_owned(), partition, source: "kafka".to_owned(), epoch: 0 }
    }

    #[test]
    fn a_raw_key_reads_as_documented() {
        let key = chain("events", Partition::Kafka(3)).object("iot", Position::from_offset(42));
        assert_eq!(key, "raw/iot/kafka/events@0/00003/00000000000000000042.parquet");
        let shard = chain("Clicks", Partition::Shard("shardId-000000000007".to_owned()));
        assert_eq!(shard.folder("iot"), "raw/iot/kafka/~43licks@0/shard~49d-000000000007/");
    }

    #[test]
    fn names_that_a_path_could_misread_are_escaped() {
        let check = |name: &str, expect: &str| assert_eq!(escape(name), expect);
        check("events", "events");
        check("Events", "~45vents");
        check("_hidden", "~5fhidden");
        check(".hidden", "~2ehidden");
        check("..", "~2e~2e");
        check("a/b", "a~2fb");
        check("a=b@c~", "a~3db~40c~7e");
        check("end.", "end~2e");
        check("über", "~c3~bcber");
    }

    #[test]
    fn a_key_of_another_spelling_is_not_ours() {
        for key in [
            "raw/iot/kafka/events@0/3/00000000000000000042.parquet",
            "raw/iot/kafka/events@0/00003/42.parquet",
            "raw/iot/kafka/events/00003/00000000000000000042.parquet",
            "raw/iot/kafka/events@0/00003/x/00000000000000000042.parquet",
            "raw/iot/kafka/~65vents@0/00003/00000000000000000042.parquet",
            "silver/iot/event_date=2026-01-01/000000000001.parquet",
        ] {
            assert_eq!(ChainId::parse_object("iot", key), None, "{key}");
        }
    }

    #[test]
    fn a_folder_of_another_spelling_is_not_ours() {
        let check = |folder: &str, is_ours: bool| {
            assert_eq!(ChainId::parse_folder("iot", folder).is_some(), is_ours, "{folder}");
        };
        check("raw/iot/kafka/events@0/00003/", true);
        check("raw/iot/kafka/events@0/3/", false);
        check("raw/iot/kafka/events@00/00003/", false);
        check("raw/iot/kafka/~65vents@0/00003/", false);
        check("raw/iot/kafka/events/00003/", false);
    }

    #[test]
    fn cut_numbers_are_read_back() {
        assert_eq!(parse_cut_number(&cut("iot", 7)), Some(7));
        assert_eq!(parse_cut_number(&state("iot", 7)), Some(7));
        assert_eq!(parse_cut_number(&silver("iot", "2026-01-31", 7)), Some(7));
        assert_eq!(parse_cut_number("_penstock/iot/cuts/7.json"), None);
        assert_eq!(parse_event_date(&silver("iot", "2026-01-31", 7)), Some("2026-01-31"));
    }

    fn any_partition() -> impl Strategy<Value = Partition> {
        prop_oneof![(0..100_000).prop_map(Partition::Kafka), ".{1,20}".prop_map(Partition::Shard)]
    }

    proptest! {
        #[test]
        fn keys_round_trip(topic in ".{1,40}", partition in any_partition(), from in any::<u64>(), epoch in any::<u32>()) {
            let chain = ChainId { topic, partition, source: "kafka".to_owned(), epoch };
            let from = Position::from_offset(from);
            let parsed = ChainId::parse_object("iot", &chain.object("iot", from));
            prop_assert_eq!(parsed, Some((chain.clone(), from)));
            prop_assert_eq!(ChainId::parse_folder("iot", &chain.folder("iot")), Some(chain));
        }

        #[test]
        fn two_names_never_collide_on_a_disk_that_folds_case(a in ".{1,12}", b in ".{1,12}") {
            prop_assume!(a != b);
            prop_assert_ne!(escape(&a).to_lowercase(), escape(&b).to_lowercase());
        }

        #[test]
        fn keys_sort_like_positions(a in any::<u64>(), b in any::<u64>()) {
            let chain = chain("t", Partition::Kafka(0));
            let (a, b) = (Position::from_offset(a), Position::from_offset(b));
            prop_assert_eq!(chain.object("iot", a).cmp(&chain.object("iot", b)), a.cmp(&b));
        }
    }
}
