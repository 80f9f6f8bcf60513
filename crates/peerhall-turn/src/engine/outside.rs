//! What an engine is told, and what it asks of the threads around it.

use std::net::SocketAddr;
use std::time::Instant;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For lifetimes.
    pub at: Instant,
    /// Unix seconds, for user names and nonces.
    pub unix_secs: u64,
}

/// How a client reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams to the listener with this number and, where it listens on every address of the machine,
    /// to this one, from which the answer has to come.
    Datagrams {
        /// Place of the listener.
        listener: u8,
        /// The address it was sent to, where that is not the listener's.
        local: Option<std::net::IpAddr>,
    },
    /// A TCP connection. The number is never used again, here or below.
    Stream(u64),
    /// A TLS session over TCP.
    Secure(u64),
}

impl Transport {
    /// Whether it is a connection, whose other end has shown that it is there.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Stream(_) | Self::Secure(_))
    }

    /// Which of the three ways in it is.
    #[must_use]
    pub const fn door(self) -> Door {
        match self {
            Self::Datagrams { .. } => Door::Udp,
            Self::Stream(_) => Door::Tcp,
            Self::Secure(_) => Door::Tls,
        }
    }
}

/// A way in. Clients try them in this order, so whoever uses a later one could not use the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// A TLS session.
    Tls,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// A word for it, as in the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A client: the 5-tuple of RFC 8656 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its address as the server sees it.
    pub from: SocketAddr,
    /// How it came.
    pub transport: Transport,
}

/// Name of a relay port within its engine. Used again after it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelayId(pub u32);

/// Kind of an IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// 32 bits.
    Ipv4,
    /// 128 bits.
    Ipv6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(_) => Self::Ipv4,
            std::net::IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// Which port a relay is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Any free one.
    Any,
    /// An even one.
    Even,
    /// An even one, and the next higher is kept under this token for whoever redeems it.
    EvenAndReserve(u64),
}

/// What the threads around an engine do for it, at once and without waiting.
pub trait Outside {
    /// Sends to a client, given as what stands before the payload and the payload. What cannot be sent
    /// now is lost, as the network might lose it.
    fn to_client(&mut self, client: Client, parts: [&[u8]; 2]);

    /// Sends a payload to a peer from a relay port. The same holds.
    fn to_peer(&mut self, relay: RelayId, peer: SocketAddr, payload: &[u8]);

    /// Opens a relay port, and keeps another if asked. Returns the first one's number, or `None` when there
    /// is none to be had. Which one is random: it must not be guessed by those who have no permission.
    fn open_relay(&mut self, relay: RelayId, family: Family, ports: Ports) -> Option<u16>;

    /// Makes a relay port of the one that was kept under a token, by whichever engine of the server. Says
    /// whether it was there.
    fn redeem(&mut self, token: u64, relay: RelayId) -> bool;

    /// Closes the port that was kept under a token.
    fn forget(&mut self, token: u64);

    /// Closes a relay port.
    fn close_relay(&mut self, relay: RelayId);
}
