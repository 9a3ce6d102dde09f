//! What a dashboard is made of.

use penstock_telemetry::Metric;

use crate::aws::AwsMetric;

/// A dashboard of Grafana, and a part of the one in CloudWatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    /// The part of its address that never changes.
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    /// The question that it answers.
    pub(crate) about: &'static str,
    pub(crate) panels: &'static [Panel],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// What it shows, and what a bad value looks like.
    pub(crate) about: &'static str,
    pub(crate) draw: Draw,
    pub(crate) unit: Unit,
    /// For Grafana; none: only CloudWatch knows it.
    pub(crate) queries: &'static [Query],
    /// From here on it is yellow, and red.
    pub(crate) thresholds: Option<[f64; 2]>,
    /// The alert that watches it, whose section of the runbook says what to do.
    pub(crate) alert: Option<&'static str>,
    /// For CloudWatch; none: only Prometheus knows it.
    pub(crate) cloudwatch: &'static [Curve],
}

impl Panel {
    /// Lines over time, of events a second; what differs is said by the others.
    pub(crate) const EMPTY: Self = Self {
        title: "",
        about: "",
        draw: Draw::Lines,
        unit: Unit::EventsPerSecond,
        queries: &[],
        thresholds: None,
        alert: None,
        cloudwatch: &[],
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    Lines,
    /// Lines that add up.
    Stacked,
    /// The newest value, large.
    Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    EventsPerSecond,
    PerSecond,
    Bytes,
    BytesPerSecond,
    Seconds,
    /// From 0 to 1.
    Share,
    Dollars,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    /// See [`crate::expression`].
    pub(crate) expression: &'static str,
    /// The name of each line; `{{label}}` stands for a label's value.
    pub(crate) legend: &'static str,
}

/// A line of CloudWatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    pub(crate) of: Source,
    pub(crate) statistic: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// From the logs of the functions.
    Ours(Metric),
    Aws(AwsMetric),
}

/// What there is one series of; Terraform knows how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    Dataset,
    Function,
    /// A function that lands records.
    Source,
    /// One that lands them from Kafka, MSK included.
    Kafka,
    Kinesis,
    Refine,
    /// What appends to the Iceberg tables, where there are any.
    Tables,
    /// Where goes what a function or a mapping gave up.
    Queue,
    Account,
}

impl Each {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Function => "function",
            Self::Source => "source",
            Self::Kafka => "kafka",
            Self::Kinesis => "kinesis",
            Self::Refine => "refine",
            Self::Tables => "tables",
            Self::Queue => "queue",
            Self::Account => "account",
        }
    }
}

pub(crate) const fn query(expression: &'static str, legend: &'static str) -> Query {
    Query { expression, legend }
}

pub(crate) const fn ours(metric: Metric, statistic: &'static str) -> Curve {
    Curve { of: Source::Ours(metric), statistic }
}

pub(crate) const fn aws(metric: AwsMetric, statistic: &'static str) -> Curve {
    Curve { of: Source::Aws(metric), statistic }
}

impl Source {
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Ours(_) => "Penstock",
            Self::Aws(metric) => metric.namespace,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours(metric) => metric.description().cloudwatch_name,
            Self::Aws(metric) => metric.name,
        }
    }
}
