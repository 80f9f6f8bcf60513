//! What a remote peer's user is told (sdk-behaviour, section 5).

use std::fmt;

use peerhall_proto::json::Json;

use super::quality::{Path, Quality};
use super::rtc::{RemoteStream, RemoteTrack, RtcFailure};
use crate::ids::{ChannelKey, LinkId};
use crate::secret::scrub;

/// State of a remote peer (sdk-behaviour, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoteState {
    /// Nothing was negotiated yet.
    Idle,
    /// On the way to a first connection.
    Connecting,
    /// Data flows.
    Connected,
    /// The connection, or the signalling, was lost and is being made anew.
    Reconnecting,
    /// Gone.
    Closed,
}

impl RemoteState {
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

impl fmt::Display for RemoteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One event of a remote peer.
#[derive(Debug, Clone)]
pub enum RemoteEvent<J: Json> {
    /// The state changed.
    StateChange {
        /// Before.
        from: RemoteState,
        /// Now.
        to: RemoteState,
    },
    /// A track came; before the `StreamAdded` of its stream.
    Track {
        /// The track, with its streams.
        track: RemoteTrack,
        /// What the sender says about it.
        metadata: Option<J>,
    },
    /// The first track of a stream came.
    StreamAdded {
        /// The stream.
        stream: RemoteStream,
        /// What the sender says about its first track.
        metadata: Option<J>,
    },
    /// The last live track of a stream is gone.
    StreamRemoved {
        /// The stream, as it was seen last.
        stream: RemoteStream,
    },
    /// The remote peer opened a data channel.
    DataChannel(ChannelKey),
    /// Negotiation failed; only `IceRestartExhaustedError` is final.
    NegotiationError(ErrorInfo),
    /// A candidate was not taken; mostly harmless.
    IceCandidateError(ErrorInfo),
    /// A new peer connection replaced the old one. Data channels and listeners on the old one are gone;
    /// tracks are not attached yet.
    ConnectionReset {
        /// The new connection.
        link: LinkId,
    },
    /// Something for the layer of labelled channels, if there is one.
    Labelled(Labelled),
    /// The path changed.
    Path(Path),
    /// The quality changed.
    Quality(Quality),
    /// The remote peer cannot be reached for now.
    Unreachable(Unreachable),
}

/// What the layer of labelled channels is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labelled {
    /// Whether the remote peer knows labelled channels; told with the first description on each connection
    /// to a peer that knows them itself.
    Known(bool),
    /// Labelled data is to go through the server, in texts of so many bytes of JSON at most; `None`: there is a
    /// connection again.
    #[cfg(feature = "labelled")]
    Detour(Option<usize>),
    /// Labelled data came through the server.
    #[cfg(feature = "labelled")]
    Carried {
        /// As it was given to [`Peer::carry`](crate::Peer::carry).
        text: String,
        /// Bytes of JSON that a text of the answer may have.
        room: usize,
    },
}

/// Why a remote peer cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// It never answered an offer.
    NoAnswer,
    /// It answered, but no path between the two works.
    NoPath,
    /// All restarts of a connection that worked were in vain.
    RestartsExhausted,
    /// One connection after the other failed on this side or the other.
    Failing,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnswer => "the remote peer did not answer",
            Self::NoPath => "no network path to the remote peer works; a TURN server may help",
            Self::RestartsExhausted => "the connection was lost and could not be made anew",
            Self::Failing => "connections to the remote peer fail again and again",
        })
    }
}

/// An error by name, with words that hold no credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorInfo {
    /// The contract.
    pub name: String,
    /// For people.
    pub message: String,
}

impl ErrorInfo {
    pub(crate) fn new(name: &str, message: &str) -> Self {
        Self { name: name.to_owned(), message: scrub(message) }
    }
}

impl From<RtcFailure> for ErrorInfo {
    fn from(failure: RtcFailure) -> Self {
        Self::new(&failure.name, &failure.message)
    }
}

impl fmt::Display for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}
