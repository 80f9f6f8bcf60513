//! From the head of an upgrade request to what the hub needs to know of the connection: source
//! address, credential, identity, ICE servers (authentication, sections 6 to 8).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use peerhall_auth::keyring::{Credential, Denied, Identity, Keyring, TokenPolicy};
use peerhall_auth::resume::ResumeKey;
use peerhall_hub::{Client, IceRenewal, Now, Opening, Tick};
use peerhall_proto::code::CloseCode;
use peerhall_proto::ids::PeerId;
use serde_json::value::RawValue;

use crate::addresses::AddressBook;
use crate::config::Config;
use crate::ice::{Holder, IceServers, Reached};
use crate::usage::UsageBook;
use crate::ws::handshake::{Head, query_params};

/// Value of the query parameter `client` with which our own SDK begins. Such clients need no pause
/// between `ack` and snapshot.
const OWN_CLIENT_PREFIX: &str = "peerhall";

/// Why a socket that was upgraded is closed without a `welcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'static str,
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self { code: CloseCode(denied.close_code()), reason: denied.reason() }
    }
}

/// Everything that admission looks at, shared by all shards but for the keyring, of which each has
/// its own view.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) config: Arc<Config>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) addresses: Arc<AddressBook>,
    pub(crate) usage: Arc<UsageBook>,
    pub(crate) resume: ResumeKey,
    pub(crate) ice: Option<Arc<IceServers>>,
}

#[derive(Default)]
struct Query<'q> {
    keys: Vec<Option<Cow<'q, str>>>,
    tokens: Vec<Option<Cow<'q, str>>>,
    resume: Option<Cow<'q, str>>,
    is_own_client: bool,
}

impl Admission {
    /// The client's address: that of the socket, or what a trusted proxy says (decision D16).
    pub(crate) fn source(&self, head: &Head<'_>, socket: IpAddr) -> IpAddr {
        if !self.config.trusts(socket) {
            return socket;
        }
        head.forwarded_for()
            .rev()
            .map_while(|text| text.parse::<IpAddr>().ok())
            .find(|address| !self.config.trusts(*address))
            .unwrap_or(socket)
    }

    /// Counts a connection attempt; an error says in how many seconds the next one is welcome.
    pub(crate) fn check_rate(&self, source: IpAddr, socket: IpAddr, now: Tick) -> Result<(), u64> {
        let exempt = socket.to_canonical().is_loopback() && !self.config.trusts(socket);
        match self.config.limits.connects_per_minute {
            Some(limit) if !exempt => self.addresses.admit(source, limit, now),
            Some(_) | None => Ok(()),
        }
    }

    /// Authenticates an upgraded connection.
    pub(crate) fn admit(&self, head: &Head<'_>, socket: IpAddr, now: Now) -> Result<Opening, Refused> {
        let query = Query::of(head);
        let policy = TokenPolicy {
            max_lifetime_secs: self.config.tokens.max_lifetime.map(|lifetime| lifetime.as_secs()),
        };
        let credential = query.credential()?;
        let identity = self.keyring.authenticate(credential, head.origin(), now.unix_ms, &policy)?;
        let (peer, resume) = match identity.peer.clone() {
            Some(peer) => (peer, None),
            None => self.name_peer(&identity, query.resume.as_deref())?,
        };
        let (metadata, renewal) = match &self.ice {
            Some(ice) if identity.grants.key().inject_turn => {
                let holder = Holder {
                    app: &identity.app.id,
                    peer: &peer,
                    token_expires_at_ms: identity.expires_at_ms,
                    reached: self.reached(head, socket),
                };
                ice.inject(identity.metadata.as_deref(), holder, now)
            }
            Some(_) | None => (identity.metadata, None),
        };
        Ok(Opening {
            usage: self.usage.of(&identity.app.id),
            app: identity.app,
            grants: identity.grants,
            peer,
            client: if query.is_own_client { Client::Peerhall } else { Client::Foreign },
            expires_at: identity.expires_at,
            expires_at_ms: identity.expires_at_ms,
            welcome_metadata: metadata,
            resume,
            peer_metadata: identity.peer_metadata.map(Arc::new),
            renewal,
        })
    }

    /// Other ICE servers for a connection, and after how many milliseconds they are to be renewed.
    pub(crate) fn renew(&self, due: &IceRenewal, now: Now) -> Option<(Box<RawValue>, u64)> {
        self.ice.as_ref()?.renew(due, now)
    }

    /// How the client names this server. Behind a proxy the name is that of the proxy, which does not pass
    /// TURN on.
    fn reached<'h>(&self, head: &Head<'h>, socket: IpAddr) -> Option<Reached<'h>> {
        if self.config.trusts(socket) {
            return None;
        }
        head.host().and_then(Reached::read)
    }

    /// A peer with a publishable key keeps the id that it can prove, or gets a new random one.
    fn name_peer(
        &self,
        identity: &Identity,
        resume: Option<&str>,
    ) -> Result<(PeerId, Option<String>), Refused> {
        let (app, key) = (&identity.app.id, &identity.grants.key().id);
        let known = resume.and_then(|value| self.resume.verify(app, key, value));
        let peer = match known {
            Some(peer) => peer,
            None => random_peer()?,
        };
        let value = self.resume.issue(app, key, &peer);
        Ok((peer, Some(value)))
    }
}

impl<'q> Query<'q> {
    fn of(head: &Head<'q>) -> Self {
        let mut query = Self::default();
        for param in query_params(head.query()) {
            let value = param.value.ok();
            match &*param.name {
                "key" => query.keys.push(value),
                "token" => query.tokens.push(value),
                "resume" => query.resume = value,
                "client" => {
                    query.is_own_client = value.is_some_and(|value| value.starts_with(OWN_CLIENT_PREFIX));
                }
                _ => {}
            }
        }
        query
    }

    /// Exactly one of `key` and `token`, not empty and decodable.
    fn credential(&self) -> Result<Credential<'_>, Refused> {
        let credential = match (self.keys.as_slice(), self.tokens.as_slice()) {
            ([Some(key)], []) if !key.is_empty() => Some(Credential::Key(key)),
            ([], [Some(token)]) if !token.is_empty() => Some(Credential::Token(token)),
            _ => None,
        };
        credential.ok_or(Refused::from(Denied::InvalidCredential))
    }
}

fn random_peer() -> Result<PeerId, Refused> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|_| Refused { code: CloseCode::SERVER_FAULT, reason: "no randomness" })?;
    Ok(PeerId::from_random(random))
}
