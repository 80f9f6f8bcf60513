//! The mind of the server: what follows from a datagram. Told the time, without socket and clock.

mod allocate;
mod allocation;
mod manage;
mod outside;
mod proof;
mod relay;
mod reply;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use peerhall_auth::turn::TurnSecret;
use peerhall_proto::ids::{AppId, PeerId};
use stun_types::message::{BINDING, Message, MessageClass};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

pub use self::outside::{Client, Door, Family, Now, Outside, Ports, RelayId, Transport};

use self::allocation::Allocation;
use self::proof::Proof;
use self::relay::{Owner, Relay};
use self::reply::{Answer, Fault};
use crate::accounts::{Accounts, Seat};
use crate::counters::{Counted, Dropped};
use crate::filter::PeerFilter;
use crate::live_ports::LivePorts;
use crate::nonce::Nonces;
use crate::options::EngineOptions;
use crate::refusal::Refusal;
use crate::slots::Slots;
use crate::throttle::Throttle;

/// Longest user name, realm and the like make requests of some hundred bytes; a Send indication is a
/// payload. Anything larger is no request.
const MAX_REQUEST_BYTES: usize = 2_048;

/// Clients up to which the table stays as large as it is.
const SMALL: usize = 64;

/// What all engines of one server have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// See [`EngineOptions`].
    pub options: Arc<EngineOptions>,
    /// Who relays how much.
    pub accounts: Arc<Accounts>,
    /// Open relay ports of all engines.
    pub live: Arc<LivePorts>,
    /// Secrets that passwords are made with; more than one while a new one takes over.
    pub secrets: Arc<[TurnSecret]>,
    pub(crate) nonces: Nonces,
    reservations: Arc<Mutex<HashMap<u64, Reservation>>>,
}

impl Common {
    /// What a server begins with. `key` is 32 random bytes for its nonces.
    #[must_use]
    pub fn new(options: EngineOptions, secrets: Arc<[TurnSecret]>, key: &[u8; 32], start: Instant) -> Self {
        let accounts = Arc::new(Accounts::new(options.quotas.clone(), start));
        let nonces = Nonces::new(key);
        let (live, reservations) = (Arc::default(), Arc::default());
        Self { options: Arc::new(options), accounts, live, secrets, nonces, reservations }
    }

    fn reservations(&self) -> MutexGuard<'_, HashMap<u64, Reservation>> {
        self.reservations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Allocation(u32),
    Reservation(u64),
}

/// A port that waits for the allocation it was reserved for (RFC 8656 section 7.2). The client that takes
/// it has another port than the one that asked, so it may be another engine's.
#[derive(Debug)]
struct Reservation {
    family: Family,
    port: u16,
    seat: Seat,
    until: Instant,
    username: Box<str>,
}

/// One engine. Each has its own clients; engines of one server share [`Common`].
#[derive(Debug)]
pub struct Engine {
    common: Common,
    filter: PeerFilter,
    allocations: Slots<Allocation>,
    clients: HashMap<Client, u32>,
    relays: Slots<Relay>,
    due: BinaryHeap<Reverse<(Instant, Due)>>,
    throttle: Throttle,
    random: fastrand::Rng,
    counted: Counted,
    /// Who sent last: traffic comes in runs.
    last: Option<(Client, u32)>,
}

impl Engine {
    /// An engine without clients. `seed` decides the tokens of reservations.
    #[must_use]
    pub fn new(common: Common, filter: PeerFilter, seed: u64, now: Instant) -> Self {
        Self {
            common,
            filter,
            allocations: Slots::default(),
            clients: HashMap::new(),
            relays: Slots::default(),
            due: BinaryHeap::new(),
            throttle: Throttle::new(now),
            random: fastrand::Rng::with_seed(seed),
            counted: Counted::default(),
            last: None,
        }
    }

    /// Takes one message from a client: a datagram, or a frame of its stream without padding.
    pub fn receive(&mut self, now: Now, client: Client, bytes: &[u8], out: &mut impl Outside) {
        match bytes.first() {
            Some(0x40..=0x7f) => self.channel_data(now, client, bytes, out),
            Some(0..=0x3f) => self.stun(now, client, bytes, out),
            Some(_) | None => self.drop_for(Dropped::Malformed),
        }
    }

    /// A stream of a client has ended, and its allocation with it.
    pub fn client_gone(&mut self, client: Client, out: &mut impl Outside) {
        if let Some(slot) = self.slot_of(client) {
            self.end(slot, out);
        }
    }

    /// Ends all allocations of a peer of an app. Returns how many there were.
    pub fn revoke(&mut self, app: &AppId, peer: &PeerId, out: &mut impl Outside) -> usize {
        let theirs = |allocation: &Allocation| allocation.seat.belongs_to(app, peer);
        let slots: Vec<u32> =
            self.allocations.iter().filter(|(_, a)| theirs(a)).map(|(slot, _)| slot).collect();
        slots.iter().for_each(|slot| self.end(*slot, out));
        let theirs = |held: &Reservation| held.seat.belongs_to(app, peer);
        let reservations = self.common.reservations();
        let tokens: Vec<u64> =
            reservations.iter().filter(|(_, held)| theirs(held)).map(|(t, _)| *t).collect();
        drop(reservations);
        tokens.iter().for_each(|token| self.end_reservation(*token, out));
        slots.len()
    }

    /// Ends what is past its time.
    pub fn on_deadline(&mut self, now: Instant, out: &mut impl Outside) {
        while let Some(Reverse((at, due))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            match due {
                Due::Allocation(slot) => match self.allocations.get(slot).map(|a| a.expires_at) {
                    Some(expires_at) if expires_at <= now => self.end(slot, out),
                    // Refreshed since, or the place is somebody else's, who has an entry too.
                    Some(expires_at) if self.is_watched(slot, at) => self.watch(slot, expires_at),
                    Some(_) | None => {}
                },
                Due::Reservation(token) => self.end_reservation(token, out),
            }
        }
        if self.due.len() < self.due.capacity() / 4 {
            self.due.shrink_to(SMALL.max(2 * self.due.len()));
        }
    }

    /// Replaces what is relayed to; peers that have a permission are judged again at each payload.
    pub fn set_filter(&mut self, filter: PeerFilter) {
        self.filter = filter;
    }

    /// A payload or a message was lost on its way out.
    pub fn lost(&mut self) {
        self.drop_for(Dropped::Congested);
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether a client has an allocation.
    #[must_use]
    pub fn serves(&self, client: Client) -> bool {
        self.clients.contains_key(&client)
    }

    /// What was done so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            allocations: self.allocations.len() as u64,
            ports: self.relays.len() as u64,
            ..self.counted
        }
    }

    fn stun(&mut self, now: Now, client: Client, bytes: &[u8], out: &mut impl Outside) {
        let Ok(message) = Message::from_bytes(bytes) else {
            return self.drop_for(Dropped::Malformed);
        };
        match message.class() {
            MessageClass::Indication => self.indication(now, client, &message, bytes, out),
            MessageClass::Request if bytes.len() <= MAX_REQUEST_BYTES => {
                self.request(now, client, &message, out);
            }
            MessageClass::Request | MessageClass::Success | MessageClass::Error => {
                self.drop_for(Dropped::Malformed);
            }
        }
    }

    fn request(&mut self, now: Now, client: Client, message: &Message<'_>, out: &mut impl Outside) {
        let answer = if message.has_method(BINDING) {
            self.bind(client, message)
        } else {
            match self.prove(now, client, message) {
                Ok(proof) => {
                    let made = self.obey(now, client, message, &proof, out);
                    Answer { made, proof: Some(proof) }
                }
                Err(refusal) => Answer { made: Err(refusal.into()), proof: None },
            }
        };
        if let Err(Fault::Refused(refusal)) = &answer.made {
            self.count_refusal(*refusal);
        }
        // Whoever has an allocation has shown that the address is its own.
        let known = answer.proof.is_some() || client.transport.is_stream() || self.slot_of(client).is_some();
        if !known && !self.throttle.admits(client.from.ip(), now.at) {
            self.counted.throttled += 1;
            return;
        }
        let nonce = |source| self.common.nonces.issue(source, now.unix_secs);
        if let Some(bytes) = answer.into_bytes(message, client, &self.common.options.realm, nonce) {
            out.to_client(client, [&bytes, &[]]);
        }
    }

    fn bind(&mut self, client: Client, message: &Message<'_>) -> Answer {
        let made = match reply::has_unknown(message) {
            true => Err(Refusal::UnknownAttribute.into()),
            false => reply::binding(message, client),
        };
        self.counted.bindings += u64::from(made.is_ok());
        Answer { made, proof: None }
    }

    fn obey(
        &mut self,
        now: Now,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        out: &mut impl Outside,
    ) -> reply::Made {
        if reply::has_unknown(message) {
            return Err(Refusal::UnknownAttribute.into());
        }
        if message.has_method(ALLOCATE) {
            return self.allocate(now, client, message, proof, out);
        }
        let slot = self.slot_of(client).ok_or(Refusal::AllocationMismatch)?;
        let owner = self.allocations.get(slot).map(|allocation| &*allocation.username);
        if owner != Some(&*proof.username) {
            return Err(Refusal::WrongCredentials.into());
        }
        match message.method() {
            REFRESH => self.refresh(now, slot, message, out),
            CREATE_PERMISSION => self.create_permission(now, slot, message),
            CHANNEL_BIND => self.bind_channel(now, slot, message),
            _ => Err(Refusal::BadRequest.into()),
        }
    }

    fn prove(&self, now: Now, client: Client, message: &Message<'_>) -> Result<Proof, Refusal> {
        let owner = self.slot_of(client).and_then(|slot| self.allocations.get(slot));
        proof::prove(&self.common, now, client, message, owner.map(|allocation| &*allocation.username))
    }

    /// Gives back all that an allocation holds.
    fn end(&mut self, slot: u32, out: &mut impl Outside) {
        let Some(allocation) = self.allocations.remove(slot) else { return };
        self.clients.remove(&allocation.client);
        self.last = None;
        for relay in allocation.relays() {
            self.close(relay, out);
        }
        if self.clients.len() < self.clients.capacity() / 4 {
            self.clients.shrink_to(SMALL.max(2 * self.clients.len()));
        }
    }

    fn end_reservation(&mut self, token: u64, out: &mut impl Outside) {
        // It may have become an allocation since.
        let reservation = self.common.reservations().remove(&token);
        if let Some(reservation) = reservation {
            self.common.live.remove(reservation.family == Family::Ipv4, reservation.port);
            out.forget(token);
        }
    }

    fn close(&mut self, id: RelayId, out: &mut impl Outside) {
        if let Some(relay) = self.relays.remove(id.0) {
            self.common.live.remove(relay.family == Family::Ipv4, relay.port);
            out.close_relay(id);
        }
    }

    fn watch(&mut self, slot: u32, at: Instant) {
        if let Some(allocation) = self.allocations.get_mut(slot) {
            allocation.watched_until = at;
            self.due.push(Reverse((at, Due::Allocation(slot))));
        }
    }

    fn is_watched(&self, slot: u32, at: Instant) -> bool {
        self.allocations.get(slot).is_some_and(|allocation| allocation.watched_until == at)
    }

    fn slot_of(&self, client: Client) -> Option<u32> {
        match self.last {
            Some((last, slot)) if last == client => Some(slot),
            Some(_) | None => self.clients.get(&client).copied(),
        }
    }

    fn owner_of(&self, relay: RelayId) -> Option<(u32, Family)> {
        let relay = self.relays.get(relay.0)?;
        match relay.owner {
            Owner::Allocation(slot) => Some((slot, relay.family)),
            Owner::Nobody => None,
        }
    }

    fn count_refusal(&mut self, refusal: Refusal) {
        let place = Refusal::ALL.iter().position(|known| *known == refusal);
        if let Some(count) = place.and_then(|place| self.counted.refused.get_mut(place)) {
            *count += 1;
        }
    }

    fn drop_for(&mut self, why: Dropped) {
        let place = Dropped::ALL.iter().position(|known| *known == why);
        if let Some(count) = place.and_then(|place| self.counted.dropped.get_mut(place)) {
            *count += 1;
        }
    }
}

impl Drop for Engine {
    /// The ports of a thread that ends are no longer peers for the others.
    fn drop(&mut self) {
        for (_, relay) in self.relays.iter() {
            self.common.live.remove(relay.family == Family::Ipv4, relay.port);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
