//! Our side of `make bench`: makes the events, and measures what the product's own work on them costs.
//!
//! ```text
//! bench events DIR [events=N batch=N devices=N duplicates=SHARE late=SHARE malformed=SHARE padding=BYTES]
//! bench stages DIR
//! bench path DIR OUT
//! ```
//!
//! `events` writes the same events twice: as Lambda's payloads, and as lines of JSON for the tools that read those.
//! `stages` and `path` measure one thread, with payloads and store in memory: no disk and no network.
//! Each prints one JSON document; `tests/bench/run.py` calls them and says what comes of it.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and the environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod events;
mod measure;
mod path;
mod stages;

use std::path::Path;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["events", folder, options @ ..] => events::write(Path::new(folder), &events::Events::parse(options)),
        ["stages", folder] => stages::measure(Path::new(folder)),
        ["path", folder, out] => path::measure(Path::new(folder), Path::new(out)).await,
        _ => panic!("expected `events DIR [NAME=VALUE...]`, `stages DIR` or `path DIR OUT`, got {words:?}"),
    };
    println!("{result}");
}

/// Epoch microseconds.
fn now() -> i64 {
    use penstock_lake::Clock;
    penstock_runtime::SystemClock.now()
}
