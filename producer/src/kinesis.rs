//! Amazon Kinesis as a sink: records of a partition key in their order, and every record's end accounted for.
//!
//! In: records. Out: requests to the stream that the AWS environment leads to, and the shards and sequence numbers
//! that it gave. A request whose answer is lost is sent again, so a record may stand in the stream twice: Kinesis has
//! no idempotence as Kafka has. How often that may have happened stands in the report.

mod outbox;
mod stream;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::report::Deliveries;
use crate::sink::{Sink, SinkError};
use crate::source::Record;
use outbox::{Entry, Group, Outbox};
use stream::Stream;

/// What a stream takes in one record, its key included, unless it was made for larger ones.
const LARGEST_RECORD_BYTES: usize = 1 << 20;
/// Characters of a partition key.
const LONGEST_KEY: usize = 256;
/// How soon a worker that broke down is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Which stream, and how. Where it is and who asks follow from the environment, as for all tools of AWS.
#[derive(Clone, Debug, Default)]
pub struct KinesisSettings {
    pub stream: String,
    pub order: Order,
}

/// What stands in the stream as it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The records of a key: the next one waits until the stream has taken the one before.
    #[default]
    OfEachKey,
    /// Nothing: a record that is refused comes behind those that follow it.
    Any,
}

/// Sends records to a stream. Dropping it without [`Sink::finish`] loses what is still on its way.
pub struct KinesisSink {
    order: Order,
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// What the source's thread and the worker share.
struct Shared {
    outbox: Mutex<Outbox>,
    /// Room in the outbox, or its end.
    room: Condvar,
    /// Something for the worker to do.
    work: Notify,
    closing: Notify,
}

impl KinesisSink {
    /// Makes sure that the stream is there and takes records.
    ///
    /// # Errors
    /// No region, no credentials, no such stream, or no answer.
    pub fn connect(settings: &KinesisSettings) -> Result<Self, SinkError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| no_thread(&error))?;
        let stream = runtime.block_on(Stream::find(&settings.stream))?;
        let outbox = Outbox::new(RandomState::new().hash_one(0));
        let shared = Arc::new(Shared {
            outbox: Mutex::new(outbox),
            room: Condvar::new(),
            work: Notify::new(),
            closing: Notify::new(),
        });
        let worker = work_in_background(runtime, Arc::clone(&shared), stream).map_err(|error| no_thread(&error))?;
        Ok(Self { order: settings.order, shared, worker: Some(worker) })
    }

    fn entry(&self, record: &Record) -> Result<Entry, SinkError> {
        let number = record.number;
        let (group, key) = match record.key() {
            Some(key) => {
                let key = String::from_utf8_lossy(key).into_owned();
                (if self.order == Order::Any { Group::Alone(number) } else { Group::Key(key.clone()) }, key)
            }
            // Kinesis wants a key; this one spreads records over the shards.
            None => (Group::Alone(number), number.to_string()),
        };
        let characters = key.chars().count();
        if LONGEST_KEY < characters {
            return Err(SinkError::Misconfigured(format!(
                "its key has {characters} characters, and Kinesis takes {LONGEST_KEY}: shorten it"
            )));
        }
        let entry = Entry::new(number, group, key, record.value.clone());
        if LARGEST_RECORD_BYTES < entry.bytes() {
            return Err(SinkError::Misconfigured(format!(
                "{} bytes with its key is more than a stream takes in one record ({LARGEST_RECORD_BYTES}): shorten it",
                entry.bytes()
            )));
        }
        Ok(entry)
    }
}

fn no_thread(error: &io::Error) -> SinkError {
    SinkError::Broken(format!("cannot start the thread that sends: {error}"))
}

impl Sink for KinesisSink {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        let entry = self.entry(record)?;
        let mut outbox = self.shared.outbox();
        loop {
            if let Some(reason) = outbox.end() {
                return Err(SinkError::Broken(reason.to_owned()));
            }
            if self.worker.as_ref().is_none_or(JoinHandle::is_finished) {
                return Err(broken_down());
            }
            if outbox.has_room() {
                break;
            }
            let waited = self.shared.room.wait_timeout(outbox, LOOK_AGAIN);
            outbox = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(outbox, _)| outbox);
        }
        outbox.push(entry);
        drop(outbox);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Waits while anything is taken at all; what has no answer then counts as failed.
    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        self.shared.closing.notify_one();
        if self.worker.take().is_some_and(|worker| worker.join().is_err()) {
            return Err(broken_down());
        }
        Ok(self.shared.outbox().deliveries())
    }
}

fn broken_down() -> SinkError {
    SinkError::Broken("the thread that sends broke down: report this as a bug, with what it printed".to_owned())
}

impl Drop for KinesisSink {
    /// The worker ends, too.
    fn drop(&mut self) {
        self.shared.closing.notify_one();
    }
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work_in_background(runtime: Runtime, shared: Arc<Shared>, stream: Stream) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("kinesis".to_owned()).spawn(move || runtime.block_on(work(&shared, &stream)))
}

/// Sends until the sink is closing and nothing is left to send.
async fn work(shared: &Shared, stream: &Stream) {
    let mut under_way = FuturesUnordered::new();
    let mut closing = false;
    loop {
        while let Some(request) = { shared.outbox().take(Instant::now()) } {
            under_way.push(async move {
                let answer = stream.put(&request).await;
                (request, answer)
            });
        }
        // The source may go on: there is room, or an end to hear of.
        shared.room.notify_one();
        if closing && shared.outbox().is_done() {
            return;
        }
        let pause_ends = shared.outbox().pause_ends(Instant::now());
        tokio::select! {
            Some((request, answer)) = under_way.next() => shared.outbox().settle(request, answer, Instant::now()),
            () = shared.work.notified() => {}
            () = shared.closing.notified() => closing = true,
            () = tokio::time::sleep_until(pause_ends.unwrap_or_else(Instant::now).into()), if pause_ends.is_some() => {}
        }
    }
}
