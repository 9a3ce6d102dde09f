//! Draws what happens next, from the seed and from where the world stands.
//!
//! Each seed has a character of its own (some things happen often, others never), so that seeds differ
//! more than if all were drawn alike.

use std::time::Duration;

use super::action::{Action, Delivery, Place};
use super::functions::PROCESSES;
use super::network::Answer;
use super::setting::Setting;
use super::topic::Kind;
use super::world::{CONSUMERS, Task, World};
use crate::random::Random;

/// More would only wait for each other.
const MAX_RUNNING: usize = 6;

/// How often what happens, among all that may.
#[derive(Clone, Debug)]
pub(super) struct Character {
    produce: usize,
    deliver: usize,
    refine: usize,
    run: usize,
    fail: usize,
    give_up: usize,
    crash: usize,
    lose: usize,
    declare: usize,
    seconds: usize,
    minutes: usize,
    hours: usize,
    /// A process is cold once in so many times.
    cold: usize,
    /// How many waits an invocation gets over at once, at the most.
    waits: usize,
    /// Who began last goes on first, so that the others freeze.
    neglects: bool,
    deadlines: bool,
    second_consumer: bool,
    second_deployment: bool,
    /// Kinds of records beside fresh ones, once in so many times.
    odd_records: usize,
    pub(super) actions: usize,
    next_id: u32,
}

impl Character {
    pub(super) fn draw(random: &mut Random, setting: &Setting) -> Self {
        // Where raw objects are deleted after a day, days must pass.
        let least_hours = usize::from(setting.has_retention());
        let rarely = |random: &mut Random, most: usize| if random.once_in(2) { 0 } else { random.below(most + 1) };
        // The broker loses what a frozen function holds, and it is declared missing before the function wakes up.
        let is_lossy = !setting.is_sparse && random.once_in(3);
        Self {
            produce: 2 + random.below(4),
            deliver: 2 + random.below(6),
            refine: 1 + random.below(3),
            run: 6 + random.below(16),
            fail: rarely(random, 8),
            give_up: if is_lossy { 3 } else { rarely(random, 3) },
            crash: rarely(random, 3),
            lose: if is_lossy { 4 } else { rarely(random, 3) },
            declare: if is_lossy { 10 } else { 4 },
            seconds: random.below(5),
            minutes: rarely(random, 3),
            hours: least_hours + rarely(random, 2),
            cold: 1 + random.below(8),
            waits: [1, 3, 10, 10, 40, 200][random.below(6)],
            neglects: is_lossy || random.once_in(3),
            deadlines: random.once_in(3),
            second_consumer: is_lossy || random.once_in(2),
            second_deployment: random.once_in(2) || setting.newest_deployment() == 1,
            odd_records: 1 + random.below(6),
            actions: 30 + random.below(60),
            next_id: 1,
        }
    }

    /// What happens next.
    pub(super) fn next(&mut self, random: &mut Random, world: &World) -> Action {
        let is_full = MAX_RUNNING <= world.running.len();
        let somebody = usize::from(!world.running.is_empty());
        let weights = [
            self.produce,
            if is_full { 0 } else { self.deliver },
            if is_full { 0 } else { self.refine },
            self.run * somebody,
            self.fail * somebody,
            self.give_up * somebody,
            self.crash * somebody,
            if world.setting.is_sparse { 0 } else { self.lose },
            if is_full || world.refused.is_empty() { 0 } else { self.declare },
            self.seconds,
            self.minutes,
            self.hours,
        ];
        match draw(random, &weights) {
            0 => self.produce(random, world),
            1 => self.deliver(random, world),
            2 => Action::Refine { id: self.id(), place: self.place(random) },
            3 => self.run(random, world),
            4 => Action::Fail { id: self.somebody(random, world), answer: answer(random) },
            5 => Action::GiveUp { id: delivery_of(random, world) },
            6 => Action::Crash { id: self.somebody(random, world) },
            7 => lose(random, world),
            8 => {
                let refused: Vec<usize> = world.refused.keys().copied().collect();
                Action::Declare { id: self.id(), partition: refused[random.below(refused.len())] }
            }
            9 => Action::Wait(Duration::from_secs(1 + random.below(30) as u64)),
            10 => Action::Wait(Duration::from_secs(60 + random.below(900) as u64)),
            _ => Action::Wait(Duration::from_secs(3600 * (1 + random.below(30) as u64))),
        }
    }

    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn place(&self, random: &mut Random) -> Place {
        let process = random.below(PROCESSES);
        let process = if self.second_deployment { process } else { process / 2 * 2 };
        let time = (self.deadlines && random.once_in(2)).then(|| Duration::from_secs(5 + random.below(60) as u64));
        Place { process, is_cold: random.once_in(self.cold), time }
    }

    fn produce(&self, random: &mut Random, world: &World) -> Action {
        let kinds = (0..1 + random.below(5)).map(|_| self.kind(random)).collect();
        Action::Produce { partition: random.below(world.setting.partitions), kinds }
    }

    fn kind(&self, random: &mut Random) -> Kind {
        if !random.once_in(self.odd_records) {
            return Kind::Fresh;
        }
        match random.below(10) {
            0..4 => Kind::Again(random.below(6) as u8),
            4 | 5 => Kind::Late([3, 10, 200, 3000][random.below(4)]),
            6 => Kind::Ahead([5, 60][random.below(2)]),
            7 => Kind::NotJson,
            8 => Kind::WithoutTime,
            _ => [Kind::Tombstone, Kind::Ancient][random.below(2)],
        }
    }

    fn deliver(&mut self, random: &mut Random, world: &World) -> Action {
        let consumer = if self.second_consumer { random.below(CONSUMERS) } else { 0 };
        let back = if random.once_in(6) { 1 + random.below(8) as i64 } else { 0 };
        let counts = world.consumers[consumer].iter().map(|progress| match progress.failed {
            Some((_, failed)) if random.once_in(2) => failed.div_ceil(2),
            _ => [0, 1, 3, 6, 20][random.below(5)],
        });
        let counts = counts.collect();
        Action::Deliver(Delivery { id: self.id(), consumer, counts, back, place: self.place(random) })
    }

    fn somebody(&self, random: &mut Random, world: &World) -> u32 {
        let mut index = random.below(world.running.len());
        if self.neglects {
            index = index.max(random.below(world.running.len())).max(random.below(world.running.len()));
        }
        world.running.keys().nth(index).copied().unwrap_or_default()
    }

    fn run(&self, random: &mut Random, world: &World) -> Action {
        let waits = u16::try_from(1 + random.below(self.waits)).unwrap_or(u16::MAX);
        let order = if random.once_in(2) { 0 } else { 1 + random.below(1000) as u64 };
        Action::Run { id: self.somebody(random, world), waits, order }
    }
}

/// The place of a weight, as likely as it is heavy.
fn draw(random: &mut Random, weights: &[usize]) -> usize {
    let mut rest = random.below(weights.iter().sum());
    for (index, weight) in weights.iter().enumerate() {
        if rest < *weight {
            return index;
        }
        rest -= weight;
    }
    0
}

fn delivery_of(random: &mut Random, world: &World) -> u32 {
    let waited_for = world
        .running
        .iter()
        .filter(|(_, invocation)| matches!(invocation.task, Task::Ingest { .. }) && !invocation.given_up);
    let ids: Vec<u32> = waited_for.map(|(id, _)| *id).collect();
    if ids.is_empty() { 0 } else { ids[random.below(ids.len())] }
}

fn answer(random: &mut Random) -> Answer {
    match random.below(12) {
        0..3 => Answer::ReplyLost,
        3 | 4 => Answer::TimedOut,
        5 | 6 => Answer::Unavailable,
        // Only a write gets it; other calls get a 503 in its place.
        7..11 => Answer::Conflict,
        _ => Answer::Denied,
    }
}

/// Records are lost before they were delivered, or while somebody holds them who may be frozen.
fn lose(random: &mut Random, world: &World) -> Action {
    let partition = random.below(world.setting.partitions);
    let from = world.consumers[0][partition].committed + random.below(4) as i64;
    let held = world.running.values().filter_map(|invocation| match &invocation.task {
        Task::Ingest { batches, .. } => batches.first(),
        _ => None,
    });
    let held: Vec<_> = held.collect();
    let (partition, from) = if held.is_empty() || random.once_in(3) {
        (partition, from)
    } else {
        let (partition, offsets) = held[random.below(held.len())];
        (*partition, offsets[random.below(offsets.len())])
    };
    Action::Lose { partition, from, count: 1 + random.below(4) }
}
