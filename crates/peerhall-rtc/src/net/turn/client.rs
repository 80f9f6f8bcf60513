//! What happens when.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use stun_types::message::Message;

use super::allocation::{Allocation, Next, Pending};
use super::auth::Auth;
use super::message::{self, Family, Request};
use super::peers::{Peers, Route};
use crate::net::event::ServerFailure;
use crate::net::server::TurnCredential;
use crate::net::stun::{self, Due, Link};

/// Most nonces in a row that are called stale before the server is given up.
const MAX_STALE: u8 = 4;

/// A client of one TURN server.
pub(in crate::net) struct Client {
    credential: TurnCredential,
    link: Link,
    auth: Option<Auth>,
    allocation: Allocation,
    pending: Vec<Pending>,
    peers: Peers,
    outbox: VecDeque<Vec<u8>>,
    events: VecDeque<TurnEvent>,
}

/// What a client tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) enum TurnEvent {
    /// The server relays.
    Allocated {
        /// The address it relays from.
        relayed: SocketAddr,
        /// The address of this side as the server sees it.
        mapped: Option<SocketAddr>,
    },
    /// It does not, or no longer. The client is of no use any more.
    Ended(Ended),
}

/// How a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) enum Ended {
    /// For this reason.
    Failed(ServerFailure),
    /// The server has another allocation for this 5-tuple (437): another socket may do.
    OtherSocket,
    /// Another server is to be asked (300).
    OtherServer(SocketAddr),
    /// Given back, as was asked for.
    Released,
}

impl Client {
    /// A client that asks for an allocation at once.
    pub(in crate::net) fn new(credential: TurnCredential, link: Link, now: Instant) -> Self {
        let mut client = Self {
            credential,
            link,
            auth: None,
            allocation: Allocation::Asked,
            pending: Vec::new(),
            peers: Peers::default(),
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        };
        client.ask(Request::Allocate(Family::Default), 0, now);
        client
    }

    /// Sends `payload` to `peer` through the relay. `transmit` gets the message for the server, cut
    /// in two so that the payload need not be copied; it is not called when the payload has to wait
    /// for a permission. Says whether the payload was taken.
    pub(in crate::net) fn send(
        &mut self,
        peer: SocketAddr,
        payload: &[u8],
        now: Instant,
        transmit: impl FnOnce([&[u8]; 2]),
    ) -> bool {
        let same_family = |relayed: SocketAddr| relayed.is_ipv4() == peer.is_ipv4();
        if !self.allocation.relayed().is_some_and(same_family) {
            return false;
        }
        match self.peers.route(peer, payload, now) {
            Route::Channel(number) => {
                let Ok(length) = u16::try_from(payload.len()) else { return false };
                let [n0, n1] = number.to_be_bytes();
                let [l0, l1] = length.to_be_bytes();
                transmit([&[n0, n1, l0, l1], payload]);
            }
            Route::Indication(request) => {
                let Ok(message) = message::send_indication(peer, payload) else { return false };
                transmit([&message, &[]]);
                self.ask_if(request, now);
            }
            Route::Wait(request) => self.ask_if(request, now),
            Route::Refused => return false,
        }
        true
    }

    /// Takes one message from the server. Returns a peer and its payload if that is what it is.
    pub(in crate::net) fn receive<'a>(
        &mut self,
        bytes: &'a [u8],
        now: Instant,
    ) -> Option<(SocketAddr, &'a [u8])> {
        let [b0, b1, b2, b3] = bytes.first_chunk()?;
        let number = u16::from_be_bytes([*b0, *b1]);
        if number >= 0x4000 {
            let length = usize::from(u16::from_be_bytes([*b2, *b3]));
            // A datagram may be padded at its end.
            return Some((self.peers.on_channel(number)?, bytes.get(4..4 + length)?));
        }
        if let Some(id) = stun::response_transaction(bytes) {
            let position = self.pending.iter().position(|pending| pending.transaction.id() == id)?;
            // Malformed, forged or from another time: the request goes on waiting.
            let response = Message::from_bytes(bytes).ok()?;
            self.on_response(position, &response, now);
            return None;
        }
        let (peer, payload) = message::data_indication(&Message::from_bytes(bytes).ok()?)?;
        self.peers.allows(peer.ip()).then(|| Some((peer, bytes.get(payload)?))).flatten()
    }

    /// Gives the allocation back. The client ends when the server has said yes or has not answered.
    pub(in crate::net) fn release(&mut self, now: Instant) {
        match self.allocation {
            Allocation::Held { .. } => {
                self.allocation = Allocation::Releasing;
                self.pending.clear();
                self.ask(Request::Release, 0, now);
            }
            Allocation::Asked | Allocation::Releasing | Allocation::Ended => self.end(Ended::Released),
        }
    }

    /// The next message for the server.
    pub(in crate::net) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// The next event.
    pub(in crate::net) fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do.
    pub(in crate::net) fn deadline(&self) -> Option<Instant> {
        let requests = self.pending.iter().map(|pending| pending.transaction.due()).min();
        let held = match self.allocation {
            Allocation::Held { refresh_at, .. } => [Some(refresh_at), self.peers.deadline()],
            Allocation::Asked | Allocation::Releasing | Allocation::Ended => [None, None],
        };
        held.into_iter().chain([requests]).flatten().min()
    }

    /// Sends again what was not answered, renews what is about to lapse.
    pub(in crate::net) fn on_deadline(&mut self, now: Instant) {
        let mut expired = Vec::new();
        self.pending.retain_mut(|pending| match pending.transaction.poll(now) {
            Due::Wait => true,
            Due::Send => {
                self.outbox.push_back(pending.transaction.message().to_vec());
                true
            }
            Due::Expired => {
                expired.push(pending.request);
                false
            }
        });
        expired.into_iter().for_each(|request| self.on_silence(request, now));
        if !matches!(self.allocation, Allocation::Held { .. }) {
            return;
        }
        if self.allocation.wants_refresh(now) {
            self.ask(Request::Refresh, 0, now);
        }
        self.peers.renewals(now).into_iter().for_each(|request| self.ask(request, 0, now));
    }

    fn on_response(&mut self, position: usize, response: &Message<'_>, now: Instant) {
        let Some(pending) = self.pending.get(position) else { return };
        let (request, stale, signed) = (pending.request, pending.stale, pending.signed);
        let code = message::error_code(response);
        // Whoever challenges cannot prove anything yet; every other answer to a signed request must.
        let challenge = matches!(code, Some(401 | 438));
        let proven = self.auth.as_ref().is_some_and(|auth| auth.proves(response));
        let must_prove = signed && !challenge && (code.is_none() || Auth::is_signed(response));
        if must_prove && !proven {
            return;
        }
        self.pending.swap_remove(position);
        match code {
            None => self.on_success(request, response, now),
            Some(401) if !signed => self.on_challenge(request, response, now),
            Some(438) if stale < MAX_STALE => self.on_stale_nonce(request, stale, response, now),
            Some(code) => self.on_error(request, code, response, now),
        }
    }

    fn on_challenge(&mut self, request: Request, response: &Message<'_>, now: Instant) {
        self.auth = Auth::from_challenge(&self.credential, response);
        match self.auth {
            Some(_) => self.ask(request, 0, now),
            None => self.end(Ended::Failed(ServerFailure::Protocol)),
        }
    }

    fn on_stale_nonce(&mut self, request: Request, stale: u8, response: &Message<'_>, now: Instant) {
        if self.auth.as_mut().is_some_and(|auth| auth.renew(response)) {
            self.ask(request, stale + 1, now);
        } else {
            self.end(Ended::Failed(ServerFailure::Protocol));
        }
    }

    fn on_success(&mut self, request: Request, response: &Message<'_>, now: Instant) {
        match request {
            Request::Allocate(_) => match message::granted(response) {
                Some(granted) => {
                    self.allocation = Allocation::held(granted.relayed, granted.lifetime, now);
                    let (relayed, mapped) = (granted.relayed, granted.mapped);
                    self.events.push_back(TurnEvent::Allocated { relayed, mapped });
                }
                None => self.end(Ended::Failed(ServerFailure::Protocol)),
            },
            Request::Refresh => self.allocation.refreshed(message::lifetime(response), now),
            Request::Release => self.end(Ended::Released),
            Request::Permission(ip) => {
                for (peer, payload) in self.peers.granted(ip, now) {
                    self.outbox.extend(message::send_indication(peer, &payload));
                    let request = self.peers.channel_for(peer, &payload, now);
                    self.ask_if(request, now);
                }
            }
            Request::Channel { peer, .. } => self.peers.bound(peer, now),
        }
    }

    fn on_error(&mut self, request: Request, code: u16, response: &Message<'_>, now: Instant) {
        match request {
            Request::Allocate(family) => {
                match Next::after_refused_allocation(family, code, message::alternate_server(response)) {
                    Next::Ask(family) => self.ask(Request::Allocate(family), 0, now),
                    Next::End(ended) => self.end(ended),
                }
            }
            // The server knows of no allocation: whatever was said before is void.
            Request::Refresh | Request::Permission(_) | Request::Channel { .. } if code == 437 => {
                self.end(Ended::Failed(ServerFailure::AllocationMismatch));
            }
            Request::Refresh => self.end(Ended::Failed(ServerFailure::from_code(code))),
            Request::Release => self.end(Ended::Released),
            Request::Permission(ip) => self.peers.refused(ip, now),
            Request::Channel { peer, .. } => self.peers.unbound(peer, now),
        }
    }

    fn on_silence(&mut self, request: Request, now: Instant) {
        match request {
            Request::Allocate(_) | Request::Refresh => self.end(Ended::Failed(ServerFailure::Timeout)),
            Request::Release => self.end(Ended::Released),
            Request::Permission(ip) => self.peers.refused(ip, now),
            Request::Channel { peer, .. } => self.peers.unbound(peer, now),
        }
    }

    fn ask_if(&mut self, request: Option<Request>, now: Instant) {
        if let Some(request) = request {
            self.ask(request, 0, now);
        }
    }

    fn ask(&mut self, request: Request, stale: u8, now: Instant) {
        let Ok(message) = request.build(&self.credential, self.auth.as_ref()) else {
            self.end(Ended::Failed(ServerFailure::CredentialTooLong));
            return;
        };
        let mut pending = Pending::new(request, message, self.link, self.auth.is_some(), stale, now);
        if pending.transaction.poll(now) == Due::Send {
            self.outbox.push_back(pending.transaction.message().to_vec());
        }
        self.pending.push(pending);
    }

    fn end(&mut self, ended: Ended) {
        if self.allocation != Allocation::Ended {
            self.allocation = Allocation::Ended;
            self.pending.clear();
            self.events.push_back(TurnEvent::Ended(ended));
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} requests pending)", self.pending.len())
    }
}
