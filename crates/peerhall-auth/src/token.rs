//! Tokens: minting them, and the claims and envelope they are made of (authentication, section 4;
//! REST API, section 2).
//!
//! HS256 is done here on the hash itself. There is no table of algorithms, so the header of a token
//! can only agree with the one there is or be refused.

mod claims;
mod envelope;
mod request;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use peerhall_proto::ids::PeerId;
use peerhall_proto::limits::{MAX_PEER_METADATA_BYTES, MAX_TOKEN_BYTES};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::action::Actions;
use crate::json::compact_object;
use crate::key::KeyRecord;
use crate::mac::hs256;
use crate::pattern::PatternSet;

pub use self::request::{Member, MintError, MintRequest, Problem};
pub use crate::json::MetadataError;

pub(crate) use self::claims::{Claims as ReadClaims, Refused};
pub(crate) use self::envelope::Envelope;

/// Largest `exp` and `nbf` in Unix seconds (authentication, section 4.2): 2⁵³, the last integer before
/// JSON numbers of other languages lose ones.
const MAX_UNIX_SECS: u64 = 1 << 53;

/// A token or one of its claims breaks a rule. Which one is told to nobody (authentication, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Claims that have been checked against a key by [`MintRequest::check`] and are ready to be signed.
///
/// `Debug` shows the size of the two metadata objects, not what is in them.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The peer that the token makes its bearer.
    pub sub: PeerId,
    /// When the token was minted, in Unix seconds.
    pub iat: u64,
    /// When the token expires, in Unix seconds.
    pub exp: u64,
    /// What the bearer may do.
    pub permissions: Actions,
    /// The channels the bearer reaches; `None` leaves the claim out, so that the key's apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<PatternSet>,
    /// Goes to the bearer in `welcome.metadata`. Compact JSON, at most 8,192 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// Shown to other peers. Compact JSON, at most 4,096 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_metadata: Option<Box<RawValue>>,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("sub", &self.sub)
            .field("iat", &self.iat)
            .field("exp", &self.exp)
            .field("permissions", &self.permissions)
            .field("channels", &self.channels)
            .field("metadata_bytes", &self.metadata.as_deref().map(json_len))
            .field("peer_metadata_bytes", &self.peer_metadata.as_deref().map(json_len))
            .finish()
    }
}

/// Checks metadata that is shown to other peers and comes without a token: a JSON object, returned
/// compact, of at most 4,096 bytes in that form (REST API, section 4).
///
/// # Errors
///
/// The rule that is broken, as [`MetadataError`].
pub fn peer_metadata(value: &RawValue) -> Result<Box<RawValue>, MetadataError> {
    compact_object(value, MAX_PEER_METADATA_BYTES)
}

/// What may be told of a metadata object: its size in bytes.
pub(crate) fn json_len(value: &RawValue) -> usize {
    value.get().len()
}

/// Signs `claims` with the secret of `key`: the token dies with that key.
///
/// # Errors
///
/// - [`MintError::NotASigningKey`] when `key` is publishable, revoked or has no secret.
/// - [`MintError::InvalidRequest`] with [`Problem::TokenTooLong`] when the token would be longer than
///   the 24 KiB that a server reads (authentication, section 4.2).
pub fn mint(key: &KeyRecord, claims: &Claims) -> Result<String, MintError> {
    let secret = key.signing_secret().ok_or(MintError::NotASigningKey)?;
    let header = Header { alg: envelope::ALGORITHM, kid: key.id.as_str(), typ: "JWT" };
    let mut token = format!("{}.{}", part(&header), part(claims));
    let signature = hs256(secret.expose(), &token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > MAX_TOKEN_BYTES {
        let why = Problem::TokenTooLong { bytes: token.len() };
        return Err(MintError::InvalidRequest { field: Member::Channels, why });
    }
    Ok(token)
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// One part of a token: compact JSON in base64url.
#[expect(clippy::expect_used, reason = "serialising fails only for map keys that are no strings")]
fn part(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("texts, numbers and raw JSON serialise"))
}

#[cfg(test)]
mod tests;
