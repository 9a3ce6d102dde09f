//! Failures, and what explains them.

use penstock_runtime::{Failure, Kind};

use super::port::Version;
use super::world::{Invocation, Task, World};

impl World {
    /// Nobody fails without a reason: an invocation that does was wronged by the schedule, or something is wrong with it.
    pub(super) fn explain(&mut self, id: u32, failure: &Failure) {
        let Some(invocation) = self.running.get(&id) else { return };
        if invocation.has_deadline && failure.kind == Kind::Retry {
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
        let is_too_old = self.is_too_old(invocation) && message.contains("deploy a version of refine that knows them");
        let is_explained = match failure.kind {
            Kind::Retry => true,
            Kind::Bug => false,
            Kind::Misconfigured => {
                let is_overtaken = matches!(invocation.task, Task::Operator);
                (invocation.was_denied && message.contains("access denied"))
                    || !holes.is_empty()
                    || is_in_gap
                    || is_too_old
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
        if is_too_old {
            self.reached.count("refusals of a cut of newer rules");
        }
    }

    /// Whether there are cuts whose rules it does not know.
    fn is_too_old(&self, invocation: &Invocation) -> bool {
        let version_of = |deployment: usize| self.setting.deployments[deployment].version;
        let is_next = |(_, declarer): &(u32, usize)| version_of(*declarer) == Version::Next;
        version_of(invocation.deployment) == Version::This && self.declared.values().any(is_next)
    }
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
