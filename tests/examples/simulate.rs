//! Runs many schedules of the simulation, or one again.
//!
//! `make test-simulation`, or `cargo run --release -p penstock-tests --example simulate -- OPTIONS`:
//!
//! - `--schedules N`: so many, of the seeds from `--seed S` on, on `--threads T`;
//! - `--replay SEED`: one, twice, with its story; if it fails, the story of the shortest schedule that still does.
//!
//! It fails if a schedule fails, and if a kind of event never happened.

#![allow(clippy::disallowed_methods, reason = "it says how long it took")]
#![allow(clippy::expect_used, clippy::panic, reason = "it fails by panicking")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use mimalloc::MiMalloc;
use penstock_tests::simulation::{Case, Outcome, Reached, in_memory, shrink};

/// A third of a schedule's time went into many small pieces of memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const COMMAND: &str = "cargo run --release -p penstock-tests --example simulate -- --replay";
/// Enough to see whether they are one story.
const MAX_FAILURES: usize = 5;

fn main() -> ExitCode {
    match option("--replay") {
        Some(seed) => replay(seed),
        None => {
            many(option("--seed").unwrap_or(1), option("--schedules").unwrap_or(1000), option("--threads").unwrap_or(2))
        }
    }
}

/// The number behind an option of the command line.
fn option(name: &str) -> Option<u64> {
    let value = std::env::args().skip_while(|argument| argument != name).nth(1)?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} {value}: expected a number")))
}

/// What many schedules came to.
#[derive(Default)]
struct Sum {
    reached: Reached,
    failures: Vec<(u64, Vec<String>)>,
}

fn many(first: u64, schedules: u64, threads: u64) -> ExitCode {
    // A panic is a finding, and its seed is what somebody needs to see it again.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let sum = Mutex::new(Sum::default());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, first + schedules, &sum));
        }
    });
    let Sum { reached, mut failures } = sum.into_inner().expect("no thread panicked");
    println!(
        "{schedules} schedules from seed {first} on, on {threads} threads, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    print!("{reached}");
    failures.sort();
    for (seed, findings) in &failures {
        println!("\nSEED {seed} FAILS: {}\n  {COMMAND} {seed}", findings.join("; "));
    }
    if let Some((seed, _)) = failures.first() {
        println!("\nThe shortest schedule that fails like seed {seed}:");
        tell(&shrink(&Case::drawn(*seed, in_memory), in_memory));
        return ExitCode::FAILURE;
    }
    let missing = reached.missing();
    if !missing.is_empty() {
        println!("\nNEVER HAPPENED: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Takes seeds until there are none, or enough failed.
fn work(next: &AtomicU64, end: u64, sum: &Mutex<Sum>) {
    let mut reached = Reached::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if end <= seed {
            break;
        }
        let (_, outcome) = Case::run_drawn(seed, in_memory);
        reached.merge(&outcome.reached);
        if !outcome.findings.is_empty() {
            let failures = &mut sum.lock().expect("no thread panicked").failures;
            failures.push((seed, outcome.findings));
            if MAX_FAILURES <= failures.len() {
                break;
            }
        }
    }
    sum.lock().expect("no thread panicked").reached.merge(&reached);
}

fn replay(seed: u64) -> ExitCode {
    let case = Case::drawn(seed, in_memory);
    let outcome = tell(&case);
    let again = case.run(in_memory);
    println!("seed {seed}: {} actions, trace {:016x}, again {:016x}", case.actions.len(), outcome.trace, again.trace);
    if outcome.trace != again.trace {
        println!("TWO RUNS DIFFER: something depends on more than the schedule");
        return ExitCode::FAILURE;
    }
    if outcome.findings.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nThe shortest schedule that fails:");
    tell(&shrink(&case, in_memory));
    ExitCode::FAILURE
}

/// Prints what happens in a schedule, and what is wrong at its end.
fn tell(case: &Case) -> Outcome {
    let outcome = case.tell(in_memory);
    for line in &outcome.story {
        println!("{line}");
    }
    for finding in &outcome.findings {
        println!("WRONG: {finding}");
    }
    outcome
}
