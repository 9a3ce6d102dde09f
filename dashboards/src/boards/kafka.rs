//! The topic, and what takes records out of it.

use crate::aws::{ITERATOR_AGE, MESSAGES_WAITING, OFFSET_LAG};
use crate::board::{Board, Draw, Panel, Unit, aws, query};

pub(crate) const BOARD: Board = Board {
    uid: "penstock-kafka",
    title: "Penstock / Kafka and trigger",
    about: "How far the mapping is behind its topic, and whether its calls go through.",
    panels: &[
        Panel {
            title: "Lag in records, by partition",
            about: "Records of the topic that are not committed. It should fall back again and again; one partition that only grows is refused.",
            unit: Unit::Count,
            queries: &[query("max by (topic, partition) (LagEvents)", "{{topic}} {{partition}}")],
            alert: Some("PenstockLag"),
            cloudwatch: &[aws(OFFSET_LAG, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Lag in time, by partition",
            about: "The age of the oldest record that is read and not committed; 0 if there is none.",
            unit: Unit::Seconds,
            queries: &[query("max by (topic, partition) (LagSeconds)", "{{topic}} {{partition}}")],
            thresholds: Some([60.0, 300.0]),
            alert: Some("PenstockLag"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Age of records from Kinesis",
            about: "Of the newest record that ingest took, in milliseconds.",
            unit: Unit::Count,
            alert: Some("PenstockLag"),
            cloudwatch: &[aws(ITERATOR_AGE, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Sent, polled, invoked, committed",
            about: "What producers sent, what the trigger read, what it called the function with (retries included), and what is done.",
            queries: &[
                query("sum(rate(ProducerEventsSent[$__rate_interval]))", "sent"),
                query("sum by (topic) (rate(TriggerEventsPolled[$__rate_interval]))", "{{topic}}: polled"),
                query("sum by (topic) (rate(TriggerEventsInvoked[$__rate_interval]))", "{{topic}}: invoked"),
                query("sum by (topic) (rate(TriggerEventsCommitted[$__rate_interval]))", "{{topic}}: committed"),
            ],
            ..Panel::EMPTY
        },
        Panel {
            title: "Calls of the function",
            about: "Calls each second, retries included, and how many failed.",
            unit: Unit::PerSecond,
            queries: &[
                query(
                    "sum by (function, topic) (rate(TriggerInvocations[$__rate_interval]))",
                    "{{function}} {{topic}}",
                ),
                query(
                    "sum by (function, topic) (rate(TriggerFailures[$__rate_interval]))",
                    "{{function}} {{topic}}: failed",
                ),
            ],
            alert: Some("PenstockTriggerFails"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Retries and bisections",
            about: "Batches of a partition that were put back, and failed batches that were cut in two to find the record that fails.",
            unit: Unit::PerSecond,
            queries: &[
                query("sum by (topic) (rate(TriggerRetries[$__rate_interval]))", "{{topic}}: retried"),
                query("sum by (topic) (rate(TriggerBisections[$__rate_interval]))", "{{topic}}: bisected"),
            ],
            alert: Some("PenstockTriggerFails"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Given up",
            about: "Records that the mapping gave up since it started, by condition; the on-failure destination has them, if there is one.",
            unit: Unit::Count,
            queries: &[query(
                r#"sum by (topic, condition) (TriggerEventsDropped) or label_replace(vector(0), "condition", "none", "", "")"#,
                "{{topic}} {{condition}}",
            )],
            alert: Some("PenstockRecordsGivenUp"),
            cloudwatch: &[aws(MESSAGES_WAITING, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Records in a call",
            about: "The mean size of the batches that the trigger makes.",
            unit: Unit::Count,
            queries: &[query(
                "sum by (topic) (rate(TriggerEventsInvoked[$__rate_interval])) / sum by (topic) (rate(TriggerInvocations[$__rate_interval]))",
                "{{topic}}",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "Pollers",
            about: "Invocations that may run at once. At its maximum while the lag grows, the mapping needs more.",
            unit: Unit::Count,
            queries: &[query("max by (function, topic) (TriggerPollers)", "{{function}} {{topic}}")],
            alert: Some("PenstockLag"),
            ..Panel::EMPTY
        },
        Panel {
            title: "What producers send",
            about: "Bytes of the records' values, before base64 and JSON.",
            draw: Draw::Stacked,
            unit: Unit::BytesPerSecond,
            queries: &[query("sum by (dataset) (rate(ProducerBytesSent[$__rate_interval]))", "{{dataset}}")],
            ..Panel::EMPTY
        },
    ],
};
