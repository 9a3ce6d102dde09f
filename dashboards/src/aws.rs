//! Metrics that AWS makes by itself, as far as dashboards and alarms use them.

use crate::board::Each;

/// A metric that AWS makes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AwsMetric {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// What there is one series of, where an alarm does not say.
    pub(crate) each: Each,
    /// Why `make test-dashboards-cloud` cannot see a value of it; none: it does.
    pub(crate) unproven: Option<&'static str>,
}

/// All that dashboards and alarms may use.
pub(crate) const ALL: [AwsMetric; 8] =
    [INVOCATIONS, ERRORS, DURATION, THROTTLES, OFFSET_LAG, ITERATOR_AGE, MESSAGES_WAITING, CHARGES];

const BY_NO_EMULATOR: Option<&str> = Some("the emulators make no such metric");

pub(crate) const INVOCATIONS: AwsMetric = lambda("Invocations", None);
pub(crate) const ERRORS: AwsMetric = lambda("Errors", None);
pub(crate) const DURATION: AwsMetric = lambda("Duration", None);
pub(crate) const THROTTLES: AwsMetric = AwsMetric { each: Each::Source, ..lambda("Throttles", BY_NO_EMULATOR) };
pub(crate) const OFFSET_LAG: AwsMetric = AwsMetric { each: Each::Kafka, ..lambda("OffsetLag", BY_NO_EMULATOR) };
pub(crate) const ITERATOR_AGE: AwsMetric = AwsMetric { each: Each::Kinesis, ..lambda("IteratorAge", BY_NO_EMULATOR) };
pub(crate) const MESSAGES_WAITING: AwsMetric =
    AwsMetric { namespace: "AWS/SQS", name: "ApproximateNumberOfMessagesVisible", each: Each::Queue, unproven: None };
pub(crate) const CHARGES: AwsMetric = AwsMetric {
    namespace: "AWS/Billing",
    name: "EstimatedCharges",
    each: Each::Account,
    unproven: Some("an emulator has no bill; AWS has it in us-east-1 alone, once billing alerts are switched on"),
};

const fn lambda(name: &'static str, unproven: Option<&'static str>) -> AwsMetric {
    AwsMetric { namespace: "AWS/Lambda", name, each: Each::Function, unproven }
}
