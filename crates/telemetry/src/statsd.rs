//! Datagrams for StatsD, with the tags behind the name as Telegraf reads them.
//!
//! `penstock_events_rejected_total,dataset=iot,reason=not_json:3|c`
//!
//! Counters are sent as what was added since the last time, gauges and ages as they are, histograms value by value
//! with the share of values that stand for all.
//!
//! Source of the format: Telegraf's `plugins/inputs/statsd`, "Influx StatsD".

use std::collections::HashMap;

use crate::metric::{Kind, Metric};
use crate::registry::{Series, Snapshot, Value};

/// A datagram of this size passes every network whole.
const MAX_DATAGRAM_BYTES: usize = 1400;

/// What was sent of each counter.
#[derive(Debug, Default)]
pub struct Sent(HashMap<String, f64>);

impl Sent {
    /// The datagrams that say what changed since the last time. `snapshot` is a [`crate::Registry::flush`].
    pub fn datagrams(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut datagrams = Vec::new();
        for (metric, series) in &snapshot.families {
            for one in series {
                let name = name(*metric, snapshot, one);
                self.write(&mut datagrams, *metric, &name, &one.value);
            }
        }
        datagrams
    }

    fn write(&mut self, datagrams: &mut Vec<String>, metric: Metric, name: &str, value: &Value) {
        match (metric.description().kind, value) {
            (Kind::Counter, Value::Number(number)) => {
                let sent = self.0.insert(name.to_owned(), *number);
                // The first time zero is worth a word: the series is there before something happens.
                if sent.is_none_or(|sent| sent < *number) {
                    push(datagrams, &format!("{name}:{}|c", number - sent.unwrap_or(0.0)));
                }
            }
            (_, Value::Number(number)) => push(datagrams, &format!("{name}:{number}|g")),
            (_, Value::Histogram(histogram)) => {
                let share = histogram.samples.len() as f64 / histogram.sampled.max(1) as f64;
                let rate = if share < 1.0 { format!("|@{share:.6}") } else { String::new() };
                for sample in &histogram.samples {
                    push(datagrams, &format!("{name}:{sample}|h{rate}"));
                }
            }
        }
    }
}

/// The name with its tags.
fn name(metric: Metric, snapshot: &Snapshot, series: &Series) -> String {
    let mut name = metric.description().name.to_owned();
    for (label, value) in snapshot.labels(metric, series) {
        // An empty tag is refused, and these letters have a meaning here.
        let value = value.replace([',', '=', ':', '|', ' ', '\n', '@'], "_");
        if !value.is_empty() {
            name = name + "," + label.as_str() + "=" + &value;
        }
    }
    name
}

/// Into the last datagram if there is room, else into another one.
fn push(datagrams: &mut Vec<String>, line: &str) {
    match datagrams.last_mut() {
        Some(last) if last.len() + 1 + line.len() <= MAX_DATAGRAM_BYTES => {
            last.push('\n');
            last.push_str(line);
        }
        _ => datagrams.push(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn lines(sent: &mut Sent, registry: &Registry) -> Vec<String> {
        let datagrams = sent.datagrams(&registry.flush(0));
        datagrams.iter().flat_map(|datagram| datagram.lines()).map(str::to_owned).collect()
    }

    #[test]
    fn counters_are_sent_as_what_was_added() {
        let (registry, mut sent) = (Registry::new("iot"), Sent::default());
        let check = |add: u64, sent: &mut Sent, expect: &[&str]| {
            registry.add(Metric::EventsRejected, &["not_json"], add);
            assert_eq!(lines(sent, &registry), expect);
        };
        check(0, &mut sent, &["penstock_events_rejected_total,dataset=iot,reason=not_json:0|c"]);
        check(3, &mut sent, &["penstock_events_rejected_total,dataset=iot,reason=not_json:3|c"]);
        check(0, &mut sent, &[]);
        check(2, &mut sent, &["penstock_events_rejected_total,dataset=iot,reason=not_json:2|c"]);
    }

    #[test]
    fn gauges_are_sent_each_time_and_odd_names_lose_what_has_a_meaning() {
        let (registry, mut sent) = (Registry::default(), Sent::default());
        registry.set(Metric::TriggerPollers, &["arn:aws:lambda", "a b|c"], 2.0);
        registry.set(Metric::WindowsOpen, &[], 0.5);
        for _ in 0..2 {
            let expect =
                ["penstock_windows_open:0.5|g", "penstock_trigger_pollers,function=arn_aws_lambda,topic=a_b_c:2|g"];
            assert_eq!(lines(&mut sent, &registry), expect);
        }
    }

    #[test]
    fn of_many_values_a_share_stands_for_all() {
        let (registry, mut sent) = (Registry::new("iot"), Sent::default());
        for _ in 0..400 {
            registry.observe(Metric::PayloadFill, &[], 0.5);
        }
        let found = lines(&mut sent, &registry);
        assert_eq!(found.len(), 100);
        assert_eq!(found[0], "penstock_payload_fill_ratio,dataset=iot:0.5|h|@0.250000");
        assert!(lines(&mut sent, &registry).is_empty());
    }

    #[test]
    fn no_datagram_is_too_large() {
        let (registry, mut sent) = (Registry::new("iot"), Sent::default());
        for partition in 0..256 {
            registry.add(Metric::EventsReceived, &["events", &partition.to_string()], 1);
        }
        let datagrams = sent.datagrams(&registry.flush(0));
        assert!(datagrams.iter().all(|datagram| datagram.len() <= MAX_DATAGRAM_BYTES));
        assert_eq!(datagrams.iter().map(|datagram| datagram.lines().count()).sum::<usize>(), 256);
    }
}
