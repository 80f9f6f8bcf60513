//! Deadlines of the connections of one shard, each with its reason.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use peerhall_hub::{ConnId, Tick};

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The HTTP request has to be complete.
    Handshake,
    /// A WebSocket ping is due.
    Ping,
    /// Something must have come since the ping.
    Pong,
    /// Something must have come since a probe.
    Probe,
    /// A blocked reader must have taken its oldest frame.
    Outbox,
    /// A message that comes in pieces has to be complete.
    Message,
    /// The close handshake has to be over.
    Close,
    /// The drain reaches this connection.
    Drain,
}

/// All deadlines of one shard. A deadline cannot be taken back; whoever gets it looks whether it
/// still means anything.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Tick, ConnId, Reason)>>,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Tick, conn: ConnId, reason: Reason) {
        self.heap.push(Reverse((at, conn, reason)));
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Tick> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Deadlines that wait.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Gives back memory that is not in use.
    pub(crate) fn shrink(&mut self) {
        self.heap.shrink_to_fit();
    }

    /// Takes a deadline that has passed, and says when it was due.
    pub(crate) fn take_due(&mut self, now: Tick) -> Option<(Tick, ConnId, Reason)> {
        let Reverse(first) = self.heap.peek()?;
        if first.0 > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due)
    }
}
