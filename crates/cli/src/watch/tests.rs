//! A page of a real lake: made by `penstock run` in a folder, read by the follower, compared with the audit.

use clap::Parser;
use penstock_lake::TestClock;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::audit;

#[derive(Parser)]
struct RunArguments {
    #[command(flatten)]
    run: crate::run::Arguments,
}

#[derive(Parser)]
struct LakeOnly {
    #[command(flatten)]
    lake: LakeArguments,
}

async fn run(folder: &TempDir, arguments: &[&str]) {
    let lake = folder.path().join("lake");
    let arguments = ["run", "--lake", lake.to_str().unwrap(), "--new"].into_iter().chain(arguments.iter().copied());
    let arguments = RunArguments::parse_from(arguments).run;
    assert_eq!(Box::pin(crate::run::run(arguments)).await.unwrap(), Exit::Fine);
}

/// A page of the lake in the folder.
struct Watched {
    follower: Follower,
    dataset: Arc<Dataset>,
    clock: TestClock,
}

impl Watched {
    fn new(folder: &TempDir) -> Self {
        let url = LakeUrl::Directory(folder.path().join("lake"));
        let dataset = Arc::new(Dataset::shipped("iot").unwrap());
        let follower = Follower::new(url.clone(), Arc::clone(&dataset), Pace::of(&url));
        Self { follower, dataset, clock: TestClock::at(SystemClock.now()) }
    }

    async fn look(&mut self) -> Value {
        let problem = self.follower.look(self.clock.now()).await.err().map(|failure| failure.message);
        let around = Circumstances {
            now: self.clock.now(),
            location: "lake",
            dataset: &self.dataset,
            problem: problem.as_deref(),
            requests_per_minute: 0,
            log: None,
        };
        serde_json::to_value(View::of(&self.follower.known, &around)).unwrap()
    }
}

/// What the page and the audit both say.
async fn assert_says_what_the_audit_says(folder: &TempDir, view: &Value) {
    let lake = folder.path().join("lake");
    let arguments = LakeOnly::parse_from(["", "--lake", lake.to_str().unwrap()]).lake;
    let (lake, dataset) = arguments.open_existing().await.unwrap();
    let report = serde_json::to_value(audit::report(&*lake.store(), &dataset, 0).await.unwrap()).unwrap();
    let totals = &view["totals"];
    for name in [
        "landed",
        "silver",
        "duplicates",
        "rejected",
        "waiting",
        "gap_positions",
        "late_events",
        "windows_on_time",
        "windows_late",
        "open_windows",
        "cut",
    ] {
        assert_eq!(totals[name], report[name], "{name}");
    }
    assert_eq!(totals["balances"], true);
    for (partition, chain) in view["partitions"].as_array().unwrap().iter().zip(report["chains"].as_array().unwrap()) {
        for name in ["topic", "source", "epoch", "tail", "poured", "landed", "waiting"] {
            assert_eq!(partition[name], chain[name], "{name} of {}", partition["partition"]);
        }
    }
    assert_eq!(view["partitions"].as_array().unwrap().len(), report["chains"].as_array().unwrap().len());
    let reasons = view["rejects"].as_array().unwrap().iter();
    let reasons: serde_json::Map<_, _> =
        reasons.map(|reason| (reason["reason"].as_str().unwrap().to_owned(), reason["count"].clone())).collect();
    assert_eq!(Value::Object(reasons), report["rejected_by_reason"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_the_audit_says_also_after_more_has_landed() {
    let folder = TempDir::new().unwrap();
    run(&folder, &["--events", "20000", "--malformed", "0.01", "--partitions", "3"]).await;
    let mut watched = Watched::new(&folder);
    let view = watched.look().await;
    assert_says_what_the_audit_says(&folder, &view).await;
    assert_eq!(view["partitions"].as_array().unwrap().len(), 3);
    run(&folder, &["--events", "5000", "--partitions", "4", "--seed", "8"]).await;
    let view = watched.look().await;
    assert_says_what_the_audit_says(&folder, &view).await;
    assert_says_what_the_audit_says(&folder, &Watched::new(&folder).look().await).await;
    assert!(view["rejects"][0]["samples"].as_array().unwrap().len() <= 3);
    let windows = view["windows"]["starts"].as_array().unwrap();
    assert!(windows.iter().any(|start| start["on_time"].as_u64().unwrap() > 0), "{windows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_goes_away_and_comes_back_is_said_and_shown() {
    let folder = TempDir::new().unwrap();
    let mut watched = Watched::new(&folder);
    assert!(watched.look().await["problem"].is_string());
    run(&folder, &["--events", "1000"]).await;
    let view = watched.look().await;
    assert_eq!((&view["problem"], &view["totals"]["landed"]), (&Value::Null, &1000.into()));
    let (lake, elsewhere) = (folder.path().join("lake"), folder.path().join("elsewhere"));
    std::fs::rename(&lake, &elsewhere).unwrap();
    assert!(watched.look().await["problem"].is_string());
    std::fs::rename(&elsewhere, &lake).unwrap();
    assert_eq!(watched.look().await["totals"]["landed"], 1000);
    // Another one in its place is a lake of its own.
    std::fs::remove_dir_all(&lake).unwrap();
    run(&folder, &["--events", "700"]).await;
    watched.look().await;
    assert_eq!(watched.look().await["totals"]["landed"], 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_dataset_that_the_lake_does_not_hold_the_page_says_which_it_holds() {
    let folder = TempDir::new().unwrap();
    run(&folder, &["--events", "100"]).await;
    let mut watched = Watched::new(&folder);
    watched.dataset = Arc::new(Dataset::shipped("user_actions").unwrap());
    let url = LakeUrl::Directory(folder.path().join("lake"));
    watched.follower = Follower::new(url.clone(), Arc::clone(&watched.dataset), Pace::of(&url));
    let view = watched.look().await;
    assert_eq!((&view["totals"]["landed"], &view["other_datasets"][0]), (&0.into(), &"iot".into()));
}

#[test]
fn requests_are_those_of_the_last_minute() {
    let mut requests = Requests::default();
    let seconds = |seconds: i64| seconds * 1_000_000;
    assert_eq!(requests.in_the_last_minute(seconds(0), 10), 0);
    assert_eq!(requests.in_the_last_minute(seconds(30), 25), 15);
    assert_eq!(requests.in_the_last_minute(seconds(80), 30), 5);
}
