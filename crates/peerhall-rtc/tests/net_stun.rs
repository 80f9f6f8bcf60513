//! Server-reflexive candidates from a STUN server that pretends to be behind a NAT.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that is surprised has failed"
)]

#[path = "support/net.rs"]
mod support;

use std::net::SocketAddr;

use peerhall_rtc::config::{IceServer, TransportPolicy};
use peerhall_rtc::net::{CandidateKind, LocalCandidate, NetEvent, Network, NetworkConfig, ServerFailure};
use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageWriteVec};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::net::UdpSocket;

use support::{first_failure, gathered, loopback, numbered, open_gathered, receive};

/// What a NAT would make of every address.
const MAPPED: &str = "203.0.113.7:40000";

/// What the server does beside answering.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Plain,
    /// Loses this many requests first.
    Lossy(usize),
    /// Answers with another transaction first.
    Confused,
    /// Answers with something that holds no address.
    Empty,
}

/// A STUN server; it ends with the runtime of the test.
async fn server(manner: Manner) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        let mut requests = 0;
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.expect("received");
            let request = Message::from_bytes(&buffer[..length]).expect("the network sends STUN");
            assert!(request.has_method(BINDING));
            requests += 1;
            if matches!(manner, Manner::Lossy(lost) if requests <= lost) {
                continue;
            }
            if manner == Manner::Confused {
                let other = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
                let other = Message::from_bytes(&other).expect("STUN");
                socket.send_to(&response(&other, "198.51.100.1:1"), from).await.expect("sent");
            }
            let response = match manner {
                Manner::Empty => Message::builder_success(&request, MessageWriteVec::new()).finish(),
                Manner::Plain | Manner::Lossy(_) | Manner::Confused => response(&request, MAPPED),
            };
            socket.send_to(&response, from).await.expect("sent");
        }
    });
    address
}

fn response(request: &Message<'_>, mapped: &str) -> Vec<u8> {
    let mut response = Message::builder_success(request, MessageWriteVec::new());
    let mapped = mapped.parse().expect("an address");
    response.add_attribute(&XorMappedAddress::new(mapped, request.transaction_id())).expect("fits");
    response.finish()
}

fn asking(servers: &[SocketAddr]) -> NetworkConfig {
    let urls = servers.iter().map(|server| format!("stun:{server}")).collect();
    let server = IceServer { urls, username: None, credential: None };
    NetworkConfig { ice_servers: vec![server], ..loopback() }
}

fn reflexive(candidates: &[LocalCandidate]) -> Vec<&LocalCandidate> {
    candidates.iter().filter(|candidate| candidate.kind == CandidateKind::ServerReflexive).collect()
}

#[tokio::test]
async fn the_address_a_server_sees_is_offered_with_the_socket_behind_it() {
    let (_network, candidates) = open_gathered(asking(&[server(Manner::Plain).await])).await;
    let [host, mapped] = candidates.as_slice() else { panic!("two candidates: {candidates:?}") };
    assert_eq!(mapped.kind, CandidateKind::ServerReflexive);
    assert_eq!(mapped.addr.to_string(), MAPPED);
    assert_eq!((mapped.base(), mapped.local), (host.addr, host.addr));
}

#[tokio::test]
async fn lost_requests_are_sent_again() {
    let (_network, candidates) = open_gathered(asking(&[server(Manner::Lossy(2)).await])).await;
    assert_eq!(reflexive(&candidates).len(), 1);
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let mut network = Network::open(asking(&[server(Manner::Confused).await])).expect("a network");
    network.gather();
    assert!(matches!(support::next(&mut network).await, NetEvent::Candidate(_)), "the host");
    // It may be ICE's, so the owner gets it.
    assert_eq!(receive(&mut network).await.bytes.len(), 32);
    let candidates = gathered(&mut network).await;
    let addresses: Vec<_> = candidates.iter().map(|candidate| candidate.addr.to_string()).collect();
    assert_eq!(addresses, [MAPPED]);
}

#[tokio::test]
async fn an_answer_without_an_address_is_the_servers_fault() {
    let reason = first_failure(asking(&[server(Manner::Empty).await])).await;
    assert_eq!(reason, ServerFailure::Protocol);
}

#[tokio::test]
async fn servers_that_see_the_same_make_one_candidate() {
    let servers = [server(Manner::Plain).await, server(Manner::Plain).await];
    let (mut network, candidates) = open_gathered(asking(&servers)).await;
    assert_eq!(reflexive(&candidates).len(), 1);
    network.gather();
    assert_eq!(gathered(&mut network).await, candidates, "and the same ones at a restart");
}

#[tokio::test]
async fn other_packets_from_the_address_of_a_server_are_the_peers() {
    // A peer that sits behind the address of a server which has not answered yet.
    let peer = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let mut network = Network::open(asking(&[peer.local_addr().expect("bound")])).expect("a network");
    network.gather();
    let NetEvent::Candidate(host) = support::next(&mut network).await else { panic!("no candidate") };
    let mut request = [0; 1_500];
    let (length, from) = tokio::select! {
        received = peer.recv_from(&mut request) => received.expect("a binding request"),
        event = network.next() => panic!("{event:?}"),
    };
    assert_eq!(from, host.addr);
    peer.send_to(&numbered(1, 300), from).await.expect("sent");
    assert_eq!(receive(&mut network).await.bytes, numbered(1, 300));
    // And its answer still counts.
    let request = Message::from_bytes(&request[..length]).expect("STUN");
    peer.send_to(&response(&request, MAPPED), from).await.expect("sent");
    assert_eq!(reflexive(&gathered(&mut network).await).len(), 1);
}

#[tokio::test]
async fn relay_only_asks_no_stun_server_and_offers_no_host() {
    let transport_policy = TransportPolicy::Relay;
    let config = NetworkConfig { transport_policy, ..asking(&[server(Manner::Plain).await]) };
    let (_network, candidates) = open_gathered(config).await;
    assert_eq!(candidates, []);
}

#[tokio::test]
async fn stun_over_tls_is_told_to_be_of_no_use() {
    let server = IceServer { urls: vec!["stuns:127.0.0.1".to_owned()], username: None, credential: None };
    let reason = first_failure(NetworkConfig { ice_servers: vec![server], ..loopback() }).await;
    assert_eq!(reason, ServerFailure::NoCandidates);
}
