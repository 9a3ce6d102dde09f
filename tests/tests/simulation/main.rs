//! The simulation: some thousand schedules of it, and that it notices what it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod broken;

use std::sync::Arc;

use penstock_lake::{Clock, Store};
use penstock_tests::simulation::{Case, MakeStore, Reached, in_memory, shrink};

use broken::{Broken, Defect};

/// How many schedules two threads run in some seconds without optimisation. `make test-simulation` runs many more.
const SCHEDULES: u64 = 1000;

#[test]
fn schedules_leave_the_lake_as_it_should_be() {
    let threads = [0, 1].map(|start| {
        std::thread::spawn(move || {
            let mut reached = Reached::default();
            for seed in (start..SCHEDULES).step_by(2) {
                let (_, outcome) = Case::run_drawn(seed, in_memory);
                assert_eq!(outcome.findings, Vec::<String>::new(), "`simulate --replay {seed}` tells the story");
                reached.merge(&outcome.reached);
            }
            reached
        })
    });
    let mut reached = Reached::default();
    threads.into_iter().for_each(|thread| reached.merge(&thread.join().unwrap()));
    assert_eq!(reached.missing(), Vec::<&str>::new(), "what never happens is not tested:\n{reached}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..40 {
        let (case, outcome) = Case::run_drawn(seed, in_memory);
        let again = case.tell(in_memory);
        assert_eq!(outcome.trace, again.trace, "seed {seed}");
        assert_eq!(outcome.trace, Case::drawn(seed, in_memory).run(in_memory).trace, "seed {seed}");
    }
}

/// The first schedule that fails over a store with a defect, and the shortest one like it.
fn found(defect: MakeStore) -> (Case, Case) {
    let fails = |seed: u64| {
        let (case, outcome) = Case::run_drawn(seed, defect);
        (!outcome.findings.is_empty()).then_some(case)
    };
    let case = (0..SCHEDULES).find_map(fails).expect("the defect is found");
    let short = shrink(&case, defect);
    (case, short)
}

fn overwriting(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Broken::over(in_memory(clock), Defect::Overwrites)
}

fn forgetting(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Broken::over(in_memory(clock), Defect::Forgets)
}

#[test]
fn a_store_that_overwrites_is_found_and_its_story_is_short() {
    let (case, short) = found(overwriting);
    assert!(short.actions.len() < case.actions.len().min(15), "{:#?}", short.actions);
    let outcome = short.tell(overwriting);
    assert!(outcome.findings[0].contains("overwritten"), "{:?}", outcome.findings);
    assert!(outcome.story.iter().any(|line| line.contains("put_new")), "{:#?}", outcome.story);
}

#[test]
fn a_store_that_says_created_and_forgets_is_found() {
    let (_, short) = found(forgetting);
    assert!(short.actions.len() < 15, "{:#?}", short.actions);
}
