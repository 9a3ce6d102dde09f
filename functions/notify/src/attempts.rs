//! Attempts until one succeeds, is refused, or the time is up.

use std::sync::Arc;
use std::time::Duration;

use penstock_lake::Clock;
use penstock_runtime::Failure;

/// Without a deadline, no longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// What must be left of an invocation's time, so that it can say how it ended.
const LEFT_OVER: Duration = Duration::from_secs(1);

/// Waits double from the first to the longest; each is between half and all of it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Another attempt may, after a wait that the other side asked for, or that is ours to choose.
    Later { wait: Option<Duration>, problem: String },
    /// No attempt will until somebody acts.
    Refused(String),
    /// The secret is not accepted: it may have been changed since it was read.
    WrongSecret(String),
}

impl Missed {
    pub(crate) const fn later(problem: String) -> Self {
        Self::Later { wait: None, problem }
    }

    /// The same, with what it is about before it.
    pub(crate) fn about(self, what: &str) -> Self {
        self.with_problem(|problem| format!("{what} {problem}"))
    }

    /// The same, with nothing of the secret in it, should the other side have repeated it.
    pub(crate) fn without(self, secret: &str) -> Self {
        let secrets = secret.lines().filter(|line| !line.trim().is_empty());
        self.with_problem(|problem| secrets.fold(problem, |problem, secret| problem.replace(secret.trim(), "***")))
    }

    fn with_problem(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Later { wait, problem } => Self::Later { wait, problem: change(problem) },
            Self::Refused(problem) => Self::Refused(change(problem)),
            Self::WrongSecret(problem) => Self::WrongSecret(change(problem)),
        }
    }
}

impl From<Missed> for Failure {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Later { problem, .. } => Self::retry(problem),
            Missed::Refused(problem) | Missed::WrongSecret(problem) => Self::misconfigured(problem),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    clock: Arc<dyn Clock>,
    /// Epoch microseconds.
    end: i64,
}

impl Attempts {
    /// Attempts within an invocation. A deadline in the past means that there is none.
    pub(crate) fn until(deadline: i64, clock: &Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let end = if now < deadline { deadline - micros(LEFT_OVER) } else { now + micros(LONGEST) };
        Self { clock: Arc::clone(clock), end }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Calls `attempt`, which gets the time that it has, until it succeeds or is refused, or a wait would take too long.
    pub(crate) async fn until_done<T, F: Future<Output = Result<T, Missed>>>(
        &self,
        attempt: impl Fn(Duration) -> F,
    ) -> Result<T, Missed> {
        let mut backoff = FIRST_WAIT;
        loop {
            let (asked, problem) = match attempt(self.left()).await {
                Err(Missed::Later { wait, problem }) => (wait, problem),
                done => return done,
            };
            let wait = asked.unwrap_or_else(|| backoff.mul_f64(0.5 + self.clock.jitter() / 2.0));
            backoff = LONGEST_WAIT.min(backoff * 2);
            if self.left() <= wait {
                let problem = format!("{problem}; its time is up, and another call tries it again");
                return Err(Missed::Later { wait: asked, problem });
            }
            self.clock.sleep(wait).await;
        }
    }

    fn left(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.end.saturating_sub(self.clock.now())).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
