//! The STUN and TURN service inside the server, used by coturn's own programs with the credentials that a
//! welcome brings.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

#[path = "turn_support/coturn.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod coturn;

use std::net::{Ipv6Addr, SocketAddr};
use std::process::Command;

use coturn::{Echo, Relay, lost, run};
use peerhall_e2e::server::Ways;
use peerhall_e2e::{Running, start_with};
use serde_json::json;

/// A server whose relay may be used between programs of this machine.
fn start() -> Running {
    start_with(|config| {
        config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        config.turn.allow_peers = vec!["127.0.0.0/8".parse().expect("a range")];
    })
}

#[test]
fn coturns_client_gets_every_packet_through_to_its_peer_and_back() {
    let server = start();
    let echo = Echo::start();
    let peer = [&echo.address.ip().to_string(), &echo.address.port().to_string()].map(String::clone);
    let to = ["-e", &peer[0], "-r", &peer[1], "-n", "50", "-z", "2"];
    let relay = Relay::of(&server.client());
    for flags in [
        &["-m", "4"][..],
        // Send indications, DONT-FRAGMENT, padding, more requests than needed, no second port.
        &["-s"],
        &["-g", "-l", "1200"],
        &["-D", "-l", "7"],
        &["-G"],
        &["-c", "-X"],
    ] {
        let said = relay.uclient(&[&to[..], flags].concat());
        assert!(lost(&said).starts_with("0 "), "{flags:?}: {}", said.1);
    }
}

/// Server, relayed address and peer are all of IPv6.
#[test]
fn coturns_client_gets_every_packet_through_over_ipv6_by_udp_and_by_tcp() {
    let server = start_with(|config| {
        config.turn.listen = vec![SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        config.turn.allow_peers = vec!["::1".parse().expect("an address")];
    });
    let echo = Echo::start_at(Ipv6Addr::LOCALHOST.into());
    let (ip, port) = (echo.address.ip().to_string(), echo.address.port().to_string());
    let relay = Relay::of(&server.client());
    assert!(relay.address.is_ipv6());
    for flags in [&["-m", "2"][..], &["-s"], &["-c", "-l", "1200"], &["-t"]] {
        let said =
            relay.uclient(&[&["-x", "-e", &ip, "-r", &port, "-n", "25", "-z", "2"][..], flags].concat());
        assert!(lost(&said).starts_with("0 "), "{flags:?}: {}", said.1);
    }
    let meet = relay.uclient(&["-x", "-y", "-c", "-n", "25", "-z", "2"]);
    assert!(lost(&meet).starts_with("0 "), "two relayed addresses: {}", meet.1);
}

#[test]
fn coturns_clients_meet_through_two_relays_although_the_address_is_the_servers_own() {
    let server = start_with(|config| config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
    let relay = Relay::of(&server.client());
    for flags in [&["-y", "-m", "4"][..], &["-y", "-c", "-s"]] {
        let said = relay.uclient(&[&["-n", "50", "-z", "2"][..], flags].concat());
        assert!(lost(&said).starts_with("0 "), "{flags:?}: {}", said.1);
    }
}

#[test]
fn only_the_credentials_of_a_welcome_open_the_relay() {
    let server = start();
    let relay = Relay::of(&server.client());
    let guess = Relay { credential: "d3Jvbmc=".to_owned(), ..Relay::of(&server.client()) };
    assert!(!guess.uclient(&["-y", "-c", "-n", "1"]).0);
    let stranger = Relay { username: format!("9{}", relay.username), ..Relay::of(&server.client()) };
    assert!(!stranger.uclient(&["-y", "-c", "-n", "1"]).0);
    // A token's own list is what its backend wants, even if it is empty.
    let own = server.bearer(&json!({ "metadata": { "iceServers": [] } }));
    assert_eq!(own.welcome().get("metadata"), json!({ "iceServers": [] }));
}

#[test]
fn coturns_own_stun_clients_learn_their_address() {
    let server = start();
    let relay = Relay::of(&server.client());
    let port = relay.address.port().to_string();
    let (well, said) = run(Command::new("turnutils_stunclient").args(["-p", &port, "127.0.0.1"]));
    assert!(well && said.contains("UDP reflexive addr: 127.0.0.1:"), "{said}");
    // As far as one address goes: RFC 5780 takes a second one.
    let (well, said) =
        run(Command::new("turnutils_natdiscovery").args(["-m", "-f", "-p", &port, "127.0.0.1"]));
    assert_eq!((well, said.matches("UDP reflexive addr: 127.0.0.1:").count()), (true, 3), "{said}");
}

#[test]
fn a_kick_closes_the_relay_for_what_was_handed_out_and_not_for_what_comes_after() {
    let server = start();
    let before = Relay::of(&server.peer("alice"));
    let bystander = Relay::of(&server.peer("bob"));
    let once = ["-y", "-c", "-n", "1"];
    assert!(before.uclient(&once).0);
    assert_eq!(server.rest().delete("/v1/peers/alice").status, 200);
    assert!(!before.uclient(&once).0, "handed out before the kick");
    assert!(bystander.uclient(&once).0);
    assert!(Relay::of(&server.peer("alice")).uclient(&once).0, "a kick is no ban");
}

#[test]
fn the_secret_of_the_relay_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let store = peerhall_server::store::SqliteStore::open(folder.path()).expect("a store");
        let turn = |config: &mut peerhall_server::Config| {
            config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        };
        Running::builder().config(turn).store(Box::new(store)).start()
    };
    let first = start();
    let known = Relay::of(&first.client());
    first.abort();
    let second = start();
    let now = Relay::of(&second.client());
    let relay = Relay { address: now.address, ..known };
    assert!(relay.uclient(&["-y", "-c", "-n", "1"]).0);
}

#[test]
fn what_is_relayed_is_counted_for_the_app_and_in_the_metrics() {
    let server = start();
    let echo = Echo::start();
    let relayed = |server: &Running| {
        let usage = server.rest().get("/v1/usage").json();
        usage["relay"]["bytes"].as_u64().expect("a number")
    };
    assert_eq!(relayed(&server), 0);
    let (ip, port) = (echo.address.ip().to_string(), echo.address.port().to_string());
    let said = Relay::of(&server.client()).uclient(&["-e", &ip, "-r", &port, "-c", "-n", "20", "-l", "500"]);
    assert!(lost(&said).starts_with("0 "), "{}", said.1);
    let bytes = relayed(&server);
    assert!(bytes >= 2 * 20 * 500, "there and back: {bytes}");
    let metrics = String::from_utf8(server.rest().get("/metrics").body).expect("text");
    let sum: u64 = ["peer", "client"]
        .map(|to| {
            let series = format!("peerhall_relay_bytes_total{{to=\"{to}\"}} ");
            let line = metrics.lines().find_map(|line| line.strip_prefix(&*series));
            line.and_then(|count| count.parse::<u64>().ok()).expect("a count")
        })
        .iter()
        .sum();
    assert_eq!(sum, bytes);
    // A server without a relay says nothing about one.
    let without = peerhall_e2e::start();
    assert!(without.rest().get("/v1/usage").json().get("relay").is_none());
}
