//! coturn's own programs, used with what a welcome says about the relay.

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use peerhall_e2e::{Client, eventually};
use serde_json::Value;

/// What a welcome says about the relay.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) username: String,
    pub(crate) credential: String,
    /// All URLs for which they are good.
    pub(crate) urls: Vec<String>,
}

impl Relay {
    pub(crate) fn of(client: &Client) -> Self {
        Self::read(&client.welcome().get("metadata")["iceServers"])
    }

    pub(crate) fn read(list: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (stun, turn) = (&list[0], &list[1]);
        let address =
            text(&stun["urls"][0]).strip_prefix("stun:").expect("STUN").parse().expect("an address");
        assert!(stun.get("username").is_none() && stun.get("credential").is_none());
        assert_eq!(turn["urls"][0], format!("turn:{address}?transport=udp"));
        let urls = turn["urls"].as_array().expect("URLs").iter().map(text).collect();
        Self { address, urls, username: text(&turn["username"]), credential: text(&turn["credential"]) }
    }

    /// Runs coturn's client. Says whether it ended well, and what it said.
    pub(crate) fn uclient(&self, flags: &[&str]) -> (bool, String) {
        self.uclient_at(self.address.port(), flags)
    }

    /// The same with another port.
    pub(crate) fn uclient_at(&self, port: u16, flags: &[&str]) -> (bool, String) {
        run(Command::new("turnutils_uclient")
            .args(["-u", &self.username, "-w", &self.credential, "-p", &port.to_string()])
            .args(flags)
            .arg(self.address.ip().to_string()))
    }
}

/// Runs a program. Says whether it ended well, and what it said.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("coturn's programs; `cargo xtask test` installs them");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// coturn's peer, which sends everything back.
pub(crate) struct Echo {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    pub(crate) fn start() -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1]))
    }

    pub(crate) fn start_at(ip: IpAddr) -> Self {
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
pub(crate) fn lost((well, said): &(bool, String)) -> String {
    assert!(*well, "{said}");
    let line = said.lines().rev().find(|line| line.contains("Total lost packets")).unwrap_or(said);
    line.split("Total lost packets ").nth(1).unwrap_or(line).to_owned()
}
