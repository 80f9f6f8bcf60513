//! Time as the hub sees it: told, never read.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the server's monotonic clock, in milliseconds since some start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(pub u64);

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Tick {
    type Output = Duration;

    /// The span from `earlier` to `self`, zero when it is not earlier.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The moment of an input on both clocks: the monotonic one for every span, the wall clock only for
/// what the wire shows. A wall clock that jumps therefore ends nothing.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic time.
    pub at: Tick,
    /// Wall clock in Unix milliseconds.
    pub unix_ms: i64,
}

impl Now {
    /// Wall clock in whole Unix seconds, 0 before 1970.
    #[must_use]
    pub fn unix_secs(self) -> u64 {
        u64::try_from(self.unix_ms / 1000).unwrap_or(0)
    }
}
