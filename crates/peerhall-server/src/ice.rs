//! The ICE servers that a `welcome` carries: STUN and TURN, and credentials for it, made for each
//! connection (authentication, section 7).

use std::net::{IpAddr, SocketAddr};

use peerhall_auth::turn::{
    RelayUser, TurnSecret, credential_lifetime_secs, inject_ice_servers, turn_credentials,
};
use peerhall_hub::Now;
use peerhall_proto::ids::{AppId, PeerId};
use peerhall_turn::{Handle, TurnServer};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::{ExternalTurn, Turn};

/// Longest life of a credential that kicks have to remember, beside that of the settings: tokens may
/// live long, but a kick that was forgotten after a year has done its work.
const LONGEST_LIFE_SECS: u64 = 366 * 86_400;

/// The configured services: the one inside, one outside, or both.
#[derive(Debug, Default)]
pub(crate) struct IceServers {
    external: Option<External>,
    embedded: Option<Embedded>,
}

#[derive(Debug)]
struct External {
    stun: Vec<String>,
    turn: Vec<String>,
    secret: TurnSecret,
    lifetime_secs: u64,
}

#[derive(Debug)]
struct Embedded {
    stun: Vec<String>,
    turn: Vec<String>,
    secret: TurnSecret,
    lifetime_secs: u64,
    handle: Handle,
}

/// One entry of `iceServers`, as browsers read it.
#[derive(Serialize)]
struct Entry<'a> {
    urls: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl IceServers {
    /// The services that are configured; `None` when there is none.
    pub(crate) fn new(
        external: Option<&ExternalTurn>,
        embedded: Option<(&Turn, &TurnServer, TurnSecret)>,
    ) -> Option<Self> {
        let servers = Self {
            external: external.and_then(External::new),
            embedded: embedded.map(|(config, server, secret)| Embedded::new(config, server, secret)),
        };
        (servers.external.is_some() || servers.embedded.is_some()).then_some(servers)
    }

    /// `welcome.metadata` of a connection: the token's own list wins, everything else stays as signed.
    pub(crate) fn inject(
        &self,
        metadata: Option<&RawValue>,
        app: &AppId,
        peer: &PeerId,
        now: Now,
        token_expires_at_ms: Option<i64>,
    ) -> Option<Box<RawValue>> {
        let lifetime = credential_lifetime_secs(now.unix_ms, token_expires_at_ms);
        let mut entries = Vec::with_capacity(4);
        if let Some(embedded) = &self.embedded {
            entries.extend(embedded.entries(app, peer, now, lifetime));
        }
        if let Some(external) = &self.external {
            entries.extend(external.entries(peer, now, lifetime));
        }
        let list = serde_json::to_string(&entries).unwrap_or_default();
        inject_ice_servers(metadata, &list)
    }

    /// Ends what a peer relays and makes its credentials worthless.
    pub(crate) fn revoke(&self, app: &AppId, peer: &PeerId) {
        if let Some(embedded) = &self.embedded {
            embedded.handle.revoke(app, peer, LONGEST_LIFE_SECS);
        }
    }
}

impl External {
    /// Takes over a checked setting; `None` when its secret is empty, which the check refuses.
    fn new(config: &ExternalTurn) -> Option<Self> {
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

    fn entries(&self, peer: &PeerId, now: Now, lifetime: u64) -> impl Iterator<Item = Entry<'_>> {
        let made = turn_credentials(&self.secret, peer, now.unix_secs(), lifetime.max(self.lifetime_secs));
        entries(&self.stun, &self.turn, made.username, made.credential)
    }
}

impl Embedded {
    fn new(config: &Turn, server: &TurnServer, secret: TurnSecret) -> Self {
        let hosts = server.addresses().iter().map(|address| told(config, server, *address));
        let hosts: Vec<String> = hosts.collect();
        Self {
            stun: hosts.iter().map(|host| format!("stun:{host}")).collect(),
            turn: hosts.iter().map(|host| format!("turn:{host}?transport=udp")).collect(),
            secret,
            lifetime_secs: config.lifetime.as_secs(),
            handle: server.handle(),
        }
    }

    fn entries(
        &self,
        app: &AppId,
        peer: &PeerId,
        now: Now,
        lifetime: u64,
    ) -> impl Iterator<Item = Entry<'_>> {
        let user = RelayUser {
            expires_at: now.unix_secs().saturating_add(lifetime.max(self.lifetime_secs)),
            app: app.clone(),
            issued_at_ms: u64::try_from(now.unix_ms).unwrap_or(0),
            peer: peer.clone(),
        };
        let made = user.credentials(&self.secret);
        entries(&self.stun, &self.turn, made.username, made.credential)
    }
}

/// STUN without credentials, TURN with them.
fn entries<'a>(
    stun: &'a [String],
    turn: &'a [String],
    username: String,
    credential: String,
) -> impl Iterator<Item = Entry<'a>> {
    let stun = (!stun.is_empty()).then_some(Entry { urls: stun, username: None, credential: None });
    let turn = Entry { urls: turn, username: Some(username), credential: Some(credential) };
    stun.into_iter().chain((!turn.urls.is_empty()).then_some(turn))
}

/// How clients are told to reach a listener: by the configured name, or by its address, which for a
/// listener on every address of the machine is the one that it relays from.
fn told(config: &Turn, server: &TurnServer, listener: SocketAddr) -> String {
    if let Some(host) = &config.host {
        return format!("{host}:{}", listener.port());
    }
    let [ipv4, ipv6] = server.relays();
    let relay = if listener.is_ipv4() { ipv4 } else { ipv6 };
    let ip: IpAddr = match relay {
        Some(relay) if listener.ip().is_unspecified() => relay.announced,
        Some(_) | None => listener.ip(),
    };
    SocketAddr::new(ip, listener.port()).to_string()
}
