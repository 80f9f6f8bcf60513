//! A full disk under `--data`: the control write fails with a clear error, and live traffic goes on.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "commands/support.rs"]
mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{command, run_in};

/// A file system of two megabytes, unmounted at its end.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this process may not mount.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(folder.path()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Connects, subscribes, and says whether the snapshot came.
fn lives(address: &str, key: &str) -> bool {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "GET /v1?key={key} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let text = br#"{"type":"subscribe","channel":"room","requestId":"1"}"#;
    // A text frame with a mask of zeros.
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(text);
    socket.write_all(&frame).unwrap();
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&heard).contains(r#""type":"presence""#) {
        match socket.read(&mut chunk) {
            Ok(count @ 1..) => heard.extend_from_slice(chunk.get(..count).unwrap()),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

fn key_of(folder: &Path) -> String {
    let created = run_in(folder, &["key", "create", "--type", "publishable", "--json"]).json();
    created.get("keyId").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn p19_a_full_disk_fails_the_control_write_and_leaves_live_traffic_alone() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("not shown: this process may not mount a small file system; run the tests as root");
        return;
    };
    let folder = disk.0.path();
    let key = key_of(folder);
    let mut server = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let address = ready.get("listen").and_then(Value::as_str).unwrap();
    assert!(lives(address, &key));

    let filler = disk.fill();
    let sentence = run_in(folder, &["key", "create", "--type", "publishable"]).sentence(1);
    assert!(sentence.contains("full"), "{sentence}");
    for _ in 0..20 {
        assert!(lives(address, &key), "live traffic goes on");
    }

    std::fs::remove_file(filler).unwrap();
    let later = key_of(folder);
    assert!(run_in(folder, &["key", "list"]).text().contains(&later), "all is well when there is room again");
    let kill = format!("kill -TERM {}", server.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}
