//! Keys and the apps they belong to (authentication, sections 1 and 2).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use peerhall_proto::ids::AppId;
use subtle::ConstantTimeEq;

use crate::action::Actions;
use crate::origin::AllowedOrigins;
use crate::pattern::PatternSet;
use crate::random::{NoRandomness, hex_after};

const PUBLISHABLE_PREFIX: &str = "pk_live_";
const SECRET_ID_PREFIX: &str = "sk_id_";
const SECRET_PREFIX: &str = "sk_secret_";

/// Characters that may follow a prefix (authentication, section 1). Generated values have 32 or 64;
/// the range lets keys of another server be carried over.
const IMPORTED_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Characters after the prefix that may be shown in logs (authentication, section 9).
const SHOWN_CHARACTERS: usize = 8;

/// What a key is made for (authentication, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `pk_live_…`: ships with browsers and apps, and is the whole credential.
    Publishable,
    /// `sk_id_…` with `sk_secret_…`: stays on backends, signs tokens and calls the REST API.
    Secret,
}

/// Why a text is no key id or no secret. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFormatError {
    /// The prefix is missing.
    #[error("a key id starts with pk_live_ or sk_id_, a secret with sk_secret_")]
    Prefix,
    /// Fewer than 8 or more than 128 characters follow the prefix.
    #[error("8 to 128 characters follow the prefix, here there are {characters}")]
    Length {
        /// Bytes after the prefix.
        characters: usize,
    },
    /// A character outside `[A-Za-z0-9_-]`.
    #[error("only letters, digits, _ and - follow the prefix")]
    Character,
}

fn check_tail(tail: &str) -> Result<(), KeyFormatError> {
    if !IMPORTED_LENGTH.contains(&tail.len()) {
        return Err(KeyFormatError::Length { characters: tail.len() });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    tail.bytes().all(allowed).then_some(()).ok_or(KeyFormatError::Character)
}

/// Id of a key: `pk_live_…` or `sk_id_…` (authentication, section 1). Cheap to clone.
///
/// The id of a publishable key is a credential, so there is no `Display`, and `Debug` shows only the
/// beginning, like [`hint`](Self::hint).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// Makes a new id with 32 random hex digits.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system has none.
    pub fn generate(kind: KeyKind) -> Result<Self, NoRandomness> {
        let prefix = match kind {
            KeyKind::Publishable => PUBLISHABLE_PREFIX,
            KeyKind::Secret => SECRET_ID_PREFIX,
        };
        Ok(Self(hex_after::<16>(prefix)?.into()))
    }

    /// What the key is made for, as its prefix says.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        if self.0.starts_with(PUBLISHABLE_PREFIX) { KeyKind::Publishable } else { KeyKind::Secret }
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning of the id, fit for logs: the prefix and at most 8 further characters
    /// (authentication, section 9), never more than a quarter of a short imported id.
    #[must_use]
    pub fn hint(&self) -> String {
        let prefix = match self.kind() {
            KeyKind::Publishable => PUBLISHABLE_PREFIX,
            KeyKind::Secret => SECRET_ID_PREFIX,
        };
        let tail = self.0.strip_prefix(prefix).unwrap_or_default();
        let shown: String = tail.chars().take(SHOWN_CHARACTERS.min(tail.len() / 4)).collect();
        format!("{prefix}{shown}…")
    }
}

impl FromStr for KeyId {
    type Err = KeyFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tail = text
            .strip_prefix(PUBLISHABLE_PREFIX)
            .or_else(|| text.strip_prefix(SECRET_ID_PREFIX))
            .ok_or(KeyFormatError::Prefix)?;
        check_tail(tail)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hint())
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The secret of a secret key, `sk_secret_…`. Signs tokens as it stands, prefix included
/// (authentication, section 4.1).
///
/// No `Display` and no `Serialize`, and `Debug` shows nothing: only [`expose`](Self::expose) gives the
/// text out. Comparing two secrets takes the same time wherever they differ.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Makes a new secret with 64 random hex digits.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system has none.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(hex_after::<32>(SECRET_PREFIX)?.into()))
    }

    /// The secret itself: to be shown once at creation, to be stored, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = KeyFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_tail(text.strip_prefix(SECRET_PREFIX).ok_or(KeyFormatError::Prefix)?)?;
        Ok(Self(text.into()))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// All that is known of one key (authentication, section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The id, whose prefix says what the key is made for.
    pub id: KeyId,
    /// The app that the key opens.
    pub app: AppId,
    /// The secret. A secret key without one opens nothing; a publishable key has none.
    pub secret: Option<Secret>,
    /// The channels the key reaches. A stored key has 1 to 100 patterns.
    pub patterns: PatternSet,
    /// What the key may do.
    pub actions: Actions,
    /// Web sites that may use a publishable key; not looked at for a secret key.
    pub allowed_origins: AllowedOrigins,
    /// Whether a connection without an `Origin` header passes a list that has entries. Default off.
    pub allow_missing_origin: bool,
    /// Whether the server puts its TURN service into `welcome.metadata`. Default on.
    pub inject_turn: bool,
    /// For people; may be empty.
    pub name: String,
    /// When the key was made, in Unix seconds.
    pub created_at: u64,
    /// When the key was revoked, in Unix seconds. A key with this set opens nothing, whatever the time.
    pub revoked_at: Option<u64>,
}

impl KeyRecord {
    /// Makes a new key with a random id, a random secret for a secret key, and the default actions and
    /// settings of its kind. `created_at` is in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system has none.
    pub fn generate(
        kind: KeyKind,
        app: AppId,
        patterns: PatternSet,
        created_at: u64,
    ) -> Result<Self, NoRandomness> {
        let (secret, actions) = match kind {
            KeyKind::Publishable => (None, Actions::PUBLISHABLE_DEFAULT),
            KeyKind::Secret => (Some(Secret::generate()?), Actions::ALL),
        };
        Ok(Self {
            id: KeyId::generate(kind)?,
            app,
            secret,
            patterns,
            actions,
            allowed_origins: AllowedOrigins::default(),
            allow_missing_origin: false,
            inject_turn: true,
            name: String::new(),
            created_at,
            revoked_at: None,
        })
    }

    /// Whether the key has been revoked.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked_at.is_some()
    }

    /// The secret, as long as the key may sign with it: a secret key that is not revoked.
    #[must_use]
    pub fn signing_secret(&self) -> Option<&Secret> {
        match self.id.kind() {
            KeyKind::Publishable => None,
            KeyKind::Secret => self.secret.as_ref().filter(|_| !self.is_revoked()),
        }
    }
}

/// All that is known of one app: its state and its quotas (wire protocol, section 13.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRecord {
    /// The id.
    pub id: AppId,
    /// Whether the app is suspended: connections are closed and refused with 4012.
    pub suspended: bool,
    /// Shown by `GET /v1/usage`. Default `SELF_HOSTED`.
    pub plan_name: String,
    /// Connections at one time. `None`, the default: no limit.
    pub max_connections: Option<u32>,
    /// Messages in one calendar month, UTC. `None`, the default: no limit.
    pub max_messages_per_period: Option<u64>,
    /// Whether use above a quota is counted instead of refused. Default off.
    pub overages: bool,
}

impl AppRecord {
    /// An app without quotas, not suspended.
    #[must_use]
    pub fn new(id: AppId) -> Self {
        Self {
            id,
            suspended: false,
            plan_name: "SELF_HOSTED".to_owned(),
            max_connections: None,
            max_messages_per_period: None,
            overages: false,
        }
    }
}

#[cfg(test)]
mod tests;
