//! The text that Prometheus scrapes.
//!
//! Source of the format: Prometheus's documentation, "Exposition formats", text format 0.0.4.

use std::fmt::Write;

use crate::metric::{Kind, Label, Metric};
use crate::registry::{Histogram, Snapshot, Value};

/// What a server says that the text is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All values as text.
#[must_use]
pub fn text(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (metric, series) in &snapshot.families {
        let description = metric.description();
        let name = description.name;
        let kind = match description.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Age => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(text, "# HELP {name} {}", description.help);
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for one in series {
            let labels: String = snapshot.labels(*metric, one).map(pair).collect();
            match &one.value {
                Value::Number(number) => write_sample(&mut text, name, &labels, *number),
                Value::Histogram(histogram) => write_histogram(&mut text, *metric, &labels, histogram),
            }
        }
    }
    text
}

fn write_histogram(text: &mut String, metric: Metric, labels: &str, histogram: &Histogram) {
    let description = metric.description();
    let ends = description.unit.buckets().iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (end, count) in ends.zip(&histogram.buckets) {
        below += count;
        write_sample(text, &format!("{}_bucket", description.name), &format!("{labels}le=\"{end}\","), below as f64);
    }
    write_sample(text, &format!("{}_sum", description.name), labels, histogram.sum);
    write_sample(text, &format!("{}_count", description.name), labels, histogram.count as f64);
}

/// `labels` are pairs, each with a comma behind it.
fn write_sample(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = match labels.strip_suffix(',') {
        Some(labels) => writeln!(text, "{name}{{{labels}}} {value}"),
        None => writeln!(text, "{name} {value}"),
    };
}

fn pair((label, value): (Label, &str)) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{}=\"{value}\",", label.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn check(record: impl FnOnce(&Registry), expect: &[&str]) {
        let registry = Registry::new("iot");
        record(&registry);
        let text = text(&registry.snapshot(5_000_000));
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples, expect);
    }

    #[test]
    fn a_metric_says_what_it_is() {
        let registry = Registry::new("iot");
        registry.set_moment(Metric::CutAge, &[], Some(0));
        let description = Metric::CutAge.description();
        let expect = format!(
            "# HELP penstock_cut_age_seconds {}\n# TYPE penstock_cut_age_seconds gauge\n\
             penstock_cut_age_seconds{{dataset=\"iot\"}} 5\n",
            description.help
        );
        assert_eq!(text(&registry.snapshot(5_000_000)), expect);
    }

    #[test]
    fn each_series_has_its_labels() {
        let both = |registry: &Registry| {
            registry.add(Metric::EventsReceived, &["events", "0"], 1);
            registry.add(Metric::EventsReceived, &["events", "1"], 10_000_000_000);
            registry.add(Metric::StatsdDropped, &[], 3);
        };
        check(
            both,
            &[
                r#"penstock_events_received_total{dataset="iot",topic="events",partition="0"} 1"#,
                r#"penstock_events_received_total{dataset="iot",topic="events",partition="1"} 10000000000"#,
                "penstock_statsd_dropped_total 3",
            ],
        );
    }

    #[test]
    fn odd_names_are_escaped() {
        check(
            |registry| registry.set(Metric::TriggerPollers, &["a\\b", "say \"hi\"\n"], 1.5),
            &[r#"penstock_trigger_pollers{function="a\\b",topic="say \"hi\"\n"} 1.5"#],
        );
    }

    #[test]
    fn buckets_hold_all_that_is_not_larger() {
        let registry = Registry::new("iot");
        for value in [0.05, 0.2, 7.0] {
            registry.observe(Metric::PayloadFill, &[], value);
        }
        let text = text(&registry.snapshot(0));
        for line in [
            r#"penstock_payload_fill_ratio_bucket{dataset="iot",le="0.025"} 0"#,
            r#"penstock_payload_fill_ratio_bucket{dataset="iot",le="0.05"} 1"#,
            r#"penstock_payload_fill_ratio_bucket{dataset="iot",le="1"} 2"#,
            r#"penstock_payload_fill_ratio_bucket{dataset="iot",le="+Inf"} 3"#,
            r#"penstock_payload_fill_ratio_sum{dataset="iot"} 7.25"#,
            r#"penstock_payload_fill_ratio_count{dataset="iot"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
