//! The keys of an app: which there are, new ones, and the end of old ones.

use std::borrow::Cow;

use peerhall_auth::action::Actions;
use peerhall_auth::key::{KeyId, KeyKind, KeyRecord, Secret};
use peerhall_auth::origin::{AllowedOrigins, OriginRule};
use peerhall_auth::pattern::{ChannelPattern, PatternSet};
use serde::{Deserialize, Serialize};

use super::sessions::Operator;
use crate::clock::unix_ms;
use crate::control::Control;
use crate::http::{Refusal, read_object};
use crate::storage::Orders;
use crate::store::{Stamp, StoreError};

/// Characters of a key's name.
const MAX_NAME_CHARACTERS: usize = 128;

/// Entries of a list of web sites.
const MAX_ORIGINS: usize = 100;

#[derive(Debug, Serialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// A key as the page shows it; never its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    channels: PatternSet,
    actions: Actions,
    origins: Vec<String>,
    created_at: u64,
    revoked_at: Option<u64>,
    /// The session was opened with it.
    is_own: bool,
}

/// What a new key is to be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewKey<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    name: Cow<'a, str>,
    channels: Vec<ChannelPattern>,
    actions: Actions,
    #[serde(default)]
    origins: Vec<String>,
}

/// A new key. The secret is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revoke<'a> {
    #[serde(borrow)]
    key_id: Cow<'a, str>,
}

/// Every key of the app, those in force first, the newest first.
pub(super) fn list(control: &Control, operator: &Operator) -> Keys {
    let keyring = control.keyring();
    let mut keys: Vec<_> = keyring.keys().filter(|key| key.app == operator.app.id).collect();
    keys.sort_by_key(|key| (key.is_revoked(), std::cmp::Reverse(key.created_at), key.id.clone()));
    Keys { keys: keys.into_iter().map(|key| shown(key, operator)).collect() }
}

/// Makes a key and waits until it is in force.
pub(super) async fn create(orders: &Orders, operator: &Operator, body: &str) -> Result<Created, Refusal> {
    let key = read(operator, body)?;
    let created = Created {
        key_id: key.id.as_str().to_owned(),
        secret: key.secret.as_ref().map(|secret: &Secret| secret.expose().to_owned()),
    };
    let stamp = stamp(operator);
    let stored = orders.with(move |store| store.create_key(&key, &stamp)).await;
    stored.unwrap_or(Err(StoreError::Busy)).map_err(refused)?;
    Ok(created)
}

/// Ends a key of the app and waits until its connections are being closed.
pub(super) async fn revoke(
    control: &Control,
    orders: &Orders,
    operator: &Operator,
    body: &str,
) -> Result<Keys, Refusal> {
    let Revoke { key_id } = read_object(body)?;
    let unknown = || Refusal::invalid("the app has no such key");
    let id: KeyId = key_id.parse().map_err(|_| unknown())?;
    // Another app's key is none of the operator's business, not even whether there is one.
    control.keyring().key(&id).filter(|key| key.app == operator.app.id).ok_or_else(unknown)?;
    if operator.came_with(&id) {
        return Err(Refusal::invalid(
            "you are signed in with this key; sign in with another one to revoke it",
        ));
    }
    let stamp = stamp(operator);
    let revoked = orders.with(move |store| store.revoke_key(&id, &stamp)).await;
    revoked.unwrap_or(Err(StoreError::Busy)).map_err(refused)?;
    Ok(list(control, operator))
}

fn read(operator: &Operator, body: &str) -> Result<KeyRecord, Refusal> {
    let NewKey { kind, name, channels, actions, origins } = read_object(body)?;
    let kind = match &*kind {
        "publishable" => KeyKind::Publishable,
        "secret" => KeyKind::Secret,
        _ => return Err(Refusal::invalid("type: is publishable or secret")),
    };
    if name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
        let rule = format_args!("name: may have {MAX_NAME_CHARACTERS} characters and no control characters");
        return Err(Refusal::invalid(rule));
    }
    if actions.is_empty() {
        return Err(Refusal::invalid("actions: a key needs at least one"));
    }
    if origins.len() > MAX_ORIGINS || (kind == KeyKind::Secret && !origins.is_empty()) {
        let rule = format_args!("origins: at most {MAX_ORIGINS}, and for publishable keys only");
        return Err(Refusal::invalid(rule));
    }
    let patterns =
        PatternSet::for_key(channels).map_err(|why| Refusal::invalid(format_args!("channels: {why}")))?;
    let rules: Result<Vec<_>, _> = origins.iter().map(|text| OriginRule::parse(text)).collect();
    let rules = rules.map_err(|why| Refusal::invalid(format_args!("origins: {why}")))?;
    let key = KeyRecord::generate(kind, operator.app.id.clone(), patterns, unix_secs());
    let key = key.map_err(|_| Refusal::internal("no randomness"))?;
    Ok(KeyRecord { actions, name: name.into_owned(), allowed_origins: AllowedOrigins::new(rules), ..key })
}

fn shown(key: &KeyRecord, operator: &Operator) -> Key {
    Key {
        id: key.id.as_str().to_owned(),
        kind: match key.id.kind() {
            KeyKind::Publishable => "publishable",
            KeyKind::Secret => "secret",
        },
        name: key.name.clone(),
        channels: key.patterns.clone(),
        actions: key.actions,
        origins: key.allowed_origins.iter().map(|rule| rule.as_str().to_owned()).collect(),
        created_at: key.created_at,
        revoked_at: key.revoked_at,
        is_own: operator.came_with(&key.id),
    }
}

fn stamp(operator: &Operator) -> Stamp {
    Stamp { who: operator.who(), at: unix_secs() }
}

fn refused(error: StoreError) -> Refusal {
    if matches!(error, StoreError::TooManyKeys { .. } | StoreError::KeyExists(_)) {
        return Refusal::invalid(error);
    }
    tracing::warn!(%error, "the console cannot change a key");
    Refusal::internal("the store cannot be written now; try again")
}

fn unix_secs() -> u64 {
    u64::try_from(unix_ms().div_euclid(1_000)).unwrap_or(0)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.kind)
    }
}
