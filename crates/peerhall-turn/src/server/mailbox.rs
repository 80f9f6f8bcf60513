//! How other threads reach the thread of an engine.

use std::sync::{Mutex, PoisonError};

use mio::Waker;
use peerhall_proto::ids::{AppId, PeerId};

/// One thing for a thread to do.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// End the allocations of a peer.
    Revoke(AppId, PeerId),
    /// End.
    Stop,
}

/// What waits for one thread. It has no length limit: kicks come from operators, one at a time.
#[derive(Debug)]
pub(super) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { commands: Mutex::default(), waker }
    }

    pub(super) fn put(&self, command: Command) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake a TURN thread");
        }
    }

    pub(super) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
