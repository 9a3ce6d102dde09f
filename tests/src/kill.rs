//! `penstock` as a process of its own, which is killed at any point of its work and started again by the same command line.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::binaries;
use crate::random::Random;

fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(binaries::penstock());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Starts it. What it says is not heard.
pub fn start(arguments: &[impl AsRef<OsStr>]) -> Child {
    command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("penstock starts")
}

/// Runs it to its end, which must be a good one. Returns its standard output.
pub async fn run(arguments: &[impl AsRef<OsStr> + Debug]) -> String {
    let output = command(arguments).output().await.expect("penstock starts");
    let [said, noted] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "penstock {arguments:?} ends with {}:\n{said}{noted}", output.status);
    said
}

/// Runs it to its end, which must be a good one. Returns how long that took.
pub async fn length_of(arguments: &[impl AsRef<OsStr> + Debug]) -> Duration {
    // Built before the time is taken.
    binaries::penstock();
    let began = Instant::now();
    run(arguments).await;
    began.elapsed()
}

/// So many moments within a time.
pub fn moments(within: Duration, count: usize, random: &mut Random) -> Vec<Duration> {
    let per_mille = |_| u32::try_from(random.below(1000)).expect("it is small");
    (0..count).map(per_mille).map(|per_mille| within * per_mille / 1000).collect()
}

/// Kills it at each of these moments of its life and starts it again, until it ends. Returns how often it was killed at work.
///
/// `is_done` says of one that was killed whether it had done everything: after that the same command might begin anew.
pub async fn kill_and_continue(
    arguments: &[impl AsRef<OsStr> + Debug],
    moments: &[Duration],
    is_done: impl AsyncFn() -> bool,
) -> usize {
    for (kills, moment) in moments.iter().enumerate() {
        if ends_before(arguments, *moment).await || is_done().await {
            return kills;
        }
    }
    run(arguments).await;
    moments.len()
}

/// Whether it came to its end, before it was killed.
async fn ends_before(arguments: &[impl AsRef<OsStr> + Debug], moment: Duration) -> bool {
    let mut child = start(arguments);
    // Not for timing: every point of its work will do.
    match tokio::time::timeout(moment, child.wait()).await {
        Ok(status) => {
            assert!(status.expect("it was started").success(), "penstock {arguments:?} goes on, and does not end well");
            true
        }
        Err(_) => {
            child.kill().await.expect("it was started");
            false
        }
    }
}
