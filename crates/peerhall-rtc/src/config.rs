//! What a connection is told when it is opened.

use std::fmt;
use std::time::Duration;

pub use peerhall_proto::connection::TransportPolicy;

use crate::net::NetworkConfig;

/// Settings of a connection. `Default` is meant for production.
#[derive(Debug, Clone)]
pub struct Config {
    /// Servers, paths and sockets. Default: no servers, every path.
    pub network: NetworkConfig,
    /// Largest message that a remote may send on a data channel, in bytes; the remote is told in the
    /// description. Default: 1 MiB. The receive window of the connection has at least this size,
    /// and at least 1 MiB.
    pub max_message_size: u32,
    /// Bytes of one data channel that may wait to be sent before [`send`](crate::Channel::send)
    /// waits. Default: 4 MiB, some 40 ms of a fast local path.
    pub send_buffer: usize,
    /// Bytes of all data channels together that may wait to be read. Above it the connection stops
    /// taking data from the network until the reader has caught up, so that the remote's sends
    /// slow down; see [`Channel::next_event`](crate::Channel::next_event). Default: 4 MiB.
    pub receive_buffer: usize,
    /// How long ICE may look for a path before its state is `Failed`. Default: 15 s.
    pub connect_timeout: Duration,
    /// How long a lost path may stay lost before the state of ICE goes from `Disconnected` to
    /// `Failed`. Default: 5 s, after about 8 s without an answer that make it `Disconnected`.
    pub failed_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            network: NetworkConfig::default(),
            max_message_size: 1024 * 1024,
            send_buffer: 4 * 1024 * 1024,
            receive_buffer: 4 * 1024 * 1024,
            connect_timeout: Duration::from_secs(15),
            failed_timeout: Duration::from_secs(5),
        }
    }
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
