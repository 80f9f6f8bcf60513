//! `peerhall doctor` against servers of every kind of health.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Running, dev, dev_with};
use crate::support::{Run, command};

/// What the doctor said.
struct Examined {
    status: Option<i32>,
    report: Value,
    complaint: String,
}

impl Examined {
    fn of(command: &mut Command, url: &str, more: &[&str]) -> Self {
        let output = command.args(["doctor", url, "--json"]).args(more).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        Self { status: output.status.code(), report: serde_json::from_str(&text).unwrap(), complaint }
    }

    fn verdict(&self, check: &str) -> &str {
        self.line(check)["verdict"].as_str().unwrap()
    }

    fn line(&self, check: &str) -> &Value {
        let lines = self.report["checks"].as_array().unwrap();
        lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{check}: {}", self.report))
    }

    /// It found this bad and nothing else, and said how to mend it.
    fn blames(&self, check: &str, cure: &str) {
        let lines = self.report["checks"].as_array().unwrap();
        let bad: Vec<_> = lines.iter().filter(|line| line["verdict"] == "bad").collect();
        assert!(bad.iter().all(|line| line["check"] == check) && !bad.is_empty(), "{}", self.report);
        assert!(bad[0]["cure"].as_str().unwrap().contains(cure), "{}", bad[0]);
        assert_eq!((self.status, &self.report["healthy"]), (Some(1), &Value::Bool(false)));
        assert!(
            self.complaint.starts_with("error: ") && self.complaint.contains("cure"),
            "{}",
            self.complaint
        );
    }
}

/// A certificate in a folder, which programs may be told to trust.
struct Certificate(TempDir);

impl Certificate {
    fn new(names: &[&str], years: [i32; 2]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names.clone()).unwrap();
        // Two of one name would count as one authority with a wrong signature.
        parameters.distinguished_name.push(DnType::CommonName, format!("{names:?} {years:?}"));
        let [begin, end] = years.map(|year| date_time_ymd(year, 1, 1));
        (parameters.not_before, parameters.not_after) = (begin, end);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self(folder)
    }

    /// The relay passes on to this machine too, so that nothing stays unknown.
    fn serve(&self) -> (Running, String, String) {
        let mut command = command();
        command.env("PEERHALL_TURN_ALLOW_PEERS", "127.0.0.0/8");
        let file = |name: &str| self.0.path().join(name);
        command.env("PEERHALL_TLS_CERT_FILE", file("cert.pem")).env("PEERHALL_TLS_KEY_FILE", file("key.pem"));
        dev_with(&mut command)
    }

    fn trusted(&self) -> Command {
        let mut command = command();
        command.env("SSL_CERT_FILE", self.0.path().join("cert.pem"));
        command
    }
}

#[test]
fn of_a_healthy_server_every_line_is_good() {
    let certificate = Certificate::new(&["127.0.0.1"], [2020, 4000]);
    let (_server, url, key) = certificate.serve();
    let examined = Examined::of(&mut certificate.trusted(), &url, &["--key", &key]);
    let lines = examined.report["checks"].as_array().unwrap();
    let checks: Vec<_> = lines.iter().map(|line| line["check"].as_str().unwrap()).collect();
    assert_eq!(
        checks,
        [
            "name",
            "port",
            "certificate",
            "clock",
            "upgrade",
            "credential",
            "turn udp",
            "turn tcp",
            "turn tls",
            "candidates",
            "relayed",
            "nat"
        ]
    );
    assert!(lines.iter().all(|line| line["verdict"] == "good" && line.get("cure").is_none()), "{lines:?}");
    assert_eq!((examined.status, &examined.report["healthy"]), (Some(0), &Value::Bool(true)));
    assert!(!examined.report.to_string().contains(&key), "no credential is repeated");
    let kinds = examined.line("candidates")["found"].as_str().unwrap();
    for kind in ["host IPv4", "relayed IPv4 by udp", "relayed IPv4 by tcp", "relayed IPv4 by tls"] {
        assert!(kinds.contains(kind), "{kinds}");
    }
    // For people: one line for each check, and no cure.
    let mut command = certificate.trusted();
    let text = command.args(["doctor", &url, "--key", &key]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert_eq!(
        text.lines().filter(|line| line.trim_start().starts_with("good ")).count(),
        lines.len(),
        "{text}"
    );
}

#[test]
fn without_a_credential_and_without_tls_what_can_be_checked_is() {
    let (_server, url, key) = dev();
    let examined = Examined::of(&mut command(), &url, &[]);
    assert_eq!((examined.status, examined.verdict("credential")), (Some(0), "unknown"));
    let examined = Examined::of(&mut command(), &url, &["--key", &key]);
    assert_eq!((examined.status, examined.verdict("turn")), (Some(0), "warning"));
    assert!(examined.line("turn")["cure"].as_str().unwrap().contains("tls.cert_file"));
    assert_eq!(examined.verdict("turn tcp"), "good");
    assert_eq!(examined.verdict("relayed"), "unknown", "relays pass nothing on to loopback");
}

/// As our clients do: a list with one entry that cannot be used is no list.
#[test]
fn a_list_that_clients_refuse_whole_is_blamed_though_most_of_it_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let made =
        command().args(["key", "create", "--type", "secret", "--json", "--data", data]).output().unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let mut server = Running::start(command().args(["serve", "--listen", "127.0.0.1:0", "--data", data]));
    let listen = server.until(|line| line["listen"].as_str().map(str::to_owned));
    let metadata = r#"{"iceServers":[{"urls":"stun:127.0.0.1"},{"urls":"turn:127.0.0.1"}]}"#;
    let minted = command()
        .args([
            "token",
            "mint",
            "--sub",
            "alice",
            "--data",
            data,
            "--metadata",
            metadata,
            "--key",
            made["keyId"].as_str().unwrap(),
        ])
        .output()
        .unwrap();
    let token = String::from_utf8(minted.stdout).unwrap();
    let examined = Examined::of(&mut command(), &format!("ws://{listen}"), &["--token", token.trim()]);
    examined.blames("ice servers", "ignore the whole list");
}

#[test]
fn a_closed_port_and_a_name_without_an_address_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    Examined::of(&mut command(), &url, &[]).blames("port", "Start the server");
    Examined::of(&mut command(), "ws://peerhall.invalid", &[]).blames("name", "DNS");
}

#[test]
fn a_wrong_key_and_a_wrong_token_are_refused_with_their_cures() {
    let (_server, url, _) = dev();
    let key = "pk_live_00000000000000000000000000000000";
    Examined::of(&mut command(), &url, &["--key", key]).blames("credential", "`peerhall key list`");
    Examined::of(&mut command(), &url, &["--token", "a.b.c"]).blames("credential", "`peerhall token mint`");
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let expired = Certificate::new(&["127.0.0.1"], [2020, 2021]);
    let (_server, url, key) = expired.serve();
    let more = ["--key", &*key];
    Examined::of(&mut expired.trusted(), &url, &more).blames("certificate", "Renew");
    let elsewhere = Certificate::new(&["example.org"], [2020, 4000]);
    let (_server, url, _) = elsewhere.serve();
    Examined::of(&mut elsewhere.trusted(), &url, &more).blames("certificate", "for 127.0.0.1");
    // Nobody trusts it.
    let stranger = Certificate::new(&["127.0.0.1"], [2020, 4000]);
    Examined::of(&mut stranger.trusted(), &url, &more).blames("certificate", "authority");
    // There is no TLS at all.
    let (_server, url, _) = dev();
    Examined::of(&mut command(), &url.replace("ws://", "wss://"), &more).blames("certificate", "ws://");
}

#[test]
fn relays_that_are_closed_or_refuse_are_blamed_one_by_one() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = taken.local_addr().unwrap();
    let refuses = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = refuses.local_addr().unwrap();
    drop(refuses);
    let mut other = Running::start(command().args(["dev", "--listen", "127.0.0.1:0"]));
    let strict = other.until(|line| line["turn"].as_str().map(str::to_owned));
    let mut first = command();
    first.env("PEERHALL_TURN_EXTERNAL_SECRET", "not-the-secret-of-the-other").env(
        "PEERHALL_TURN_EXTERNAL_URLS",
        format!("turn:{silent}?transport=udp,turn:{closed}?transport=tcp,turn:{strict}?transport=udp"),
    );
    let (_server, url, key) = dev_with(&mut first);
    let examined = Examined::of(&mut command(), &url, &["--key", &key]);
    assert_eq!(examined.status, Some(1));
    let lines = examined.report["checks"].as_array().unwrap();
    let cure = |address: &str| {
        let found = |line: &&Value| line["found"].as_str().unwrap().contains(address);
        let line = lines.iter().filter(|line| line["verdict"] == "bad").find(found);
        line.unwrap_or_else(|| panic!("{address}: {lines:?}"))["cure"].as_str().unwrap().to_owned()
    };
    assert!(cure(&silent.to_string()).contains("UDP port"));
    assert!(cure(&closed.to_string()).contains("TCP port"));
    assert!(cure(&strict).contains("static-auth-secret"));
    // The relay inside is not affected.
    assert_eq!((examined.verdict("turn udp"), examined.verdict("turn tcp")), ("good", "good"));
}

#[test]
fn a_server_that_offers_no_relay_is_told_how_to() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let made = command()
        .args(["key", "create", "--type", "publishable", "--json", "--data", data])
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let mut server = Running::start(command().args(["serve", "--listen", "127.0.0.1:0", "--data", data]));
    let listen = server.until(|line| line["listen"].as_str().map(str::to_owned));
    let examined =
        Examined::of(&mut command(), &format!("ws://{listen}"), &["--key", made["keyId"].as_str().unwrap()]);
    examined.blames("turn", "turn.listen");
    assert_eq!(examined.verdict("nat"), "unknown");
}

#[test]
fn a_proxy_that_does_not_pass_websocket_on_is_blamed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = [0; 4_096];
            // A connection that asks for nothing only looks whether the port is open.
            if socket.read(&mut request).unwrap_or(0) > 0 {
                let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    let examined = Examined::of(&mut command(), &url, &[]);
    examined.blames("upgrade", "Upgrade and Connection");
    assert_eq!(examined.verdict("clock"), "unknown");
}

#[test]
fn arguments_that_do_not_fit_are_told() {
    for (arguments, about) in [(&["example.org"][..], "wss://"), (&["ws://a", "--key", "a&b"], "letters")] {
        let run = Run(command().arg("doctor").args(arguments).output().unwrap());
        assert!(run.sentence(2).contains(about));
    }
}
