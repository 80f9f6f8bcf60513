//! Schemathesis: requests made up from `docs/openapi.yaml`, right ones and wrong ones, against the real
//! binary (promise P22). Every answer is held against the description: status, content type, headers,
//! shape; what the description allows has to be taken, and what it forbids refused.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Extent, workspace};

/// Seed of the short form.
const SEED: u64 = 22;

/// How long the long form makes up requests, in seconds (promise P22).
const FULL_SECS: u32 = 600;

/// Requests of each operation in the short form, beside those that the description implies.
const SHORT_EXAMPLES: u32 = 30;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Whether nothing was found.
    pub passed: bool,
    /// Its seed.
    pub seed: u64,
    /// The tool's own words about each phase and the number of requests.
    pub summary: String,
    /// Everything that it said.
    pub output: String,
}

/// Runs the tool; with a seed for the long form, which is different each time.
#[must_use]
pub fn run(extent: Extent, seed: Option<u64>) -> Report {
    let server = Server::start();
    let seed = seed.unwrap_or(SEED);
    let mut schemathesis = Command::new(python());
    schemathesis
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(workspace().join("crates/peerhall-e2e/foreign/python/schemathesis.toml"))
        .arg("run")
        .arg(workspace().join("docs/openapi.yaml"))
        .args(["--url", &format!("http://{}", server.address)])
        .args(["--header", &format!("Authorization: Bearer {}", server.credential)])
        .args(["--continue-on-failure", "--warnings", "off", "--no-color", "--request-timeout", "20"])
        .args(["--seed", &seed.to_string()])
        .current_dir(server.data.path());
    match extent {
        Extent::Short => schemathesis.args(["--max-examples", &SHORT_EXAMPLES.to_string()]),
        Extent::Full => schemathesis.args(["--max-time", &FULL_SECS.to_string()]),
    };
    let output = schemathesis
        .output()
        .expect("schemathesis runs; `cargo xtask test` installs it, or name a Python by PEERHALL_PYTHON");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("No module named"), "no schemathesis; run `cargo xtask test`, which installs it");
    Report { passed: output.status.success(), seed, summary: summary(&text), output: text }
}

/// The lines about phases, failures and requests at the end of what the tool says.
fn summary(text: &str) -> String {
    let lines = text.lines().skip_while(|line| !line.contains("= SUMMARY =")).skip(1);
    let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty() && !line.contains("====")).collect();
    lines.join("\n")
}

fn python() -> PathBuf {
    let own = || workspace().join(".cache/venv/bin/python");
    env::var_os("PEERHALL_PYTHON").map_or_else(own, PathBuf::from)
}

/// The real binary, with a key that may do everything and no rates: they would hide the answers.
struct Server {
    child: Child,
    data: TempDir,
    address: SocketAddr,
    credential: String,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a data folder");
        let key = json(peerhall(data.path(), &["key", "create", "--type", "secret", "--json"]).args([
            "--channels",
            "**",
            "--actions",
            "publish,subscribe,presence,send",
        ]));
        let word = |member: &str| key[member].as_str().unwrap_or_default().to_owned();
        let mut child = peerhall(data.path(), &["serve", "--listen", "127.0.0.1:0", "--json"])
            .env("PEERHALL_REST_REQUESTS_PER_SECOND", "0")
            .env("PEERHALL_REST_AUTH_FAILURES_PER_MINUTE", "0")
            .env("PEERHALL_LOG_LEVEL", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = ready["listen"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { child, data, address, credential: format!("{}:{}", word("keyId"), word("secret")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peerhall(data: &Path, arguments: &[&str]) -> Command {
    let own = || workspace().join("target/debug/peerhall");
    let binary = env::var_os("PEERHALL_BIN").map_or_else(own, PathBuf::from);
    let mut command = Command::new(binary);
    command.args(arguments).arg("--data").arg(data);
    command
}

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("`peerhall` runs; `cargo xtask test` builds it");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
