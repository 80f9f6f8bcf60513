//! Datagrams to one destination, put together until they are sent in one call.

use std::cell::Cell;
use std::net::SocketAddr;

use super::port::PortId;

/// Most bytes in one call: the largest UDP payload over IPv4, which kernels allow a batch in all.
const MAX_BYTES: usize = 65_507;

thread_local! {
    /// The memory of the last batch sent by this thread, for the next one of any network.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Datagrams of one size (the last may be shorter) to one destination.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    port: PortId,
    to: SocketAddr,
    segment: usize,
    count: usize,
}

/// What became of a datagram that was to join a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// It has joined.
    Yes,
    /// What is there has to be sent first.
    SendFirst,
}

impl Batch {
    /// Adds a datagram, given as what stands before the payload and the payload.
    pub(super) fn push(&mut self, port: PortId, to: SocketAddr, parts: [&[u8]; 2], max: usize) -> Joined {
        let [head, payload] = parts;
        let size = head.len() + payload.len();
        match &mut self.open {
            None => {
                self.open = Some(Open { port, to, segment: size, count: 1 });
                if self.bytes.capacity() == 0 {
                    self.bytes = SPARE.take();
                }
            }
            Some(open) => {
                let same = open.port == port && open.to == to;
                let whole = self.bytes.len() == open.segment * open.count;
                let room = open.count < max && self.bytes.len() + size <= MAX_BYTES;
                if !(same && whole && room && size <= open.segment) {
                    return Joined::SendFirst;
                }
                open.count += 1;
            }
        }
        self.bytes.extend_from_slice(head);
        self.bytes.extend_from_slice(payload);
        Joined::Yes
    }

    /// Empties the batch into `send`, which gets the socket, the destination, the bytes and the size
    /// of each datagram but the last; and how many there are.
    pub(super) fn flush(&mut self, send: impl FnOnce(PortId, SocketAddr, &[u8], usize, usize)) {
        if let Some(open) = self.open.take() {
            send(open.port, open.to, &self.bytes, open.segment, open.count);
            self.bytes.clear();
            // Kept by the thread and not by each of its networks.
            SPARE.set(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortId = PortId(1);

    fn to(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4_000))
    }

    fn push(batch: &mut Batch, to: SocketAddr, payload: &[u8]) -> Joined {
        batch.push(PORT, to, [&[], payload], 64)
    }

    fn sent(batch: &mut Batch) -> Option<(SocketAddr, usize, usize, usize)> {
        let mut sent = None;
        batch.flush(|_, to, bytes, segment, count| sent = Some((to, bytes.len(), segment, count)));
        sent
    }

    #[test]
    fn equal_sizes_to_one_destination_go_together_and_a_shorter_one_ends_the_batch() {
        let mut batch = Batch::default();
        for payload in [&[0; 1_200][..], &[0; 1_200], &[0; 700]] {
            assert_eq!(push(&mut batch, to(1), payload), Joined::Yes);
        }
        assert_eq!(push(&mut batch, to(1), &[0; 700]), Joined::SendFirst);
        assert_eq!(sent(&mut batch), Some((to(1), 3_100, 1_200, 3)));
        assert_eq!(sent(&mut batch), None, "a batch is sent once");
    }

    #[test]
    fn another_destination_or_a_larger_datagram_waits() {
        let mut batch = Batch::default();
        assert_eq!(push(&mut batch, to(1), &[0; 100]), Joined::Yes);
        assert_eq!(push(&mut batch, to(2), &[0; 100]), Joined::SendFirst);
        assert_eq!(push(&mut batch, to(1), &[0; 101]), Joined::SendFirst);
        assert_eq!(batch.push(PortId(2), to(1), [&[], &[0; 100]], 64), Joined::SendFirst);
    }

    #[test]
    fn a_batch_holds_what_the_kernel_takes_and_no_more() {
        let mut batch = Batch::default();
        let joined = (0..100).take_while(|_| push(&mut batch, to(1), &[0; 1_200]) == Joined::Yes).count();
        assert_eq!(joined, 54, "54 datagrams of 1,200 bytes are 64,800, another would be over 65,507");
        assert!(sent(&mut batch).is_some());
        let joined = (0..100).take_while(|_| push(&mut batch, to(1), &[0; 10]) == Joined::Yes).count();
        assert_eq!(joined, 64, "as many as the socket allows");
    }

    #[test]
    fn what_stands_before_a_payload_counts_in() {
        let mut batch = Batch::default();
        assert_eq!(batch.push(PORT, to(1), [&[1; 4], &[2; 3]], 64), Joined::Yes);
        assert_eq!(batch.push(PORT, to(1), [&[3; 4], &[4; 3]], 64), Joined::Yes);
        let mut bytes = Vec::new();
        batch.flush(|_, _, sent, _, _| bytes = sent.to_vec());
        assert_eq!(bytes, [1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]);
    }
}
