//! Looks at what took effect: the story, the counts, and the oracle.

use penstock_lake::{Clock, Operation};

use super::network::{Answer, Effect, Outcome};
use super::port::Version;
use super::world::{START, Task, World};

impl World {
    /// Looks at what took effect.
    pub(super) fn watch(&mut self) {
        for effect in self.network.take_effects() {
            self.tell_of(effect.invocation, || words(&effect));
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
        let Some(deployment) = self.running.get(&invocation).map(|invocation| invocation.deployment) else { return };
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
        let versions = [*declarers, deployment].map(|deployment| self.setting.deployments[deployment].version);
        if versions == [Version::Next, Version::This] {
            self.findings.push(format!("#{invocation} pours cut {number}, whose rules it does not know"));
        }
        if versions == [Version::This, Version::Next] {
            self.reached.count("cuts finished by a newer version");
        }
        if *declarer != invocation {
            self.reached.count("cuts finished by another run");
        }
        if datasets[*declarers] != datasets[deployment] {
            self.reached.count("cuts finished by a deployment with another dataset");
        }
    }

    /// Adds to the story what an invocation does.
    pub(super) fn tell_of(&mut self, id: u32, words: impl FnOnce() -> String) {
        if self.story.is_none() {
            return;
        }
        let sort = match self.running.get(&id).map(|invocation| &invocation.task) {
            Some(Task::Ingest { .. }) => "ingest",
            Some(Task::Refine) => "refine",
            Some(Task::Operator) => "operator",
            None => "nobody",
        };
        self.tell(|| format!("  {sort}#{id} {}", words()));
    }

    /// Adds to the story, if somebody wants to know it.
    pub(super) fn tell(&mut self, words: impl FnOnce() -> String) {
        let now = self.network.now();
        if let Some(story) = &mut self.story {
            let seconds = (now - START) / 1_000_000;
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
            story.push(format!("{days}d {hours:02}:{minutes:02}:{:02} {}", seconds % 60, words()));
        }
    }
}

/// What a call did, in words.
fn words(effect: &Effect) -> String {
    let Effect { operation, key, answer, outcome, .. } = effect;
    let outcome = match outcome {
        Outcome::Created(bytes) => format!("created, {} bytes", bytes.len()),
        Outcome::Exists => "412: it is there".to_owned(),
        Outcome::Changed => "done".to_owned(),
        Outcome::Read { holes: true } => "done, with holes".to_owned(),
        Outcome::Read { holes: false } => "done".to_owned(),
        Outcome::Nothing => "nothing done".to_owned(),
    };
    match answer {
        Answer::Done => format!("{operation} {key}: {outcome}"),
        answer => format!("{operation} {key}: {outcome}, {answer}"),
    }
}
