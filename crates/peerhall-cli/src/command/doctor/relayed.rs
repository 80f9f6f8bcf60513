//! Payload from this machine's own socket to a relayed address and back, as a peer without a relay would send
//! it. Two relayed addresses of one server reach each other inside it, whatever its firewall lets in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use peerhall_rtc::config::IceServer;
use peerhall_rtc::net::Loopback;
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::echo::{AGAIN, Leg, NoEcho};
use super::nat;
use super::report::Line;

/// How long payload may take until the first of it is back.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It came back after this time.
    Back(Duration),
    /// The relay took nothing, or nothing came back, though both sides are of the open internet.
    Lost,
    /// Nothing came back, and relays pass nothing on to an address like this machine's.
    Private,
    /// The relay or the STUN server gives no address.
    NoServer,
    /// This machine has no address of the relayed one's family (IPv4, IPv6).
    NoRoute,
}

/// Sends something to a relayed address and waits for it to come back.
pub(super) async fn try_from_here(stun: &IceServer, turn: &IceServer, loopback: Loopback) -> Reach {
    let Ok(mapped) = nat::mapped(stun, loopback).await else { return Reach::NoServer };
    let Ok(mut leg) = Leg::allocate(turn, loopback).await else { return Reach::NoServer };
    let any: IpAddr =
        if leg.at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let open = async {
        let socket = UdpSocket::bind((any, 0)).await?;
        // Takes only what comes from there.
        socket.connect(leg.at).await?;
        let local = socket.local_addr()?;
        std::io::Result::Ok((socket, local))
    };
    let Ok((socket, local)) = open.await else { return Reach::NoRoute };
    let mapped = mapped.map(|mapped| mapped.ip()).filter(|ip| ip.is_ipv4() == local.is_ipv4());
    let seen = SocketAddr::new(mapped.unwrap_or(local.ip()), local.port());
    let result = timeout(BACK_WITHIN, bounce(&mut leg, &socket, seen)).await;
    match result {
        Ok(Ok(took)) => Reach::Back(took),
        Ok(Err(_)) | Err(_) if is_private(seen.ip()) => Reach::Private,
        Ok(Err(_)) | Err(_) => Reach::Lost,
    }
}

/// `seen` is this machine as the relay sees it; the port does not matter, since permissions have none.
async fn bounce(leg: &mut Leg, socket: &UdpSocket, seen: SocketAddr) -> Result<Duration, NoEcho> {
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent: Vec<Instant> = Vec::new();
    let mut buffer = [0; 64];
    loop {
        tokio::select! {
            _ = again.tick() => {
                // Whoever sends lets the answers of that address in.
                leg.send(seen, b"open");
                // An error is about what was sent before, and the next may get through.
                drop(socket.send(format!("ask {}", sent.len()).as_bytes()).await);
                sent.push(Instant::now());
            }
            packets = leg.receive() => {
                let packets = packets?;
                for datagram in packets.datagrams.iter().filter(|datagram| datagram.starts_with(b"ask ")) {
                    leg.send(packets.remote, datagram);
                }
            }
            received = socket.recv(&mut buffer) => {
                let back = |length: usize| {
                    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
                    sent.get(text.strip_prefix("ask ")?.parse::<usize>().ok()?)
                };
                if let Some(sent) = received.ok().and_then(back) {
                    return Ok(sent.elapsed());
                }
            }
        }
    }
}

/// Whether relays keep away from it by default: such addresses are of networks behind NATs.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            // RFC 6598: shared by the customers of a provider.
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// What it says about the server.
pub(super) fn line(reach: Reach) -> Line {
    const CHECK: &str = "relayed";
    match reach {
        Reach::Back(took) => {
            let found =
                format!("a relayed address is reached from here: there and back in {} ms", took.as_millis());
            Line::good(CHECK, found)
        }
        Reach::Lost => Line::bad(
            CHECK,
            "what this machine sends to a relayed address is lost: peers without a relay of their own are too",
            "Open the UDP ports of the relay (`turn.ports`) up to the server, and name the server's public address \
             in `turn.relay`; where this machine's network lets UDP out to few ports only, ask from another one.",
        ),
        Reach::Private => Line::unknown(
            CHECK,
            "not found out: the server sees this machine in a private network, into which relays pass nothing; \
             ask from outside",
        ),
        Reach::NoRoute => {
            Line::unknown(CHECK, "not found out: this machine has no address of the relayed one's family")
        }
        Reach::NoServer => Line::unknown(CHECK, "not found out: that takes STUN and TURN over UDP"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn what_cannot_be_told_from_inside_a_private_network_is_not_blamed() {
        for ip in [
            "10.0.0.5",
            "172.16.0.1",
            "192.168.1.2",
            "127.0.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.5",
        ] {
            assert!(is_private(ip.parse().expect("an address")), "{ip}");
        }
        for ip in ["9.0.0.1", "100.128.0.1", "172.32.0.1", "2600::1"] {
            assert!(!is_private(ip.parse().expect("an address")), "{ip}");
        }
        let verdicts = [Reach::Private, Reach::NoRoute, Reach::NoServer].map(|reach| line(reach).verdict());
        assert_eq!(verdicts, [Verdict::Unknown; 3]);
        assert_eq!(line(Reach::Back(Duration::ZERO)).verdict(), Verdict::Good);
        assert_eq!(line(Reach::Lost).verdict(), Verdict::Bad);
        assert!(line(Reach::Lost).cure().is_some_and(|cure| cure.contains("turn.relay")));
    }
}
