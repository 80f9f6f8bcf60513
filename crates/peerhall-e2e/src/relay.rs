//! Somebody else's TURN server, coturn, with the shared-secret scheme of authentication section 7.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::eventually;

/// A relay on loopback; dropping it ends it.
#[derive(Debug)]
pub struct Relay {
    process: Child,
    port: u16,
    /// Keeps the process's files until it has ended.
    _folder: tempfile::TempDir,
}

impl Relay {
    /// Starts `turnserver` with a shared secret and waits until it listens.
    #[must_use]
    pub fn start(secret: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let process = Command::new("turnserver")
            .current_dir(folder.path())
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--relay-threads", "1"])
            .args(["--listening-port", &port.to_string(), "--realm", "peerhall.test"])
            .args(["--use-auth-secret", "--static-auth-secret", secret])
            .args(["--log-file", "stdout", "--simple-log", "--pidfile", "turnserver.pid"])
            .args(["--userdb", "turnserver.db"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run turnserver ({error}); `cargo xtask test` installs coturn")
            });
        let relay = Self { process, port, _folder: folder };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        eventually("turnserver listens", Duration::from_secs(20), || TcpStream::connect(address).ok());
        relay
    }

    /// The port it listens on, UDP and TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether coturn's own client gets a relayed packet through with these credentials.
    #[must_use]
    pub fn accepts(&self, username: &str, credential: &str) -> bool {
        let output = Command::new("turnutils_uclient")
            // One message, one client, the peer being the client itself.
            .args(["-y", "-c", "-n", "1", "-m", "1", "-u", username, "-w", credential])
            .args(["-p", &self.port.to_string(), "127.0.0.1"])
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
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
