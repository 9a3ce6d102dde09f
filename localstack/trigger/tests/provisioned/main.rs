//! What becomes of batches that fail, as a mapping in provisioned mode says. Tokio's clock is paused: it jumps to the next
//! timer whenever nothing else is to do.
//!
//! Tests compare stories: `0[0,4) ok` is a call of the function with the records 0 to 3 of partition 0 that succeeded,
//! `0[0,4) up: RetryAttemptsExhausted` are the same records when the destination has taken them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and takes what it is given"
)]

#[path = "../payload/mod.rs"]
mod payload;
mod scene;

mod random;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use penstock_trigger::invoke::from_fn;
use penstock_trigger::mapping::{Failures, Pollers};
use penstock_trigger::{Trigger, TriggerError};

use payload::Payload;
use scene::{Act, NOW, Scene, Taker};

fn retries(maximum: u32) -> Failures {
    Failures { maximum_retry_attempts: Some(maximum), ..Failures::default() }
}

fn bisecting(maximum: u32) -> Failures {
    Failures { bisect_batch_on_function_error: true, ..retries(maximum) }
}

fn reporting(maximum: u32) -> Failures {
    Failures { report_batch_item_failures: true, ..retries(maximum) }
}

/// Fails for every payload with this record of partition 0.
fn poison(offset: i64) -> impl Fn(&Payload, usize) -> Act {
    move |payload, _| match payload.get(&0) {
        Some(offsets) if offsets.contains(&offset) => Act::Fail,
        _ => Act::Succeed,
    }
}

/// Reports this record of partition 0 in every payload that has it.
fn reports(offset: i64) -> impl Fn(&Payload, usize) -> Act {
    move |payload, _| match payload.get(&0) {
        Some(offsets) if offsets.contains(&offset) => Act::Report(vec![(0, offset)]),
        _ => Act::Succeed,
    }
}

/// What happens to one partition of so many records; all of it is committed in the end.
async fn check(
    failures: Failures,
    records: usize,
    act: impl Fn(&Payload, usize) -> Act + Send + Sync + 'static,
    expect: &[&str],
) {
    let scene = Scene::new(&[records], failures).await;
    scene.run(act).await;
    assert_eq!(scene.story(), expect);
    assert_eq!(scene.log.committed(), [records as i64]);
}

const UP: &str = "up: RetryAttemptsExhausted";

fn up(place: &str) -> String {
    format!("{place} {UP}")
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_after_as_many_retries_as_allowed() {
    check(retries(0), 12, poison(3), &["0[0,8) failed", &up("0[0,8)"), "0[8,12) ok"]).await;
    let thrice = ["0[0,8) failed", "0[0,8) failed", "0[0,8) failed", &up("0[0,8)"), "0[8,12) ok"];
    check(retries(2), 12, poison(3), &thrice).await;
    // What succeeds in time is not given up.
    let act = |_: &Payload, call| if call < 2 { Act::Fail } else { Act::Succeed };
    check(retries(2), 8, act, &["0[0,8) failed", "0[0,8) failed", "0[0,8) ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn with_a_destination_infinite_retries_end_after_ten() {
    let scene = Scene::new(&[8], Failures::default()).await;
    let served = scene.run(poison(0)).await;
    assert_eq!((served.invocations, scene.story().last().cloned()), (11, Some(up("0[0,8)"))));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_could_not_run_uses_up_no_retries() {
    let away = |_: &Payload, call| if call < 50 { Act::BeAway } else { Act::Succeed };
    let scene = Scene::new(&[8], bisecting(0)).await;
    let served = scene.run(away).await;
    assert_eq!((served.delivered, served.discarded, served.invocations), (8, 0, 51));
}

#[tokio::test(start_paused = true)]
async fn bisecting_finds_the_one_that_fails_and_keeps_the_order() {
    let story = [
        "0[0,8) failed",
        "0[0,4) ok",
        "0[4,8) failed",
        "0[4,6) failed",
        "0[4,5) ok",
        "0[5,6) failed",
        &up("0[5,6)"),
        "0[6,8) ok",
        "0[8,9) ok",
    ];
    check(bisecting(0), 9, poison(5), &story).await;
    // Cutting uses up no retries.
    check(bisecting(1), 2, poison(1), &["0[0,2) failed", "0[0,1) ok", "0[1,2) failed", "0[1,2) failed", &up("0[1,2)")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_a_reported_record_is_delivered() {
    let story = ["0[0,8) reports 0@5", "0[5,8) reports 0@5", "0[5,8) reports 0@5", &up("0[5,8)"), "0[8,9) ok"];
    check(reporting(1), 9, reports(5), &story).await;
    let both = Failures { bisect_batch_on_function_error: true, ..reporting(0) };
    let story =
        ["0[0,8) reports 0@5", "0[5,8) reports 0@5", "0[5,6) reports 0@5", &up("0[5,6)"), "0[6,8) ok", "0[8,9) ok"];
    check(both, 9, reports(5), &story).await;
    // The first of several counts.
    let act = |payload: &Payload, call| match call {
        0 => Act::Report(vec![(0, 6), (0, 2), (0, 4)]),
        _ => poison(-1)(payload, call),
    };
    check(reporting(0), 8, act, &["0[0,8) reports 0@6 0@2 0@4", "0[2,8) ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn another_record_that_fails_has_all_attempts() {
    let act = |payload: &Payload, call: usize| {
        let first = payload[&0][0];
        // Each record fails once when it is the first, and lets the one before it through.
        if call.is_multiple_of(2) { Act::Report(vec![(0, first)]) } else { Act::Report(vec![(0, (first + 1).min(3))]) }
    };
    let story = [
        "0[0,4) reports 0@0",
        "0[0,4) reports 0@1",
        "0[1,4) reports 0@1",
        "0[1,4) reports 0@2",
        "0[2,4) reports 0@2",
        "0[2,4) reports 0@3",
        "0[3,4) reports 0@3",
        "0[3,4) reports 0@3",
        &up("0[3,4)"),
    ];
    check(reporting(1), 4, act, &story).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_understood_fails_the_batch() {
    let nonsense = |_: &Payload, _| Act::Answer("done");
    check(reporting(1), 8, nonsense, &["0[0,8) answers done", "0[0,8) answers done", &up("0[0,8)")]).await;
    let foreign = |_: &Payload, _| Act::Report(vec![(0, 3), (1, 0)]);
    check(reporting(0), 8, foreign, &["0[0,8) reports 0@3 1@0", &up("0[0,8)")]).await;
    // Without the mapping's consent an answer means nothing.
    let ignored = |_: &Payload, _| Act::Report(vec![(0, 3)]);
    check(retries(0), 8, ignored, &["0[0,8) reports 0@3"]).await;
}

#[tokio::test(start_paused = true)]
async fn neighbours_in_a_payload_do_not_pay_for_each_other() {
    let scene = Scene::new(&[3, 3], retries(0)).await;
    scene.run(poison(1)).await;
    let mut story = scene.story();
    assert_eq!(story.remove(0), "0[0,3) 1[0,3) failed");
    story.sort();
    assert_eq!(story, ["0[0,3) failed", &up("0[0,3)"), "1[0,3) ok"]);
    // A report names its partition, so nothing has to be found out.
    let scene = Scene::new(&[3, 3], reporting(0)).await;
    scene.run(reports(0)).await;
    assert_eq!(scene.story(), ["0[0,3) 1[0,3) reports 0@0", &up("0[0,3)")]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_given_up_instead_of_sent() {
    let failures = Failures { maximum_record_age_secs: Some(60), ..Failures::default() };
    let scene = Scene::empty(1, failures);
    let (old, fresh) = (NOW - 60_001, NOW - 50_000);
    // -1: the record has no time.
    for timestamp in [old, old, fresh, -1, old, fresh] {
        scene.append(0, 10, timestamp).await;
    }
    let served = scene.run(|_, _| Act::Succeed).await;
    let aged = |place: &str| format!("{place} up: RecordAgeExceeded");
    assert_eq!(scene.story(), [&aged("0[0,2)"), "0[2,4) ok", &aged("0[4,5)"), "0[5,6) ok"]);
    assert_eq!((served.delivered, served.discarded, scene.log.committed()[0]), (3, 3, 6));
}

#[tokio::test(start_paused = true)]
async fn what_grows_too_old_while_it_fails_is_given_up() {
    let failures =
        Failures { maximum_record_age_secs: Some(60), maximum_retry_attempts: Some(10_000), ..Failures::default() };
    let scene = Scene::new(&[8], failures).await;
    let served = scene.run(|_, call: usize| if call.is_multiple_of(2) { Act::Fail } else { Act::BeAway }).await;
    assert_eq!(scene.story().last().unwrap(), "0[0,8) up: RecordAgeExceeded");
    assert!(5 < served.invocations, "it was tried for a minute: {served:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_payload_can_hold_goes_to_the_destination() {
    let scene = Scene::empty(2, retries(0));
    for bytes in [10, 5_000_000, 10] {
        scene.append(0, bytes, NOW).await;
    }
    scene.append(1, 10, NOW).await;
    let served = scene.run(|_, _| Act::Succeed).await;
    let mut story = scene.story();
    story.sort();
    assert_eq!(story, ["0[0,1) ok", "0[1,2) up: MaximumPayloadSizeExceeded", "0[2,3) ok", "1[0,1) ok"]);
    assert_eq!((scene.log.committed(), served.partitions[&0].stopped.clone()), (vec![3, 1], None));
}

#[tokio::test(start_paused = true)]
async fn a_position_is_committed_only_after_the_destination_has_taken_what_lies_below() {
    let scene = Scene::new(&[9], retries(0)).await;
    *scene.refusals.lock().unwrap() = 7;
    scene.run(poison(3)).await;
    assert_eq!(scene.story(), ["0[0,8) failed", &up("0[0,8)"), "0[8,9) ok"]);
    assert_eq!(scene.log.committed(), [9]);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_refuses_for_ever_holds_its_partition_and_no_other() {
    let scene = Scene::new(&[9, 9], retries(0)).await;
    *scene.refusals.lock().unwrap() = u32::MAX;
    scene.log.close();
    let stop = tokio::time::sleep(Duration::from_secs(600));
    let trigger = Trigger::new(&scene.mapping, Arc::clone(&scene.log) as _, scene.invoker(poison(3)));
    let served = trigger.on_failure(Arc::new(Taker(scene.clone()))).serve(stop).await.unwrap();
    assert_eq!((scene.log.committed(), served.discarded), (vec![0, 9], 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_destination_what_is_given_up_is_dropped() {
    let mut scene = Scene::new(&[9], retries(1)).await;
    scene.mapping.failures.destination = None;
    let served = scene.run(poison(3)).await;
    assert_eq!(scene.story(), ["0[0,8) failed", "0[0,8) failed", "0[8,9) ok"]);
    assert_eq!((served.discarded, served.partitions[&0].discarded, scene.log.committed()[0]), (8, 8, 9));
}

/// Serves six partitions with a function that takes ten seconds, and says how many pollers there were at the most.
async fn pollers(pollers: Pollers) -> usize {
    let mut scene = Scene::new(&[8; 6], retries(0)).await;
    scene.mapping.pollers = pollers;
    scene.log.close();
    let slow = from_fn(|_| async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Ok(Bytes::from_static(b"{}"))
    });
    let trigger = Trigger::new(&scene.mapping, Arc::clone(&scene.log) as _, Arc::new(slow));
    let served = trigger.on_failure(Arc::new(Taker(scene.clone()))).serve(pending()).await.unwrap();
    assert_eq!(served.delivered, 48);
    served.pollers
}

#[tokio::test(start_paused = true)]
async fn pollers_grow_with_the_work_up_to_the_maximum() {
    assert_eq!(pollers(Pollers::Provisioned { minimum: 1, maximum: 3 }).await, 3);
    assert_eq!(pollers(Pollers::Provisioned { minimum: 2, maximum: 2 }).await, 2);
    // Six partitions never need more.
    assert_eq!(pollers(Pollers::Provisioned { minimum: 1, maximum: 2_000 }).await, 6);
}

#[tokio::test]
async fn a_destination_that_is_only_named_is_not_enough() {
    let scene = Scene::new(&[1], retries(0)).await;
    let trigger = Trigger::new(&scene.mapping, Arc::clone(&scene.log) as _, scene.invoker(|_, _| Act::Succeed));
    let refused = trigger.serve(pending()).await;
    assert!(matches!(&refused, Err(TriggerError::Mapping(problems)) if problems.len() == 1), "{refused:?}");
}
