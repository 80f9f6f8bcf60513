//! Deadlines of the connections of one shard, each with its reason.

use std::collections::BTreeMap;

use peerhall_hub::{ConnId, Tick};

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
///
/// Those of one moment stand together: the pings of an idle crowd share few moments, and a heap of all of
/// them would be walked through cold memory twice for each ping.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    moments: BTreeMap<Tick, Vec<(ConnId, Reason)>>,
    /// What is left of the moment that is being worked off.
    due: Option<(Tick, std::vec::IntoIter<(ConnId, Reason)>)>,
    len: usize,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Tick, conn: ConnId, reason: Reason) {
        self.moments.entry(at).or_default().push((conn, reason));
        self.len += 1;
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Tick> {
        let due = self.due.as_ref().filter(|(_, rest)| rest.len() > 0).map(|(at, _)| *at);
        due.or_else(|| self.moments.first_key_value().map(|(at, _)| *at))
    }

    /// Deadlines that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes a deadline that has passed, and says when it was due.
    pub(crate) fn take_due(&mut self, now: Tick) -> Option<(Tick, ConnId, Reason)> {
        loop {
            if let Some((at, rest)) = &mut self.due {
                if let Some((conn, reason)) = rest.next() {
                    self.len -= 1;
                    return Some((*at, conn, reason));
                }
                self.due = None;
            }
            let first = self.moments.first_entry().filter(|first| *first.key() <= now)?;
            let (at, all) = first.remove_entry();
            self.due = Some((at, all.into_iter()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(index: u32) -> ConnId {
        ConnId { index, generation: 1 }
    }

    #[test]
    fn deadlines_come_in_the_order_of_their_moments_and_none_comes_early() {
        let mut timers = Timers::default();
        for (at, index) in [(30, 0), (10, 1), (20, 2), (10, 3)] {
            timers.add(Tick(at), conn(index), Reason::Ping);
        }
        assert_eq!((timers.next(), timers.len()), (Some(Tick(10)), 4));
        assert_eq!(timers.take_due(Tick(9)), None);
        assert_eq!(timers.take_due(Tick(20)), Some((Tick(10), conn(1), Reason::Ping)));
        assert_eq!((timers.next(), timers.len()), (Some(Tick(10)), 3));
        assert_eq!(timers.take_due(Tick(20)), Some((Tick(10), conn(3), Reason::Ping)));
        assert_eq!(timers.take_due(Tick(20)), Some((Tick(20), conn(2), Reason::Ping)));
        assert_eq!(timers.take_due(Tick(20)), None);
        assert_eq!((timers.next(), timers.len()), (Some(Tick(30)), 1));
    }

    #[test]
    fn a_deadline_that_is_added_while_others_are_due_is_not_forgotten() {
        let mut timers = Timers::default();
        timers.add(Tick(10), conn(0), Reason::Ping);
        timers.add(Tick(10), conn(1), Reason::Ping);
        assert_eq!(timers.take_due(Tick(10)), Some((Tick(10), conn(0), Reason::Ping)));
        timers.add(Tick(5), conn(2), Reason::Close);
        timers.add(Tick(10), conn(3), Reason::Close);
        let rest: Vec<u32> =
            std::iter::from_fn(|| timers.take_due(Tick(10))).map(|due| due.1.index).collect();
        assert_eq!(rest, [1, 2, 3]);
        assert_eq!((timers.next(), timers.len()), (None, 0));
    }
}
