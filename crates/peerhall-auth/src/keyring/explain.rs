//! Why a credential may or may not do something, told to an operator of its app. Strangers are told
//! nothing of the kind (authentication, section 9); this answers a question of somebody who could read
//! the keys anyway.

use std::fmt;
use std::sync::Arc;

use peerhall_proto::ids::{AppId, ChannelName};

use super::{Credential, Denied, Identity, Keyring, TokenPolicy};
use crate::action::Action;
use crate::key::{KeyKind, KeyRecord};
use crate::token::Envelope;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// With what.
    pub credential: Credential<'a>,
    /// From which web site; `None` for a program.
    pub origin: Option<&'a str>,
    /// What.
    pub action: Action,
    /// Where; a literal name.
    pub channel: &'a ChannelName,
}

/// The rule that allows or refuses it: the first one in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It may.
    Allowed {
        /// The pattern of the key that covers the channel.
        by_key: String,
        /// The pattern of the token, if it names any.
        by_token: Option<String>,
    },
    /// It is no token at all, or of another algorithm than HS256.
    NotAToken,
    /// It names no key of this app.
    UnknownKey,
    /// It is a secret key, which opens no connection by itself.
    SecretKey,
    /// Its key was revoked.
    Revoked {
        /// When, in Unix seconds.
        at: u64,
    },
    /// The signature is not that of the key it names.
    BadSignature,
    /// A claim is missing or breaks a rule, it is not valid yet, or it lives longer than the server allows.
    BadClaims,
    /// Its time is over.
    Expired,
    /// Its app is suspended.
    AppSuspended,
    /// The key does not take requests of this web site.
    OriginNotAllowed,
    /// The name begins with a reserved prefix.
    ReservedChannel,
    /// The key does not have the action.
    KeyLacksAction,
    /// The token does not have the action.
    TokenLacksAction,
    /// No pattern of the key covers the channel.
    KeyLacksChannel,
    /// No pattern of the token covers the channel.
    TokenLacksChannel,
}

impl Finding {
    /// A word for programs that does not change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Allowed { .. } => "allowed",
            Self::NotAToken => "not_a_token",
            Self::UnknownKey => "unknown_key",
            Self::SecretKey => "secret_key",
            Self::Revoked { .. } => "revoked",
            Self::BadSignature => "bad_signature",
            Self::BadClaims => "bad_claims",
            Self::Expired => "expired",
            Self::AppSuspended => "app_suspended",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::ReservedChannel => "reserved_channel",
            Self::KeyLacksAction => "key_lacks_action",
            Self::TokenLacksAction => "token_lacks_action",
            Self::KeyLacksChannel => "key_lacks_channel",
            Self::TokenLacksChannel => "token_lacks_channel",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed { by_key, by_token: None } => {
                return write!(f, "yes, by the pattern {by_key} of the key");
            }
            Self::Allowed { by_key, by_token: Some(by_token) } => {
                return write!(f, "yes, by the pattern {by_token} of the token within {by_key} of its key");
            }
            Self::NotAToken => "no: this is neither a publishable key nor a token signed with HS256",
            Self::UnknownKey => "no: this app has no such key",
            Self::SecretKey => "no: a secret key opens no connection; mint a token with it",
            Self::Revoked { .. } => "no: the key was revoked",
            Self::BadSignature => "no: the signature is not that of the key it names",
            Self::BadClaims => {
                "no: a claim is missing, breaks a rule, begins in the future or lives longer than this server allows"
            }
            Self::Expired => "no: the token has expired",
            Self::AppSuspended => "no: the app is suspended",
            Self::OriginNotAllowed => "no: the key does not allow this web site",
            Self::ReservedChannel => "no: the channel's prefix is reserved",
            Self::KeyLacksAction => "no: the key does not have this action",
            Self::TokenLacksAction => "no: the token does not have this action, though its key does",
            Self::KeyLacksChannel => "no: no pattern of the key covers this channel",
            Self::TokenLacksChannel => "no: no pattern of the token covers this channel, though its key does",
        })
    }
}

impl Keyring {
    /// Which rule allows or refuses something in `app`. `now_ms` is in Unix milliseconds.
    ///
    /// Keys of other apps are unknown here.
    #[must_use]
    pub fn explain(
        &self,
        app: &AppId,
        question: &Question<'_>,
        now_ms: i64,
        policy: &TokenPolicy,
    ) -> Finding {
        if let Err(finding) = self.meant_key(app, question.credential) {
            return finding;
        }
        match self.authenticate(question.credential, question.origin, now_ms, policy) {
            Ok(identity) => may(&identity, question),
            Err(Denied::OriginNotAllowed) => Finding::OriginNotAllowed,
            Err(Denied::TokenExpired) => Finding::Expired,
            Err(Denied::AppSuspended) => Finding::AppSuspended,
            Err(Denied::InvalidCredential) => Finding::BadClaims,
        }
    }

    /// The key that a credential names, if its app has it and it could have made the credential.
    fn meant_key(&self, app: &AppId, credential: Credential<'_>) -> Result<&Arc<KeyRecord>, Finding> {
        let known = |id: &str| {
            let key = self.keys.get(id).map(|owned| &owned.key).filter(|key| key.app == *app);
            let key = key.ok_or(Finding::UnknownKey)?;
            key.revoked_at.map_or(Ok(key), |at| Err(Finding::Revoked { at }))
        };
        match credential {
            Credential::Key(id) => {
                let key = known(id)?;
                if key.id.kind() == KeyKind::Secret { Err(Finding::SecretKey) } else { Ok(key) }
            }
            Credential::Token(token) => {
                let envelope = Envelope::open(token).map_err(|_| Finding::NotAToken)?;
                let key = known(envelope.key_id())?;
                let secret = key.signing_secret().ok_or(Finding::UnknownKey)?;
                if envelope.is_signed_with(secret.expose()) { Ok(key) } else { Err(Finding::BadSignature) }
            }
        }
    }
}

/// The checks of a frame, in their order (wire protocol, section 6).
fn may(identity: &Identity, question: &Question<'_>) -> Finding {
    let (key, token) = (identity.grants.key(), identity.grants.token());
    let name = question.channel.as_str();
    if question.channel.is_reserved() {
        return Finding::ReservedChannel;
    }
    if !key.actions.contains(question.action) {
        return Finding::KeyLacksAction;
    }
    if token.is_some_and(|token| !token.actions.contains(question.action)) {
        return Finding::TokenLacksAction;
    }
    let Some(by_key) = key.patterns.iter().find(|pattern| pattern.matches(name)) else {
        return Finding::KeyLacksChannel;
    };
    let by_key = by_key.as_str().to_owned();
    match token.and_then(|token| token.patterns.as_ref()) {
        None => Finding::Allowed { by_key, by_token: None },
        Some(patterns) => match patterns.iter().find(|pattern| pattern.matches(name)) {
            Some(pattern) => Finding::Allowed { by_key, by_token: Some(pattern.as_str().to_owned()) },
            None => Finding::TokenLacksChannel,
        },
    }
}

#[cfg(test)]
mod tests;
