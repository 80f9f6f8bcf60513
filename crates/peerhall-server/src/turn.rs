//! The STUN and TURN service as part of this server.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
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

/// What the service is made of; `None` when it is off. With `tls` its ports greet clients that begin with
/// TLS, too.
pub(crate) fn setup(config: &Turn, secret: &TurnSecret, tls: Option<Arc<ServerConfig>>) -> Option<Setup> {
    let mut setup = Setup::at(*config.listen.first()?, secret.clone());
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
    Some(setup)
}

/// Descriptors that a service may need: one for each relay port and each connection.
pub(crate) fn most_descriptors(setup: &Setup) -> usize {
    let ports = usize::try_from(setup.engine.quotas.ports.get()).unwrap_or(usize::MAX);
    ports.saturating_add(setup.streams).saturating_mul(setup.threads.get())
}

/// Starts the service with at most so many descriptors beside those of its listeners.
pub(crate) fn start(config: &Turn, mut setup: Setup, descriptors: usize) -> Result<TurnServer, StartError> {
    if descriptors < most_descriptors(&setup) {
        limit(&mut setup, descriptors);
    }
    if !config.allow_peers.is_empty() {
        let ranges: Vec<String> = config.allow_peers.iter().map(ToString::to_string).collect();
        tracing::warn!(?ranges, "TURN relays to these ranges: whoever may use it reaches what listens there");
    }
    match TurnServer::start(setup.clone()) {
        Err(StartError::Listen { source, .. })
            if config.when_taken == WhenTaken::TakeAnother && source.kind() == io::ErrorKind::AddrInUse =>
        {
            setup.listen.iter_mut().for_each(|address: &mut SocketAddr| address.set_port(0));
            TurnServer::start(setup)
        }
        started => started,
    }
}

/// Shares few descriptors out: half of each thread's for ports, if these want so many, and what they leave
/// for connections.
fn limit(setup: &mut Setup, descriptors: usize) {
    let each = descriptors / setup.threads;
    let ports = u32::try_from(each / 2).unwrap_or(u32::MAX).min(setup.engine.quotas.ports.get());
    let left = each.saturating_sub(usize::try_from(ports).unwrap_or(usize::MAX));
    setup.engine.quotas.ports = NonZeroU32::new(ports).unwrap_or(NonZeroU32::MIN);
    setup.streams = setup.streams.min(left).max(1);
    let (ports, connections) = (setup.engine.quotas.ports, setup.streams);
    tracing::info!(
        ports,
        connections,
        "the limit of open files leaves each TURN thread so many relay ports and connections; raise it \
         (LimitNOFILE of systemd, ulimit -n)"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_shared_out_between_ports_and_connections_and_no_more_are_used() {
        let listen = vec!["127.0.0.1:3478".parse().unwrap()];
        let config = Turn { listen, threads: std::num::NonZeroUsize::new(2), ..Turn::default() };
        let whole = || setup(&config, &secret_of(&[7; 32]), None).unwrap();
        assert_eq!(most_descriptors(&whole()), 2 * (4_096 + 8_192));
        for (descriptors, ports, streams) in
            [(1, 1, 1), (64, 16, 16), (1_000, 250, 250), (20_000, 4_096, 5_904), (24_000, 4_096, 7_904)]
        {
            let mut setup = whole();
            limit(&mut setup, descriptors);
            assert_eq!((setup.engine.quotas.ports.get(), setup.streams), (ports, streams), "{descriptors}");
            assert!(descriptors < 4 || most_descriptors(&setup) <= descriptors);
        }
    }
}
