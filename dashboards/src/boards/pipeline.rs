//! What comes in, what is late, what fails.

use penstock_telemetry::Metric;

use crate::board::{Board, Draw, Panel, Unit, ours, query};

pub(crate) const BOARD: Board = Board {
    uid: "penstock-pipeline",
    title: "Penstock / Pipeline",
    about: "What comes in, how late it is in the lake, and what fails. Begin here.",
    panels: &[
        Panel {
            title: "Events received",
            about: "Records that come in each second now, redelivered ones included.",
            draw: Draw::Number,
            queries: &[query("sum(rate(EventsReceived[$__rate_interval]))", "received")],
            alert: Some("PenstockEventsMissing"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Waiting in the topic",
            about: "Records that are in the topic and not yet committed, all partitions together. It should fall back to a small number again and again.",
            draw: Draw::Number,
            unit: Unit::Count,
            queries: &[query("sum(LagEvents)", "records")],
            alert: Some("PenstockLag"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Waiting for refine",
            about: "The age of the oldest raw object that no cut has taken. Above some minutes, refine does not run or is too slow.",
            draw: Draw::Number,
            unit: Unit::Seconds,
            queries: &[query("max(UnpouredAge)", "age")],
            thresholds: Some([300.0, 600.0]),
            alert: Some("PenstockRefineBehind"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Newest event in silver",
            about: "How old the newest event is that a reader can see, of the partition that is ahead. It also grows while nobody sends.",
            draw: Draw::Number,
            unit: Unit::Seconds,
            queries: &[query("min(EventFreshness)", "age")],
            thresholds: Some([300.0, 900.0]),
            alert: Some("PenstockStale"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Rejected",
            about: "The share of what landed that is no event of the dataset.",
            draw: Draw::Number,
            unit: Unit::Share,
            queries: &[query(
                "(sum(rate(EventsRejected[$__rate_interval])) or vector(0)) / sum(rate(EventsLanded[$__rate_interval]))",
                "share",
            )],
            thresholds: Some([0.01, 0.05]),
            alert: Some("PenstockRejects"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Failing batches",
            about: "Batches of one partition that could not land in the last five minutes. Anything but 0 holds a partition back.",
            draw: Draw::Number,
            unit: Unit::Count,
            queries: &[query("sum(increase(PartitionFailures[5m])) or vector(0)", "failures")],
            thresholds: Some([1.0, 10.0]),
            alert: Some("PenstockPartitionStopped"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Message volume by topic",
            about: "Records received each second. A drop to 0 is somebody upstream; a step up is more load, or somebody who sends again.",
            queries: &[query("sum by (topic) (rate(EventsReceived[$__rate_interval]))", "{{topic}}")],
            alert: Some("PenstockEventsSurge"),
            cloudwatch: &[ours(Metric::EventsReceived, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Message volume by partition",
            about: "Records landed each second. A partition that stands still while the others go on is refused, or has no producer.",
            draw: Draw::Stacked,
            queries: &[query(
                "sum by (topic, partition) (rate(EventsLanded[$__rate_interval]))",
                "{{topic}} {{partition}}",
            )],
            alert: Some("PenstockPartitionStopped"),
            ..Panel::EMPTY
        },
        Panel {
            title: "What becomes of records",
            about: "Received is landed plus trimmed: what had landed before is not written again. Much that is trimmed means that invocations fail after their work.",
            queries: &[
                query("sum(rate(EventsReceived[$__rate_interval]))", "received"),
                query("sum(rate(EventsLanded[$__rate_interval]))", "landed"),
                query("sum(rate(EventsTrimmed[$__rate_interval]))", "trimmed"),
                query("sum(rate(EventsPoured[$__rate_interval]))", "in silver"),
            ],
            cloudwatch: &[
                ours(Metric::EventsLanded, "Sum"),
                ours(Metric::EventsTrimmed, "Sum"),
                ours(Metric::EventsPoured, "Sum"),
            ],
            ..Panel::EMPTY
        },
        Panel {
            title: "Failures and retries",
            about: "Batches of a partition that could not land, by who must act (retry: nobody), calls of functions that failed, and requests to the store that were made again.",
            unit: Unit::PerSecond,
            queries: &[
                query(
                    r#"sum by (kind) (rate(PartitionFailures[$__rate_interval])) or label_replace(vector(0), "kind", "none", "", "")"#,
                    "not landed: {{kind}}",
                ),
                query("sum by (function) (rate(TriggerFailures[$__rate_interval]))", "calls of {{function}}"),
                query(
                    r#"sum by (cause) (rate(StoreRetries[$__rate_interval])) or label_replace(vector(0), "cause", "none", "", "")"#,
                    "store: {{cause}}",
                ),
            ],
            alert: Some("PenstockPartitionStopped"),
            cloudwatch: &[ours(Metric::PartitionFailures, "Sum"), ours(Metric::StoreRetries, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Latency from the topic, by partition",
            about: "Now minus the timestamp of the newest record that landed. It also grows while nobody sends: look at the volume.",
            unit: Unit::Seconds,
            queries: &[query("max by (topic, partition) (RecordFreshness)", "{{topic}} {{partition}}")],
            thresholds: Some([300.0, 900.0]),
            alert: Some("PenstockStale"),
            cloudwatch: &[ours(Metric::RecordFreshness, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Latency from the device, by partition",
            about: "Now minus the newest event time in silver: what a reader waits for.",
            unit: Unit::Seconds,
            queries: &[query("max by (topic, partition) (EventFreshness)", "{{topic}} {{partition}}")],
            thresholds: Some([300.0, 900.0]),
            alert: Some("PenstockStale"),
            cloudwatch: &[ours(Metric::EventFreshness, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Cuts",
            about: "Cuts that refine poured each minute: one, while events come.",
            unit: Unit::Count,
            queries: &[query("sum by (dataset) (rate(CutsPoured[$__rate_interval])) * 60", "{{dataset}}, a minute")],
            alert: Some("PenstockRefineBehind"),
            cloudwatch: &[ours(Metric::CutsPoured, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Age of the newest cut, and of what waits",
            about: "Now minus when the newest poured cut was declared, and minus the arrival of the oldest object that waits for the next one.",
            unit: Unit::Seconds,
            queries: &[
                query("max by (dataset) (CutAge)", "{{dataset}}: newest cut"),
                query("max by (dataset) (UnpouredAge)", "{{dataset}}: oldest waiting"),
            ],
            thresholds: Some([300.0, 600.0]),
            alert: Some("PenstockRefineBehind"),
            cloudwatch: &[ours(Metric::CutAge, "Maximum"), ours(Metric::UnpouredAge, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Backlog of refine",
            about: "Records that landed and are in no poured cut, and how many cuts they would fill. Cuts above 0 at the end of runs: refine is slower than the events.",
            unit: Unit::Count,
            queries: &[
                query("sum by (dataset) (EventsUnpoured)", "{{dataset}}: records"),
                query("max by (dataset) (CutsBehind)", "{{dataset}}: cuts"),
                query("max by (dataset) (ChainsBroken)", "{{dataset}}: broken chains"),
            ],
            alert: Some("PenstockChainBroken"),
            cloudwatch: &[
                ours(Metric::EventsUnpoured, "Maximum"),
                ours(Metric::CutsBehind, "Maximum"),
                ours(Metric::ChainsBroken, "Maximum"),
            ],
            ..Panel::EMPTY
        },
        Panel {
            title: "Watermark",
            about: "Now minus the watermark: windows close this late. It is the allowed lateness plus what the slowest partition adds.",
            unit: Unit::Seconds,
            queries: &[query("max by (dataset) (WatermarkDelay)", "{{dataset}}")],
            thresholds: Some([900.0, 1800.0]),
            alert: Some("PenstockWatermarkStuck"),
            cloudwatch: &[ours(Metric::WatermarkDelay, "Maximum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Windows",
            about: "Rows of windows written on time, and corrections for late events, each second.",
            unit: Unit::PerSecond,
            queries: &[
                query("sum(rate(WindowsClosed[$__rate_interval]))", "on time"),
                query("sum(rate(WindowsCorrected[$__rate_interval]))", "corrections"),
            ],
            alert: Some("PenstockLate"),
            cloudwatch: &[ours(Metric::WindowsClosed, "Sum"), ours(Metric::WindowsCorrected, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "What refine holds",
            about: "Windows that are open, and ids that are held against duplicates: the memory that refine needs, and what a cold start reads.",
            unit: Unit::Count,
            queries: &[
                query("max by (dataset) (WindowsOpen)", "{{dataset}}: windows"),
                query("max by (dataset) (DedupeIds)", "{{dataset}}: ids"),
            ],
            cloudwatch: &[ours(Metric::WindowsOpen, "Maximum"), ours(Metric::DedupeIds, "Maximum")],
            ..Panel::EMPTY
        },
    ],
};
