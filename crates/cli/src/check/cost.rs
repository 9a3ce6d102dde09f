//! What a volume of events costs on AWS: objects, requests, compute, storage, and dollars a day.
//!
//! In: how much arrives and how it is batched, AWS's prices, and what the committed benchmark measured.
//! Out: a bill, with what it rests on; and whether the functions would keep up. It asks nobody and knows no lake.

mod measured;
mod prices;

use std::path::PathBuf;

use clap::{Args, value_parser};
use penstock_runtime::Failure;
use serde::Serialize;

use self::measured::Measured;
use self::prices::Prices;
use super::Check;
use crate::output::{count, counted, line, table};

const SECS_A_DAY: f64 = 86_400.0;
const DAYS_A_MONTH: f64 = 30.0;

/// Lambda takes no larger payload.
const MAX_PAYLOAD_BYTES: f64 = 6.0 * 1024.0 * 1024.0;

/// What one event poller gets through, as AWS documents under "event poller scaling modes".
const POLLER_BYTES_A_SECOND: f64 = 5e6;

/// A warm function believes the end of a chain for five minutes, then looks for it (`tails.rs` in ingest).
const LOOKS_A_DAY: f64 = SECS_A_DAY / 300.0;

/// Refine is called once a minute.
const RUNS_A_DAY: f64 = SECS_A_DAY / 60.0;

/// The cut, silver, windows, the state and the hint.
const PUTS_A_CUT: f64 = 5.0;

/// How an event arrives. A number of events a second asks for the bill; the others change it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What a volume costs on AWS")]
pub(super) struct VolumeArguments {
    /// How many events arrive a second: what that costs a day
    #[arg(long, value_name = "NUMBER", value_parser = crate::run::positive)]
    events_per_second: Option<f64>,
    /// The mean length of an event
    #[arg(long, value_name = "BYTES", default_value_t = 217, value_parser = value_parser!(u32).range(1..=1_048_576),
          requires = "events_per_second")]
    event_bytes: u32,
    /// Partitions of the topic, or shards of the stream
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = value_parser!(u32).range(1..=100_000),
          requires = "events_per_second")]
    partitions: u32,
    /// The most records of a batch, as the mapping says
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=10_000),
          requires = "events_per_second")]
    batch_size: u32,
    /// The mapping's batching window
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u32).range(1..=300),
          requires = "events_per_second")]
    batching_window_secs: u32,
    /// How many pollers share the partitions; Kinesis has one for each shard [default: one for each 5 MB a second]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=100_000),
          requires = "events_per_second")]
    pollers: Option<u32>,
    /// How long what is written is kept
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = value_parser!(u32).range(1..=36_500),
          requires = "events_per_second")]
    keep_days: u32,
    /// Your prices, in a file like crates/cli/prices.toml [default: those of us-east-1]
    #[arg(long, value_name = "FILE.toml", requires = "events_per_second")]
    prices: Option<PathBuf>,
}

/// The bill, if a volume is given. A volume that the functions could not keep up with is a problem.
pub(super) fn check(arguments: &VolumeArguments) -> Result<Option<Check>, Failure> {
    let Some(volume) = Volume::of(arguments) else { return Ok(None) };
    let prices = Prices::read(arguments.prices.as_deref())?;
    let measured = Measured::of_the_benchmark().map_err(Failure::bug)?;
    let day = Day::of(&volume, &prices, &measured);
    let check = Check::new(format!(
        "cost of {} events a second of {} bytes, in {}",
        arguments.events_per_second.unwrap_or_default(),
        count(u64::from(arguments.event_bytes)),
        counted(u64::from(arguments.partitions), "partition")
    ));
    let check = day.overloads().into_iter().fold(check, Check::with_problem);
    Ok(Some(Check { notes: assumptions(&volume, &prices, &measured), bill: Some(day.bill(&prices)), ..check }))
}

/// What arrives, and how it is batched.
#[derive(Clone, Copy, Debug)]
struct Volume {
    events_per_second: f64,
    event_bytes: f64,
    partitions: f64,
    batch_size: f64,
    batching_window_secs: f64,
    pollers: f64,
    keep_days: f64,
}

impl Volume {
    fn of(arguments: &VolumeArguments) -> Option<Self> {
        let events_per_second = arguments.events_per_second?;
        let event_bytes = f64::from(arguments.event_bytes);
        let partitions = f64::from(arguments.partitions);
        let needed = (events_per_second * event_bytes / POLLER_BYTES_A_SECOND).ceil();
        Some(Self {
            events_per_second,
            event_bytes,
            partitions,
            batch_size: f64::from(arguments.batch_size),
            batching_window_secs: f64::from(arguments.batching_window_secs),
            // No partition is polled twice.
            pollers: arguments.pollers.map_or(needed, f64::from).min(partitions),
            keep_days: f64::from(arguments.keep_days),
        })
    }

    /// The records of a payload, and what ends it.
    fn batch(&self, measured: &Measured) -> (f64, String) {
        let record_bytes = self.event_bytes * 4.0 / 3.0 + measured.record_overhead_bytes;
        let ends = [
            (self.batch_size, format!("the batch size of {}", self.batch_size)),
            ((MAX_PAYLOAD_BYTES / record_bytes).floor(), "the payload of 6 MB".to_owned()),
            (
                self.events_per_second * self.batching_window_secs / self.pollers,
                format!("the batching window of {} s", self.batching_window_secs),
            ),
        ];
        let (records, end) =
            ends.into_iter().reduce(|least, next| if next.0 < least.0 { next } else { least }).unwrap_or_default();
        // A window begins with its first record.
        (records.max(1.0), end)
    }
}

/// What a day needs.
#[derive(Clone, Copy, Debug)]
struct Day {
    ingest: Work,
    refine: Work,
    pollers: f64,
    /// What is kept.
    stored_gb: f64,
}

/// What one function needs.
#[derive(Clone, Copy, Debug)]
struct Work {
    calls: f64,
    /// Seconds that are paid.
    secs: f64,
    memory_mb: f64,
    requests: Requests,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Requests {
    puts: f64,
    gets: f64,
    lists: f64,
}

impl Day {
    fn of(volume: &Volume, prices: &Prices, measured: &Measured) -> Self {
        let events = volume.events_per_second * SECS_A_DAY;
        let (records, _) = volume.batch(measured);
        let calls = events / records;
        let objects = calls * records.min(volume.partitions / volume.pollers);
        let extra_bytes = (volume.event_bytes - measured.event_bytes).max(0.0);
        let share_of = |line: measured::Line| line.of(objects, events, extra_bytes);
        let written = share_of(measured.ingest.written_bytes) + share_of(measured.refine.written_bytes);
        Self {
            ingest: ingest(volume, prices, share_of(measured.ingest.cpu_secs), calls, objects),
            refine: refine(volume, prices, share_of(measured.refine.cpu_secs), objects),
            pollers: volume.pollers,
            stored_gb: written / 1e9 * volume.keep_days,
        }
    }

    /// What the functions could not keep up with.
    fn overloads(&self) -> Vec<String> {
        let hours = |secs: f64| format!("{:.1}", secs / 3600.0);
        let of_ingest = self.ingest.secs / self.pollers;
        let ingest = (SECS_A_DAY < of_ingest).then(|| {
            format!(
                "ingest would be busy {} hours a day for each poller: give the topic more partitions and pollers, or ingest more memory",
                hours(of_ingest)
            )
        });
        let refine = (SECS_A_DAY < self.refine.secs).then(|| {
            format!(
                "refine would be busy {} hours a day: let batches grow (--batching-window-secs), or split the topics into datasets",
                hours(self.refine.secs)
            )
        });
        ingest.into_iter().chain(refine).collect()
    }

    fn bill(&self, prices: &Prices) -> Bill {
        let stored =
            Item::new("what is kept", self.stored_gb, "GB", self.stored_gb * prices.s3.gb_month / DAYS_A_MONTH);
        let items: Vec<Item> =
            [self.ingest.items("ingest", prices), self.refine.items("refine", prices), vec![stored]].concat();
        let dollars_a_day = items.iter().map(|item| item.dollars).sum();
        Bill { items, dollars_a_day, dollars_a_month: dollars_a_day * DAYS_A_MONTH }
    }
}

/// Partitions of one payload land at the same time, so an invocation waits for one PUT.
fn ingest(volume: &Volume, prices: &Prices, cpu_secs: f64, calls: f64, objects: f64) -> Work {
    let looks = objects.min(LOOKS_A_DAY * volume.partitions);
    let waits = calls + 2.0 * calls.min(LOOKS_A_DAY * volume.pollers);
    let memory_mb = prices.lambda.ingest_memory_mb;
    let requests = Requests { puts: objects, gets: looks, lists: looks };
    Work { calls, secs: prices.busy_secs(cpu_secs, waits, memory_mb), memory_mb, requests }
}

fn refine(volume: &Volume, prices: &Prices, cpu_secs: f64, objects: f64) -> Work {
    let requests = Requests::of_refine(RUNS_A_DAY, objects.min(RUNS_A_DAY), objects, volume.partitions);
    let memory_mb = prices.lambda.refine_memory_mb;
    let waits = requests.puts + requests.gets + requests.lists;
    Work { calls: RUNS_A_DAY, secs: prices.busy_secs(cpu_secs, waits, memory_mb), memory_mb, requests }
}

impl Requests {
    /// A run lists the cuts; then it looks what waits, after each cut again: sources, topics, partitions, and each chain.
    /// It reads a hint, of each cut the state before, and of each object the footer and then the rows.
    fn of_refine(runs: f64, cuts: f64, objects: f64, partitions: f64) -> Self {
        let looks = runs + cuts;
        Self { puts: PUTS_A_CUT * cuts, gets: runs + cuts + 2.0 * objects, lists: runs + looks * (3.0 + partitions) }
    }
}

impl Prices {
    /// A function has a share of a core with its memory, and pays while it waits for S3.
    fn busy_secs(&self, cpu_secs: f64, waits: f64, memory_mb: f64) -> f64 {
        let share = (memory_mb / self.lambda.mb_per_core).min(1.0);
        cpu_secs / share + waits * self.assumed.request_wait_ms / 1000.0
    }
}

impl Work {
    fn items(&self, function: &str, prices: &Prices) -> Vec<Item> {
        let Requests { puts, gets, lists } = self.requests;
        let gb_secs = self.secs * self.memory_mb / 1024.0;
        let item = |what: &str, amount: f64, unit, price: f64| {
            Item::new(&format!("{function}: {what}"), amount, unit, amount * price)
        };
        vec![
            item("invocations", self.calls, "calls", prices.lambda.million_requests / 1e6),
            item("compute", gb_secs, "GB-seconds", prices.lambda.gb_second),
            item("objects written", puts, "PUT", prices.s3.thousand_puts / 1e3),
            item("lists", lists, "LIST", prices.s3.thousand_puts / 1e3),
            item("reads", gets, "GET", prices.s3.thousand_gets / 1e3),
        ]
    }
}

/// Of a day, once as much is kept as is to be kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    pub items: Vec<Item>,
    pub dollars_a_day: f64,
    pub dollars_a_month: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    pub what: String,
    pub amount: f64,
    pub unit: &'static str,
    pub dollars: f64,
}

impl Item {
    fn new(what: &str, amount: f64, unit: &'static str, dollars: f64) -> Self {
        Self { what: what.to_owned(), amount, unit, dollars }
    }
}

impl Bill {
    pub(super) fn print(&self) {
        let amount = |amount: f64| if amount < 10.0 { format!("{amount:.2}") } else { count(amount.round() as u64) };
        let row = |item: &Item| {
            vec![item.what.clone(), amount(item.amount), item.unit.to_owned(), format!("{:.4}", item.dollars)]
        };
        table(&["what", "a day", "", "dollars a day"], &self.items.iter().map(row).collect::<Vec<_>>());
        line(&format!("{:.2} dollars a day, {:.2} a month", self.dollars_a_day, self.dollars_a_month));
    }
}

/// What the bill rests on, and the lever: what ends a batch.
fn assumptions(volume: &Volume, prices: &Prices, measured: &Measured) -> Vec<String> {
    let (records, end) = volume.batch(measured);
    let mut notes = vec![
        format!("a batch holds {} records: {end} ends it", count(records.round() as u64)),
        format!(
            "{} a poller, and an object for each of them in a batch",
            counted((volume.partitions / volume.pollers).round() as u64, "partition")
        ),
        "processor time and bytes are those of docs/benchmarks.md, as if a core of Lambda were as fast as that one"
            .to_owned(),
        format!(
            "ingest has {} MB of memory, refine {} MB, and one request to S3 takes {} ms",
            prices.lambda.ingest_memory_mb, prices.lambda.refine_memory_mb, prices.assumed.request_wait_ms
        ),
    ];
    if measured.event_bytes < volume.event_bytes {
        let measured = measured.event_bytes.round();
        notes.push(format!("what an event has beyond {measured} bytes is taken for text that nothing makes shorter"));
    }
    notes.push("not in it: brokers, streams, provisioned pollers, logs, metrics, and what readers ask for".to_owned());
    notes
}

#[cfg(test)]
mod tests;
