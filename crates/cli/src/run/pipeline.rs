//! The parts of a run, wired together.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{MaybeDone, maybe_done};
use penstock_core::dataset::Dataset;
use penstock_ingest::Ingest;
use penstock_producer::{
    Deliveries, Interrupt, KafkaSettings, KafkaSink, Outcome, PartitionReport, Progress, Record, Sink, SinkError,
    Source, produce,
};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure, IngestSettings, Kind, Lake};
use penstock_telemetry::Registry;
use penstock_telemetry::function::InvocationEnded;
use penstock_trigger::invoke::{InvokeError, Invoker, from_fn};
use penstock_trigger::kafka::KafkaLog;
use penstock_trigger::log::Log;
use penstock_trigger::mapping::{Mapping, Redelivery, Until};
use penstock_trigger::memory::{MemoryLog, NewRecord};
use penstock_trigger::{Served, Trigger, TriggerError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Arguments;
use super::plan::Plan;
use crate::output::note;
use crate::watch::RunLog;

/// The largest batch of a mapping.
const BATCH_SIZE: usize = 10_000;

/// The log in memory holds this much at the most; then the producer waits.
const LOG_BYTES: usize = 64 << 20;

/// Refine runs when so many records have landed ...
const REFINE_AFTER_RECORDS: u64 = 50_000;

/// ... or when so much time has passed.
const REFINE_AFTER: Duration = Duration::from_secs(10);

pub(super) struct Pipeline {
    ingest: Arc<Ingest>,
    refine: Arc<Refine>,
    progress: Arc<Landing>,
    dataset: String,
    telemetry: Arc<Registry>,
    settings: IngestSettings,
    shown: RunLog,
}

/// What a run has done.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) produced: Outcome,
    pub(super) served: Served,
    pub(super) interrupted: bool,
}

/// How the landing goes, for those who wait for it.
#[derive(Debug, Default)]
struct Landing {
    records: AtomicU64,
    changed: Notify,
    /// A failure that no repetition mends: it ends the run.
    fatal: Mutex<Option<Failure>>,
    stop: Notify,
}

impl Pipeline {
    pub(super) fn new(lake: Lake, dataset: &Arc<Dataset>, settings: IngestSettings, shown: RunLog) -> Self {
        let telemetry = Arc::clone(lake.telemetry());
        Self {
            telemetry,
            ingest: Arc::new(Ingest::new(lake.clone(), Arc::clone(dataset), settings.clone())),
            refine: Arc::new(Refine::new(lake, Arc::clone(dataset), CutSettings::default())),
            progress: Arc::default(),
            dataset: dataset.name.clone(),
            settings,
            shown,
        }
    }

    /// Runs with the log in memory until the source ends.
    pub(super) async fn run_memory(
        &self,
        arguments: &Arguments,
        plan: &Plan,
        source: Box<dyn Source + Send>,
    ) -> Result<Ran, Failure> {
        let partitions = usize::try_from(arguments.partitions).unwrap_or(1);
        let log = Arc::new(MemoryLog::new(partitions, LOG_BYTES));
        self.show(Arc::<MemoryLog>::clone(&log), "events");
        let sink = MemorySink::new(Arc::clone(&log), plan.clone(), partitions);
        let interrupt = Interrupt::default();
        let producing = self.produce(arguments, source, Box::new(sink), &interrupt);
        let refining = self.refine_now_and_then();
        let mapping = self.mapping(arguments, "events", "memory");
        let stop = self.stop(&interrupt);
        let served = self.trigger(&mapping, log).serve(stop).await;
        refining.abort();
        self.end(producing, served, &interrupt).await
    }

    /// Runs with Kafka as the log: sends everything, then lands what the topic holds.
    pub(super) async fn run_kafka(
        &self,
        arguments: &Arguments,
        brokers: &str,
        source: Box<dyn Source + Send>,
    ) -> Result<Ran, Failure> {
        let topic = arguments.topic.clone().unwrap_or_default();
        let settings = KafkaSettings {
            brokers: brokers.to_owned(),
            topic: topic.clone(),
            partitions: Some(arguments.partitions),
            extra: arguments.kafka.clone(),
            ..KafkaSettings::default()
        };
        let connect = tokio::task::spawn_blocking(move || KafkaSink::connect(&settings));
        let sink = connect.await.map_err(Failure::bug)?.map_err(Failure::misconfigured)?;
        let interrupt = Interrupt::default();
        let mut producing = self.produce(arguments, source, Box::new(sink), &interrupt);
        if !arguments.forever {
            tokio::select! {
                () = &mut producing.done => {}
                () = self.stop(&interrupt) => {}
            }
        }
        let mut mapping = self.mapping(arguments, &topic, brokers);
        mapping.until = if arguments.forever { Until::Stopped } else { Until::Drained };
        let log = Arc::new(KafkaLog::new(&mapping, &arguments.kafka).map_err(Failure::misconfigured)?);
        self.show(Arc::<KafkaLog>::clone(&log), &topic);
        let refining = self.refine_now_and_then();
        let served = self.trigger(&mapping, log).serve(self.stop(&interrupt)).await;
        refining.abort();
        self.end(producing, served, &interrupt).await
    }

    fn trigger(&self, mapping: &Mapping, log: Arc<dyn Log>) -> Trigger {
        Trigger::new(mapping, log, self.invoker()).observed_by(Arc::clone(&self.telemetry))
    }

    /// Lets a page show how far the log is read.
    fn show(&self, log: Arc<dyn Log>, topic: &str) {
        self.shown.show(log, &self.settings.source, topic, self.settings.epoch);
    }

    fn mapping(&self, arguments: &Arguments, topic: &str, brokers: &str) -> Mapping {
        let mut mapping = Mapping::new(topic, "ingest", brokers, &format!("penstock-{}", self.dataset));
        mapping.batch_size = BATCH_SIZE;
        let redelivery = Redelivery { share: arguments.redeliver, seed: arguments.seed };
        mapping.redelivery = (0.0 < arguments.redeliver).then_some(redelivery);
        mapping
    }

    /// Calls ingest as Lambda would. A failure that needs somebody to act ends the run, instead of being repeated for ever.
    fn invoker(&self) -> Arc<dyn Invoker> {
        let (ingest, progress) = (Arc::clone(&self.ingest), Arc::clone(&self.progress));
        let telemetry = Arc::clone(&self.telemetry);
        let invocations = AtomicU64::new(1);
        Arc::new(from_fn(move |payload: Bytes| {
            let (ingest, progress) = (Arc::clone(&ingest), Arc::clone(&progress));
            let telemetry = Arc::clone(&telemetry);
            let request_id = format!("run-{}", invocations.fetch_add(1, Ordering::Relaxed));
            // A task of its own, so that several batches are parsed at once.
            let task = tokio::spawn(async move {
                let began = Instant::now();
                let answer = ingest.handle(&payload, &Call { request_id, deadline: 0 }).await;
                invocation_ended(&telemetry, penstock_ingest::NAME, began, answer.as_ref().err());
                match answer {
                    Ok(answer) => {
                        let landed = answer["landed"].as_u64().unwrap_or(0);
                        progress.records.fetch_add(landed, Ordering::Relaxed);
                        progress.changed.notify_one();
                        Ok(Bytes::from(answer.to_string()))
                    }
                    Err(failure) => {
                        let message = failure.message.clone();
                        progress.fail(failure);
                        Err(InvokeError::Function(message))
                    }
                }
            });
            async move { task.await.unwrap_or_else(|error| Err(InvokeError::Function(error.to_string()))) }
        }))
    }

    /// Resolves when the run is to end early: at the first interrupt, or when something failed for good.
    fn stop(&self, interrupt: &Interrupt) -> impl Future<Output = ()> + Send + use<> {
        let (interrupt, progress) = (interrupt.clone(), Arc::clone(&self.progress));
        async move {
            let interrupted = async {
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = interrupted => {}
                () = progress.stop.notified() => {}
            }
            interrupt.set();
        }
    }

    fn refine_now_and_then(&self) -> JoinHandle<()> {
        let (refine, progress) = (Arc::clone(&self.refine), Arc::clone(&self.progress));
        let telemetry = Arc::clone(&self.telemetry);
        tokio::spawn(async move {
            let mut refined = 0;
            loop {
                let due = async {
                    while progress.records.load(Ordering::Relaxed) < refined + REFINE_AFTER_RECORDS {
                        progress.changed.notified().await;
                    }
                };
                // Whichever comes first.
                let _ = tokio::time::timeout(REFINE_AFTER, due).await;
                refined = progress.records.load(Ordering::Relaxed);
                if let Err(failure) = run_refine(&refine, Mode::Scheduled, &telemetry).await {
                    progress.fail(failure);
                }
            }
        })
    }

    fn produce(
        &self,
        arguments: &Arguments,
        mut source: Box<dyn Source + Send>,
        mut sink: Box<dyn Sink + Send>,
        interrupt: &Interrupt,
    ) -> Producing {
        let (interrupt, pace) = (interrupt.clone(), arguments.pace());
        let total = source.total().filter(|total| *total < u64::MAX);
        let telemetry = Arc::clone(&self.telemetry);
        let task = tokio::task::spawn_blocking(move || {
            produce(source.as_mut(), sink.as_mut(), pace, &interrupt, &mut Progress::new(total), &telemetry)
        });
        Producing { done: maybe_done(task) }
    }

    async fn end(
        &self,
        mut producing: Producing,
        served: Result<Served, TriggerError>,
        interrupt: &Interrupt,
    ) -> Result<Ran, Failure> {
        let served = served.map_err(Failure::misconfigured)?;
        interrupt_if_stopped(&self.progress, interrupt);
        (&mut producing.done).await;
        let produced = Pin::new(&mut producing.done).take_output();
        let produced = produced.ok_or_else(|| Failure::bug("the producer's outcome was taken twice"))?;
        let produced = produced.map_err(Failure::bug)?;
        if let Some(failure) = self.progress.take_failure() {
            return Err(failure);
        }
        if let Some(stopped) = &produced.stopped
            && !interrupt.is_set()
        {
            return Err(Failure::misconfigured(stopped));
        }
        for (partition, state) in &served.partitions {
            if let Some(reason) = &state.stopped {
                note(&format!("partition {partition} stopped: {reason}"));
            }
        }
        run_refine(&self.refine, Mode::Drain, &self.telemetry).await?;
        let interrupted = produced.interrupted || interrupt.is_set();
        Ok(Ran { produced, served, interrupted })
    }
}

async fn run_refine(refine: &Refine, mode: Mode, telemetry: &Registry) -> Result<(), Failure> {
    let began = Instant::now();
    let result = refine.run(mode, &Call::default()).await;
    invocation_ended(telemetry, penstock_refine::NAME, began, result.as_ref().err());
    result.map(|_| ())
}

/// What Lambda would count.
fn invocation_ended(telemetry: &Registry, function: &'static str, began: Instant, failure: Option<&Failure>) {
    let outcome = failure.map_or("ok", |failure| failure.kind.as_str());
    InvocationEnded { function, outcome, duration: began.elapsed() }.emit(telemetry);
}

/// The producer's task; it may be waited for more than once.
struct Producing {
    done: MaybeDone<JoinHandle<Outcome>>,
}

fn interrupt_if_stopped(progress: &Landing, interrupt: &Interrupt) {
    if progress.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
        interrupt.set();
    }
}

impl Landing {
    fn fail(&self, failure: Failure) {
        if failure.kind == Kind::Retry {
            note(&format!("trying again: {failure}"));
            return;
        }
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.stop.notify_one();
    }

    fn take_failure(&self) -> Option<Failure> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The end of the producer that writes into the log in memory.
struct MemorySink {
    log: Arc<MemoryLog>,
    plan: Plan,
    partitions: usize,
    runtime: tokio::runtime::Handle,
    sent: Vec<PartitionReport>,
    without_key: usize,
}

impl MemorySink {
    fn new(log: Arc<MemoryLog>, plan: Plan, partitions: usize) -> Self {
        let number = |partition| i32::try_from(partition).unwrap_or(i32::MAX);
        let report = |partition| PartitionReport { partition: number(partition), ..PartitionReport::default() };
        let sent = (0..partitions).map(report).collect();
        Self { log, plan, partitions, runtime: tokio::runtime::Handle::current(), sent, without_key: 0 }
    }

    /// Records with a key always go to the same partition, others in turn.
    fn partition(&mut self, record: &Record) -> usize {
        match record.key() {
            #[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of partitions")]
            Some(key) => (fnv1a(key) % self.partitions as u64) as usize,
            None => {
                self.without_key += 1;
                self.without_key % self.partitions
            }
        }
    }
}

/// The hash FNV-1a: the same in every build, because an interrupted run must find its records where they were.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Sink for MemorySink {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        let partition = self.partition(record);
        let new = NewRecord {
            key: record.key().map(Bytes::copy_from_slice),
            value: Some(Bytes::copy_from_slice(&record.value)),
            timestamp: self.plan.timestamp(record.number),
            headers: Vec::new(),
        };
        let offset = self.runtime.block_on(self.log.append(partition, new)).map_err(|_| SinkError::Closed)?;
        let report = &mut self.sent[partition];
        report.sent += 1;
        report.acknowledged += 1;
        report.first_offset.get_or_insert(offset);
        report.last_offset = Some(offset);
        Ok(())
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        self.log.close();
        let acknowledged = self.sent.iter().map(|report| report.acknowledged).sum();
        Ok(Deliveries { acknowledged, partitions: std::mem::take(&mut self.sent), ..Deliveries::default() })
    }
}
