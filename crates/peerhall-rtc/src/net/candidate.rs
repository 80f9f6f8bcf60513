//! Addresses this side can be reached at.

use std::fmt;
use std::net::SocketAddr;

use super::server::ServerTransport;

/// An address this side can be reached at. `Debug` shows its kind and no address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalCandidate {
    /// The address that the remote is told.
    pub addr: SocketAddr,
    /// The address on this machine behind it. For host and server-reflexive candidates that is the
    /// base of RFC 8445: packets to the candidate arrive there. Packets to a relayed candidate
    /// arrive at `addr`, and this is the socket that speaks to the relay.
    pub local: SocketAddr,
    /// Where it comes from.
    pub kind: CandidateKind,
    /// Preference among candidates of one kind, higher first: the local preference of RFC 8445
    /// section 5.1.2, distinct for each address of this machine and lower for relays over streams.
    pub preference: u16,
}

/// Where a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of this machine.
    Host,
    /// What a STUN server sees of a host address.
    ServerReflexive,
    /// An address of a TURN server.
    Relayed {
        /// How this side speaks to the server.
        via: ServerTransport,
    },
}

impl LocalCandidate {
    /// The address that packets for this candidate carry as their local end, in both directions:
    /// [`Network::send`](super::Network::send) takes it and [`Packets`](super::Packets) name it.
    #[must_use]
    pub fn base(&self) -> SocketAddr {
        match self.kind {
            CandidateKind::Host | CandidateKind::ServerReflexive => self.local,
            CandidateKind::Relayed { .. } => self.addr,
        }
    }
}

impl fmt::Debug for LocalCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.addr.is_ipv4() { "IPv4" } else { "IPv6" };
        write!(f, "LocalCandidate({:?}, {family})", self.kind)
    }
}
