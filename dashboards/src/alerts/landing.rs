//! Whether what comes also lands.

use crate::alert::{Alarm, Alert, Example, Rule, Severity, Value};
use crate::aws;
use crate::board::{Each, aws};

pub(super) const PARTITION_STOPPED: Alert = Alert {
    name: "PenstockPartitionStopped",
    severity: Severity::Page,
    summary: "A partition of {{ $labels.topic }} is refused again and again, until somebody acts.",
    rule: Some(Rule {
        expression: r#"sum by (dataset, topic) (increase(PartitionFailures{kind=~"misconfigured|bug"}[5m])) > 0"#,
        minutes: 2,
        labels: &[("dataset", "iot"), ("topic", "events")],
        firing: Example {
            series: &[(r#"PartitionFailures{dataset="iot",topic="events",kind="misconfigured"}"#, "0x5 0+1x15")],
            minute: 12,
        },
        quiet: Example {
            series: &[
                (r#"PartitionFailures{dataset="iot",topic="events",kind="retry"}"#, "0+1x20"),
                (r#"PartitionFailures{dataset="iot",topic="events",kind="misconfigured"}"#, "3x20"),
            ],
            minute: 12,
        },
    }),
    alarms: &[Alarm {
        name: "ingest-errors",
        each: Each::Source,
        meaning: "Invocations of ingest fail again and again. Nothing is lost: the records are delivered again, and their partitions wait.",
        of: Value::Of(aws(aws::ERRORS, "Sum")),
        period_secs: 60,
        periods: 5,
        periods_to_alarm: 3,
        comparison: ">",
        threshold: Some(0),
        missing: "notBreaching",
    }],
};

pub(super) const INVOCATIONS_FAIL: Alert = Alert {
    name: "PenstockInvocationsFail",
    severity: Severity::Page,
    summary: "More than one in ten invocations of {{ $labels.function }} fails.",
    rule: Some(Rule {
        expression: r#"sum by (function) (rate(Invocations{outcome!="ok"}[10m])) / sum by (function) (rate(Invocations[10m])) > 0.1"#,
        minutes: 10,
        labels: &[("function", "refine")],
        firing: Example {
            series: &[
                (r#"Invocations{dataset="iot",function="refine",outcome="ok"}"#, "0+6x40"),
                (r#"Invocations{dataset="iot",function="refine",outcome="bug"}"#, "0+1x40"),
            ],
            minute: 30,
        },
        quiet: Example {
            series: &[
                (r#"Invocations{dataset="iot",function="refine",outcome="ok"}"#, "0+60x40"),
                (r#"Invocations{dataset="iot",function="refine",outcome="retry"}"#, "0+1x40"),
            ],
            minute: 30,
        },
    }),
    alarms: &[
        Alarm {
            name: "refine-errors",
            each: Each::Refine,
            meaning: "Refine fails again and again: records land, and do not reach silver.",
            of: Value::Of(aws(aws::ERRORS, "Sum")),
            period_secs: 60,
            periods: 5,
            periods_to_alarm: 3,
            comparison: ">",
            threshold: Some(0),
            missing: "notBreaching",
        },
        // It is called every few minutes, and nothing is lost meanwhile: one failure in a while tells nothing.
        Alarm {
            name: "tables-errors",
            each: Each::Tables,
            meaning: "The function of the Iceberg tables fails again and again: who asks the tables asks old ones. The lake itself goes on.",
            of: Value::Of(aws(aws::ERRORS, "Sum")),
            period_secs: 300,
            periods: 12,
            periods_to_alarm: 3,
            comparison: ">",
            threshold: Some(0),
            missing: "notBreaching",
        },
        Alarm {
            name: "ingest-throttles",
            each: Each::Source,
            meaning: "Lambda refuses to start ingest as often as records come: the account or the function has too little concurrency.",
            of: Value::Of(aws(aws::THROTTLES, "Sum")),
            period_secs: 60,
            periods: 5,
            periods_to_alarm: 5,
            comparison: ">",
            threshold: Some(0),
            missing: "notBreaching",
        },
    ],
};

pub(super) const TRIGGER_FAILS: Alert = Alert {
    name: "PenstockTriggerFails",
    severity: Severity::Page,
    summary: "More than one in ten calls of {{ $labels.function }} with records of {{ $labels.topic }} fails.",
    rule: Some(Rule {
        expression: "sum by (function, topic) (rate(TriggerFailures[5m])) / sum by (function, topic) (rate(TriggerInvocations[5m])) > 0.1",
        minutes: 5,
        labels: &[("function", "ingest"), ("topic", "events")],
        firing: Example {
            series: &[
                (r#"TriggerInvocations{function="ingest",topic="events"}"#, "0+10x30"),
                (r#"TriggerFailures{function="ingest",topic="events"}"#, "0+2x30"),
            ],
            minute: 20,
        },
        quiet: Example {
            series: &[
                (r#"TriggerInvocations{function="ingest",topic="events"}"#, "0+10x30"),
                (r#"TriggerFailures{function="ingest",topic="events"}"#, "0x9 9x21"),
            ],
            minute: 20,
        },
    }),
    alarms: &[],
};

pub(super) const RECORDS_GIVEN_UP: Alert = Alert {
    name: "PenstockRecordsGivenUp",
    severity: Severity::Page,
    summary: "Records of {{ $labels.topic }} were given up ({{ $labels.condition }}).",
    // A series that has just begun has not increased, so its first value counts as well.
    rule: Some(Rule {
        expression: "sum by (function, topic, condition) (increase(TriggerEventsDropped[15m]) > 0 or (TriggerEventsDropped > 0 unless TriggerEventsDropped offset 15m))",
        minutes: 0,
        labels: &[("function", "ingest"), ("topic", "events"), ("condition", "RetryAttemptsExhausted")],
        firing: Example {
            series: &[(
                r#"TriggerEventsDropped{function="ingest",topic="events",condition="RetryAttemptsExhausted"}"#,
                "_x30 5x10",
            )],
            minute: 33,
        },
        quiet: Example {
            series: &[(
                r#"TriggerEventsDropped{function="ingest",topic="events",condition="RetryAttemptsExhausted"}"#,
                "_x10 5x30",
            )],
            minute: 33,
        },
    }),
    alarms: &[Alarm {
        name: "letters",
        each: Each::Queue,
        meaning: "Something was given up and lies in a queue, where somebody must fetch it.",
        of: Value::Of(aws(aws::MESSAGES_WAITING, "Maximum")),
        period_secs: 60,
        periods: 1,
        periods_to_alarm: 1,
        comparison: ">",
        threshold: Some(0),
        missing: "notBreaching",
    }],
};

pub(super) const GAP_DECLARED: Alert = Alert {
    name: "PenstockGapDeclared",
    severity: Severity::Ticket,
    summary: "Positions of {{ $labels.topic }} never came, and were declared a gap.",
    rule: Some(Rule {
        expression: r#"sum by (dataset, topic) (increase(GapsDeclared{reason="automatic"}[15m]) > 0 or (GapsDeclared{reason="automatic"} > 0 unless GapsDeclared{reason="automatic"} offset 15m))"#,
        minutes: 0,
        labels: &[("dataset", "iot"), ("topic", "events")],
        firing: Example {
            series: &[(r#"GapsDeclared{dataset="iot",topic="events",reason="automatic"}"#, "1x20 2x20")],
            minute: 25,
        },
        quiet: Example {
            series: &[
                (r#"GapsDeclared{dataset="iot",topic="events",reason="automatic"}"#, "1x40"),
                (r#"GapsDeclared{dataset="iot",topic="events",reason="start"}"#, "0+1x40"),
            ],
            minute: 25,
        },
    }),
    alarms: &[],
};
