//! The sockets of a network.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::batch::{Batch, Joined};
use super::config::Offload;
use super::interfaces::Address;
use super::packets::Datagrams;
use super::port::{Port, PortId, Purpose};

/// What a network has sent and what it could not send, since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkCounters {
    /// Datagrams handed to the kernel.
    pub sent: u64,
    /// Calls it took.
    pub send_calls: u64,
    /// Datagrams dropped because a buffer was full: the kernel's, or the one before a relay's stream.
    pub dropped_full: u64,
    /// Datagrams dropped because nothing leads from that local to that remote address, or because
    /// the system refused them.
    pub dropped_unreachable: u64,
}

/// The sockets of a network, and what waits to be sent on them.
#[derive(Debug)]
pub(super) struct Ports {
    list: Vec<Port>,
    next_id: u32,
    /// Where the next round of receiving starts, so that a flood on one socket does not starve others.
    turn: usize,
    batch: Batch,
    buffer: usize,
    offload: Offload,
    pub(super) counters: NetworkCounters,
}

/// What a socket had.
#[derive(Debug)]
pub(super) enum Received {
    Datagrams {
        port: PortId,
        from: SocketAddr,
        datagrams: Datagrams,
    },
    /// The socket is of no use any more and has been closed.
    Dead(Gone),
}

impl Received {
    /// Datagrams to handle, or something as large.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Datagrams { datagrams, .. } => datagrams.len().max(1),
            Self::Dead(_) => 1,
        }
    }
}

/// A socket that was closed.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) port: PortId,
    pub(super) local: SocketAddr,
}

/// What following the addresses of the machine changed.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) opened: usize,
    pub(super) closed: Vec<Gone>,
    /// Why an address got no socket; the last one if several.
    pub(super) error: Option<io::Error>,
}

impl Ports {
    pub(super) fn new(buffer: usize, offload: Offload) -> Self {
        Self {
            list: Vec::new(),
            next_id: 0,
            turn: 0,
            batch: Batch::default(),
            buffer,
            offload,
            counters: NetworkCounters::default(),
        }
    }

    /// Opens a socket for each address that has none and closes those whose address is gone.
    pub(super) fn follow(&mut self, addresses: &[Address]) -> Followed {
        let mut followed = Followed::default();
        let gone = |port: &Port| !addresses.iter().any(|address| address.ip == port.local.ip());
        for port in self.list.extract_if(.., |port| gone(port)) {
            followed.closed.push(Gone { port: port.id, local: port.local });
        }
        for address in addresses {
            if self.candidates().any(|port| port.local.ip() == address.ip) {
                continue;
            }
            match self.open(Purpose::Candidates, address.any_port()) {
                Ok(_) => followed.opened += 1,
                Err(error) => followed.error = Some(error),
            }
        }
        followed
    }

    /// Opens one more socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn open(&mut self, purpose: Purpose, address: SocketAddr) -> io::Result<PortId> {
        let id = PortId(self.next_id);
        let port = Port::open(id, purpose, address, self.buffer)?;
        self.next_id += 1;
        self.list.push(port);
        Ok(id)
    }

    /// Sends one datagram, given as what stands before the payload and the payload; at the latest
    /// with the next [`flush`](Self::flush).
    pub(super) fn send(&mut self, id: PortId, to: SocketAddr, parts: [&[u8]; 2]) {
        let Some(port) = self.get(id).filter(|port| port.reaches(to)) else {
            self.counters.dropped_unreachable += 1;
            return;
        };
        let max = match self.offload {
            Offload::WhereSupported => port.max_segments(),
            Offload::Never => 1,
        };
        if self.batch.push(id, to, parts, max) == Joined::SendFirst {
            self.flush();
            // An empty batch takes anything.
            let joined = self.batch.push(id, to, parts, max);
            debug_assert_eq!(joined, Joined::Yes);
        }
    }

    /// Hands what waits to the kernel.
    pub(super) fn flush(&mut self) {
        let Self { list, batch, counters, .. } = self;
        batch.flush(|id, to, bytes, segment, count| {
            let Some(port) = list.iter().find(|port| port.id == id) else {
                counters.dropped_unreachable += count as u64;
                return;
            };
            match port.send(to, bytes, segment) {
                // A driver that cannot do several at once says so only now, and the socket has noted it.
                Err(error) if count > 1 && error.kind() != io::ErrorKind::WouldBlock => {
                    bytes.chunks(segment).for_each(|one| counters.count(port.send(to, one, one.len()), 1));
                }
                result => counters.count(result, count as u64),
            }
        });
    }

    /// Receives from one socket that has something.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let count = self.list.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let Some(port) = self.list.get(index) else { continue };
            match port.poll_receive(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok((from, datagrams))) => {
                    self.turn = index + 1;
                    return Poll::Ready(Received::Datagrams { port: port.id, from, datagrams });
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!(kind = ?error.kind(), "a socket cannot receive any more");
                    let port = self.list.swap_remove(index);
                    return Poll::Ready(Received::Dead(Gone { port: port.id, local: port.local }));
                }
            }
        }
        Poll::Pending
    }

    pub(super) fn close(&mut self, id: PortId) {
        self.list.retain(|port| port.id != id);
    }

    /// The sockets whose addresses are candidates.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Port> {
        self.list.iter().filter(|port| port.purpose == Purpose::Candidates)
    }

    pub(super) fn get(&self, id: PortId) -> Option<&Port> {
        self.list.iter().find(|port| port.id == id)
    }

    /// The socket bound to this address.
    pub(super) fn at(&self, local: SocketAddr) -> Option<PortId> {
        self.candidates().find(|port| port.local == local).map(|port| port.id)
    }
}

impl NetworkCounters {
    fn count(&mut self, result: io::Result<()>, datagrams: u64) {
        self.send_calls += 1;
        match result {
            Ok(()) => self.sent += datagrams,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.dropped_full += datagrams,
            Err(_) => self.dropped_unreachable += datagrams,
        }
    }
}
