//! What one client holds (RFC 8656 section 3.2): relay ports, permissions and channels.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::outside::{Client, Family, RelayId};
use crate::accounts::Seat;

/// Life of a permission and of a channel (RFC 8656 sections 9 and 12).
const PERMISSION_LIFE: Duration = Duration::from_secs(300);
const CHANNEL_LIFE: Duration = Duration::from_secs(600);

/// Most permissions and channels of one allocation. One serves a connection to one peer, whose candidates
/// are a few addresses.
const MAX_PERMISSIONS: usize = 64;
const MAX_CHANNELS: usize = 64;

/// An allocation.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) client: Client,
    pub(super) username: Box<str>,
    pub(super) seat: Seat,
    pub(super) expires_at: Instant,
    /// When the entry in the engine's table of deadlines is due; earlier than the end after a refresh.
    pub(super) watched_until: Instant,
    /// The request that made it, and its answer but for the proof, in case the answer was lost.
    pub(super) made_by: Made,
    ipv4: Option<RelayId>,
    ipv6: Option<RelayId>,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

/// What the answer to an Allocate said.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) transaction: u128,
    pub(super) lifetime: u32,
    pub(super) relayed: Vec<SocketAddr>,
    pub(super) reserved: Option<u64>,
    /// The second address was asked for and could not be had.
    pub(super) lacks: Option<Family>,
}

#[derive(Debug, Clone, Copy)]
struct Permission {
    peer: IpAddr,
    until: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Instant,
}

/// A table is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Why a channel is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unbound {
    /// The number has another peer, or the peer another number.
    Taken,
    /// See [`Full`].
    Full,
}

impl From<Full> for Unbound {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

impl Allocation {
    pub(super) fn new(
        client: Client,
        username: &str,
        mut seat: Seat,
        relays: [Option<RelayId>; 2],
        expires_at: Instant,
        made_by: Made,
    ) -> Self {
        let [ipv4, ipv6] = relays;
        seat.come_by(client.transport.door());
        Self {
            client,
            username: username.into(),
            seat,
            expires_at,
            watched_until: expires_at,
            made_by,
            ipv4,
            ipv6,
            permissions: Vec::new(),
            channels: Vec::new(),
        }
    }

    /// Installs or refreshes permissions, all or none.
    pub(super) fn permit(&mut self, peers: &[IpAddr], now: Instant) -> Result<(), Full> {
        let until = now + PERMISSION_LIFE;
        let has = |permissions: &[Permission], peer| permissions.iter().any(|known| known.peer == peer);
        let fits = |permissions: &[Permission]| {
            let new = peers.iter().filter(|peer| !has(permissions, **peer)).count();
            permissions.len() + new <= MAX_PERMISSIONS
        };
        if !fits(&self.permissions) {
            self.permissions.retain(|known| known.until > now);
        }
        if !fits(&self.permissions) {
            return Err(Full);
        }
        for peer in peers {
            match self.permissions.iter_mut().find(|known| known.peer == *peer) {
                Some(known) => known.until = until,
                None => self.permissions.push(Permission { peer: *peer, until }),
            }
        }
        Ok(())
    }

    /// Binds a channel, or refreshes it, and its permission.
    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, now: Instant) -> Result<(), Unbound> {
        self.channels.retain(|channel| channel.until > now);
        let until = now + CHANNEL_LIFE;
        let clashes = |channel: &Channel| (channel.number == number) != (channel.peer == peer);
        if self.channels.iter().any(clashes) {
            return Err(Unbound::Taken);
        }
        let known = self.channels.iter().position(|channel| channel.number == number);
        if known.is_none() && self.channels.len() >= MAX_CHANNELS {
            return Err(Unbound::Full);
        }
        self.permit(&[peer.ip()], now)?;
        match known.and_then(|place| self.channels.get_mut(place)) {
            Some(channel) => channel.until = until,
            None => self.channels.push(Channel { number, peer, until }),
        }
        Ok(())
    }

    /// Lets go of the relay port of one family.
    pub(super) fn release(&mut self, family: Family) -> Option<RelayId> {
        match family {
            Family::Ipv4 => self.ipv4.take(),
            Family::Ipv6 => self.ipv6.take(),
        }
    }

    /// Whether payloads may pass between the client and a peer.
    pub(super) fn permits(&self, peer: IpAddr, now: Instant) -> bool {
        self.permissions.iter().any(|known| known.peer == peer && known.until > now)
    }

    /// The peer of a channel.
    pub(super) fn peer_of(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|channel| channel.number == number)?;
        (channel.until > now).then_some(channel.peer)
    }

    /// The channel of a peer.
    pub(super) fn channel_of(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        let channel = self.channels.iter().find(|channel| channel.peer == peer)?;
        (channel.until > now).then_some(channel.number)
    }

    /// The relay port of a family.
    pub(super) fn relay(&self, family: Family) -> Option<RelayId> {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        }
    }

    /// All relay ports.
    pub(super) fn relays(&self) -> impl Iterator<Item = RelayId> + use<> {
        [self.ipv4, self.ipv6].into_iter().flatten()
    }
}
