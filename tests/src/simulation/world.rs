//! The world of one schedule: a broker, two consumers, a schedule, functions of two deployments, an operator, and a store.
//!
//! [`World::apply`] does one action, and nothing else makes anything happen.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use penstock_cli::gaps::{Act, Declaration, declare};
use penstock_core::chain::{Gap, GapReason};
use penstock_core::cut::Bounds;
use penstock_core::keys::ChainId;
use penstock_core::position::{Partition, Position};
use penstock_lake::{Clock, Store};
use penstock_refine::Mode;
use penstock_runtime::{Call, Failure, Lake};
use serde_json::{Value, json};

use super::action::{Action, Place};
use super::consumers::Progress;
use super::functions::{Functions, Process};
use super::network::Network;
use super::oracle::Oracle;
use super::port::Port;
use super::reached::Reached;
use super::setting::{Deployment, Setting};
use super::topic::{Kind, Topic};
use crate::events::TOPIC;
use crate::random::Random;

/// 2026-01-01T00:00:00Z, in epoch microseconds.
pub(super) const START: i64 = 1_767_225_600_000_000;
pub(super) const CONSUMERS: usize = 2;

/// More waits than any invocation has.
pub(super) const MANY: u16 = 10_000;

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
    pub(super) functions: Functions,
    /// Which invocation of which deployment declared each cut.
    pub(super) declared: BTreeMap<u64, (u32, usize)>,
}

pub(super) struct Invocation {
    pub(super) task: Task,
    pub(super) given_up: bool,
    future: Running,
    pub(super) deployment: usize,
    /// Where it runs, among all processes that there were. An operator's own has no number.
    pub(super) process: Option<u64>,
    /// When it last got on.
    seen_at: i64,
    pub(super) has_deadline: bool,
    pub(super) was_denied: bool,
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
            functions: Functions::default(),
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
        self.run(id, MANY, 0);
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

    pub(super) fn refine(&mut self, id: u32, place: Place, mode: Mode) {
        if self.running.values().any(|invocation| matches!(invocation.task, Task::Refine)) {
            self.reached.count("refines that overlapped");
        }
        let mut deployment = self.deployment(place);
        if mode == Mode::Drain {
            // Who heals takes all at once: otherwise most of a schedule's time would go into its end.
            deployment.cut.bounds = Bounds::default();
        }
        let Process { function, number } = self.functions.refine(place, self.port(place), deployment);
        if self.running.values().any(|invocation| invocation.process == Some(number)) {
            self.reached.count("refines called while their process was running");
        }
        let call = self.call(id, place);
        let future = async move { function.run(mode, &call).await.map(|summary| json!(summary)) };
        self.start(id, Task::Refine, place, Some(number), Box::pin(future));
    }

    fn declare(&mut self, id: u32, partition: usize) {
        let Some((from, next)) = self.refused.remove(&partition) else { return };
        let at = |offset: i64| Position::from_offset(offset.unsigned_abs());
        let gap = Gap { from: at(from), next: at(next), reason: GapReason::Expired };
        let number = Partition::Kafka(i32::try_from(partition).expect("few partitions"));
        let chain = ChainId { topic: TOPIC.to_owned(), partition: number, source: "kafka".to_owned(), epoch: 0 };
        let place = Place { process: 0, is_cold: true, time: None };
        let port = self.port(place);
        let lake = Lake::over(Arc::clone(&port) as _, port);
        let dataset = Arc::clone(&self.setting.deployments[0].dataset);
        let future = async move {
            let declared = declare(&lake, &dataset, &Declaration { chain, gap }, Act::Write).await?;
            Ok(json!(declared.outcome))
        };
        self.start(id, Task::Operator, place, None, Box::pin(future));
    }

    pub(super) fn start(&mut self, id: u32, task: Task, place: Place, process: Option<u64>, future: Running) {
        let invocation = Invocation {
            task,
            given_up: false,
            future,
            deployment: place.deployment(),
            process,
            seen_at: self.network.now(),
            has_deadline: place.time.is_some(),
            was_denied: false,
        };
        self.running.insert(id, invocation);
    }

    /// A connection for a new process.
    pub(super) fn port(&self, place: Place) -> Arc<Port> {
        let Deployment { ahead, version, .. } = self.setting.deployments[place.deployment()];
        Port::new(&self.network, &self.store, self.setting.listing, ahead, version)
    }

    /// Whether its process serves others as well: refine waits there for the run before it.
    fn has_company(&self, id: u32) -> bool {
        let process_of = |id: &u32| self.running.get(id).and_then(|invocation| invocation.process);
        self.running
            .keys()
            .any(|other| *other != id && process_of(other).is_some() && process_of(other) == process_of(&id))
    }

    pub(super) fn deployment(&self, place: Place) -> Deployment {
        self.setting.deployments[place.deployment()].clone()
    }

    pub(super) fn call(&self, id: u32, place: Place) -> Call {
        let until = |time: Duration| self.network.now() + i64::try_from(time.as_micros()).expect("a short time");
        Call { request_id: format!("#{id}"), deadline: place.time.map_or(0, until) }
    }

    pub(super) fn run(&mut self, id: u32, waits: u16, order: u64) {
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
                if self.has_company(id) {
                    return;
                }
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
        self.network.act(id);
        let polled = invocation.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.watch();
        if let Poll::Ready(done) = polled {
            self.end(id, done);
        }
        if let Some(invocation) = self.running.get_mut(&id) {
            invocation.seen_at = self.network.now();
        }
    }

    fn give_up(&mut self, id: u32) {
        let Some(invocation) = self.running.get_mut(&id).filter(|invocation| !invocation.given_up) else { return };
        invocation.given_up = true;
        self.reached.count("invocations given up that lived on");
        self.deliver_again(id);
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
        let process = invocation.process;
        process.into_iter().for_each(|number| self.functions.die(number));
        let dies = |(other, invocation): (&u32, &Invocation)| {
            (*other == id || (process.is_some() && invocation.process == process)).then_some(*other)
        };
        for id in self.running.iter().filter_map(dies).collect::<Vec<u32>>() {
            self.deliver_again(id);
            self.running.remove(&id);
        }
    }

    /// An invocation has ended.
    fn end(&mut self, id: u32, done: Done) {
        self.tell_of(id, || format!("ends: {}", done.as_ref().map_or_else(ToString::to_string, ToString::to_string)));
        self.network.note((id, format!("{done:?}")));
        match done {
            Ok(answer) => {
                self.acknowledge(id, &answer);
                self.count_success(id, &answer);
            }
            Err(failure) => {
                self.deliver_again(id);
                self.explain(id, &failure);
            }
        }
        self.running.remove(&id);
    }

    fn count_success(&mut self, id: u32, answer: &Value) {
        match self.running.get(&id).map(|invocation| &invocation.task) {
            Some(Task::Refine) if answer["behind"] == true => self.reached.count("invocations out of time"),
            Some(Task::Operator) => self.reached.count("gaps declared by an operator"),
            _ => {}
        }
    }
}
