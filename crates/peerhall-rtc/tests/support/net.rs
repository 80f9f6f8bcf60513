//! What the tests of the network share.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that is surprised has failed"
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use peerhall_rtc::net::{Allow, LocalCandidate, Loopback, NetEvent, Network, NetworkConfig, ServerFailure};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A network on 127.0.0.1 alone.
pub fn loopback() -> NetworkConfig {
    let only = Allow::Address([127, 0, 0, 1].into());
    NetworkConfig { loopback: Loopback::Always, allow: vec![only], ..NetworkConfig::default() }
}

/// A network that has finished gathering, and its candidates.
pub async fn open_gathered(config: NetworkConfig) -> (Network, Vec<LocalCandidate>) {
    let mut network = Network::open(config).expect("a network on loopback");
    network.gather();
    let candidates = gathered(&mut network).await;
    (network, candidates)
}

/// The candidates until the end of gathering.
pub async fn gathered(network: &mut Network) -> Vec<LocalCandidate> {
    let mut candidates = Vec::new();
    loop {
        match next(network).await {
            NetEvent::Candidate(candidate) => candidates.push(candidate),
            NetEvent::GatheringDone => return candidates,
            other => panic!("unexpected while gathering: {other:?}"),
        }
    }
}

/// Why the only server of `config` gives nothing.
pub async fn first_failure(config: NetworkConfig) -> ServerFailure {
    let mut network = Network::open(config).expect("a network on loopback");
    network.gather();
    loop {
        match next(&mut network).await {
            NetEvent::Failed { reason, .. } => return reason,
            NetEvent::Candidate(_) => {}
            other => panic!("instead of a failure: {other:?}"),
        }
    }
}

/// The next event, which must come.
pub async fn next(network: &mut Network) -> NetEvent {
    tokio::time::timeout(PATIENCE, network.next()).await.expect("an event in time")
}

/// One datagram and where it came from.
pub struct Received {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub bytes: Vec<u8>,
}

thread_local! {
    /// Datagrams that came together with the one asked for.
    static REST: std::cell::RefCell<VecDeque<Received>> = std::cell::RefCell::default();
}

/// The next datagram of `network`; a test uses this with one network only.
pub async fn receive(network: &mut Network) -> Received {
    loop {
        if let Some(received) = REST.with_borrow_mut(VecDeque::pop_front) {
            return received;
        }
        match next(network).await {
            NetEvent::Packets(packets) => REST.with_borrow_mut(|rest| {
                let (local, remote) = (packets.local, packets.remote);
                let bytes = packets.datagrams.iter().map(<[u8]>::to_vec);
                rest.extend(bytes.map(|bytes| Received { local, remote, bytes }));
            }),
            other => panic!("unexpected while receiving: {other:?}"),
        }
    }
}

/// A datagram that says which one it is and looks like none of STUN's.
pub fn numbered(number: u32, size: usize) -> Vec<u8> {
    let mut bytes = vec![(number % 250) as u8; size.max(8)];
    bytes[..4].copy_from_slice(&[0x80, 0, 0, 0]);
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    bytes
}
