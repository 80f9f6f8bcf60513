//! `POST /v1/tokens`: mint a token for a peer (REST API, section 2).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Body of the request. Members stay unchecked here; the rules are those of token minting. `null`
/// for an optional member counts as absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MintTokenRequest<'a> {
    /// Becomes the claim `sub`.
    pub peer_id: String,
    /// Names or patterns; absent: the key's patterns apply.
    #[serde(default)]
    pub channels: Option<Vec<String>>,
    /// `publish`, `subscribe`, `presence`, `send`; absent: the key's full set.
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// Life of the token in seconds, 1 to 86,400; default 3,600.
    #[serde(default)]
    pub expires_in_sec: Option<u64>,
    /// Shown to the connecting peer only.
    #[serde(borrow, default)]
    pub metadata: Option<&'a RawValue>,
    /// Shown to other peers.
    #[serde(borrow, default)]
    pub peer_metadata: Option<&'a RawValue>,
}

/// Body of the 200 answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MintTokenResponse {
    /// The token in compact form.
    pub token: String,
    /// Unix seconds; equals the claim `exp`.
    pub expires_at: u64,
}
