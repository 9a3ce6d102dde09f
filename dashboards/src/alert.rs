//! What an alert is made of: a rule for Prometheus with the series that show when it fires, and alarms for CloudWatch.

use crate::board::{Curve, Each};

/// Something that somebody must look at; its section of `docs/runbook.md` has its name.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    pub name: &'static str,
    pub severity: Severity,
    /// One sentence, in which `{{ $labels.topic }}` stands for a label's value.
    pub summary: &'static str,
    /// None: only AWS knows it.
    pub(crate) rule: Option<Rule>,
    pub(crate) alarms: &'static [Alarm],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Data are at risk or late: now.
    Page,
    /// Something changed: in working hours.
    Ticket,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// See [`crate::expression`].
    pub(crate) expression: &'static str,
    /// How long it must hold.
    pub(crate) minutes: u32,
    /// The labels with which the alert fires in `firing`.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    pub(crate) firing: Example,
    pub(crate) quiet: Example,
}

/// Series as `promtool` takes them, one value a minute, and the minute to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    pub(crate) series: &'static [(&'static str, &'static str)],
    pub(crate) minute: u32,
}

/// An alarm of CloudWatch; `infra/modules/alarms` makes one for each thing that it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    pub(crate) name: &'static str,
    pub(crate) each: Each,
    /// For whoever gets the mail.
    pub(crate) meaning: &'static str,
    pub(crate) of: Value,
    pub(crate) period_secs: u32,
    pub(crate) periods: u32,
    /// Of these, so many must be bad.
    pub(crate) periods_to_alarm: u32,
    pub(crate) comparison: &'static str,
    /// None: off, unless Terraform's `thresholds` has one.
    pub(crate) threshold: Option<u32>,
    /// What it means that there is no value.
    pub(crate) missing: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Of(Curve),
    /// In percent: the first of the second; 0 where there is none of the second.
    Percent(Curve, Curve),
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl Alert {
    /// The section of the runbook, as a link names it.
    pub(crate) fn anchor(&self) -> String {
        self.name.to_lowercase()
    }
}
