//! Addresses that come and go, in a network namespace of the test's own.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that is surprised has failed")]

#[path = "support/net.rs"]
mod support;

use std::env;
use std::net::IpAddr;
use std::process::Command;

use peerhall_rtc::net::{CandidateKind, NetEvent, Network, NetworkChanges, NetworkConfig};

use support::{gathered, next};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "PEERHALL_TEST_NAMESPACE";

/// Runs the test of this name again, as the root of a network with nothing but loopback.
fn inside_a_namespace(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        ip(&["link", "set", "lo", "up"]);
        return true;
    }
    let this = env::current_exe().expect("the test itself");
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare comes with util-linux");
    assert!(status.success(), "inside the namespace; it needs user namespaces or root");
    false
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().expect("ip comes with Debian's iproute2");
    assert!(status.success(), "ip {arguments:?}");
}

#[tokio::test]
async fn a_network_offers_what_comes_and_takes_back_what_goes() {
    if !inside_a_namespace("a_network_offers_what_comes_and_takes_back_what_goes") {
        return;
    }
    let mut network = Network::open(NetworkConfig::default()).expect("a network on loopback");
    network.gather();
    let before = gathered(&mut network).await;
    assert!(!before.is_empty() && before.iter().all(|candidate| candidate.addr.ip().is_loopback()));

    let address: IpAddr = "192.0.2.77".parse().expect("an address");
    ip(&["address", "add", "192.0.2.77/32", "dev", "lo"]);
    assert!(matches!(next(&mut network).await, NetEvent::Changed));
    for _ in &before {
        assert!(matches!(next(&mut network).await, NetEvent::CandidateLost(lost) if before.contains(&lost)));
    }
    let after = gathered(&mut network).await;
    assert_eq!(after.iter().map(|candidate| candidate.addr.ip()).collect::<Vec<_>>(), [address]);

    ip(&["address", "del", "192.0.2.77/32", "dev", "lo"]);
    assert!(matches!(next(&mut network).await, NetEvent::Changed));
    assert!(matches!(next(&mut network).await, NetEvent::CandidateLost(lost) if after.contains(&lost)));
    let again = gathered(&mut network).await;
    assert_eq!(again.len(), before.len());
    assert!(again.iter().all(|candidate| candidate.kind == CandidateKind::Host));
}

#[tokio::test]
async fn an_address_that_comes_or_goes_is_told() {
    if !inside_a_namespace("an_address_that_comes_or_goes_is_told") {
        return;
    }
    let mut changes = NetworkChanges::watch().expect("to watch");
    for command in ["add", "del"] {
        ip(&["address", command, "192.0.2.78/32", "dev", "lo"]);
        changes.changed().await;
    }
}
