//! One alarm for everything a network waits for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// Takes no memory until it is used for the first time.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the sleep is set to; `None` when nothing is waited for.
    set: Option<Instant>,
}

impl Timer {
    /// Ready once `deadline` has passed; with `None` never. The deadline may differ every time.
    pub(super) fn poll_at(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else {
            self.set = None;
            return Poll::Pending;
        };
        let sleep = match &mut self.sleep {
            Some(sleep) => sleep,
            empty => empty.insert(Box::pin(tokio::time::sleep_until(deadline.into()))),
        };
        if self.set != Some(deadline) {
            sleep.as_mut().reset(deadline.into());
            self.set = Some(deadline);
        }
        let fired = sleep.as_mut().poll(cx);
        if fired.is_ready() {
            // A sleep must not be polled again after it has fired.
            self.set = None;
        }
        fired
    }
}
