//! `docs/metrics.md` is made of the registry, and everything that is said of it elsewhere must be so.

use std::fmt::Write;

use penstock_telemetry::{CloudWatch, Description, Kind, Label, Metric, Source};

use crate::tree::{read, root};

const DOCUMENT: &str = "docs/metrics.md";

/// What CloudWatch takes for a metric in a month, in dollars (us-east-1, up to 10,000 metrics).
const METRIC_MONTH: f64 = 0.30;

#[test]
fn the_list_of_metrics_is_made_of_the_registry() {
    let expect = document();
    if read(DOCUMENT) != expect {
        let made = root().join("target/metrics.md");
        std::fs::create_dir_all(made.parent().unwrap()).unwrap();
        std::fs::write(&made, &expect).unwrap();
        panic!("{DOCUMENT} is not what the registry says: `cp target/metrics.md {DOCUMENT}` makes it so");
    }
}

fn document() -> String {
    let mut text = read("tests/tests/tidy/metrics.md");
    text = text.replace("{price}", &price());
    for (title, intro, is_in) in SECTIONS {
        write!(text, "\n## {title}\n\n{intro}\n\n").unwrap();
        text += "| Metric | Kind | Labels | What it is, and what for | CloudWatch |\n|---|---|---|---|---|\n";
        for metric in Metric::ALL.iter().filter(|metric| is_in(metric.description())) {
            text += &row(metric.description());
        }
    }
    text
}

type Section = (&'static str, &'static str, fn(&Description) -> bool);

const SECTIONS: [Section; 6] = [
    ("Landing", "Recorded by ingest, for each batch.", |metric| metric.source == Source::Ingest),
    (
        "Refinement",
        "Recorded by refine: what grows, for each cut; how the lake stands, after each cut and at the end of each run.",
        |metric| metric.source == Source::Refine,
    ),
    ("The store", "Recorded by whoever asks the store.", |metric| {
        metric.source == Source::Functions && !metric.labels.contains(&Label::Function)
    }),
    ("Functions", "Recorded around each invocation; cold starts on Lambda only.", |metric| {
        metric.source == Source::Lambda
            || metric.labels == [Label::Dataset, Label::Function]
            || is_of_invocations(metric)
    }),
    (
        "The trigger",
        "Recorded by `penstock-trigger` and `penstock run`; on AWS the event source mapping has metrics of its own.",
        |metric| metric.source == Source::Trigger,
    ),
    ("The producer, and the outputs", "Recorded by `penstock-producer` and `penstock run`.", |metric| {
        matches!(metric.source, Source::Producer | Source::Programs)
    }),
];

fn is_of_invocations(metric: &Description) -> bool {
    metric.source == Source::Functions && metric.labels.contains(&Label::Function)
}

fn row(metric: &Description) -> String {
    let labels: Vec<&str> = metric.labels.iter().map(|label| label.as_str()).collect();
    let cloudwatch = match metric.cloudwatch {
        CloudWatch::Metric => format!("`{}`", metric.cloudwatch_name),
        CloudWatch::Field => format!("field `{}`", metric.cloudwatch_name),
        CloudWatch::Absent => "-".to_owned(),
    };
    format!(
        "| `{}` | {} | {} | {} {} | {cloudwatch} |\n",
        metric.name,
        metric.kind.as_str(),
        labels.join(", "),
        metric.help,
        metric.purpose
    )
}

/// How many series CloudWatch bills if each value of these labels were a dimension, next to what it is sent.
fn price() -> String {
    let mut table = "| Partitions | Metrics of a dataset | A month | If each partition were a dimension | A month |\n|---|---|---|---|---|\n".to_owned();
    for partitions in [6, 256] {
        let (sent, all) = (series(|_| 1), series(|metric| if has(metric, Label::Partition) { partitions } else { 1 }));
        let dollars = |metrics: u64| format!("${:.2}", metrics as f64 * METRIC_MONTH);
        writeln!(table, "| {partitions} | {sent} | {} | {all} | {} |", dollars(sent), dollars(all)).unwrap();
    }
    table.trim_end().to_owned()
}

/// Both functions have those that are of a function.
fn series(of: impl Fn(&Description) -> u64) -> u64 {
    let descriptions = Metric::ALL.iter().map(|metric| metric.description());
    let billed = descriptions.filter(|metric| metric.cloudwatch == CloudWatch::Metric);
    billed.map(|metric| of(metric) * if has(metric, Label::Function) { 2 } else { 1 }).sum()
}

fn has(metric: &Description, label: Label) -> bool {
    metric.labels.contains(&label)
}

#[test]
fn every_metric_stands_in_one_section() {
    for metric in Metric::ALL {
        let sections = SECTIONS.iter().filter(|(_, _, is_in)| is_in(metric.description())).count();
        assert_eq!(sections, 1, "{metric:?}");
        assert!(
            metric.description().kind != Kind::Age || metric.description().name.ends_with("_seconds"),
            "{metric:?}"
        );
    }
}
