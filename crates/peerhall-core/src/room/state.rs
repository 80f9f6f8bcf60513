//! The states of a peer.

use std::fmt;

/// State of a peer (sdk-behaviour, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerState {
    /// Made; `join` may be called.
    Idle,
    /// On its way into a channel.
    Joining,
    /// In its channel.
    Joined,
    /// The connection to the server was lost, and the channel is being taken again.
    Reconnecting,
    /// `close` was called.
    Leaving,
    /// Ended for good.
    Closed,
}

impl PeerState {
    /// The state's name in the seeds' API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Joining => "joining",
            Self::Joined => "joined",
            Self::Reconnecting => "reconnecting",
            Self::Leaving => "leaving",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
