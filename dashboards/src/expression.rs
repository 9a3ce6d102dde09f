//! Queries of Prometheus, in which metrics stand by the names that the registry gives them.
//!
//! `sum by (topic) (rate(EventsLanded[5m]))` becomes `sum by (topic) (rate(penstock_events_landed_total[5m]))`.
//! `_bucket`, `_sum` and `_count` may follow the name of a histogram.

use penstock_telemetry::{Label, Metric};

/// A query names what is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` in `{expression}` is no metric: crates/telemetry/src/metric.rs has them all")]
pub struct UnknownMetric {
    word: String,
    expression: String,
}

/// The variables of a dashboard, which choose among the series of every metric that has the label.
/// Whoever scrapes several environments says which is which by the label `environment`; Penstock itself does not know.
pub(crate) const CHOSEN: [(&str, Option<Label>); 4] = [
    ("environment", None),
    ("dataset", Some(Label::Dataset)),
    ("topic", Some(Label::Topic)),
    ("partition", Some(Label::Partition)),
];

/// For a dashboard: of each metric what the variables choose.
pub(crate) fn for_dashboard(expression: &str) -> Result<String, UnknownMetric> {
    resolve(expression, |metric| {
        let labels = metric.description().labels;
        let chosen = CHOSEN.iter().filter(|(_, label)| label.is_none_or(|label| labels.contains(&label)));
        chosen.map(|(name, _)| format!("{name}=~\"${name}\"")).collect::<Vec<_>>().join(",")
    })
}

/// For a rule: every series.
pub(crate) fn for_rule(expression: &str) -> Result<String, UnknownMetric> {
    resolve(expression, |_| String::new())
}

fn resolve(expression: &str, matchers: impl Fn(Metric) -> String) -> Result<String, UnknownMetric> {
    let mut resolved = String::new();
    let mut rest = expression;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(piece_end(rest));
        rest = behind;
        if !piece.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            resolved.push_str(piece);
            continue;
        }
        let (metric, suffix) =
            find(piece).ok_or_else(|| UnknownMetric { word: piece.to_owned(), expression: expression.to_owned() })?;
        resolved.push_str(metric.description().name);
        resolved.push_str(suffix);
        let matchers = matchers(metric);
        match rest.strip_prefix('{') {
            _ if matchers.is_empty() => {}
            Some(behind) => {
                resolved.push_str(&format!("{{{matchers},"));
                rest = behind;
            }
            None => resolved.push_str(&format!("{{{matchers}}}")),
        }
    }
    Ok(resolved)
}

/// Where the first piece ends: a text in quotes, a word, or one other letter.
fn piece_end(text: &str) -> usize {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':' | '$');
    if let Some(inside) = text.strip_prefix('"') {
        return inside.find('"').map_or(text.len(), |end| end + 2);
    }
    match text.find(|letter| !is_part(letter)) {
        Some(0) => text.chars().next().map_or(0, char::len_utf8),
        Some(end) => end,
        None => text.len(),
    }
}

fn find(word: &str) -> Option<(Metric, &str)> {
    let split = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
    let (name, suffix) = split.map_or((word, ""), |name| word.split_at(name.len()));
    let metric = Metric::ALL.iter().find(|metric| metric.description().cloudwatch_name == name);
    metric.map(|metric| (*metric, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_prometheus() {
        let check = |expression: &str, expect: &str| assert_eq!(for_rule(expression).unwrap(), expect);
        check("sum(rate(EventsLanded[5m]))", "sum(rate(penstock_events_landed_total[5m]))");
        check("up{job=\"Penstock\"} == 0", "up{job=\"Penstock\"} == 0");
        check("ObjectSize_bucket{table=\"raw\"}", "penstock_object_size_bytes_bucket{table=\"raw\"}");
    }

    #[test]
    fn a_dashboard_chooses_by_the_labels_that_the_metric_has() {
        let check = |expression: &str, expect: &str| assert_eq!(for_dashboard(expression).unwrap(), expect);
        check(
            "max(LagEvents)",
            "max(penstock_lag_events{environment=~\"$environment\",topic=~\"$topic\",partition=~\"$partition\"})",
        );
        check(
            "StoreRetries{cause=\"timeout\"}",
            "penstock_store_retries_total{environment=~\"$environment\",dataset=~\"$dataset\",cause=\"timeout\"}",
        );
    }

    #[test]
    fn what_is_no_metric_is_refused() {
        let error = for_rule("rate(EventsLost[5m])").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`EventsLost` in `rate(EventsLost[5m])` is no metric: crates/telemetry/src/metric.rs has them all"
        );
    }
}
