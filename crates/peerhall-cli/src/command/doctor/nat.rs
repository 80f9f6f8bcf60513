//! What kind of NAT stands between this machine and the server, in the terms of RFC 4787.
//!
//! RFC 5780 asks a server at two addresses. One server has one, and a relayed address on it is another port
//! of it: what a NAT does for another port is measured, what it does for another address is not.

use std::net::SocketAddr;
use std::time::Duration;

use peerhall_rtc::config::IceServer;
use peerhall_rtc::net::{CandidateKind, Loopback, NetEvent, Network, NetworkConfig};
use tokio::time::{interval, timeout};

use super::echo::{AGAIN, ALLOCATED_WITHIN, Leg, NoEcho, receive};
use super::report::Line;

/// How long something that was not asked for may take to come in.
const UNASKED_WITHIN: Duration = Duration::from_secs(3);

/// How long the relay may take to hear from this machine.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// What stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nat {
    /// The server sees this machine's own address.
    None,
    /// Other ports see the same address.
    Cone(Filter),
    /// Another port sees another address.
    Symmetric,
    /// It could not be found out.
    Unknown(Why),
}

/// Who gets in through a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Other ports than the one that was sent to.
    OtherPorts,
    /// Only who was sent to.
    SamePort,
}

/// Why the kind of a NAT is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// No STUN server answers.
    NoStun,
    /// The relay does not give an address, or does not pass on what is sent to it, as it does for
    /// private addresses.
    NoRelay,
}

/// This machine as the STUN server sees it.
struct Seen {
    network: Network,
    base: SocketAddr,
    mapped: SocketAddr,
}

/// Finds out.
pub(super) async fn find(stun: &IceServer, turn: &IceServer, loopback: Loopback) -> Nat {
    let mut seen = match look(stun, loopback).await {
        Ok(Some(seen)) => seen,
        Ok(None) => return Nat::None,
        Err(why) => return Nat::Unknown(why),
    };
    let Ok(mut leg) = Leg::allocate(turn, loopback).await else { return Nat::Unknown(Why::NoRelay) };
    // Before this machine has sent anything to the relay's address.
    let filter = match timeout(UNASKED_WITHIN, unasked(&mut seen, &mut leg)).await {
        Ok(Ok(())) => Filter::OtherPorts,
        Ok(Err(_)) => return Nat::Unknown(Why::NoRelay),
        Err(_) => Filter::SamePort,
    };
    match timeout(HEARD_WITHIN, heard(&mut seen, &mut leg)).await {
        Ok(Ok(from)) if from == seen.mapped => Nat::Cone(filter),
        Ok(Ok(_)) => Nat::Symmetric,
        Ok(Err(_)) | Err(_) => Nat::Unknown(Why::NoRelay),
    }
}

/// The address that the STUN server sees; `None` when it is the own one.
pub(super) async fn mapped(stun: &IceServer, loopback: Loopback) -> Result<Option<SocketAddr>, Why> {
    Ok(look(stun, loopback).await?.map(|seen| seen.mapped))
}

/// What the STUN server sees; `None` when it is the own address.
async fn look(stun: &IceServer, loopback: Loopback) -> Result<Option<Seen>, Why> {
    let config = NetworkConfig {
        ice_servers: vec![stun.clone()],
        loopback,
        gather_timeout: ALLOCATED_WITHIN,
        ..NetworkConfig::default()
    };
    let mut network = Network::open(config).map_err(|_| Why::NoStun)?;
    network.gather();
    let mut silent = 0;
    loop {
        match network.next().await {
            NetEvent::Candidate(candidate) if candidate.kind == CandidateKind::ServerReflexive => {
                let (base, mapped) = (candidate.base(), candidate.addr);
                return Ok(Some(Seen { network, base, mapped }));
            }
            NetEvent::Failed { .. } => silent += 1,
            NetEvent::GatheringDone if silent >= stun.urls.len() => return Err(Why::NoStun),
            NetEvent::GatheringDone => return Ok(None),
            NetEvent::Candidate(_)
            | NetEvent::CandidateLost(_)
            | NetEvent::Packets(_)
            | NetEvent::Changed => {}
        }
    }
}

/// Sends from the relay to what the STUN server saw, until it comes in.
async fn unasked(seen: &mut Seen, leg: &mut Leg) -> Result<(), NoEcho> {
    let mut again = interval(AGAIN);
    loop {
        tokio::select! {
            _ = again.tick() => leg.send(seen.mapped, b"unasked"),
            packets = receive(&mut seen.network) => {
                let packets = packets?;
                if packets.local == seen.base && packets.datagrams.iter().any(|datagram| datagram == b"unasked") {
                    return Ok(());
                }
            }
            packets = leg.receive() => drop(packets?),
        }
    }
}

/// Sends from this machine to the relay, until it says whom it sees.
async fn heard(seen: &mut Seen, leg: &mut Leg) -> Result<SocketAddr, NoEcho> {
    let mut again = interval(AGAIN);
    loop {
        tokio::select! {
            _ = again.tick() => {
                seen.network.send(seen.base, leg.at, b"heard");
                seen.network.flush();
            }
            packets = leg.receive() => {
                let packets = packets?;
                if packets.datagrams.iter().any(|datagram| datagram == b"heard") {
                    return Ok(packets.remote);
                }
            }
            packets = receive(&mut seen.network) => drop(packets?),
        }
    }
}

/// What a NAT means for calls.
pub(super) fn line(nat: Nat) -> Line {
    const PART: &str = "as far as one server can tell; RFC 5780 wants two addresses";
    match nat {
        Nat::None => Line::good("nat", "none between here and the server"),
        Nat::Cone(Filter::OtherPorts) => {
            Line::good("nat", format!("full cone or restricted: direct paths are found ({PART})"))
        }
        Nat::Cone(Filter::SamePort) => Line::good(
            "nat",
            format!("port-restricted: direct paths are found, but to symmetric NATs ({PART})"),
        ),
        Nat::Symmetric => Line::warning(
            "nat",
            format!("symmetric: direct paths are found to open NATs only ({PART})"),
            "Nothing has to be done while TURN works; IPv6, or a router with endpoint-independent mapping, saves \
             the way through the relay.",
        ),
        Nat::Unknown(Why::NoStun) => Line::unknown("nat", "not found out: STUN over UDP gets no answer"),
        Nat::Unknown(Why::NoRelay) => Line::unknown(
            "nat",
            "not found out: the relay does not reach this machine's address, such as one in the server's own network",
        ),
    }
}
