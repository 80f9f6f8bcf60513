//! The ICE servers that a `welcome` carries: an external STUN and TURN service and credentials for it,
//! made for each connection (authentication, section 7).

use peerhall_auth::turn::{TurnSecret, credential_lifetime_secs, inject_ice_servers, turn_credentials};
use peerhall_hub::Now;
use peerhall_proto::ids::PeerId;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::ExternalTurn;

/// The configured service.
#[derive(Debug)]
pub(crate) struct IceServers {
    stun: Vec<String>,
    turn: Vec<String>,
    secret: TurnSecret,
    lifetime_secs: u64,
}

/// One entry of `iceServers`, as browsers read it.
#[derive(Serialize)]
struct Entry<'a> {
    urls: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
}

impl IceServers {
    /// Takes over a checked setting; `None` when its secret is empty, which the check refuses.
    pub(crate) fn new(config: &ExternalTurn) -> Option<Self> {
        let (turn, stun): (Vec<_>, Vec<_>) = config.urls.iter().partition(|url| url.is_turn());
        let text =
            |urls: Vec<&crate::config::IceUrl>| urls.iter().map(|url| url.as_str().to_owned()).collect();
        Some(Self {
            stun: text(stun),
            turn: text(turn),
            secret: TurnSecret::new(config.secret.expose()).ok()?,
            lifetime_secs: config.lifetime.as_secs(),
        })
    }

    /// `welcome.metadata` of a connection: the token's own list wins, everything else stays as signed.
    pub(crate) fn inject(
        &self,
        metadata: Option<&RawValue>,
        peer: &PeerId,
        now: Now,
        token_expires_at_ms: Option<i64>,
    ) -> Option<Box<RawValue>> {
        let lifetime = credential_lifetime_secs(now.unix_ms, token_expires_at_ms).max(self.lifetime_secs);
        let credentials = turn_credentials(&self.secret, peer, now.unix_secs(), lifetime);
        let mut entries = Vec::with_capacity(2);
        if !self.stun.is_empty() {
            entries.push(Entry { urls: &self.stun, username: None, credential: None });
        }
        if !self.turn.is_empty() {
            entries.push(Entry {
                urls: &self.turn,
                username: Some(&credentials.username),
                credential: Some(&credentials.credential),
            });
        }
        let list = serde_json::to_string(&entries).unwrap_or_default();
        inject_ice_servers(metadata, &list)
    }
}
