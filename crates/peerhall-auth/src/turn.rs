//! TURN credentials and their way into `welcome.metadata` (authentication, section 7).

mod user;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use peerhall_proto::ids::PeerId;
use serde_json::value::RawValue;

use crate::json::has_member;
use crate::mac::hmac_sha1;
use crate::random::{NoRandomness, hex_after};

pub use user::{RelayUser, RelayUserError};

/// Least life of TURN credentials in seconds: 24 h (decision D23).
const MIN_LIFETIME_SECS: u64 = 86_400;

/// Seconds by which TURN credentials outlast their token (decision D23): calls go on after the
/// signalling connection, and the SDKs take a new list only with a new `welcome`.
const MARGIN_SECS: u64 = 3_600;

/// The member of `welcome.metadata` that the SDKs read.
const ICE_SERVERS: &str = "iceServers";

/// A TURN secret has to have at least one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shared secret of a TURN relay cannot be empty")]
pub struct EmptyTurnSecret;

/// The secret that the relay shares with whoever makes credentials for it. Independent of every signing
/// key. `Debug` shows nothing.
#[derive(Clone)]
pub struct TurnSecret(Box<str>);

impl TurnSecret {
    /// Takes the secret of a configured relay.
    ///
    /// # Errors
    ///
    /// [`EmptyTurnSecret`] for the empty text, under which anybody could make credentials.
    pub fn new(secret: &str) -> Result<Self, EmptyTurnSecret> {
        if secret.is_empty() { Err(EmptyTurnSecret) } else { Ok(Self(secret.into())) }
    }

    /// Makes a new secret with 64 random hex digits.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system has none.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(hex_after::<32>("")?.into()))
    }

    /// The secret itself: to be stored, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The password that belongs to `username`: base64 of HMAC-SHA1 over it. The relay uses this to
    /// check what a client presents; whether the name has expired is its own question.
    #[must_use]
    pub fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac_sha1(&self.0, username))
    }
}

impl fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A user name that carries its own expiry, and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// Expiry in Unix seconds, a colon, the peer id.
    pub username: String,
    /// Base64 of HMAC-SHA1 over the user name with the relay's shared secret.
    pub credential: String,
}

impl fmt::Debug for TurnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnCredentials")
            .field("username", &self.username)
            .field("credential", &"<redacted>")
            .finish()
    }
}

/// Makes credentials for `peer` that expire `lifetime_secs` after `now_secs`, a time in Unix seconds.
#[must_use]
pub fn turn_credentials(
    secret: &TurnSecret,
    peer: &PeerId,
    now_secs: u64,
    lifetime_secs: u64,
) -> TurnCredentials {
    let expires_at = now_secs.saturating_add(lifetime_secs);
    let username = format!("{expires_at}:{peer}");
    let credential = secret.password(&username);
    TurnCredentials { username, credential }
}

/// Life in seconds of the TURN credentials of a connection made at `now_ms`: 24 h, or the rest of its
/// token's life and 1 h more if that is longer (decision D23). Both times are Unix milliseconds; `None`
/// stands for a connection without a token.
#[must_use]
pub fn credential_lifetime_secs(now_ms: i64, token_expires_at_ms: Option<i64>) -> u64 {
    let rest_ms = token_expires_at_ms.map_or(0, |expires_at| expires_at.saturating_sub(now_ms));
    // A token that has run out already counts like none.
    let rest_secs = u64::try_from(rest_ms).unwrap_or(0).div_ceil(1_000);
    MIN_LIFETIME_SECS.max(rest_secs.saturating_add(MARGIN_SECS))
}

/// `welcome.metadata` of a connection whose key has injection on and whose server has a TURN service.
/// `ice_servers` is the JSON of the list to inject.
///
/// `metadata.iceServers` of the token wins, whatever its value; otherwise the list becomes the last
/// member. Members that were there stay as they are, byte for byte. Should `ice_servers` be no valid
/// JSON, `metadata` comes back as it is.
#[must_use]
pub fn inject_ice_servers(metadata: Option<&RawValue>, ice_servers: &str) -> Option<Box<RawValue>> {
    let signed = || metadata.map(ToOwned::to_owned);
    let text = metadata.map_or("{}", RawValue::get);
    if has_member(text, ICE_SERVERS) {
        return signed();
    }
    let Some(members) = text.trim().strip_suffix('}') else { return signed() };
    let comma = if members.trim() == "{" { "" } else { "," };
    let merged = format!("{members}{comma}\"{ICE_SERVERS}\":{ice_servers}}}");
    RawValue::from_string(merged).ok().or_else(signed)
}

#[cfg(test)]
mod tests;
