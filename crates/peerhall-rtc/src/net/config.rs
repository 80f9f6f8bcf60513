//! What a network is told when it is opened.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;

use crate::config::{IceServer, TransportPolicy};

/// Settings of a [`Network`](super::Network). `Default` is meant for production.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// STUN and TURN servers. Default: none, which leaves host candidates.
    pub ice_servers: Vec<IceServer>,
    /// Which candidates are offered. Default: all.
    pub transport_policy: TransportPolicy,
    /// Whether addresses of the loopback interface are used. Default: when there is nothing else.
    pub loopback: Loopback,
    /// Interfaces and addresses that may be used; empty, the default, means all.
    pub allow: Vec<Allow>,
    /// Bytes of each socket's send and receive buffer in the kernel, as far as the system allows.
    /// Default: 4 MiB, about 40 ms at a gigabit per second. The kernel takes memory only for what is queued.
    pub socket_buffer: usize,
    /// Whether the kernel is given several datagrams in one call. Default: where it can.
    pub offload: Offload,
    /// How long a server may take to give its first candidate, name resolution included.
    /// Default: 10 s; a request that is lost is sent five times in that time.
    pub gather_timeout: Duration,
    /// Whom TLS connections to `turns:` servers trust. Default: the system's roots.
    pub trust: Trust,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            transport_policy: TransportPolicy::default(),
            loopback: Loopback::default(),
            allow: Vec::new(),
            socket_buffer: 4 * 1024 * 1024,
            offload: Offload::default(),
            gather_timeout: Duration::from_secs(10),
            trust: Trust::default(),
        }
    }
}

/// Whether addresses of the loopback interface are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loopback {
    /// When the machine has no other address.
    #[default]
    WhenAlone,
    /// Always, beside the others: both peers run on this machine.
    Always,
}

/// Whether the kernel is given several datagrams in one call (UDP GSO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offload {
    /// Where it can. Drivers that cannot are noticed, and given single datagrams from then on.
    #[default]
    WhereSupported,
    /// Never, for drivers that say they can and lose datagrams. Takes about ten times the CPU for
    /// full-sized datagrams (`examples/datagrams.rs`).
    Never,
}

/// An interface or an address that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Every address of the interface with this name, such as `eth0`.
    Interface(String),
    /// This address.
    Address(IpAddr),
}

/// Whom TLS connections trust.
#[derive(Clone)]
pub enum Trust {
    /// The roots of the system, and these.
    System {
        /// Roots of an authority of one's own.
        extra: Vec<CertificateDer<'static>>,
    },
    /// What this verifier accepts.
    Verifier(Arc<dyn ServerCertVerifier>),
}

impl Default for Trust {
    fn default() -> Self {
        Self::System { extra: Vec::new() }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { extra } => write!(f, "System {{ {} extra roots }}", extra.len()),
            Self::Verifier(_) => f.write_str("Verifier"),
        }
    }
}
