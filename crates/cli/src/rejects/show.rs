//! `penstock rejects show`: rejected records, one by one.

use base64_simd::STANDARD;
use clap::Args;
use futures::TryStreamExt;
use penstock_core::position::{Partition, Position};
use penstock_core::time;
use penstock_runtime::Failure;
use serde::Serialize;

use super::read::{Rejected, Selection};
use crate::output::{self, count, line, note};
use crate::{Exit, LakeArguments};

/// How many bytes of a key or value a person gets to see; `--json` has them all.
const SHOWN_BYTES: usize = 400;

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    #[command(flatten)]
    selection: Selection,
    /// How many records to show at the most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// Print one JSON document, with keys and values whole
    #[arg(long)]
    json: bool,
}

/// A record as JSON has it.
#[derive(Debug, Serialize)]
struct Shown {
    cut: u64,
    topic: String,
    partition: Partition,
    position: Position,
    timestamp: Option<String>,
    ingested_at: String,
    reason: String,
    detail: String,
    key: Option<Content>,
    value: Option<Content>,
}

#[derive(Debug, Serialize)]
struct Content {
    bytes: usize,
    base64: String,
    /// The same as text, where it is UTF-8.
    text: Option<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let (store, selection) = (lake.store(), &arguments.selection);
    let mut files = selection.files(&*store, &dataset.name).await?;
    files.reverse();
    let mut stream = selection.records(&*store, files);
    let mut records: Vec<Rejected> = Vec::new();
    while let Some(file) = stream.try_next().await? {
        records.extend(file);
        if arguments.limit < records.len() {
            break;
        }
    }
    let has_more = arguments.limit < records.len();
    records.truncate(arguments.limit);
    if arguments.json {
        output::json(&records.into_iter().map(Shown::from).collect::<Vec<_>>())?;
    } else {
        records.iter().for_each(print);
    }
    if has_more {
        note("there are more: --limit N shows more of them, --reason and --cut choose");
    }
    Ok(Exit::Fine)
}

impl From<Rejected> for Shown {
    fn from(record: Rejected) -> Self {
        Self {
            cut: record.cut,
            topic: record.topic,
            partition: record.partition,
            position: record.position,
            timestamp: record.timestamp.map(time::rfc3339),
            ingested_at: time::rfc3339(record.ingested_at),
            reason: record.reason,
            detail: record.detail,
            key: record.key.map(Content::from),
            value: record.value.map(Content::from),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.len(), base64: STANDARD.encode_to_string(&bytes), text: String::from_utf8(bytes).ok() }
    }
}

fn print(record: &Rejected) {
    let Rejected { topic, partition, position, .. } = record;
    let time = time::rfc3339(record.time());
    line(&format!("{topic} partition {partition} position {position}  {time}  cut {}", record.cut));
    line(&format!("  {}: {}", record.reason, visible(&record.detail)));
    line(&format!("  key    {}", shown(record.key.as_deref())));
    line(&format!("  value  {}", shown(record.value.as_deref())));
}

/// Bytes on one line: text where it is readable, else hexadecimal; cut where they are long.
pub(crate) fn shown(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else {
        return "null".to_owned();
    };
    let beginning = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let ending = if beginning.len() < bytes.len() {
        format!("... ({} bytes)", count(bytes.len() as u64))
    } else {
        String::new()
    };
    match readable(bytes) {
        Some(text) => visible(&text[..text.floor_char_boundary(SHOWN_BYTES)]) + &ending,
        None => {
            let digits: String = beginning.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("hex {digits}{ending}")
        }
    }
}

/// Text without control characters other than line breaks and tabs.
fn readable(bytes: &[u8]) -> Option<&str> {
    let is_odd = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains(is_odd))
}

/// No control character reaches the terminal, which might obey it.
pub(crate) fn visible(text: &str) -> String {
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_on_one_line_and_cannot_drive_a_terminal() {
        let check = |bytes: &[u8], expect: &str| assert_eq!(shown(Some(bytes)), expect);
        check(b"{\"a\": 1}", "{\"a\": 1}");
        check("zw\u{f6}lf".as_bytes(), "zw\u{f6}lf");
        check(b"two\nlines", "two\\nlines");
        check(b"", "");
        check(b"\x1b[2J", "hex 1b5b324a");
        check(b"\xff\x00", "hex ff00");
        check(&[b'a'; 500], &format!("{}... (500 bytes)", "a".repeat(400)));
        check("\u{f6}".repeat(1000).as_bytes(), &format!("{}... (2,000 bytes)", "\u{f6}".repeat(200)));
        assert_eq!(shown(None), "null");
    }
}
