//! Whether what carries the events is well, and what it costs.

use crate::alert::{Alarm, Alert, Example, Rule, Severity, Value};
use crate::aws;
use crate::board::{Each, aws};

pub(super) const STORE_STRUGGLES: Alert = Alert {
    name: "PenstockStoreStruggles",
    severity: Severity::Ticket,
    summary: "More than one in twenty requests to the store of {{ $labels.dataset }} is made again.",
    rule: Some(Rule {
        expression: "sum by (dataset) (rate(StoreRetries[10m])) / sum by (dataset) (rate(StoreRequests[10m])) > 0.05",
        minutes: 10,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[
                (r#"StoreRetries{dataset="iot",operation="put_new",cause="unavailable"}"#, "0+10x40"),
                (r#"StoreRequests{dataset="iot",operation="put_new",outcome="ok"}"#, "0+100x40"),
            ],
            minute: 30,
        },
        quiet: Example {
            series: &[
                (r#"StoreRetries{dataset="iot",operation="put_new",cause="unavailable"}"#, "0+1x40"),
                (r#"StoreRequests{dataset="iot",operation="put_new",outcome="ok"}"#, "0+100x40"),
            ],
            minute: 30,
        },
    }),
    alarms: &[],
};

pub(super) const RIVALS: Alert = Alert {
    name: "PenstockRivals",
    severity: Severity::Ticket,
    summary: "One in five objects that {{ $labels.dataset }} is to create exists already: two consumers read one topic.",
    rule: Some(Rule {
        expression: r#"sum by (dataset) (rate(StoreConflicts{operation="put_new"}[15m])) / sum by (dataset) (rate(StoreRequests{operation="put_new"}[15m])) > 0.2"#,
        minutes: 15,
        labels: &[("dataset", "iot")],
        firing: Example {
            series: &[
                (r#"StoreConflicts{dataset="iot",operation="put_new"}"#, "0+50x60"),
                (r#"StoreRequests{dataset="iot",operation="put_new",outcome="exists"}"#, "0+50x60"),
                (r#"StoreRequests{dataset="iot",operation="put_new",outcome="ok"}"#, "0+50x60"),
            ],
            minute: 45,
        },
        quiet: Example {
            series: &[
                (r#"StoreConflicts{dataset="iot",operation="put_new"}"#, "0x20 50x40"),
                (r#"StoreRequests{dataset="iot",operation="put_new",outcome="ok"}"#, "0+50x60"),
            ],
            minute: 45,
        },
    }),
    alarms: &[],
};

pub(super) const DOWN: Alert = Alert {
    name: "PenstockDown",
    severity: Severity::Page,
    summary: "{{ $labels.job }} at {{ $labels.instance }} does not serve its metrics: it has ended, or cannot be reached.",
    rule: Some(Rule {
        expression: r#"up{job=~"penstock.*"} == 0"#,
        minutes: 2,
        labels: &[("job", "penstock-trigger"), ("instance", "127.0.0.1:9102")],
        firing: Example {
            series: &[
                (r#"up{job="penstock-trigger",instance="127.0.0.1:9102"}"#, "1x5 0x15"),
                (r#"up{job="node",instance="127.0.0.1:9100"}"#, "0x20"),
            ],
            minute: 10,
        },
        quiet: Example {
            series: &[(r#"up{job="penstock-trigger",instance="127.0.0.1:9102"}"#, "1x5 0x1 1x14")],
            minute: 10,
        },
    }),
    alarms: &[],
};

pub(super) const COST: Alert = Alert {
    name: "PenstockCost",
    severity: Severity::Ticket,
    summary: "The account costs more this month than planned.",
    rule: None,
    alarms: &[Alarm {
        name: "cost",
        each: Each::Account,
        meaning: "What AWS will bill the account for this month, in dollars, is more than planned. Off unless a threshold says how much; AWS measures it in us-east-1 alone.",
        of: Value::Of(aws(aws::CHARGES, "Maximum")),
        period_secs: 21_600,
        periods: 1,
        periods_to_alarm: 1,
        comparison: ">",
        threshold: None,
        missing: "notBreaching",
    }],
};
