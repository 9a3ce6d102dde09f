//! `penstock run` is killed at any point of its run and continued with the same command, and nothing is lost or doubled.

use std::path::Path;

use penstock_core::keys;
use penstock_producer::{Expected, Generator, Shape};
use penstock_tests::events::iot;
use penstock_tests::kill::{kill_and_continue, length_of, moments, run};
use penstock_tests::random::Random;
use penstock_tests::reading::Reading;

const KILLS: usize = 50;

/// The most kills of one lake; then its run may end. A run that goes on has less to do each time.
const KILLS_OF_A_LAKE: usize = 5;

/// Enough for a few cuts, and for a run of a second or two.
const EVENTS: u64 = 250_000;

fn command(lake: &Path) -> Vec<String> {
    let events = EVENTS.to_string();
    ["run", "--events", &events, "--late", "0.02", "--redeliver", "0.1", "--lake", lake.to_str().unwrap()]
        .map(str::to_owned)
        .into()
}

fn expected() -> Expected {
    let shape = Shape { events: EVENTS, late: 0.02, start_time_us: 1_767_225_600_000_000, ..Shape::default() };
    Generator::new(&iot(), &shape).unwrap().expected()
}

async fn assert_complete(lake: &Path) {
    run(&["audit", "--lake", lake.to_str().unwrap()]).await;
    let (reading, expected) = (Reading::of_directory(lake), expected());
    assert_eq!(reading.ids_each_once().len() as u64, expected.distinct());
    assert_eq!(reading.rejects().len() as u64, expected.malformed);
    let counted: i64 = reading.windows_total().values().map(|total| total.count).sum();
    assert_eq!(counted.unsigned_abs(), expected.distinct(), "every window is closed and whole");
}

#[tokio::test]
async fn a_run_that_is_killed_fifty_times_and_continued_loses_and_doubles_nothing() {
    let whole = tempfile::tempdir().unwrap();
    let length = length_of(&command(whole.path())).await;
    assert_complete(whole.path()).await;

    let mut random = Random::seeded(11);
    let mut kills = 0;
    while kills < KILLS {
        let lake = tempfile::tempdir().unwrap();
        let moments = moments(length, KILLS_OF_A_LAKE.min(KILLS - kills), &mut random);
        let has_finished = async || lake.path().join(keys::run_finished("iot", 0)).exists();
        kills += kill_and_continue(&command(lake.path()), &moments, has_finished).await;
        assert_complete(lake.path()).await;
    }
}
