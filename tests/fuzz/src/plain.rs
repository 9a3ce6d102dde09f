//! The parser's rules said again, plainly: `serde_json` reads every piece of JSON, `jiff` every date, the standard library
//! every number. Slow, and without a line of the product's own scanner, so that the two cannot be wrong alike.

mod json;
mod numbers;
mod payload;
mod record;
mod timestamps;

pub use payload::{Batch, Record, payload};
pub use record::{Cell, Row, record};
