//! CloudWatch's embedded metric format: one line of JSON on standard output is a log line and metrics at once.
//!
//! In: what one invocation measured. Out: a line whose metrics have few dimensions, because CloudWatch bills each series:
//! of counters the sum over all labels, of other values the largest. Beside them stand, as plain fields, the values of
//! each label (`EventsRejectedBy`) and, where partitions differ, which one is the worst (`RecordFreshnessWorst`).
//!
//! Source of the format: the user guide of Amazon CloudWatch, "Specification: Embedded metric format".

use std::fmt::Write;

use crate::metric::{CloudWatch, Kind, Label, Metric};
use crate::registry::{Series, Snapshot, Value};

/// Under which CloudWatch shows the metrics.
pub const NAMESPACE: &str = "Penstock";

/// Who measured, for the dimensions and the fields of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invocation<'a> {
    pub function: &'a str,
    pub request_id: &'a str,
    /// Epoch microseconds.
    pub now: i64,
}

/// The line, without its end; none if nothing was measured, or by a function whose settings name no dataset: CloudWatch
/// refuses a dimension without a value.
#[must_use]
pub fn line(snapshot: &Snapshot, invocation: &Invocation<'_>) -> Option<String> {
    let known = |&&(metric, _): &&(Metric, _)| metric.description().cloudwatch != CloudWatch::Absent;
    let families: Vec<&(Metric, Vec<Series>)> = snapshot.families.iter().filter(known).collect();
    if families.is_empty() || snapshot.dataset.is_empty() {
        return None;
    }
    let mut line = String::with_capacity(4096);
    let _ = write!(line, "{{\"_aws\":{{\"Timestamp\":{},\"CloudWatchMetrics\":[", invocation.now.div_euclid(1000));
    write_directives(&mut line, &families);
    line.push_str("]}");
    for (name, value) in [
        ("dataset", snapshot.dataset.as_str()),
        ("function", invocation.function),
        ("request_id", invocation.request_id),
    ] {
        let _ = write!(line, ",\"{name}\":");
        write_text(&mut line, &[value]);
    }
    for (metric, series) in families {
        write_family(&mut line, *metric, series);
    }
    line.push('}');
    Some(line)
}

/// Which fields are metrics, by which dimensions.
fn write_directives(line: &mut String, families: &[&(Metric, Vec<Series>)]) {
    let mut separator = "";
    for (dimensions, by_function) in [(r#"["dataset"]"#, false), (r#"["dataset","function"]"#, true)] {
        let is_metric = |metric: Metric| {
            let description = metric.description();
            description.cloudwatch == CloudWatch::Metric && description.labels.contains(&Label::Function) == by_function
        };
        let metrics: Vec<String> = families
            .iter()
            .filter(|(metric, _)| is_metric(*metric))
            .map(|(metric, _)| {
                let description = metric.description();
                format!(r#"{{"Name":"{}","Unit":"{}"}}"#, description.cloudwatch_name, description.unit.cloudwatch())
            })
            .collect();
        if !metrics.is_empty() {
            let metrics = metrics.join(",");
            let _ = write!(
                line,
                r#"{separator}{{"Namespace":"{NAMESPACE}","Dimensions":[{dimensions}],"Metrics":[{metrics}]}}"#
            );
            separator = ",";
        }
    }
}

/// The value of a metric, and below it what its labels say.
fn write_family(line: &mut String, metric: Metric, series: &[Series]) {
    let name = metric.description().cloudwatch_name;
    let is_whole = is_function_alone(metric) || series.iter().all(|one| one.labels.is_empty());
    if metric.description().cloudwatch == CloudWatch::Metric || is_whole {
        let _ = write!(line, ",\"{name}\":");
        write_total(line, metric, series);
    }
    // Zeros say nothing that the total does not say.
    let mut telling = series.iter().filter(|one| !is_whole && one.value.number() != 0.0).peekable();
    if telling.peek().is_some() {
        let _ = write!(line, ",\"{name}By\":");
        let mut separator = '{';
        for one in telling {
            line.push(separator);
            write_text(line, &one.labels);
            line.push(':');
            write_value(line, &one.value);
            separator = ',';
        }
        line.push('}');
    }
    if metric.description().labels.contains(&Label::Partition)
        && metric.description().kind != Kind::Counter
        && let Some(worst) = series.iter().max_by(|one, other| one.value.number().total_cmp(&other.value.number()))
    {
        let _ = write!(line, ",\"{name}Worst\":");
        write_text(line, &worst.labels);
    }
}

/// The function is a dimension of the line: its name as a label says nothing new.
fn is_function_alone(metric: Metric) -> bool {
    metric.description().labels == [Label::Dataset, Label::Function]
}

fn write_total(line: &mut String, metric: Metric, series: &[Series]) {
    let numbers = || series.iter().map(|one| one.value.number());
    let _ = match (metric.description().kind, series) {
        // Its values are few: one or two an invocation.
        (Kind::Histogram, [Series { value: Value::Histogram(histogram), .. }]) => match &histogram.samples[..] {
            [one] => write!(line, "{one}"),
            several => write!(line, "{several:?}"),
        },
        (Kind::Counter | Kind::Histogram, _) => write!(line, "{}", numbers().sum::<f64>()),
        (Kind::Gauge | Kind::Age, _) => write!(line, "{}", numbers().fold(f64::MIN, f64::max)),
    };
}

fn write_value(line: &mut String, value: &Value) {
    let _ = match value {
        Value::Number(number) => write!(line, "{number}"),
        Value::Histogram(histogram) => write!(line, r#"{{"count":{},"sum":{}}}"#, histogram.count, histogram.sum),
    };
}

/// A text as JSON has it, of parts with points between them.
fn write_text(line: &mut String, parts: &[impl AsRef<str>]) {
    line.push('"');
    for (at, part) in parts.iter().enumerate() {
        if 0 < at {
            line.push('.');
        }
        for letter in part.as_ref().chars() {
            match letter {
                '"' | '\\' => line.extend(['\\', letter]),
                control if control < ' ' => {
                    let _ = write!(line, "\\u{:04x}", u32::from(control));
                }
                other => line.push(other),
            }
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::Registry;

    const INVOCATION: Invocation<'static> = Invocation { function: "ingest", request_id: "id-1", now: 5_000_000 };

    fn check(record: impl FnOnce(&Registry), expect: &Json) {
        let registry = Registry::new("iot");
        record(&registry);
        let line = line(&registry.take(INVOCATION.now), &INVOCATION).unwrap();
        assert!(!line.contains('\n'), "{line}");
        let mut found: Json = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let fields = found.as_object_mut().unwrap();
        for (name, value) in [("dataset", "iot"), ("function", "ingest"), ("request_id", "id-1")] {
            assert_eq!(fields.remove(name), Some(json!(value)));
        }
        assert_eq!(found, *expect);
    }

    fn directive(dimensions: &[&str], metrics: &[(&str, &str)]) -> Json {
        let metrics: Vec<Json> = metrics.iter().map(|(name, unit)| json!({ "Name": name, "Unit": unit })).collect();
        json!({ "Namespace": "Penstock", "Dimensions": [dimensions], "Metrics": metrics })
    }

    #[test]
    fn counters_are_summed_and_labels_are_fields() {
        check(
            |registry| {
                registry.add(Metric::EventsRejected, &["not_json"], 2);
                registry.add(Metric::EventsRejected, &["too_old"], 3);
                registry.add(Metric::EventsTrimmed, &["events", "0"], 0);
            },
            &json!({
                "_aws": { "Timestamp": 5000, "CloudWatchMetrics": [
                    directive(&["dataset"], &[("EventsTrimmed", "Count"), ("EventsRejected", "Count")]),
                ] },
                "EventsTrimmed": 0,
                "EventsRejected": 5,
                "EventsRejectedBy": { "not_json": 2, "too_old": 3 },
            }),
        );
    }

    #[test]
    fn of_partitions_the_worst_is_the_metric() {
        check(
            |registry| {
                registry.set_moment(Metric::RecordFreshness, &["my \"topic\"", "0"], Some(4_000_000));
                registry.set_moment(Metric::RecordFreshness, &["my \"topic\"", "1"], Some(500_000));
            },
            &json!({
                "_aws": { "Timestamp": 5000, "CloudWatchMetrics": [
                    directive(&["dataset"], &[("RecordFreshness", "Seconds")]),
                ] },
                "RecordFreshness": 4.5,
                "RecordFreshnessBy": { "my \"topic\".0": 1, "my \"topic\".1": 4.5 },
                "RecordFreshnessWorst": "my \"topic\".1",
            }),
        );
    }

    #[test]
    fn the_function_is_a_dimension_where_it_is_a_label() {
        check(
            |registry| {
                registry.add(Metric::ColdStarts, &["ingest"], 1);
                registry.observe(Metric::InvocationDuration, &["ingest"], 0.5);
                registry.observe(Metric::StageDuration, &["ingest", "read"], 0.25);
            },
            &json!({
                "_aws": { "Timestamp": 5000, "CloudWatchMetrics": [
                    directive(&["dataset", "function"], &[("ColdStarts", "Count")]),
                ] },
                "InvocationDuration": 0.5,
                "StageDurationBy": { "ingest.read": { "count": 1, "sum": 0.25 } },
                "ColdStarts": 1,
            }),
        );
    }

    #[test]
    fn the_values_of_a_histogram_stand_one_by_one() {
        let metrics = [directive(&["dataset"], &[("PayloadFill", "None")])];
        let aws = json!({ "Timestamp": 5000, "CloudWatchMetrics": metrics });
        let observe = |values: &'static [f64]| {
            move |registry: &Registry| {
                values.iter().for_each(|value| registry.observe(Metric::PayloadFill, &[], *value))
            }
        };
        check(observe(&[0.5]), &json!({ "_aws": aws, "PayloadFill": 0.5 }));
        check(observe(&[0.5, 0.25]), &json!({ "_aws": aws, "PayloadFill": [0.5, 0.25] }));
    }

    #[test]
    fn who_measured_nothing_says_nothing() {
        assert_eq!(line(&Registry::new("iot").take(0), &INVOCATION), None);
        let nameless = Registry::default();
        nameless.add(Metric::ColdStarts, &["ingest"], 1);
        assert_eq!(line(&nameless.take(0), &INVOCATION), None);
    }

    #[test]
    fn all_metrics_together_keep_the_limits_of_cloudwatch() {
        let metrics = Metric::ALL.iter().filter(|metric| metric.description().cloudwatch == CloudWatch::Metric);
        assert!(metrics.count() <= 100, "a line has at most 100 metrics");
    }
}
