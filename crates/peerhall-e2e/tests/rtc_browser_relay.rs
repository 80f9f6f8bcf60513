//! A native connection and headless Chromium that may use relays only, through coturn.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at the first surprise, and looks at the events it is about"
)]

#[path = "rtc_support/browser.rs"]
mod browser;
#[path = "../../peerhall-rtc/tests/rtc/peer.rs"]
#[allow(dead_code, reason = "the peers of the native tests, which use more of them")]
mod peer;

use std::time::{SystemTime, UNIX_EPOCH};

use browser::native_and_page;
use peer::{Manners, message, open};
use peerhall_auth::turn::TurnSecret;
use peerhall_e2e::relay::Relay;
use peerhall_rtc::config::{IceServer, TransportPolicy};
use peerhall_rtc::net::NetworkConfig;
use peerhall_rtc::{CandidateKind, Config, Message};
use serde_json::json;

const SECRET: &str = "north";

/// A user until tomorrow, by the shared-secret scheme; coturn refuses names that expire after 2038.
fn username() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    format!("{}:alice", now.as_secs() + 24 * 60 * 60)
}

async fn meet_through_relays(transport: &str) {
    let relay = Relay::start_outside(SECRET);
    let username = username();
    let password = TurnSecret::new(SECRET).expect("a secret").password(&username);
    let url = format!("turn:{}?transport={transport}", relay.address());
    let server = IceServer {
        urls: vec![url.clone()],
        username: Some(username.clone()),
        credential: Some(password.clone()),
    };
    let transport_policy = TransportPolicy::Relay;
    let network = NetworkConfig { ice_servers: vec![server], transport_policy, ..NetworkConfig::default() };
    let config = Config { network, ..Config::default() };

    let (mut native, mut page) = native_and_page(Manners::Impolite, config).await;
    let ice_servers = json!([{ "urls": url, "username": username, "credential": password }]);
    // In one step: a change of the policy alone makes the browser offer a session with nothing in it.
    page.run(&format!(
        "peer.connection.setConfiguration({{ iceServers: {ice_servers}, iceTransportPolicy: 'relay' }});
         keep(peer.connection.createDataChannel('relayed')).echo = true;"
    ))
    .await;
    let channel = native.channel().await;
    open(&channel).await;
    for size in [1, 1_000, 200_000] {
        let payload = vec![7_u8; size];
        channel.send(payload.clone()).await.expect("sent");
        assert!(message(&channel).await == Message::Binary(payload.into()), "{size} bytes changed");
    }
    let pair = native.connection.stats().await.pair.expect("a path in use");
    assert_eq!((pair.local, pair.remote), (CandidateKind::Relayed, CandidateKind::Relayed));
}

#[tokio::test]
async fn a_browser_and_a_native_peer_meet_through_relays_over_udp() {
    meet_through_relays("udp").await;
}

#[tokio::test]
async fn a_browser_and_a_native_peer_meet_through_relays_over_tcp() {
    meet_through_relays("tcp").await;
}
