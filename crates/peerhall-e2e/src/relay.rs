//! Somebody else's TURN server, coturn, with the shared-secret scheme of authentication section 7.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::eventually;

/// A relay on this machine; dropping it ends it.
#[derive(Debug)]
pub struct Relay {
    process: Child,
    address: SocketAddr,
    /// Keeps the process's files until it has ended.
    _folder: tempfile::TempDir,
}

impl Relay {
    /// Starts `turnserver` on loopback with a shared secret and waits until it listens.
    #[must_use]
    pub fn start(secret: &str) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), secret)
    }

    /// The same on the address with which this machine goes out: browsers take no relay on loopback.
    #[must_use]
    pub fn start_outside(secret: &str) -> Self {
        let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
        // Sends nothing; the address is one for documentation.
        probe.connect("198.51.100.1:9").expect("a route to somewhere: browsers need one too");
        Self::start_at(probe.local_addr().expect("connected").ip(), secret)
    }

    fn start_at(ip: IpAddr, secret: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = SocketAddr::new(ip, free_port(ip));
        let process = Command::new("turnserver")
            .current_dir(folder.path())
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"])
            .args(["--listening-ip", &ip.to_string(), "--relay-ip", &ip.to_string(), "--relay-threads", "1"])
            .args(["--listening-port", &address.port().to_string(), "--realm", "peerhall.test"])
            .args(["--use-auth-secret", "--static-auth-secret", secret])
            .args(["--log-file", "stdout", "--simple-log", "--pidfile", "turnserver.pid"])
            .args(["--userdb", "turnserver.db"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run turnserver ({error}); `cargo xtask test` installs coturn")
            });
        let relay = Self { process, address, _folder: folder };
        eventually("turnserver listens", Duration::from_secs(20), || TcpStream::connect(address).ok());
        relay
    }

    /// The port it listens on, UDP and TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether coturn's own client gets a relayed packet through with these credentials.
    #[must_use]
    pub fn accepts(&self, username: &str, credential: &str) -> bool {
        let output = Command::new("turnutils_uclient")
            // One message, one client, the peer being the client itself.
            .args(["-y", "-c", "-n", "1", "-m", "1", "-u", username, "-w", credential])
            .args(["-p", &self.address.port().to_string(), &self.address.ip().to_string()])
            .output()
            .expect("turnutils_uclient comes with turnserver");
        output.status.success()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A port that nobody has now.
fn free_port(ip: IpAddr) -> u16 {
    let listener = TcpListener::bind((ip, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
