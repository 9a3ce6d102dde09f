//! Whether what landed reaches silver and the windows.

use penstock_telemetry::Metric;

use crate::alert::{Alarm, Alert, Example, Rule, Severity, Value};
use crate::aws;
use crate::board::{Each, aws, ours};

pub(super) const REFINE_BEHIND: Alert = Alert {
    name: "PenstockRefineBehind",
    severity: Severity::Page,
    summary: "What landed of {{ $labels.dataset }} has waited for refine for more than ten minutes.",
    rule: Some(Rule {
        expression: "max by (dataset) (UnpouredAge) > 600",
        minutes: 5,
        labels: &[("dataset", "iot")],
        firing: Example { series: &[(r#"UnpouredAge{dataset="iot"}"#, "0+60x30")], minute: 20 },
        quiet: Example { series: &[(r#"UnpouredAge{dataset="iot"}"#, "0+60x12 0x18")], minute: 14 },
    }),
    alarms: &[
        Alarm {
            name: "cuts-behind",
            each: Each::Dataset,
            meaning: "Refine is slower than events come: whole cuts wait behind the newest poured one.",
            of: Value::Of(ours(Metric::CutsBehind, "Maximum")),
            period_secs: 60,
            periods: 10,
            periods_to_alarm: 10,
            comparison: ">",
            threshold: Some(2),
            missing: "notBreaching",
        },
        Alarm {
            name: "refine-silent",
            each: Each::Refine,
            meaning: "Nobody calls refine: its schedule is off, or may not call it.",
            of: Value::Of(aws(aws::INVOCATIONS, "Sum")),
            period_secs: 300,
            periods: 3,
            periods_to_alarm: 3,
            comparison: "<",
            threshold: Some(1),
            missing: "breaching",
        },
    ],
};

pub(super) const CHAIN_BROKEN: Alert = Alert {
    name: "PenstockChainBroken",
    severity: Severity::Page,
    summary: "A raw object of {{ $labels.dataset }} is missing, and what comes after it waits.",
    rule: Some(Rule {
        expression: "max by (dataset) (ChainsBroken) > 0",
        minutes: 5,
        labels: &[("dataset", "iot")],
        firing: Example { series: &[(r#"ChainsBroken{dataset="iot"}"#, "0x5 1x15")], minute: 15 },
        // A listing of a directory that is written meanwhile may show it once.
        quiet: Example { series: &[(r#"ChainsBroken{dataset="iot"}"#, "0x5 1x1 0x15")], minute: 15 },
    }),
    alarms: &[Alarm {
        name: "chain-broken",
        each: Each::Dataset,
        meaning: "A raw object is missing in its chain; what comes after it waits.",
        of: Value::Of(ours(Metric::ChainsBroken, "Maximum")),
        period_secs: 60,
        periods: 5,
        periods_to_alarm: 5,
        comparison: ">",
        threshold: Some(0),
        missing: "notBreaching",
    }],
};

pub(super) const WATERMARK_STUCK: Alert = Alert {
    name: "PenstockWatermarkStuck",
    severity: Severity::Ticket,
    summary: "Records of {{ $labels.dataset }} come, and its windows close more than half an hour late.",
    rule: Some(Rule {
        expression: "max by (dataset) (WatermarkDelay) > 1800 and sum by (dataset) (rate(EventsReceived[10m])) > 0",
        minutes: 10,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[
                (r#"WatermarkDelay{dataset="iot"}"#, "180+60x60"),
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "0+60x60"),
            ],
            minute: 50,
        },
        quiet: Example {
            series: &[
                (r#"WatermarkDelay{dataset="iot"}"#, "180+60x60"),
                (r#"EventsReceived{dataset="iot",topic="events",partition="0"}"#, "600x60"),
            ],
            minute: 50,
        },
    }),
    alarms: &[],
};
