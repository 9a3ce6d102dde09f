//! What can happen to an operation, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use penstock_lake::{Answer, Fault, Faulty, Operation, TestClock};

use crate::operations::Ask;

/// What the store does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Answer(Answer),
    /// It answers, but long after the invocation should have ended.
    Slow,
}

pub(crate) const FAULTS: [(&str, Trouble); 7] = [
    ("unavailable", Trouble::Answer(Answer::Unavailable)),
    ("reply lost", Trouble::Answer(Answer::ReplyLost)),
    ("conflict", Trouble::Answer(Answer::Conflict)),
    ("denied", Trouble::Answer(Answer::Denied)),
    ("dies before", Trouble::Answer(Answer::Die)),
    ("dies after", Trouble::Answer(Answer::DieAfter)),
    ("slow", Trouble::Slow),
];

/// How long a slow call takes: longer than an invocation may. In this world one call at a time passes the time, so a look
/// at three partitions takes three of them, which must be less than the five minutes for which ingest believes a look.
const SLOW: Duration = Duration::from_secs(90);

/// For how long the fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// It strikes one call, so many calls after the first.
    Once { skip: usize },
    /// It lasts until two invocations have failed, each with all its retries.
    AWhile,
    /// It lasts until somebody mends it, long after the topic's last record.
    UntilHealed,
}

/// An operation, what happens to it, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) ask: Ask,
    pub(crate) fault: usize,
    pub(crate) span: Span,
}

impl Cell {
    /// The cells of an operation that an undisturbed scene asks so many times.
    pub(crate) fn of(ask: Ask, calls: usize) -> Vec<Self> {
        let mut spans = vec![Span::Once { skip: 0 }];
        if 1 < calls {
            spans.push(Span::Once { skip: calls - 1 });
        }
        spans.extend([Span::AWhile, Span::UntilHealed]);
        // Only a conditional write can meet another one.
        let faults = (0..FAULTS.len()).filter(|fault| {
            FAULTS[*fault].1 != Trouble::Answer(Answer::Conflict) || ask.operation == Operation::PutNew
        });
        faults.flat_map(|fault| spans.iter().map(move |span| Self { ask, fault, span: *span })).collect()
    }

    pub(crate) fn trouble(&self) -> Trouble {
        FAULTS[self.fault].1
    }

    pub(crate) fn name(&self) -> String {
        let span = match self.span {
            Span::Once { skip } => format!("once, at call {}", skip + 1),
            Span::AWhile => "for a while".to_owned(),
            Span::UntilHealed => "until healed".to_owned(),
        };
        format!("{} {}, {span}", self.ask, FAULTS[self.fault].0)
    }

    /// Lets the fault loose on a function's store.
    pub(crate) fn script(&self, faulty: &Faulty, clock: &Arc<TestClock>) {
        let ask = self.ask;
        let (skip, times) = match self.span {
            Span::Once { skip } => (skip, 1),
            Span::AWhile | Span::UntilHealed => (0, usize::MAX),
        };
        let fault = match self.trouble() {
            Trouble::Answer(answer) => Fault::new(answer).key(move |key| ask.is_about(key)).skip(skip).times(times),
            Trouble::Slow => {
                let (clock, calls) = (Arc::clone(clock), AtomicUsize::new(0));
                // Nothing is answered differently: that the key is looked at is the moment at which time goes by.
                Fault::new(Answer::Unavailable).key(move |key| {
                    if ask.is_about(key)
                        && (skip..skip.saturating_add(times)).contains(&calls.fetch_add(1, Ordering::Relaxed))
                    {
                        clock.advance(SLOW);
                    }
                    false
                })
            }
        };
        faulty.script(fault.on(ask.operation));
    }
}
