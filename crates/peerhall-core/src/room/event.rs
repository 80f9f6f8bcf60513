//! What a peer tells its user (sdk-behaviour, section 4.6).

use peerhall_proto::json::Json;

use super::PeerState;
use crate::ids::{LinkId, PeerId, RemoteKey};
use crate::link::{ErrorInfo, RemoteState};

/// One event of a peer.
#[derive(Debug, Clone)]
pub enum PeerEvent<J: Json> {
    /// The peer is in its channel; once for each successful `join`.
    Joined {
        /// This peer's id.
        peer_id: String,
        /// The channel.
        channel: String,
    },
    /// The peer ended.
    Left {
        /// This peer's id, when it had one.
        peer_id: Option<String>,
        /// The channel, when it was in one.
        channel: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// The state changed.
    StateChange {
        /// Before.
        from: PeerState,
        /// Now.
        to: PeerState,
    },
    /// Another peer is in the channel.
    PeerJoined(RemoteInfo<J>),
    /// Another peer left the channel.
    PeerLeft(RemoteInfo<J>),
    /// A message of an application came.
    Data {
        /// The sender, as the server knows it.
        sender: PeerId,
        /// The payload.
        data: J,
        /// To whom it was sent.
        kind: DataKind,
        /// The sender's `peerMetadata`, when the frame has it.
        sender_metadata: Option<J>,
    },
    /// Something that the user must act on.
    Error(ErrorInfo),
}

/// To whom a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// To everybody in the channel.
    Broadcast,
    /// To this peer alone.
    Direct,
}

impl DataKind {
    /// `broadcast` or `direct`, as in the seeds' API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Direct => "direct",
        }
    }
}

/// A remote peer at this moment.
#[derive(Debug, Clone)]
pub struct RemoteInfo<J: Json> {
    /// What driver and core call it, for as long as it is here.
    pub key: RemoteKey,
    /// Its id.
    pub id: PeerId,
    /// Its `peerMetadata`; may be newer after a reconnect.
    pub metadata: Option<J>,
    /// Its state.
    pub state: RemoteState,
    /// Whether this side gives way when both offer at once.
    pub polite: bool,
    /// Its peer connection.
    pub link: LinkId,
}
