//! All sockets of one connection behind one `next`.

mod gathering;
mod relays;
mod renewal;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use self::gathering::{Gathering, Phase};
use super::candidate::LocalCandidate;
use super::changes::NetworkChanges;
use super::config::NetworkConfig;
use super::event::{NetEvent, OpenError, ServerFailure};
use super::interfaces;
use super::packets::{Datagrams, Grouped, Packets};
use super::port::PortId;
use super::ports::{Gone, NetworkCounters, Ports, Received};
use super::relay::Relay;
use super::server::{self, Server};
use super::timer::Timer;

/// Datagrams after which they are handled before more are taken from the sockets.
const RECEIVED_AT_ONCE: usize = 64;

/// Sockets, STUN and TURN of one connection. Dropping it closes the sockets and gives relayed
/// addresses back.
///
/// It has no task of its own: everything happens inside [`next`](Self::next), which therefore has
/// to be awaited again and again.
pub struct Network {
    config: NetworkConfig,
    /// Those that are asked, behind former ones that something is still in use of.
    servers: Vec<Server>,
    /// How many of them are former ones.
    first_listed: usize,
    /// How many lists there have been before this one.
    renewals: u16,
    ports: Ports,
    changes: NetworkChanges,
    gathering: Gathering,
    relays: Vec<Relay>,
    /// What has been offered and still holds.
    candidates: Vec<LocalCandidate>,
    events: VecDeque<NetEvent>,
    timer: Timer,
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
        let servers = server::parse(&config.ice_servers)?;
        let changes = NetworkChanges::watch()?;
        let mut ports = Ports::new(config.socket_buffer, config.offload);
        let followed = ports.follow(&interfaces::usable(&config)?);
        if let (0, Some(error)) = (followed.opened, followed.error) {
            return Err(error.into());
        }
        Ok(Self {
            config,
            servers,
            first_listed: 0,
            renewals: 0,
            ports,
            changes,
            gathering: Gathering::new(Instant::now()),
            relays: Vec::new(),
            candidates: Vec::new(),
            events: VecDeque::new(),
            timer: Timer::default(),
        })
    }

    /// Starts gathering; candidates arrive as events, [`NetEvent::GatheringDone`] at the end. Called
    /// again, as for an ICE restart, it offers what still holds once more and asks the servers anew.
    pub fn gather(&mut self) {
        let now = Instant::now();
        let held = std::mem::take(&mut self.candidates);
        let held = self.retire(held, now);
        self.start_gathering(now);
        for candidate in held {
            self.offer(candidate);
        }
    }

    /// The next event.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> NetEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What has happened besides, without waiting: of what has come together much is answered together.
    pub fn try_next(&mut self) -> Option<NetEvent> {
        self.events.pop_front()
    }

    /// Sends one datagram from `local`, the [base](LocalCandidate::base) of a candidate, to
    /// `remote`. Never waits: datagrams that follow each other with one size and one destination
    /// leave together, at the latest when [`next`](Self::next) is polled or with
    /// [`flush`](Self::flush). What cannot be sent is dropped and [counted](Self::counters).
    ///
    /// From a relayed candidate the first datagrams to a remote wait for the server's permission,
    /// and the first that is not STUN asks for a channel.
    pub fn send(&mut self, local: SocketAddr, remote: SocketAddr, datagram: &[u8]) {
        if datagram.is_empty() {
            return;
        }
        if let Some(port) = self.ports.at(local) {
            self.ports.send(port, remote, [&[], datagram]);
            return;
        }
        let is_local = |relay: &&mut Relay| relay.candidate.is_some_and(|relayed| relayed.addr == local);
        match self.relays.iter_mut().find(is_local) {
            Some(relay) => relay.send(remote, datagram, Instant::now(), &mut self.ports),
            None => self.ports.counters.dropped_unreachable += 1,
        }
    }

    /// Hands to the kernel what waits to be sent as datagrams. What goes through a relay over TCP
    /// or TLS is written when [`next`](Self::next) is polled.
    pub fn flush(&mut self) {
        self.ports.flush();
    }

    /// Gives relayed addresses back and waits until the servers have confirmed it, but no longer
    /// than `limit`. Dropping the network asks them too and waits for nothing: a request that is
    /// lost then leaves an allocation for its ten minutes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is as good as dropping the network.
    pub async fn close(mut self, limit: Duration) {
        let now = Instant::now();
        for relay in &mut self.relays {
            relay.release(now, &mut self.ports);
        }
        let released = async {
            self.after_relays(now);
            while !self.relays.is_empty() {
                // Events are of no use to anybody any more.
                self.events.clear();
                poll_fn(|cx| self.poll_next(cx)).await;
            }
        };
        // Whoever has not answered by now has been asked.
        drop(tokio::time::timeout(limit, released).await);
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
            let now = Instant::now();
            // Every source is asked in every round, so that none starves the others.
            let mut progress = self.poll_openings(cx, now);
            progress |= self.poll_streams(cx, now);
            if self.changes.poll_changed(cx).is_ready() {
                progress = true;
                self.follow_addresses(now);
            }
            progress |= self.poll_ports(cx, now);
            if self.timer.poll_at(self.deadline(), cx).is_ready() {
                progress = true;
                self.on_deadline(Instant::now());
            }
            self.after_relays(now);
            self.finish_gathering();
            self.ports.flush();
            if !progress && self.events.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// Takes what has come, up to as much as one turn is to handle.
    fn poll_ports(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let (mut progress, mut left) = (false, RECEIVED_AT_ONCE);
        while left > 0
            && let Poll::Ready(received) = self.ports.poll_receive(cx)
        {
            progress = true;
            left = left.saturating_sub(received.cost());
            self.on_received(received, now);
        }
        progress
    }

    fn deadline(&self) -> Option<Instant> {
        let relays = self.relays.iter().filter_map(Relay::deadline);
        relays.chain(self.gathering.deadline()).min()
    }

    fn on_deadline(&mut self, now: Instant) {
        self.resend_bindings(now);
        self.relays_on_deadline(now);
    }

    fn on_received(&mut self, received: Received, now: Instant) {
        match received {
            Received::Datagrams { port, from, datagrams } => self.on_datagrams(port, from, datagrams, now),
            Received::Dead(gone) => self.on_gone(&gone),
        }
    }

    fn on_datagrams(&mut self, port: PortId, from: SocketAddr, datagrams: Datagrams, now: Instant) {
        let Some(local) = self.ports.get(port).map(|port| port.local) else { return };
        let relay = self.relays.iter().position(|relay| relay.is_at(port, from));
        if relay.is_none() && !self.gathering.expects(port, from) {
            let packets = Packets { local, remote: from, datagrams, received_at: now };
            self.events.push_back(NetEvent::Packets(packets));
            return;
        }
        let mut grouped = Grouped::new(now);
        for datagram in datagrams.iter() {
            if self.on_binding_response(port, from, datagram) {
                continue;
            }
            match relay.and_then(|index| self.relays.get_mut(index)) {
                Some(relay) => relay.receive(datagram, now, &mut grouped),
                None => grouped.push(local, from, datagram),
            }
        }
        self.deliver(grouped);
    }

    fn deliver(&mut self, grouped: Grouped) {
        self.events.extend(grouped.packets.into_iter().map(NetEvent::Packets));
    }

    fn follow_addresses(&mut self, now: Instant) {
        // A list that cannot be read now is read at the next change.
        let Ok(addresses) = interfaces::usable(&self.config) else { return };
        let followed = self.ports.follow(&addresses);
        if followed.opened == 0 && followed.closed.is_empty() {
            return;
        }
        self.events.push_back(NetEvent::Changed);
        followed.closed.iter().for_each(|gone| self.on_gone(gone));
        if self.gathering.phase != Phase::NotAsked {
            self.start_gathering(now);
        }
    }

    /// A socket is closed, and with it goes what depends on its address.
    fn on_gone(&mut self, gone: &Gone) {
        self.gathering.forget_port(gone.port);
        let ip = gone.local.ip();
        for index in (0..self.relays.len()).rev() {
            let affected = self.relays.get(index).is_some_and(|relay| relay.local.ip() == ip);
            if affected {
                self.drop_relay(index, ServerFailure::NoRoute);
            }
        }
        let lost = self.candidates.extract_if(.., |candidate| candidate.local == gone.local);
        self.events.extend(lost.map(NetEvent::CandidateLost));
    }

    /// Tells of a candidate unless it is known.
    fn offer(&mut self, candidate: LocalCandidate) {
        let known = |other: &LocalCandidate| (other.addr, other.local) == (candidate.addr, candidate.local);
        if !self.candidates.iter().any(known) {
            self.candidates.push(candidate);
            self.events.push_back(NetEvent::Candidate(candidate));
        }
    }

    fn lose(&mut self, candidate: LocalCandidate) {
        self.candidates.retain(|other| *other != candidate);
        self.events.push_back(NetEvent::CandidateLost(candidate));
    }

    fn fail(&mut self, server: usize, reason: ServerFailure) {
        if let Some(server) = self.servers.get(server) {
            self.events.push_back(NetEvent::Failed { server: server.url.clone(), reason });
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let now = Instant::now();
        for relay in &mut self.relays {
            relay.release(now, &mut self.ports);
        }
        self.ports.flush();
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (candidates, relays) = (self.candidates.len(), self.relays.len());
        write!(f, "Network({:?}, {candidates} candidates, {relays} relays)", self.gathering.phase)
    }
}
