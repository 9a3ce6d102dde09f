//! Where records come from: the generator, or lines of the user's own.

use crate::generator::Generator;
use crate::input::InputError;
use crate::report::Counts;

/// One record on its way to a sink. Buffers are kept from record to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The number of the event, from 0, or of the line, from 1.
    pub number: u64,
    pub value: Vec<u8>,
    key: Vec<u8>,
}

impl Record {
    /// A record of one's own. An empty key is as none.
    #[must_use]
    pub fn new(number: u64, key: Option<Vec<u8>>, value: Vec<u8>) -> Self {
        Self { number, value, key: key.unwrap_or_default() }
    }

    /// What the log chooses the partition by.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        (!self.key.is_empty()).then_some(self.key.as_slice())
    }

    pub(crate) fn clear(&mut self) {
        self.value.clear();
        self.key.clear();
    }

    /// Takes the JSON string that begins at `start` of the value, and ends it, as the key.
    pub(crate) fn set_key(&mut self, start: usize) {
        let quoted = self.value.get(start..).unwrap_or_default();
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if plain.contains(&b'\\') {
            let text: String = serde_json::from_slice(quoted).unwrap_or_default();
            self.key.extend_from_slice(text.as_bytes());
        } else {
            self.key.extend_from_slice(plain);
        }
    }

    pub(crate) fn set_key_text(&mut self, text: &str) {
        self.key.clear();
        self.key.extend_from_slice(text.as_bytes());
    }
}

/// Gives records one after the other.
pub trait Source {
    /// Fills `record` with the next one; `false`: there is none.
    ///
    /// # Errors
    /// The input cannot be read.
    fn next(&mut self, record: &mut Record) -> Result<bool, InputError>;

    /// How many records there are, where that is known.
    fn total(&self) -> Option<u64>;

    /// What was given so far, by kind.
    fn counts(&self) -> Counts;

    /// What a record's number means, for messages: `line 17 of events.ndjson`.
    fn place(&self, number: u64) -> String;
}

/// The events of a generator's run.
pub struct Generated {
    generator: Generator,
    next: u64,
    counts: Counts,
}

impl Generated {
    #[must_use]
    pub fn new(generator: Generator) -> Self {
        Self { generator, next: 0, counts: Counts::default() }
    }
}

impl Source for Generated {
    fn next(&mut self, record: &mut Record) -> Result<bool, InputError> {
        if self.next == self.generator.shape().events {
            return Ok(false);
        }
        let kind = self.generator.event(self.next, record);
        self.counts.expected.count(kind);
        self.next += 1;
        Ok(true)
    }

    fn total(&self) -> Option<u64> {
        Some(self.generator.shape().events)
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn place(&self, number: u64) -> String {
        format!("event {number}")
    }
}
