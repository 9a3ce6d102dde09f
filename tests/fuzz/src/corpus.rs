//! Poison, and odd records that are none, made from rules. Each has a name, so that a failure says which one it was.

mod event;
mod documents;
mod encodings;
mod values;
mod odd;

use penstock_core::reject::Reason;

pub use event::{Event, event};

use crate::plain::Cell;

/// When every record of the corpus arrives: 2026-01-01T00:00:00Z, in UTC microseconds.
pub const ARRIVAL: i64 = 1_767_225_600_000_000;

/// One record for the default dataset, and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The rule that made it, and its number among the others of that rule.
    pub name: String,
    pub value: Carried,
    pub expect: Expect,
}

/// A record's value as a payload carries it.
#[derive(Clone, Debug)]
pub enum Carried {
    Null,
    /// In base64.
    Bytes(Vec<u8>),
    /// What stands where base64 should.
    Text(String),
}

impl Carried {
    /// What must be kept of it if it is rejected.
    #[must_use]
    pub fn kept(&self) -> Option<&[u8]> {
        match self {
            Self::Null => None,
            Self::Bytes(bytes) => Some(bytes),
            Self::Text(text) => Some(text.as_bytes()),
        }
    }
}

#[derive(Clone, Debug)]
pub enum Expect {
    Rejected(Reason),
    /// A row with these columns; the others are what the plain parser says.
    Row(Vec<(&'static str, Option<Cell>)>),
}

/// Everything that must be rejected, with its reason.
#[must_use]
pub fn poison() -> Vec<Case> {
    let mut cases = Cases::default();
    documents::add(&mut cases);
    encodings::add(&mut cases);
    values::add(&mut cases);
    cases.0
}

/// Everything that looks odd and must be accepted. Each event has an id of its own.
#[must_use]
pub fn odd() -> Vec<Case> {
    let mut cases = Cases::default();
    odd::add(&mut cases);
    cases.0
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, rule: &str, value: Carried, expect: Expect) {
        let same = self.0.iter().rev().find(|case| case.name.rsplit_once('/').is_some_and(|(other, _)| other == rule));
        let number = same.map_or(0, |case| case.name[rule.len() + 1..].parse::<usize>().expect("a number") + 1);
        self.0.push(Case { name: format!("{rule}/{number}"), value, expect });
    }

    /// A value that must be rejected.
    fn bad(&mut self, rule: &str, reason: Reason, value: impl Into<Vec<u8>>) {
        self.add(rule, Carried::Bytes(value.into()), Expect::Rejected(reason));
    }

    /// An event that must be accepted: `change` gets a good one.
    fn good(&mut self, rule: &str, change: impl FnOnce(Event) -> Event, columns: &[(&'static str, Option<Cell>)]) {
        let event = change(event(self.0.len() as u64 + 1)).to_string();
        self.add(rule, Carried::Bytes(event.into()), Expect::Row(columns.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::compare::{Outcome, Subject, carried};

    /// Each case alone, and all of them one behind the other; `is_right` says what is wrong with a case's outcome.
    #[track_caller]
    fn check(cases: &[Case], is_right: impl Fn(&Subject, &Case, &Outcome) -> Result<(), String>) {
        let subject = Subject::iot();
        let values: Vec<Carried> = cases.iter().map(|case| case.value.clone()).collect();
        let together = carried(&subject.dataset, &values);
        let mut wrong = Vec::new();
        for (case, outcome) in cases.iter().zip(&together) {
            if let Err(problem) = is_right(&subject, case, outcome) {
                wrong.push(format!("{}: {}", case.name, problem.chars().take(300).collect::<String>()));
                continue;
            }
            let alone = carried(&subject.dataset, std::slice::from_ref(&case.value));
            assert_eq!(alone[0], *outcome, "{} alone and among others", case.name);
            if let Carried::Bytes(bytes) = &case.value {
                subject.check(bytes);
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    #[test]
    fn poison_is_rejected_with_its_reason_byte_for_byte() {
        let cases = poison();
        assert!(500 <= cases.len(), "{} cases", cases.len());
        check(&cases, |_, case, outcome| {
            let Expect::Rejected(expect) = case.expect else { return Err("no poison".to_owned()) };
            match outcome {
                Outcome::Rejected { reason, bytes } if *reason == expect && bytes.as_deref() == case.value.kept() => {
                    Ok(())
                }
                Outcome::Rejected { reason, bytes } => Err(format!("{reason}, not {expect}; {bytes:?}")),
                Outcome::Row(row) => Err(format!("accepted: {row:?}")),
            }
        });
    }

    #[test]
    fn odd_records_are_accepted_as_they_read() {
        let cases = odd();
        assert!(100 <= cases.len(), "{} cases", cases.len());
        check(&cases, |subject, case, outcome| {
            let Outcome::Row(row) = outcome else { return Err(format!("{outcome:?}")) };
            let Expect::Row(columns) = &case.expect else { return Err("poison".to_owned()) };
            let found = |name: &str| {
                let column = subject.dataset.columns.iter().position(|column| column.name == name);
                &row[column.unwrap_or(row.len() - 1)]
            };
            let mut wrong = columns.iter().filter(|(name, expect)| found(name) != expect);
            wrong.next().map_or(Ok(()), |(name, expect)| Err(format!("{name} is {:?}, not {expect:?}", found(name))))
        });
    }

    #[test]
    fn names_are_unique() {
        let cases = [poison(), odd()].concat();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
    }

    #[test]
    fn every_reason_of_a_kafka_record_is_in_the_corpus() {
        let cases = poison();
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Aggregated) {
            let is_there = cases.iter().any(|case| matches!(case.expect, Expect::Rejected(other) if other == reason));
            assert!(is_there, "{reason}");
        }
    }
}
