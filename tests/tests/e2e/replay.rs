//! `penstock replay` is killed at any point and continued while `penstock run` fills the old lake, and the new lake is as if
//! it had had the changed file from the start.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use penstock_lake::Clock;
use penstock_producer::{Generator, Record, Shape};
use penstock_runtime::SystemClock;
use penstock_tests::events::iot;
use penstock_tests::kill::{kill_and_continue, length_of, moments, run, start};
use penstock_tests::random::Random;
use penstock_tests::reading::Reading;

/// Events of each of the two runs that fill the old lake.
const EVENTS: u64 = 40_000;

/// So that the second run goes on while replays are killed, in events per second.
const RATE: &str = "4000";

const KILLS_OF_A_LAKE: usize = 5;

/// The column that the new file adds. Its values stand in `extra` of the old lake's raw objects.
const NEW_COLUMN: &str = "site";

fn write_events(path: &Path, seed: u64) {
    let shape = Shape {
        seed,
        events: EVENTS,
        duplicates: 0.02,
        malformed: 0.01,
        // The functions look at the clock.
        start_time_us: SystemClock.now() - 600_000_000,
        spacing_nanos: 600_000_000_000 / EVENTS,
        ..Shape::default()
    };
    let generator = Generator::new(&iot(), &shape).unwrap();
    let (mut file, mut record) = (BufWriter::new(File::create(path).unwrap()), Record::default());
    for number in 0..EVENTS {
        generator.event(number, &mut record);
        file.write_all(&record.value).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
}

/// The shipped dataset as it was before it had the new column.
fn older() -> String {
    let text = iot().text;
    let (before, rest) = text.split_once(&format!("[[columns]]\nname = \"{NEW_COLUMN}\"")).unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}{after}")
}

#[tokio::test]
async fn a_replay_that_is_killed_while_ingestion_goes_on_is_as_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second, older_file) = (path("first.ndjson"), path("second.ndjson"), path("older.toml"));
    write_events(first.as_ref(), 1);
    write_events(second.as_ref(), 2);
    std::fs::write(&older_file, older()).unwrap();
    let (old, fresh) = (path("old"), path("fresh"));
    let replay = |target: &str| ["replay", "--lake", &old, "--into", target].map(str::to_owned);

    run(&["run", "--input", &first, "--dataset", &older_file, "--lake", &old]).await;
    let whole = path("whole");
    let length = length_of(&replay(&whole)).await;
    let mut ingestion = start(&["run", "--input", &second, "--rate", RATE, "--dataset", &older_file, "--lake", &old]);
    let mut random = Random::seeded(5);
    let mut targets = vec![whole];
    let mut kills = 0;
    for number in 0..3 {
        let target = path(&format!("killed-{number}"));
        let moments = moments(length, KILLS_OF_A_LAKE, &mut random);
        kills += kill_and_continue(&replay(&target), &moments, async || false).await;
        targets.push(target);
    }
    assert!(0 < kills, "no replay was killed");
    assert!(ingestion.wait().await.unwrap().success());

    for input in [&first, &second] {
        run(&["run", "--input", input, "--lake", &fresh]).await;
    }
    let (expected, answer) = (Reading::of_directory(fresh.as_ref()), run(&["p95", "--lake", &fresh, "--json"]).await);
    for target in &targets {
        run(&replay(target)).await;
        run(&["audit", "--lake", target]).await;
        let found = Reading::of_directory(target.as_ref());
        assert_eq!(found.ids_each_once(), expected.ids_each_once());
        assert!(found.silver_rows() == expected.silver_rows(), "other rows than from the start");
        assert!(found.silver_texts(NEW_COLUMN) == expected.silver_texts(NEW_COLUMN), "the new column is not filled");
        assert_eq!(found.rejects(), expected.rejects());
        assert_eq!(run(&["p95", "--lake", target, "--json"]).await, answer);
    }
}
