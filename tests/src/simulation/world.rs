//! The world of one schedule: a broker, two consumers, a schedule, functions of two deployments, an operator, and a store.
//!
//! [`World::apply`] does one action, and nothing else makes anything happen.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use penstock_cli::gaps::{Act, Declaration, declare};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::keys::ChainId;
use penstock_core::position::{Partition, Position};
use penstock_ingest::Ingest;
use penstock_lake::{Operation, Store};
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, Failure, Lake};
use serde_json::{Value, json};

use super::action::{Action, Delivery, Place};
use super::network::{Answer, Effect, Network, Outcome, Port};
use super::oracle::Oracle;
use super::reached::Reached;
use super::setting::Setting;
use super::topic::{Kind, Topic};
use crate::events::{TOPIC, payload};
use crate::random::Random;

/// 2026-01-01T00:00:00Z, in epoch microseconds.
pub(super) const START: i64 = 1_767_225_600_000_000;
/// Functions of each sort, of both deployments.
pub(super) const FUNCTIONS: usize = 4;
pub(super) const CONSUMERS: usize = 2;

const MINUTE: i64 = 60_000_000;

type Done = Result<Value, Failure>;
type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Everything of one schedule.
pub(super) struct World {
    pub(super) setting: Setting,
    pub(super) network: Arc<Network>,
    pub(super) store: Arc<dyn Store>,
    pub(super) topic: Topic,
    pub(super) consumers: Vec<Vec<Progress>>,
    pub(super) running: BTreeMap<u32, Invocation>,
    /// The range that ingest last said to be missing, by partition.
    pub(super) refused: BTreeMap<usize, (i64, i64)>,
    pub(super) oracle: Oracle,
    pub(super) reached: Reached,
    /// What happened, in words, if somebody wants to know.
    pub(super) story: Option<Vec<String>>,
    pub(super) findings: Vec<String>,
    ingests: Vec<Option<Function<Ingest>>>,
    refines: Vec<Option<Function<Refine>>>,
    /// Who declared and who began to pour each cut: the function's number.
    declared: BTreeMap<u64, (u32, usize)>,
}

/// A warm process.
struct Function<F> {
    function: Arc<F>,
    port: Arc<Port>,
    serves: Option<u32>,
}

/// How far a consumer is in a partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) committed: i64,
    /// The invocation that it waits for.
    pub(super) waits_for: Option<u32>,
    /// The size of the batch that failed last, and where it began.
    pub(super) failed: Option<(i64, usize)>,
}

pub(super) struct Invocation {
    pub(super) task: Task,
    pub(super) given_up: bool,
    future: Running,
    place: usize,
    /// When it last got on.
    seen_at: i64,
    has_deadline: bool,
    was_denied: bool,
}

pub(super) enum Task {
    /// Who delivered, and the offsets of each partition.
    Ingest {
        consumer: usize,
        batches: Vec<(usize, Vec<i64>)>,
    },
    Refine,
    Operator,
}

impl World {
    pub(super) fn new(setting: Setting, store: impl FnOnce(Arc<Network>) -> Arc<dyn Store>) -> Self {
        let network = Arc::new(Network::at(START));
        Self {
            store: store(Arc::clone(&network)),
            topic: Topic::new(setting.partitions, setting.is_sparse),
            consumers: vec![vec![Progress::default(); setting.partitions]; CONSUMERS],
            running: BTreeMap::new(),
            refused: BTreeMap::new(),
            oracle: Oracle::default(),
            reached: Reached::default(),
            story: None,
            findings: Vec::new(),
            ingests: (0..FUNCTIONS).map(|_| None).collect(),
            refines: (0..FUNCTIONS).map(|_| None).collect(),
            declared: BTreeMap::new(),
            network,
            setting,
        }
    }

    /// Does one thing. Whatever was wrong so far is in `findings`.
    pub(super) fn apply(&mut self, action: &Action) {
        self.tell(|| action.to_string());
        match action {
            Action::Produce { partition, kinds } => kinds.iter().for_each(|kind| self.produce(*partition, *kind)),
            Action::Deliver(delivery) => self.deliver(delivery),
            Action::Refine { id, place } => self.refine(*id, *place, Mode::Scheduled),
            Action::Declare { id, partition } => self.declare(*id, *partition),
            Action::Run { id, waits, order } => self.run(*id, *waits, *order),
            Action::Fail { id, answer } => {
                if self.network.answer(*id, *answer) {
                    self.poll(*id);
                }
            }
            Action::GiveUp { id } => self.give_up(*id),
            Action::Crash { id } => self.crash(*id),
            Action::Wait(duration) => self.network.pass(*duration),
            Action::Lose { partition, from, count } => {
                let lost = self.topic.lose(*partition, *from, *count);
                self.reached.add("records lost by the broker", lost as u64);
            }
        }
    }

    /// Lets an invocation run to its end, whatever it waits for.
    pub(super) fn finish(&mut self, id: u32) {
        self.run(id, 10_000, 0);
        if self.running.contains_key(&id) {
            self.findings.push(format!("#{id} does not come to an end"));
        }
    }

    fn produce(&mut self, partition: usize, kind: Kind) {
        self.reached.count("records");
        match kind {
            Kind::Fresh => {}
            Kind::Again(_) => self.reached.count("duplicates sent"),
            Kind::Late(_) => self.reached.count("late events sent"),
            _ => self.reached.count("bad records sent"),
        }
        self.topic.append(partition, kind, self.network.now());
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let Delivery { id, consumer, counts, back, place } = delivery;
        let mut records = Vec::new();
        let mut batches = Vec::new();
        for (partition, count) in counts.iter().enumerate().filter(|(_, count)| 0 < **count) {
            let progress = &mut self.consumers[*consumer][partition];
            let from = (progress.committed - back).max(0);
            let batch = self.topic.fetch(partition, from, *count);
            // One batch of a partition at a time: that keeps its order.
            if batch.is_empty() || progress.waits_for.is_some() {
                continue;
            }
            progress.waits_for = Some(*id);
            let offsets: Vec<i64> = batch.iter().map(|record| record.offset).collect();
            if offsets[0] < progress.committed {
                self.reached.count("deliveries of what was committed");
            }
            if let Some((_, failed)) = progress.failed.take().filter(|(failed_from, _)| *failed_from == from) {
                match batch.len() {
                    half if half == failed.div_ceil(2) && 1 < failed => {
                        self.reached.count("deliveries again, bisected");
                    }
                    same if same == failed => {}
                    _ => self.reached.count("deliveries again, cut otherwise"),
                }
            }
            if self.consumers.iter().all(|progress| progress[partition].waits_for.is_some()) {
                self.reached.count("deliveries by two consumers at once");
            }
            batches.push((partition, offsets));
            records.extend(batch);
        }
        if records.is_empty() {
            return;
        }
        self.reached.count("deliveries");
        let (ingest, call) = self.ingest(*id, *place);
        let payload = payload(&records);
        let future = async move { ingest.handle(&payload, &call).await };
        self.start(*id, Task::Ingest { consumer: *consumer, batches }, *place, Box::pin(future));
    }

    pub(super) fn refine(&mut self, id: u32, place: Place, mode: Mode) {
        if self.running.values().any(|invocation| matches!(invocation.task, Task::Refine)) {
            self.reached.count("refines that overlapped");
        }
        let (refine, call) = self.refiner(id, place);
        let future = async move { refine.run(mode, &call).await.map(|summary| json!(summary)) };
        self.start(id, Task::Refine, place, Box::pin(future));
    }

    fn declare(&mut self, id: u32, partition: usize) {
        let Some((from, next)) = self.refused.remove(&partition) else { return };
        let at = |offset: i64| Position::from_offset(offset.unsigned_abs());
        let gap = Gap { from: at(from), next: at(next), reason: GapReason::Expired };
        let number = Partition::Kafka(i32::try_from(partition).expect("few partitions"));
        let chain = ChainId { topic: TOPIC.to_owned(), partition: number, source: "kafka".to_owned(), epoch: 0 };
        let port = self.port(0);
        port.serve(id);
        let lake = Lake::over(Arc::clone(&port) as _, port);
        let dataset = Arc::clone(&self.setting.deployments[0].dataset);
        let future = async move {
            let declared = declare(&lake, &dataset, &Declaration { chain, gap }, Act::Write).await?;
            Ok(json!(declared.outcome))
        };
        let place = Place { function: 0, is_cold: true, time: None };
        self.start(id, Task::Operator, place, Box::pin(future));
    }

    fn start(&mut self, id: u32, task: Task, place: Place, future: Running) {
        let invocation = Invocation {
            task,
            given_up: false,
            future,
            place: place.function,
            seen_at: self.network.now(),
            has_deadline: place.time.is_some(),
            was_denied: false,
        };
        self.running.insert(id, invocation);
    }

    fn port(&self, function: usize) -> Arc<Port> {
        let ahead = self.setting.deployments[function % 2].ahead;
        Port::new(&self.network, &self.store, self.setting.listing, ahead)
    }

    fn ingest(&mut self, id: u32, place: Place) -> (Arc<Ingest>, Call) {
        let port = self.port(place.function);
        let deployment = self.setting.deployments[place.function % 2].clone();
        let make = |port: &Arc<Port>| {
            let lake = Lake::over(Arc::clone(port) as _, Arc::clone(port) as _);
            Ingest::new(lake, deployment.dataset, deployment.ingest)
        };
        let function = serve(&mut self.ingests[place.function], id, place, port, make, &mut self.reached);
        (function, self.call(id, place))
    }

    fn refiner(&mut self, id: u32, place: Place) -> (Arc<Refine>, Call) {
        let port = self.port(place.function);
        let deployment = self.setting.deployments[place.function % 2].clone();
        let make = |port: &Arc<Port>| {
            let lake = Lake::over(Arc::clone(port) as _, Arc::clone(port) as _);
            Refine::new(lake, deployment.dataset, deployment.cut)
        };
        let function = serve(&mut self.refines[place.function], id, place, port, make, &mut self.reached);
        (function, self.call(id, place))
    }

    fn call(&self, id: u32, place: Place) -> Call {
        let until =
            |time: std::time::Duration| self.network.now() + i64::try_from(time.as_micros()).expect("a short time");
        Call { request_id: format!("#{id}"), deadline: place.time.map_or(0, until) }
    }

    fn run(&mut self, id: u32, waits: u16, order: u64) {
        self.wake(id);
        let mut random = Random::seeded(order);
        for _ in 0..waits {
            if !self.running.contains_key(&id) {
                return;
            }
            let pick = if order == 0 { 0 } else { random.below(16) };
            self.network.let_through(id, pick);
            self.poll(id);
            if self.running.contains_key(&id) && !self.network.is_waiting(id) {
                return self.findings.push(format!("#{id} waits for nothing and does not go on"));
            }
        }
    }

    /// Says for how long an invocation was frozen that gets on now.
    fn wake(&mut self, id: u32) {
        let now = self.network.now();
        let Some(invocation) = self.running.get_mut(&id) else { return };
        match now - std::mem::replace(&mut invocation.seen_at, now) {
            frozen if frozen < 5 * MINUTE => {}
            frozen if frozen < 60 * MINUTE => self.reached.count("zombies of minutes"),
            frozen if frozen < 24 * 60 * MINUTE => self.reached.count("zombies of hours"),
            _ => self.reached.count("zombies of days"),
        }
    }

    fn poll(&mut self, id: u32) {
        let Some(invocation) = self.running.get_mut(&id) else { return };
        let polled = invocation.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.watch();
        if let std::task::Poll::Ready(done) = polled {
            self.end(id, done);
        }
        if let Some(invocation) = self.running.get_mut(&id) {
            invocation.seen_at = self.network.now();
        }
    }

    /// Looks at what took effect.
    fn watch(&mut self) {
        for effect in self.network.take_effects() {
            self.tell(|| words(&effect));
            self.count_effect(&effect);
            self.oracle.observe(&effect, &self.topic, &self.setting);
        }
        self.findings.append(&mut self.oracle.findings);
    }

    fn count_effect(&mut self, effect: &Effect) {
        let Effect { operation, key, answer, outcome, invocation, .. } = effect;
        match answer {
            Answer::Done => {}
            Answer::ReplyLost => self.reached.count("replies lost"),
            Answer::TimedOut => self.reached.count("requests lost"),
            Answer::Unavailable => self.reached.count("answers 503"),
            Answer::Conflict => self.reached.count("answers 409"),
            Answer::Denied => {
                self.reached.count("answers 403");
                if let Some(denied) = self.running.get_mut(invocation) {
                    denied.was_denied = true;
                }
            }
        }
        let is_cut = key.contains("/cuts/");
        match (outcome, operation) {
            (Outcome::Exists, _) if key.starts_with("raw/") => self.reached.count("raw objects that were there"),
            (Outcome::Exists, _) if is_cut => self.reached.count("cuts that were there"),
            (Outcome::Exists, _) if key.contains("/state/") => self.reached.count("states that were there"),
            (Outcome::Exists, _) => self.reached.count("files that were there"),
            (Outcome::Read { holes: true }, _) => self.reached.count("lists with holes"),
            (Outcome::Changed, Operation::Delete) => self.reached.count("raw objects deleted"),
            (Outcome::Created(_), _) if is_cut || key.contains("/state/") => self.count_cut(key, *invocation, is_cut),
            _ => {}
        }
    }

    /// Counts who declares a cut and who finishes it.
    fn count_cut(&mut self, key: &str, invocation: u32, is_cut: bool) {
        let Some(deployment) = self.running.get(&invocation).map(|invocation| invocation.place % 2) else { return };
        let number: u64 = key.rsplit('/').next().and_then(|name| name.split('.').next()?.parse().ok()).unwrap_or(0);
        let datasets = self.setting.deployments.each_ref().map(|deployment| &deployment.dataset.hash);
        if is_cut {
            self.declared.insert(number, (invocation, deployment));
            let before = self.declared.get(&number.saturating_sub(1));
            if before.is_some_and(|(_, before)| datasets[*before] != datasets[deployment]) {
                self.reached.count("cuts of another dataset than the one before");
            }
            return;
        }
        let Some((declarer, declarers)) = self.declared.get(&number) else { return };
        if *declarer != invocation {
            self.reached.count("cuts finished by another run");
        }
        if *declarers != deployment {
            self.reached.count("cuts finished by another deployment");
        }
    }

    fn give_up(&mut self, id: u32) {
        let Some(invocation) = self.running.get_mut(&id).filter(|invocation| !invocation.given_up) else { return };
        invocation.given_up = true;
        self.reached.count("invocations given up that lived on");
        self.failed(id);
    }

    fn crash(&mut self, id: u32) {
        let Some(invocation) = self.running.get(&id) else { return };
        let before = 0 < self.network.asked(id);
        let kind = match (&invocation.task, before) {
            (Task::Ingest { .. }, true) => Some("crashes of ingest before an effect"),
            (Task::Ingest { .. }, false) => Some("crashes of ingest after an effect"),
            (Task::Refine, true) => Some("crashes of refine before an effect"),
            (Task::Refine, false) => Some("crashes of refine after an effect"),
            (Task::Operator, _) => None,
        };
        if let Some(kind) = kind {
            self.reached.count(kind);
        }
        let place = invocation.place;
        self.failed(id);
        // The process dies with all that it remembers.
        die(&mut self.ingests[place], id);
        die(&mut self.refines[place], id);
        self.running.remove(&id);
    }

    /// The consumer delivers again what it had delivered with this invocation.
    fn failed(&mut self, id: u32) {
        let Some(Invocation { task: Task::Ingest { consumer, batches }, .. }) = self.running.get(&id) else { return };
        for (partition, offsets) in batches {
            let progress = &mut self.consumers[*consumer][*partition];
            if progress.waits_for == Some(id) {
                progress.waits_for = None;
                progress.failed = Some((offsets[0], offsets.len()));
            }
        }
    }

    /// An invocation has ended, and its process serves the next one.
    fn end(&mut self, id: u32, done: Done) {
        self.tell(|| format!("  #{id} ends: {}", done.as_ref().map_or_else(ToString::to_string, ToString::to_string)));
        self.network.note((id, format!("{done:?}")));
        self.ingests.iter_mut().flatten().filter(|function| function.serves == Some(id)).for_each(Function::rest);
        self.refines.iter_mut().flatten().filter(|function| function.serves == Some(id)).for_each(Function::rest);
        match done {
            Ok(answer) => self.succeeded(id, &answer),
            Err(failure) => {
                self.failed(id);
                self.explain(id, &failure);
            }
        }
        self.running.remove(&id);
    }

    fn succeeded(&mut self, id: u32, answer: &Value) {
        let Some(invocation) = self.running.get(&id) else { return };
        match &invocation.task {
            Task::Refine if answer["behind"] == true => self.reached.count("invocations out of time"),
            Task::Refine => {}
            Task::Operator => self.reached.count("gaps declared by an operator"),
            Task::Ingest { consumer, batches } => {
                let failed = answer["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
                if !failed.is_empty() {
                    self.reached.count("partial answers");
                }
                for (partition, offsets) in batches {
                    let name = format!("{TOPIC}-{partition}");
                    let progress = &mut self.consumers[*consumer][*partition];
                    let is_awaited = progress.waits_for == Some(id);
                    if is_awaited {
                        progress.waits_for = None;
                    }
                    if failed.iter().any(|item| item["itemIdentifier"]["partition"] == name.as_str()) {
                        if is_awaited {
                            progress.failed = Some((offsets[0], offsets.len()));
                        }
                        // Why it failed stands in the log of the function, where an operator reads it.
                        self.refused
                            .extend(self.oracle.missing(&self.topic, *partition).map(|range| (*partition, range)));
                        continue;
                    }
                    if let Some(offset) = offsets.iter().find(|offset| !self.oracle.has_landed(*partition, **offset)) {
                        let problem =
                            format!("#{id} succeeded, and offset {offset} of partition {partition} never landed");
                        self.findings.push(problem);
                    }
                    if is_awaited {
                        progress.committed = progress.committed.max(offsets[offsets.len() - 1] + 1);
                    }
                }
            }
        }
    }

    /// Nobody fails without a reason: an invocation that does was wronged by the schedule, or something is wrong with it.
    fn explain(&mut self, id: u32, failure: &Failure) {
        let Some(invocation) = self.running.get(&id) else { return };
        if invocation.has_deadline && failure.kind == penstock_runtime::Kind::Retry {
            self.reached.count("invocations out of time");
        }
        let message = &failure.message;
        let holes = missing_ranges(message);
        let lost = |partition: usize, range: (i64, i64)| {
            let log = &self.topic.partitions[partition];
            log.made.range(range.0..range.1).all(|(offset, _)| log.lost.contains(offset))
        };
        let holes_are_real = holes.iter().all(|(partition, from, next)| lost(*partition, (*from, *next)));
        let is_in_gap = message.contains("lies in the gap");
        let is_explained = match failure.kind {
            penstock_runtime::Kind::Retry => true,
            penstock_runtime::Kind::Bug => false,
            penstock_runtime::Kind::Misconfigured => {
                let is_overtaken = matches!(invocation.task, Task::Operator);
                (invocation.was_denied && message.contains("access denied"))
                    || !holes.is_empty()
                    || is_in_gap
                    || is_overtaken
            }
        };
        if !is_explained || !holes_are_real || message.contains("is not the one that landed") {
            self.findings.push(format!("#{id} fails for no reason: {message}"));
        }
        for (partition, from, next) in holes {
            self.reached.count("refusals of a hole");
            self.refused.insert(partition, (from, next));
        }
        if is_in_gap {
            self.reached.count("refusals of what lies in a gap");
        }
    }

    pub(super) fn tell(&mut self, words: impl FnOnce() -> String) {
        let now = self.network.now();
        if let Some(story) = &mut self.story {
            let seconds = (now - START) / 1_000_000;
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
            story.push(format!("{days}d {hours:02}:{minutes:02}:{:02} {}", seconds % 60, words()));
        }
    }
}

impl<F> Function<F> {
    fn rest(&mut self) {
        self.serves = None;
    }
}

fn die<F>(slot: &mut Option<Function<F>>, id: u32) {
    if slot.as_ref().is_some_and(|function| function.serves == Some(id)) {
        *slot = None;
    }
}

/// The function at a place, which serves this invocation from now on: a warm one, or a new one where none is free.
fn serve<F>(
    slot: &mut Option<Function<F>>,
    id: u32,
    place: Place,
    port: Arc<Port>,
    make: impl FnOnce(&Arc<Port>) -> F,
    reached: &mut Reached,
) -> Arc<F> {
    let is_warm = slot.as_ref().is_some_and(|function| !place.is_cold && function.serves.is_none());
    if !is_warm {
        reached.count("cold starts");
        let function = Arc::new(make(&port));
        *slot = Some(Function { function, port, serves: None });
    }
    let function = slot.as_mut().expect("it was made a moment ago");
    function.serves = Some(id);
    function.port.serve(id);
    Arc::clone(&function.function)
}

/// The partition and the range of every `penstock gaps declare` that a message tells an operator to type.
fn missing_ranges(message: &str) -> Vec<(usize, i64, i64)> {
    let option = |text: &str, name: &str| -> Option<i64> {
        text.split_once(name)?.1.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    let told = message.split("`penstock gaps declare ").skip(1).filter_map(|text| text.split('`').next());
    told.filter_map(|text| {
        Some((option(text, "--partition ")? as usize, option(text, "--from ")?, option(text, "--to ")?))
    })
    .collect()
}

/// What a call did, in words.
fn words(effect: &Effect) -> String {
    let Effect { invocation, operation, key, answer, outcome, .. } = effect;
    let outcome = match outcome {
        Outcome::Created(bytes) => format!("created, {} bytes", bytes.len()),
        Outcome::Exists => "412: it is there".to_owned(),
        Outcome::Changed => "done".to_owned(),
        Outcome::Read { holes: true } => "done, with holes".to_owned(),
        Outcome::Read { holes: false } => "done".to_owned(),
        Outcome::Nothing => "nothing done".to_owned(),
    };
    match answer {
        Answer::Done => format!("  #{invocation} {operation} {key}: {outcome}"),
        answer => format!("  #{invocation} {operation} {key}: {outcome}, answered {answer:?}"),
    }
}
