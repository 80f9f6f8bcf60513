//! All sockets of one connection behind one `next`.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use super::candidate::{CandidateKind, LocalCandidate};
use super::changes::NetworkChanges;
use super::config::NetworkConfig;
use super::event::{NetEvent, OpenError};
use super::interfaces;
use super::packets::{Datagrams, Packets};
use super::port::PortId;
use super::ports::{Gone, NetworkCounters, Ports, Received};
use super::server;
use crate::config::TransportPolicy;

/// Sockets, STUN and TURN of one connection. Dropping it closes the sockets and gives relayed
/// addresses back.
///
/// It has no task of its own: everything happens inside [`next`](Self::next), which therefore has
/// to be awaited again and again.
pub struct Network {
    config: NetworkConfig,
    ports: Ports,
    changes: NetworkChanges,
    /// What has been offered and still holds.
    candidates: Vec<LocalCandidate>,
    events: VecDeque<NetEvent>,
    gathering: Gathering,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathering {
    NotAsked,
    Running,
    Done,
}

impl Network {
    /// Opens a socket on every address that `config` allows. Sends nothing yet. Needs a tokio
    /// runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// - [`OpenError::Servers`] when an entry of `ice_servers` cannot be used.
    /// - [`OpenError::Sockets`] when the system does not tell its addresses or has addresses and
    ///   gives a socket on none. A machine without any address is no error: it may get one.
    pub fn open(config: NetworkConfig) -> Result<Self, OpenError> {
        server::parse(&config.ice_servers)?;
        let changes = NetworkChanges::watch()?;
        let mut ports = Ports::new(config.socket_buffer);
        let followed = ports.follow(&interfaces::usable(&config)?);
        if let (0, Some(error)) = (followed.opened, followed.error) {
            return Err(error.into());
        }
        Ok(Self {
            config,
            ports,
            changes,
            candidates: Vec::new(),
            events: VecDeque::new(),
            gathering: Gathering::NotAsked,
        })
    }

    /// Starts gathering; candidates arrive as events, [`NetEvent::GatheringDone`] at the end. Called
    /// again, as for an ICE restart, it offers what still holds once more and asks the servers anew.
    pub fn gather(&mut self) {
        self.gathering = Gathering::Running;
        self.offer_hosts();
        self.finish_gathering();
    }

    /// The next event.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> NetEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Sends one datagram from `local`, the [base](LocalCandidate::base) of a candidate, to
    /// `remote`. Never waits: datagrams that follow each other with one size and one destination
    /// leave together, at the latest when [`next`](Self::next) is polled or with
    /// [`flush`](Self::flush). What cannot be sent is dropped and [counted](Self::counters).
    pub fn send(&mut self, local: SocketAddr, remote: SocketAddr, datagram: &[u8]) {
        if datagram.is_empty() {
            return;
        }
        match self.ports.at(local) {
            Some(port) => self.ports.send(port, remote, [&[], datagram]),
            None => self.ports.counters.dropped_unreachable += 1,
        }
    }

    /// Hands to the kernel what waits to be sent.
    pub fn flush(&mut self) {
        self.ports.flush();
    }

    /// What was sent and what was dropped, since the network was opened.
    #[must_use]
    pub fn counters(&self) -> NetworkCounters {
        self.ports.counters
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<NetEvent> {
        self.ports.flush();
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            let mut progress = false;
            if self.changes.poll_changed(cx).is_ready() {
                progress = true;
                self.follow_addresses();
            }
            if let Poll::Ready(received) = self.ports.poll_receive(cx) {
                progress = true;
                self.on_received(received);
            }
            self.ports.flush();
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn on_received(&mut self, received: Received) {
        match received {
            Received::Datagrams { port, from, datagrams } => self.on_datagrams(port, from, datagrams),
            Received::Dead(gone) => self.on_gone(&gone),
        }
    }

    fn on_datagrams(&mut self, port: PortId, from: SocketAddr, datagrams: Datagrams) {
        if let Some(port) = self.ports.get(port) {
            let packets = Packets { local: port.local, remote: from, datagrams, received_at: Instant::now() };
            self.events.push_back(NetEvent::Packets(packets));
        }
    }

    fn follow_addresses(&mut self) {
        // A list that cannot be read now is read at the next change.
        let Ok(addresses) = interfaces::usable(&self.config) else { return };
        let followed = self.ports.follow(&addresses);
        if followed.opened == 0 && followed.closed.is_empty() {
            return;
        }
        self.events.push_back(NetEvent::Changed);
        followed.closed.iter().for_each(|gone| self.on_gone(gone));
        if self.gathering != Gathering::NotAsked {
            self.offer_hosts();
        }
    }

    fn on_gone(&mut self, gone: &Gone) {
        let lost = self.candidates.extract_if(.., |candidate| candidate.local == gone.local);
        self.events.extend(lost.map(NetEvent::CandidateLost));
    }

    fn offer_hosts(&mut self) {
        if self.config.transport_policy == TransportPolicy::Relay {
            return;
        }
        let hosts: Vec<_> = self.ports.candidates().map(|port| port.local).collect();
        for (position, addr) in hosts.into_iter().enumerate() {
            let preference = u16::MAX.saturating_sub(u16::try_from(position).unwrap_or(u16::MAX));
            self.offer(LocalCandidate { addr, local: addr, kind: CandidateKind::Host, preference });
        }
    }

    fn offer(&mut self, candidate: LocalCandidate) {
        if !self.candidates.contains(&candidate) {
            self.candidates.push(candidate);
        }
        self.events.push_back(NetEvent::Candidate(candidate));
    }

    fn finish_gathering(&mut self) {
        if self.gathering == Gathering::Running {
            self.gathering = Gathering::Done;
            self.events.push_back(NetEvent::GatheringDone);
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({:?}, {} candidates)", self.gathering, self.candidates.len())
    }
}
