//! A dashboard as Grafana's JSON model (schema 41 of Grafana 12).

use serde_json::{Value as Json, json};

use crate::board::{Board, Draw, Panel, Unit};
use crate::expression::{CHOSEN, UnknownMetric, for_dashboard};
use crate::prometheus::RUNBOOK;

/// Columns of a row.
const WIDTH: usize = 24;

pub(crate) fn dashboard(board: &Board) -> Result<Json, UnknownMetric> {
    Ok(json!({
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": ["penstock"],
        "schemaVersion": 41,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "utc",
        "links": [
            link("Runbook", RUNBOOK),
            { "type": "dashboards", "title": "Penstock", "tags": ["penstock"], "asDropdown": true, "includeVars": true, "keepTime": true },
        ],
        "templating": { "list": variables() },
        "annotations": { "list": [] },
        "panels": panels(board)?,
    }))
}

fn link(title: &str, url: &str) -> Json {
    json!({ "type": "link", "title": title, "url": url, "targetBlank": true })
}

/// The source, and one choice of several for each label by which series are chosen. All of them at first: that also
/// finds series that lack the label.
fn variables() -> Vec<Json> {
    let source = json!({ "name": "datasource", "type": "datasource", "query": "prometheus", "label": "source" });
    let chosen = CHOSEN.iter().map(|(name, _)| {
        json!({
            "name": name,
            "type": "query",
            "datasource": data_source(),
            "query": { "query": format!("label_values({{__name__=~\"penstock_.*\"}}, {name})"), "refId": name },
            "refresh": 2,
            "sort": 3,
            "multi": true,
            "includeAll": true,
            "allValue": ".*",
            "current": { "text": ["All"], "value": ["$__all"] },
        })
    });
    std::iter::once(source).chain(chosen).collect()
}

fn data_source() -> Json {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// From left to right; a row is as high as what stands in it.
fn panels(board: &Board) -> Result<Vec<Json>, UnknownMetric> {
    let (mut x, mut y, mut row_height) = (0, 0, 0);
    let mut panels = Vec::new();
    for drawn in board.panels.iter().filter(|panel| !panel.queries.is_empty()) {
        let (width, height) = size(drawn.draw);
        if WIDTH < x + width || (row_height != height && 0 < x) {
            (x, y) = (0, y + row_height);
        }
        panels.push(panel(drawn, panels.len() + 1, &json!({ "x": x, "y": y, "w": width, "h": height }))?);
        (x, row_height) = (x + width, height);
    }
    Ok(panels)
}

const fn size(draw: Draw) -> (usize, usize) {
    match draw {
        Draw::Number => (4, 4),
        Draw::Lines | Draw::Stacked => (12, 8),
    }
}

fn panel(panel: &Panel, id: usize, position: &Json) -> Result<Json, UnknownMetric> {
    let mut targets = Vec::new();
    for (query, letter) in panel.queries.iter().zip('A'..) {
        targets.push(json!({
            "refId": letter.to_string(),
            "datasource": data_source(),
            "expr": for_dashboard(query.expression)?,
            "legendFormat": query.legend,
            "instant": panel.draw == Draw::Number,
            "range": panel.draw != Draw::Number,
        }));
    }
    let links =
        panel.alert.map(|alert| link(&format!("Runbook: {alert}"), &format!("{RUNBOOK}#{}", alert.to_lowercase())));
    Ok(json!({
        "id": id,
        "title": panel.title,
        "description": panel.about,
        "type": if panel.draw == Draw::Number { "stat" } else { "timeseries" },
        "datasource": data_source(),
        "gridPos": position,
        "links": links.into_iter().collect::<Vec<_>>(),
        "targets": targets,
        "fieldConfig": { "defaults": defaults(panel), "overrides": [] },
        "options": options(panel.draw),
    }))
}

fn defaults(panel: &Panel) -> Json {
    let mut steps = vec![json!({ "color": "green", "value": null })];
    if let Some([yellow, red]) = panel.thresholds {
        steps.push(json!({ "color": "yellow", "value": yellow }));
        steps.push(json!({ "color": "red", "value": red }));
    }
    let shown = if panel.thresholds.is_some() { "dashed" } else { "off" };
    let custom = match panel.draw {
        Draw::Number => json!({}),
        Draw::Lines => json!({ "thresholdsStyle": { "mode": shown }, "lineWidth": 1 }),
        Draw::Stacked => json!({ "stacking": { "mode": "normal" }, "fillOpacity": 20, "lineWidth": 1 }),
    };
    json!({
        "unit": unit(panel.unit),
        "min": 0,
        "noValue": "no data: does Prometheus scrape Penstock, and are the choices above right?",
        "thresholds": { "mode": "absolute", "steps": steps },
        "custom": custom,
    })
}

fn options(draw: Draw) -> Json {
    match draw {
        Draw::Number => {
            json!({ "colorMode": "value", "graphMode": "none", "reduceOptions": { "calcs": ["lastNotNull"] } })
        }
        Draw::Lines | Draw::Stacked => json!({
            "legend": { "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"] },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
    }
}

/// As Grafana names it.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "short",
        Unit::EventsPerSecond => "cps",
        Unit::PerSecond => "ops",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "Bps",
        Unit::Seconds => "s",
        Unit::Share => "percentunit",
        Unit::Dollars => "currencyUSD",
    }
}
