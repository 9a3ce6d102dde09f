//! The run: from the source to the sink, at a pace, until the end or an interruption.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use penstock_telemetry::Registry;
use penstock_telemetry::producer::RecordsSent;

use crate::input::InputError;
use crate::pace::{self, Pace};
use crate::report::{Counts, Deliveries};
use crate::sink::{Sink, SinkError};
use crate::source::{Record, Source};

/// Progress is shown and counted once for so many records, unless a pace makes them slow.
const RECORDS_A_TICK: u64 = 256;
/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Set from elsewhere to end a run after the record in hand.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What ended a run before its last record.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{place}: {error}")]
    Sink { place: String, error: SinkError },
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was handed to the sink, by kind.
    pub counts: Counts,
    pub deliveries: Deliveries,
    pub interrupted: bool,
    pub stopped: Option<Stopped>,
}

/// Sends all records of the source. Whatever ends the run, the sink is finished, so that what it took is accounted for.
pub fn produce(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    pace: Option<Pace>,
    interrupt: &Interrupt,
    progress: &mut Progress,
    telemetry: &Registry,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut tally = Tally { telemetry, sent: 0, bytes: 0, counted: RecordsSent::default() };
    outcome.stopped = send_all(source, sink, pace, interrupt, progress, &mut tally).err();
    outcome.interrupted = interrupt.is_set();
    outcome.counts = source.counts();
    // A record that the sink refused was not sent.
    outcome.counts.expected.sent = tally.sent;
    tally.count(source);
    match sink.finish() {
        Ok(deliveries) => outcome.deliveries = deliveries,
        Err(error) => {
            outcome.stopped.get_or_insert(Stopped::Sink { place: "the end".to_owned(), error });
        }
    }
    progress.finish();
    outcome
}

fn send_all(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    mut pace: Option<Pace>,
    interrupt: &Interrupt,
    progress: &mut Progress,
    tally: &mut Tally<'_>,
) -> Result<(), Stopped> {
    let mut record = Record::default();
    while !interrupt.is_set() && source.next(&mut record)? {
        let refused = |error| Stopped::Sink { place: source.place(record.number), error };
        if let Some(pause) = pace.as_mut().and_then(Pace::pause) {
            sink.flush().map_err(refused)?;
            tally.count(source);
            pace::sleep(pause, || interrupt.is_set());
        }
        sink.send(&record).map_err(refused)?;
        tally.sent += 1;
        tally.bytes += record.value.len() as u64;
        let is_tick = tally.sent.is_multiple_of(RECORDS_A_TICK);
        if pace.is_some() || is_tick {
            progress.at(tally.sent);
        }
        if is_tick {
            tally.count(source);
        }
    }
    Ok(())
}

/// What was sent, and how much of it the metrics have.
struct Tally<'t> {
    telemetry: &'t Registry,
    sent: u64,
    bytes: u64,
    counted: RecordsSent,
}

impl Tally<'_> {
    fn count(&mut self, source: &dyn Source) {
        let expected = source.counts().expected;
        let so_far = RecordsSent {
            records: self.sent,
            bytes: self.bytes,
            malformed: expected.malformed,
            duplicates: expected.duplicates,
            late: expected.late,
        };
        so_far.since(&self.counted).emit(self.telemetry);
        self.counted = so_far;
    }
}

/// How far a run has come, on standard error: a bar on a terminal, else a line now and then.
pub enum Progress {
    Bar(ProgressBar),
    Lines { next: Instant },
    Quiet,
}

impl Progress {
    /// A bar or lines, as standard error can show them.
    #[must_use]
    pub fn new(total: Option<u64>) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { next: Instant::now() + LINE_EVERY };
        }
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} records, {per_sec}, {eta} left");
        Self::Bar(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    fn at(&mut self, sent: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(sent),
            Self::Lines { next } if *next <= Instant::now() => {
                eprintln!("{sent} records sent");
                *next = Instant::now() + LINE_EVERY;
            }
            Self::Lines { .. } | Self::Quiet => {}
        }
    }

    fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
