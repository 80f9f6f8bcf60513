//! News of the network, in a network namespace of the test's own.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::env;
use std::process::Command;
use std::time::Duration;

use peerhall::{JoinOptions, MeteredPeer, PeerOptions, PeerState, ReconnectOptions};
use peerhall_e2e::native::{key, options, soon};
use peerhall_e2e::server;

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "PEERHALL_TEST_NAMESPACE";

/// Longer than the test waits for anything.
const LATER: Duration = Duration::from_secs(3_600);

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().expect("ip comes with Debian's iproute2");
    assert!(status.success(), "ip {arguments:?}");
}

/// Runs the test of this name again, as the root of a network with nothing but loopback.
fn inside_a_namespace(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        ip(&["link", "set", "lo", "up"]);
        return true;
    }
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(env::current_exe().expect("the test itself"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare comes with util-linux");
    assert!(status.success(), "inside the namespace; it needs user namespaces or root");
    false
}

#[tokio::test]
async fn an_address_that_comes_ends_the_wait_for_the_next_attempt_at_once() {
    if !inside_a_namespace("an_address_that_comes_ends_the_wait_for_the_next_attempt_at_once") {
        return;
    }
    let server = server::start();
    let key = key(&server);
    let slow = ReconnectOptions::default().initial_delay(LATER).max_delay(LATER);
    let options = PeerOptions::from(options(&server, &key).reconnect(Some(slow)));
    let peer = MeteredPeer::new(options).expect("a peer");
    let mut changes = peer.state_changes();
    peer.join("room", JoinOptions::default()).await.expect("joins");
    peer.drop_connection();
    while soon("the loss", changes.next()).await.expect("more changes").to != PeerState::Reconnecting {}

    ip(&["address", "add", "192.0.2.79/32", "dev", "lo"]);
    while soon("the return", changes.next()).await.expect("more changes").to != PeerState::Joined {}
    peer.close(None).await;
}
