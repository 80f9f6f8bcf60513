//! What is going to happen, in the order of its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use peerhall_core::{Secret, Time, TokenId};

use crate::actor::ActorId;
use crate::network::{Down, Up, WireId};
use crate::rtc::Task;

/// One thing that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// An actor's own deadline.
    Wake(ActorId),
    /// The server ends a turn.
    ServerTurn,
    /// Something reaches the server.
    Up(WireId, Up),
    /// Something reaches a client.
    Down(WireId, Down),
    /// The token provider answers.
    Token(ActorId, TokenId, Result<Secret, String>),
    /// Something happens inside a pretend connection.
    Rtc(Task),
}

/// Events by time; those of one moment in the order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    number: u64,
    event: Event,
}

impl Queue {
    pub(crate) fn plan(&mut self, at: Time, event: Event) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, number: self.planned, event }));
    }

    /// The next event up to `until`, with its time.
    pub(crate) fn next(&mut self, until: Time) -> Option<(Time, Event)> {
        if self.heap.peek().is_none_or(|Reverse(entry)| entry.at > until) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
