//! A deterministic simulation of the whole product: the real functions, retries and retention, one thread,
//! and a schedule drawn from a seed that decides at every call to the store who goes on.
//!
//! A schedule is a list of [`Action`]s. It ends by healing everything: whoever is under way ends,
//! what was not delivered is delivered, refine drains.
//! Then the product's own audit and an oracle, which shares no code with it, must find the lake as it should be.
//!
//! ```
//! use penstock_tests::simulation::{Case, in_memory};
//! let case = Case::drawn(7, in_memory);
//! let (again, other) = (case.run(in_memory), case.run(in_memory));
//! assert_eq!(again.findings, Vec::<String>::new());
//! assert_eq!(again.trace, other.trace);
//! ```

// What is there, and what may happen.
mod setting;
mod topic;
mod network;
mod port;
mod functions;
mod action;
mod schedule;

// It happens.
mod world;
mod consumers;
mod explain;
mod watch;
mod reached;

// What must be true of it.
mod oracle;
mod definition;
mod reading;

mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use penstock_lake::{Clock, LIST_LIMIT, MemoryStore, Store};
use penstock_refine::Mode;

use crate::random::Random;
use action::{Delivery, Place};
use schedule::Character;
use world::{CONSUMERS, MANY, World};

pub use action::Action;
pub use reached::{KINDS, Reached};
pub use setting::Setting;
pub use shrink::shrink;

/// Makes the store of a lake whose objects get their age by this clock.
pub type MakeStore = fn(Arc<dyn Clock>) -> Arc<dyn Store>;

/// The store of every simulation that is not about a broken store.
#[must_use]
pub fn in_memory(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(clock))
}

/// A setting and what happens in it.
#[derive(Clone, Debug)]
pub struct Case {
    pub setting: Setting,
    pub actions: Vec<Action>,
}

/// What came of a schedule.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is wrong; nothing, if all is well.
    pub findings: Vec<String>,
    /// Equal for equal runs.
    pub trace: u64,
    pub reached: Reached,
    /// What happened, a line each, if it was asked for.
    pub story: Vec<String>,
}

impl Case {
    /// The schedule of a seed. What happens next depends on what happened, so it is drawn while it runs.
    #[must_use]
    pub fn drawn(seed: u64, store: MakeStore) -> Self {
        Self::run_drawn(seed, store).0
    }

    /// Draws the schedule of a seed and says what comes of it.
    #[must_use]
    pub fn run_drawn(seed: u64, store: MakeStore) -> (Self, Outcome) {
        let mut random = Random::seeded(seed);
        let setting = Setting::draw(&mut random);
        let mut character = Character::draw(&mut random, &setting);
        let mut case = Self { setting, actions: Vec::new() };
        let outcome = catch_panic(|| {
            let mut world = World::new(case.setting.clone(), |clock| store(clock));
            while case.actions.len() < character.actions && world.findings.is_empty() {
                let action = character.next(&mut random, &world);
                case.actions.push(action.clone());
                world.apply(&action);
            }
            world.end_well()
        });
        (case, outcome)
    }

    /// Runs the schedule again.
    #[must_use]
    pub fn run(&self, store: MakeStore) -> Outcome {
        self.run_in(World::new(self.setting.clone(), |clock| store(clock)))
    }

    /// Runs the schedule again and tells what happens.
    #[must_use]
    pub fn tell(&self, store: MakeStore) -> Outcome {
        let mut world = World::new(self.setting.clone(), |clock| store(clock));
        world.story = Some(self.setting.words());
        self.run_in(world)
    }

    fn run_in(&self, mut world: World) -> Outcome {
        catch_panic(|| {
            for action in &self.actions {
                if !world.findings.is_empty() {
                    break;
                }
                world.apply(action);
            }
            world.end_well()
        })
    }
}

/// A panic, of the product or of a reader that cannot read what is in the lake, is a finding like any other.
fn catch_panic(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let words =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let finding = format!("a panic: {}", words.unwrap_or("without words"));
        Outcome { findings: vec![finding], trace: 0, reached: Reached::default(), story: Vec::new() }
    })
}

/// More than any schedule has.
const FIRST_ID: u32 = 1_000_000;
/// A gap may hide another one, and each takes a round.
const ROUNDS: u32 = 30;

impl World {
    /// Heals everything, delivers and drains, and judges the lake.
    fn end_well(mut self) -> Outcome {
        if self.findings.is_empty() {
            self.heal();
        }
        if self.findings.is_empty() {
            self.oracle.judge(&self.topic);
            self.findings.append(&mut self.oracle.findings);
            self.compare_store();
            self.audit();
        }
        let tally = self.oracle.tally;
        self.reached.add("cold starts", self.functions.cold_starts);
        self.reached.add("windows corrected", tally.windows_late);
        self.reached.add("duplicates removed", tally.duplicates);
        self.reached.add("duplicates kept beyond the horizon", tally.kept_duplicates);
        self.reached.add("gap positions", tally.gap_positions);
        self.reached.add("gaps declared by a setting", tally.gaps_by_a_setting);
        self.reached.add("gaps at the start of a chain", tally.gaps_at_the_start);
        Outcome {
            findings: self.findings,
            trace: self.network.trace(),
            reached: self.reached,
            story: self.story.unwrap_or_default(),
        }
    }

    fn heal(&mut self) {
        self.tell(|| "everything is healed".to_owned());
        self.finish_all();
        let mut id = FIRST_ID;
        for round in 0..ROUNDS {
            let mut is_behind = false;
            for consumer in 0..CONSUMERS {
                is_behind |= self.deliver_rest(consumer, &mut id);
            }
            if !is_behind {
                break;
            }
            if round + 1 == ROUNDS {
                self.findings.push("what is left in the topic does not land".to_owned());
            }
        }
        self.apply(&Action::Wait(Duration::from_secs(11)));
        let process = self.setting.newest_deployment();
        self.refine(id + 1, Place { process, is_cold: true, time: None }, Mode::Drain);
        self.finish(id + 1);
    }

    /// Whoever is under way ends, after those for whom it waits.
    fn finish_all(&mut self) {
        let mut before = usize::MAX;
        while self.running.len() < before {
            before = self.running.len();
            let ids: Vec<u32> = self.running.keys().copied().collect();
            ids.into_iter().for_each(|id| self.run(id, MANY, 0));
        }
        let stuck = self.running.keys().map(|id| format!("#{id} does not come to an end"));
        self.findings.extend(stuck);
    }

    /// Delivers everything to a consumer once. `false` if there was nothing.
    fn deliver_rest(&mut self, consumer: usize, id: &mut u32) -> bool {
        let place = Place { process: 0, is_cold: false, time: None };
        for partition in 0..self.setting.partitions {
            if let Some(range) =
                self.oracle.missing(&self.topic, partition).filter(|_| self.oracle.has_begun(partition))
            {
                self.refused.insert(partition, range);
                *id += 1;
                self.apply(&Action::Declare { id: *id, partition });
                self.finish(*id);
            }
        }
        *id += 1;
        let counts = vec![usize::MAX; self.setting.partitions];
        self.apply(&Action::Deliver(Delivery { id: *id, consumer, counts, back: 0, place }));
        let was_behind = self.running.contains_key(id);
        self.finish(*id);
        was_behind
    }

    /// Nothing stands in the store that was not created through the network, and nothing is missing.
    fn compare_store(&mut self) {
        let objects = futures::executor::block_on(all_objects(&*self.store));
        let is_data = |(key, _): &&(String, bytes::Bytes)| !key.contains("/hints/");
        let found = objects.iter().filter(is_data).map(|(key, bytes)| (key.as_str(), bytes));
        if !found.eq(self.oracle.objects()) {
            self.findings.push("the store does not hold what was created and not deleted".to_owned());
        }
    }

    /// The product's own audit finds nothing, and its sums are the oracle's.
    fn audit(&mut self) {
        let dataset = &self.setting.deployments[0].dataset;
        match futures::executor::block_on(penstock_cli::audit::report(&*self.store, dataset, 0)) {
            Err(failure) => self.findings.push(format!("the audit fails: {failure}")),
            Ok(report) => {
                let findings = report.findings.iter();
                self.findings.extend(findings.map(|finding| format!("audit: {}: {}", finding.place, finding.problem)));
                let tally = self.oracle.tally;
                let ours = [
                    tally.landed,
                    tally.silver,
                    tally.duplicates,
                    tally.rejected,
                    tally.gap_positions,
                    tally.windows_on_time,
                    tally.windows_late,
                ];
                let its = [
                    report.landed,
                    report.silver,
                    report.duplicates,
                    report.rejected,
                    report.gap_positions,
                    report.windows_on_time,
                    report.windows_late,
                ];
                if ours != its || report.open_windows != 0 {
                    let problem = format!(
                        "the audit counts {its:?} (landed, silver, duplicates, rejected, gap positions, windows, corrections), the oracle {ours:?}"
                    );
                    self.findings.push(problem);
                }
            }
        }
    }
}

async fn all_objects(store: &dyn Store) -> Vec<(String, bytes::Bytes)> {
    let mut objects = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list_after("", after.as_deref(), LIST_LIMIT).await.expect("the store answers");
        for listed in &page {
            objects.push((listed.key.clone(), store.get(&listed.key).await.expect("what is listed is there")));
        }
        after = page.last().map(|last| last.key.clone());
        if page.len() < LIST_LIMIT {
            return objects;
        }
    }
}
