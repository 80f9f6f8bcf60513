//! Making allocations (RFC 8656 section 7).

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::Duration;

use stun_types::attribute::{ErrorCode, XorMappedAddress};
use stun_types::message::{Message, MessageWriteVec};
use stun_types::prelude::MessageWriteExt as _;
use turn_types::AddressFamily;
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorRelayedAddress,
};

use super::allocation::{Allocation, Made};
use super::outside::{Client, Family, Now, Outside, Ports, RelayId};
use super::proof::Proof;
use super::relay::{Owner, Relay};
use super::{Due, Engine, Reservation, reply};
use crate::accounts::Seat;
use crate::options::RelayAddress;
use crate::refusal::Refusal;

/// Shortest and longest life of an allocation, in seconds (RFC 8656 sections 7.2 and 18.2).
const MIN_LIFETIME: u32 = 600;
const MAX_LIFETIME: u32 = 3_600;

/// How long a reserved port waits (RFC 8656 section 7.2).
const RESERVATION_LIFE: Duration = Duration::from_secs(30);

/// What an Allocate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    what: What,
    lifetime: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The port that was reserved under this token.
    Reserved(u64),
    /// A new port of one family.
    One { family: Family, parity: Parity },
    /// One of IPv4 and one of IPv6.
    Both { parity: Parity },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parity {
    Any,
    Even,
    EvenAndReserve,
}

impl Wish {
    fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let transport: RequestedTransport = reply::required(message)?;
        if transport.protocol() != RequestedTransport::UDP {
            return Err(Refusal::TransportUnsupported);
        }
        let bad = Refusal::BadRequest;
        let token = reply::optional::<ReservationToken>(message, bad)?.map(|token| token.token());
        let parity = reply::optional::<EvenPort>(message, bad)?.map(|even| match even.requested() {
            true => Parity::EvenAndReserve,
            false => Parity::Even,
        });
        let family = reply::optional::<RequestedAddressFamily>(message, Refusal::FamilyUnsupported)?;
        let second = reply::optional::<AdditionalAddressFamily>(message, bad)?;
        if second.as_ref().is_some_and(|second| second.family() != AddressFamily::IPV6) {
            return Err(bad);
        }
        let family = family.map(|family| of(family.family()));
        let what = match (token, parity, family, second) {
            (Some(token), None, None, None) => What::Reserved(token),
            (None, Some(Parity::EvenAndReserve), _, Some(_)) | (None, _, Some(_), Some(_)) => {
                return Err(bad);
            }
            (None, parity, None, Some(_)) => What::Both { parity: parity.unwrap_or(Parity::Any) },
            (None, parity, family, None) => {
                What::One { family: family.unwrap_or(Family::Ipv4), parity: parity.unwrap_or(Parity::Any) }
            }
            (Some(_), _, _, _) => return Err(bad),
        };
        Ok(Self { what, lifetime: lifetime(message)?.max(MIN_LIFETIME) })
    }
}

/// The life that a request asks for, in seconds: 0, or up to an hour.
pub(super) fn lifetime(message: &Message<'_>) -> Result<u32, Refusal> {
    let wanted = reply::optional::<Lifetime>(message, Refusal::BadRequest)?;
    Ok(match wanted.map_or(MIN_LIFETIME, |lifetime| lifetime.seconds()) {
        0 => 0,
        seconds => seconds.clamp(MIN_LIFETIME, MAX_LIFETIME),
    })
}

pub(super) fn of(family: AddressFamily) -> Family {
    match family {
        AddressFamily::IPV4 => Family::Ipv4,
        AddressFamily::IPV6 => Family::Ipv6,
    }
}

/// Open relay ports that have no allocation yet.
struct Opened {
    relays: [Option<RelayId>; 2],
    relayed: Vec<SocketAddr>,
    seat: Seat,
    /// The token of the next higher port, and that port.
    reserved: Option<(u64, Family, u16)>,
    lacks: Option<Family>,
}

impl Engine {
    pub(super) fn allocate(
        &mut self,
        now: Now,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        out: &mut impl Outside,
    ) -> reply::Made {
        let transaction = u128::from(message.transaction_id());
        if let Some(held) = self.slot_of(client).and_then(|slot| self.allocations.get(slot)) {
            // The answer was lost, so it is given again.
            let again = held.made_by.transaction == transaction && *held.username == proof.username;
            return if again {
                granted(message, client, &held.made_by)
            } else {
                Err(Refusal::AllocationMismatch.into())
            };
        }
        let wish = Wish::read(message)?;
        let mut opened = self.open(now, wish.what, proof, out)?;
        let reserved = opened.reserved.map(|(token, family, port)| {
            self.reserve(now, token, family, port, opened.seat.split_one(), proof);
            token
        });
        let made = Made {
            transaction,
            lifetime: wish.lifetime,
            relayed: opened.relayed,
            reserved,
            lacks: opened.lacks,
        };
        let expires_at = now.at + Duration::from_secs(u64::from(wish.lifetime));
        let answer = granted(message, client, &made);
        let allocation =
            Allocation::new(client, &proof.username, opened.seat, opened.relays, expires_at, made);
        let Some(slot) = self.allocations.insert(allocation) else {
            opened.relays.into_iter().flatten().for_each(|relay| self.close(relay, out));
            return Err(Refusal::InsufficientCapacity.into());
        };
        for relay in opened.relays.into_iter().flatten() {
            if let Some(relay) = self.relays.get_mut(relay.0) {
                relay.owner = Owner::Allocation(slot);
            }
        }
        self.clients.insert(client, slot);
        self.watch(slot, expires_at);
        self.counted.allocated += 1;
        answer
    }

    fn open(
        &mut self,
        now: Now,
        what: What,
        proof: &Proof,
        out: &mut impl Outside,
    ) -> Result<Opened, Refusal> {
        match what {
            What::Reserved(token) => self.redeem(now, token, proof, out),
            What::One { family, parity } => {
                let address = self.address(family).ok_or(Refusal::FamilyUnsupported)?;
                let reserves = parity == Parity::EvenAndReserve;
                let seat = self.seat(proof, 1 + u32::from(reserves))?;
                let token = self.random.u64(..);
                let ports = match parity {
                    Parity::Any => Ports::Any,
                    Parity::Even => Ports::Even,
                    Parity::EvenAndReserve => Ports::EvenAndReserve(token),
                };
                let opened = self.open_one(family, ports, out);
                let (relay, port) = opened.ok_or(Refusal::InsufficientCapacity)?;
                let reserved = reserves.then(|| (token, family, port.saturating_add(1)));
                let relays = match family {
                    Family::Ipv4 => [Some(relay), None],
                    Family::Ipv6 => [None, Some(relay)],
                };
                let relayed = vec![SocketAddr::new(address.announced, port)];
                Ok(Opened { relays, relayed, seat, reserved, lacks: None })
            }
            What::Both { parity } => self.open_both(parity, proof, out),
        }
    }

    /// One of each family; one alone will do (RFC 8656 section 7.2).
    fn open_both(
        &mut self,
        parity: Parity,
        proof: &Proof,
        out: &mut impl Outside,
    ) -> Result<Opened, Refusal> {
        let mut seat = self.seat(proof, 2)?;
        let ports = if parity == Parity::Any { Ports::Any } else { Ports::Even };
        let mut relayed = Vec::with_capacity(2);
        let mut lacks = None;
        let relays = [Family::Ipv4, Family::Ipv6].map(|family| {
            let address = self.address(family);
            let opened = address.and_then(|address| {
                let (relay, port) = self.open_one(family, ports, out)?;
                relayed.push(SocketAddr::new(address.announced, port));
                Some(relay)
            });
            if opened.is_none() {
                lacks = Some(family);
            }
            opened
        });
        match relayed.len() {
            0 => return Err(Refusal::InsufficientCapacity),
            1 => seat.shrink_to(1),
            _ => {}
        }
        Ok(Opened { relays, relayed, seat, reserved: None, lacks })
    }

    fn redeem(
        &mut self,
        now: Now,
        token: u64,
        proof: &Proof,
        out: &mut impl Outside,
    ) -> Result<Opened, Refusal> {
        let lacking = Refusal::InsufficientCapacity;
        let Reservation { family, port, seat, .. } = {
            let mut reservations = self.common.reservations();
            let theirs = |held: &Reservation| *held.username == proof.username && held.until > now.at;
            if !reservations.get(&token).is_some_and(theirs) {
                return Err(lacking);
            }
            reservations.remove(&token).ok_or(lacking)?
        };
        let address = self.address(family).ok_or(lacking)?;
        let relay = self.relays.insert(Relay::unopened(family)).map(RelayId).ok_or(lacking)?;
        if !out.redeem(token, relay) {
            self.relays.remove(relay.0);
            return Err(lacking);
        }
        self.opened(relay, family, port);
        let relays = match family {
            Family::Ipv4 => [Some(relay), None],
            Family::Ipv6 => [None, Some(relay)],
        };
        let relayed = vec![SocketAddr::new(address.announced, port)];
        Ok(Opened { relays, relayed, seat, reserved: None, lacks: None })
    }

    /// Keeps the next higher port of an IPv4 or IPv6 relay for its user.
    fn reserve(&mut self, now: Now, token: u64, family: Family, port: u16, seat: Seat, proof: &Proof) {
        let until = now.at + RESERVATION_LIFE;
        let username = proof.username.as_str().into();
        self.common.live.insert(family == Family::Ipv4, port);
        self.common.reservations().insert(token, Reservation { family, port, seat, until, username });
        self.due.push(Reverse((until, Due::Reservation(token))));
    }

    fn seat(&self, proof: &Proof, ports: u32) -> Result<Seat, Refusal> {
        let open = u32::try_from(self.relays.len()).unwrap_or(u32::MAX);
        if open.saturating_add(ports) > self.common.options.quotas.ports.get() {
            return Err(Refusal::InsufficientCapacity);
        }
        self.common.accounts.seat(&proof.user, ports).map_err(|_| Refusal::QuotaReached)
    }

    fn open_one(&mut self, family: Family, ports: Ports, out: &mut impl Outside) -> Option<(RelayId, u16)> {
        let relay = RelayId(self.relays.insert(Relay::unopened(family))?);
        let Some(port) = out.open_relay(relay, family, ports) else {
            self.relays.remove(relay.0);
            return None;
        };
        self.opened(relay, family, port);
        Some((relay, port))
    }

    fn opened(&mut self, relay: RelayId, family: Family, port: u16) {
        if let Some(relay) = self.relays.get_mut(relay.0) {
            relay.port = port;
            self.common.live.insert(family == Family::Ipv4, port);
        }
    }

    pub(super) fn address(&self, family: Family) -> Option<RelayAddress> {
        match family {
            Family::Ipv4 => self.common.options.ipv4,
            Family::Ipv6 => self.common.options.ipv6,
        }
    }
}

fn granted(request: &Message<'_>, client: Client, made: &Made) -> reply::Made {
    let transaction = request.transaction_id();
    let mut response = Message::builder_success(request, MessageWriteVec::new());
    for relayed in &made.relayed {
        response.add_attribute(&XorRelayedAddress::new(*relayed, transaction))?;
    }
    response.add_attribute(&Lifetime::new(made.lifetime))?;
    if let Some(token) = made.reserved {
        response.add_attribute(&ReservationToken::new(token))?;
    }
    response.add_attribute(&XorMappedAddress::new(client.from, transaction))?;
    if let Some(family) = made.lacks {
        let family = match family {
            Family::Ipv4 => AddressFamily::IPV4,
            Family::Ipv6 => AddressFamily::IPV6,
        };
        let code = ErrorCode::new(Refusal::FamilyUnsupported.code(), "")?;
        response.add_attribute(&AddressErrorCode::new(family, code))?;
    }
    Ok(response)
}
