//! `peerhall serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use peerhall_server::Server;
use peerhall_server::config::{Config, RawConfig};
use peerhall_server::store::SqliteStore;
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::log;
use crate::output::{BOLD, print, print_json};
use crate::signals::StopSignal;
use crate::usage::listen_address;

/// Start a server for production
///
/// Settings come from the file, then the environment (PEERHALL_…), then these flags; later ones win.
/// SIGTERM or Ctrl-C stops it politely: clients are told to come back, and to whom. A second signal ends
/// it at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall serve --data /var/lib/peerhall
  peerhall serve --config /etc/peerhall.toml --listen 0.0.0.0:443
  peerhall serve --data /var/lib/peerhall --listen 0.0.0.0:7788 --turn 0.0.0.0:3478
  peerhall serve --data ./data --listen 127.0.0.1:0 --json

`peerhall config schema` prints a file to start from; `peerhall key create` makes the first key.")]
pub(crate) struct Serve {
    /// Folder for apps, keys and usage; made if it is not there
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:7788]; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    /// Address and port of STUN and TURN; may be given more than once [default: off]
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    turn: Vec<SocketAddr>,
    /// TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one line of JSON when ready: listen, url and turn
    #[arg(long)]
    json: bool,
}

/// What is printed once the server listens.
#[derive(Debug, Serialize)]
struct Ready {
    listen: SocketAddr,
    url: String,
    /// Where STUN and TURN are served; left out when they are off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turn: Vec<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let json = self.json;
        let config = self.config()?;
        log::start(&config.log);
        let Some(folder) = &config.data_dir else {
            let text =
                "serve needs a folder for its data; give --data DIR, or set data_dir or PEERHALL_DATA_DIR";
            return Err(Failure::Usage(text.to_owned()));
        };
        let store = SqliteStore::open(folder)?;
        let stop = StopSignal::listen()?;
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };

        let server = Server::start(config, Box::new(store))?;
        let listen = server.local_addr();
        let host = SocketAddr::new(reachable(listen.ip()), listen.port());
        let turn = server.turn_addrs().to_vec();
        let ready = Ready { listen, url: format!("{scheme}://{host}"), turn };
        if json {
            print_json(&ready)?;
        } else {
            print(&format!("Peerhall listens on {BOLD}{listen}{BOLD:#}; url for SDKs: {}\n", ready.url))?;
            for turn in &ready.turn {
                print(&format!("STUN and TURN listen on {BOLD}{turn}{BOLD:#}\n"))?;
            }
        }
        stop.wait();
        server.drain();
        Ok(())
    }

    fn config(self) -> Result<Config, Failure> {
        let file = self.config.as_deref().map_or_else(|| Ok(RawConfig::default()), RawConfig::read)?;
        let mut config = Config::default().with(file.overlay(environment()?))?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.data_dir = self.data.or(config.data_dir);
        if !self.turn.is_empty() {
            config.turn.listen = self.turn;
        }
        Ok(config)
    }
}

/// The settings in the environment of this process.
pub(super) fn environment() -> Result<RawConfig, Failure> {
    // A variable that is no text is none of ours.
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(RawConfig::from_env(texts)?)
}

/// An address by which this machine reaches a server that listens on `ip`.
pub(super) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => ip,
    }
}
