//! One request and the times at which it is sent (RFC 8489 section 6.2).

use std::time::{Duration, Instant};

use stun_types::message::{MessageHeader, TransactionId};

/// How long the first response is waited for before the request is sent again (RFC 8489 section
/// 6.2.1, "RTO"); doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How often a request is sent at most ("Rc").
const MAX_SENDS: u32 = 7;

/// How long the response to the last one is waited for, in first waits ("Rm").
const LAST_WAIT: u32 = 16;

/// How long a response over a stream, which loses nothing, is waited for (section 6.2.2, "Ti").
const STREAM_WAIT: Duration = Duration::from_millis(39_500);

/// What carries a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Link {
    /// Each message is a datagram that may be lost.
    Datagrams,
    /// Messages follow each other on a stream.
    Stream,
}

/// One request that waits for its response.
#[derive(Debug)]
pub(in crate::net) struct Transaction {
    id: TransactionId,
    message: Vec<u8>,
    link: Link,
    sends: u32,
    /// When something is to be done.
    due: Instant,
}

/// What is to be done about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Due {
    /// Nothing yet.
    Wait,
    /// Send it, for the first time or again.
    Send,
    /// Give it up.
    Expired,
}

impl Transaction {
    /// A request that is due to be sent at `now`.
    pub(in crate::net) fn new(message: Vec<u8>, link: Link, now: Instant) -> Self {
        // A message that was just built has a header; without one no response would ever match.
        let id = MessageHeader::from_bytes(&message).map_or(0.into(), |header| header.transaction_id());
        Self { id, message, link, sends: 0, due: now }
    }

    /// What is to be done at `now`; each answer is given once.
    pub(in crate::net) fn poll(&mut self, now: Instant) -> Due {
        if now < self.due {
            return Due::Wait;
        }
        let most = match self.link {
            Link::Datagrams => MAX_SENDS,
            Link::Stream => 1,
        };
        if self.sends == most {
            return Due::Expired;
        }
        self.sends += 1;
        self.due = now + self.wait();
        Due::Send
    }

    /// When [`poll`](Self::poll) has something to say.
    pub(in crate::net) fn due(&self) -> Instant {
        self.due
    }

    pub(in crate::net) fn id(&self) -> TransactionId {
        self.id
    }

    pub(in crate::net) fn message(&self) -> &[u8] {
        &self.message
    }

    /// How long the response to the request just sent is waited for.
    fn wait(&self) -> Duration {
        match self.link {
            Link::Stream => STREAM_WAIT,
            Link::Datagrams if self.sends == MAX_SENDS => FIRST_WAIT * LAST_WAIT,
            Link::Datagrams => FIRST_WAIT * (1 << (self.sends - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a request is sent and when it is given up, in milliseconds from the start.
    fn course(link: Link) -> (Vec<u128>, u128) {
        let start = Instant::now();
        let mut transaction = Transaction::new(vec![0; 20], link, start);
        let (mut sent, mut now) = (Vec::new(), start);
        loop {
            match transaction.poll(now) {
                Due::Send => sent.push((now - start).as_millis()),
                Due::Expired => return (sent, (now - start).as_millis()),
                Due::Wait => now = transaction.due(),
            }
        }
    }

    #[test]
    fn over_udp_the_waits_double_and_end_after_39_5_seconds() {
        let sent = vec![0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
        assert_eq!(course(Link::Datagrams), (sent, 39_500));
    }

    #[test]
    fn over_a_stream_it_is_sent_once() {
        assert_eq!(course(Link::Stream), (vec![0], 39_500));
    }
}
