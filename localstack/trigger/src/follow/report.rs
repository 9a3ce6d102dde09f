//! How far everything is, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::log::Position;

/// All mappings of the list, in the order of their UUIDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Why the list cannot be read now; what it said before is served on.
    pub unreadable: Option<String>,
    pub mappings: Vec<Reported>,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reported {
    pub uuid: String,
    /// `None`, like the function, if the mapping cannot be read.
    pub topic: Option<String>,
    pub function: Option<String>,
    pub state: State,
    /// What keeps it from being served, or what is not known.
    pub reason: Option<String>,
    pub positions: BTreeMap<i32, Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Serving,
    /// What is running ends; then it is disabled, gone, or served with other settings.
    Stopping,
    /// It is tried again.
    Failed,
    /// It is not tried again until somebody changes the mapping.
    Refused,
    Disabled,
}

impl Reported {
    /// How many records wait, over all partitions.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.positions.values().map(Position::lag).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.unreadable {
            writeln!(f, "the mappings cannot be read: {reason}")?;
        } else if self.mappings.is_empty() {
            writeln!(f, "no mapping of a Kafka topic")?;
        }
        self.mappings.iter().try_for_each(|mapping| mapping.fmt(f))
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uuid, state, .. } = self;
        write!(f, "mapping {uuid}: {}", format!("{state:?}").to_lowercase())?;
        if let (Some(topic), Some(function)) = (&self.topic, &self.function) {
            write!(f, ", topic {topic} to {function}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if !self.positions.is_empty() {
            write!(f, ", lag {}", self.lag())?;
        }
        writeln!(f)?;
        for (partition, Position { next, end }) in &self.positions {
            writeln!(f, "  partition {partition:>4}: {next} of {end}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(state: State, reason: Option<&str>, positions: &[(i32, i64, i64)]) -> Reported {
        Reported {
            uuid: "7b2f".to_owned(),
            topic: Some("events".to_owned()),
            function: Some("ingest".to_owned()),
            state,
            reason: reason.map(str::to_owned),
            positions: positions.iter().map(|&(partition, next, end)| (partition, Position { next, end })).collect(),
        }
    }

    fn check(mappings: Vec<Reported>, expect: &str) {
        assert_eq!(Report { unreadable: None, mappings }.to_string(), expect);
    }

    #[test]
    fn people_see_state_reason_and_lag() {
        check(vec![], "no mapping of a Kafka topic\n");
        check(
            vec![reported(State::Serving, None, &[(0, 5, 8), (1, 7, 7)])],
            "mapping 7b2f: serving, topic events to ingest, lag 3\n  partition    0: 5 of 8\n  partition    1: 7 of 7\n",
        );
        check(
            vec![reported(State::Failed, Some("no such topic"), &[])],
            "mapping 7b2f: failed, topic events to ingest: no such topic\n",
        );
        let nameless = Reported { topic: None, function: None, ..reported(State::Refused, Some("two topics"), &[]) };
        check(vec![nameless], "mapping 7b2f: refused: two topics\n");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let report = Report { unreadable: Some("out of order".to_owned()), mappings: vec![] };
        assert_eq!(report.to_string(), "the mappings cannot be read: out of order\n");
    }

    #[test]
    fn programs_see_the_same() {
        let mappings = vec![reported(State::Serving, None, &[(0, 5, 8)])];
        let json = serde_json::to_value(Report { unreadable: None, mappings }).unwrap();
        assert_eq!(json["mappings"][0]["state"], "serving");
        assert_eq!(json["mappings"][0]["positions"]["0"]["end"], 8);
    }
}
