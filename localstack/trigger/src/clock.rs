//! What time it is, from whoever knows.

use std::sync::Arc;

/// The time in milliseconds since 1970, UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The time of this machine.
#[must_use]
pub fn of_this_machine() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}
