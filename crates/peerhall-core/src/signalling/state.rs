//! The states of a client. A phase carries what it needs and nothing else.

use std::fmt;

use super::liveness::Liveness;
use crate::ids::{OpId, SocketId, TokenId};
use crate::time::Time;

/// State of a client (sdk-behaviour, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignallingState {
    /// Made, never connected.
    Idle,
    /// On its way to the first welcome.
    Connecting,
    /// Welcomed.
    Connected,
    /// Lost, and being made anew.
    Reconnecting,
    /// Ended; `connect` starts afresh.
    Closed,
}

impl SignallingState {
    /// The state's name in the seeds' API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for SignallingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a client stands, with all that belongs to it.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    Closed,
    /// The first connection since `connect`, which `op` waits for. Of several servers, `others` have
    /// not been tried yet.
    First {
        op: OpId,
        others: usize,
        dial: Dial,
    },
    Live(Session),
    /// Attempt `attempt`, counted from 1, is waited for or being made.
    Lost {
        attempt: u32,
        dial: Dial,
    },
}

impl Phase {
    pub(super) fn state(&self) -> SignallingState {
        match self {
            Self::Idle => SignallingState::Idle,
            Self::Closed => SignallingState::Closed,
            Self::First { .. } => SignallingState::Connecting,
            Self::Live(_) => SignallingState::Connected,
            Self::Lost { .. } => SignallingState::Reconnecting,
        }
    }

    pub(super) fn dial(&self) -> Option<&Dial> {
        match self {
            Self::First { dial, .. } | Self::Lost { dial, .. } => Some(dial),
            Self::Idle | Self::Closed | Self::Live(_) => None,
        }
    }

    pub(super) fn dial_mut(&mut self) -> Option<&mut Dial> {
        match self {
            Self::First { dial, .. } | Self::Lost { dial, .. } => Some(dial),
            Self::Idle | Self::Closed | Self::Live(_) => None,
        }
    }

    /// The socket that counts now.
    pub(super) fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Live(session) => Some(session.socket),
            Self::First { dial: Dial::Socket(attempt), .. }
            | Self::Lost { dial: Dial::Socket(attempt), .. } => Some(attempt.socket),
            Self::Idle | Self::Closed | Self::First { .. } | Self::Lost { .. } => None,
        }
    }

    pub(super) fn liveness_mut(&mut self) -> Option<&mut Liveness> {
        match self {
            Self::Live(session) => session.liveness.as_mut(),
            Self::First { dial: Dial::Socket(attempt), .. }
            | Self::Lost { dial: Dial::Socket(attempt), .. } => attempt.liveness.as_mut(),
            Self::Idle | Self::Closed | Self::First { .. } | Self::Lost { .. } => None,
        }
    }
}

/// One attempt to reach a server.
#[derive(Debug)]
pub(super) enum Dial {
    /// Not before this moment.
    Wait { until: Time },
    /// The token provider is at work.
    Token { id: TokenId, until: Time },
    /// A socket was asked for.
    Socket(Attempt),
}

/// A socket without a welcome.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) socket: SocketId,
    pub(super) welcome_by: Time,
    /// Runs from the moment at which the socket opened.
    pub(super) liveness: Option<Liveness>,
}

/// A welcomed connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) socket: SocketId,
    /// Missing when the watchdog is off.
    pub(super) liveness: Option<Liveness>,
}

/// A socket that was closed by `close` and has not reported its end.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) socket: SocketId,
    /// The `close` that waits for it, and until when.
    pub(super) waiting: Option<(OpId, Time)>,
}
