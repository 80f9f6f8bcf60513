//! Requests that wait for their answer (sdk-behaviour, section 3.6).

use std::time::Duration;

use crate::ids::{ChannelName, OpId};
use crate::queue::Queue;
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

/// All requests of one connection, in the order in which they were sent, which is that of their deadlines.
/// Answers mostly come in that order too, so what is looked for stands near the front.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: Queue<Sent>,
}

#[derive(Debug)]
struct Sent {
    until: Time,
    request_id: String,
    waiting: Waiting,
}

impl Requests {
    pub(super) fn add(&mut self, now: Time, request_id: String, waiting: Waiting) {
        self.waiting.push_back(Sent { until: now + ACK_TIMEOUT, request_id, waiting });
    }

    /// The request that an answer belongs to.
    pub(super) fn answered(&mut self, request_id: &str) -> Option<Waiting> {
        let place = self.waiting.iter().position(|sent| sent.request_id == request_id)?;
        self.waiting.take(place).map(|sent| sent.waiting)
    }

    /// A request whose time is over.
    pub(super) fn overdue(&mut self, now: Time) -> Option<(String, Waiting)> {
        self.waiting.first().filter(|sent| now >= sent.until)?;
        self.waiting.pop_front().map(|sent| (sent.request_id, sent.waiting))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.waiting.first().map(|sent| sent.until)
    }

    /// Takes all, in the order in which they were sent.
    pub(super) fn take_all(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting).into_iter().map(|sent| sent.waiting).collect()
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
