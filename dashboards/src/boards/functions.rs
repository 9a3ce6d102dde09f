//! How the functions do, and the store below them.

use penstock_telemetry::Metric;

use crate::aws::{DURATION, ERRORS, INVOCATIONS, THROTTLES};
use crate::board::{Board, Draw, Panel, Unit, aws, ours, query};

pub(crate) const BOARD: Board = Board {
    uid: "penstock-functions",
    title: "Penstock / Functions",
    about: "How ingest and refine do, and the store below them.",
    panels: &[
        Panel {
            title: "Invocations by outcome",
            about: "retry: it is delivered again by itself. misconfigured and bug: somebody must act.",
            draw: Draw::Stacked,
            unit: Unit::PerSecond,
            queries: &[query(
                "sum by (function, outcome) (rate(Invocations[$__rate_interval]))",
                "{{function}}: {{outcome}}",
            )],
            alert: Some("PenstockInvocationsFail"),
            cloudwatch: &[aws(INVOCATIONS, "Sum"), aws(ERRORS, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Share that fails",
            about: "Of the invocations of each function, those that did not end well.",
            unit: Unit::Share,
            queries: &[query(
                r#"(sum by (function) (rate(Invocations{outcome!="ok"}[$__rate_interval])) or 0 * sum by (function) (rate(Invocations[$__rate_interval]))) / sum by (function) (rate(Invocations[$__rate_interval]))"#,
                "{{function}}",
            )],
            thresholds: Some([0.01, 0.1]),
            alert: Some("PenstockInvocationsFail"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Throttles",
            about: "Calls that Lambda refused, because the account or the function has no more concurrency. Those of refine are its schedule meeting a run that takes long.",
            unit: Unit::Count,
            alert: Some("PenstockInvocationsFail"),
            cloudwatch: &[aws(THROTTLES, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Duration",
            about: "How long invocations take: half of them at most the first, 99 of 100 at most the second. Near the time-out, work is cut off and begun again.",
            unit: Unit::Seconds,
            queries: &[
                query(
                    "histogram_quantile(0.5, sum by (function, le) (rate(InvocationDuration_bucket[$__rate_interval])))",
                    "{{function}}: median",
                ),
                query(
                    "histogram_quantile(0.99, sum by (function, le) (rate(InvocationDuration_bucket[$__rate_interval])))",
                    "{{function}}: 99 %",
                ),
            ],
            cloudwatch: &[aws(DURATION, "Average"), aws(DURATION, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Where the time goes",
            about: "Seconds of each stage in a second: encode and pour compute, the others wait for the store.",
            draw: Draw::Stacked,
            unit: Unit::Seconds,
            queries: &[query(
                "sum by (function, stage) (rate(StageDuration_sum[$__rate_interval]))",
                "{{function}}: {{stage}}",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "Batches",
            about: "Payloads that ingest was called with each second. Each costs an invocation, and an object for each of its partitions.",
            unit: Unit::PerSecond,
            queries: &[query("sum by (dataset) (rate(BatchesReceived[$__rate_interval]))", "{{dataset}}")],
            cloudwatch: &[ours(Metric::BatchesReceived, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Records in a batch",
            about: "The mean. Small batches make small files: a longer batching window makes them larger.",
            unit: Unit::Count,
            queries: &[query(
                "sum by (dataset) (rate(EventsReceived[$__rate_interval])) / sum by (dataset) (rate(BatchesReceived[$__rate_interval]))",
                "{{dataset}}",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "How full payloads are",
            about: "Of the 6 MB that Lambda delivers at most: the mean, and 9 of 10. Near 1 the byte limit cuts batches; near 0 a longer window would make fewer, larger objects.",
            unit: Unit::Share,
            queries: &[
                query(
                    "sum(rate(PayloadFill_sum[$__rate_interval])) / sum(rate(PayloadFill_count[$__rate_interval]))",
                    "mean",
                ),
                query("histogram_quantile(0.9, sum by (le) (rate(PayloadFill_bucket[$__rate_interval])))", "90 %"),
            ],
            cloudwatch: &[ours(Metric::PayloadFill, "Average")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Cold starts",
            about: "Processes that served their first invocation. Each must learn again where chains end.",
            unit: Unit::Count,
            cloudwatch: &[ours(Metric::ColdStarts, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Memory",
            about: "The most that a process has held. Near the function's limit, Lambda kills it.",
            unit: Unit::Bytes,
            queries: &[query("max by (function) (MemoryPeak)", "{{function}}")],
            cloudwatch: &[ours(Metric::MemoryPeak, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Requests to the store",
            about: "By operation and outcome, retries included. denied is a missing right, never an answer about existence.",
            draw: Draw::Stacked,
            unit: Unit::PerSecond,
            queries: &[query(
                "sum by (operation, outcome) (rate(StoreRequests[$__rate_interval]))",
                "{{operation}}: {{outcome}}",
            )],
            alert: Some("PenstockStoreStruggles"),
            cloudwatch: &[ours(Metric::StoreRequests, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Retries of the store, by cause",
            about: "Requests that failed and were made again inside the invocation's deadline.",
            unit: Unit::PerSecond,
            queries: &[query(
                r#"sum by (cause) (rate(StoreRetries[$__rate_interval])) or label_replace(vector(0), "cause", "none", "", "")"#,
                "{{cause}}",
            )],
            alert: Some("PenstockStoreStruggles"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Conflicts and time-outs of the store",
            about: "Creations that found an object there: some after redeliveries are normal, a steady stream means two consumers of one topic. And requests without an answer in time.",
            unit: Unit::PerSecond,
            queries: &[
                query("sum by (operation) (rate(StoreConflicts[$__rate_interval]))", "conflict: {{operation}}"),
                query("sum by (operation) (rate(StoreTimeouts[$__rate_interval]))", "time-out: {{operation}}"),
            ],
            alert: Some("PenstockRivals"),
            cloudwatch: &[ours(Metric::StoreConflicts, "Sum"), ours(Metric::StoreTimeouts, "Sum")],
            ..Panel::EMPTY
        },
    ],
};
