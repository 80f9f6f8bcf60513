//! Time, as drivers tell it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on a clock that never goes back, counted from a start that the driver chooses. Precise to the
/// microsecond, as far as half a million years: one number instead of two, which everything that compares and
/// adds times is the smaller for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The moment at which the driver's clock began.
    pub const ZERO: Self = Self(0);

    /// This long after the driver's clock began.
    #[must_use]
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(micros(elapsed))
    }

    /// How long after the driver's clock began.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

const fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(duration.subsec_micros() as u64)
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(micros(delay)))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The earlier of two deadlines, of which either may be missing.
pub(crate) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
