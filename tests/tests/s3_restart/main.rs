//! The store itself is killed while a run writes to it, and started again: the run waits for it and goes on.
//! It needs a MinIO that `localstack/minio.sh up` has started, in the folder that PENSTOCK_LOCAL names, which outlives its process;
//! `make test-s3` starts one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the machine for its time and environment"
)]

#[path = "../s3_stores/place.rs"]
mod place;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use penstock_producer::{Generator, Shape};
use penstock_tests::binaries;
use penstock_tests::events::iot;
use penstock_tests::reading::Reading;
use place::Place;
use tokio::process::{Child, Command};

const EVENTS: u64 = 400_000;

/// So many raw objects are there when the store is killed: the run is at work, and has not ended.
const WRITTEN: [usize; 3] = [4, 12, 20];

fn minio_sh() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../localstack/minio.sh")
}

/// SIGKILL, and a new process over the same data.
async fn kill_and_start_again() {
    let home =
        std::env::var("PENSTOCK_LOCAL").expect("PENSTOCK_LOCAL is not set: `make test-s3` starts MinIO and sets it");
    let pid = std::fs::read_to_string(Path::new(&home).join("minio/minio.pid"))
        .expect("the MinIO of `localstack/minio.sh up`");
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().await.unwrap().success());
    assert!(Command::new(minio_sh()).arg("up").status().await.unwrap().success());
}

fn run(place: &Place) -> Child {
    let mut command = Command::new(binaries::penstock());
    command.args(["run", "--events", &EVENTS.to_string(), "--redeliver", "0.1", "--lake", &place.url()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// Returns once so many raw objects are there; fails if the run ends before.
async fn wait_for(objects: usize, place: &Place, run: &mut Child) {
    let store = place.store().await;
    while store.list_after("raw/", None, objects).await.unwrap().len() < objects {
        assert!(run.try_wait().unwrap().is_none(), "the run ended before the store was killed");
    }
}

#[tokio::test]
async fn a_store_that_is_killed_and_started_again_has_lost_nothing_and_the_run_goes_on() {
    let place = Place::new("restart").await;
    let mut running = run(&place);
    for objects in WRITTEN {
        wait_for(objects, &place, &mut running).await;
        kill_and_start_again().await;
    }
    assert!(running.wait().await.unwrap().success(), "the run did not outlast the store's restarts");

    let audit = Command::new(binaries::penstock()).args(["audit", "--lake", &place.url()]).output().await.unwrap();
    assert!(audit.status.success(), "the audit says:\n{}", String::from_utf8_lossy(&audit.stdout));
    let reading = Reading::of_store(&*place.store().await).await;
    let shape = Shape { events: EVENTS, start_time_us: 1_767_225_600_000_000, ..Shape::default() };
    let expected = Generator::new(&iot(), &shape).unwrap().expected();
    assert_eq!(reading.ids_each_once().len() as u64, expected.distinct());
    assert_eq!(reading.rejects().len() as u64, expected.malformed);
}
