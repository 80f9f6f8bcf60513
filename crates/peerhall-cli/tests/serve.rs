//! Servers as scripts start and stop them.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

#[path = "commands/support.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, command, run_in};

/// A running server; dropping it ends it.
struct Running {
    child: Child,
    ready: Value,
}

impl Running {
    /// Starts a server and waits for its ready line.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, ready }
    }

    fn serve(data: &TempDir) -> Self {
        let mut serve = command();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"]).arg(data.path());
        Self::start(serve)
    }

    fn address(&self) -> SocketAddr {
        self.ready["listen"].as_str().unwrap().parse().unwrap()
    }

    /// Status of `GET /v1/usage` with a secret key.
    fn usage(&self, credential: &str) -> u16 {
        let mut socket = TcpStream::connect(self.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            socket,
            "GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credential}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// Whether the credential gets `status` before the promised second is over; a busy machine gets one more.
    fn answers_soon(&self, credential: &str, status: u16) -> bool {
        let give_up = Instant::now() + Duration::from_secs(2);
        while Instant::now() < give_up {
            if self.usage(credential) == status {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Sends a signal and waits for the end.
    fn stop(mut self, signal: &str) -> ExitStatus {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn credential(key: &Value) -> String {
    format!("{}:{}", key["keyId"].as_str().unwrap(), key["secret"].as_str().unwrap())
}

#[test]
fn serve_says_where_it_listens_and_a_signal_ends_it_in_order() {
    let data = TempDir::new().unwrap();
    for signal in ["TERM", "INT"] {
        let server = Running::serve(&data);
        let address = server.address();
        assert_ne!(address.port(), 0);
        assert_eq!(server.ready, json!({ "listen": address.to_string(), "url": format!("ws://{address}") }));
        assert_eq!(server.stop(signal).code(), Some(0), "SIG{signal}");
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    }
}

#[test]
fn a_running_server_takes_new_keys_and_drops_revoked_ones_within_a_second() {
    let data = TempDir::new().unwrap();
    let server = Running::serve(&data);
    let key = run_in(data.path(), &["key", "create", "--type", "secret", "--json"]).json();
    assert!(server.answers_soon(&credential(&key), 200), "the new key is accepted");
    run_in(data.path(), &["key", "revoke", key["keyId"].as_str().unwrap()]).text();
    assert!(server.answers_soon(&credential(&key), 401), "the revoked key is refused");
}

#[test]
fn keys_outlive_a_kill_of_the_server() {
    let data = TempDir::new().unwrap();
    let key = run_in(data.path(), &["key", "create", "--type", "secret", "--json"]).json();
    for _ in 0..3 {
        let server = Running::serve(&data);
        assert_eq!(server.usage(&credential(&key)), 200);
        server.stop("KILL");
    }
}

#[test]
fn dev_prints_all_that_is_needed_to_try_it() {
    let mut dev = command();
    dev.args(["dev", "--listen", "127.0.0.1:0", "--json"]);
    let server = Running::start(dev);
    let address = server.address();
    assert_eq!(server.ready["url"], json!(format!("ws://{address}")));
    assert_eq!(server.ready["page"], json!(format!("http://{address}/")));
    let publishable = server.ready["publishableKey"].as_str().unwrap();
    assert!(publishable.starts_with("pk_live_"));
    assert_eq!(server.usage(&credential(&server.ready["secretKey"])), 200);
    assert_eq!(server.usage(publishable), 401, "a publishable key is none for the REST API");
    assert_eq!(server.stop("INT").code(), Some(0));
}

#[test]
fn dev_for_people_names_the_keys_and_the_way_to_a_token() {
    let mut dev = command();
    dev.args(["dev", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut child = dev.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<String> = lines.by_ref().take_while(|line| !line.contains("curl ")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let text = shown.join("\n");
    for part in ["Ctrl-C", "http://127.0.0.1:", "ws://127.0.0.1:", "pk_live_", "sk_id_", "sk_secret_"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn settings_of_later_sources_win() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("peerhall.toml");
    std::fs::write(&file, format!("listen = \"127.0.0.2:0\"\ndata_dir = {:?}\n", data.path().join("store")))
        .unwrap();
    let serve = || {
        let mut serve = command();
        serve.args(["serve", "--json", "--config"]).arg(&file);
        serve
    };
    let from_file = Running::start(serve());
    assert_eq!(from_file.address().ip().to_string(), "127.0.0.2");
    drop(from_file);
    let mut with_variable = serve();
    with_variable.env("PEERHALL_LISTEN", "127.0.0.3:0");
    let from_variable = Running::start(with_variable);
    assert_eq!(from_variable.address().ip().to_string(), "127.0.0.3");
    drop(from_variable);
    let mut with_flag = serve();
    with_flag.env("PEERHALL_LISTEN", "127.0.0.3:0").args(["--listen", "127.0.0.4:0"]);
    assert_eq!(Running::start(with_flag).address().ip().to_string(), "127.0.0.4");
}

#[test]
fn a_server_that_cannot_start_says_why_in_one_sentence() {
    let data = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sentence = run_in(data.path(), &["serve", "--listen", &address]).sentence(1);
    assert!(sentence.contains(&address), "{sentence}");

    let running = Running::serve(&data);
    let sentence = run_in(data.path(), &["serve", "--listen", "127.0.0.1:0"]).sentence(1);
    assert!(sentence.contains("another server uses"), "{sentence}");
    assert!(running.stop("TERM").success());

    std::fs::remove_file(data.path().join("master.key")).unwrap();
    let sentence = run_in(data.path(), &["serve", "--listen", "127.0.0.1:0"]).sentence(1);
    assert!(sentence.contains("master.key is missing"), "{sentence}");

    let serve = |name: &str, value: &str| {
        Run(command().args(["serve", "--data"]).arg(data.path()).env(name, value).output().unwrap())
    };
    assert!(serve("PEERHALL_LIMITS_FRAME_BURST", "0").sentence(1).contains("limits.frame_burst is 0"));
    assert!(serve("PEERHALL_LIMITS_FRAME_BRUST", "1").sentence(1).contains("PEERHALL_LIMITS_FRAME_BRUST"));
}

/// The port of HTTP takes STUN, too, and gives such connections to the relay.
#[test]
fn t47_connections_to_the_relay_leave_descriptors_for_everybody_else() {
    let data = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(command().get_program());
    limited.args(["serve", "--listen", "127.0.0.1:0", "--turn", "127.0.0.1:0", "--json", "--data"]);
    limited.arg(data.path()).env("USER", "tester");
    let server = Running::start(limited);
    // A binding request without attributes (RFC 8489 section 5).
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let connect = || {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // One too many is closed, maybe before it has said anything.
        let _ = socket.write_all(&request);
        socket
    };
    let mut held: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    // Each has been answered or closed then, so that nobody is turned away for those that were still to be sorted.
    let mut answered = 0;
    for socket in &mut held {
        answered += usize::from(socket.read_exact(&mut [0; 20]).is_ok());
    }
    assert_eq!(server.usage("nobody"), 401, "HTTP is served");
    assert!((1..=64).contains(&answered), "{answered}: some are relayed to, and not all");
}
