//! The rules of Prometheus, and `promtool`'s tests of them: each alert once firing and once not.

use std::fmt::Write;

use crate::alert::{Alert, Example, Rule};
use crate::alerts::ALERTS;
use crate::expression::{UnknownMetric, for_rule};

const HEAD: &str = "# Generated from dashboards/src/alerts: `make dashboards` writes it.\n";

/// Where the runbook is read.
pub(crate) const RUNBOOK: &str = "https://github.com/penstock-rs/penstock/blob/main/docs/runbook.md";

pub(crate) fn rules() -> Result<String, UnknownMetric> {
    let mut text = format!("{HEAD}groups:\n  - name: penstock\n    rules:\n");
    for (alert, rule) in with_rules() {
        let expression = for_rule(rule.expression)?;
        let _ = write!(
            text,
            "      - alert: {}\n        expr: {}\n        for: {}m\n        labels:\n          severity: {}\n        annotations:\n{}",
            alert.name,
            quoted(&expression),
            rule.minutes,
            alert.severity.as_str(),
            annotations("          ", alert, alert.summary),
        );
    }
    Ok(text)
}

pub(crate) fn tests() -> Result<String, UnknownMetric> {
    let mut text = format!("{HEAD}rule_files:\n  - alerts.yaml\nevaluation_interval: 1m\ntests:\n");
    for (alert, rule) in with_rules() {
        write_example(&mut text, alert, &rule.firing, "fires")?;
        let _ = write!(
            text,
            "        exp_alerts:\n          - exp_labels:\n              severity: {}\n",
            alert.severity.as_str()
        );
        let mut summary = alert.summary.to_owned();
        for (label, value) in rule.labels {
            let _ = writeln!(text, "              {label}: {}", quoted(value));
            summary = summary.replace(&format!("{{{{ $labels.{label} }}}}"), value);
        }
        let _ = write!(text, "            exp_annotations:\n{}", annotations("              ", alert, &summary));
        write_example(&mut text, alert, &rule.quiet, "does not fire")?;
        text.push_str("        exp_alerts: []\n");
    }
    Ok(text)
}

fn with_rules() -> impl Iterator<Item = (&'static Alert, Rule)> {
    ALERTS.into_iter().filter_map(|alert| alert.rule.map(|rule| (alert, rule)))
}

fn write_example(text: &mut String, alert: &Alert, example: &Example, what: &str) -> Result<(), UnknownMetric> {
    let _ = write!(text, "  - name: {} {what}\n    interval: 1m\n    input_series:\n", alert.name);
    for (series, values) in example.series {
        let _ = write!(text, "      - series: {}\n        values: {}\n", quoted(&for_rule(series)?), quoted(values));
    }
    let _ = write!(
        text,
        "    alert_rule_test:\n      - eval_time: {}m\n        alertname: {}\n",
        example.minute, alert.name
    );
    Ok(())
}

fn annotations(indent: &str, alert: &Alert, summary: &str) -> String {
    let summary = quoted(summary);
    format!("{indent}summary: {summary}\n{indent}runbook_url: {RUNBOOK}#{}\n", alert.anchor())
}

/// A text in YAML, in which nothing but the quote itself has a meaning.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
