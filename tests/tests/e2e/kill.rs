//! `penstock run` is killed at any point of its run and continued with the same command, and nothing is lost or doubled.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use penstock_core::keys;
use penstock_producer::{Expected, Generator, Shape};
use penstock_tests::binaries;
use penstock_tests::events::iot;
use penstock_tests::random::Random;
use penstock_tests::reading::Reading;
use tokio::process::{Child, Command};

const KILLS: usize = 50;

/// The most kills of one lake; then its run may end. A run that goes on has less to do each time.
const KILLS_OF_A_LAKE: usize = 5;

/// Enough for a few cuts, and for a run of a second or two.
const EVENTS: u64 = 250_000;

fn run(lake: &Path) -> Child {
    Command::new(binaries::penstock())
        .args(["run", "--events", &EVENTS.to_string(), "--late", "0.02", "--redeliver", "0.1", "--lake"])
        .arg(lake)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn expected() -> Expected {
    let shape = Shape { events: EVENTS, late: 0.02, start_time_us: 1_767_225_600_000_000, ..Shape::default() };
    Generator::new(&iot(), &shape).unwrap().expected()
}

/// Runs until the end or until `kill_after`; whether it came to its end. After that the same command would begin another run.
async fn run_or_kill(lake: &Path, kill_after: Duration) -> bool {
    let mut child = run(lake);
    // Not for timing: every point of the run will do.
    match tokio::time::timeout(kill_after, child.wait()).await {
        Ok(status) => {
            assert!(status.unwrap().success(), "a run that goes on ends well, and its summary has in = out");
            true
        }
        Err(_) => {
            child.kill().await.unwrap();
            lake.join(keys::run_finished("iot", 0)).exists()
        }
    }
}

async fn assert_complete(lake: &Path) {
    let audit = Command::new(binaries::penstock()).args(["audit", "--lake"]).arg(lake).output().await.unwrap();
    assert!(audit.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&audit.stdout));
    let (reading, expected) = (Reading::of_directory(lake), expected());
    assert_eq!(reading.ids_each_once().len() as u64, expected.distinct());
    assert_eq!(reading.rejects().len() as u64, expected.malformed);
    let counted: i64 = reading.windows_total().values().map(|total| total.count).sum();
    assert_eq!(counted.unsigned_abs(), expected.distinct(), "every window is closed and whole");
}

#[tokio::test]
async fn a_run_that_is_killed_fifty_times_and_continued_loses_and_doubles_nothing() {
    let whole = tempfile::tempdir().unwrap();
    // Built before the time is taken.
    binaries::penstock();
    let began = Instant::now();
    assert!(run_or_kill(whole.path(), Duration::MAX).await);
    let length = began.elapsed();
    assert_complete(whole.path()).await;

    let mut random = Random::seeded(11);
    let mut kills = 0;
    while kills < KILLS {
        let lake = tempfile::tempdir().unwrap();
        let mut ended = false;
        let mut left = KILLS_OF_A_LAKE.min(KILLS - kills);
        while !ended && 0 < left {
            let per_mille = u32::try_from(random.below(1000)).unwrap();
            ended = run_or_kill(lake.path(), length * per_mille / 1000).await;
            kills += usize::from(!ended);
            left -= 1;
        }
        if !ended {
            assert!(run_or_kill(lake.path(), Duration::MAX).await);
        }
        assert_complete(lake.path()).await;
    }
}
