//! What happens, as values that applications keep.

use std::time::Duration;

use peerhall_core::{CloseCode, DataKind, ErrorCode, ErrorInfo, PeerState, RemoteState, SignallingState};
pub use peerhall_core::{Path, Quality, Unreachable};
use serde_json::Value;

use crate::media::RemoteStream;
use crate::metadata::StreamMetadata;
use crate::remote_peer::RemotePeer;

/// A welcome.
pub type Connected = peerhall_core::Connected<Value>;

/// One peer in a presence event.
pub type Member = peerhall_core::Member<Value>;

/// A state before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange<S> {
    /// Before.
    pub from: S,
    /// Now.
    pub to: S,
}

/// The end of a connection, or an attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnected {
    /// The close code; 1006 when there was none.
    pub code: CloseCode,
    /// The server's words.
    pub reason: String,
    /// Whether the client goes on trying.
    pub will_reconnect: bool,
    /// Status of an upgrade that was refused.
    pub http_status: Option<u16>,
}

/// A broadcast on a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The concrete channel.
    pub channel: String,
    /// The sender, as the server knows it.
    pub from: String,
    /// The payload.
    pub data: Value,
    /// The sender's `peerMetadata`, for subscribers who asked for it.
    pub from_metadata: Option<Value>,
}

/// A message to one peer.
#[derive(Debug, Clone, PartialEq)]
pub struct Direct {
    /// The sender, as the server knows it.
    pub from: String,
    /// The payload.
    pub data: Value,
    /// The sender's `peerMetadata`, when it has any.
    pub from_metadata: Option<Value>,
}

/// Who came and who went.
#[derive(Debug, Clone)]
pub struct Presence {
    /// The channel.
    pub channel: String,
    /// Who came; in a snapshot, everybody who is there.
    pub joined: Vec<Member>,
    /// Who went.
    pub left: Vec<Member>,
}

/// An error that answers no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The contract.
    pub code: ErrorCode,
    /// Id of the request, when the frame had one.
    pub request_id: Option<String>,
    /// The server's words.
    pub message: Option<String>,
}

/// One event of a [`SignallingClient`](crate::SignallingClient).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A welcome came.
    Connected(Connected),
    /// A connection ended, or an attempt failed.
    Disconnected(Disconnected),
    /// The state changed.
    StateChange(StateChange<SignallingState>),
    /// A broadcast on a channel.
    Message(Message),
    /// A message to this client alone.
    Direct(Direct),
    /// Who came and who went.
    Presence(Presence),
    /// An error that answers no request.
    ServerError(ServerError),
    /// The server stops soon.
    GoingAway {
        /// How long to stay away.
        retry_after: Duration,
    },
    /// Other STUN and TURN servers, before the credentials of the earlier ones end. Connections of a
    /// [`MeteredPeer`](crate::MeteredPeer) take them by themselves.
    IceServers(Vec<peerhall_core::IceServer>),
    /// The token provider failed for the third time in a row, or more often.
    TokenProviderError {
        /// Failures in a row.
        consecutive_failures: u32,
        /// The last one, without credentials.
        error: String,
    },
    /// The server refuses a channel for good that was held before a reconnect.
    SubscriptionLost {
        /// The channel.
        channel: String,
        /// Why.
        code: ErrorCode,
    },
    /// This consumer was behind and lost events.
    Lagged(u64),
}

/// The peer is in its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// This peer's id.
    pub peer_id: String,
    /// The channel.
    pub channel: String,
}

/// The peer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// This peer's id, when it had one.
    pub peer_id: Option<String>,
    /// The channel, when it was in one.
    pub channel: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A message of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerData {
    /// The sender, as the server knows it; what the payload says about that may be a lie.
    pub sender: String,
    /// The payload.
    pub data: Value,
    /// To whom it was sent.
    pub kind: DataKind,
    /// The sender's `peerMetadata`, when the frame has it.
    pub sender_metadata: Option<Value>,
}

/// One event of a [`MeteredPeer`](crate::MeteredPeer).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PeerEvent {
    /// The peer is in its channel.
    Joined(Joined),
    /// The peer ended; the last event.
    Left(Left),
    /// The state changed.
    StateChange(StateChange<PeerState>),
    /// Another peer is in the channel.
    PeerJoined(RemotePeer),
    /// Another peer left the channel.
    PeerLeft(RemotePeer),
    /// A message of an application came.
    Data(PeerData),
    /// Something that the user must act on; see its `name`.
    Error(ErrorInfo),
    /// This consumer was behind and lost events.
    Lagged(u64),
}

/// A remote track.
#[derive(Debug, Clone)]
pub struct TrackEvent {
    /// The track.
    pub track: peerhall_rtc::RemoteTrack,
    /// The streams that it belongs to.
    pub streams: Vec<RemoteStream>,
    /// What the sender says about it.
    pub metadata: Option<StreamMetadata>,
}

/// A remote stream.
#[derive(Debug, Clone)]
pub struct StreamEvent {
    /// The stream.
    pub stream: RemoteStream,
    /// What the sender says about its first track.
    pub metadata: Option<StreamMetadata>,
}

/// One event of a [`RemotePeer`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RemoteEvent {
    /// The state changed.
    StateChange(StateChange<RemoteState>),
    /// A track came.
    Track(TrackEvent),
    /// The first track of a stream came.
    StreamAdded(StreamEvent),
    /// The last live track of a stream is gone.
    StreamRemoved(RemoteStream),
    /// The remote peer opened a data channel.
    DataChannel(peerhall_rtc::Channel),
    /// Negotiation failed; only `IceRestartExhaustedError` is final.
    NegotiationError(ErrorInfo),
    /// A candidate was not taken; mostly harmless.
    IceCandidateError(ErrorInfo),
    /// A new connection replaced the old one: open data channels again.
    ConnectionReset,
    /// The way of the connection changed.
    Path(Path),
    /// The quality of the connection changed.
    Quality(Quality),
    /// The remote peer cannot be reached for now.
    Unreachable(Unreachable),
    /// This consumer was behind and lost events.
    Lagged(u64),
}
