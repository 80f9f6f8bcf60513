//! `peerhall key`.

mod create;
mod list;
mod revoke;

use clap::Subcommand;
use peerhall_auth::key::{KeyKind, KeyRecord};
use serde::Serialize;

use crate::failure::Outcome;

/// Create, list and revoke keys
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Create(create::Create),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl Key {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

/// The word for a kind of key.
const fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Publishable => "publishable",
        KeyKind::Secret => "secret",
    }
}

/// A key as programs read it. Its secret is not part of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView<'a> {
    key_id: &'a str,
    r#type: &'static str,
    app: &'a str,
    name: &'a str,
    channels: &'a peerhall_auth::pattern::PatternSet,
    actions: peerhall_auth::action::Actions,
    origins: &'a peerhall_auth::origin::AllowedOrigins,
    allow_missing_origin: bool,
    inject_turn: bool,
    created_at: u64,
    revoked_at: Option<u64>,
}

impl<'a> From<&'a KeyRecord> for KeyView<'a> {
    fn from(key: &'a KeyRecord) -> Self {
        Self {
            key_id: key.id.as_str(),
            r#type: word(key.id.kind()),
            app: key.app.as_str(),
            name: &key.name,
            channels: &key.patterns,
            actions: key.actions,
            origins: &key.allowed_origins,
            allow_missing_origin: key.allow_missing_origin,
            inject_turn: key.inject_turn,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}
