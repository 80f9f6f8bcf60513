//! Host candidates and datagrams between two networks of one machine.

#[path = "support/net.rs"]
mod support;

use peerhall_rtc::net::{CandidateKind, NetEvent, Network, NetworkConfig};

use support::{Received, loopback, open_gathered, receive};

#[tokio::test]
async fn a_host_candidate_for_each_address_and_then_the_end() {
    let mut network = Network::open(loopback()).expect("loopback has an address");
    network.gather();
    let mut hosts = 0;
    loop {
        match network.next().await {
            NetEvent::Candidate(candidate) => {
                assert_eq!(candidate.kind, CandidateKind::Host);
                assert_eq!(candidate.base(), candidate.addr);
                assert_ne!(candidate.addr.port(), 0);
                hosts += 1;
            }
            NetEvent::GatheringDone => break,
            other @ (NetEvent::CandidateLost(_)
            | NetEvent::Packets(_)
            | NetEvent::Failed { .. }
            | NetEvent::Changed) => panic!("{other:?}"),
        }
    }
    assert!(hosts > 0);
}

#[tokio::test]
async fn gathering_again_offers_the_same_candidates() {
    let (mut network, before) = open_gathered(loopback()).await;
    network.gather();
    let after = support::gathered(&mut network).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_thousand_datagrams_of_mixed_sizes_arrive_in_order() {
    let (mut a, from) = open_gathered(loopback()).await;
    let (mut b, to) = open_gathered(loopback()).await;
    let (from, to) = (from[0], to[0]);
    let mut next = 0_u32;
    while next < 1_000 {
        // Runs of equal size with an odd one after each, so that batches begin and end everywhere.
        let until = (next + 32).min(1_000);
        for number in next..until {
            let size = if number % 7 == 6 { 40 + (number % 900) as usize } else { 1_150 };
            a.send(from.base(), to.base(), &support::numbered(number, size));
        }
        a.flush();
        for number in next..until {
            let size = if number % 7 == 6 { 40 + (number % 900) as usize } else { 1_150 };
            let Received { local, remote, bytes } = receive(&mut b).await;
            assert_eq!((local, remote), (to.base(), from.base()));
            assert_eq!(bytes, support::numbered(number, size), "datagram {number}");
        }
        next = until;
    }
    let counters = a.counters();
    assert_eq!((counters.sent, counters.dropped_full, counters.dropped_unreachable), (1_000, 0, 0));
}

#[tokio::test]
async fn what_leads_nowhere_is_dropped_and_counted() {
    let (mut network, candidates) = open_gathered(loopback()).await;
    let local = candidates[0].base();
    network.send(local, "192.0.2.1:9".parse().expect("an address"), b"x");
    network.send("192.0.2.1:9".parse().expect("an address"), local, b"x");
    network.flush();
    assert_eq!(network.counters().dropped_unreachable, 2);
}

#[tokio::test]
async fn a_mistake_in_the_list_of_servers_is_told_at_once() {
    let server = peerhall_rtc::config::IceServer { urls: vec!["turn:".to_owned()], ..Default::default() };
    let config = NetworkConfig { ice_servers: vec![server], ..loopback() };
    let error = Network::open(config).map(|_| ()).expect_err("turn: names no host");
    assert_eq!(error.to_string(), "iceServers: entry 0: no usable host");
}
