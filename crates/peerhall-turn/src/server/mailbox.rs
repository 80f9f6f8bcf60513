//! How other threads reach the thread of an engine.

use std::sync::{Mutex, PoisonError};

use mio::Waker;
use peerhall_proto::ids::{AppId, PeerId};

use super::Adopted;

/// One thing for a thread to do.
#[derive(Debug)]
pub(super) enum Command {
    /// End the allocations of a peer.
    Revoke(AppId, PeerId),
    /// Serve a connection.
    Adopt(Box<Adopted>),
    /// End.
    Stop,
}

/// Connections that may wait for one thread.
const MAX_ADOPTED: usize = 1_024;

/// What waits for one thread. Only connections have a limit to their number: kicks come from operators, one
/// at a time.
#[derive(Debug)]
pub(super) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
    most: usize,
}

impl Mailbox {
    /// For a thread that has room for so many connections: there is no point in keeping more for it.
    pub(super) fn new(waker: Waker, streams: usize) -> Self {
        Self { commands: Mutex::default(), waker, most: streams.min(MAX_ADOPTED) }
    }

    /// Hands a command over. A connection too many is dropped, which its client sees as a reset.
    pub(super) fn put(&self, command: Command) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(command, Command::Adopt(_)) && commands.len() >= self.most {
            return;
        }
        commands.push(command);
        drop(commands);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake a TURN thread");
        }
    }

    pub(super) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
