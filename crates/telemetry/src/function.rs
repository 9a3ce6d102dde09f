//! Events of functions, whatever they do.

use std::time::Duration;

use crate::{Metric, Registry};

/// An invocation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationEnded<'a> {
    pub function: &'static str,
    /// `ok`, or who must act: `Retry` (nobody), `Misconfigured` or `Bug`.
    pub outcome: &'a str,
    pub duration: Duration,
}

impl InvocationEnded<'_> {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.add(Metric::Invocations, &[self.function, &self.outcome.to_lowercase()], 1);
        registry.observe(Metric::InvocationDuration, &[self.function], self.duration.as_secs_f64());
    }
}

/// A part of an invocation's work is done, for one partition or for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageEnded {
    pub function: &'static str,
    pub stage: &'static str,
    pub duration: Duration,
}

impl StageEnded {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.observe(Metric::StageDuration, &[self.function, self.stage], self.duration.as_secs_f64());
    }
}

/// What a process knows of itself after an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessState<'a> {
    pub function: &'a str,
    /// Whether it was the first.
    pub cold: bool,
    /// The most memory held so far, where the machine says it.
    pub memory_peak_bytes: Option<u64>,
}

impl ProcessState<'_> {
    /// Counts the event.
    pub fn emit(&self, registry: &Registry) {
        registry.add(Metric::ColdStarts, &[self.function], u64::from(self.cold));
        if let Some(bytes) = self.memory_peak_bytes {
            registry.set(Metric::MemoryPeak, &[self.function], bytes as f64);
        }
    }
}
