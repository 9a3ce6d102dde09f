//! What is measured: every metric once, with all that whoever reads, draws or pays for it must know.
//!
//! `docs/metrics.md` is made of this table, and a test compares both.

/// How the values of a metric behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A moment, shown as the seconds from then to now: it grows by itself, also when nobody is there to say so.
    Age,
    /// How often values of each size occurred.
    Histogram,
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Bytes,
    Seconds,
    /// From 0 to 1.
    Ratio,
}

/// What tells the series of a metric apart. Each has few values: none comes from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Dataset,
    Topic,
    Partition,
    /// `ingest` or `refine`; of a mapping, the function that it calls; of memory, also the program that calls functions itself.
    Function,
    /// Why a record was rejected, or a gap declared.
    Reason,
    /// Who must act on a failure: `retry` (nobody), `misconfigured` or `bug`.
    FailureKind,
    /// The part of the lake: `raw`, `silver`, `windows`, `rejects`, `reports`, `cut`, `state`, `hint` or `other`.
    Table,
    /// The operation of the store, such as `put_new`.
    Operation,
    /// What came of a request or an invocation.
    Outcome,
    /// Why a request is made again: `conflict`, `timeout` or `unavailable`.
    Cause,
    /// A part of an invocation's work.
    Stage,
    /// Why a mapping gave records up.
    Condition,
    /// What the generator planted: `malformed`, `duplicate` or `late`.
    Fault,
}

/// What CloudWatch gets of a metric. It bills each series by the month, so labels do not become dimensions there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudWatch {
    /// A metric: of counters the sum over all labels, of other values the largest. The labels' own values are fields of the same line.
    Metric,
    /// Only fields of the log line, for a query when somebody looks.
    Field,
    /// Nothing: no function knows it.
    Absent,
}

/// Who records a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Ingest,
    Refine,
    /// Both functions.
    Functions,
    /// A function's process on Lambda, or on what stands in for it; not `penstock run`.
    Lambda,
    Trigger,
    Producer,
    /// Every program that serves its metrics.
    Programs,
}

/// All that is said about a metric.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name in CloudWatch.
    pub cloudwatch_name: &'static str,
    /// The name in Prometheus and StatsD.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// In the order in which events give their values.
    pub labels: &'static [Label],
    pub source: Source,
    pub cloudwatch: CloudWatch,
    /// What the value is.
    pub help: &'static str,
    /// What somebody learns from it.
    pub purpose: &'static str,
}

macro_rules! metrics {
    ($($metric:ident = $name:literal, $kind:ident, $unit:ident, [$($label:ident),*], $source:ident, $cloudwatch:ident, $help:literal, $purpose:literal;)*) => {
        /// Every metric, in the order of the documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $help] $metric,)*
        }

        impl Metric {
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            #[must_use]
            pub const fn description(self) -> &'static Description {
                match self {
                    $(Self::$metric => &Description {
                        cloudwatch_name: stringify!($metric),
                        name: $name,
                        kind: Kind::$kind,
                        unit: Unit::$unit,
                        labels: &[$(Label::$label),*],
                        source: Source::$source,
                        cloudwatch: CloudWatch::$cloudwatch,
                        help: $help,
                        purpose: $purpose,
                    },)*
                }
            }
        }
    };
}

metrics! {
    EventsReceived = "penstock_events_received_total", Counter, Count, [Dataset, Topic, Partition], Ingest, Metric,
        "Records in the payloads that ingest was called with, redelivered ones included.",
        "The volume over time: too low means that somebody upstream is silent, too high that somebody sends again.";
    EventsLanded = "penstock_events_landed_total", Counter, Count, [Dataset, Topic, Partition], Ingest, Metric,
        "Records that landed in raw objects, the rejected ones included.",
        "What reached the lake; with the trimmed ones it is what was received.";
    EventsTrimmed = "penstock_events_trimmed_total", Counter, Count, [Dataset, Topic, Partition], Ingest, Metric,
        "Records that came again after they had landed, and were not written again.",
        "How much is redelivered: a high share means that invocations fail or time out.";
    EventsRejected = "penstock_events_rejected_total", Counter, Count, [Dataset, Reason], Ingest, Metric,
        "Records that landed as rejects, by reason.",
        "Data quality: a new reason, or a share that grows, is a producer that changed.";
    BatchesReceived = "penstock_batches_received_total", Counter, Count, [Dataset], Ingest, Metric,
        "Invocations of ingest.",
        "With the events, how full batches are; each costs an invocation and an object per partition.";
    PayloadBytes = "penstock_payload_bytes_total", Counter, Bytes, [Dataset], Ingest, Metric,
        "Bytes of the payloads, as the mapping delivered them.",
        "The volume that invocations pay for.";
    PayloadFill = "penstock_payload_fill_ratio", Histogram, Ratio, [Dataset], Ingest, Metric,
        "How full a payload was: its bytes by the 6 MB that Lambda delivers at most.",
        "Near 1 the byte limit cuts batches; near 0 a longer batching window would make fewer, larger objects.";
    PartitionFailures = "penstock_partition_failures_total", Counter, Count, [Dataset, Topic, FailureKind], Ingest, Metric,
        "Batches of one partition that could not land; they are delivered again.",
        "`misconfigured` and `bug` stop a partition until somebody acts; `retry` passes.";
    GapsDeclared = "penstock_gaps_declared_total", Counter, Count, [Dataset, Topic, Reason], Ingest, Metric,
        "Gaps that ingest declared by itself, by reason.",
        "Each says that records below or between were never delivered.";
    RecordFreshness = "penstock_record_freshness_seconds", Age, Seconds, [Dataset, Topic, Partition], Ingest, Metric,
        "Now minus the timestamp of the newest record that landed, by partition; in CloudWatch of the worst one.",
        "How far the lake is behind the topic. It also grows while nobody sends: look at the volume beside it.";

    ObjectsWritten = "penstock_objects_written_total", Counter, Count, [Dataset, Table], Functions, Metric,
        "Objects created in the lake, by table.",
        "What storage requests cost, and how many files readers must open.";
    BytesWritten = "penstock_bytes_written_total", Counter, Bytes, [Dataset, Table], Functions, Metric,
        "Bytes of the objects created, by table.",
        "How the lake grows.";
    ObjectSize = "penstock_object_size_bytes", Histogram, Bytes, [Dataset, Table], Functions, Field,
        "Sizes of the objects created, by table.",
        "Many small files slow readers down: longer windows and larger cuts help.";
    StoreRequests = "penstock_store_requests_total", Counter, Count, [Dataset, Operation, Outcome], Functions, Metric,
        "Requests to the store, retries included, by operation and outcome.",
        "What S3 bills, and which operation is refused.";
    StoreConflicts = "penstock_store_conflicts_total", Counter, Count, [Dataset, Operation], Functions, Metric,
        "Creations that found an object there (412) or another request for the key under way (409).",
        "Writers that meet: some after redeliveries are normal, a steady stream means two consumers of one topic.";
    StoreRetries = "penstock_store_retries_total", Counter, Count, [Dataset, Operation, Cause], Functions, Metric,
        "Requests to the store that failed and were made again, by cause.",
        "A store that is busy or out of reach.";
    StoreTimeouts = "penstock_store_timeouts_total", Counter, Count, [Dataset, Operation], Functions, Metric,
        "Requests to the store that had no answer in time.",
        "Requests that hang: the network or the store, before anything fails.";

    CutsPoured = "penstock_cuts_poured_total", Counter, Count, [Dataset], Refine, Metric,
        "Cuts that were poured.",
        "That refine works at all: one a minute while events come.";
    CutNumber = "penstock_cut_number", Gauge, Count, [Dataset], Refine, Field,
        "The newest poured cut.",
        "Where to look: `penstock cuts show` takes it.";
    CutAge = "penstock_cut_age_seconds", Age, Seconds, [Dataset], Refine, Metric,
        "Now minus the moment at which the newest poured cut was declared.",
        "How old the lake's newest rows may be while events come.";
    CutsBehind = "penstock_cuts_behind", Gauge, Count, [Dataset], Refine, Metric,
        "Cuts that what waits behind the newest poured one would fill.",
        "Above 0 at the end of runs, refine is slower than the events come.";
    EventsUnpoured = "penstock_events_unpoured", Gauge, Count, [Dataset], Refine, Metric,
        "Landed records that waited behind the newest poured cut when the run ended.",
        "The backlog of refine in records.";
    UnpouredAge = "penstock_unpoured_age_seconds", Age, Seconds, [Dataset], Refine, Metric,
        "Now minus the arrival of the oldest raw object that waited when the run ended; 0 if none did.",
        "The backlog of refine in time.";
    EventsPoured = "penstock_events_poured_total", Counter, Count, [Dataset], Refine, Metric,
        "Rows written to silver.",
        "What readers see; with the duplicates and the rejected it is what landed.";
    EventsDuplicate = "penstock_events_duplicate_total", Counter, Count, [Dataset], Refine, Metric,
        "Events that had been seen, and were left out of silver.",
        "A producer that repeats itself.";
    EventsLate = "penstock_events_late_total", Counter, Count, [Dataset], Refine, Metric,
        "Events whose window had been written before they came.",
        "Whether the allowed lateness fits the devices.";
    WindowsClosed = "penstock_windows_closed_total", Counter, Count, [Dataset], Refine, Metric,
        "Rows of windows written on time.",
        "That the watermark moves.";
    WindowsCorrected = "penstock_windows_corrected_total", Counter, Count, [Dataset], Refine, Metric,
        "Correction rows written for late events.",
        "How many results changed after they were read.";
    EventFreshness = "penstock_event_freshness_seconds", Age, Seconds, [Dataset, Topic, Partition], Refine, Metric,
        "Now minus the newest event time in silver, by partition; in CloudWatch of the worst one.",
        "What a reader of silver waits for: from the device to the lake.";
    WatermarkTimestamp = "penstock_watermark_timestamp_seconds", Gauge, Seconds, [Dataset], Refine, Field,
        "The watermark, in seconds since 1970.",
        "Windows that ended before it are final but for corrections.";
    WatermarkDelay = "penstock_watermark_delay_seconds", Age, Seconds, [Dataset], Refine, Metric,
        "Now minus the watermark.",
        "How late windows are: the allowed lateness plus what a slow partition adds.";
    WindowsOpen = "penstock_windows_open", Gauge, Count, [Dataset], Refine, Metric,
        "Windows that are still open.",
        "The memory that they take; beyond the limit the oldest close early.";
    DedupeIds = "penstock_dedupe_ids", Gauge, Count, [Dataset], Refine, Metric,
        "Ids that are held against duplicates.",
        "The memory that they take, and what a cold start reads.";
    ChainsBroken = "penstock_chains_broken", Gauge, Count, [Dataset], Refine, Metric,
        "Chains in which a raw object is missing, so that what comes after it waits.",
        "If it lasts, an object was lost and somebody must act.";

    Invocations = "penstock_invocations_total", Counter, Count, [Dataset, Function, Outcome], Functions, Field,
        "Invocations of a function by outcome: `ok`, `retry`, `misconfigured` or `bug`.",
        "What fails, and whether somebody must act.";
    InvocationDuration = "penstock_invocation_duration_seconds", Histogram, Seconds, [Dataset, Function], Functions, Field,
        "How long invocations took.",
        "How near they come to the function's time-out.";
    StageDuration = "penstock_stage_duration_seconds", Histogram, Seconds, [Dataset, Function, Stage], Functions, Field,
        "How long each part of an invocation's work took, of all partitions together.",
        "What a slow invocation waits for: `encode` and `pour` compute, the others wait for the store.";
    ColdStarts = "penstock_cold_starts_total", Counter, Count, [Dataset, Function], Lambda, Metric,
        "Processes that served their first invocation.",
        "Starts cost time, and the tails and ids that a warm function knows.";
    MemoryPeak = "penstock_memory_peak_bytes", Gauge, Bytes, [Dataset, Function], Lambda, Metric,
        "The most memory that the process has held.",
        "How near it comes to the function's limit.";

    TriggerEventsPolled = "penstock_trigger_events_polled_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Records read from the topic.",
        "That the trigger reads at all.";
    TriggerInvocations = "penstock_trigger_invocations_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Calls of the function, retries included.",
        "With the failures, the share that fails.";
    TriggerEventsInvoked = "penstock_trigger_events_invoked_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Records in calls of the function, retries included.",
        "How large batches are, and how much is delivered again.";
    TriggerFailures = "penstock_trigger_failures_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Calls of the function that failed, or reported records that did.",
        "Whether anything goes through.";
    TriggerRetries = "penstock_trigger_retries_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Batches of one partition that were put back to be tried again.",
        "A partition that does not get on.";
    TriggerBisections = "penstock_trigger_bisections_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Failed batches that were cut in two.",
        "A search for the record that fails is under way.";
    TriggerEventsRedelivered = "penstock_trigger_events_redelivered_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Records delivered again on purpose, as `penstock run --redeliver` asks.",
        "A test of the pipeline, never seen in production.";
    TriggerEventsDropped = "penstock_trigger_events_dropped_total", Counter, Count, [Function, Topic, Condition], Trigger, Absent,
        "Records given up, by condition; the on-failure destination has them, if there is one.",
        "Records that did not land: publish them again, or declare the gap.";
    TriggerEventsCommitted = "penstock_trigger_events_committed_total", Counter, Count, [Function, Topic], Trigger, Absent,
        "Records whose positions were committed, delivered or given up.",
        "Progress: what is committed never comes again by itself.";
    TriggerPollers = "penstock_trigger_pollers", Gauge, Count, [Function, Topic], Trigger, Absent,
        "Invocations that may run at once.",
        "At its maximum while the lag grows, the mapping needs more.";
    LagEvents = "penstock_lag_events", Gauge, Count, [Function, Topic, Partition], Trigger, Absent,
        "Records of the topic that are not committed, by partition.",
        "The backlog of the topic in records; in CloudWatch it is `AWS/Lambda OffsetLag`.";
    LagSeconds = "penstock_lag_seconds", Age, Seconds, [Function, Topic, Partition], Trigger, Absent,
        "Now minus the timestamp of the oldest record that is read and not committed, by partition; 0 if there is none.",
        "The backlog of the topic in time.";

    ProducerEventsSent = "penstock_producer_events_sent_total", Counter, Count, [Dataset], Producer, Absent,
        "Records handed to the log.",
        "What should arrive.";
    ProducerBytesSent = "penstock_producer_bytes_sent_total", Counter, Bytes, [Dataset], Producer, Absent,
        "Bytes of their values.",
        "The volume before base64 and JSON.";
    ProducerEventsPlanted = "penstock_producer_events_planted_total", Counter, Count, [Dataset, Fault], Producer, Absent,
        "Records that the generator made malformed, repeated or late on purpose.",
        "What the rejects, duplicates and late events should add up to.";
    StatsdDropped = "penstock_statsd_dropped_total", Counter, Count, [], Programs, Absent,
        "Datagrams that could not be sent to `--statsd`.",
        "The observer is out of reach; the pipeline goes on.";
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Age => "age",
            Self::Histogram => "histogram",
        }
    }
}

impl Unit {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
        }
    }

    /// What CloudWatch calls it.
    #[must_use]
    pub const fn cloudwatch(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Seconds => "Seconds",
            Self::Ratio => "None",
        }
    }

    /// The upper ends of a histogram's buckets; behind them stands one without an end.
    #[must_use]
    pub const fn buckets(self) -> &'static [f64] {
        const KIB: f64 = 1024.0;
        const MIB: f64 = 1024.0 * KIB;
        match self {
            Self::Count => &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6],
            Self::Bytes => &[
                KIB,
                4.0 * KIB,
                16.0 * KIB,
                64.0 * KIB,
                256.0 * KIB,
                MIB,
                4.0 * MIB,
                16.0 * MIB,
                64.0 * MIB,
                256.0 * MIB,
            ],
            Self::Seconds => {
                &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]
            }
            Self::Ratio => &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0],
        }
    }
}

impl Label {
    /// The label's name in Prometheus, and the dimension's in CloudWatch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Function => "function",
            Self::Reason => "reason",
            Self::FailureKind => "kind",
            Self::Table => "table",
            Self::Operation => "operation",
            Self::Outcome => "outcome",
            Self::Cause => "cause",
            Self::Stage => "stage",
            Self::Condition => "condition",
            Self::Fault => "fault",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `EventsReceived` -> `events_received`
    fn snake(name: &str) -> String {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        snake
    }

    #[test]
    fn names_follow_from_the_variant_the_unit_and_the_kind() {
        for metric in Metric::ALL {
            let Description { cloudwatch_name, name, kind, unit, .. } = metric.description();
            let base = snake(cloudwatch_name);
            let unit = match unit {
                Unit::Count => "",
                unit => unit.as_str(),
            };
            let with_unit = if base.contains(unit) { base } else { format!("{base}_{unit}") };
            let total = if *kind == Kind::Counter { "_total" } else { "" };
            let expect = format!("penstock_{with_unit}{total}");
            assert_eq!(*name, expect);
        }
    }

    #[test]
    fn names_are_unique_and_the_dataset_comes_first() {
        let mut names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.description().name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            let position = metric.description().labels.iter().position(|label| *label == Label::Dataset);
            assert!(position.is_none_or(|position| position == 0), "{metric:?}");
        }
    }

    #[test]
    fn what_functions_do_not_know_is_absent_from_cloudwatch() {
        for metric in Metric::ALL {
            let Description { source, cloudwatch, labels, .. } = metric.description();
            let by_functions = matches!(source, Source::Ingest | Source::Refine | Source::Functions | Source::Lambda);
            assert_eq!(by_functions, *cloudwatch != CloudWatch::Absent, "{metric:?}");
            assert!(*cloudwatch == CloudWatch::Absent || labels.contains(&Label::Dataset), "{metric:?}: a dimension");
        }
    }
}
