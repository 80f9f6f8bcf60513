//! `GET /v1/channels/:id/peers`: who is in a channel (REST API, section 3).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::ids::{ChannelName, PeerId};

/// One peer of the list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPeer {
    /// The peer.
    pub peer_id: PeerId,
    /// Its `peerMetadata`, when it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

/// Body of the 200 answer.
#[derive(Debug, Clone, Serialize)]
pub struct ListPeersResponse {
    /// The decoded name.
    pub channel: ChannelName,
    /// One entry for each peer, sorted by id, at most 10,000.
    pub peers: Vec<ListedPeer>,
    /// `true` when the list was cut; left out otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}
