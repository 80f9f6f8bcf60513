//! `POST /v1/tokens`: mint a token for a peer (REST API, section 2).

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
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
    /// Life of the token in seconds, 1 to 86,400; default 3,600. `600.0` and `6e2` are as good as `600`.
    #[serde(default, deserialize_with = "whole")]
    pub expires_in_sec: Option<u64>,
    /// Shown to the connecting peer only.
    #[serde(borrow, default)]
    pub metadata: Option<&'a RawValue>,
    /// Shown to other peers.
    #[serde(borrow, default)]
    pub peer_metadata: Option<&'a RawValue>,
}

/// Largest number up to which doubles tell all integers apart.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads an integer however it is written: JSON has one kind of number, and some languages write each of
/// them with a fraction.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let rounded = || {
        let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
        (0.0..=MAX_EXACT).contains(&float).then_some(float as u64)
    };
    match number.as_u64().or_else(rounded) {
        Some(secs) => Ok(Some(secs)),
        None => Err(D::Error::custom(format_args!("expiresInSec: {number} is no number of seconds"))),
    }
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
