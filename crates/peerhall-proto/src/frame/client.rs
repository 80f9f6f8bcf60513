//! Frames a client sends (wire protocol, section 4). Clients serialise these structs; servers get
//! them from [`super::decode`].

use serde::Serialize;
use serde_json::value::RawValue;

use crate::ids::{ChannelName, PeerId, RequestId};

/// `subscribe`: become a member of a channel, or of every channel that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    /// Name, or pattern when it holds a `*` (section 11.3).
    pub channel: ChannelName,
    /// Whether `message` frames of this channel shall carry the sender's metadata. Default: off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub include_sender_metadata: bool,
}

/// `unsubscribe`: leave a channel; acknowledged whether it was held or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsubscribe {
    /// The name or pattern exactly as it was subscribed.
    pub channel: ChannelName,
}

/// `publish`: broadcast `data` to the members of `channel`, this connection excepted.
#[derive(Debug, Clone, Serialize)]
pub struct Publish<'a> {
    /// Taken literally; a `*` in it is no pattern.
    pub channel: ChannelName,
    /// Passed through byte for byte; the server never looks inside.
    pub data: &'a RawValue,
}

/// `send`: hand `data` to every connection of one peer of the app.
#[derive(Debug, Clone, Serialize)]
pub struct Send<'a> {
    /// The peer to reach.
    pub to: PeerId,
    /// Passed through byte for byte; the server never looks inside.
    pub data: &'a RawValue,
}

/// One client frame, without the request id that may accompany it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame<'a> {
    /// See [`Subscribe`].
    Subscribe(Subscribe),
    /// See [`Unsubscribe`].
    Unsubscribe(Unsubscribe),
    /// See [`Publish`].
    Publish(Publish<'a>),
    /// See [`Send`].
    Send(Send<'a>),
    /// `ping`: asks for a `pong`, never for an `ack`.
    Ping,
}

/// A client frame and the id under which it wants its answer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// What is asked.
    #[serde(flatten)]
    pub frame: ClientFrame<'a>,
    /// With it the server answers exactly once; without it only errors come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}
