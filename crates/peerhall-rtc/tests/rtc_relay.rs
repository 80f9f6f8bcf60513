//! Two connections that may use relays only, through coturn.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at the first surprise, and looks at the events it is about"
)]
#![allow(dead_code, reason = "the helpers serve other tests too")]

#[path = "support/coturn.rs"]
mod coturn;
#[path = "rtc/peer.rs"]
mod peer;

use std::time::Duration;

use bytes::Bytes;
use peerhall_rtc::config::{IceServer, TransportPolicy};
use peerhall_rtc::error::SetServersError;
use peerhall_rtc::net::{NetworkConfig, Trust};
use peerhall_rtc::stats::RelayProtocol;
use peerhall_rtc::{
    CandidateKind, Channel, ChannelEvent, Config, DataChannelInit, Event, Message, SignalingState,
};

use coturn::Coturn;
use peer::{message, open, pair_with};

fn relay_only(coturn: &Coturn, ice_servers: Vec<IceServer>) -> Config {
    let config = peer::config();
    let network = NetworkConfig {
        ice_servers,
        transport_policy: TransportPolicy::Relay,
        trust: Trust::System { extra: vec![coturn.certificate.clone()] },
        ..config.network
    };
    Config { network, ..config }
}

/// Connects, sends 1,000 small messages and a large one there and back, and says how the first side
/// spoke to its relay.
async fn exchange(first: Config, second: Config) -> Option<RelayProtocol> {
    let (alice, mut bob) = pair_with(first, second);
    let ours =
        alice.connection.create_data_channel("relayed", DataChannelInit::default()).await.expect("a channel");
    let theirs = bob.channel().await;
    open(&ours).await;
    open(&theirs).await;
    let echo = tokio::spawn(async move {
        for _ in 0..1_001 {
            let Message::Binary(bytes) = message(&theirs).await else { panic!("not what was sent") };
            theirs.send(bytes).await.expect("sent");
        }
        theirs
    });
    for number in 0..1_000_u32 {
        ours.send(Bytes::copy_from_slice(&number.to_be_bytes())).await.expect("sent");
    }
    let large = Bytes::from(vec![7; 1_000_000]);
    ours.send(large.clone()).await.expect("sent");
    for number in 0..1_000_u32 {
        assert_eq!(message(&ours).await, Message::Binary(Bytes::copy_from_slice(&number.to_be_bytes())));
    }
    assert_eq!(message(&ours).await, Message::Binary(large));
    drop(echo.await.expect("everything came back"));
    let pair = alice.connection.stats().await.pair.expect("a path in use");
    assert_eq!((pair.local, pair.remote), (CandidateKind::Relayed, CandidateKind::Relayed));
    pair.relay_protocol
}

#[tokio::test]
async fn a_channel_through_relays_over_udp() {
    let coturn = Coturn::start(&[]);
    let config = relay_only(&coturn, vec![coturn.turn("udp")]);
    assert_eq!(exchange(config.clone(), config).await, Some(RelayProtocol::Udp));
}

#[tokio::test]
async fn a_channel_through_relays_over_tcp() {
    let coturn = Coturn::start(&[]);
    let config = relay_only(&coturn, vec![coturn.turn("tcp")]);
    assert_eq!(exchange(config.clone(), config).await, Some(RelayProtocol::Tcp));
}

#[tokio::test]
async fn a_channel_through_relays_over_tls() {
    let coturn = Coturn::start(&[]);
    let config = relay_only(&coturn, vec![coturn.turns()]);
    assert_eq!(exchange(config.clone(), config).await, Some(RelayProtocol::Tls));
}

#[tokio::test]
async fn each_side_may_speak_to_its_relay_in_its_own_way() {
    let coturn = Coturn::start(&[]);
    let first = relay_only(&coturn, vec![coturn.turns()]);
    let second = relay_only(&coturn, vec![coturn.turn("udp")]);
    assert_eq!(exchange(first, second).await, Some(RelayProtocol::Tls));
}

/// Says something on one end and waits until it is heard on the other.
async fn passes(from: &Channel, to: &Channel, text: &'static str) {
    from.send(Bytes::from_static(text.as_bytes())).await.expect("sent");
    let said = Message::Binary(Bytes::from_static(text.as_bytes()));
    let heard = async {
        loop {
            // What this end has sent itself has left by now, or not.
            match to.next_event().await {
                Some(ChannelEvent::BufferedAmountLow) => {}
                other => break other,
            }
        }
    };
    // A path that is lost is noticed after eight seconds, and this machine may be busy.
    let heard = tokio::time::timeout(Duration::from_secs(120), heard).await.expect("in time");
    assert_eq!(heard, Some(ChannelEvent::Message(said)));
}

#[tokio::test]
async fn a_live_connection_moves_to_other_servers_at_its_next_restart_of_ice() {
    let (former, later) = (Coturn::start(&[]), Coturn::start(&[]));
    let config = relay_only(&former, vec![former.turn("udp")]);
    let (alice, mut bob) = pair_with(config.clone(), config);
    let ours =
        alice.connection.create_data_channel("relayed", DataChannelInit::default()).await.expect("a channel");
    let theirs = bob.channel().await;
    open(&ours).await;
    open(&theirs).await;
    passes(&ours, &theirs, "through the former").await;
    for peer in [&alice, &bob] {
        peer.connection.set_ice_servers(vec![later.turn("udp")]).await.expect("a list");
    }
    passes(&ours, &theirs, "still through the former").await;
    alice.restart_ice();
    bob.wait("the answer", |event| {
        matches!(event, Event::SignalingState(SignalingState::Stable)).then_some(())
    })
    .await;
    drop(former);
    passes(&ours, &theirs, "through the later").await;
    passes(&theirs, &ours, "and back").await;
    alice.connection.close().await;
    let closed = alice.connection.set_ice_servers(Vec::new()).await;
    assert_eq!(closed, Err(SetServersError::Closed));
}
