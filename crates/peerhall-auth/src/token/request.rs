//! What somebody asks to be minted, and whether the key may grant it (REST API, section 2).

use std::collections::HashSet;
use std::fmt;

use peerhall_proto::ids::{ChannelNameError, PeerIdError, is_reserved};
use peerhall_proto::limits::{
    DEFAULT_TOKEN_LIFETIME_SECS, MAX_METADATA_BYTES, MAX_PATTERNS, MAX_PEER_METADATA_BYTES, MAX_PERMISSIONS,
    MAX_TOKEN_BYTES,
};
use peerhall_proto::rest::RestErrorCode;
use peerhall_proto::rest::mint_token::MintTokenRequest;
use serde_json::value::RawValue;

use super::{Claims, MAX_UNIX_SECS, json_len};
use crate::action::{Action, Actions, UnknownAction};
use crate::json::{MetadataError, compact_object};
use crate::key::KeyRecord;
use crate::pattern::{ChannelPattern, PatternSet};

/// The members of a request to mint, as the REST API names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Member {
    /// `peerId`
    PeerId,
    /// `channels`
    Channels,
    /// `permissions`
    Permissions,
    /// `expiresInSec`
    ExpiresInSec,
    /// `metadata`
    Metadata,
    /// `peerMetadata`
    PeerMetadata,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PeerId => "peerId",
            Self::Channels => "channels",
            Self::Permissions => "permissions",
            Self::ExpiresInSec => "expiresInSec",
            Self::Metadata => "metadata",
            Self::PeerMetadata => "peerMetadata",
        })
    }
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is no peer id.
    #[error(transparent)]
    PeerId(#[from] PeerIdError),
    /// An entry is no channel name or pattern.
    #[error(transparent)]
    Channel(#[from] ChannelNameError),
    /// An entry is no action.
    #[error(transparent)]
    Action(#[from] UnknownAction),
    /// A list is too long.
    #[error("may have {cap} entries, this one has {count}")]
    TooMany {
        /// Number of entries given.
        count: usize,
        /// The limit.
        cap: usize,
    },
    /// The life asked for is zero or over the limit.
    #[error("has to be from 1 to {cap}")]
    Lifetime {
        /// The limit in seconds.
        cap: u64,
    },
    /// The value cannot be a metadata claim.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// All members together make a token that no server reads.
    #[error("the token would have {bytes} bytes, the limit is {MAX_TOKEN_BYTES}")]
    TokenTooLong {
        /// Length the token would have.
        bytes: usize,
    },
}

/// Why a token is not minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// A member of the request breaks a rule.
    #[error("{field}: {why}")]
    InvalidRequest {
        /// The member.
        field: Member,
        /// The rule.
        why: Problem,
    },
    /// A channel belongs to the server.
    #[error("channel is reserved: {channel}")]
    ChannelReserved {
        /// The entry as it was asked for.
        channel: ChannelPattern,
    },
    /// A permission is not among the key's actions.
    #[error("action not permitted for this key: {action}")]
    ActionNotPermitted {
        /// The first such permission.
        action: Action,
    },
    /// A channel is not covered by the key's patterns.
    #[error("channel not covered by this key: {channel}")]
    ChannelNotAuthorized {
        /// The entry as it was asked for.
        channel: ChannelPattern,
    },
    /// The key is publishable, revoked, or has no secret.
    #[error("only a secret key that is not revoked can sign a token")]
    NotASigningKey,
}

impl MintError {
    /// The code of the REST answer (REST API, section 1.3).
    #[must_use]
    pub fn rest_code(&self) -> RestErrorCode {
        match self {
            Self::InvalidRequest { .. } => RestErrorCode::InvalidRequest,
            Self::ChannelReserved { .. } => RestErrorCode::ChannelReserved,
            Self::ActionNotPermitted { .. } => RestErrorCode::ActionNotPermitted,
            Self::ChannelNotAuthorized { .. } => RestErrorCode::ChannelNotAuthorized,
            Self::NotASigningKey => RestErrorCode::Unauthorized,
        }
    }
}

/// A token that somebody asks for, over REST or on the command line. Nothing in it has been checked.
///
/// `Debug` shows the size of the two metadata objects, not what is in them.
#[derive(Clone, Default)]
pub struct MintRequest<'a> {
    /// Becomes the claim `sub`.
    pub peer_id: &'a str,
    /// Names or patterns; `None` leaves the claim out, so that the key's patterns apply.
    pub channels: Option<&'a [String]>,
    /// Words; `None` stands for all actions of the key.
    pub permissions: Option<&'a [String]>,
    /// Life in seconds; `None` stands for 3,600.
    pub expires_in_secs: Option<u64>,
    /// For the connecting peer only, up to 8,192 bytes of compact JSON.
    pub metadata: Option<&'a RawValue>,
    /// Shown to other peers, up to 4,096 bytes of compact JSON.
    pub peer_metadata: Option<&'a RawValue>,
}

impl<'a> From<&'a MintTokenRequest<'a>> for MintRequest<'a> {
    fn from(body: &'a MintTokenRequest<'a>) -> Self {
        Self {
            peer_id: &body.peer_id,
            channels: body.channels.as_deref(),
            permissions: body.permissions.as_deref(),
            expires_in_secs: body.expires_in_sec,
            metadata: body.metadata,
            peer_metadata: body.peer_metadata,
        }
    }
}

impl fmt::Debug for MintRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintRequest")
            .field("peer_id", &self.peer_id)
            .field("channels", &self.channels)
            .field("permissions", &self.permissions)
            .field("expires_in_secs", &self.expires_in_secs)
            .field("metadata_bytes", &self.metadata.map(json_len))
            .field("peer_metadata_bytes", &self.peer_metadata.map(json_len))
            .finish()
    }
}

impl MintRequest<'_> {
    /// Checks the request against `key` and turns it into claims: shape first, then reserved channels,
    /// actions and channels (REST API, section 1.3).
    ///
    /// `now_secs` is in Unix seconds. `max_lifetime_secs` is
    /// [`MAX_TOKEN_LIFETIME_SECS`](peerhall_proto::limits::MAX_TOKEN_LIFETIME_SECS) over REST; self-signed
    /// tokens may live as long as their owner likes. Doubles in lists are collapsed.
    ///
    /// # Errors
    ///
    /// - [`MintError::NotASigningKey`] when `key` cannot sign.
    /// - [`MintError::InvalidRequest`] with the first member that breaks a rule.
    /// - [`MintError::ChannelReserved`] for a channel of the server.
    /// - [`MintError::ActionNotPermitted`] for a permission that `key` lacks.
    /// - [`MintError::ChannelNotAuthorized`] for a channel that `key` does not cover.
    pub fn check(&self, key: &KeyRecord, now_secs: u64, max_lifetime_secs: u64) -> Result<Claims, MintError> {
        key.signing_secret().ok_or(MintError::NotASigningKey)?;
        let claims = Claims {
            sub: self.peer_id.parse().map_err(|why: PeerIdError| invalid(Member::PeerId, why))?,
            iat: now_secs,
            exp: self.expiry(now_secs, max_lifetime_secs)?,
            permissions: self.permissions.map_or(Ok(key.actions), read_permissions)?,
            channels: self.channels.map(read_channels).transpose()?,
            metadata: read_metadata(Member::Metadata, self.metadata, MAX_METADATA_BYTES)?,
            peer_metadata: read_metadata(Member::PeerMetadata, self.peer_metadata, MAX_PEER_METADATA_BYTES)?,
        };
        within(key, &claims)?;
        Ok(claims)
    }

    fn expiry(&self, now_secs: u64, max_lifetime_secs: u64) -> Result<u64, MintError> {
        let cap = max_lifetime_secs.min(MAX_UNIX_SECS.saturating_sub(now_secs));
        match self.expires_in_secs.unwrap_or(DEFAULT_TOKEN_LIFETIME_SECS) {
            lifetime if (1..=cap).contains(&lifetime) => Ok(now_secs.saturating_add(lifetime)),
            _ => Err(invalid(Member::ExpiresInSec, Problem::Lifetime { cap })),
        }
    }
}

fn invalid(field: Member, why: impl Into<Problem>) -> MintError {
    MintError::InvalidRequest { field, why: why.into() }
}

fn within(key: &KeyRecord, claims: &Claims) -> Result<(), MintError> {
    let channels = || claims.channels.iter().flatten();
    if let Some(channel) = channels().find(|channel| is_reserved(channel.as_str())) {
        return Err(MintError::ChannelReserved { channel: channel.clone() });
    }
    if let Some(action) = claims.permissions.iter().find(|action| !key.actions.contains(*action)) {
        return Err(MintError::ActionNotPermitted { action });
    }
    match channels().find(|channel| !key.patterns.covers(channel)) {
        Some(channel) => Err(MintError::ChannelNotAuthorized { channel: channel.clone() }),
        None => Ok(()),
    }
}

fn read_channels(list: &[String]) -> Result<PatternSet, MintError> {
    let too_many = |count| invalid(Member::Channels, Problem::TooMany { count, cap: MAX_PATTERNS });
    if list.len() > MAX_PATTERNS {
        return Err(too_many(list.len()));
    }
    let mut seen = HashSet::new();
    let distinct = list.iter().filter(|text| seen.insert(text.as_str()));
    let patterns = distinct
        .map(|text| text.parse().map_err(|why: ChannelNameError| invalid(Member::Channels, why)))
        .collect::<Result<Vec<ChannelPattern>, _>>()?;
    PatternSet::new(patterns).map_err(|_| too_many(list.len()))
}

fn read_permissions(words: &[String]) -> Result<Actions, MintError> {
    if words.len() > MAX_PERMISSIONS {
        let why = Problem::TooMany { count: words.len(), cap: MAX_PERMISSIONS };
        return Err(invalid(Member::Permissions, why));
    }
    Actions::from_words(words.iter().map(String::as_str)).map_err(|why| invalid(Member::Permissions, why))
}

fn read_metadata(
    field: Member,
    value: Option<&RawValue>,
    cap: usize,
) -> Result<Option<Box<RawValue>>, MintError> {
    value.map(|value| compact_object(value, cap)).transpose().map_err(|why| invalid(field, why))
}
