//! Datagrams that arrived.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

/// Datagrams from one remote to one local address, in the order they came.
pub struct Packets {
    /// Where they came to: the [base](super::LocalCandidate::base) of a candidate.
    pub local: SocketAddr,
    /// Who sent them. For a relayed candidate that is the peer, not the relay.
    pub remote: SocketAddr,
    /// The datagrams.
    pub datagrams: Datagrams,
    /// When they were taken from the kernel.
    pub received_at: Instant,
}

impl fmt::Debug for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packets({:?})", self.datagrams)
    }
}

/// One or more datagrams in one piece of memory: all of one size but the last, which may be shorter.
#[derive(Clone, PartialEq, Eq)]
pub struct Datagrams {
    bytes: Vec<u8>,
    segment: usize,
}

impl Datagrams {
    /// Cuts `bytes` into datagrams of `segment` bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>, segment: usize) -> Self {
        Self { bytes, segment }
    }

    /// The datagrams, first first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        // A size of nothing comes only with no bytes, of which there are no pieces.
        self.bytes.chunks(self.segment.max(1))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().div_ceil(self.segment.max(1))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of all of them.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds one more, or says no because it would not be found again: every datagram but the last
    /// has the size of the first.
    pub(super) fn push(&mut self, datagram: &[u8]) -> bool {
        let whole = self.bytes.len().is_multiple_of(self.segment.max(1));
        let fits = whole && datagram.len() <= self.segment && !datagram.is_empty();
        if fits {
            self.bytes.extend_from_slice(datagram);
        }
        fits
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datagrams({} of {} bytes in all)", self.len(), self.bytes.len())
    }
}

/// Datagrams that were taken out of others, put together again where they belong together.
#[derive(Debug)]
pub(super) struct Grouped {
    received_at: Instant,
    pub(super) packets: Vec<Packets>,
}

impl Grouped {
    pub(super) fn new(received_at: Instant) -> Self {
        Self { received_at, packets: Vec::new() }
    }

    pub(super) fn push(&mut self, local: SocketAddr, remote: SocketAddr, datagram: &[u8]) {
        let last = self.packets.last_mut().filter(|last| (last.local, last.remote) == (local, remote));
        if datagram.is_empty() || last.is_some_and(|last| last.datagrams.push(datagram)) {
            return;
        }
        let datagrams = Datagrams::new(datagram.to_vec(), datagram.len());
        self.packets.push(Packets { local, remote, datagrams, received_at: self.received_at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(datagrams: &Datagrams) -> Vec<usize> {
        datagrams.iter().map(<[u8]>::len).collect()
    }

    #[test]
    fn the_last_datagram_may_be_shorter() {
        let datagrams = Datagrams::new(vec![0; 2_500], 1_200);
        assert_eq!((sizes(&datagrams), datagrams.len()), (vec![1_200, 1_200, 100], 3));
    }

    #[test]
    fn a_size_of_nothing_is_no_datagram_and_no_panic() {
        let datagrams = Datagrams::new(Vec::new(), 0);
        assert_eq!((sizes(&datagrams), datagrams.len(), datagrams.is_empty()), (vec![], 0, true));
    }

    #[test]
    fn only_what_can_be_found_again_is_added() {
        let mut datagrams = Datagrams::new(vec![1; 100], 100);
        assert!(datagrams.push(&[2; 100]), "the same size");
        assert!(!datagrams.push(&[3; 101]), "larger");
        assert!(datagrams.push(&[3; 40]), "smaller, as the last");
        assert!(!datagrams.push(&[4; 40]), "after the last");
        assert_eq!(sizes(&datagrams), [100, 100, 40]);
    }
}
