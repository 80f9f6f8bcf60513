//! A page of Chromium with a bare `RTCPeerConnection`, and a native peer that it can signal to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use peerhall_proto::signal::{Candidate, Description};
use peerhall_rtc::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use crate::peer::{LIMIT, Manners, Peer, Signal};

/// Who waits for the result of which step.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// The page. Dropping it ends the browser.
pub(crate) struct Page {
    lines: mpsc::Sender<Value>,
    waiting: Waiting,
    next_id: u64,
    trouble: Arc<Mutex<Vec<String>>>,
    _child: Child,
}

/// A native peer and a page, each ready to negotiate with the other.
pub(crate) async fn native_and_page(native: Manners, config: Config) -> (Peer, Page) {
    let (mut child, input, mut output) = spawn();
    let ready = line(&mut output).await.expect("the page starts");
    assert!(ready.get("ready").is_some(), "instead of a page: {ready}");
    let (to_native, inbox) = mpsc::channel(1024);
    let (out, from_native) = mpsc::channel(1024);
    let (lines, to_page) = mpsc::channel(1024);
    let waiting = Waiting::default();
    let trouble = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(write(input, to_page));
    tokio::spawn(read(output, to_native, Arc::clone(&waiting), Arc::clone(&trouble)));
    tokio::spawn(relay(from_native, lines.clone()));
    child.stdin.take();
    let mut page = Page { lines, waiting, next_id: 0, trouble, _child: child };
    let polite = native == Manners::Impolite;
    page.run(&format!("start({polite})")).await;
    (Peer::start(config, native, out, inbox), page)
}

impl Page {
    /// Evaluates statements in the page and returns what they return.
    pub(crate) async fn run(&mut self, statements: &str) -> Value {
        let answer = self.begin(statements).await;
        let answer = tokio::time::timeout(LIMIT + LIMIT, answer).await;
        let answer = answer.expect("the page answers in time").expect("the page lives");
        let value = answer.unwrap_or_else(|error| panic!("`{statements}`: {error}"));
        let trouble = self.trouble.lock().expect("no panic with the lock");
        assert!(trouble.is_empty(), "the page has trouble: {trouble:?}");
        value
    }

    /// Starts to evaluate statements.
    pub(crate) async fn begin(&mut self, statements: &str) -> oneshot::Receiver<Result<Value, String>> {
        self.next_id += 1;
        let (reply, answer) = oneshot::channel();
        self.waiting.lock().expect("no panic with the lock").insert(self.next_id, reply);
        let line = json!({ "id": self.next_id, "run": statements });
        self.lines.send(line).await.expect("the page lives");
        answer
    }
}

fn spawn() -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/js/rtc_page.mjs");
    let node = std::env::var_os("PEERHALL_NODE").map_or_else(|| "node".into(), PathBuf::from);
    let mut child = Command::new(node)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("Node.js, which `cargo xtask test` asks for");
    let input = child.stdin.take().expect("a pipe");
    let output = child.stdout.take().expect("a pipe");
    (child, input, BufReader::new(output))
}

async fn line(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut text = String::new();
    let read = output.read_line(&mut text).await.ok()?;
    (read > 0).then(|| serde_json::from_str(&text).expect("a line of JSON"))
}

async fn write(mut input: ChildStdin, mut lines: mpsc::Receiver<Value>) {
    while let Some(line) = lines.recv().await {
        if input.write_all(format!("{line}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(
    mut output: BufReader<ChildStdout>,
    to_native: mpsc::Sender<Signal>,
    waiting: Waiting,
    trouble: Arc<Mutex<Vec<String>>>,
) {
    while let Some(line) = line(&mut output).await {
        if let Some(signal) = line.get("signal") {
            // A test that has ended takes no more signals.
            let _ = to_native.send(from_page(signal)).await;
        } else if let Some(text) = line.get("trouble") {
            trouble.lock().expect("no panic with the lock").push(text.to_string());
        } else if let Some(id) = line.get("id").and_then(Value::as_u64) {
            let reply = waiting.lock().expect("no panic with the lock").remove(&id);
            let error = line.get("error").and_then(Value::as_str).map(str::to_owned);
            let value = line.get("value").cloned().unwrap_or_default();
            if let Some(reply) = reply {
                let _ = reply.send(error.map_or(Ok(value), Err));
            }
        }
    }
}

fn from_page(signal: &Value) -> Signal {
    if let Some(description) = signal.get("description") {
        let description: Description = serde_json::from_value(description.clone()).expect("a description");
        return Signal::Description(description);
    }
    let candidate: Option<Candidate> =
        serde_json::from_value(signal.get("candidate").cloned().unwrap_or_default()).expect("a candidate");
    Signal::Candidate(candidate)
}

async fn relay(mut from_native: mpsc::Receiver<Signal>, lines: mpsc::Sender<Value>) {
    while let Some(signal) = from_native.recv().await {
        let signal = match signal {
            Signal::Description(description) => json!({ "description": description }),
            Signal::Candidate(candidate) => json!({ "candidate": candidate }),
        };
        if lines.send(json!({ "signal": signal })).await.is_err() {
            return;
        }
    }
}
