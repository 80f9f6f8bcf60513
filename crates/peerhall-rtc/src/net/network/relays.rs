//! What a network does with its TURN servers.

use std::io;
use std::net::SocketAddr;
use std::task::Context;
use std::time::Instant;

use super::Network;
use crate::net::candidate::{CandidateKind, LocalCandidate};
use crate::net::event::ServerFailure;
use crate::net::opening::Opening;
use crate::net::packets::Grouped;
use crate::net::port::{PortId, Purpose};
use crate::net::relay::{Relay, Times, Way};
use crate::net::server::{MAX_URLS, Server, ServerTransport, Service, TurnCredential};
use crate::net::stream::StreamLink;
use crate::net::turn::{Ended, TurnEvent};

/// Most other servers that one sends us to in a row (RFC 8489 section 10 asks for a limit).
const MAX_REDIRECTIONS: u8 = 3;

/// Most fresh sockets for one server that takes ours for another client's.
const MAX_SOCKETS: u8 = 2;

impl Network {
    pub(super) fn relay_over_udp(&mut self, server: usize, addresses: &[SocketAddr], now: Instant) {
        // IPv4 first: a relay is what remains when little works, and that works most.
        let mut ordered: Vec<_> = addresses.to_vec();
        ordered.sort_by_key(SocketAddr::is_ipv6);
        let found = ordered.into_iter().find_map(|to| {
            let port = self.port_towards(to)?;
            port.reaches(to).then_some((port.id, port.local, to))
        });
        match found {
            Some((port, local, to)) => match self.unless_taken(port, local, to) {
                Ok((port, local)) => {
                    let way = Way::Udp { port, server: to };
                    self.add_relay(server, way, local, now);
                }
                Err(error) => self.fail(server, ServerFailure::Connection(error.kind())),
            },
            None => self.fail(server, ServerFailure::NoRoute),
        }
    }

    /// A socket has one allocation of a server, so a second one takes a socket of its own.
    fn unless_taken(
        &mut self,
        port: PortId,
        local: SocketAddr,
        to: SocketAddr,
    ) -> io::Result<(PortId, SocketAddr)> {
        if !self.relays.iter().any(|relay| relay.is_at(port, to)) {
            return Ok((port, local));
        }
        let own = self.ports.open(Purpose::Relay, SocketAddr::new(local.ip(), 0))?;
        Ok((own, self.ports.get(own).map_or(local, |port| port.local)))
    }

    pub(super) fn relay_over_stream(
        &mut self,
        server: usize,
        stream: Box<StreamLink>,
        redirections: u8,
        now: Instant,
    ) {
        let local = stream.local;
        if let Some(relay) = self.add_relay(server, Way::Stream(stream), local, now) {
            relay.redirections = redirections;
        }
    }

    /// Reads and writes connections. Says whether something came.
    pub(super) fn poll_streams(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut any = false;
        let mut grouped = Grouped::new(now);
        for index in (0..self.relays.len()).rev() {
            let Some(relay) = self.relays.get_mut(index) else { continue };
            match relay.poll_stream(cx, now, &mut grouped) {
                Ok(came) => any |= came,
                Err(reason) => {
                    any = true;
                    self.drop_relay(index, reason);
                }
            }
        }
        self.deliver(grouped);
        any
    }

    pub(super) fn relays_on_deadline(&mut self, now: Instant) {
        for index in (0..self.relays.len()).rev() {
            let Some(relay) = self.relays.get_mut(index) else { continue };
            if relay.on_deadline(now, &mut self.ports) {
                self.drop_relay(index, ServerFailure::Timeout);
            }
        }
    }

    /// Sends what clients of TURN servers have to say and hears what happened to them.
    pub(super) fn after_relays(&mut self, now: Instant) {
        for index in (0..self.relays.len()).rev() {
            let Some(relay) = self.relays.get_mut(index) else { continue };
            relay.transmit(&mut self.ports);
            while let Some(event) = self.relays.get_mut(index).and_then(Relay::poll_event) {
                match event {
                    TurnEvent::Allocated { relayed, mapped } => self.on_allocated(index, relayed, mapped),
                    TurnEvent::Ended(ended) => {
                        self.on_ended(index, ended, now);
                        break;
                    }
                }
            }
        }
    }

    /// Closes the way to a server and tells why.
    pub(super) fn drop_relay(&mut self, index: usize, reason: ServerFailure) {
        if let Some(relay) = self.remove_relay(index) {
            self.fail(relay.server, reason);
        }
    }

    fn add_relay(&mut self, server: usize, way: Way, local: SocketAddr, now: Instant) -> Option<&mut Relay> {
        let (credential, via) = self.turn_server(server)?;
        let times = Times { now, until: self.give_up_at(now) };
        self.relays.push(Relay::new(server, credential, way, local, via, times));
        self.relays.last_mut()
    }

    fn remove_relay(&mut self, index: usize) -> Option<Relay> {
        if index >= self.relays.len() {
            return None;
        }
        let relay = self.relays.swap_remove(index);
        if let Some(candidate) = relay.candidate {
            self.lose(candidate);
        }
        self.close_own_port(&relay);
        Some(relay)
    }

    fn turn_server(&self, server: usize) -> Option<(TurnCredential, ServerTransport)> {
        let Server { endpoint, service, .. } = self.servers.get(server)?;
        match service {
            Service::Turn(credential) => Some((credential.clone(), endpoint.transport)),
            Service::Stun => None,
        }
    }

    fn on_allocated(&mut self, index: usize, relayed: SocketAddr, mapped: Option<SocketAddr>) {
        let Some(relay) = self.relays.get_mut(index) else { return };
        let candidate = LocalCandidate {
            addr: relayed,
            local: relay.local,
            kind: CandidateKind::Relayed { via: relay.via },
            preference: preference(relay.via, relay.server.saturating_sub(self.first_listed), self.renewals),
        };
        relay.candidate = Some(candidate);
        let asked_from = match relay.way {
            Way::Udp { port, .. } => Some(port),
            // What the server sees of a stream is no address for datagrams.
            Way::Stream(_) => None,
        };
        self.offer(candidate);
        if let (Some(port), Some(mapped)) = (asked_from, mapped) {
            self.offer_mapped(port, mapped);
        }
    }

    fn on_ended(&mut self, index: usize, ended: Ended, now: Instant) {
        let Some(relay) = self.remove_relay(index) else { return };
        match ended {
            Ended::Released => {}
            Ended::Failed(reason) => self.fail(relay.server, reason),
            Ended::OtherSocket => self.try_other_socket(&relay, now),
            Ended::OtherServer(to) => self.try_other_server(&relay, to, now),
        }
    }

    /// The server holds an allocation for our address and port, of a process before us.
    fn try_other_socket(&mut self, relay: &Relay, now: Instant) {
        let Way::Udp { server: to, .. } = relay.way else {
            // Every connection has a port of its own, so there is nothing to change.
            self.fail(relay.server, ServerFailure::AllocationMismatch);
            return;
        };
        let local = SocketAddr::new(relay.local.ip(), 0);
        match self.ports.open(Purpose::Relay, local) {
            Ok(port) if relay.sockets < MAX_SOCKETS => {
                let local = self.ports.get(port).map_or(local, |port| port.local);
                let way = Way::Udp { port, server: to };
                if let Some(next) = self.add_relay(relay.server, way, local, now) {
                    next.sockets = relay.sockets + 1;
                    next.redirections = relay.redirections;
                }
            }
            Ok(port) => {
                self.ports.close(port);
                self.fail(relay.server, ServerFailure::AllocationMismatch);
            }
            Err(error) => self.fail(relay.server, ServerFailure::Connection(error.kind())),
        }
    }

    fn try_other_server(&mut self, relay: &Relay, to: SocketAddr, now: Instant) {
        let redirections = relay.redirections + 1;
        if redirections > MAX_REDIRECTIONS {
            self.fail(relay.server, ServerFailure::Redirected);
            return;
        }
        match &relay.way {
            Way::Udp { .. } => {
                let before = self.relays.len();
                self.relay_over_udp(relay.server, &[to], now);
                if let Some(next) = self.relays.get_mut(before) {
                    next.redirections = redirections;
                }
            }
            Way::Stream(_) => {
                if let Some(Server { endpoint, .. }) = self.servers.get(relay.server) {
                    let endpoint = endpoint.clone();
                    self.add_opening(Opening::redirect(
                        relay.server,
                        redirections,
                        endpoint,
                        to,
                        self.dial(),
                    ));
                }
            }
        }
    }

    /// Closes the socket that was opened for this relay alone.
    fn close_own_port(&mut self, relay: &Relay) {
        let own = |port: PortId| self.ports.get(port).is_some_and(|port| port.purpose == Purpose::Relay);
        if let Way::Udp { port, .. } = relay.way
            && own(port)
        {
            self.ports.close(port);
        }
    }
}

/// Datagrams before streams, which delay everything behind a lost packet; earlier servers first, and before
/// all of them those of a later list, whose credentials last longer.
fn preference(via: ServerTransport, server: usize, renewals: u16) -> u16 {
    let best: u16 = match via {
        ServerTransport::Udp => 3_000,
        ServerTransport::Tcp => 2_000,
        ServerTransport::Tls => 1_000,
    };
    let later = renewals.saturating_mul(u16::try_from(MAX_URLS).unwrap_or(u16::MAX));
    best.saturating_add(later).saturating_sub(u16::try_from(server).unwrap_or(u16::MAX))
}
