//! Whether events come, and how old they are when they are there.

use penstock_telemetry::Metric;

use crate::alert::{Alarm, Alert, Example, Rule, Severity, Value};
use crate::aws;
use crate::board::{Each, aws, ours};

pub(super) const EVENTS_MISSING: Alert = Alert {
    name: "PenstockEventsMissing",
    severity: Severity::Page,
    summary: "No record of {{ $labels.dataset }} has come for 15 minutes.",
    rule: Some(Rule {
        expression: "sum by (dataset) (increase(EventsReceived[10m])) == 0",
        minutes: 5,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x10 600x30"),
                (r#"EventsReceived{dataset="numbers",topic="numbers",partition="0"}"#, "0+60x40"),
            ],
            minute: 30,
        },
        quiet: Example {
            series: &[
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x10 600x30"),
                (r#"EventsReceived{dataset="iot",topic="events",partition="1"}"#, "0+1x40"),
            ],
            minute: 30,
        },
    }),
    alarms: &[Alarm {
        name: "events-too-few",
        each: Each::Dataset,
        meaning: "Fewer events come than expected: somebody upstream is silent. Off unless a threshold says how many are expected in five minutes.",
        of: Value::Of(ours(Metric::EventsReceived, "Sum")),
        period_secs: 300,
        periods: 3,
        periods_to_alarm: 3,
        comparison: "<",
        threshold: None,
        missing: "breaching",
    }],
};

pub(super) const EVENTS_SURGE: Alert = Alert {
    name: "PenstockEventsSurge",
    severity: Severity::Ticket,
    summary: "Three times as many records of {{ $labels.dataset }} come as at this time yesterday.",
    rule: Some(Rule {
        expression: "sum by (dataset) (rate(EventsReceived[10m])) > 3 * sum by (dataset) (rate(EventsReceived[10m] offset 1d)) > 0",
        minutes: 15,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[(r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x1440 86400+600x60")],
            minute: 1480,
        },
        quiet: Example {
            series: &[(r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x1440 86400+120x60")],
            minute: 1480,
        },
    }),
    alarms: &[Alarm {
        name: "events-too-many",
        each: Each::Dataset,
        meaning: "More events come than expected: somebody sends again, or more. Off unless a threshold says how many are expected in five minutes.",
        of: Value::Of(ours(Metric::EventsReceived, "Sum")),
        period_secs: 300,
        periods: 3,
        periods_to_alarm: 3,
        comparison: ">",
        threshold: None,
        missing: "notBreaching",
    }],
};

pub(super) const LAG: Alert = Alert {
    name: "PenstockLag",
    severity: Severity::Page,
    summary: "Records of {{ $labels.topic }} wait for {{ $labels.function }} for more than five minutes.",
    rule: Some(Rule {
        expression: "max by (function, topic) (LagSeconds) > 300",
        minutes: 5,
        labels: &[("function", "ingest"), ("topic", "events")],
        firing: Example {
            series: &[
                (r#"LagSeconds{function="ingest",topic="events",partition="0"}"#, "0+60x20"),
                (r#"LagSeconds{function="ingest",topic="events",partition="1"}"#, "0x20"),
            ],
            minute: 15,
        },
        quiet: Example {
            series: &[(r#"LagSeconds{function="ingest",topic="events",partition="0"}"#, "0+60x8 0+60x8")],
            minute: 12,
        },
    }),
    alarms: &[
        Alarm {
            name: "lag-kafka",
            each: Each::Kafka,
            meaning: "More records wait in a topic than ingest takes away.",
            of: Value::Of(aws(aws::OFFSET_LAG, "Maximum")),
            period_secs: 60,
            periods: 5,
            periods_to_alarm: 5,
            comparison: ">",
            threshold: Some(100_000),
            missing: "notBreaching",
        },
        Alarm {
            name: "lag-kinesis",
            each: Each::Kinesis,
            meaning: "The newest record that ingest took from the stream is older than it should be, in milliseconds.",
            of: Value::Of(aws(aws::ITERATOR_AGE, "Maximum")),
            period_secs: 60,
            periods: 5,
            periods_to_alarm: 5,
            comparison: ">",
            threshold: Some(300_000),
            missing: "notBreaching",
        },
    ],
};

pub(super) const STALE: Alert = Alert {
    name: "PenstockStale",
    severity: Severity::Page,
    summary: "Records of {{ $labels.topic }} come, and the newest event in silver is more than 15 minutes old.",
    // The newest of all partitions: one in which nobody writes is not late. Beyond one that is, the lag says so.
    rule: Some(Rule {
        expression: "min by (dataset, topic) (EventFreshness) > 900 and sum by (dataset, topic) (rate(EventsReceived[5m])) > 0",
        minutes: 5,
        labels: &[("dataset", "iot"), ("topic", "events")],
        firing: Example {
            series: &[
                (r#"EventFreshness{dataset="iot",topic="events",partition="0"}"#, "0+60x30"),
                (r#"EventFreshness{dataset="iot",topic="events",partition="1"}"#, "600+60x30"),
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x30"),
            ],
            minute: 25,
        },
        quiet: Example {
            series: &[
                (r#"EventFreshness{dataset="iot",topic="events",partition="0"}"#, "5x30"),
                (r#"EventFreshness{dataset="iot",topic="events",partition="1"}"#, "600+60x30"),
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x30"),
                (r#"EventFreshness{dataset="iot",topic="asleep",partition="0"}"#, "0+60x30"),
                (r#"EventsReceived{dataset="iot",topic="asleep",partition="0"}"#, "600x30"),
            ],
            minute: 25,
        },
    }),
    alarms: &[Alarm {
        name: "freshness",
        each: Each::Dataset,
        meaning: "The newest record that landed is older than it should be, in seconds: a partition lags behind its topic.",
        of: Value::Of(ours(Metric::RecordFreshness, "Maximum")),
        period_secs: 60,
        periods: 5,
        periods_to_alarm: 5,
        comparison: ">",
        threshold: Some(900),
        missing: "notBreaching",
    }],
};
