//! What somebody on call looks at, described once: panels and alerts, from which come Grafana's dashboards, CloudWatch's,
//! the rules of Prometheus with their tests, and the list of CloudWatch's alarms.
//!
//! In go the registry of metrics and the tables in `boards` and `alerts`; out come files as text.
//! Nothing here knows Prometheus or AWS: `make test-dashboards` runs the queries.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod expression;
mod board;
mod boards;
mod alert;
mod alerts;
mod aws;
mod grafana;
mod prometheus;
mod cloudwatch;

pub use alert::{Alert, Severity};
pub use alerts::ALERTS;
pub use expression::UnknownMetric;

/// A file of the repository that is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the root of the repository.
    pub path: &'static str,
    pub text: String,
}

/// The folder of Grafana's dashboards.
const GRAFANA: [&str; 5] = [
    "dashboards/grafana/pipeline.json",
    "dashboards/grafana/functions.json",
    "dashboards/grafana/kafka.json",
    "dashboards/grafana/quality.json",
    "dashboards/grafana/cost.json",
];

/// Everything that is generated.
///
/// # Errors
/// If a query names a metric that is not in the registry.
pub fn files() -> Result<Vec<File>, UnknownMetric> {
    let mut files = Vec::new();
    for (path, board) in GRAFANA.into_iter().zip(boards::all()) {
        files.push(File { path, text: pretty(&grafana::dashboard(board)?) });
    }
    files.push(File { path: "dashboards/prometheus/alerts.yaml", text: prometheus::rules()? });
    files.push(File { path: "dashboards/prometheus/alerts_test.yaml", text: prometheus::tests()? });
    files.push(File { path: "dashboards/cloudwatch/metrics.json", text: pretty(&cloudwatch::metrics()) });
    files.push(File { path: "infra/modules/alarms/alarms.json", text: pretty(&cloudwatch::alarms()) });
    files.push(File { path: "infra/modules/dashboard/widgets.json", text: pretty(&cloudwatch::widgets()) });
    Ok(files)
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_committed_files_are_what_the_description_gives() {
        for file in files().unwrap() {
            let committed = std::fs::read_to_string(root().join(file.path)).unwrap_or_default();
            assert!(
                committed == file.text,
                "{} is not what the description gives: `make dashboards` writes it",
                file.path
            );
        }
    }

    #[test]
    fn panels_and_alerts_are_complete() {
        let alerts: Vec<&str> = ALERTS.iter().map(|alert| alert.name).collect();
        for board in boards::all() {
            for (index, panel) in board.panels.iter().enumerate() {
                let name = format!("{}: {}", board.title, panel.title);
                assert!(board.panels[..index].iter().all(|other| other.title != panel.title), "{name}: twice");
                assert!(panel.about.ends_with('.'), "{name}: say what it shows");
                assert!(!panel.queries.is_empty() || !panel.cloudwatch.is_empty(), "{name}: shows nothing");
                assert!(panel.alert.is_none_or(|alert| alerts.contains(&alert)), "{name}: no such alert");
                for curve in panel.cloudwatch {
                    if let board::Source::Ours(metric) = curve.of {
                        let sent = metric.description().cloudwatch;
                        assert_eq!(sent, penstock_telemetry::CloudWatch::Metric, "{name}: {metric:?} is not sent");
                    }
                }
            }
        }
        for alert in ALERTS {
            assert!(alert.rule.is_some() || !alert.alarms.is_empty(), "{} never fires", alert.name);
        }
    }

    #[test]
    fn the_runbook_names_panels_that_are_there() {
        let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
        let alerts = runbook.split("\n## ").find(|section| section.starts_with("Alerts\n")).unwrap();
        let titles: Vec<&str> =
            boards::all().into_iter().flat_map(|board| board.panels).map(|panel| panel.title).collect();
        for named in alerts.split('"').skip(1).step_by(2) {
            assert!(titles.contains(&named), "docs/runbook.md: there is no panel \"{named}\"");
        }
    }

    #[test]
    fn every_alert_has_a_section_in_the_runbook_and_no_section_is_stale() {
        let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
        let sections: Vec<&str> = runbook
            .lines()
            .filter_map(|line| line.strip_prefix("### `Penstock"))
            .filter_map(|rest| rest.strip_suffix('`'))
            .collect();
        let alerts: Vec<&str> = ALERTS.iter().filter_map(|alert| alert.name.strip_prefix("Penstock")).collect();
        assert_eq!(sections, alerts, "docs/runbook.md has a section `### `NAME`` for each alert, in their order");
    }
}
