//! The user's own events, one on each line: sent as they are, whatever they are.
//!
//! What is broken is for the pipeline to say, with its reason; here it is only counted, and goes without a key.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use penstock_core::dataset::Dataset;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::report::Counts;
use crate::source::{Record, Source};

/// No broker takes a record of this size, and a line that never ends must not fill the memory.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// The input cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot read {name}: {source}")]
    Read { name: String, source: io::Error },
    #[error(
        "line {line} of {name} is longer than {LONGEST_LINE} bytes: is this a file with one JSON event on each line?"
    )]
    LineTooLong { name: String, line: u64 },
}

/// Records from the lines of a file or of standard input.
pub struct Lines<R> {
    reader: R,
    name: String,
    /// From the root of an event to its key.
    key_path: Option<Vec<String>>,
    line: u64,
    counts: Counts,
}

impl Lines<Box<dyn BufRead + Send>> {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(input: &Path, dataset: &Dataset) -> Result<Self, InputError> {
        if input == Path::new("-") {
            return Ok(Self::new(Box::new(BufReader::new(io::stdin())), "standard input", dataset));
        }
        let name = input.display().to_string();
        let file = File::open(input).and_then(|file| match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        });
        match file {
            Ok(file) => Ok(Self::new(Box::new(BufReader::with_capacity(1 << 20, file)), &name, dataset)),
            Err(source) => Err(InputError::Read { name, source }),
        }
    }
}

impl<R: BufRead> Lines<R> {
    /// `name` is what messages call the input; the dataset says where the key of an event stands.
    pub fn new(reader: R, name: &str, dataset: &Dataset) -> Self {
        let key_path = dataset.record_key.and_then(|key| dataset.columns.get(key)).map(|column| column.path.clone());
        Self { reader, name: name.to_owned(), key_path, line: 0, counts: Counts::default() }
    }

    /// Reads one line without its end; `false` at the end of the input.
    fn read_line(&mut self, line: &mut Vec<u8>) -> Result<bool, InputError> {
        let limit = LONGEST_LINE + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', line);
        let read = read.map_err(|source| InputError::Read { name: self.name.clone(), source })?;
        self.line += u64::from(read > 0);
        if read as u64 == limit {
            return Err(InputError::LineTooLong { name: self.name.clone(), line: self.line });
        }
        for end in [b'\n', b'\r'] {
            line.pop_if(|last| *last == end);
        }
        // Some editors mark UTF-8 at the start of a file; the mark belongs to no event.
        if self.line == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        Ok(read > 0)
    }
}

impl<R: BufRead> Source for Lines<R> {
    fn next(&mut self, record: &mut Record) -> Result<bool, InputError> {
        loop {
            record.clear();
            if !self.read_line(&mut record.value)? {
                return Ok(false);
            }
            if record.value.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
            self.counts.empty_lines += 1;
        }
        record.number = self.line;
        self.counts.expected.sent += 1;
        if let Some(path) = &self.key_path {
            match find_key(path, &record.value) {
                Ok(Some(key)) => record.set_key_text(&key),
                Ok(None) => self.counts.without_key += 1,
                Err(_) => {
                    self.counts.broken_lines += 1;
                    self.counts.without_key += 1;
                }
            }
        }
        Ok(true)
    }

    fn total(&self) -> Option<u64> {
        None
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn place(&self, number: u64) -> String {
        format!("line {number} of {}", self.name)
    }
}

/// The string at a path of a JSON object; `None` if there is none.
fn find_key(path: &[String], json: &[u8]) -> Result<Option<String>, serde_json::Error> {
    // JSON is UTF-8, and the parser does not look into values that it skips.
    let text = std::str::from_utf8(json).map_err(serde::de::Error::custom)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let key = AtPath(path).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(key)
}

/// Walks down a path of keys, skipping everything beside it.
struct AtPath<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for AtPath<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AtPath<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.0.split_first() {
                Some((first, below)) if *first == key && found.is_none() => {
                    found = map.next_value_seed(AtPath(below))?
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| text.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values with their keys and numbers, and the counts.
    fn check(input: &[u8]) -> (Vec<(u64, String, Option<String>)>, Counts) {
        let dataset = Dataset::shipped("iot").unwrap();
        let mut lines = Lines::new(input, "input", &dataset);
        let (mut record, mut seen) = (Record::default(), Vec::new());
        while lines.next(&mut record).unwrap() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            seen.push((record.number, text(&record.value), record.key().map(text)));
        }
        (seen, lines.counts())
    }

    fn keys(input: &[u8]) -> Vec<Option<String>> {
        check(input).0.into_iter().map(|(_, _, key)| key).collect()
    }

    #[test]
    fn lines_end_with_or_without_a_line_feed() {
        for input in [
            "{\"device_id\":\"a\"}",
            "{\"device_id\":\"a\"}\n",
            "{\"device_id\":\"a\"}\r\n",
            "\u{feff}{\"device_id\":\"a\"}\n",
        ] {
            let (seen, counts) = check(input.as_bytes());
            assert_eq!(seen, [(1, "{\"device_id\":\"a\"}".to_owned(), Some("a".to_owned()))], "{input:?}");
            assert_eq!((counts.expected.sent, counts.broken_lines, counts.empty_lines), (1, 0, 0));
        }
    }

    #[test]
    fn empty_lines_are_counted_and_keep_the_numbers_right() {
        let (seen, counts) = check(b"\n  \r\n{\"device_id\":\"a\"}\n\n");
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].0, counts.empty_lines), (3, 3));
        assert_eq!(check(b"").1, Counts::default());
    }

    #[test]
    fn broken_lines_are_sent_as_they_are_and_counted() {
        for broken in [
            &b"{\"device_id\":\"a\""[..],
            b"hello",
            b"{\"device_id\":\"a\"} x",
            b"{\"x\":\"\xff\"}",
            b"{\"device_id\":\"\xff\"}",
        ] {
            let (seen, counts) = check(broken);
            assert_eq!(seen, [(1, String::from_utf8_lossy(broken).into_owned(), None)]);
            assert_eq!((counts.broken_lines, counts.without_key), (1, 1));
        }
    }

    #[test]
    fn the_key_is_the_string_at_its_path() {
        assert_eq!(keys(br#"{"a":[1,{"device_id":"no"}],"device_id":"d\u00e9","b":1.5}"#), [Some("dé".to_owned())]);
        assert_eq!(keys(br#"{"device_id":"first","device_id":"second"}"#), [Some("first".to_owned())]);
        for without in
            [&br#"{"device_id":7}"#[..], br#"{"device_id":null}"#, br#"{"device_id":{"x":"y"}}"#, b"[]", b"3", b"null"]
        {
            assert_eq!(keys(without), [None]);
            assert_eq!(check(without).1.broken_lines, 0);
        }
    }

    #[test]
    fn a_nested_key_is_found() {
        let path = ["device".to_owned(), "id".to_owned()];
        assert_eq!(find_key(&path, br#"{"device":{"x":1,"id":"a"}}"#).unwrap(), Some("a".to_owned()));
        assert_eq!(find_key(&path, br#"{"device":"a"}"#).unwrap(), None);
        assert_eq!(find_key(&path, br#"{"device":[{"id":"a"}]}"#).unwrap(), None);
    }

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let dataset = Dataset::shipped("iot").unwrap();
        let mut lines = Lines::new(BufReader::new(io::repeat(b'x')), "endless", &dataset);
        let error = lines.next(&mut Record::default()).unwrap_err();
        assert!(error.to_string().starts_with("line 1 of endless is longer"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let dataset = Dataset::shipped("iot").unwrap();
        let error = Lines::open(Path::new("/nowhere/events.ndjson"), &dataset).err().unwrap();
        assert!(error.to_string().starts_with("cannot read /nowhere/events.ndjson"), "{error}");
    }
}
