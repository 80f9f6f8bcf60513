//! `DELETE /v1/peers/:id`: close every connection of a peer (REST API, section 5).

use serde::{Deserialize, Serialize};

use crate::ids::PeerId;

/// Body of the 200 answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectPeerResponse {
    /// The peer.
    pub peer_id: PeerId,
    /// Connections closed; 0 is a success.
    pub closed: usize,
}
