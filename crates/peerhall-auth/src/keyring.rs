//! Admission: which credential opens what (authentication, sections 6 and 9; REST API, section 1.1).

mod explain;
mod signers;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use peerhall_proto::code::CloseCode;
use peerhall_proto::ids::{AppId, PeerId};
use serde_json::value::RawValue;
use subtle::{Choice, ConstantTimeEq};

pub use self::explain::{Finding, Question};
use self::signers::{Candidate, Signers};
use crate::grants::Grants;
use crate::key::{AppRecord, KeyId, KeyKind, KeyRecord};
use crate::mac::hs256;
use crate::token::{Envelope, ReadClaims, Refused, json_len};

/// What secrets are compared under: any key does, as long as it is always the same.
const COMPARING_KEY: &str = "compares secrets";

/// Why records do not make a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Two apps have the same id.
    #[error("there are two apps {app}")]
    DuplicateApp {
        /// The id.
        app: AppId,
    },
    /// Two keys have the same id.
    #[error("there are two keys {key:?}")]
    DuplicateKey {
        /// The id, of which the message shows the beginning.
        key: KeyId,
    },
    /// A key belongs to no app.
    #[error("key {key:?} belongs to app {app}, which does not exist")]
    UnknownApp {
        /// The id of the key, of which the message shows the beginning.
        key: KeyId,
        /// The app it names.
        app: AppId,
    },
}

/// What a client presents on the WebSocket, percent-decoded. `Debug` shows the kind only.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The query parameter `key`.
    Key(&'a str),
    /// The query parameter `token`.
    Token(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(<redacted>)",
            Self::Token(_) => "Token(<redacted>)",
        })
    }
}

/// Why a connection is refused. The texts tell nothing about which keys exist (authentication,
/// section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Unknown, revoked or wrong kind of key, bad signature, or a token that breaks a rule.
    #[error("invalid credential")]
    InvalidCredential,
    /// The key is good, and the page that uses it is not among its origins.
    #[error("origin not allowed")]
    OriginNotAllowed,
    /// The token is genuine and has 250 ms or less to live.
    #[error("token expired")]
    TokenExpired,
    /// The credential is good, and its app is suspended.
    #[error("app suspended")]
    AppSuspended,
}

impl Denied {
    /// The code of the close frame (wire protocol, section 1.3).
    #[must_use]
    pub fn close_code(self) -> u16 {
        let code = match self {
            Self::InvalidCredential | Self::OriginNotAllowed => CloseCode::INVALID_TOKEN,
            Self::TokenExpired => CloseCode::TOKEN_EXPIRED,
            Self::AppSuspended => CloseCode::ACCOUNT_SUSPENDED,
        };
        code.0
    }

    /// The reason in the close frame.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::InvalidCredential => "invalid credential",
            Self::OriginNotAllowed => "origin not allowed",
            Self::TokenExpired => "token expired",
            Self::AppSuspended => "app suspended",
        }
    }
}

/// A REST call without a good key: 401, the same answer whatever was wrong (REST API, section 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unauthorized")]
pub struct Unauthorized;

/// What a server asks of tokens beyond the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenPolicy {
    /// Most seconds a token may have left when it is used; one with more is refused. A minute is added
    /// for clocks that differ. `None`, the default: any lifetime (authentication, section 4.2).
    pub max_lifetime_secs: Option<u64>,
}

/// Who has been admitted, and to what. `Debug` shows the size of the two metadata objects, not what is in
/// them.
#[derive(Clone)]
pub struct Identity {
    /// The app that the connection lives in.
    pub app: Arc<AppRecord>,
    /// What the connection may do.
    pub grants: Grants,
    /// The claim `sub`; `None` with a publishable key, whose connections get a random id.
    pub peer: Option<PeerId>,
    /// When the token expires, in Unix milliseconds; the server closes 250 ms before. `None` with a
    /// publishable key.
    pub expires_at_ms: Option<i64>,
    /// The same as `welcome.expiresAt` shows it: whole Unix seconds, a fraction cut off, so that no client
    /// counts on time that it does not have.
    pub expires_at: Option<u64>,
    /// The claim `metadata` as compact JSON; `None` when it is absent or `{}`, which `welcome` leaves out.
    pub metadata: Option<Box<RawValue>>,
    /// The claim `peerMetadata` as compact JSON.
    pub peer_metadata: Option<Box<RawValue>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("app", &self.app.id)
            .field("key", &self.grants.key().id)
            .field("peer", &self.peer)
            .field("expires_at_ms", &self.expires_at_ms)
            .field("metadata_bytes", &self.metadata.as_deref().map(json_len))
            .field("peer_metadata_bytes", &self.peer_metadata.as_deref().map(json_len))
            .finish()
    }
}

/// All apps and keys at one moment. Never changes: a change of a record makes a new keyring.
#[derive(Clone, Default)]
pub struct Keyring {
    apps: HashMap<AppId, Arc<AppRecord>>,
    keys: HashMap<KeyId, Owned>,
    signers: Signers,
}

/// A key next to its app, so that no lookup can find one without the other.
#[derive(Clone)]
struct Owned {
    key: Arc<KeyRecord>,
    app: Arc<AppRecord>,
}

impl Keyring {
    /// Makes a keyring of all records of a store.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] when ids are not unique or a key's app is missing.
    pub fn new(apps: Vec<AppRecord>, keys: Vec<KeyRecord>) -> Result<Self, KeyringError> {
        let mut ring = Self::default();
        for app in apps {
            match ring.apps.entry(app.id.clone()) {
                Entry::Occupied(_) => return Err(KeyringError::DuplicateApp { app: app.id }),
                Entry::Vacant(place) => drop(place.insert(Arc::new(app))),
            }
        }
        for key in keys {
            let Some(app) = ring.apps.get(&key.app).cloned() else {
                return Err(KeyringError::UnknownApp { key: key.id, app: key.app });
            };
            match ring.keys.entry(key.id.clone()) {
                Entry::Occupied(_) => return Err(KeyringError::DuplicateKey { key: key.id }),
                Entry::Vacant(place) => drop(place.insert(Owned { key: Arc::new(key), app })),
            }
        }
        ring.signers = Signers::new(ring.keys.values());
        Ok(ring)
    }

    /// The app of this id.
    #[must_use]
    pub fn app(&self, id: &AppId) -> Option<&Arc<AppRecord>> {
        self.apps.get(id)
    }

    /// The key of this id, revoked or not.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<&Arc<KeyRecord>> {
        self.keys.get(id).map(|owned| &owned.key)
    }

    /// All apps, in no order.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<AppRecord>> {
        self.apps.values()
    }

    /// All keys, revoked ones included, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<KeyRecord>> {
        self.keys.values().map(|owned| &owned.key)
    }

    /// Admits a connection: steps 4 to 10 of authentication, section 6, in that order.
    ///
    /// `origin` is the `Origin` header of the upgrade; `now_ms` is in Unix milliseconds.
    ///
    /// # Errors
    ///
    /// The first check that fails, as [`Denied`].
    pub fn authenticate(
        &self,
        credential: Credential<'_>,
        origin: Option<&str>,
        now_ms: i64,
        policy: &TokenPolicy,
    ) -> Result<Identity, Denied> {
        let identity = match credential {
            Credential::Key(id) => self.admit_key(id, origin),
            Credential::Token(token) => self.admit_token(token, now_ms, policy),
        }?;
        if identity.app.suspended { Err(Denied::AppSuspended) } else { Ok(identity) }
    }

    /// Finds the secret key that a REST call presents as `Bearer <id>:<secret>`.
    ///
    /// Whether the key's app is suspended is the endpoint's question: `GET /v1/usage` works on.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`], whatever was wrong, after the same work for known and unknown ids.
    pub fn authenticate_rest(&self, authorization: Option<&str>) -> Result<Arc<KeyRecord>, Unauthorized> {
        let (id, secret) = authorization.and_then(bearer_pair).ok_or(Unauthorized)?;
        let Candidate { owned, secret: known, is_meant } = self.signers.find(id).ok_or(Unauthorized)?;
        // The texts are compared by their codes, which hides the length of the secret as well.
        let same = hs256(COMPARING_KEY, secret).ct_eq(&hs256(COMPARING_KEY, known));
        if bool::from(same & is_meant) { Ok(Arc::clone(&owned.key)) } else { Err(Unauthorized) }
    }

    fn admit_key(&self, id: &str, origin: Option<&str>) -> Result<Identity, Denied> {
        let Owned { key, app } = self
            .keys
            .get(id)
            .filter(|owned| owned.key.id.kind() == KeyKind::Publishable && !owned.key.is_revoked())
            .ok_or(Denied::InvalidCredential)?;
        if !key.allowed_origins.admits(origin, key.allow_missing_origin) {
            return Err(Denied::OriginNotAllowed);
        }
        Ok(Identity {
            app: Arc::clone(app),
            grants: Grants::of_key(Arc::clone(key)),
            peer: None,
            expires_at_ms: None,
            expires_at: None,
            metadata: None,
            peer_metadata: None,
        })
    }

    fn admit_token(&self, token: &str, now_ms: i64, policy: &TokenPolicy) -> Result<Identity, Denied> {
        let envelope = Envelope::open(token).map_err(|_| Denied::InvalidCredential)?;
        let Candidate { owned, secret, is_meant } =
            self.signers.find(envelope.key_id()).ok_or(Denied::InvalidCredential)?;
        let genuine = Choice::from(u8::from(envelope.is_signed_with(secret)));
        if !bool::from(genuine & is_meant) {
            return Err(Denied::InvalidCredential);
        }
        let Owned { key, app } = owned;
        let payload = envelope.payload().map_err(|_| Denied::InvalidCredential)?;
        let claims =
            ReadClaims::read(&payload, now_ms, policy.max_lifetime_secs).map_err(|why| match why {
                Refused::Malformed => Denied::InvalidCredential,
                Refused::Expired => Denied::TokenExpired,
            })?;
        Ok(Identity {
            app: Arc::clone(app),
            grants: Grants::of_token(Arc::clone(key), claims.scope),
            peer: Some(claims.peer),
            expires_at_ms: Some(claims.expires_at_ms),
            expires_at: Some(u64::try_from(claims.expires_at_ms.div_euclid(1_000)).unwrap_or(0)),
            metadata: claims.metadata.filter(|object| object.get() != "{}"),
            peer_metadata: claims.peer_metadata,
        })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("apps", &self.apps.len()).field("keys", &self.keys.len()).finish()
    }
}

/// Id and secret of `Bearer <id>:<secret>`, the scheme in any letter case.
fn bearer_pair(authorization: &str) -> Option<(&str, &str)> {
    let (scheme, pair) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    pair.trim_start_matches(' ').split_once(':')
}

#[cfg(test)]
mod tests;
