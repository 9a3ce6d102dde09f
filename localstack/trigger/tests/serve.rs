//! The promises of delivery, over the log in memory and a function in this process. Tokio's clock is paused: it jumps
//! to the next timer whenever nothing else is to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod payload;

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use penstock_telemetry::{Metric, Registry};
use penstock_trigger::invoke::{InvokeError, Invoker, from_fn};
use penstock_trigger::log::{Log, LogError, LogEvent, Position};
use penstock_trigger::mapping::{Failures, Mapping, Pollers, Redelivery, Until};
use penstock_trigger::memory::{MemoryLog, NewRecord};
use penstock_trigger::{Served, Trigger, TriggerError, serve};
use tokio::sync::Notify;
use tokio::time::Instant;

use payload::{Payload, offsets};

/// A function that fails when it is told to, and remembers what it was called with.
#[derive(Clone, Default)]
struct Function {
    /// Each call: when, with what, and whether it succeeded.
    calls: Arc<Mutex<Vec<(Duration, Payload, bool)>>>,
}

impl Function {
    fn invoker(&self, fails: impl Fn(&Payload, usize) -> bool + Send + Sync + 'static) -> Arc<dyn Invoker> {
        let (calls, start) = (Arc::clone(&self.calls), Instant::now());
        Arc::new(from_fn(move |payload| {
            let payload = offsets(&payload);
            let mut calls = calls.lock().unwrap();
            let succeeds = !fails(&payload, calls.len());
            calls.push((start.elapsed(), payload, succeeds));
            let answer = if succeeds { Ok(Bytes::new()) } else { Err(InvokeError::Function("told to".to_owned())) };
            async { answer }
        }))
    }

    fn calls(&self) -> Vec<(Duration, Payload, bool)> {
        self.calls.lock().unwrap().clone()
    }

    /// What successful calls got of a partition, in order.
    fn delivered(&self, partition: i32) -> String {
        let calls = self.calls();
        let succeeded = calls.iter().filter(|(_, _, succeeded)| *succeeded);
        let offsets = succeeded.flat_map(|(_, payload, _)| payload.get(&partition).cloned().unwrap_or_default());
        runs(&offsets.collect::<Vec<_>>())
    }
}

fn mapping() -> Mapping {
    Mapping::new("events", "ingest", "localhost:9092", "group")
}

fn new_record(bytes: usize) -> NewRecord {
    NewRecord { value: Some(Bytes::from(vec![7; bytes])), ..NewRecord::default() }
}

async fn log(counts: &[usize]) -> Arc<MemoryLog> {
    let log = MemoryLog::new(counts.len(), 1 << 24);
    for (partition, &count) in counts.iter().enumerate() {
        for _ in 0..count {
            log.append(partition, new_record(10)).await.unwrap();
        }
    }
    Arc::new(log)
}

async fn serve_all(mapping: &Mapping, log: Arc<MemoryLog>, invoker: Arc<dyn Invoker>) -> Served {
    log.close();
    serve(mapping, log, invoker, pending()).await.unwrap()
}

fn up_to(end: usize) -> String {
    runs(&(0..end as i64).collect::<Vec<_>>())
}

/// `[0,7) [5,9)` for the offsets 0 to 6 and then 5 to 8, because a failing test should say something readable.
fn runs(offsets: &[i64]) -> String {
    let runs = offsets.chunk_by(|one, other| one + 1 == *other);
    runs.map(|run| format!("[{},{})", run[0], run[0] + run.len() as i64)).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn everything_goes_out_in_order_and_is_committed() {
    let counts = [2_500, 0, 1, 101, 3_000, 100];
    let (log, function) = (log(&counts).await, Function::default());
    let served = serve_all(&mapping(), Arc::clone(&log), function.invoker(|_, _| false)).await;
    for (partition, &count) in counts.iter().enumerate() {
        assert_eq!(function.delivered(partition as i32), up_to(count));
        assert_eq!(log.committed()[partition], count as i64);
    }
    assert!(function.calls().iter().all(|(_, payload, _)| payload.values().map(Vec::len).sum::<usize>() <= 100));
    let total: u64 = counts.iter().sum::<usize>() as u64;
    assert_eq!((served.polled, served.delivered, served.failed_invocations), (total, total, 0));
    assert_eq!(served.invocations, function.calls().len() as u64);
    assert_eq!(served.partitions[&4].committed, Some(3_000));
}

#[tokio::test(start_paused = true)]
async fn a_record_waits_for_the_window_and_no_longer() {
    let (log, function) = (log(&[1, 1]).await, Function::default());
    let mapping = Mapping { batching_window: Duration::from_secs(7), until: Until::Drained, ..mapping() };
    serve(&mapping, log, function.invoker(|_, _| false), pending()).await.unwrap();
    let together = Payload::from([(0, vec![0]), (1, vec![0])]);
    // Tokio's timers count whole milliseconds.
    let calls = function.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].0.as_secs(), &calls[0].1), (7, &together));
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_comes_again_until_it_succeeds_and_order_holds() {
    let (log, function) = (log(&[350]).await, Function::default());
    let served = serve_all(&mapping(), log, function.invoker(|_, call| call % 5 != 4)).await;
    assert_eq!(function.delivered(0), up_to(350));
    assert_eq!((served.invocations, served.failed_invocations), (20, 16));
    let calls = function.calls();
    for attempts in calls.chunks(5) {
        assert!(attempts.iter().all(|(_, payload, _)| *payload == attempts[0].1), "the batch is cut alike");
        let waits: Vec<_> = attempts.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1] + pair[1]), "the waits grow: {waits:?}");
        assert!(waits[0] >= Duration::from_millis(100) && waits[3] >= Duration::from_millis(800), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_the_function() {
    let log = log(&[1]).await;
    let calls = Arc::new(Mutex::new(0));
    let invoker = from_fn(move |_| {
        let calls = Arc::clone(&calls);
        async move {
            *calls.lock().unwrap() += 1;
            assert!(*calls.lock().unwrap() >= 3, "on purpose");
            Ok(Bytes::new())
        }
    });
    let served = serve_all(&mapping(), log, Arc::new(invoker)).await;
    assert_eq!((served.failed_invocations, served.delivered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_fails_for_ever_holds_back_no_other() {
    // One poller, so that the failing batch would be in everybody's way.
    for pollers in [1, 4] {
        let (log, function) = (log(&[40_000, 10, 2_000]).await, Function::default());
        let invoker = function.invoker(|payload, _| payload.contains_key(&0));
        let others_done = || {
            let log = Arc::clone(&log);
            async move {
                while log.committed()[1..] != [10, 2_000] {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        let mapping = Mapping { pollers: Pollers::OnDemand(pollers), ..mapping() };
        let served = serve(&mapping, Arc::clone(&log) as Arc<dyn Log>, invoker, others_done()).await.unwrap();
        assert_eq!(log.committed(), [0, 10, 2_000]);
        assert_eq!(function.delivered(1), up_to(10));
        assert_eq!(function.delivered(2), up_to(2_000));
        assert!(!served.partitions.contains_key(&0));
        assert!(served.polled < 30_000, "reading the failing partition pauses");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_payload_can_hold_stops_its_partition_only() {
    let log = log(&[3, 5]).await;
    log.append(0, new_record(5_000_000)).await.unwrap();
    log.append(0, new_record(1)).await.unwrap();
    let function = Function::default();
    let served = serve_all(&mapping(), Arc::clone(&log), function.invoker(|_, _| false)).await;
    assert_eq!(log.committed(), [3, 5]);
    let said = served.partitions[&0].stopped.as_deref().unwrap();
    assert!(said.contains("events-0 at offset 3") && said.contains("bytes"), "{said}");
    assert_eq!(served.partitions[&1].stopped, None);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_the_next_start_goes_on_at_what_was_committed() {
    let (log, function) = (log(&[1_000, 700]).await, Function::default());
    let stop = Arc::new(Notify::new());
    let stop_at_fifth = Arc::clone(&stop);
    let invoker = function.invoker(move |_, call| {
        if call == 5 {
            stop_at_fifth.notify_one();
        }
        false
    });
    let served = serve(&mapping(), Arc::clone(&log) as Arc<dyn Log>, invoker, stop.notified()).await.unwrap();
    assert!(served.delivered < 1_700);
    serve_all(&mapping(), Arc::clone(&log), function.invoker(|_, _| false)).await;
    assert_eq!(log.committed(), [1_000, 700]);
    assert_eq!(function.delivered(0), up_to(1_000), "what ended within the grace was committed");
    assert_eq!(function.delivered(1), up_to(700));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_outlives_the_grace_is_abandoned_without_a_commit() {
    let log = log(&[10]).await;
    let invoker = from_fn(|_| pending::<Result<Bytes, InvokeError>>());
    let stop = tokio::time::sleep(Duration::from_secs(3));
    let start = Instant::now();
    let mapping = Mapping { batch_size: 10, ..mapping() };
    serve(&mapping, Arc::clone(&log) as Arc<dyn Log>, Arc::new(invoker), stop).await.unwrap();
    assert_eq!(log.committed(), [0]);
    assert_eq!(start.elapsed().as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn drained_means_the_end_that_was_there_at_the_start() {
    let (log, function) = (log(&[250, 0]).await, Function::default());
    let more = Arc::clone(&log);
    let invoker = function.invoker(move |_, _| {
        assert!(matches!(futures::FutureExt::now_or_never(more.append(0, new_record(1))), Some(Ok(_))));
        false
    });
    let mapping = Mapping { until: Until::Drained, ..mapping() };
    serve(&mapping, Arc::clone(&log) as Arc<dyn Log>, invoker, pending()).await.unwrap();
    let committed = log.committed()[0];
    assert!((250..260).contains(&committed), "ends although there is always more: {committed}");
}

#[tokio::test(start_paused = true)]
async fn redelivery_repeats_under_other_borders_and_loses_nothing() {
    let (log, function) = (log(&[3_000, 2_000]).await, Function::default());
    let redelivery = Some(Redelivery { share: 0.5, seed: 7 });
    let mapping = Mapping { redelivery, ..mapping() };
    let served = serve_all(&mapping, Arc::clone(&log), function.invoker(|_, _| false)).await;
    assert_eq!(log.committed(), [3_000, 2_000]);
    assert!(served.redelivered > 500);
    assert_eq!(served.delivered, 5_000 + served.redelivered);
    let (mut next, mut straddles) = ([0, 0], 0);
    for (_, payload, _) in function.calls() {
        for (partition, offsets) in payload {
            let next = &mut next[partition as usize];
            assert!(offsets[0] <= *next, "no hole");
            assert!(offsets.windows(2).all(|pair| pair[0] + 1 == pair[1]));
            let last = offsets.last().unwrap() + 1;
            straddles += usize::from(offsets[0] < *next && *next < last);
            *next = last.max(*next);
        }
    }
    assert_eq!(next, [3_000, 2_000]);
    assert!(straddles > 0, "some batches begin with old records and end with new ones");
}

#[tokio::test]
async fn wrong_settings_are_refused_before_anything_is_read() {
    let mapping = Mapping { batch_size: 0, pollers: Pollers::OnDemand(0), ..mapping() };
    let result = serve(&mapping, log(&[1]).await, Function::default().invoker(|_, _| false), pending()).await;
    assert!(matches!(result, Err(TriggerError::Mapping(problems)) if problems.len() == 2));
}

/// A log in memory whose group and whose commits misbehave.
#[derive(Debug)]
struct Unsteady {
    log: MemoryLog,
    failing_commits: Mutex<u32>,
    revoke: Notify,
}

impl Unsteady {
    async fn new(records: usize, failing_commits: u32) -> Arc<Self> {
        let log = MemoryLog::new(2, 1 << 20);
        for index in 0..records {
            log.append(index % 2, new_record(1)).await.unwrap();
        }
        Arc::new(Self { log, failing_commits: Mutex::new(failing_commits), revoke: Notify::new() })
    }
}

#[async_trait::async_trait]
impl Log for Unsteady {
    async fn join(&self) -> Result<BTreeMap<i32, i64>, LogError> {
        self.log.join().await
    }

    async fn next(&self) -> Result<LogEvent, LogError> {
        tokio::select! {
            biased;
            () = self.revoke.notified() => Ok(LogEvent::Revoked(vec![0])),
            event = self.log.next() => event,
        }
    }

    fn pause(&self, partition: i32) -> Result<(), LogError> {
        self.log.pause(partition)
    }

    fn resume(&self, partition: i32) -> Result<(), LogError> {
        self.log.resume(partition)
    }

    async fn commit(&self, positions: &[(i32, i64)]) -> Result<(), LogError> {
        {
            let mut left = self.failing_commits.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(LogError::Unavailable("on purpose".to_owned()));
            }
        }
        self.log.commit(positions).await
    }

    async fn positions(&self) -> Result<BTreeMap<i32, Position>, LogError> {
        self.log.positions().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_tried_again_without_delivering_again() {
    let (log, function) = (Unsteady::new(10, 5).await, Function::default());
    log.log.close();
    let served = serve(&mapping(), Arc::clone(&log) as _, function.invoker(|_, _| false), pending()).await.unwrap();
    assert_eq!((served.invocations, served.delivered), (1, 10));
    assert_eq!(log.log.committed(), [5, 5]);
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_when_its_partition_was_revoked_is_not_committed() {
    let log = Unsteady::new(10, 0).await;
    let in_function = Arc::clone(&log);
    let invoker = from_fn(move |_| {
        let log = Arc::clone(&in_function);
        async move {
            log.revoke.notify_one();
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Bytes::new())
        }
    });
    let mapping = Mapping { until: Until::Drained, ..mapping() };
    serve(&mapping, Arc::clone(&log) as _, Arc::new(invoker), stop_after(60)).await.unwrap();
    assert_eq!(log.log.committed(), [0, 5]);
}

fn stop_after(seconds: u64) -> impl Future<Output = ()> + Send {
    tokio::time::sleep(Duration::from_secs(seconds))
}

/// Of 8 records one fails for ever: it is found by halves, tried once more, and given up.
#[tokio::test(start_paused = true)]
async fn what_happens_to_a_mapping_is_counted() {
    let (log, function, telemetry) = (log(&[8, 4]).await, Function::default(), Arc::new(Registry::default()));
    log.close();
    let failures =
        Failures { maximum_retry_attempts: Some(1), bisect_batch_on_function_error: true, ..Failures::default() };
    let pollers = Pollers::Provisioned { minimum: 1, maximum: 1 };
    let mapping = Mapping { failures, pollers, ..mapping() };
    let poisoned = |payload: &Payload, _| payload.get(&0).is_some_and(|offsets| offsets.contains(&5));
    let trigger = Trigger::new(&mapping, log, function.invoker(poisoned)).observed_by(Arc::clone(&telemetry));
    let served = trigger.serve(pending()).await.unwrap();

    let counted = telemetry.snapshot(0);
    let check = |metric: Metric, expect: u64| assert_eq!(counted.sum(metric), expect as f64, "{metric:?}");
    check(Metric::TriggerEventsPolled, 12);
    check(Metric::TriggerEventsCommitted, 12);
    check(Metric::TriggerEventsDropped, 1);
    check(Metric::TriggerBisections, 3);
    check(Metric::TriggerInvocations, served.invocations);
    check(Metric::TriggerFailures, served.failed_invocations);
    // Nothing waits any more.
    check(Metric::LagSeconds, 0);
    assert_eq!(counted.series(Metric::LagSeconds).len(), 2);
    assert_eq!(counted.series(Metric::TriggerPollers).len(), 1);
}
