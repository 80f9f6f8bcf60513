//! Datagrams that are kept back while nobody reads the data channels.
//!
//! The engine reads its channels empty and grants its window anew with every datagram, so the only
//! way to slow a remote down is to take fewer datagrams. Those with data are kept here, unseen: the
//! remote gets no acknowledgement and stops once its window is used up. One is let through from time
//! to time, so that the remote knows we live and does not give the association up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Most bytes that are kept. A remote has no more than its window in flight, which is what we
/// granted it; what is beyond that is repetition.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How often one datagram is let through. A remote gives up after ten or so repetitions in a row
/// without an answer, the first of them within a second.
const TRICKLE: Duration = Duration::from_millis(500);

/// A datagram with its ends.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// The datagrams kept back.
#[derive(Debug, Default)]
pub(super) struct Intake {
    paused: bool,
    kept: VecDeque<Datagram>,
    bytes: usize,
    next_trickle: Option<Instant>,
}

impl Intake {
    /// Whether a datagram has to wait: it carries data, and others wait already or have to.
    pub(super) fn holds(&self, datagram: &[u8]) -> bool {
        // First byte of a DTLS record (RFC 7983). Path checks and media go on.
        let data = datagram.first().is_some_and(|first| (20..64).contains(first));
        data && (self.paused || !self.kept.is_empty())
    }

    /// Keeps a datagram, or loses it as the network may.
    pub(super) fn keep(&mut self, datagram: Datagram) {
        if self.bytes + datagram.bytes.len() <= MAX_BYTES {
            self.bytes += datagram.bytes.len();
            self.kept.push_back(datagram);
        }
    }

    pub(super) fn pause(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.paused, true) {
            self.next_trickle = Some(now + TRICKLE);
        }
    }

    pub(super) fn resume(&mut self) {
        self.paused = false;
        self.next_trickle = None;
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The next datagram that may pass now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Datagram> {
        if self.paused {
            if self.next_trickle.is_none_or(|at| at > now) {
                return None;
            }
            self.next_trickle = Some(now + TRICKLE);
        }
        let datagram = self.kept.pop_front()?;
        self.bytes -= datagram.bytes.len();
        Some(datagram)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.kept.is_empty() { None } else { self.next_trickle }
    }
}
