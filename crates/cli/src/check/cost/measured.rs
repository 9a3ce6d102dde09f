//! What events cost in processor time and bytes, from the rows that `make bench` measured and that are committed.
//!
//! Cost is taken for a straight line: so much for each raw object, so much for each event, and so much for each byte by
//! which an event is larger than those measured. Two points of the benchmark lie on each line.

use std::collections::HashMap;

const ROWS: &str = include_str!("../../../../../docs/benchmarks/rounds.csv");

/// What the calculator takes from the benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// The mean length of an event.
    pub(super) event_bytes: f64,
    /// What a record adds to a payload beside its value in base64.
    pub(super) record_overhead_bytes: f64,
    pub(super) ingest: Step,
    pub(super) refine: Step,
}

/// What a function needs, and what it writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) cpu_secs: Line,
    pub(super) written_bytes: Line,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) per_object: f64,
    pub(super) per_event: f64,
    /// For each event, and each byte that it is larger than the events measured.
    pub(super) per_extra_byte: f64,
}

impl Line {
    pub(super) fn of(&self, objects: f64, events: f64, extra_bytes: f64) -> f64 {
        objects * self.per_object + events * (self.per_event + extra_bytes * self.per_extra_byte)
    }
}

impl Measured {
    pub(super) fn of_the_benchmark() -> Result<Self, String> {
        Self::read(ROWS).ok_or_else(|| "docs/benchmarks/rounds.csv lacks rows that `penstock check` reads".to_owned())
    }

    fn read(rows: &str) -> Option<Self> {
        let rows = Rows::read(rows)?;
        let full = rows.last("records a payload", "ingest")?;
        let event_bytes = full.per_event("value_bytes")?;
        Some(Self {
            event_bytes,
            record_overhead_bytes: full.per_event("payload_bytes")? - event_bytes * 4.0 / 3.0,
            ingest: rows.step("ingest")?,
            refine: rows.step("refine")?,
        })
    }
}

/// The rows of our own path.
struct Rows<'t>(Vec<HashMap<&'t str, &'t str>>);

impl<'t> Rows<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next()?.split(',').collect();
        let rows = lines.map(|line| header.iter().copied().zip(line.split(',')).collect());
        Some(Self(rows.filter(|row: &HashMap<&str, &str>| row.get("tool") == Some(&"penstock")).collect()))
    }

    fn step(&self, step: &str) -> Option<Step> {
        Some(Step { cpu_secs: self.line(step, "cpu_secs")?, written_bytes: self.line(step, "bytes")? })
    }

    fn line(&self, step: &str, name: &str) -> Option<Line> {
        let (least, most) = (self.first("records a payload", step)?, self.last("records a payload", step)?);
        let slope = |from: &Point, to: &Point, along: &str| {
            let run = to.per_event(along)? - from.per_event(along)?;
            // A larger event, or one more object, never saves anything.
            Some(((to.per_event(name)? - from.per_event(name)?) / run).max(0.0))
        };
        let per_object = slope(&most, &least, "payloads")?;
        let (small, large) = (self.first("bytes an event", step)?, self.last("bytes an event", step)?);
        Some(Line {
            per_object,
            per_event: most.per_event(name)? - per_object * most.per_event("payloads")?,
            per_extra_byte: slope(&small, &large, "value_bytes")?,
        })
    }

    /// The rounds with the least value of an experiment's parameter.
    fn first(&self, experiment: &str, step: &str) -> Option<Point<'_>> {
        self.point(experiment, step, f64::min)
    }

    /// The rounds with the greatest.
    fn last(&self, experiment: &str, step: &str) -> Option<Point<'_>> {
        self.point(experiment, step, f64::max)
    }

    fn point(&self, experiment: &str, step: &str, choose: fn(f64, f64) -> f64) -> Option<Point<'_>> {
        let is_of =
            |row: &&HashMap<&str, &str>| row.get("experiment") == Some(&experiment) && row.get("step") == Some(&step);
        let of_experiment: Vec<_> = self.0.iter().filter(is_of).collect();
        let parameter = of_experiment.iter().filter_map(|row| number(row, "parameter")).reduce(choose)?;
        Some(Point(of_experiment.into_iter().filter(|row| number(row, "parameter") == Some(parameter)).collect()))
    }
}

/// The rounds of one experiment with one value of its parameter.
struct Point<'r>(Vec<&'r HashMap<&'r str, &'r str>>);

impl Point<'_> {
    fn median(&self, name: &str) -> Option<f64> {
        let mut values: Vec<f64> = self.0.iter().filter_map(|row| number(row, name)).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values.get(middle)?;
        Some(if values.len().is_multiple_of(2) { (values.get(middle.checked_sub(1)?)? + upper) / 2.0 } else { *upper })
    }

    fn per_event(&self, name: &str) -> Option<f64> {
        Some(self.median(name)? / self.median("events")?)
    }
}

fn number(row: &HashMap<&str, &str>, name: &str) -> Option<f64> {
    row.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 events: 2 s and 50 bytes for each of 10 objects or of 1, and 1 ms and 30 bytes for each event.
    const FEW: &str = "\
experiment,tool,step,parameter,round,events,cpu_secs,bytes,value_bytes,payloads,payload_bytes
records a payload,penstock,STEP,100,1,1000,21,30500,200000,10,400000
records a payload,penstock,STEP,1000,1,1000,2,30050,200000,1,400000
records a payload,penstock,STEP,1000,2,1000,4,30050,200000,1,400000
records a payload,DuckDB,STEP,1,1,1000,99,99,99,99,99
bytes an event,penstock,STEP,0,1,1000,3,30050,200000,1,400000
bytes an event,penstock,STEP,800,1,1000,11,830050,1000000,1,1400000
";

    #[test]
    fn a_line_goes_through_the_medians_of_two_points() {
        let rows = FEW.replace("STEP", "ingest") + FEW.replace("STEP", "refine").split_once('\n').unwrap().1;
        let measured = Measured::read(&rows).unwrap();
        let step = Step {
            cpu_secs: Line { per_object: 2.0, per_event: 0.001, per_extra_byte: 0.000_01 },
            written_bytes: Line { per_object: 50.0, per_event: 30.0, per_extra_byte: 1.0 },
        };
        let close = |found: Line, expect: Line| {
            let pairs = [
                (found.per_object, expect.per_object),
                (found.per_event, expect.per_event),
                (found.per_extra_byte, expect.per_extra_byte),
            ];
            assert!(pairs.iter().all(|(found, expect)| (found - expect).abs() <= expect * 1e-9), "{found:?}");
        };
        for found in [measured.ingest, measured.refine] {
            close(found.cpu_secs, step.cpu_secs);
            close(found.written_bytes, step.written_bytes);
        }
        assert_eq!(measured.event_bytes, 200.0);
        assert!((measured.record_overhead_bytes - 400.0 / 3.0).abs() < 1e-9);
        assert_eq!(Measured::read(&rows.replace("records a payload", "other")), None);
    }

    #[test]
    fn the_committed_rows_have_what_is_read() {
        let measured = Measured::of_the_benchmark().unwrap();
        for step in [measured.ingest, measured.refine] {
            assert!(0.0 < step.cpu_secs.per_event && step.cpu_secs.per_event < 1e-4, "{step:?}");
            assert!(0.0 < step.written_bytes.per_event && step.written_bytes.per_event < 1e3, "{step:?}");
        }
    }

    /// The requests that the calculator counts are those that were counted: of one partition, in one run.
    #[test]
    fn refine_asks_for_what_the_calculator_counts() {
        let rows = Rows::read(ROWS).unwrap();
        for choose in [Rows::first, Rows::last] {
            let point = choose(&rows, "records a payload", "refine").unwrap();
            let of = |name| point.median(name).unwrap();
            let cuts = of("puts") / super::super::PUTS_A_CUT;
            let counted = super::super::Requests::of_refine(1.0, cuts, of("payloads"), 1.0);
            let expect = super::super::Requests { puts: of("puts"), gets: of("gets"), lists: of("lists") };
            assert_eq!(counted, expect);
        }
    }
}
