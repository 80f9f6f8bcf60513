//! Signs of a change where the system gives none: time passes.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

/// How often the list of addresses is read.
const EVERY: Duration = Duration::from_secs(2);

/// A clock.
pub(super) struct Source(Interval);

impl Source {
    pub(super) fn open() -> io::Result<Self> {
        let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self(interval))
    }

    /// Ready when it is time to look.
    pub(super) fn poll_sign(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_tick(cx).map(drop)
    }
}
