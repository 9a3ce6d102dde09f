//! Processor time: what other programs on the machine do changes it little.

use std::time::Instant;

use serde_json::{Value, json};

/// A measurement under way. This process has one thread.
pub(crate) struct Measure {
    cpu_nanos: u64,
    wall: Instant,
}

impl Measure {
    pub(crate) fn begin() -> Self {
        Self { cpu_nanos: cpu_nanos(), wall: Instant::now() }
    }

    pub(crate) fn end(self) -> Value {
        let cpu_nanos = cpu_nanos() - self.cpu_nanos;
        json!({ "cpu_secs": cpu_nanos as f64 / 1e9, "wall_secs": self.wall.elapsed().as_secs_f64() })
    }
}

/// What this thread has had of a processor.
fn cpu_nanos() -> u64 {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("this benchmark needs Linux's /proc/*/schedstat");
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap()
}
