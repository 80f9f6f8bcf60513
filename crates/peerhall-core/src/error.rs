//! What can go wrong, one type for each layer. Names, codes and fields are the contract of
//! sdk-behaviour, section 8; the texts are for people and may change.

use std::time::Duration;

use peerhall_proto::code::{CloseCode, ErrorCode};

use crate::ids::{NameError, PeerId};
use crate::room::PeerState;
use crate::signalling::SignallingState;

/// Options that cannot work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The server's URL cannot be used.
    #[error("the server's URL {0}")]
    Url(UrlError),
    /// No server was named.
    #[error("name the server's URL")]
    NoUrl,
    /// The publishable key is empty.
    #[error("the API key is empty")]
    EmptyKey,
    /// Neither or both of key and token provider were given.
    #[error("give exactly one of an API key and a token provider")]
    Credential,
    /// The factor between delays is below 1 or not finite.
    #[error("the reconnect multiplier must be a finite number of at least 1")]
    Multiplier(f64),
    /// The jitter is outside 0 to 1.
    #[error("the reconnect jitter must lie between 0 and 1")]
    JitterRatio(f64),
    /// No attempt is allowed; `reconnect: None` says so better.
    #[error("at least one reconnect attempt must be allowed")]
    NoAttempts,
    /// The token provider has no time.
    #[error("the token provider needs a timeout above zero")]
    TokenTimeout,
    /// A peer cannot live without its subscription.
    #[error("a peer needs automatic re-subscription; leave it on")]
    AutoResubscribe,
    /// A data channel's limits contradict each other.
    #[error("a data channel needs a ceiling above 0, a low mark of 1 up to the ceiling, and room for 1 send")]
    DataChannelLimits,
}

/// Why a URL is no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It cannot be read as `scheme://host[:port]`.
    #[error("cannot be read; write it as wss://host[:port]")]
    Unreadable,
    /// The scheme is neither `wss` nor `ws`.
    #[error("must begin with wss:// (or ws:// on this machine)")]
    Scheme,
    /// `ws://` to another machine would show keys and messages to everybody on the way.
    #[error("must be wss:// unless it leads to localhost; allow clear text explicitly for a private network")]
    ClearText,
    /// It carries a user name or password.
    #[error("cannot hold a user name or password")]
    UserInfo,
    /// It has a path, query or fragment; the client appends the path itself.
    #[error("is an origin only; leave out path, query and fragment")]
    NotAnOrigin,
}

/// `connect` (and `join`) did not reach a `welcome`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// `SignallingConnectError`: the socket ended before the `welcome`.
    #[error("the connection closed with {code} before the server's welcome")]
    Closed {
        /// The close code; 1006 when there was none.
        code: CloseCode,
        /// The server's words; not part of the message.
        reason: String,
        /// Status of an upgrade that was refused, where the platform tells.
        http_status: Option<u16>,
    },
    /// No `welcome` came in time.
    #[error("the server did not welcome this client within {} s", .0.as_secs())]
    WelcomeTimeout(Duration),
    /// The token provider failed or took too long; credentials are masked.
    #[error("no token: {0}")]
    Token(String),
    /// The platform could not make a socket; credentials are masked.
    #[error("no socket: {0}")]
    Socket(String),
    /// `close` was called meanwhile.
    #[error("closed by this client with {code}")]
    Cancelled {
        /// The code given to `close`.
        code: CloseCode,
        /// The reason given to `close`.
        reason: String,
    },
    /// `connect` needs an idle or closed client.
    #[error("connect is not possible while {0}")]
    State(SignallingState),
}

impl ConnectError {
    /// The name of the error in the seeds' API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } | Self::Cancelled { .. } => "SignallingConnectError",
            Self::Token(_) => "TokenProviderError",
            Self::WelcomeTimeout(_) | Self::Socket(_) | Self::State(_) => "Error",
        }
    }
}

/// A request of a client was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// `NotConnectedError`: nothing was sent.
    #[error("not connected; nothing was sent")]
    NotConnected,
    /// `DisconnectedError`: the connection was lost before the answer, so it may have been processed.
    #[error("the connection closed with {code} before the answer")]
    Disconnected {
        /// The close code.
        code: CloseCode,
        /// The server's words, credentials masked.
        reason: String,
    },
    /// `AckTimeoutError`: no answer came.
    #[error("no answer within {} s", timeout.as_secs())]
    AckTimeout {
        /// Id of the request.
        request_id: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// The server refused.
    #[error("{message}")]
    Rejected {
        /// The contract.
        code: ErrorCode,
        /// The server's words, or the code.
        message: String,
        /// Id of the request.
        request_id: String,
    },
    /// `OversizedPayloadError`: the payload is too big; nothing was sent.
    #[error("the payload has {size} bytes of JSON, the server takes {cap}")]
    Oversized {
        /// Bytes of JSON of the payload.
        size: usize,
        /// Most the server takes.
        cap: usize,
    },
    /// The channel or the peer id breaks the rules of names; nothing was sent.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl RequestError {
    /// The name of the error in the seeds' API; for refusals the server's code.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::NotConnected => "NotConnectedError",
            Self::Disconnected { .. } => "DisconnectedError",
            Self::AckTimeout { .. } => "AckTimeoutError",
            Self::Rejected { code, .. } => code.as_str(),
            Self::Oversized { .. } => "OversizedPayloadError",
            Self::Name(_) => "TypeError",
        }
    }
}

/// A peer could not join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// `join` needs an idle peer.
    #[error("join is not possible while {0}; make a new peer after close")]
    State(PeerState),
    /// The channel belongs to the server.
    #[error("the channel name is reserved for the server")]
    ReservedChannel,
    /// The channel name breaks the rules of names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The client did not connect.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server did not take the subscription, or the connection was lost meanwhile.
    #[error(transparent)]
    Subscribe(#[from] RequestError),
}

impl JoinError {
    /// The name of the error in the seeds' API.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::State(_) => "MeteredPeerStateError",
            Self::ReservedChannel => "MeteredPeerSendError",
            Self::Name(_) => "TypeError",
            Self::Connect(cause) => cause.name(),
            Self::Subscribe(cause) => cause.name(),
        }
    }
}

/// A peer could not send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// `not_joined`: only a joined peer sends.
    #[error("not joined to a channel")]
    NotJoined,
    /// `invalid_args`: the peer id breaks the rules of names.
    #[error("not a peer id: {0}")]
    InvalidArgs(NameError),
    /// `self_send`: the receiver is this peer.
    #[error("a peer cannot send to itself")]
    SelfSend,
    /// The remote peer has left.
    #[error("the remote peer is closed")]
    RemoteClosed,
    /// `MeteredPeerOversizedError`: the payload is too big; nothing was sent.
    #[error("the payload has {size} bytes of JSON, the server takes {cap}")]
    Oversized {
        /// Bytes of JSON of the payload.
        size: usize,
        /// Most the server takes.
        cap: usize,
    },
    /// The request failed on its way.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl SendError {
    /// Whether the server takes nothing more in this period.
    #[must_use]
    pub fn is_over_quota(&self) -> bool {
        matches!(self, Self::Request(RequestError::Rejected { code: ErrorCode::OverMessageQuota, .. }))
    }

    /// The code of a `MeteredPeerSendError`, or the name of another error, in the seeds' API.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NotJoined => "not_joined",
            Self::InvalidArgs(_) => "invalid_args",
            Self::SelfSend => "self_send",
            Self::RemoteClosed => "closed",
            Self::Oversized { .. } => "MeteredPeerOversizedError",
            Self::Request(cause) => cause.name(),
        }
    }
}

/// A call about media, or another call that depends on the state, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// `invalid_state`: the call is not possible in this state.
    #[error("{method} is not possible while {state}")]
    InvalidState {
        /// The call.
        method: &'static str,
        /// The state.
        state: PeerState,
    },
    /// `track_already_attached`: the track belongs to another stream, or the replacement is attached
    /// already.
    #[error("{method}: the track is attached already; remove it first")]
    TrackAlreadyAttached {
        /// The call.
        method: &'static str,
    },
    /// `MeteredPeerOversizedError`: the metadata does not fit into one message.
    #[error("the track's metadata takes {size} bytes of JSON, the server takes {cap}")]
    Oversized {
        /// Bytes of JSON of the message that would carry it.
        size: usize,
        /// Most the server takes.
        cap: usize,
    },
    /// Metadata is a plain object.
    #[error("a track's metadata must be a plain object")]
    MetadataNotAnObject,
}

/// A stream was not shared.
#[cfg(feature = "labelled")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The peer is in no state for it, or the label is too long.
    #[error(transparent)]
    State(#[from] StateError),
    /// The remote peer has left.
    #[error("the remote peer is closed")]
    RemoteClosed,
    /// There is no room for another label.
    #[error("{0} labels of streams are shared already")]
    TooManyLabels(usize),
}

/// `MeteredPeerReplaceTrackError`: the swap failed for some of those who receive the track.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the track was replaced for {} peers and not for {}", succeeded.len(), failed.len())]
pub struct ReplaceTrackError {
    /// Who receives the new track.
    pub succeeded: Vec<PeerId>,
    /// Who still receives the old one, and why; credentials are masked.
    pub failed: Vec<(PeerId, String)>,
}
