use super::*;
use crate::{Answer, Fault, Faulty, MemoryStore, TestClock};

const START: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

struct Setup {
    clock: Arc<TestClock>,
    faulty: Arc<Faulty>,
    store: Retrying,
}

fn setup(answer: Answer, times: usize) -> Setup {
    let clock = Arc::new(TestClock::at(START));
    let faulty = Arc::new(Faulty::new(Arc::new(MemoryStore::default())));
    faulty.script(Fault::new(answer).times(times));
    let store = Retrying::new(Arc::clone(&faulty) as _, Arc::clone(&clock) as _, RetryPolicy::default());
    Setup { clock, faulty, store }
}

/// The outcome of a write that meets such answers, and the number of attempts.
async fn check(answer: Answer, times: usize, outcome: &str, attempts: usize) {
    let Setup { faulty, store, .. } = setup(answer, times);
    let result = store.put_new("key", Bytes::from_static(b"mine")).await;
    let found = match &result {
        Ok(put) => format!("{put:?}"),
        Err(error) => format!("{error:?}").split_whitespace().next().unwrap().to_owned(),
    };
    assert_eq!((found.as_str(), faulty.calls().len()), (outcome, attempts), "{times} times {answer:?}: {result:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    check(Answer::Unavailable, 0, "Created", 1).await;
    check(Answer::Unavailable, 1, "Created", 2).await;
    check(Answer::Unavailable, 9, "Created", 10).await;
    check(Answer::Unavailable, 10, "Unavailable", 10).await;
    check(Answer::Conflict, 3, "Created", 4).await;
    check(Answer::Conflict, 10, "Conflict", 10).await;
    check(Answer::ReplyLost, 1, "Exists", 2).await;
    check(Answer::Denied, 1, "Denied", 1).await;
    check(Answer::Die, 1, "Unusable", 1).await;
}

/// The clock of a machine that is suspended in every sleep, for so long.
#[derive(Debug)]
struct Suspended(Arc<TestClock>, Duration);

#[async_trait]
impl Clock for Suspended {
    fn now(&self) -> i64 {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration + self.1).await;
    }

    fn jitter(&self) -> f64 {
        self.0.jitter()
    }
}

#[tokio::test]
async fn after_a_sleep_of_the_machine_itself_the_caller_decides() {
    for (asleep, outcome, attempts) in [(59, true, 2), (61, false, 1), (90_000, false, 1)] {
        let Setup { clock, faulty, .. } = setup(Answer::Unavailable, 1);
        let clock = Arc::new(Suspended(clock, Duration::from_secs(asleep)));
        let store = Retrying::new(Arc::clone(&faulty) as _, clock, RetryPolicy::default());
        let result = store.put_new("key", Bytes::from_static(b"mine")).await;
        assert_eq!((result.is_ok(), faulty.calls().len()), (outcome, attempts), "{asleep} s: {result:?}");
    }
}

#[tokio::test]
async fn after_an_attempt_in_which_the_machine_was_asleep_the_caller_decides() {
    for (minutes, outcome, attempts) in [(59, true, 2), (61, false, 1), (25 * 60, false, 1)] {
        let Setup { clock, faulty, store } = setup(Answer::Unavailable, 0);
        let asleep = move |_: &str| {
            clock.advance(Duration::from_secs(60 * minutes));
            true
        };
        faulty.script(Fault::new(Answer::ReplyLost).key(asleep).times(1));
        let result = store.put_new("key", Bytes::from_static(b"mine")).await;
        assert_eq!((result.is_ok(), faulty.calls().len()), (outcome, attempts), "{minutes} minutes: {result:?}");
    }
}

#[tokio::test]
async fn every_operation_is_tried_again() {
    let Setup { faulty, store, .. } = setup(Answer::Unavailable, 0);
    let fail_once = || faulty.script(Fault::new(Answer::Unavailable).times(1));
    store.put_new("a/key", "0123".into()).await.unwrap();
    fail_once();
    assert_eq!(store.get("a/key").await.unwrap(), "0123");
    fail_once();
    assert_eq!(store.get_end("a/key", 2).await.unwrap().bytes, "23");
    fail_once();
    assert_eq!(store.get_range("a/key", 1..3).await.unwrap(), "12");
    fail_once();
    assert_eq!(store.list_after("a/", None, 10).await.unwrap().len(), 1);
    fail_once();
    assert_eq!(store.list_folders("").await.unwrap(), ["a"]);
    fail_once();
    store.put_hint("_penstock/iot/hints/hint", "1".into()).await.unwrap();
    fail_once();
    store.delete("a/key").await.unwrap();
    assert_eq!(faulty.calls().len(), 15);
}

#[tokio::test]
async fn waits_grow_to_the_longest_and_are_spread() {
    let Setup { clock, store, .. } = setup(Answer::Unavailable, usize::MAX);
    store.until(START + 3600 * SECOND).get("key").await.unwrap_err();
    let waits = clock.sleeps();
    let limits = (0..).map(|attempt| Duration::from_millis(100 << attempt.min(6)).min(Duration::from_secs(5)));
    assert!(500 < waits.len());
    for (attempt, (wait, limit)) in waits.iter().zip(limits).enumerate() {
        assert!(*wait < limit, "wait {attempt}: {wait:?} of {limit:?}");
    }
    let long = waits[6..].iter().sum::<Duration>().as_secs_f64() / (waits.len() - 6) as f64;
    assert!((2.0..3.0).contains(&long), "full jitter waits for half of the longest on average: {long}");
}

#[tokio::test]
async fn no_attempt_begins_after_the_deadline() {
    let Setup { clock, faulty, store } = setup(Answer::Unavailable, usize::MAX);
    let deadline = START + 60 * SECOND;
    store.until(deadline).get("key").await.unwrap_err();
    assert!(clock.now() < deadline);
    assert!(deadline - 5 * SECOND <= clock.now(), "it was given up long before the deadline");
    assert_eq!(faulty.calls().len(), clock.sleeps().len() + 1);
}

#[tokio::test]
async fn a_deadline_in_the_past_is_none() {
    for deadline in [i64::MIN, 0, START - 1, START] {
        let Setup { faulty, store, .. } = setup(Answer::Unavailable, usize::MAX);
        store.until(deadline).get("key").await.unwrap_err();
        assert_eq!(faulty.calls().len(), 10, "deadline {deadline}");
    }
}

#[tokio::test]
async fn a_deadline_holds_for_its_view_only() {
    let Setup { clock, faulty, store } = setup(Answer::Unavailable, usize::MAX);
    let near = store.until(START + 1);
    near.get("key").await.unwrap_err();
    assert_eq!(faulty.calls().len(), 1);
    clock.advance(Duration::from_secs(1));
    near.until(clock.now() + 60 * SECOND).get("key").await.unwrap_err();
    assert!(10 < faulty.calls().len());
    let calls = faulty.calls().len();
    store.get("key").await.unwrap_err();
    assert_eq!(faulty.calls().len(), calls + 10);
}

#[tokio::test]
async fn each_retry_is_an_event() {
    let Setup { store, .. } = setup(Answer::ReplyLost, 2);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    store.put_hint("_penstock/iot/hints/hint", "1".into()).await.unwrap();
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (attempt, line) in (1..).zip(lines) {
        for part in
            ["INFO", "store_retried", "put_hint", "hints/hint", &format!("attempt={attempt}"), "after the effect"]
        {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
