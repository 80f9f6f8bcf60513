//! Asking servers for candidates.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Network;
use crate::config::TransportPolicy;
use crate::net::candidate::{CandidateKind, LocalCandidate};
use crate::net::event::{NetEvent, ServerFailure};
use crate::net::interfaces;
use crate::net::opening::{Dial, Opened, Opening};
use crate::net::port::{Port, PortId};
use crate::net::server::{Server, ServerTransport, Service};
use crate::net::stun::{self, Due, Transaction};

/// Pause between the first requests to STUN servers: the least that RFC 8445 section 14.2 allows,
/// so that the most servers on the most sockets are all asked within the time.
const PACE: Duration = Duration::from_millis(5);

/// What is being asked for.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) phase: Phase,
    /// When servers that have not answered are given up.
    until: Instant,
    openings: Vec<Opening>,
    bindings: Vec<Binding>,
    /// Servers that have answered since the start, by position.
    answered: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    NotAsked,
    Running,
    Done,
}

/// A request to a STUN server from one socket.
#[derive(Debug)]
struct Binding {
    server: usize,
    port: PortId,
    to: SocketAddr,
    transaction: Transaction,
}

impl Gathering {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::NotAsked,
            until: now,
            openings: Vec::new(),
            bindings: Vec::new(),
            answered: Vec::new(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let earliest = self.bindings.iter().map(|binding| binding.transaction.due()).min()?;
        Some(earliest.min(self.until))
    }

    /// Whether a STUN server's response from there may come.
    pub(super) fn expects(&self, port: PortId, from: SocketAddr) -> bool {
        self.bindings.iter().any(|binding| binding.port == port && binding.to == from)
    }

    pub(super) fn forget_port(&mut self, port: PortId) {
        self.bindings.retain(|binding| binding.port != port);
    }

    /// The servers have other places now; those that have none are not asked for anything.
    pub(super) fn renumber(&mut self, place: impl Fn(usize) -> Option<usize>) {
        let numbers = self.openings.iter_mut().map(|opening| &mut opening.server);
        let numbers = numbers.chain(self.bindings.iter_mut().map(|binding| &mut binding.server));
        numbers.for_each(|server| *server = place(*server).unwrap_or(*server));
        self.answered = self.answered.iter().filter_map(|server| place(*server)).collect();
    }

    pub(super) fn is_asking(&self, server: usize) -> bool {
        self.openings.iter().any(|opening| opening.server == server)
            || self.bindings.iter().any(|binding| binding.server == server)
    }
}

impl Network {
    /// Offers host candidates and turns to every server that is not being asked or used already.
    pub(super) fn start_gathering(&mut self, now: Instant) {
        self.gathering.phase = Phase::Running;
        self.gathering.until = now + self.config.gather_timeout;
        self.gathering.answered.clear();
        self.offer_hosts();
        for index in self.first_listed..self.servers.len() {
            let busy =
                self.gathering.is_asking(index) || self.relays.iter().any(|relay| relay.server == index);
            if !busy {
                self.turn_to(index);
            }
        }
    }

    fn turn_to(&mut self, index: usize) {
        let Some(Server { endpoint, service, .. }) = self.servers.get(index) else { return };
        let limit = self.config.gather_timeout;
        let opening = match (service, endpoint.transport) {
            (Service::Stun, _) if self.config.transport_policy == TransportPolicy::Relay => return,
            (Service::Stun | Service::Turn(_), ServerTransport::Udp) => {
                Opening::resolve(index, endpoint.clone(), limit)
            }
            (Service::Stun, ServerTransport::Tcp | ServerTransport::Tls) => {
                self.fail(index, ServerFailure::NoCandidates);
                return;
            }
            (Service::Turn(_), ServerTransport::Tcp | ServerTransport::Tls) => {
                Opening::connect(index, endpoint.clone(), self.dial())
            }
        };
        self.gathering.openings.push(opening);
    }

    /// How connections to servers are made.
    pub(super) fn dial(&self) -> Dial {
        let only_allowed = !self.config.allow.is_empty();
        let from = self.ports.candidates().filter(|_| only_allowed).map(|port| port.local.ip()).collect();
        Dial { from, trust: self.config.trust.clone(), limit: self.config.gather_timeout }
    }

    pub(super) fn add_opening(&mut self, opening: Opening) {
        self.gathering.openings.push(opening);
    }

    /// Until when a server that is asked now may take.
    pub(super) fn give_up_at(&self, now: Instant) -> Instant {
        now + self.config.gather_timeout
    }

    /// Looks after names and connections. Says whether one is ready.
    pub(super) fn poll_openings(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut ready = Vec::new();
        self.gathering.openings.retain_mut(|opening| match opening.poll(cx) {
            Poll::Pending => true,
            Poll::Ready(result) => {
                ready.push((opening.server, opening.redirections, result));
                false
            }
        });
        let any = !ready.is_empty();
        for (server, redirections, result) in ready {
            match result {
                Ok(Opened::Addresses(addresses)) => self.on_addresses(server, &addresses, now),
                Ok(Opened::Stream(stream)) => self.relay_over_stream(server, stream, redirections, now),
                Err(reason) => self.fail(server, reason),
            }
        }
        any
    }

    fn on_addresses(&mut self, server: usize, addresses: &[SocketAddr], now: Instant) {
        match self.servers.get(server).map(|server| &server.service) {
            Some(Service::Stun) => self.ask_for_bindings(server, addresses, now),
            Some(Service::Turn(_)) => self.relay_over_udp(server, addresses, now),
            None => {}
        }
    }

    /// Asks from every socket that leads to the server, its first address of each family.
    fn ask_for_bindings(&mut self, server: usize, addresses: &[SocketAddr], now: Instant) {
        let families = [SocketAddr::is_ipv4, SocketAddr::is_ipv6];
        let mut start = now + PACE * u32::try_from(self.gathering.bindings.len()).unwrap_or(u32::MAX);
        let before = self.gathering.bindings.len();
        for to in families.iter().filter_map(|family| addresses.iter().find(|to| family(to))) {
            for port in self.ports.candidates().filter(|port| leads_to(port, *to)) {
                let binding = Binding { server, port: port.id, to: *to, transaction: stun::binding(start) };
                self.gathering.bindings.push(binding);
                start += PACE;
            }
        }
        if self.gathering.bindings.len() == before {
            self.fail(server, ServerFailure::NoRoute);
        }
    }

    /// Sends binding requests whose time has come and gives up those whose time is over.
    pub(super) fn resend_bindings(&mut self, now: Instant) {
        let over = now >= self.gathering.until;
        let mut expired = Vec::new();
        let ports = &mut self.ports;
        self.gathering.bindings.retain_mut(|binding| {
            match binding.transaction.poll(now) {
                Due::Send if !over => {
                    ports.send(binding.port, binding.to, [&[], binding.transaction.message()])
                }
                Due::Wait if !over => {}
                Due::Send | Due::Wait | Due::Expired => {
                    expired.push(binding.server);
                    return false;
                }
            }
            true
        });
        expired.dedup();
        for server in expired {
            if !self.gathering.is_asking(server) && !self.gathering.answered.contains(&server) {
                self.gathering.answered.push(server);
                self.fail(server, ServerFailure::Timeout);
            }
        }
    }

    /// Takes a STUN server's response. Says whether it was one.
    pub(super) fn on_binding_response(&mut self, port: PortId, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(id) = stun::response_transaction(datagram) else { return false };
        let expected =
            |binding: &Binding| binding.port == port && binding.to == from && binding.transaction.id() == id;
        let Some(position) = self.gathering.bindings.iter().position(expected) else { return false };
        let binding = self.gathering.bindings.swap_remove(position);
        match stun::mapped_address(datagram) {
            Some(mapped) => {
                self.gathering.answered.push(binding.server);
                self.offer_mapped(port, mapped);
            }
            None if self.gathering.answered.contains(&binding.server) => {}
            None => self.fail(binding.server, ServerFailure::Protocol),
        }
        true
    }

    /// Offers what a server sees of a socket, unless that is the socket's own address.
    pub(super) fn offer_mapped(&mut self, port: PortId, addr: SocketAddr) {
        let found = self.ports.candidates().enumerate().find(|(_, other)| other.id == port);
        let Some((position, port)) = found else { return };
        let local = port.local;
        let usable = addr.port() != 0 && !addr.ip().is_unspecified() && addr.is_ipv4() == local.is_ipv4();
        if usable && addr != local && self.config.transport_policy == TransportPolicy::All {
            let preference = preference(position);
            self.offer(LocalCandidate { addr, local, kind: CandidateKind::ServerReflexive, preference });
        }
    }

    fn offer_hosts(&mut self) {
        if self.config.transport_policy == TransportPolicy::Relay {
            return;
        }
        let hosts: Vec<_> = self.ports.candidates().map(|port| port.local).collect();
        for (position, addr) in hosts.into_iter().enumerate() {
            let preference = preference(position);
            self.offer(LocalCandidate { addr, local: addr, kind: CandidateKind::Host, preference });
        }
    }

    pub(super) fn finish_gathering(&mut self) {
        let asking = !self.gathering.openings.is_empty()
            || !self.gathering.bindings.is_empty()
            || self.relays.iter().any(|relay| relay.candidate.is_none());
        if self.gathering.phase == Phase::Running && !asking {
            self.gathering.phase = Phase::Done;
            self.events.push_back(NetEvent::GatheringDone);
        }
    }

    /// The socket from which the system would send to `to`, else any that can.
    pub(super) fn port_towards(&self, to: SocketAddr) -> Option<&Port> {
        let routed = interfaces::route_to(to);
        let on_route = self.ports.candidates().find(|port| Some(port.local.ip()) == routed);
        on_route.or_else(|| self.ports.candidates().find(|port| leads_to(port, to)))
    }
}

/// Whether it makes sense to ask a server at `to` from here: a server on this machine is asked from
/// everywhere, because other addresses of the machine lead to it too.
fn leads_to(port: &Port, to: SocketAddr) -> bool {
    port.reaches(to)
}

/// Earlier sockets first; the system lists its addresses in an order of its own.
fn preference(position: usize) -> u16 {
    u16::MAX.saturating_sub(u16::try_from(position).unwrap_or(u16::MAX))
}
