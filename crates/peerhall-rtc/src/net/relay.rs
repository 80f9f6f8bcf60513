//! One TURN server and the way to it.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use super::candidate::LocalCandidate;
use super::event::ServerFailure;
use super::packets::Grouped;
use super::port::PortId;
use super::ports::Ports;
use super::server::{ServerTransport, TurnCredential};
use super::stream::StreamLink;
use super::stun::Link;
use super::turn::{Client, TurnEvent};

/// One TURN server and the way to it.
#[derive(Debug)]
pub(super) struct Relay {
    /// Position in the list of servers.
    pub(super) server: usize,
    client: Client,
    pub(super) way: Way,
    /// This end of the way.
    pub(super) local: SocketAddr,
    pub(super) via: ServerTransport,
    /// What has been offered of it.
    pub(super) candidate: Option<LocalCandidate>,
    /// How often other servers have sent us on.
    pub(super) redirections: u8,
    /// How many sockets were refused for an allocation of another time.
    pub(super) sockets: u8,
    /// Whether candidates were gathered since its server left the list.
    pub(super) outlived: bool,
    /// When it is given up unless it relays by then.
    pub(super) until: Instant,
}

/// The way to a TURN server.
#[derive(Debug)]
pub(super) enum Way {
    /// Datagrams from this socket.
    Udp { port: PortId, server: SocketAddr },
    /// A connection.
    Stream(Box<StreamLink>),
}

impl Relay {
    /// Asks the server for an allocation.
    pub(super) fn new(
        server: usize,
        credential: TurnCredential,
        way: Way,
        local: SocketAddr,
        via: ServerTransport,
        times: Times,
    ) -> Self {
        let link = match way {
            Way::Udp { .. } => Link::Datagrams,
            Way::Stream(_) => Link::Stream,
        };
        Self {
            server,
            client: Client::new(credential, link, times.now),
            way,
            local,
            via,
            candidate: None,
            redirections: 0,
            sockets: 0,
            outlived: false,
            until: times.until,
        }
    }

    /// Whether datagrams from `from` on `port` are this server's.
    pub(super) fn is_at(&self, port: PortId, from: SocketAddr) -> bool {
        match &self.way {
            Way::Udp { port: own, server } => *own == port && *server == from,
            Way::Stream(_) => false,
        }
    }

    /// Sends a payload to `peer` through the relay, or drops and counts it.
    pub(super) fn send(&mut self, peer: SocketAddr, payload: &[u8], now: Instant, ports: &mut Ports) {
        let way = &mut self.way;
        let taken = self.client.send(peer, payload, now, |parts| transmit(way, ports, parts));
        if !taken {
            ports.counters.dropped_unreachable += 1;
        }
        self.transmit(ports);
    }

    /// Takes a message from the server; what a peer sent goes to `grouped`.
    pub(super) fn receive(&mut self, message: &[u8], now: Instant, grouped: &mut Grouped) {
        if let (Some((peer, payload)), Some(candidate)) = (self.client.receive(message, now), &self.candidate)
        {
            grouped.push(candidate.addr, peer, payload);
        }
    }

    /// Reads from and writes to the connection, if it is one. Says whether something came.
    ///
    /// # Errors
    ///
    /// Why the server is lost.
    pub(super) fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        grouped: &mut Grouped,
    ) -> Result<bool, ServerFailure> {
        let Way::Stream(stream) = &mut self.way else {
            return Ok(false);
        };
        let failure = |error: std::io::Error| ServerFailure::Connection(error.kind());
        stream.poll_write(cx).map_err(failure)?;
        let (client, candidate) = (&mut self.client, &self.candidate);
        let read = stream.poll_read(cx, |message| {
            if let (Some((peer, payload)), Some(candidate)) = (client.receive(message, now), candidate) {
                grouped.push(candidate.addr, peer, payload);
            }
        });
        match read {
            Poll::Pending => Ok(false),
            Poll::Ready(result) => result.map(|()| true).map_err(failure),
        }
    }

    /// Sends what the client has to say.
    pub(super) fn transmit(&mut self, ports: &mut Ports) {
        while let Some(message) = self.client.poll_transmit() {
            transmit(&mut self.way, ports, [&message, &[]]);
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<TurnEvent> {
        self.client.poll_event()
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let given_up = self.candidate.is_none().then_some(self.until);
        [self.client.deadline(), given_up].into_iter().flatten().min()
    }

    /// Does what is due. Says whether the server took too long and is to be given up.
    pub(super) fn on_deadline(&mut self, now: Instant, ports: &mut Ports) -> bool {
        if self.client.deadline().is_some_and(|deadline| deadline <= now) {
            self.client.on_deadline(now);
            self.transmit(ports);
        }
        self.candidate.is_none() && now >= self.until
    }

    /// Gives the allocation back, as far as that goes without waiting.
    pub(super) fn release(&mut self, now: Instant, ports: &mut Ports) {
        self.client.release(now);
        self.transmit(ports);
        if let Way::Stream(stream) = &mut self.way {
            // What does not fit into the kernel's buffer now is lost with the connection, and the
            // server ends the allocation with the connection.
            drop(stream.poll_write(&mut Context::from_waker(std::task::Waker::noop())));
        }
    }
}

/// When a relay is asked for and when it is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: Instant,
    pub(super) until: Instant,
}

fn transmit(way: &mut Way, ports: &mut Ports, parts: [&[u8]; 2]) {
    match way {
        Way::Udp { port, server } => ports.send(*port, *server, parts),
        Way::Stream(stream) => {
            if !stream.push(parts) {
                ports.counters.dropped_full += 1;
            }
        }
    }
}
