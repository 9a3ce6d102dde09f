//! What it costs.

use penstock_telemetry::Metric;

use crate::aws::{CHARGES, INVOCATIONS};
use crate::board::{Board, Draw, Panel, Unit, aws, ours, query};

/// Prices are those of S3 Standard in us-east-1: $0.005 for 1,000 PUT and LIST, $0.0004 for 1,000 GET, $0.023 for a GB and month.
pub(crate) const BOARD: Board = Board {
    uid: "penstock-cost",
    title: "Penstock / Cost",
    about: "What drives the bill: requests, bytes, invocations. Prices are those of S3 Standard in us-east-1.",
    panels: &[
        Panel {
            title: "Requests to S3, a month at this rate",
            about: "Writes and lists at $0.005 for 1,000, reads at $0.0004; deleting is free. Larger batches make fewer requests.",
            draw: Draw::Number,
            unit: Unit::Dollars,
            queries: &[query(
                r#"2592000 * (5e-06 * sum(rate(StoreRequests{operation=~"put_.*|list_.*"}[$__rate_interval])) + 4e-07 * sum(rate(StoreRequests{operation=~"get.*"}[$__rate_interval])))"#,
                "requests",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "What a month of this rate adds to storage",
            about: "Bytes created in a month, at $0.023 for a GB and month: so much more is due each month, until retention deletes.",
            draw: Draw::Number,
            unit: Unit::Dollars,
            queries: &[query("2592000 * 2.3e-11 * sum(rate(BytesWritten[$__rate_interval]))", "storage")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Charges of the account",
            about: "What AWS will bill this month so far, of everything in the account. AWS has it in us-east-1 alone.",
            unit: Unit::Dollars,
            alert: Some("PenstockCost"),
            cloudwatch: &[aws(CHARGES, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Bytes written, by table",
            about: "How the lake grows.",
            draw: Draw::Stacked,
            unit: Unit::BytesPerSecond,
            queries: &[query("sum by (table) (rate(BytesWritten[$__rate_interval]))", "{{table}}")],
            cloudwatch: &[ours(Metric::BytesWritten, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Objects written, by table",
            about: "Each is a request to S3, and a file that readers open.",
            draw: Draw::Stacked,
            unit: Unit::PerSecond,
            queries: &[query("sum by (table) (rate(ObjectsWritten[$__rate_interval]))", "{{table}}")],
            cloudwatch: &[ours(Metric::ObjectsWritten, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Size of objects, by table",
            about: "The mean. Many small files slow readers down: larger batches and cuts help.",
            unit: Unit::Bytes,
            queries: &[query(
                "sum by (table) (rate(ObjectSize_sum[$__rate_interval])) / sum by (table) (rate(ObjectSize_count[$__rate_interval]))",
                "{{table}}",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "Payloads",
            about: "Bytes that ingest was called with.",
            unit: Unit::BytesPerSecond,
            queries: &[query("sum by (dataset) (rate(PayloadBytes[$__rate_interval]))", "{{dataset}}")],
            cloudwatch: &[ours(Metric::PayloadBytes, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Work of the functions",
            about: "Seconds of invocations in a second: with the memory that they are given, this is what Lambda bills.",
            unit: Unit::Seconds,
            queries: &[query("sum by (function) (rate(InvocationDuration_sum[$__rate_interval]))", "{{function}}")],
            cloudwatch: &[aws(INVOCATIONS, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Bytes in the lake for an event",
            about: "All bytes written, by the events in silver. It grows when batches or cuts become smaller.",
            unit: Unit::Bytes,
            queries: &[query(
                "sum by (dataset) (rate(BytesWritten[$__rate_interval])) / sum by (dataset) (rate(EventsPoured[$__rate_interval]))",
                "{{dataset}}",
            )],
            ..Panel::EMPTY
        },
    ],
};
