//! `POST /v1/channels/:id/publish`: publish without a WebSocket (REST API, section 4).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ids::ChannelName;

/// `from` of a publish that names nobody.
pub const DEFAULT_FROM: &str = "system";

/// Body of the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishRequest<'a> {
    /// Any JSON value, `null` too; forwarded byte for byte. `None`: missing, which is refused.
    #[serde(borrow, default, deserialize_with = "present")]
    pub data: Option<&'a RawValue>,
    /// A peer id; default [`DEFAULT_FROM`].
    #[serde(default)]
    pub from: Option<String>,
    /// Becomes `fromMetadata` for members that asked for it.
    #[serde(borrow, default)]
    pub peer_metadata: Option<&'a RawValue>,
}

/// Keeps a `null` apart from a missing member.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&'de RawValue>::deserialize(deserializer).map(Some)
}

/// Body of the 200 answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishResponse {
    /// The decoded name.
    pub channel: ChannelName,
    /// Connections that the message was handed to; informative.
    pub delivered: usize,
}
