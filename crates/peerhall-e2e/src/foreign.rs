//! Clients that others wrote, held by a test of ours: a browser or a Python program that does what it is
//! told by lines of JSON, so that a scenario with native peers is written in one place.

mod browser;
mod proxy;
mod python;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, io};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

pub use browser::{Browser, Page};
pub use proxy::Proxy;
pub use python::Python;

use crate::native::soon;

/// Folder of the scripts and pages.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign")
}

/// The folder that this workspace is in.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Node.js of the tests.
#[must_use]
pub fn node_interpreter() -> PathBuf {
    from_env("PEERHALL_NODE", || PathBuf::from("node"))
}

/// The Python of the tests, which has the vendor's SDK.
#[must_use]
pub fn python_interpreter() -> PathBuf {
    from_env("PEERHALL_PYTHON", || workspace().join(".cache/venv/bin/python"))
}

/// A path from a variable, unless that is empty.
pub fn from_env(name: &str, default: impl FnOnce() -> PathBuf) -> PathBuf {
    env::var_os(name).filter(|value| *value != OsString::new()).map_or_else(default, PathBuf::from)
}

type Answer = oneshot::Sender<Result<Value, String>>;

/// A child process that answers questions. When it is dropped its input ends, and so does it.
struct Partner {
    child: Child,
    questions: tokio::sync::Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, Answer>>>,
    next: AtomicU64,
}

impl Partner {
    /// Starts a script; both its folders and its interpreter are provided by `cargo xtask test`.
    fn start(interpreter: &Path, script: &Path, arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(interpreter);
        command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let waiting = Arc::new(Mutex::new(HashMap::new()));
        tokio::spawn(listen(BufReader::new(output).lines(), Arc::clone(&waiting)));
        Ok(Self { child, questions: input.into(), waiting, next: AtomicU64::new(1) })
    }

    /// What it answers to a question; several may be open at once.
    async fn ask(&self, mut question: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        question["id"] = json!(id);
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, answer);
        let line = format!("{question}\n");
        let sent = self.questions.lock().await.write_all(line.as_bytes()).await;
        sent.map_err(|error| format!("the partner takes no more questions: {error}"))?;
        answered.await.unwrap_or_else(|_| Err("the partner has ended".to_owned()))
    }

    /// Ends it.
    ///
    /// # Panics
    ///
    /// When it ends badly, or not at all.
    async fn end(self) {
        let Self { mut child, questions, .. } = self;
        drop(questions);
        let status = soon("the end of the partner", child.wait()).await.expect("a status");
        assert!(status.success(), "the partner ended with {status}; what it said is above");
    }
}

/// Hands answers to those who wait for them, until the partner says no more.
async fn listen(mut lines: Lines<BufReader<ChildStdout>>, waiting: Arc<Mutex<HashMap<u64, Answer>>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let parsed: Option<Value> = serde_json::from_str(&line).ok();
        let waiter = parsed.as_ref().and_then(|answer| {
            let id = answer["id"].as_u64()?;
            waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
        });
        match (waiter, parsed) {
            (Some(waiter), Some(mut answer)) => {
                let said = match answer["error"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(answer["value"].take()),
                };
                // Whoever asked may have stopped waiting.
                let _ = waiter.send(said);
            }
            // Such as the verdict at the end.
            _ => println!("{line}"),
        }
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
