//! The fault matrix: every operation that ingest and refine ask of the store, times every fault, times how long it lasts.
//!
//! A cell plays the scene with its fault, heals, lets both functions finish, and looks at the lake:
//! the audit finds nothing, a reader finds the rows of an undisturbed run, and whoever must act has heard of it.
//! A cell whose fault never struck fails as well.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod scene;
mod operations;
mod faults;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use penstock_cli::audit;
use penstock_core::dataset::Dataset;
use penstock_lake::Answer;
use penstock_runtime::{Failure, Kind};
use penstock_tests::lake::TestLake;
use penstock_tests::reading::{Reject, Row, Total};

use faults::{Cell, FAULTS, Span, Trouble};
use operations::{Ask, OPERATIONS};
use scene::World;

/// Everything that a reader finds, in an order that does not depend on how cuts were made.
#[derive(Debug, PartialEq)]
struct Rows {
    silver: Vec<Row>,
    windows: BTreeMap<(i64, String), Total>,
    rejects: Vec<Reject>,
}

impl Rows {
    async fn of(lake: &TestLake) -> Self {
        let reading = lake.read().await;
        let _ = reading.ids_each_once();
        Self { silver: reading.silver_rows(), windows: reading.windows_total(), rejects: reading.rejects() }
    }
}

#[test]
fn every_operation_survives_every_fault() {
    let dataset = Arc::new(scene::dataset());
    let (golden, calls) = block_on(undisturbed(&dataset));
    let cells: Vec<Cell> = calls.iter().flat_map(|(ask, calls)| Cell::of(*ask, *calls)).collect();
    let results = in_parallel(&cells, |cell| block_on(check(&dataset, *cell, &golden)));
    println!("{}", table(&cells, &results));
    let failed = cells.iter().zip(&results);
    let failed: Vec<String> =
        failed.filter_map(|(cell, result)| Some(format!("{}: {}", cell.name(), result.as_ref().err()?))).collect();
    assert!(failed.is_empty(), "{} of {} cells failed:\n{}", failed.len(), cells.len(), failed.join("\n"));
    assert!(300 <= cells.len(), "only {} cells", cells.len());
}

/// The rows of a scene without faults, and how often it asks what.
async fn undisturbed(dataset: &Arc<Dataset>) -> (Rows, BTreeMap<Ask, usize>) {
    let mut world = World::new(Arc::clone(dataset), None).await;
    world.play().await;
    let mut calls: BTreeMap<Ask, usize> = BTreeMap::new();
    world.asked().into_iter().for_each(|ask| *calls.entry(ask).or_default() += 1);
    let unlisted: Vec<String> = calls.keys().filter(|ask| !OPERATIONS.contains(ask)).map(Ask::to_string).collect();
    let unasked: Vec<String> = OPERATIONS.iter().filter(|ask| !calls.contains_key(ask)).map(Ask::to_string).collect();
    assert!(unlisted.is_empty() && unasked.is_empty(), "not listed: {unlisted:?}; listed and not asked: {unasked:?}");

    world.finish().await.unwrap();
    assert_eq!(world.failures, []);
    assert_eq!(world.lake.read().await.ids_each_once(), scene::events());
    let golden = Rows::of(&world.lake).await;
    let report = audit::report(&*world.lake.store, dataset, 0).await.unwrap();
    assert_eq!((report.landed, report.silver, report.duplicates, report.rejected), (42, 36, 3, 3), "{report:?}");
    assert_eq!(report.findings, []);
    (golden, calls)
}

/// Plays a cell; how often its fault struck.
async fn check(dataset: &Arc<Dataset>, cell: Cell, golden: &Rows) -> Result<usize, String> {
    let mut world = World::new(Arc::clone(dataset), Some(cell)).await;
    world.play().await;
    let strikes = strikes(&world, cell);
    if strikes == 0 {
        return Err("the fault never struck".to_owned());
    }
    check_failures(cell, &world.failures)?;
    let half_way = world.lake.read().await.silver_rows();
    world.heal();
    world.finish().await.map_err(|failure| format!("it does not recover: {failure}"))?;
    let rows = Rows::of(&world.lake).await;
    if rows != *golden {
        return Err(format!("a reader finds other rows: {rows:?}"));
    }
    if let Some(lost) = half_way.iter().find(|row| !rows.silver.contains(row)) {
        return Err(format!("a reader saw a row that went away: {lost:?}"));
    }
    let report = audit::report(&*world.lake.store, dataset, 0).await.map_err(|failure| failure.message)?;
    if !report.balances() || report.waiting != 0 || report.open_windows != 0 {
        return Err(format!("the audit: {report:?}"));
    }
    Ok(strikes)
}

fn strikes(world: &World, cell: Cell) -> usize {
    let calls = world.asked().into_iter().filter(|ask| *ask == cell.ask).count();
    match cell.span {
        Span::Once { skip } => usize::from(skip < calls),
        Span::AWhile | Span::UntilHealed => calls,
    }
}

/// Whoever must act hears of it, nobody else does, and nothing is called a bug.
fn check_failures(cell: Cell, failures: &[Failure]) -> Result<(), String> {
    let is_once = matches!(cell.span, Span::Once { .. });
    let (must_fail, kind) = match cell.trouble() {
        // Behind its deadline a function tries nothing again: the scene's own faults may then fail it.
        Trouble::Slow => (None, Kind::Retry),
        Trouble::Answer(Answer::Die | Answer::DieAfter) => (Some(true), Kind::Misconfigured),
        _ if cell.ask.is_about_hints() => (Some(false), Kind::Retry),
        Trouble::Answer(Answer::Denied) => (Some(true), Kind::Misconfigured),
        // What happens once is tried again within the invocation.
        Trouble::Answer(Answer::Unavailable | Answer::ReplyLost | Answer::Conflict) => (Some(!is_once), Kind::Retry),
    };
    let other = failures.iter().find(|failure| failure.kind != kind);
    if must_fail == Some(failures.is_empty()) || other.is_some() {
        return Err(format!("must fail: {must_fail:?}, as {}: {failures:?}", kind.as_str()));
    }
    Ok(())
}

/// Operation by fault: how often it struck, once at the first call, once at the last, for a while, until healed.
fn table(cells: &[Cell], results: &[Result<usize, String>]) -> String {
    let mut table = format!("{:32}", "strikes");
    FAULTS.iter().for_each(|(name, _)| write!(table, "{name:>16}").unwrap());
    for ask in OPERATIONS {
        write!(table, "\n{:32}", ask.to_string()).unwrap();
        for fault in 0..FAULTS.len() {
            let of_cell = cells.iter().zip(results).filter(|(cell, _)| cell.ask == ask && cell.fault == fault);
            let strikes = of_cell.map(|(_, result)| result.as_ref().map_or("-".to_owned(), usize::to_string));
            write!(table, "{:>16}", strikes.collect::<Vec<_>>().join(" ")).unwrap();
        }
    }
    write!(table, "\n{} cells", cells.len()).unwrap();
    table
}

fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, items.get(index)?)))
                {
                    let result = work(item);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
