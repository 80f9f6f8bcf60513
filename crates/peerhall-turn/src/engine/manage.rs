//! Keeping an allocation, and saying who may be reached through it (RFC 8656 sections 8, 10 and 12).

use std::net::IpAddr;
use std::time::Duration;

use stun_types::message::{Message, MessageWriteVec};
use stun_types::prelude::{AttributeStaticType as _, MessageWriteExt as _};
use turn_types::attribute::{ChannelNumber, Lifetime, RequestedAddressFamily, XorPeerAddress};

use super::allocate;
use super::allocation::Unbound;
use super::outside::{Family, Now, Outside};
use super::{Engine, reply};
use crate::refusal::Refusal;

/// Most addresses in one request.
const MAX_PEERS: usize = 64;

/// Channel numbers: those of RFC 8656 section 12 up to 0x4fff, and the rest of RFC 5766, which clients that
/// are still in use take theirs from.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7ffe;

impl Engine {
    pub(super) fn refresh(
        &mut self,
        now: Now,
        slot: u32,
        message: &Message<'_>,
        out: &mut impl Outside,
    ) -> reply::Made {
        let family = reply::optional::<RequestedAddressFamily>(message, Refusal::FamilyMismatch)?;
        let family = family.map(|family| allocate::of(family.family()));
        let allocation = self.allocations.get_mut(slot).ok_or(Refusal::AllocationMismatch)?;
        if family.is_some_and(|family| allocation.relay(family).is_none()) {
            return Err(Refusal::FamilyMismatch.into());
        }
        let seconds = allocate::lifetime(message)?;
        match (seconds, family) {
            (0, Some(family)) if allocation.relays().count() > 1 => {
                let released = allocation.release(family);
                allocation.seat.shrink_to(1);
                released.into_iter().for_each(|relay| self.close(relay, out));
            }
            (0, _) => self.end(slot, out),
            (_, _) => {
                let expires_at = now.at + Duration::from_secs(u64::from(seconds));
                allocation.expires_at = expires_at;
                if expires_at < allocation.watched_until {
                    self.watch(slot, expires_at);
                }
            }
        }
        let mut response = Message::builder_success(message, MessageWriteVec::new());
        response.add_attribute(&Lifetime::new(seconds))?;
        Ok(response)
    }

    pub(super) fn create_permission(&mut self, now: Now, slot: u32, message: &Message<'_>) -> reply::Made {
        let mut peers = Vec::new();
        for (_, attribute) in message.iter_attributes() {
            if attribute.header.get_type() != XorPeerAddress::TYPE {
                continue;
            }
            let peer = XorPeerAddress::try_from(&attribute).map_err(|_| Refusal::BadRequest)?;
            peers.push(peer.addr(message.transaction_id()).ip());
            if peers.len() > MAX_PEERS {
                return Err(Refusal::InsufficientCapacity.into());
            }
        }
        if peers.is_empty() {
            return Err(Refusal::BadRequest.into());
        }
        peers.iter().try_for_each(|peer| self.judge(slot, *peer))?;
        let allocation = self.allocations.get_mut(slot).ok_or(Refusal::AllocationMismatch)?;
        allocation.permit(&peers, now.at).map_err(|_| Refusal::InsufficientCapacity)?;
        Ok(Message::builder_success(message, MessageWriteVec::new()))
    }

    pub(super) fn bind_channel(&mut self, now: Now, slot: u32, message: &Message<'_>) -> reply::Made {
        let number: ChannelNumber = reply::required(message)?;
        let peer: XorPeerAddress = reply::required(message)?;
        let (number, peer) = (number.channel(), peer.addr(message.transaction_id()));
        if !CHANNELS.contains(&number) {
            return Err(Refusal::BadRequest.into());
        }
        self.judge(slot, peer.ip())?;
        if !self.reaches(peer) {
            return Err(Refusal::Forbidden.into());
        }
        let allocation = self.allocations.get_mut(slot).ok_or(Refusal::AllocationMismatch)?;
        allocation.bind(number, peer, now.at).map_err(|why| match why {
            Unbound::Taken => Refusal::BadRequest,
            Unbound::Full => Refusal::InsufficientCapacity,
        })?;
        Ok(Message::builder_success(message, MessageWriteVec::new()))
    }

    /// Whether an allocation may have a permission for a peer.
    fn judge(&self, slot: u32, peer: IpAddr) -> Result<(), Refusal> {
        let family = Family::of(peer);
        let allocation = self.allocations.get(slot).ok_or(Refusal::AllocationMismatch)?;
        if allocation.relay(family).is_none() {
            return Err(Refusal::FamilyMismatch);
        }
        // The ports of our own address are looked at with each payload.
        let is_relay = self.address(family).is_some_and(|address| address.announced == peer);
        if is_relay || self.filter.permits(peer) { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}
