//! Calls of peers that may use relays only, over the server's own relay, though nobody has said a word about
//! ICE: every welcome brings what it takes.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise, also in what it stands on")]

use std::net::SocketAddr;
use std::time::Duration;

use peerhall::{Events, JoinOptions, MeteredPeer, PeerEvent, PeerOptions, RemotePeer, TransportPolicy};
use peerhall_e2e::foreign::{Browser, Page, Python};
use peerhall_e2e::native::talk::{echo_next, open_channel};
use peerhall_e2e::native::{next_remote, soon};
use peerhall_e2e::relay::Relay;
use peerhall_e2e::server::{Running, Ways, start_with};
use peerhall_rtc::CandidateKind;
use peerhall_server::config::{ExternalTurn, Hidden};
use serde_json::{Value, json};

const NATIVE: &str = "a-native";
const OTHER: &str = "b-other";

/// A server with its relay, of which nothing is allowed that is not by default.
fn start() -> Running {
    start_with(|config| config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))])
}

fn url(server: &Running) -> String {
    format!("ws://{}", server.addr())
}

/// A native peer in the room, for which only relays are good enough.
async fn native(server: &Running, id: &str) -> (MeteredPeer, Events<PeerEvent>) {
    let token = server.token(&json!({ "sub": id }));
    let provider = move || std::future::ready(Ok(token.clone()));
    let options = PeerOptions::with_tokens(&url(server), provider).expect("options");
    let peer = MeteredPeer::new(options.transport_policy(TransportPolicy::Relay)).expect("a peer");
    let events = peer.events();
    peer.join("room", JoinOptions::default()).await.expect("joins");
    (peer, events)
}

/// The native end is relayed, and the relay has counted what went through it.
async fn is_relayed(server: &Running, remote: &RemotePeer) {
    let pair = remote.stats().await.expect("a connection").pair.expect("a path");
    assert_eq!(pair.local, CandidateKind::Relayed);
    let usage = server.rest().get("/v1/usage").json();
    let bytes = usage.pointer("/relay/bytes").and_then(Value::as_u64);
    assert!(bytes.is_some_and(|bytes| bytes > 0), "{usage}");
}

#[tokio::test]
async fn two_native_peers_talk_over_the_relay_alone() {
    let server = start();
    let (one, mut events) = native(&server, NATIVE).await;
    let (other, mut others) = native(&server, OTHER).await;
    let (remote, their_remote) = (next_remote(&mut events).await, next_remote(&mut others).await);
    let echo = tokio::spawn(async move { echo_next(&their_remote).await });
    open_channel(&remote, "over the relay").await;
    is_relayed(&server, &remote).await;
    one.close(None).await;
    other.close(None).await;
    echo.abort();
}

/// Somebody else's relay: all that the server knows of it is its address and the secret that they share.
#[tokio::test]
async fn two_native_peers_talk_over_an_external_coturn_with_a_shared_secret_alone() {
    const SECRET: &str = "a secret that both know";
    let coturn = Relay::start(SECRET);
    let urls = ["udp", "tcp"].map(|via| format!("turn:{}?transport={via}", coturn.address()));
    let server = start_with(|config| {
        config.turn_external = Some(ExternalTurn {
            urls: urls.iter().map(|url| url.parse().expect("a URL")).collect(),
            secret: Hidden::new(SECRET.to_owned()),
            lifetime: Duration::from_secs(86_400),
        });
    });
    let (one, mut events) = native(&server, NATIVE).await;
    let (other, mut others) = native(&server, OTHER).await;
    let (remote, their_remote) = (next_remote(&mut events).await, next_remote(&mut others).await);
    let echo = tokio::spawn(async move { echo_next(&their_remote).await });
    open_channel(&remote, "over somebody else's relay").await;
    let pair = remote.stats().await.expect("a connection").pair.expect("a path");
    assert_eq!(pair.local, CandidateKind::Relayed);
    // The server has none of its own that it could have been.
    assert!(server.rest().get("/v1/usage").json().get("relay").is_none());
    one.close(None).await;
    other.close(None).await;
    echo.abort();
}

async fn talks_with_a_page(browser: Browser) {
    let server = start();
    let token = server.token(&json!({ "sub": OTHER }));
    let page = Page::open_in(browser, &url(&server), &token, json!({ "relayOnly": true })).await;
    let (peer, mut events) = native(&server, NATIVE).await;
    page.join("room").await;
    let remote = next_remote(&mut events).await;
    assert_eq!(remote.id(), OTHER);
    open_channel(&remote, "over the relay").await;
    let talk = format!("me.openChannel({0}); await me.talksTo({0});", json!(NATIVE));
    tokio::select! {
        _ = page.run(&talk) => {}
        () = echo_next(&remote) => panic!("the channel ended before the echo was heard"),
    }
    is_relayed(&server, &remote).await;
    peer.close(None).await;
    page.close().await;
}

#[tokio::test]
async fn a_native_peer_and_the_vendors_sdk_in_chromium_talk_over_the_relay_alone() {
    talks_with_a_page(Browser::Chromium).await;
}

#[tokio::test]
async fn a_native_peer_and_the_vendors_sdk_in_firefox_talk_over_the_relay_alone() {
    talks_with_a_page(Browser::Firefox).await;
}

/// aiortc has no policy of its own: that every path begins at a relay is the native peer's doing.
#[tokio::test]
async fn a_native_peer_reaches_the_vendors_python_sdk_over_the_relay_alone() {
    let server = start();
    let python = Python::start(&url(&server), &server.token(&json!({ "sub": OTHER }))).await;
    python.call("join", json!(["room"])).await;
    let (peer, mut events) = native(&server, NATIVE).await;
    let remote = next_remote(&mut events).await;
    python.call("meets", json!([NATIVE])).await;
    open_channel(&remote, "over the relay").await;
    is_relayed(&server, &remote).await;
    soon("the end of both", async {
        peer.close(None).await;
        python.close().await;
    })
    .await;
}
