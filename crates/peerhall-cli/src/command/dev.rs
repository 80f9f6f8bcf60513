//! `peerhall dev`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use clap::Args;
use peerhall_auth::action::Actions;
use peerhall_auth::key::{AppRecord, KeyKind, KeyRecord, Secret};
use peerhall_auth::pattern::PatternSet;
use peerhall_proto::ids::AppId;
use peerhall_server::config::{Config, DEFAULT_PORT, DEFAULT_TURN_PORT, WhenTaken};
use peerhall_server::store::{MemoryStore, Store};
use peerhall_server::{DevInfo, Server, StartError};
use serde::Serialize;

use super::serve::{environment, reachable};
use crate::data::{DEFAULT_APP, stamp};
use crate::failure::{Failure, Outcome};
use crate::log;
use crate::output::{BOLD, print, print_json, qr_code};
use crate::signals::StopSignal;
use crate::usage::listen_address;

/// Start a server to try: everything on, in memory, with throw-away keys
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall dev
  peerhall dev --listen 127.0.0.1:0 --json     a free port, and one line for programs
  peerhall dev --lan                           for other devices on this network

Ctrl-C stops it and forgets everything. `peerhall serve` is for production.")]
pub(crate) struct Dev {
    /// Address and port; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDR",
        value_parser = listen_address,
        default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT)
    )]
    listen: SocketAddr,
    /// Listen on all IPv4 addresses of this machine, at the port of --listen
    #[arg(long)]
    lan: bool,
    /// Address and port of STUN and TURN [default: that of --listen at 3478, or a free port when that is
    /// taken]
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    turn: Option<SocketAddr>,
    /// Print one line of JSON when ready: listen, url, page, console, turn, publishableKey, secretKey
    #[arg(long)]
    json: bool,
}

/// What is printed once the server listens.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready<'a> {
    listen: SocketAddr,
    url: String,
    page: String,
    console: String,
    /// Where STUN and TURN are served.
    turn: Option<SocketAddr>,
    publishable_key: &'a str,
    secret_key: Pair<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair<'a> {
    key_id: &'a str,
    secret: &'a str,
}

impl Dev {
    pub(super) fn run(self) -> Outcome {
        let mut config = Config::dev().with(environment()?)?;
        config.listen = self.listen;
        if self.lan {
            config.listen.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        }
        self.set_turn(&mut config);
        // Nothing is kept, whatever the environment says.
        config.data_dir = None;
        log::start(&config.log);
        let stop = StopSignal::listen()?;

        let app: AppId = DEFAULT_APP.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
        let mut store = MemoryStore::new();
        store.create_app(&AppRecord::new(app.clone()), &stamp())?;
        let publishable = add_key(&mut store, KeyKind::Publishable, &app)?;
        let secret = add_key(&mut store, KeyKind::Secret, &app)?;

        let secure = config.tls.is_some();
        let mut info = DevInfo::new(publishable.id.as_str().to_owned()).map_err(StartError::from)?;
        info.lan = if self.lan { lan_address() } else { None };
        let console_token = info.console_token.clone();
        let server = Server::start_dev(config, Box::new(store), info)?;
        let listen = server.local_addr();
        let host = SocketAddr::new(self.host(listen.ip()), listen.port());
        let (ws, http) = if secure { ("wss", "https") } else { ("ws", "http") };
        let ready = Ready {
            listen,
            url: format!("{ws}://{host}"),
            page: format!("{http}://{host}/"),
            console: console_link(http, host, Some(&*console_token).filter(|_| !listen.ip().is_loopback())),
            turn: server.turn_addrs().first().copied(),
            publishable_key: publishable.id.as_str(),
            secret_key: Pair {
                key_id: secret.id.as_str(),
                secret: secret.secret.as_ref().map_or("", Secret::expose),
            },
        };
        if self.json {
            print_json(&ready)?
        } else {
            print(&block(&ready, self.lan, secure))?
        }
        stop.wait();
        server.drain();
        Ok(())
    }

    /// STUN and TURN are on; what the environment says about them goes before the default.
    fn set_turn(&self, config: &mut Config) {
        match self.turn {
            Some(address) => config.turn.listen = vec![address],
            None if config.turn.listen.is_empty() => {
                config.turn.listen = vec![SocketAddr::new(config.listen.ip(), DEFAULT_TURN_PORT)];
                config.turn.when_taken = WhenTaken::TakeAnother;
            }
            None => {}
        }
    }

    /// The address that clients should use for a server that listens on `ip`.
    fn host(&self, ip: IpAddr) -> IpAddr {
        if self.lan { lan_address().unwrap_or_else(|| reachable(ip)) } else { reachable(ip) }
    }
}

/// Where the console is. This machine needs no token; a browser on another one uses it up.
fn console_link(http: &str, host: SocketAddr, token: Option<&str>) -> String {
    let token = token.map(|token| format!("#token={token}"));
    format!("{http}://{host}/console{}", token.unwrap_or_default())
}

fn add_key(store: &mut dyn Store, kind: KeyKind, app: &AppId) -> Result<KeyRecord, Failure> {
    let everything = "**".parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let stamp = stamp();
    let mut key = KeyRecord::generate(kind, app.clone(), PatternSet::for_key(vec![everything])?, stamp.at)?;
    key.actions = Actions::ALL;
    "dev".clone_into(&mut key.name);
    store.create_key(&key, &stamp)?;
    Ok(key)
}

/// The address by which other devices of the network reach this machine. Connecting a datagram socket
/// sends nothing; it makes the system choose the address it would send from.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737), which the default route covers.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

/// The address for the camera of a phone; `None` when it is too long for a picture.
fn picture(url: &str) -> Option<String> {
    Some(format!("\nOn a phone in this network, with its camera:\n\n{}\n", qr_code(url)?))
}

fn block(ready: &Ready<'_>, is_lan: bool, is_secure: bool) -> String {
    let lan_without_tls = is_lan && !is_secure;
    let phone = if is_lan { picture(&ready.page).unwrap_or_default() } else { String::new() };
    let Ready { url, page, console, turn, publishable_key, secret_key, .. } = ready;
    let turn = turn.map_or_else(|| "off".to_owned(), |turn| turn.to_string());
    let Pair { key_id, secret } = secret_key;
    let note = if lan_without_tls {
        "\nOn other devices, browsers give the camera to pages with TLS only, and the vendor's SDKs accept \
         plain ws:// on localhost only.\n"
    } else {
        ""
    };
    format!(
        "{BOLD}Peerhall is running.{BOLD:#} Everything is in memory. Ctrl-C stops.\n\n  \
           page             {BOLD}{page}{BOLD:#}\n  \
           console          {BOLD}{console}{BOLD:#}\n  \
           url for SDKs     {BOLD}{url}{BOLD:#}\n  \
           STUN and TURN    {turn}, in every welcome\n  \
           publishable key  {BOLD}{publishable_key}{BOLD:#}\n  \
           secret key       {key_id}\n  \
           its secret       {secret}\n\n\
         Mint a token for a peer:\n  \
           curl {page}v1/tokens -H 'Authorization: Bearer {key_id}:{secret}' -d '{{\"peerId\":\"alice\"}}'\n{note}{phone}"
    )
}
