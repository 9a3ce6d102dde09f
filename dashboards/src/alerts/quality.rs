//! Whether what lands is what was expected.

use penstock_telemetry::Metric;

use crate::alert::{Alarm, Alert, Example, Rule, Severity, Value};
use crate::board::{Each, ours};

pub(super) const REJECTS: Alert = Alert {
    name: "PenstockRejects",
    severity: Severity::Ticket,
    summary: "More than one in twenty records of {{ $labels.dataset }} is no event of the dataset.",
    rule: Some(Rule {
        expression: "sum by (dataset) (rate(EventsRejected[10m])) / sum by (dataset) (rate(EventsLanded[10m])) > 0.05",
        minutes: 10,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[
                (r#"EventsRejected{dataset="iot",reason="not_json"}"#, "0+6x40"),
                (r#"EventsRejected{dataset="iot",reason="too_old"}"#, "0+4x40"),
                (r#"EventsLanded{dataset="iot",topic="events",partition="0"}"#, "0+100x40"),
            ],
            minute: 30,
        },
        quiet: Example {
            series: &[
                (r#"EventsRejected{dataset="iot",reason="not_json"}"#, "0+1x40"),
                (r#"EventsLanded{dataset="iot",topic="events",partition="0"}"#, "0+100x40"),
            ],
            minute: 30,
        },
    }),
    alarms: &[Alarm {
        name: "rejects-share",
        each: Each::Dataset,
        meaning: "More than a small share (in percent) of the records is no event of the dataset: a producer has changed.",
        of: Value::Percent(ours(Metric::EventsRejected, "Sum"), ours(Metric::EventsReceived, "Sum")),
        period_secs: 300,
        periods: 3,
        periods_to_alarm: 2,
        comparison: ">",
        threshold: Some(5),
        missing: "notBreaching",
    }],
};

pub(super) const DUPLICATES: Alert = Alert {
    name: "PenstockDuplicates",
    severity: Severity::Ticket,
    summary: "More than one in ten events of {{ $labels.dataset }} has been sent before.",
    rule: Some(Rule {
        expression: "sum by (dataset) (rate(EventsDuplicate[10m])) / (sum by (dataset) (rate(EventsPoured[10m])) + sum by (dataset) (rate(EventsDuplicate[10m]))) > 0.1",
        minutes: 10,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[(r#"EventsDuplicate{dataset="iot"}"#, "0+50x40"), (r#"EventsPoured{dataset="iot"}"#, "0+100x40")],
            minute: 30,
        },
        quiet: Example {
            series: &[(r#"EventsDuplicate{dataset="iot"}"#, "0+5x40"), (r#"EventsPoured{dataset="iot"}"#, "0+100x40")],
            minute: 30,
        },
    }),
    alarms: &[],
};

pub(super) const LATE: Alert = Alert {
    name: "PenstockLate",
    severity: Severity::Ticket,
    summary: "More than one in ten events of {{ $labels.dataset }} comes after its window was written.",
    rule: Some(Rule {
        expression: "sum by (dataset) (rate(EventsLate[10m])) / sum by (dataset) (rate(EventsPoured[10m])) > 0.1",
        minutes: 10,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[(r#"EventsLate{dataset="iot"}"#, "0+50x40"), (r#"EventsPoured{dataset="iot"}"#, "0+100x40")],
            minute: 30,
        },
        quiet: Example {
            series: &[(r#"EventsLate{dataset="iot"}"#, "0+1x40"), (r#"EventsPoured{dataset="iot"}"#, "0+100x40")],
            minute: 30,
        },
    }),
    alarms: &[],
};
