//! The one place that reads a clock.

use std::time::Instant;

use peerhall_core::Time;

/// A clock that starts when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Time {
        Time::after_start(self.0.elapsed())
    }

    pub(crate) fn instant(self, time: Time) -> tokio::time::Instant {
        // A deadline that no clock reaches is as good as one in a year.
        let far = std::time::Duration::from_secs(365 * 86_400);
        tokio::time::Instant::from_std(self.0 + time.since_start().min(far))
    }
}
