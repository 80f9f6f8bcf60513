//! Signs of a change where the system gives none: time passes.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often the list of addresses is read.
const EVERY: Duration = Duration::from_secs(2);

/// A clock.
pub(super) struct Clock(Interval);

impl Clock {
    pub(super) fn start() -> Self {
        let mut interval = interval_at(Instant::now() + EVERY, EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }

    /// Ready when it is time to look.
    pub(super) fn poll_sign(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_tick(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn it_is_time_to_look_after_two_seconds() {
        let mut clock = Clock::start();
        let start = Instant::now();
        poll_fn(|cx| clock.poll_sign(cx)).await;
        assert!(start.elapsed() >= EVERY);
    }
}
