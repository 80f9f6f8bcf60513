//! Payloads on their way (RFC 8656 sections 11 and 12): the only part of the engine that runs for each
//! packet.

use std::net::SocketAddr;

use stun_types::message::{Message, MessageWriteVec, StunWriteError};
use stun_types::prelude::{AttributeStaticType as _, MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{Data, DontFragment, XorPeerAddress};
use turn_types::message::{DATA, SEND};

use super::outside::{Client, Family, Now, Outside, RelayId};
use super::{Engine, reply};
use crate::accounts::Way;
use crate::counters::Dropped;
use crate::filter::PeerFilter;

/// Type and length of an attribute; number and length of ChannelData.
const HEADER: usize = 4;

/// A relay port.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) owner: Owner,
    pub(super) family: Family,
    pub(super) port: u16,
}

/// Whose a relay port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The allocation in this place.
    Allocation(u32),
    /// It is being opened.
    Nobody,
}

impl Relay {
    pub(super) const fn unopened(family: Family) -> Self {
        Self { owner: Owner::Nobody, family, port: 0 }
    }
}

impl Engine {
    /// Takes one datagram that a peer sent to a relay port.
    pub fn receive_from_peer(
        &mut self,
        now: Now,
        relay: RelayId,
        from: SocketAddr,
        payload: &[u8],
        out: &mut impl Outside,
    ) {
        let Some((slot, family)) = self.owner_of(relay) else {
            return self.drop_for(Dropped::NoPermission);
        };
        let from = self.announced(family, from);
        let Some(allocation) = self.allocations.get(slot) else { return };
        if !allocation.permits(from.ip(), now.at) {
            return self.drop_for(Dropped::NoPermission);
        }
        if !allocation.seat.spend(payload.len(), Way::ToClient, now.at) {
            return self.drop_for(Dropped::OverRate);
        }
        let client = allocation.client;
        match (allocation.channel_of(from, now.at), u16::try_from(payload.len())) {
            (Some(number), Ok(length)) => {
                let [n0, n1] = number.to_be_bytes();
                let [l0, l1] = length.to_be_bytes();
                out.to_client(client, [&[n0, n1, l0, l1], payload]);
            }
            (_, _) => match data_indication(from, payload) {
                Ok(message) => out.to_client(client, [&message, &[]]),
                Err(_) => return self.drop_for(Dropped::Malformed),
            },
        }
        self.counted.packets_to_clients += 1;
        self.counted.bytes_to_clients += payload.len() as u64;
    }

    pub(super) fn channel_data(&mut self, now: Now, client: Client, bytes: &[u8], out: &mut impl Outside) {
        let Some(([n0, n1, l0, l1], rest)) = bytes.split_first_chunk::<HEADER>() else {
            return self.drop_for(Dropped::Malformed);
        };
        let number = u16::from_be_bytes([*n0, *n1]);
        // Datagrams may be padded at their end.
        let Some(payload) = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1]))) else {
            return self.drop_for(Dropped::Malformed);
        };
        let Some(slot) = self.slot_of(client) else {
            return self.drop_for(Dropped::NoAllocation);
        };
        self.last = Some((client, slot));
        let peer = self.allocations.get(slot).and_then(|allocation| allocation.peer_of(number, now.at));
        match peer {
            Some(peer) => self.pass_on(now, slot, peer, payload, out),
            None => self.drop_for(Dropped::NoPermission),
        }
    }

    pub(super) fn indication(
        &mut self,
        now: Now,
        client: Client,
        message: &Message<'_>,
        bytes: &[u8],
        out: &mut impl Outside,
    ) {
        if !message.has_method(SEND) || reply::has_unknown(message) {
            return self.drop_for(Dropped::Malformed);
        }
        let Some(slot) = self.slot_of(client) else {
            return self.drop_for(Dropped::NoAllocation);
        };
        let peer = message.attribute::<XorPeerAddress>().map(|peer| peer.addr(message.transaction_id()));
        let data = message.raw_attribute_and_offset(Data::TYPE).and_then(|(offset, data)| {
            bytes.get(offset + HEADER..)?.get(..usize::from(data.header.length()))
        });
        let (Ok(peer), Some(payload)) = (peer, data) else {
            return self.drop_for(Dropped::Malformed);
        };
        // Relay sockets never fragment, so the wish for that is always granted.
        let _: bool = message.has_attribute(DontFragment::TYPE);
        let permitted = self.allocations.get(slot).is_some_and(|a| a.permits(peer.ip(), now.at));
        if permitted {
            self.pass_on(now, slot, peer, payload, out);
        } else {
            self.drop_for(Dropped::NoPermission);
        }
    }

    fn pass_on(&mut self, now: Now, slot: u32, peer: SocketAddr, payload: &[u8], out: &mut impl Outside) {
        if !self.reaches(peer) {
            return self.drop_for(Dropped::Forbidden);
        }
        let family = Family::of(peer.ip());
        let Some(allocation) = self.allocations.get(slot) else { return };
        let Some(relay) = allocation.relay(family) else {
            return self.drop_for(Dropped::NoPermission);
        };
        if !allocation.seat.spend(payload.len(), Way::ToPeer, now.at) {
            return self.drop_for(Dropped::OverRate);
        }
        out.to_peer(relay, self.bound(family, peer), payload);
        self.counted.packets_to_peers += 1;
        self.counted.bytes_to_peers += payload.len() as u64;
    }

    /// Whether payloads may go to a peer now: a permission may be older than the filter, and of our own
    /// address only open relay ports are peers.
    pub(super) fn reaches(&self, peer: SocketAddr) -> bool {
        let own = self.address(Family::of(peer.ip())).is_some_and(|address| address.announced == peer.ip());
        (own && self.common.live.contains(peer))
            || (PeerFilter::permits_port(peer.port()) && self.filter.permits(peer.ip()))
    }

    /// Where a peer is that is one of our own relay ports, seen from inside.
    fn bound(&self, family: Family, peer: SocketAddr) -> SocketAddr {
        match self.address(family) {
            Some(address) if address.announced == peer.ip() => SocketAddr::new(address.bound, peer.port()),
            Some(_) | None => peer,
        }
    }

    /// The name under which a peer is known that is one of our own relay ports.
    fn announced(&self, family: Family, from: SocketAddr) -> SocketAddr {
        match self.address(family) {
            Some(address) if address.bound == from.ip() && self.common.live.contains(from) => {
                SocketAddr::new(address.announced, from.port())
            }
            Some(_) | None => from,
        }
    }
}

fn data_indication(peer: SocketAddr, payload: &[u8]) -> Result<Vec<u8>, StunWriteError> {
    let room = payload.len().next_multiple_of(4) + 48;
    let mut message = Message::builder_indication(DATA, MessageWriteVec::with_capacity(room));
    let transaction = message.transaction_id();
    message.add_attribute(&XorPeerAddress::new(peer, transaction))?;
    message.add_attribute(&Data::new(payload))?;
    Ok(message.finish())
}
