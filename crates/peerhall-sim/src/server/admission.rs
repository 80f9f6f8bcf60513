//! Who may connect, and as whom.

use std::sync::Arc;

use peerhall_auth::action::Actions;
use peerhall_auth::grants::{Grants, TokenScope};
use peerhall_auth::key::KeyRecord;
use peerhall_auth::origin::AllowedOrigins;
use peerhall_auth::pattern::PatternSet;
use peerhall_core::{CloseCode, Time};
use peerhall_hub::{Client, Opening, Renewal};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Server;

/// The one publishable key.
pub(crate) const KEY: &str = "pk_live_lab";

impl Server {
    /// Reads the credential of a connect URL.
    pub(super) fn admit(&mut self, _now: Time, url: &str) -> Result<Opening, CloseCode> {
        let query = query_of(url);
        let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let client = match of("client") {
            Some(client) if client.starts_with("peerhall") => Client::Peerhall,
            Some(_) | None => Client::Foreign,
        };
        let (peer, resume, claims) = match (of("key"), of("token")) {
            (Some(KEY), None) => {
                let known = of("resume").filter(|_| self.setup.resumes).and_then(|r| r.strip_prefix("was-"));
                let peer = known.map_or_else(|| self.name_peer(), str::to_owned);
                let resume = format!("was-{peer}");
                (peer, self.setup.resumes.then_some(resume), Map::new())
            }
            (None, Some(token)) => {
                let claims: Map<String, Value> =
                    serde_json::from_str(token).map_err(|_| CloseCode::INVALID_TOKEN)?;
                if claims.get("expired") == Some(&Value::Bool(true)) {
                    return Err(CloseCode::TOKEN_EXPIRED);
                }
                let peer = claims.get("sub").and_then(Value::as_str).ok_or(CloseCode::INVALID_TOKEN)?;
                (peer.to_owned(), None, claims)
            }
            _ => return Err(CloseCode::INVALID_TOKEN),
        };
        Ok(Opening {
            app: self.app.clone(),
            usage: self.usage.clone(),
            grants: grants(&self.key, &claims)?,
            peer: peer.parse().map_err(|_| CloseCode::INVALID_TOKEN)?,
            client,
            expires_at: None,
            expires_at_ms: None,
            welcome_metadata: self.welcome_metadata(&claims),
            resume,
            peer_metadata: claims.get("peerMetadata").map(raw).map(Arc::new),
            renewal: self.setup.renewed_ice.as_ref().map(|(after, _)| Renewal {
                after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                host: None,
            }),
        })
    }

    fn name_peer(&mut self) -> String {
        self.named += 1;
        format!("p{:06}", self.named)
    }

    fn welcome_metadata(&self, claims: &Map<String, Value>) -> Option<Box<RawValue>> {
        let mut metadata = claims.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(list) = &self.setup.ice_servers {
            let list = serde_json::from_str(list).unwrap_or_else(|_| json!([]));
            metadata.entry("iceServers").or_insert(list);
        }
        (!metadata.is_empty()).then(|| raw(&Value::Object(metadata)))
    }
}

/// What the key, and the token under it, allow.
fn grants(key: &Arc<KeyRecord>, claims: &Map<String, Value>) -> Result<Grants, CloseCode> {
    let words = |name: &str| -> Option<Vec<&str>> {
        claims.get(name)?.as_array().map(|list| list.iter().filter_map(Value::as_str).collect())
    };
    let (channels, permissions) = (words("channels"), words("permissions"));
    if channels.is_none() && permissions.is_none() {
        return Ok(Grants::of_key(key.clone()));
    }
    let actions =
        permissions.map_or(Ok(Actions::ALL), Actions::from_words).map_err(|_| CloseCode::INVALID_TOKEN)?;
    let patterns = channels.map(|list| patterns(&list)).transpose()?;
    Ok(Grants::of_token(key.clone(), TokenScope { patterns, actions }))
}

fn patterns(list: &[&str]) -> Result<PatternSet, CloseCode> {
    let list = list.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
    PatternSet::new(list.map_err(|_| CloseCode::INVALID_TOKEN)?).map_err(|_| CloseCode::INVALID_TOKEN)
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("JSON that was just written")
}

pub(super) fn key() -> KeyRecord {
    KeyRecord {
        id: "sk_id_labxxxxxxxxxxxxx".parse().expect("a valid key id"),
        app: super::app_id(),
        secret: None,
        patterns: patterns(&["**"]).expect("a valid pattern"),
        actions: Actions::ALL,
        allowed_origins: AllowedOrigins::default(),
        allow_missing_origin: true,
        inject_turn: true,
        name: String::new(),
        created_at: 0,
        revoked_at: None,
    }
}

/// The members of a URL's query, decoded.
fn query_of(url: &str) -> Vec<(String, String)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                plain.push(value);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
