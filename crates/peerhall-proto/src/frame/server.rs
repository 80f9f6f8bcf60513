//! Frames a server sends (wire protocol, section 5). Servers serialise these structs; clients read
//! them with [`ServerFrame::decode`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::ErrorCode;
use crate::ids::{ChannelName, PeerId, RequestId};

/// `welcome`: the first frame, once for each connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome<'a> {
    /// The token's `sub`, or a random UUID for a publishable key.
    pub peer_id: PeerId,
    /// Unix seconds at which the token expires, `null` for a publishable key. Always present: the
    /// vendor's JS SDK drops a `welcome` without it.
    pub expires_at: Option<u64>,
    /// The server's clock in Unix seconds.
    pub server_time: u64,
    /// Largest `data` the server takes, in bytes of JSON.
    pub max_message_size: usize,
    /// The token's `metadata` claim and the injected `iceServers`; left out when there is nothing.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// Sent back as `resume` in the next connect URL, it keeps the id of a peer that came with a
    /// publishable key (section 9.4). Other clients ignore it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<std::borrow::Cow<'a, str>>,
}

/// `ack`: the request was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// The id of the request.
    pub request_id: RequestId,
}

/// `error`: the request was refused; the connection stays open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame {
    /// The contract.
    pub code: ErrorCode,
    /// For people; may change.
    #[serde(default)]
    pub message: std::borrow::Cow<'static, str>,
    /// The id of the request, when it had a valid one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// `message`: a broadcast on a channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The concrete channel it was published to, also for pattern subscribers.
    pub channel: ChannelName,
    /// The sender, as the server knows it.
    pub from: PeerId,
    /// The payload, byte for byte.
    #[serde(borrow)]
    pub data: &'a RawValue,
    /// The sender's `peerMetadata`, for subscribers who asked for it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub from_metadata: Option<&'a RawValue>,
}

/// `direct`: a message from one peer to this one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Direct<'a> {
    /// The sender, as the server knows it.
    pub from: PeerId,
    /// The payload, byte for byte.
    #[serde(borrow)]
    pub data: &'a RawValue,
    /// The sender's `peerMetadata`, when it has any.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub from_metadata: Option<&'a RawValue>,
}

/// One peer in a `presence` frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEntry<'a> {
    /// The peer.
    pub peer_id: PeerId,
    /// Its `peerMetadata`, when it has any.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// In `left` only: the connection was lost rather than closed, and the peer may be back within
    /// the linger (section 9.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

/// `presence`: who came and who went. Both lists are always present: a frame without one of them is
/// dropped by the vendor's SDKs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Presence<'a> {
    /// The channel, or the pattern of a pattern subscription.
    pub channel: ChannelName,
    /// Peers that came; in a snapshot, everybody who is there.
    #[serde(borrow)]
    pub joined: Vec<PresenceEntry<'a>>,
    /// Peers that went.
    #[serde(borrow)]
    pub left: Vec<PresenceEntry<'a>>,
}

/// `going_away`: the server stops; the close with 1001 follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoingAway {
    /// How long to wait before reconnecting, in milliseconds, more than 0.
    pub retry_after_ms: u64,
}

/// `ice_servers`: another list of STUN and TURN servers, before the credentials of the one in the
/// `welcome` end. Ours, and for our clients only (`docs/protocol-additions.md`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceServers<'a> {
    /// The list, as `metadata.iceServers` of a `welcome` has it.
    #[serde(borrow)]
    pub ice_servers: &'a RawValue,
}

/// `pong`: the answer to `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// The id of the ping, when it had a valid one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// One server frame.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// See [`Welcome`].
    Welcome(Welcome<'a>),
    /// See [`Ack`].
    Ack(Ack),
    /// See [`ErrorFrame`].
    Error(ErrorFrame),
    /// See [`Message`].
    Message(Message<'a>),
    /// See [`Direct`].
    Direct(Direct<'a>),
    /// See [`Presence`].
    Presence(Presence<'a>),
    /// See [`GoingAway`].
    GoingAway(GoingAway),
    /// See [`IceServers`].
    IceServers(IceServers<'a>),
    /// See [`Pong`].
    Pong(Pong),
}

/// Why a client could not read a server frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not JSON, or a member that the frame's type needs is missing or of a wrong kind.
    #[error("not a frame of the protocol: {0}")]
    Shape(#[from] serde_json::Error),
    /// A type that this build does not know; later servers may send such.
    #[error("unknown frame type {0:?}")]
    UnknownType(Box<str>),
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

impl<'a> ServerFrame<'a> {
    /// Reads the text of one message: its `type` first, then the struct of that type.
    ///
    /// # Errors
    ///
    /// [`FrameError::Shape`] for text that is no such frame, [`FrameError::UnknownType`] for a type
    /// that this build does not know.
    pub fn decode(text: &'a str) -> Result<Self, FrameError> {
        let head: Head<'a> = serde_json::from_str(text)?;
        Ok(match &*head.kind {
            "welcome" => Self::Welcome(serde_json::from_str(text)?),
            "ack" => Self::Ack(serde_json::from_str(text)?),
            "error" => Self::Error(serde_json::from_str(text)?),
            "message" => Self::Message(serde_json::from_str(text)?),
            "direct" => Self::Direct(serde_json::from_str(text)?),
            "presence" => Self::Presence(serde_json::from_str(text)?),
            "going_away" => Self::GoingAway(serde_json::from_str(text)?),
            "ice_servers" => Self::IceServers(serde_json::from_str(text)?),
            "pong" => Self::Pong(serde_json::from_str(text)?),
            other => return Err(FrameError::UnknownType(other.into())),
        })
    }

    /// Encodes the frame once, to be shared by everybody who gets it.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        // Strings, integers and raw JSON are all a frame holds, and writing to memory cannot fail.
        Encoded(serde_json::to_string(self).unwrap_or_default().into())
    }
}

/// The JSON of one server frame, encoded once and shared. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded(Arc<str>);

impl Encoded {
    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text as shared bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Arc<[u8]> {
        self.0.into()
    }
}

impl From<&str> for Encoded {
    fn from(json: &str) -> Self {
        Self(json.into())
    }
}

impl fmt::Debug for Encoded {
    /// Shows the length only: payloads are nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.0.len())
    }
}

impl PresenceEntry<'_> {
    /// The entry as a piece of JSON, for [`write_presence`].
    #[must_use]
    pub fn to_json(&self) -> Box<str> {
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// Encodes a `presence` frame from entries that were encoded before ([`PresenceEntry::to_json`]), so
/// that a roster of thousands is joined together from pieces instead of being serialised for each
/// newcomer.
pub fn write_presence<'e>(
    channel: &ChannelName,
    joined: impl Iterator<Item = &'e str> + Clone,
    left: impl Iterator<Item = &'e str> + Clone,
) -> Encoded {
    let channel = serde_json::to_string(channel).unwrap_or_default();
    // A full roster has tens of kilobytes: growing to that would copy it several times.
    let entries: usize = joined.clone().chain(left.clone()).map(|entry| entry.len() + 1).sum();
    let mut json = String::with_capacity(64 + channel.len() + entries);
    json.push_str("{\"type\":\"presence\",\"channel\":");
    json.push_str(&channel);
    json.push_str(",\"joined\":[");
    push_list(&mut json, joined);
    json.push_str("],\"left\":[");
    push_list(&mut json, left);
    json.push_str("]}");
    Encoded(json.into())
}

fn push_list<'e>(json: &mut String, entries: impl Iterator<Item = &'e str>) {
    for (at, entry) in entries.enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(entry);
    }
}
