//! The ICE servers that a `welcome` carries: STUN and TURN, and credentials for it, made for each
//! connection (authentication, section 7).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use peerhall_auth::turn::{
    RelayUser, TurnSecret, credential_lifetime_secs, inject_ice_servers, turn_credentials,
};
use peerhall_hub::{IceRenewal, Now, Renewal};
use peerhall_proto::ids::{AppId, PeerId};
use peerhall_turn::{Handle, TurnServer};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::{Config, ExternalTurn, Turn};

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
    secure: Option<Secure>,
    secret: TurnSecret,
    lifetime_secs: u64,
    handle: Handle,
}

/// How clients reach the service over TLS: by the listener that they came to, since their TLS got through
/// to that one.
#[derive(Debug)]
struct Secure {
    /// The configured name, in place of the one that a client used.
    host: Option<String>,
}

/// Whose list it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'h> {
    pub(crate) app: &'h AppId,
    pub(crate) peer: &'h PeerId,
    /// When its token ends, in Unix milliseconds.
    pub(crate) token_expires_at_ms: Option<i64>,
    /// How it came.
    pub(crate) reached: Option<Reached<'h>>,
}

/// How a client names this server, from the head of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'h> {
    host: &'h str,
    port: u16,
}

/// One entry of `iceServers`, as browsers read it.
#[derive(Serialize)]
struct Entry<'a> {
    urls: Cow<'a, [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl IceServers {
    /// The services that are configured; `None` when there is none.
    pub(crate) fn new(config: &Config, embedded: Option<(&TurnServer, TurnSecret)>) -> Option<Self> {
        let servers = Self {
            external: config.turn_external.as_ref().and_then(External::new),
            embedded: embedded.map(|(server, secret)| Embedded::new(config, server, secret)),
        };
        (servers.external.is_some() || servers.embedded.is_some()).then_some(servers)
    }

    /// `welcome.metadata` of a connection: the token's own list wins, everything else stays as signed. With
    /// it comes when what was put in is to be renewed.
    pub(crate) fn inject(
        &self,
        metadata: Option<&RawValue>,
        holder: Holder<'_>,
        now: Now,
    ) -> (Option<Box<RawValue>>, Option<Renewal>) {
        let list = self.list(holder, now);
        let injected = inject_ice_servers(metadata, &list);
        if injected.as_deref().map(RawValue::get) == metadata.map(RawValue::get) {
            return (injected, None);
        }
        let secure = self.embedded.as_ref().and_then(|embedded| embedded.secure.as_ref());
        let host = secure.and_then(|secure| secure.kept(holder.reached));
        (injected, Some(Renewal { after_ms: self.renew_after_ms(holder, now), host }))
    }

    /// Another list for a connection, and after how many milliseconds that is to be renewed.
    pub(crate) fn renew(&self, due: &IceRenewal, now: Now) -> Option<(Box<RawValue>, u64)> {
        let reached = due.host.as_deref().and_then(Reached::read);
        let holder = Holder { app: &due.app, peer: &due.peer, token_expires_at_ms: None, reached };
        let list = RawValue::from_string(self.list(holder, now)).ok()?;
        Some((list, self.renew_after_ms(holder, now)))
    }

    fn list(&self, holder: Holder<'_>, now: Now) -> String {
        let lifetime = credential_lifetime_secs(now.unix_ms, holder.token_expires_at_ms);
        let mut entries = Vec::with_capacity(4);
        if let Some(embedded) = &self.embedded {
            entries.extend(embedded.entries(holder, now, lifetime));
        }
        if let Some(external) = &self.external {
            entries.extend(external.entries(holder.peer, now, lifetime));
        }
        serde_json::to_string(&entries).unwrap_or_default()
    }

    /// Between eight and nine tenths of the shortest life, by the peer's id: those who connected together, as
    /// after a restart, are not all renewed together.
    fn renew_after_ms(&self, holder: Holder<'_>, now: Now) -> u64 {
        let lifetime = credential_lifetime_secs(now.unix_ms, holder.token_expires_at_ms);
        let embedded = self.embedded.as_ref().map(|embedded| embedded.lifetime_secs);
        let external = self.external.as_ref().map(|external| external.lifetime_secs);
        let life = [embedded, external].into_iter().flatten().min().unwrap_or(0).max(lifetime);
        let spread =
            holder.peer.as_str().bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000);
        // Thousandths of the life are as many milliseconds as it has seconds.
        life.saturating_mul(800 + spread / 10)
    }

    /// The service inside, which TCP connections may be handed to.
    pub(crate) fn relay(&self) -> Option<&Handle> {
        self.embedded.as_ref().map(|embedded| &embedded.handle)
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
        entries(&self.stun, Cow::Borrowed(&self.turn), made.username, made.credential)
    }
}

impl Embedded {
    fn new(config: &Config, server: &TurnServer, secret: TurnSecret) -> Self {
        let turn = &config.turn;
        let hosts = server.addresses().iter().map(|address| told(turn, server, *address));
        let hosts: Vec<String> = hosts.collect();
        let over = |transport: &'static str| {
            hosts.iter().map(move |host| format!("turn:{host}?transport={transport}"))
        };
        Self {
            stun: hosts.iter().map(|host| format!("stun:{host}")).collect(),
            turn: over("udp").chain(over("tcp")).collect(),
            secure: config.tls.is_some().then(|| Secure { host: turn.host.clone() }),
            secret,
            lifetime_secs: turn.lifetime.as_secs(),
            handle: server.handle(),
        }
    }

    fn entries(
        &self,
        Holder { app, peer, reached, .. }: Holder<'_>,
        now: Now,
        lifetime: u64,
    ) -> impl Iterator<Item = Entry<'_>> + use<'_> {
        let user = RelayUser {
            expires_at: now.unix_secs().saturating_add(lifetime.max(self.lifetime_secs)),
            app: app.clone(),
            issued_at_ms: u64::try_from(now.unix_ms).unwrap_or(0),
            peer: peer.clone(),
        };
        let made = user.credentials(&self.secret);
        let mut turn = Cow::Borrowed(&*self.turn);
        if let (Some(secure), Some(reached)) = (&self.secure, reached) {
            turn.to_mut().push(secure.url(reached));
        }
        entries(&self.stun, turn, made.username, made.credential)
    }
}

impl Secure {
    /// What a later list has to know of how the client came: also beside a configured name the port is the
    /// one that the client used.
    fn kept(&self, reached: Option<Reached<'_>>) -> Option<Box<str>> {
        reached.map(|reached| reached.to_string().into())
    }

    fn url(&self, reached: Reached<'_>) -> String {
        let host = self.host.as_deref().unwrap_or(reached.host);
        format!("turns:{host}:{}?transport=tcp", reached.port)
    }
}

impl<'h> Reached<'h> {
    /// Reads the `Host` header of a request that came over TLS; `None` when it is no name and no address.
    pub(crate) fn read(header: &'h str) -> Option<Self> {
        let (host, port) = match header.rsplit_once(':') {
            // The colons of a bare address of IPv6 stand inside its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            Some(_) | None => (header, 443),
        };
        let is_name = (1..=253).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_ipv6 = inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        (is_name || is_ipv6).then_some(Self { host, port })
    }
}

impl fmt::Display for Reached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// STUN without credentials, TURN with them.
fn entries<'a>(
    stun: &'a [String],
    turn: Cow<'a, [String]>,
    username: String,
    credential: String,
) -> impl Iterator<Item = Entry<'a>> {
    let stun = (!stun.is_empty()).then_some(Entry { urls: stun.into(), username: None, credential: None });
    let turn = Entry { urls: turn, username: Some(username), credential: Some(credential) };
    let turn = (!turn.urls.is_empty()).then_some(turn);
    stun.into_iter().chain(turn)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_a_client_used_is_read_or_not_believed() {
        for (header, host, port) in [
            ("example.org", "example.org", 443),
            ("example.org:8443", "example.org", 8_443),
            ("192.0.2.1:443", "192.0.2.1", 443),
            ("[2001:db8::1]", "[2001:db8::1]", 443),
            ("[2001:db8::1]:8443", "[2001:db8::1]", 8_443),
        ] {
            let reached = Reached::read(header).expect(header);
            assert_eq!((reached.host, reached.port), (host, port), "{header}");
            let again = reached.to_string();
            assert_eq!(Reached::read(&again).expect(header).to_string(), again, "what is kept is read again");
        }
        let long = "a".repeat(254);
        for wrong in ["", ":443", "a b", "a?b", "a/b", "a:b", "a:99999", "[a]", "[::1", "é", "a@b", &*long] {
            assert!(Reached::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_configured_name_wins_over_the_one_that_a_client_used() {
        let reached = Reached::read("proxy.example:8443").expect("a name");
        let url = |host: Option<&str>| Secure { host: host.map(str::to_owned) }.url(reached);
        assert_eq!(url(None), "turns:proxy.example:8443?transport=tcp");
        assert_eq!(url(Some("turn.example.org")), "turns:turn.example.org:8443?transport=tcp");
    }

    #[test]
    fn a_later_list_names_the_same_relay_as_the_first_whether_a_name_is_configured_or_not() {
        let reached = Reached::read("proxy.example:8443").expect("a name");
        for host in [None, Some("turn.example.org".to_owned())] {
            let secure = Secure { host };
            let kept = secure.kept(Some(reached)).expect("it came by a name");
            assert_eq!(secure.url(Reached::read(&kept).expect("a name")), secure.url(reached));
        }
    }

    #[test]
    fn a_list_is_renewed_between_eight_and_nine_tenths_of_its_life_and_not_for_all_at_once() {
        let servers = IceServers {
            external: Some(External {
                stun: Vec::new(),
                turn: vec!["turn:a".to_owned()],
                secret: TurnSecret::new("north-south").expect("a secret"),
                lifetime_secs: 86_400,
            }),
            embedded: None,
        };
        let app = "app".parse().expect("an app");
        let now = Now { at: peerhall_hub::Tick(0), unix_ms: 1_767_000_000_000 };
        let mut times = std::collections::BTreeSet::new();
        for name in ["alice", "bob", "6f1c2f0e-3d86-4f6e-9c53-0b7d8b4a4f1d"] {
            let peer = name.parse().expect("a peer");
            let holder = Holder { app: &app, peer: &peer, token_expires_at_ms: None, reached: None };
            let (injected, renewal) = servers.inject(None, holder, now);
            let after_ms = renewal.expect("its own list").after_ms;
            assert!((69_120_000..77_760_000).contains(&after_ms), "{after_ms}");
            times.insert(after_ms);
            let due = IceRenewal { conn: CONN, app: app.clone(), peer, host: None };
            let later = Now { unix_ms: now.unix_ms + i64::try_from(after_ms).expect("a time"), ..now };
            let (list, again) = servers.renew(&due, later).expect("another list");
            assert_eq!(again, after_ms);
            assert_ne!(injected.expect("a list").get(), list.get());
        }
        assert_eq!(times.len(), 3);
        // What the token says is not ours to renew.
        let own = RawValue::from_string(r#"{"iceServers":[]}"#.to_owned()).expect("JSON");
        let peer = "alice".parse().expect("a peer");
        let holder = Holder { app: &app, peer: &peer, token_expires_at_ms: None, reached: None };
        assert_eq!(servers.inject(Some(&own), holder, now).1, None);
    }

    const CONN: peerhall_hub::ConnId = peerhall_hub::ConnId { index: 0, generation: 0 };
}
