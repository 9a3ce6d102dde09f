//! A good event of the default dataset, member by member, for rules that change one.

use std::fmt;

/// A JSON object as it is written: the text of each key, with its quotes, and of each value.
#[derive(Clone, Debug)]
pub struct Event {
    pub members: Vec<(String, String)>,
}

/// A good event with all columns, of a number of its own, two seconds before [`ARRIVAL`](super::ARRIVAL).
#[must_use]
pub fn event(number: u64) -> Event {
    let id = format!("\"00000000-0000-4000-8000-{number:012x}\"");
    let members = [
        ("event_id", id.as_str()),
        ("device_id", "\"device-1\""),
        ("device_type", "\"light\""),
        ("event_time", "\"2025-12-31T23:59:58.5Z\""),
        ("event_duration", "12.5"),
        ("value", "21.25"),
        ("unit", "\"lux\""),
        ("site", "\"oslo\""),
        ("firmware", "\"1.5.0\""),
        ("battery", "7"),
        ("status", "\"ok\""),
    ];
    Event { members: members.map(|(key, value)| (format!("\"{key}\""), value.to_owned())).to_vec() }
}

impl Event {
    /// With another value for a column.
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<String>) -> Self {
        self.member(column).1 = value.into();
        self
    }

    /// With another text for a column's key.
    #[must_use]
    pub fn with_key(mut self, column: &str, key: impl Into<String>) -> Self {
        self.member(column).0 = key.into();
        self
    }

    /// With a member behind the others.
    #[must_use]
    pub fn and(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.members.push((key.into(), value.into()));
        self
    }

    #[must_use]
    pub fn without(mut self, column: &str) -> Self {
        self.members.retain(|(key, _)| key.trim_matches('"') != column);
        self
    }

    fn member(&mut self, column: &str) -> &mut (String, String) {
        let mut members = self.members.iter_mut();
        members.find(|(key, _)| key.trim_matches('"') == column).unwrap_or_else(|| panic!("no column {column}"))
    }

    /// As text, with something around each part.
    #[must_use]
    pub fn spaced(&self, space: &str) -> String {
        let member = |(key, value): &(String, String)| format!("{space}{key}{space}:{space}{value}{space}");
        let members: Vec<String> = self.members.iter().map(member).collect();
        format!("{space}{{{}}}{space}", members.join(","))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spaced(""))
    }
}
