//! Requests that wait for their answer (sdk-behaviour, section 3.6).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::ids::{ChannelName, OpId};
use crate::time::Time;

/// How long a request waits for its answer.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(15);

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A subscription that a caller asked for.
    Subscribe { op: OpId, channel: ChannelName },
    /// Anything else that a caller asked for.
    Call(OpId),
    /// A subscription that is made anew after a reconnect, for the `tries`-th time.
    Replay { channel: ChannelName, tries: u32 },
}

/// All requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: HashMap<String, Waiting>,
    /// In the order of their deadlines, which is the order in which they were sent. Those answered are
    /// taken out when they come to the front.
    deadlines: VecDeque<(Time, String)>,
}

impl Requests {
    pub(super) fn add(&mut self, now: Time, request_id: String, waiting: Waiting) {
        self.deadlines.push_back((now + ACK_TIMEOUT, request_id.clone()));
        self.waiting.insert(request_id, waiting);
    }

    /// The request that an answer belongs to.
    pub(super) fn answered(&mut self, request_id: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(request_id);
        self.forget_answered();
        waiting
    }

    /// A request whose time is over.
    pub(super) fn overdue(&mut self, now: Time) -> Option<(String, Waiting)> {
        self.forget_answered();
        self.deadlines.front().filter(|(deadline, _)| now >= *deadline)?;
        let (_, request_id) = self.deadlines.pop_front()?;
        let waiting = self.waiting.remove(&request_id)?;
        Some((request_id, waiting))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Takes all, in the order in which they were sent.
    pub(super) fn take_all(&mut self) -> Vec<Waiting> {
        let mut waiting = std::mem::take(&mut self.waiting);
        std::mem::take(&mut self.deadlines).into_iter().filter_map(|(_, id)| waiting.remove(&id)).collect()
    }

    fn forget_answered(&mut self) {
        while self.deadlines.front().is_some_and(|(_, id)| !self.waiting.contains_key(id)) {
            self.deadlines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unanswered_request_sets_the_deadline() {
        let at = |secs| Time::after_start(Duration::from_secs(secs));
        let mut requests = Requests::default();
        for (sent, id) in [(0, "a"), (1, "b"), (2, "c")] {
            requests.add(at(sent), id.to_owned(), Waiting::Call(OpId(sent)));
        }
        assert_eq!(requests.answered("a"), Some(Waiting::Call(OpId(0))));
        assert_eq!(requests.answered("a"), None);
        assert_eq!(requests.deadline(), Some(at(16)));
        assert_eq!(requests.overdue(at(15)), None);
        assert_eq!(requests.overdue(at(16)), Some(("b".to_owned(), Waiting::Call(OpId(1)))));
        assert_eq!(requests.take_all(), [Waiting::Call(OpId(2))]);
        assert_eq!(requests.deadline(), None);
    }
}
