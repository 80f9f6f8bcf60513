//! coturn, the TURN server of Debian, on loopback.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that is surprised has failed")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use peerhall_rtc::config::IceServer;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;

pub const USER: &str = "alice";
pub const PASSWORD: &str = "wonderland";

/// A running `turnserver`; dropping it ends it.
#[derive(Debug)]
pub struct Coturn {
    process: Child,
    ip: IpAddr,
    port: u16,
    tls_port: u16,
    /// The certificate it shows, which is its own root.
    pub certificate: CertificateDer<'static>,
    _folder: tempfile::TempDir,
}

impl Coturn {
    /// Starts it on 127.0.0.1 with these options beside the usual ones.
    pub fn start(options: &[&str]) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), options)
    }

    pub fn start_at(ip: IpAddr, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = certificate(folder.path());
        let (port, tls_port) = (free_port(ip), free_port(ip));
        let process = Command::new("turnserver")
            .current_dir(folder.path())
            .args([
                "-n",
                "--no-cli",
                "--no-dtls",
                "--allow-loopback-peers",
                "--lt-cred-mech",
                "--fingerprint",
            ])
            .args(["--listening-ip", &ip.to_string(), "--relay-ip", &ip.to_string(), "--relay-threads", "1"])
            .args(["--listening-port", &port.to_string(), "--tls-listening-port", &tls_port.to_string()])
            .args(["--cert", "certificate.pem", "--pkey", "key.pem"])
            .args(["--realm", "peerhall.test", "--user", &format!("{USER}:{PASSWORD}")])
            .args(["--log-file", "stdout", "--simple-log", "--pidfile", "turnserver.pid"])
            .args(["--userdb", "turnserver.db"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run turnserver ({error}); `cargo xtask test` installs coturn")
            });
        let coturn = Self { process, ip, port, tls_port, certificate, _folder: folder };
        coturn.wait_until_listening();
        coturn
    }

    /// `turn:` with the right password; `transport` is `udp` or `tcp`.
    pub fn turn(&self, transport: &str) -> IceServer {
        server(&format!("turn:{}?transport={transport}", SocketAddr::new(self.ip, self.port)), PASSWORD)
    }

    /// `turns:` with the right password.
    pub fn turns(&self) -> IceServer {
        server(&format!("turns:{}", SocketAddr::new(self.ip, self.tls_port)), PASSWORD)
    }

    /// The same server with another password.
    pub fn with_password(&self, password: &str) -> IceServer {
        IceServer { credential: Some(password.to_owned()), ..self.turn("udp") }
    }

    /// `stun:` without a credential.
    pub fn stun(&self) -> IceServer {
        let urls = vec![format!("stun:{}", SocketAddr::new(self.ip, self.port))];
        IceServer { urls, username: None, credential: None }
    }

    fn wait_until_listening(&self) {
        let patience = Instant::now() + Duration::from_secs(30);
        for port in [self.port, self.tls_port] {
            while TcpStream::connect((self.ip, port)).is_err() {
                assert!(Instant::now() < patience, "turnserver does not listen");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub fn server(url: &str, password: &str) -> IceServer {
    IceServer {
        urls: vec![url.to_owned()],
        username: Some(USER.to_owned()),
        credential: Some(password.to_owned()),
    }
}

/// A certificate for loopback, written where the server finds it.
pub fn certificate(folder: &Path) -> CertificateDer<'static> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
    fs::write(folder.join("certificate.pem"), cert.pem()).expect("the folder is ours");
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("the folder is ours");
    cert.der().clone()
}

/// A port that nobody has now.
fn free_port(ip: IpAddr) -> u16 {
    let listener = TcpListener::bind((ip, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
