//! For CloudWatch: the list of alarms, and the widgets of the dashboard. Terraform knows the names of functions and queues,
//! so `$function`, `$dataset` and `$queue` stand for them, and `each` says of what there is one.

use penstock_telemetry::{CloudWatch, Label, Metric};
use serde_json::{Map, Value as Json, json};

use crate::alert::{Alarm, Alert, Value};
use crate::alerts::ALERTS;
use crate::aws;
use crate::board::{Curve, Draw, Each, Panel, Source, Unit};
use crate::boards;
use crate::prometheus::RUNBOOK;

/// By its name, each alarm as `infra/modules/alarms` takes it.
pub(crate) fn alarms() -> Json {
    let alarms =
        ALERTS.iter().flat_map(|alert| alert.alarms.iter().map(|alarm| (alarm.name.to_owned(), one(alert, alarm))));
    Json::Object(alarms.collect())
}

fn one(alert: &Alert, alarm: &Alarm) -> Json {
    let mut document = json!({
        "each": alarm.each.as_str(),
        "meaning": alarm.meaning,
        "runbook": alert.anchor(),
        "period_secs": alarm.period_secs,
        "periods": alarm.periods,
        "periods_to_alarm": alarm.periods_to_alarm,
        "comparison": alarm.comparison,
        "threshold": alarm.threshold,
        "missing": alarm.missing,
    });
    match alarm.of {
        Value::Of(curve) => document["metrics"] = json!({ "value": metric(curve) }),
        Value::Percent(part, whole) => {
            document["metrics"] = json!({ "part": metric(part), "whole": metric(whole) });
            document["expression"] = json!("IF(whole > 0, 100 * part / whole, 0)");
        }
    }
    document
}

fn metric(curve: Curve) -> Json {
    let dimensions: Map<String, Json> =
        dimensions(curve.of).iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "namespace": curve.of.namespace(),
        "name": curve.of.name(),
        "statistic": curve.statistic,
        "dimensions": dimensions,
    })
}

fn dimensions(source: Source) -> &'static [(&'static str, &'static str)] {
    match source {
        Source::Ours(_) => &[("dataset", "$dataset")],
        Source::Aws(metric) => match metric.each {
            Each::Queue => &[("QueueName", "$queue")],
            Each::Account => &[("Currency", "USD")],
            _ => &[("FunctionName", "$function")],
        },
    }
}

/// By namespace and name, every metric that a widget or an alarm may ask for, with the reason why no test sees a value of
/// it, or null.
pub(crate) fn metrics() -> Json {
    let mut namespaces = Map::new();
    let is_sent = |metric: &&Metric| metric.description().cloudwatch == CloudWatch::Metric;
    let ours = Metric::ALL.iter().filter(is_sent).map(|metric| Source::Ours(*metric));
    for source in ours.chain(aws::ALL.into_iter().map(Source::Aws)) {
        let unproven = match source {
            Source::Aws(metric) => metric.unproven,
            Source::Ours(_) => None,
        };
        let names = namespaces.entry(source.namespace()).or_insert_with(|| json!({}));
        names[source.name()] = json!(unproven);
    }
    Json::Object(namespaces)
}

/// A widget for each panel that CloudWatch can draw, in their order, six to twelve columns wide.
pub(crate) fn widgets() -> Json {
    let boards = boards::all().into_iter().map(|board| {
        let drawn = board.panels.iter().filter(|panel| !panel.cloudwatch.is_empty());
        json!({
            "title": board.title,
            "about": board.about,
            "runbook": format!("{RUNBOOK}#alerts"),
            "widgets": drawn.map(widget).collect::<Vec<_>>(),
        })
    });
    Json::Array(boards.collect())
}

fn widget(panel: &Panel) -> Json {
    json!({
        "title": panel.title,
        "stacked": panel.draw == Draw::Stacked,
        "thresholds": thresholds(panel),
        "metrics": panel.cloudwatch.iter().flat_map(|curve| curves(*curve)).collect::<Vec<_>>(),
    })
}

/// A metric that each of our functions has is two curves.
fn curves(curve: Curve) -> Vec<Json> {
    let document = |each: Each, extra: &[(&str, &str)]| {
        let mut document = metric(curve);
        document["each"] = json!(each.as_str());
        for (name, value) in extra {
            document["dimensions"][*name] = json!(value);
        }
        document
    };
    match curve.of {
        Source::Ours(metric) if is_by_function(metric) => {
            ["ingest", "refine"].map(|function| document(Each::Dataset, &[("function", function)])).to_vec()
        }
        Source::Ours(_) => vec![document(Each::Dataset, &[])],
        Source::Aws(metric) => vec![document(metric.each, &[])],
    }
}

fn is_by_function(metric: Metric) -> bool {
    metric.description().labels.contains(&Label::Function)
}

/// Where both show the same number. CloudWatch adds up a minute where Prometheus has a rate.
fn thresholds(panel: &Panel) -> Vec<f64> {
    match (panel.unit, panel.thresholds) {
        (Unit::Seconds, Some([yellow, red])) => vec![yellow, red],
        _ => Vec::new(),
    }
}
