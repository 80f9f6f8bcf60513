//! What can be set.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};

/// What one user, one app and the whole server may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Relay ports of one user, that is of one peer of one app. Default 64: a mesh of ten peers whose
    /// browsers ask over UDP, TCP and TLS needs 27.
    pub ports_per_user: NonZeroU32,
    /// Relay ports of one app. `None`, the default: as many as the server has.
    pub ports_per_app: Option<NonZeroU32>,
    /// Relay ports of one engine. Default 4,096.
    pub ports: NonZeroU32,
    /// Payload that is relayed for one user, both directions together, in bytes per second; what is
    /// beyond is dropped. A second's worth may come at once. Default 12,500,000 (100 Mbit/s).
    pub user_bytes_per_second: Option<NonZeroU64>,
    /// The same for one app. Default none.
    pub app_bytes_per_second: Option<NonZeroU64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            ports_per_user: NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN),
            ports_per_app: None,
            ports: NonZeroU32::new(4_096).unwrap_or(NonZeroU32::MIN),
            user_bytes_per_second: NonZeroU64::new(12_500_000),
            app_bytes_per_second: None,
        }
    }
}

/// An address that relay ports are opened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayAddress {
    /// The address of this machine that sockets are bound to; never an unspecified one.
    pub bound: IpAddr,
    /// The address that clients are told: another one behind a NAT that forwards whole addresses.
    pub announced: IpAddr,
}

impl RelayAddress {
    /// An address that is reached as it is.
    #[must_use]
    pub const fn plain(address: IpAddr) -> Self {
        Self { bound: address, announced: address }
    }
}

/// What an engine is made of, beside what all engines of a server share.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The realm of every challenge, at most 127 bytes. Default `peerhall`: short, because it is sent to
    /// sources that have proven nothing.
    pub realm: String,
    /// Where IPv4 is relayed; `None`: not at all.
    pub ipv4: Option<RelayAddress>,
    /// Where IPv6 is relayed; `None`: not at all.
    pub ipv6: Option<RelayAddress>,
    /// See [`Quotas`].
    pub quotas: Quotas,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { realm: "peerhall".to_owned(), ipv4: None, ipv6: None, quotas: Quotas::default() }
    }
}
