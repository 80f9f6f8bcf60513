//! Relayed candidates from coturn over UDP, TCP and TLS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that is surprised has failed"
)]

#[path = "support/coturn.rs"]
mod coturn;
#[path = "support/net.rs"]
mod support;

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use peerhall_rtc::config::{IceServer, TransportPolicy};
use peerhall_rtc::net::server::ServerTransport;
use peerhall_rtc::net::{
    Allow, CandidateKind, LocalCandidate, NetEvent, Network, NetworkConfig, ServerFailure, Trust,
};

use coturn::Coturn;
use support::{
    PATIENCE, Received, first_failure, gathered, loopback, next, numbered, open_gathered, receive,
};

/// Only relayed candidates, from this server.
fn relay_only(server: IceServer) -> NetworkConfig {
    let transport_policy = TransportPolicy::Relay;
    NetworkConfig { ice_servers: vec![server], transport_policy, ..loopback() }
}

fn trusting(coturn: &Coturn, server: IceServer) -> NetworkConfig {
    let trust = Trust::System { extra: vec![coturn.certificate.clone()] };
    NetworkConfig { trust, ..relay_only(server) }
}

async fn relayed(config: NetworkConfig) -> (Network, LocalCandidate) {
    let (network, candidates) = open_gathered(config).await;
    assert_eq!(candidates.len(), 1, "one server, one relayed address: {candidates:?}");
    (network, candidates[0])
}

/// Lets each side's relay admit the other, as ICE's checks do.
async fn admit(a: &mut Network, from: &LocalCandidate, b: &mut Network, to: &LocalCandidate) {
    let check = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    let (mut a_heard, mut b_heard) = (false, false);
    let patience = tokio::time::Instant::now() + PATIENCE;
    while !(a_heard && b_heard) {
        assert!(tokio::time::Instant::now() < patience, "the relays admit nobody");
        a.send(from.base(), to.addr, &check);
        b.send(to.base(), from.addr, &check);
        tokio::select! {
            event = a.next() => a_heard |= matches!(event, NetEvent::Packets(_)),
            event = b.next() => b_heard |= matches!(event, NetEvent::Packets(_)),
            // Permission and check may cross; then the check is lost and sent again.
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
}

/// Sends 1,000 numbered packets from one relay to the other and back.
async fn echo_a_thousand(config: impl Fn() -> NetworkConfig) -> (LocalCandidate, LocalCandidate) {
    let (mut a, from) = relayed(config()).await;
    let (mut b, to) = relayed(config()).await;
    admit(&mut a, &from, &mut b, &to).await;
    let echo = tokio::spawn(async move {
        loop {
            if let NetEvent::Packets(packets) = b.next().await {
                for packet in packets.datagrams.iter().filter(|packet| packet[0] == 0x80) {
                    b.send(packets.local, packets.remote, packet);
                }
            }
        }
    });
    for round in 0..50 {
        let numbers = round * 20..(round + 1) * 20;
        for number in numbers.clone() {
            a.send(from.base(), to.addr, &numbered(number, 1_100 - (number as usize % 3)));
        }
        for number in numbers {
            let received = loop {
                let received = receive(&mut a).await;
                if received.bytes[0] == 0x80 {
                    break received;
                }
            };
            let Received { local, remote, bytes } = received;
            assert_eq!((local, remote), (from.addr, to.addr));
            assert_eq!(bytes, numbered(number, 1_100 - (number as usize % 3)), "packet {number}");
        }
    }
    echo.abort();
    (from, to)
}

#[tokio::test]
async fn a_thousand_packets_from_relay_to_relay_and_back_over_udp() {
    let coturn = Coturn::start(&[]);
    let (from, to) = echo_a_thousand(|| relay_only(coturn.turn("udp"))).await;
    assert_eq!(from.kind, CandidateKind::Relayed { via: ServerTransport::Udp });
    assert_ne!(from.addr, to.addr);
}

#[tokio::test]
async fn a_thousand_packets_from_relay_to_relay_and_back_over_tcp() {
    let coturn = Coturn::start(&[]);
    let (from, _) = echo_a_thousand(|| relay_only(coturn.turn("tcp"))).await;
    assert_eq!(from.kind, CandidateKind::Relayed { via: ServerTransport::Tcp });
}

#[tokio::test]
async fn a_thousand_packets_from_relay_to_relay_and_back_over_tls() {
    let coturn = Coturn::start(&[]);
    let (from, _) = echo_a_thousand(|| trusting(&coturn, coturn.turns())).await;
    assert_eq!(from.kind, CandidateKind::Relayed { via: ServerTransport::Tls });
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let coturn = Coturn::start(&[]);
    let reason = first_failure(relay_only(coturn.turns())).await;
    assert!(matches!(reason, ServerFailure::Tls(_)), "{reason:?}");
}

#[tokio::test]
async fn a_wrong_password_is_told_by_name() {
    let coturn = Coturn::start(&[]);
    let reason = first_failure(relay_only(coturn.with_password("looking-glass"))).await;
    assert_eq!(reason, ServerFailure::Unauthorized);
}

#[tokio::test]
async fn a_full_quota_is_told_by_name_and_closing_makes_room() {
    let coturn = Coturn::start(&["--user-quota", "1"]);
    let (network, _) = relayed(relay_only(coturn.turn("udp"))).await;
    let reason = first_failure(relay_only(coturn.turn("udp"))).await;
    assert_eq!(reason, ServerFailure::QuotaReached);
    drop(network);
    until_there_is_room(&coturn).await;
}

/// Asks until the quota has room; coturn counts an allocation for a second after its end.
async fn until_there_is_room(coturn: &Coturn) {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut network = Network::open(relay_only(coturn.turn("udp"))).expect("a network");
        network.gather();
        match next(&mut network).await {
            NetEvent::Candidate(_) => break,
            NetEvent::Failed { reason, .. } => assert_eq!(reason, ServerFailure::QuotaReached),
            other @ (NetEvent::CandidateLost(_)
            | NetEvent::GatheringDone
            | NetEvent::Packets(_)
            | NetEvent::Changed) => panic!("{other:?}"),
        }
        assert!(tokio::time::Instant::now() < patience, "the allocation is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn closing_waits_for_the_server_even_when_its_nonce_has_expired() {
    let coturn = Coturn::start(&["--user-quota", "1", "--stale-nonce=1"]);
    let (network, _) = relayed(relay_only(coturn.turn("udp"))).await;
    // What is waited for is that time passes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    // It is over before its limit only because the server has confirmed.
    tokio::time::timeout(PATIENCE, network.close(PATIENCE * 2)).await.expect("confirmed");
    until_there_is_room(&coturn).await;
}

#[tokio::test]
async fn closing_does_not_wait_for_the_dead() {
    let coturn = Coturn::start(&[]);
    let (network, _) = relayed(relay_only(coturn.turn("udp"))).await;
    drop(coturn);
    tokio::time::timeout(PATIENCE, network.close(Duration::from_millis(200))).await.expect("closed");
}

#[tokio::test]
async fn a_server_on_this_machine_is_reached_from_its_other_addresses() {
    let coturn = Coturn::start(&[]);
    let config = NetworkConfig {
        ice_servers: vec![coturn.turn("udp")],
        transport_policy: TransportPolicy::Relay,
        ..NetworkConfig::default()
    };
    let (_network, candidate) = relayed(config).await;
    assert!(candidate.addr.ip().is_loopback());
}

#[tokio::test]
async fn a_nonce_that_expired_is_renewed_without_loss() {
    let coturn = Coturn::start(&["--stale-nonce=1"]);
    let (mut a, from) = relayed(relay_only(coturn.turn("udp"))).await;
    let (mut b, to) = relayed(relay_only(coturn.turn("udp"))).await;
    // What is waited for is that time passes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    admit(&mut a, &from, &mut b, &to).await;
    a.send(from.base(), to.addr, &numbered(1, 100));
    loop {
        tokio::select! {
            received = receive(&mut b) => if received.bytes[0] == 0x80 {
                assert_eq!(received.bytes, numbered(1, 100));
                break;
            },
            // A's client has to answer the challenge meanwhile.
            _ = a.next() => {}
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_ipv6_alone_gives_an_ipv6_address() {
    let ip = Ipv6Addr::LOCALHOST.into();
    let coturn = Coturn::start_at(ip, &[]);
    let allow = vec![Allow::Address(ip)];
    let (_network, candidate) = relayed(NetworkConfig { allow, ..relay_only(coturn.turn("udp")) }).await;
    assert!(candidate.addr.is_ipv6());
}

#[tokio::test]
async fn a_lost_connection_takes_its_candidate_along() {
    let coturn = Coturn::start(&[]);
    let (mut network, candidate) = relayed(relay_only(coturn.turn("tcp"))).await;
    drop(coturn);
    assert!(matches!(next(&mut network).await, NetEvent::CandidateLost(lost) if lost == candidate));
    match next(&mut network).await {
        NetEvent::Failed { reason: ServerFailure::Connection(_), server } => {
            assert!(server.starts_with("turn:127.0.0.1:"));
        }
        other @ (NetEvent::Candidate(_)
        | NetEvent::CandidateLost(_)
        | NetEvent::GatheringDone
        | NetEvent::Packets(_)
        | NetEvent::Failed { .. }
        | NetEvent::Changed) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn servers_that_never_answer_hold_gathering_up_for_the_limit_and_no_longer() {
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let at = |address: SocketAddr, scheme: &str, rest: &str| {
        coturn::server(&format!("{scheme}:{address}{rest}"), coturn::PASSWORD)
    };
    let (udp_at, tcp_at) = (udp.local_addr().expect("bound"), tcp.local_addr().expect("bound"));
    let ice_servers = vec![
        at(udp_at, "stun", ""),
        at(udp_at, "turn", ""),
        at(tcp_at, "turn", "?transport=tcp"),
        at(tcp_at, "turns", ""),
    ];
    let gather_timeout = Duration::from_secs(1);
    let mut network =
        Network::open(NetworkConfig { ice_servers, gather_timeout, ..loopback() }).expect("open");
    network.gather();
    let mut failures = Vec::new();
    loop {
        match next(&mut network).await {
            NetEvent::Failed { reason, .. } => failures.push(reason),
            NetEvent::GatheringDone => break,
            NetEvent::Candidate(candidate) => assert_eq!(candidate.kind, CandidateKind::Host),
            other @ (NetEvent::CandidateLost(_) | NetEvent::Packets(_) | NetEvent::Changed) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(failures, vec![ServerFailure::Timeout; 4]);
}

#[tokio::test]
async fn a_closed_port_fails_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let server = coturn::server(&format!("turn:{address}?transport=tcp"), coturn::PASSWORD);
    let reason = first_failure(relay_only(server)).await;
    assert_eq!(reason, ServerFailure::Connection(std::io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn a_name_without_an_address_is_told_by_name() {
    // "invalid" is a name that never exists (RFC 6761).
    let server = coturn::server("turn:relay.invalid", coturn::PASSWORD);
    assert_eq!(first_failure(relay_only(server)).await, ServerFailure::NameNotFound);
}

#[tokio::test]
async fn coturn_as_a_stun_server_adds_nothing_where_there_is_no_nat() {
    let coturn = Coturn::start(&[]);
    let config = NetworkConfig { ice_servers: vec![coturn.stun()], ..loopback() };
    let (_network, candidates) = open_gathered(config).await;
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0].kind, CandidateKind::Host);
}

/// Whether a relayed address takes what another sends to it.
async fn relays_to(network: &mut Network, at: &LocalCandidate, other: &mut Network, from: &LocalCandidate) {
    let check = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        assert!(tokio::time::Instant::now() < patience, "{at:?} relays nothing");
        // Whoever sends lets the other's answers in.
        network.send(at.base(), from.addr, &check);
        other.send(from.base(), at.addr, &check);
        tokio::select! {
            event = network.next() => {
                if matches!(&event, NetEvent::Packets(packets) if packets.local == at.addr) {
                    return;
                }
            }
            _ = other.next() => {}
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
}

#[tokio::test]
async fn other_credentials_make_a_second_allocation_and_the_first_is_given_back_one_gathering_later() {
    let coturn = Coturn::start(&["--user", "bob:builder"]);
    let (mut network, first) = relayed(relay_only(coturn.turn("udp"))).await;
    let (mut other, from) = relayed(relay_only(coturn.turn("udp"))).await;
    // The same list changes nothing.
    network.set_servers(&[coturn.turn("udp")]).expect("a list");
    network.gather();
    assert_eq!(gathered(&mut network).await, [first]);
    let (username, credential) = (Some("bob".to_owned()), Some("builder".to_owned()));
    let bob = IceServer { username, credential, ..coturn.turn("udp") };
    network.set_servers(&[bob]).expect("a list");
    relays_to(&mut network, &first, &mut other, &from).await;
    network.gather();
    let mut candidates = Vec::new();
    loop {
        match next(&mut network).await {
            NetEvent::Candidate(candidate) => candidates.push(candidate),
            NetEvent::GatheringDone => break,
            // More of what the first relays.
            NetEvent::Packets(_) => {}
            other @ (NetEvent::CandidateLost(_) | NetEvent::Failed { .. } | NetEvent::Changed) => {
                panic!("{other:?}")
            }
        }
    }
    let [second] = candidates[..] else { panic!("the second alone: {candidates:?}") };
    assert!(second.addr != first.addr && second.preference > first.preference);
    relays_to(&mut network, &first, &mut other, &from).await;
    relays_to(&mut network, &second, &mut other, &from).await;
    // A list that cannot be used changes nothing.
    let wrong = IceServer { urls: vec!["http://example.org".to_owned()], ..IceServer::default() };
    assert!(network.set_servers(&[wrong]).is_err());
    network.gather();
    loop {
        if let NetEvent::CandidateLost(lost) = next(&mut network).await {
            assert_eq!(lost, first);
            break;
        }
    }
    relays_to(&mut network, &second, &mut other, &from).await;
}
