//! Datagrams that leave in one call: those of one size from one socket to one destination, collected
//! over a turn. Order is kept for each destination, which is all that UDP ever kept.

use std::net::{IpAddr, SocketAddr};

use crate::engine::RelayId;

/// Most bytes in one call: the largest UDP payload over IPv4, which kernels allow a batch in all.
const MAX_BYTES: usize = 65_507;

/// Most destinations that are collected for at once; one more and all are sent.
const MAX_OPEN: usize = 64;

/// Pieces of memory that are kept for batches to come, as large as they have become: 4 MiB at most. To give
/// one back and get another costs a fault for each of its pages.
const MAX_SPARE: usize = 32;

/// Which socket a datagram leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The listener with this number, from this address where it listens on several.
    Listener(u8, Option<IpAddr>),
    /// A relay port.
    Relay(RelayId),
}

/// Datagrams of one size (the last may be shorter) to one destination.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) exit: Exit,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) segment: usize,
    pub(super) count: usize,
    max: usize,
}

impl Batch {
    fn takes(&self, size: usize) -> bool {
        // An empty datagram leaves no mark among others.
        size > 0
            && self.segment > 0
            && self.bytes.len() == self.segment * self.count
            && self.count < self.max
            && self.bytes.len() + size <= MAX_BYTES
            && size <= self.segment
    }
}

/// The batches of one thread.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: Vec<Batch>,
    spare: Vec<Vec<u8>>,
}

impl Batches {
    /// Adds a datagram, given as what stands before the payload and the payload. `max` is how many the
    /// socket can send in one call. What is complete goes to `send`.
    pub(super) fn push(
        &mut self,
        exit: Exit,
        to: SocketAddr,
        parts: [&[u8]; 2],
        max: usize,
        mut send: impl FnMut(&Batch),
    ) {
        let [head, payload] = parts;
        let size = head.len() + payload.len();
        let known = self.open.iter().position(|batch| batch.exit == exit && batch.to == to);
        if let Some(place) = known
            && let Some(batch) = self.open.get_mut(place)
        {
            if !batch.takes(size) {
                send(batch);
                batch.bytes.clear();
                (batch.segment, batch.count) = (size, 0);
            }
            batch.bytes.extend_from_slice(head);
            batch.bytes.extend_from_slice(payload);
            batch.count += 1;
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.flush(&mut send);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(payload);
        self.open.push(Batch { exit, to, bytes, segment: size, count: 1, max });
    }

    /// Gives everything to `send`.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&Batch)) {
        for mut batch in self.open.drain(..) {
            send(&batch);
            batch.bytes.clear();
            if self.spare.len() < MAX_SPARE {
                self.spare.push(batch.bytes);
            }
        }
    }

    /// Forgets what is to leave by a relay port that closes.
    pub(super) fn forget(&mut self, relay: RelayId, mut send: impl FnMut(&Batch)) {
        let place = |batch: &Batch| batch.exit == Exit::Relay(relay);
        self.open.iter().filter(|batch| place(batch)).for_each(&mut send);
        self.open.retain(|batch| !place(batch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXIT: Exit = Exit::Relay(RelayId(1));

    fn to(last: u8) -> SocketAddr {
        SocketAddr::from(([9, 9, 9, last], 4_000))
    }

    /// What is sent: destination, bytes, size of a datagram, how many.
    type Sent = Vec<(SocketAddr, usize, usize, usize)>;

    fn push(batches: &mut Batches, sent: &mut Sent, last: u8, size: usize) {
        let payload = vec![7; size];
        batches.push(EXIT, to(last), [&[], &payload], 64, |batch| note(sent, batch));
    }

    fn note(sent: &mut Sent, batch: &Batch) {
        sent.push((batch.to, batch.bytes.len(), batch.segment, batch.count));
    }

    #[test]
    fn runs_to_several_destinations_are_collected_side_by_side() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for _ in 0..3 {
            push(&mut batches, &mut sent, 1, 1_200);
            push(&mut batches, &mut sent, 2, 800);
        }
        assert_eq!(sent, []);
        batches.flush(|batch| note(&mut sent, batch));
        assert_eq!(sent, [(to(1), 3_600, 1_200, 3), (to(2), 2_400, 800, 3)]);
        batches.flush(|batch| note(&mut sent, batch));
        assert_eq!(sent.len(), 2, "a batch is sent once");
    }

    #[test]
    fn a_shorter_datagram_ends_a_batch_and_a_longer_one_begins_another() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for size in [1_200, 700, 700, 1_200] {
            push(&mut batches, &mut sent, 1, size);
        }
        batches.flush(|batch| note(&mut sent, batch));
        assert_eq!(sent, [(to(1), 1_900, 1_200, 2), (to(1), 700, 700, 1), (to(1), 1_200, 1_200, 1)]);
    }

    #[test]
    fn an_empty_datagram_is_sent_alone() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for size in [7, 0, 0, 7] {
            push(&mut batches, &mut sent, 1, size);
        }
        batches.flush(|batch| note(&mut sent, batch));
        assert_eq!(sent, [(to(1), 7, 7, 1), (to(1), 0, 0, 1), (to(1), 0, 0, 1), (to(1), 7, 7, 1)]);
    }

    #[test]
    fn a_batch_holds_what_the_kernel_takes_and_no_more() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for _ in 0..55 {
            push(&mut batches, &mut sent, 1, 1_200);
        }
        assert_eq!(sent, [(to(1), 64_800, 1_200, 54)]);
        for _ in 0..64 {
            push(&mut batches, &mut sent, 2, 10);
        }
        push(&mut batches, &mut sent, 2, 10);
        assert_eq!(sent.get(1), Some(&(to(2), 640, 10, 64)));
    }

    #[test]
    fn many_destinations_do_not_gather_without_end() {
        let (mut batches, mut sent) = (Batches::default(), Vec::new());
        for last in 0..=u8::MAX {
            push(&mut batches, &mut sent, last, 10);
        }
        assert!(batches.open.len() <= MAX_OPEN);
        assert_eq!(sent.len() + batches.open.len(), 256);
    }
}
