//! Nothing secret in the log, however talkative it is, nor in metrics and answers (authentication,
//! section 9; promise P18).

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "commands/support.rs"]
mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{command, run_in};

/// Sends one request and reads what comes back until the other end closes or says nothing more.
fn exchange(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = socket.read(&mut chunk) {
        answer.extend_from_slice(chunk.get(..count).unwrap());
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn upgrade(parameter: &str) -> String {
    format!(
        "GET /v1?{parameter} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn rest(path: &str, credential: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credential}\r\nConnection: close\r\n\r\n"
    )
}

#[test]
fn p18_no_key_token_or_secret_reaches_the_log_or_the_metrics() {
    let data = TempDir::new().unwrap();
    let text = |value: &Value, member: &str| value.get(member).unwrap().as_str().unwrap().to_owned();
    let publishable = run_in(data.path(), &["key", "create", "--type", "publishable", "--json"]).json();
    let secret = run_in(data.path(), &["key", "create", "--type", "secret", "--json"]).json();
    let (key, id, secret) = (text(&publishable, "keyId"), text(&secret, "keyId"), text(&secret, "secret"));
    let mint = ["token", "mint", "--key", &id, "--sub", "alice"];
    let token = run_in(data.path(), &mint).text().trim().to_owned();

    // A secret in the place of an id is a mistake that people make; it is not repeated to the terminal.
    let sentence = run_in(data.path(), &["token", "mint", "--key", &secret, "--sub", "alice"]).sentence(2);
    assert!(!sentence.contains(&secret), "{sentence}");

    let log = data.path().join("log.txt");
    let mut server = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(data.path())
        .env("PEERHALL_LOG_LEVEL", "trace")
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let address = text(&serde_json::from_str(&ready).unwrap(), "listen");

    assert!(exchange(&address, &upgrade(&format!("key={key}"))).contains("welcome"));
    assert!(exchange(&address, &upgrade(&format!("token={token}"))).contains("welcome"));
    let denied = [format!("key={key}x"), format!("token={token}x"), format!("token={secret}")];
    let mut answers: String = denied.iter().map(|wrong| exchange(&address, &upgrade(wrong))).collect();
    for credential in [format!("{id}:{secret}"), format!("{id}:{secret}x"), secret.clone(), token.clone()] {
        answers += &exchange(&address, &rest("/v1/usage", &credential));
        answers += &exchange(&address, &rest("/v1/channels/room/peers?token=in-a-query", &credential));
    }
    answers += &exchange(&address, &rest("/metrics", "none"));
    assert!(answers.contains("peerhall_connections"));
    run_in(data.path(), &["key", "revoke", &id]).text();
    let kill = format!("kill -TERM {}", server.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert!(server.wait().unwrap().success());

    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("listening"), "the log was written: {log}");
    let signature = token.rsplit('.').next().unwrap();
    // At most eight characters after the prefix of a key may be shown.
    let parts = [
        ("the publishable key", key.get(..17).unwrap()),
        ("the secret's id", id.get(..15).unwrap()),
        ("the secret", secret.get(10..26).unwrap()),
        ("the token", signature),
    ];
    for (what, part) in parts {
        assert!(!log.contains(part), "{what} stands in the log:\n{log}");
        assert!(!answers.contains(part), "{what} stands in an answer:\n{answers}");
    }
}
