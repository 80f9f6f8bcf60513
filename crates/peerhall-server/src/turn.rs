//! The STUN and TURN service as part of this server.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use peerhall_auth::turn::TurnSecret;
use peerhall_turn::{EngineOptions, PeerFilter, Setup, StartError, TurnServer};
use rustls::ServerConfig;

use crate::config::{Turn, WhenTaken};

/// Name of the stored secret that passwords are made with; it survives a restart, as calls do.
pub(crate) const SECRET_NAME: &str = "turn";

/// The secret as text: 64 hex digits.
#[expect(clippy::expect_used, reason = "the text has 64 characters, and only the empty one is refused")]
pub(crate) fn secret_of(bytes: &[u8; 32]) -> TurnSecret {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    TurnSecret::new(&text).expect("a secret that is not empty")
}

/// Starts the service, unless it is off. With `tls` its ports greet clients that begin with TLS, too.
pub(crate) fn start(
    config: &Turn,
    secret: &TurnSecret,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Option<TurnServer>, StartError> {
    let Some(first) = config.listen.first() else { return Ok(None) };
    let mut setup = Setup::at(*first, secret.clone());
    let relay = |ipv4: bool| config.relay.iter().copied().find(|relay| relay.bound.is_ipv4() == ipv4);
    setup.listen.clone_from(&config.listen);
    setup.tls = tls;
    setup.engine = EngineOptions {
        ipv4: relay(true),
        ipv6: relay(false),
        quotas: config.quotas.clone(),
        ..EngineOptions::default()
    };
    setup.ports = config.ports.clone();
    setup.filter = PeerFilter {
        allowed: config.allow_peers.clone(),
        denied: config.deny_peers.clone(),
        own: Vec::new(),
    };
    setup.threads = config.threads.unwrap_or(setup.threads);
    if !config.allow_peers.is_empty() {
        let ranges: Vec<String> = config.allow_peers.iter().map(ToString::to_string).collect();
        tracing::warn!(?ranges, "TURN relays to these ranges: whoever may use it reaches what listens there");
    }
    match TurnServer::start(setup.clone()) {
        Err(StartError::Listen { source, .. })
            if config.when_taken == WhenTaken::TakeAnother && source.kind() == io::ErrorKind::AddrInUse =>
        {
            setup.listen.iter_mut().for_each(|address: &mut SocketAddr| address.set_port(0));
            TurnServer::start(setup).map(Some)
        }
        started => started.map(Some),
    }
}
