//! The relay over TCP and over TLS, on its own port and on that of HTTPS, used by coturn's client.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

#[path = "turn_support/coturn.rs"]
#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod coturn;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use coturn::{Echo, Relay, lost};
use peerhall_e2e::server::Ways;
use peerhall_e2e::{Client, PATIENCE, Running, socket, start_with};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// A server with a certificate, whose relay may be used between programs of this machine.
struct Secure {
    server: Running,
    certificate: CertificateDer<'static>,
    _files: tempfile::TempDir,
}

impl Secure {
    fn start(listen: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let files = tempfile::tempdir().expect("a folder");
        let file = |name: &str, pem: String| {
            let path = files.path().join(name);
            std::fs::write(&path, pem).expect("written");
            path
        };
        let cert_file = file("cert.pem", made.cert.pem());
        let key_file = file("key.pem", made.signing_key.serialize_pem());
        let address: SocketAddr = listen.parse().expect("an address");
        let server = start_with(|config| {
            config.listen = address;
            config.tls = Some(peerhall_server::config::Tls { cert_file, key_file });
            config.turn.listen = vec![address];
            config.turn.allow_peers =
                ["127.0.0.0/8", "::1"].map(|range| range.parse().expect("a range")).to_vec();
        });
        Self { server, certificate: made.cert.der().clone(), _files: files }
    }

    /// A TLS session with the listener that serves HTTPS.
    fn connect(&self, alpn: &[&[u8]]) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let socket = TcpStream::connect(self.server.addr()).expect("connected");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        StreamOwned::new(session, socket)
    }

    /// What a welcome says to a client that calls this server by a name.
    fn welcome(&self, host: &str) -> Relay {
        let mut stream = self.connect(&[b"http/1.1"]);
        let request = format!(
            "GET /v1?key={} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.server.publishable().id.as_str()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        let welcome = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let mut rest = bytes.split_off(end + 4);
                if let Some(frame) = socket::take(&mut rest).expect("a frame") {
                    break frame.payload;
                }
                bytes.append(&mut rest);
            }
            let mut more = [0; 4_096];
            let count = stream.read(&mut more).expect("a welcome in time");
            assert!(count > 0, "the server closed: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&more[..count]);
        };
        let welcome: Value = serde_json::from_slice(&welcome).expect("JSON");
        Relay::read(&welcome["metadata"]["iceServers"])
    }
}

fn to(echo: &Echo) -> Vec<String> {
    let (ip, port) = (echo.address.ip().to_string(), echo.address.port().to_string());
    ["-e", &ip, "-r", &port, "-n", "25", "-z", "2", "-m", "2", "-t"].map(str::to_owned).to_vec()
}

fn all_arrive(relay: &Relay, port: u16, flags: &[String], more: &[&str]) {
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let said = relay.uclient_at(port, &flags);
    assert!(lost(&said).starts_with("0 "), "{flags:?}: {}", said.1);
}

#[test]
fn coturns_client_gets_every_packet_through_over_tcp_and_by_plain_tcp_to_the_port_of_http() {
    let server = start_with(|config| {
        config.turn.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        config.turn.allow_peers = vec!["127.0.0.0/8".parse().expect("a range")];
    });
    let echo = Echo::start();
    let flags = to(&echo);
    let client: Client = server.client();
    let relay = Relay::of(&client);
    assert_eq!(relay.urls[1], format!("turn:{}?transport=tcp", relay.address));
    assert_eq!(relay.urls.len(), 2, "no TLS without a certificate");
    let own = relay.address.port();
    for more in [&[][..], &["-s"], &["-l", "1"], &["-l", "1200"]] {
        all_arrive(&relay, own, &flags, more);
    }
    all_arrive(&relay, server.addr().port(), &flags, &[]);
    drop(client);
}

#[test]
fn coturns_client_gets_every_packet_through_over_tls_on_the_relays_port_and_on_that_of_https() {
    let secure = Secure::start("127.0.0.1:0");
    let echo = Echo::start();
    let flags = to(&echo);
    let https = secure.server.addr().port();
    let relay = secure.welcome(&format!("localhost:{https}"));
    assert_eq!(relay.urls[2], format!("turns:localhost:{https}?transport=tcp"));
    for port in [relay.address.port(), https] {
        all_arrive(&relay, port, &flags, &["-S"]);
    }
    assert_eq!(secure.welcome("example.org").urls[2], "turns:example.org:443?transport=tcp");
}

#[test]
fn a_client_that_asks_for_stun_by_alpn_gets_it_on_the_port_of_https() {
    // A binding request without attributes (RFC 8489 section 5).
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let secure = Secure::start(listen);
        for alpn in [&[&b"stun.turn"[..]][..], &[], &[b"http/1.1", b"stun.turn"]] {
            let mut stream = secure.connect(alpn);
            let mut answer = [0; 20];
            for _ in 0..2 {
                stream.write_all(&request).expect("sent");
                stream.read_exact(&mut answer).expect("an answer");
                assert_eq!((&answer[..2], &answer[8..]), (&[1, 1][..], &[7; 12][..]), "a success response");
                let mut rest = vec![0; usize::from(answer[3])];
                stream.read_exact(&mut rest).expect("its attributes");
            }
            if alpn.len() == 1 {
                assert_eq!(stream.conn.alpn_protocol(), Some(&b"stun.turn"[..]));
            }
        }
    }
}
