//! What `penstock run --metrics` serves: every metric of the registry with its labels, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use penstock_telemetry::{Kind, Metric};
use tempfile::TempDir;

/// A run that does not end, and where it serves its metrics.
struct Run {
    child: Child,
    address: String,
    _lake: TempDir,
}

impl Run {
    fn begin(statsd: &str) -> Self {
        let lake = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_penstock"))
            .args(["run", "--forever", "--rate", "60000", "--metrics", "127.0.0.1:0", "--statsd", statsd, "--lake"])
            .arg(lake.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut addresses = lines.filter_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned()));
        let address = addresses.next().expect("it says where the metrics are");
        let address = address.strip_suffix("/metrics").unwrap().to_owned();
        // It may go on writing.
        std::thread::spawn(move || addresses.for_each(drop));
        Self { child, address, _lake: lake }
    }

    fn scrape(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Only a function's process on Lambda knows it: `tests/tests/telemetry` looks at it.
fn is_of_lambda(metric: Metric) -> bool {
    metric == Metric::ColdStarts
}

/// The labels of each metric's first series, by its name.
fn metrics(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = sample.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{sample}");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
        let labels: BTreeSet<String> =
            labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le").collect();
        found.entry(name.to_owned()).or_insert(labels);
    }
    found
}

fn expected() -> BTreeMap<String, BTreeSet<String>> {
    let mut expected = BTreeMap::new();
    for metric in Metric::ALL.iter().filter(|metric| !is_of_lambda(**metric)) {
        let description = metric.description();
        let labels: BTreeSet<String> = description.labels.iter().map(|label| label.as_str().to_owned()).collect();
        let endings: &[&str] = if description.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for ending in endings {
            expected.insert(format!("{}{ending}", description.name), labels.clone());
        }
    }
    expected
}

#[test]
fn every_metric_of_the_registry_is_served_with_its_labels() {
    let telegraf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let run = Run::begin(&telegraf.local_addr().unwrap().to_string());
    let expected = expected();
    // Refine runs for the first time after some seconds.
    let found = loop {
        let found = metrics(&run.scrape());
        if expected.keys().all(|name| found.contains_key(name)) {
            break found;
        }
        let missing: Vec<&String> = expected.keys().filter(|name| !found.contains_key(*name)).collect();
        eprintln!("still missing: {missing:?}");
        std::thread::sleep(Duration::from_millis(500));
    };
    let strip = |mut labels: BTreeMap<String, BTreeSet<String>>| {
        labels.retain(|name, _| name != "penstock_cold_starts_total");
        labels
    };
    assert_eq!(strip(found), expected);
    let mut datagram = [0; 2000];
    let length = telegraf.recv(&mut datagram).unwrap();
    assert!(datagram[..length].starts_with(b"penstock_"));
}

#[test]
fn a_port_in_use_ends_the_run_before_it_begins() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let lake = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_penstock"))
        .args(["run", "--events", "10", "--metrics", &address, "--lake"])
        .arg(lake.path())
        .output()
        .unwrap();
    let message = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{message}");
    assert!(message.contains("in use: choose another one"), "{message}");
}
