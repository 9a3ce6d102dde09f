//! What the events are like.

use penstock_telemetry::Metric;

use crate::board::{Board, Draw, Panel, Unit, ours, query};

pub(crate) const BOARD: Board = Board {
    uid: "penstock-quality",
    title: "Penstock / Data quality",
    about: "What the events are like: rejected, repeated, late, missing.",
    panels: &[
        Panel {
            title: "Rejected, by reason",
            about: "Records that are no event of the dataset. A reason that is new, or that grows, is a producer that changed.",
            draw: Draw::Stacked,
            queries: &[query(
                r#"sum by (reason) (rate(EventsRejected[$__rate_interval])) or label_replace(vector(0), "reason", "none", "", "")"#,
                "{{reason}}",
            )],
            alert: Some("PenstockRejects"),
            cloudwatch: &[ours(Metric::EventsRejected, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Share that is rejected",
            about: "Of what landed.",
            unit: Unit::Share,
            queries: &[query(
                "(sum by (dataset) (rate(EventsRejected[$__rate_interval])) or 0 * sum by (dataset) (rate(EventsLanded[$__rate_interval]))) / sum by (dataset) (rate(EventsLanded[$__rate_interval]))",
                "{{dataset}}",
            )],
            thresholds: Some([0.01, 0.05]),
            alert: Some("PenstockRejects"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Duplicates",
            about: "Events that had been seen within the horizon, and were left out of silver.",
            queries: &[query("sum by (dataset) (rate(EventsDuplicate[$__rate_interval]))", "{{dataset}}")],
            alert: Some("PenstockDuplicates"),
            cloudwatch: &[ours(Metric::EventsDuplicate, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Share that is repeated",
            about: "Of the good events: how many had been seen.",
            unit: Unit::Share,
            queries: &[query(
                "sum by (dataset) (rate(EventsDuplicate[$__rate_interval])) / (sum by (dataset) (rate(EventsPoured[$__rate_interval])) + sum by (dataset) (rate(EventsDuplicate[$__rate_interval])))",
                "{{dataset}}",
            )],
            thresholds: Some([0.05, 0.1]),
            alert: Some("PenstockDuplicates"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Late events",
            about: "Events whose window had been written before they came. None is lost: each makes a correction.",
            queries: &[
                query("sum by (dataset) (rate(EventsLate[$__rate_interval]))", "{{dataset}}: events"),
                query("sum by (dataset) (rate(WindowsCorrected[$__rate_interval]))", "{{dataset}}: corrections"),
            ],
            alert: Some("PenstockLate"),
            cloudwatch: &[ours(Metric::EventsLate, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Share that is late",
            about: "Of the events in silver. If it is high for long, a longer allowed lateness fits the devices better.",
            unit: Unit::Share,
            queries: &[query(
                "sum by (dataset) (rate(EventsLate[$__rate_interval])) / sum by (dataset) (rate(EventsPoured[$__rate_interval]))",
                "{{dataset}}",
            )],
            thresholds: Some([0.05, 0.1]),
            alert: Some("PenstockLate"),
            ..Panel::EMPTY
        },
        Panel {
            title: "Gaps declared by ingest",
            about: "Since it started, by reason. start: the topic began above 0. automatic: positions inside never came.",
            unit: Unit::Count,
            queries: &[query(
                r#"sum by (topic, reason) (GapsDeclared) or label_replace(vector(0), "reason", "none", "", "")"#,
                "{{topic}} {{reason}}",
            )],
            alert: Some("PenstockGapDeclared"),
            cloudwatch: &[ours(Metric::GapsDeclared, "Sum")],
            ..Panel::EMPTY
        },
        Panel {
            title: "Redelivered",
            about: "The share of the received records that had landed before. Harmless, and paid twice.",
            unit: Unit::Share,
            queries: &[query(
                "sum by (topic) (rate(EventsTrimmed[$__rate_interval])) / sum by (topic) (rate(EventsReceived[$__rate_interval]))",
                "{{topic}}",
            )],
            ..Panel::EMPTY
        },
        Panel {
            title: "Planted by the generator",
            about: "What the producer made malformed, repeated or late on purpose: rejects, duplicates and late events should add up to it.",
            queries: &[query("sum by (fault) (rate(ProducerEventsPlanted[$__rate_interval]))", "{{fault}}")],
            ..Panel::EMPTY
        },
    ],
};
