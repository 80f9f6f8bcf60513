//! The one place of the server that reads clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use peerhall_hub::{Now, Tick};

/// Both clocks of this machine. The monotonic one counts from the clock's creation; all threads of
/// one server share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        Now { at: self.tick(), unix_ms: unix_ms() }
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Wall clock in Unix milliseconds, negative before 1970.
pub(crate) fn unix_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}
