//! What a connection is told when it is opened.

use std::fmt;

/// Which paths a connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportPolicy {
    /// Every path: direct, through a NAT, through a relay.
    #[default]
    All,
    /// Relays only, so that the remote never learns an address of this machine.
    Relay,
}

/// STUN and TURN servers that share one credential, as in the browser's `iceServers`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` addresses.
    pub urls: Vec<String>,
    /// User name for TURN; `None` for STUN.
    pub username: Option<String>,
    /// Password for TURN; `None` for STUN.
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // User name and password of a relay are both secrets; addresses are not.
        write!(f, "IceServer({:?})", self.urls)
    }
}
