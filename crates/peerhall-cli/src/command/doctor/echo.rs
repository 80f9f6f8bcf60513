//! Payload through a relay and back: from one allocation to another of the same server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerhall_rtc::config::{IceServer, TransportPolicy};
use peerhall_rtc::net::server::ServerTransport;
use peerhall_rtc::net::{CandidateKind, Loopback, NetEvent, Network, NetworkConfig, Packets, ServerFailure};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::plan::Relay;
use super::report::Line;

/// How long a server may take to give an address.
pub(super) const ALLOCATED_WITHIN: Duration = Duration::from_secs(5);

/// How long payload may take until the first of it is back.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// How often payload is sent anew: datagrams get lost.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// How long a server may take to confirm that an address is given back.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoEcho {
    /// The server gives no address.
    Server(ServerFailure),
    /// This machine has no socket to ask with.
    NoSocket(String),
    /// The server gave addresses, and what is sent through them is lost.
    Lost,
}

/// A relayed address.
pub(super) struct Leg {
    pub(super) network: Network,
    pub(super) at: SocketAddr,
}

impl Leg {
    /// Asks a server for an address.
    pub(super) async fn allocate(server: &IceServer, loopback: Loopback) -> Result<Self, NoEcho> {
        let config = NetworkConfig {
            ice_servers: vec![server.clone()],
            transport_policy: TransportPolicy::Relay,
            loopback,
            gather_timeout: ALLOCATED_WITHIN,
            ..NetworkConfig::default()
        };
        let mut network = Network::open(config).map_err(|error| NoEcho::NoSocket(error.to_string()))?;
        network.gather();
        loop {
            match network.next().await {
                NetEvent::Candidate(candidate) if matches!(candidate.kind, CandidateKind::Relayed { .. }) => {
                    return Ok(Self { network, at: candidate.addr });
                }
                NetEvent::Failed { reason, .. } => return Err(NoEcho::Server(reason)),
                NetEvent::GatheringDone => return Err(NoEcho::Server(ServerFailure::Timeout)),
                NetEvent::Candidate(_)
                | NetEvent::CandidateLost(_)
                | NetEvent::Packets(_)
                | NetEvent::Changed => {}
            }
        }
    }

    pub(super) fn send(&mut self, to: SocketAddr, payload: &[u8]) {
        self.network.send(self.at, to, payload);
    }

    /// The next payload. Cancel safe.
    pub(super) async fn receive(&mut self) -> Result<Packets, NoEcho> {
        receive(&mut self.network).await
    }
}

/// The next payload on any address of a network. Cancel safe.
pub(super) async fn receive(network: &mut Network) -> Result<Packets, NoEcho> {
    loop {
        match network.next().await {
            NetEvent::Packets(packets) => return Ok(packets),
            NetEvent::Failed { reason, .. } => return Err(NoEcho::Server(reason)),
            NetEvent::Candidate(_)
            | NetEvent::CandidateLost(_)
            | NetEvent::GatheringDone
            | NetEvent::Changed => {}
        }
    }
}

/// Sends something through a relay and back. Returns the time that took.
pub(super) async fn echo(server: &IceServer, loopback: Loopback) -> Result<Duration, NoEcho> {
    let allocating = (Leg::allocate(server, loopback), Leg::allocate(server, loopback));
    let (mut one, mut other) = tokio::try_join!(allocating.0, allocating.1)?;
    let result = timeout(BACK_WITHIN, bounce(&mut one, &mut other)).await;
    tokio::join!(one.network.close(CLOSED_WITHIN), other.network.close(CLOSED_WITHIN));
    result.unwrap_or(Err(NoEcho::Lost))
}

async fn bounce(one: &mut Leg, other: &mut Leg) -> Result<Duration, NoEcho> {
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent: Vec<Instant> = Vec::new();
    loop {
        tokio::select! {
            _ = again.tick() => {
                // Whoever sends lets the answers of that address in.
                other.send(one.at, b"open");
                one.send(other.at, format!("ask {}", sent.len()).as_bytes());
                sent.push(Instant::now());
            }
            packets = other.receive() => {
                let packets = packets?;
                for datagram in packets.datagrams.iter().filter(|datagram| datagram.starts_with(b"ask ")) {
                    other.network.send(other.at, packets.remote, datagram);
                }
            }
            packets = one.receive() => {
                let back = |datagram: &[u8]| {
                    let number = std::str::from_utf8(datagram).ok()?.strip_prefix("ask ")?;
                    sent.get(number.parse::<usize>().ok()?)
                };
                if let Some(sent) = packets?.datagrams.iter().find_map(back) {
                    return Ok(sent.elapsed());
                }
            }
        }
    }
}

/// What an echo says about a relay.
pub(super) fn line(relay: &Relay, result: Result<Duration, NoEcho>) -> Line {
    let check = format!("turn {}", name(relay.via));
    let url = &relay.url;
    match result {
        Ok(took) => Line::good(check, format!("{url} relays: there and back in {} ms", took.as_millis())),
        Err(NoEcho::NoSocket(error)) => {
            Line::bad(check, format!("{url}: {error}"), "Connect this machine to a network.")
        }
        Err(NoEcho::Lost) => {
            let cure = "Open the relay's UDP ports (`turn.ports`) to everybody, and name the public address in \
                        `turn.relay` if the server is behind a NAT.";
            Line::bad(check, format!("{url} gives addresses, and what is sent through them is lost"), cure)
        }
        Err(NoEcho::Server(failure)) if is_of_another_family(&failure) => {
            Line::unknown(check, format!("{url}: this machine has no address of its family"))
        }
        Err(NoEcho::Server(failure)) => {
            Line::bad(check, format!("{url}: {failure}"), cure(&failure, relay.via))
        }
    }
}

/// Whether a server has an address of a family (IPv4, IPv6) of which this machine has none.
fn is_of_another_family(failure: &ServerFailure) -> bool {
    matches!(failure, ServerFailure::NoRoute | ServerFailure::Connection(ErrorKind::NetworkUnreachable))
}

fn cure(failure: &ServerFailure, via: ServerTransport) -> &'static str {
    match failure {
        ServerFailure::NameNotFound => "Set `turn.host` to a name or address that clients can resolve.",
        ServerFailure::Timeout if via == ServerTransport::Udp => {
            "Open the UDP port of this URL in the firewalls up to the server; where UDP is not wanted, TCP and \
             TLS do."
        }
        ServerFailure::Timeout | ServerFailure::Connection(_) => {
            "Start TURN on this port (`turn.listen`), and open its TCP port in the firewalls up to the server."
        }
        ServerFailure::Tls(_) => {
            "Give the server a certificate for the name in this URL, or set `turn.host` to the name in the \
             certificate."
        }
        ServerFailure::Unauthorized => {
            "Give `turn_external.secret` the value of coturn's static-auth-secret; with the relay inside, mint a \
             token without iceServers of its own."
        }
        ServerFailure::Forbidden => "Let the policy of the TURN server allow this client.",
        ServerFailure::QuotaReached => "Wait ten minutes, or raise `turn.ports_per_user`.",
        ServerFailure::InsufficientCapacity => "Raise `turn.ports_per_thread` or widen `turn.ports`.",
        ServerFailure::FamilyUnsupported => "Give the server an address of this family in `turn.relay`.",
        ServerFailure::CredentialTooLong => "Use a shorter peer id: the user name of TURN holds it.",
        // The enum is open; its texts say what is wrong.
        ServerFailure::NoRoute
        | ServerFailure::AllocationMismatch
        | ServerFailure::StaleNonce
        | ServerFailure::Redirected
        | ServerFailure::Refused(_)
        | ServerFailure::Protocol
        | ServerFailure::NoCandidates
        | _ => {
            "Look into the TURN server's log: it does not keep to RFC 8656, or something in between does not."
        }
    }
}

pub(super) const fn name(via: ServerTransport) -> &'static str {
    match via {
        ServerTransport::Udp => "udp",
        ServerTransport::Tcp => "tcp",
        ServerTransport::Tls => "tls",
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn every_failure_of_a_relay_has_a_cure() {
        for via in [ServerTransport::Udp, ServerTransport::Tcp, ServerTransport::Tls] {
            let relay = Relay { server: IceServer::default(), via, url: "turn:a".to_owned() };
            let failures = [
                ServerFailure::NameNotFound,
                ServerFailure::Timeout,
                ServerFailure::Connection(ErrorKind::ConnectionRefused),
                ServerFailure::Tls("expired".to_owned()),
                ServerFailure::Unauthorized,
                ServerFailure::QuotaReached,
                ServerFailure::Refused(499),
            ];
            let failures = failures.map(NoEcho::Server).into_iter();
            for failure in failures.chain([NoEcho::Lost, NoEcho::NoSocket("none".to_owned())]) {
                let line = line(&relay, Err(failure));
                assert!(line.verdict() == Verdict::Bad, "{line:?}");
                assert!(line.cure().is_some_and(|cure| cure.ends_with('.')), "{line:?}");
            }
            assert_eq!(line(&relay, Ok(Duration::ZERO)).verdict(), Verdict::Good);
            let other_family = line(&relay, Err(NoEcho::Server(ServerFailure::NoRoute)));
            assert_eq!(other_family.verdict(), Verdict::Unknown);
        }
    }
}
