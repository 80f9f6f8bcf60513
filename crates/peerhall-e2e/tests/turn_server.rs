//! The STUN and TURN service inside the server, used by coturn's own programs with the credentials that a
//! welcome brings.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use peerhall_e2e::server::Ways;
use peerhall_e2e::{Client, Running, eventually, start_with};
use serde_json::{Value, json};

/// A server whose relay may be used between programs of this machine.
fn start() -> Running {
    start_with(|config| {
        config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        config.turn.allow_peers = vec!["127.0.0.0/8".parse().expect("a range")];
    })
}

/// What a welcome says about the relay.
struct Relay {
    address: SocketAddr,
    username: String,
    credential: String,
}

impl Relay {
    fn of(client: &Client) -> Self {
        let list = client.welcome().get("metadata")["iceServers"].clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (stun, turn) = (&list[0], &list[1]);
        let address =
            text(&stun["urls"][0]).strip_prefix("stun:").expect("STUN").parse().expect("an address");
        assert!(stun.get("username").is_none() && stun.get("credential").is_none());
        assert_eq!(turn["urls"][0], format!("turn:{address}?transport=udp"));
        Self { address, username: text(&turn["username"]), credential: text(&turn["credential"]) }
    }

    /// Runs coturn's client. Says whether it ended well, and what it said.
    fn uclient(&self, flags: &[&str]) -> (bool, String) {
        self.uclient_as(&self.credential, flags)
    }

    fn uclient_as(&self, credential: &str, flags: &[&str]) -> (bool, String) {
        run(Command::new("turnutils_uclient")
            .args(["-u", &self.username, "-w", credential, "-p", &self.address.port().to_string()])
            .args(flags)
            .arg(self.address.ip().to_string()))
    }
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("coturn's programs; `cargo xtask test` installs them");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// coturn's peer, which sends everything back.
struct Echo {
    process: Child,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Self {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let port = std::net::UdpSocket::bind((ip, 0)).expect("a free port");
        let address = port.local_addr().expect("bound");
        drop(port);
        let process = Command::new("turnutils_peer")
            .args(["-L", &ip.to_string(), "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("coturn's programs; `cargo xtask test` installs them");
        let echo = Self { process, address };
        let socket = std::net::UdpSocket::bind((ip, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        eventually("turnutils_peer answers", Duration::from_secs(20), || {
            socket.send_to(b"?", address).ok()?;
            socket.recv_from(&mut [0; 16]).ok()
        });
        echo
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What coturn's client lost, of what it sent.
fn lost((well, said): &(bool, String)) -> String {
    assert!(*well, "{said}");
    let line = said.lines().rev().find(|line| line.contains("Total lost packets")).unwrap_or(said);
    line.split("Total lost packets ").nth(1).unwrap_or(line).to_owned()
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
    assert!(!relay.uclient_as("d3Jvbmc=", &["-y", "-c", "-n", "1"]).0);
    let stranger = Relay { username: format!("9{}", relay.username), ..Relay::of(&server.client()) };
    assert!(!stranger.uclient(&["-y", "-c", "-n", "1"]).0);
    // A token's own list is what its backend wants, even if it is empty.
    let own = server.bearer(&json!({ "metadata": { "iceServers": [] } }));
    assert_eq!(own.welcome().get("metadata"), json!({ "iceServers": [] }));
}

#[test]
fn coturns_own_stun_client_learns_its_address() {
    let server = start();
    let relay = Relay::of(&server.client());
    let port = relay.address.port().to_string();
    let (well, said) = run(Command::new("turnutils_stunclient").args(["-p", &port, "127.0.0.1"]));
    assert!(well && said.contains("UDP reflexive addr: 127.0.0.1:"), "{said}");
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
