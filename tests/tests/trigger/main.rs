//! The trigger in provisioned mode with the real ingest at the other end: stores that stumble, functions that crash, records
//! that no attempt survives. What landed and what the destination got is what the topic held; operators declare and
//! publish again as the runbook says, and then the lake holds each event once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use penstock_core::chain::OnGap;
use penstock_lake::{Answer, Fault, Operation};
use penstock_runtime::{FailureResponse, IngestSettings};
use penstock_trigger::mapping::Failures;
use proptest::prelude::*;

use scene::{Crashes, Scene};

fn retries(maximum: u32) -> Failures {
    Failures { maximum_retry_attempts: Some(maximum), ..Failures::default() }
}

fn declare_gaps() -> IngestSettings {
    IngestSettings { on_gap: OnGap::Declare, ..IngestSettings::default() }
}

#[tokio::test]
async fn one_batch_given_up_takes_all_that_follows_with_it_until_its_range_is_declared() {
    let scene = Scene::new(&[40, 40], retries(2), IngestSettings::default());
    scene.run(Crashes::on_records([(0, 17)])).await;
    assert_eq!(scene.landed().await, Scene::places(&[(0, 0..16), (1, 0..40)]));
    // Ingest refused what came behind the hole, attempt after attempt.
    assert_eq!(scene.given_up(), Scene::places(&[(0, 16..40)]));

    scene.declare_what_was_given_up().await;
    scene.publish_again().await;
    scene.run(Crashes::never()).await;
    scene.holds_everything_once().await;
}

#[tokio::test]
async fn ingest_that_declares_gaps_itself_loses_only_what_was_given_up() {
    let failures = Failures { bisect_batch_on_function_error: true, ..retries(1) };
    let scene = Scene::new(&[40, 40], failures, declare_gaps());
    scene.run(Crashes::on_records([(0, 17), (1, 30)])).await;
    assert_eq!(scene.given_up(), Scene::places(&[(0, 17..18), (1, 30..31)]));
    scene.publish_again().await;
    scene.run(Crashes::never()).await;
    scene.holds_everything_once().await;
}

#[tokio::test]
async fn a_partition_that_ingest_reports_goes_again_and_no_other() {
    let failures = Failures { report_batch_item_failures: true, ..retries(9) };
    let settings = IngestSettings { failures: FailureResponse::Partial, ..IngestSettings::default() };
    let mut scene = Scene::new(&[4, 4], failures, settings);
    // The eight records fill a batch, so nobody waits so long.
    scene.mapping.batching_window = Duration::from_secs(300);
    // A refusal that no repetition mends: ingest gives up at once.
    let denied = Fault::new(Answer::Denied).on(Operation::PutNew).key(|key| key.contains("/00001/")).times(1);
    scene.lake.faulty.script(denied);
    let served = scene.run(Crashes::never()).await;
    assert_eq!((served.invocations, served.delivered, served.discarded), (2, 8, 0));
    assert!(scene.given_up().is_empty());
    scene.holds_everything_once().await;
}

#[derive(Clone, Debug)]
struct Weather {
    counts: Vec<usize>,
    failures: Failures,
    settings: IngestSettings,
    batch_size: usize,
    poison: Vec<(i32, i64)>,
    crash_seed: u64,
    /// Which call of the store gets which answer.
    faults: Vec<(usize, Answer)>,
}

prop_compose! {
    fn failures()(
        maximum_retry_attempts in prop::option::of(0..3_u32),
        bisect_batch_on_function_error in any::<bool>(),
        report_batch_item_failures in any::<bool>(),
    ) -> Failures {
        Failures {
            maximum_retry_attempts,
            bisect_batch_on_function_error,
            report_batch_item_failures,
            ..Failures::default()
        }
    }
}

prop_compose! {
    fn weather()(
        counts in prop::collection::vec(0..30_usize, 1..4),
        failures in failures(),
        declares in any::<bool>(),
        batch_size in 1..12_usize,
        poison in prop::collection::vec((0..3_i32, 0..30_i64), 0..3),
        crash_seed in any::<u64>(),
        faults in prop::collection::vec((0..40_usize, answer()), 0..6),
    ) -> Weather {
        let settings = IngestSettings {
            on_gap: if declares { OnGap::Declare } else { OnGap::Fail },
            failures: if failures.report_batch_item_failures { FailureResponse::Partial } else { FailureResponse::Batch },
            ..IngestSettings::default()
        };
        Weather { counts, failures, settings, batch_size, poison, crash_seed, faults }
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![Just(Answer::Unavailable), Just(Answer::ReplyLost), Just(Answer::Conflict), Just(Answer::Denied)]
}

async fn check(weather: &Weather) {
    let mut scene = Scene::new(&weather.counts, weather.failures.clone(), weather.settings.clone());
    scene.mapping.batch_size = weather.batch_size;
    for &(skip, answer) in &weather.faults {
        scene.lake.faulty.script(Fault::new(answer).skip(skip).times(1));
    }
    let poison = Crashes::on_records(weather.poison.iter().copied());
    scene.run(poison.and_now_and_then(weather.crash_seed)).await;
    scene.lake.faulty.heal();

    let all: BTreeSet<(i32, i64)> = scene.published();
    let (landed, given_up) = (scene.landed().await, scene.given_up());
    let settled: BTreeSet<(i32, i64)> = landed.union(&given_up).copied().collect();
    assert_eq!(settled, all, "what landed and what was given up is what the topic held");

    scene.declare_what_was_given_up().await;
    scene.publish_again().await;
    scene.run(Crashes::never()).await;
    scene.holds_everything_once().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_is_out_with_what_was_given_up_declared(weather in weather()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(check(&weather));
    }
}
