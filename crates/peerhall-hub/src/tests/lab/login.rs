//! Who connects: keys, tokens and apps in a few words.

use std::sync::Arc;

use peerhall_auth::action::Actions;
use peerhall_auth::grants::{Grants, TokenScope};
use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_auth::origin::AllowedOrigins;
use peerhall_auth::pattern::PatternSet;
use serde_json::value::RawValue;

use crate::*;

/// A connection to be opened: by default a foreign client with every right, on the first shard.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Login {
    pub(super) peer: String,
    pub(super) shard: usize,
    pub(super) app: Arc<AppRecord>,
    key: Arc<KeyRecord>,
    token: Option<TokenScope>,
    metadata: Option<String>,
    welcome: Option<String>,
    client: Client,
    lives_ms: Option<i64>,
    renews_after_ms: Option<u64>,
}

pub(in crate::tests) fn app(id: &str) -> AppRecord {
    AppRecord::new(id.parse().unwrap())
}

pub(in crate::tests) fn patterns(list: &[&str]) -> PatternSet {
    PatternSet::new(list.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

/// A secret key of the usual app whose tokens may do everything.
pub(in crate::tests) fn key(name: &str) -> KeyRecord {
    KeyRecord {
        id: format!("sk_id_{name:x>16}").parse().unwrap(),
        app: "app".parse().unwrap(),
        secret: None,
        patterns: patterns(&["**"]),
        actions: Actions::ALL,
        allowed_origins: AllowedOrigins::default(),
        allow_missing_origin: true,
        inject_turn: false,
        name: String::new(),
        created_at: 0,
        revoked_at: None,
    }
}

impl Login {
    pub(in crate::tests) fn new(peer: &str) -> Self {
        Self {
            peer: peer.to_owned(),
            shard: 0,
            app: Arc::new(app("app")),
            key: Arc::new(key("usual")),
            token: None,
            metadata: None,
            welcome: None,
            client: Client::Foreign,
            lives_ms: None,
            renews_after_ms: None,
        }
    }

    pub(in crate::tests) fn on(self, shard: usize) -> Self {
        Self { shard, ..self }
    }

    pub(in crate::tests) fn app(self, app: AppRecord) -> Self {
        Self { app: Arc::new(app), ..self }
    }

    pub(in crate::tests) fn key(self, key: KeyRecord) -> Self {
        Self { key: Arc::new(key), ..self }
    }

    /// Rights of the key, in words.
    pub(in crate::tests) fn may(self, actions: &[&str]) -> Self {
        let actions = Actions::from_words(actions.iter().copied()).unwrap();
        Self { key: Arc::new(KeyRecord { actions, ..(*self.key).clone() }), ..self }
    }

    /// Channels of the key.
    pub(in crate::tests) fn within(self, channels: &[&str]) -> Self {
        let patterns = patterns(channels);
        Self { key: Arc::new(KeyRecord { patterns, ..(*self.key).clone() }), ..self }
    }

    /// A token with these claims; `None` for an absent one.
    pub(in crate::tests) fn token(self, channels: Option<&[&str]>, actions: Option<&[&str]>) -> Self {
        let actions =
            actions.map_or(Actions::ALL, |words| Actions::from_words(words.iter().copied()).unwrap());
        Self { token: Some(TokenScope { patterns: channels.map(patterns), actions }), ..self }
    }

    /// The claim `peerMetadata`.
    pub(in crate::tests) fn metadata(self, json: &str) -> Self {
        Self { metadata: Some(json.to_owned()), ..self }
    }

    /// `metadata` of the `welcome`.
    pub(in crate::tests) fn welcomed_with(self, json: &str) -> Self {
        Self { welcome: Some(json.to_owned()), ..self }
    }

    /// Our own SDK, which needs no pause.
    pub(in crate::tests) fn ours(self) -> Self {
        Self { client: Client::Peerhall, ..self }
    }

    /// ICE servers that are to be renewed so many milliseconds after the connect.
    pub(in crate::tests) fn renewed_after_ms(self, after_ms: u64) -> Self {
        let key = KeyRecord { inject_turn: true, ..(*self.key).clone() };
        Self { renews_after_ms: Some(after_ms), key: Arc::new(key), ..self }
    }

    /// A token that ends so many milliseconds after the connect.
    pub(in crate::tests) fn for_ms(self, lives_ms: i64) -> Self {
        Self { lives_ms: Some(lives_ms), ..self }
    }

    pub(super) fn opening(self, usage: Arc<AppUsage>, now_unix_ms: i64) -> Opening {
        let grants = match self.token {
            Some(token) => Grants::of_token(self.key, token),
            None => Grants::of_key(self.key),
        };
        let raw = |json| RawValue::from_string(json).unwrap();
        let expires_at_ms = self.lives_ms.map(|lives| now_unix_ms + lives);
        Opening {
            app: self.app,
            usage,
            grants,
            peer: self.peer.parse().unwrap(),
            client: self.client,
            expires_at: expires_at_ms.map(|end| u64::try_from(end / 1_000).unwrap()),
            expires_at_ms,
            welcome_metadata: self.welcome.map(raw),
            resume: None,
            peer_metadata: self.metadata.map(|json| Arc::new(raw(json))),
            renewal: self.renews_after_ms.map(|after_ms| Renewal { after_ms, host: Some("host".into()) }),
        }
    }
}
