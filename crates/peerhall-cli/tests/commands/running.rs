//! Processes of this binary that stay.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::support::command;

/// A process of this binary that prints lines of JSON, and is stopped with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that `wanted` takes.
    pub(crate) fn until<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        loop {
            let line = self.lines.next().unwrap().unwrap();
            if let Some(found) = wanted(&serde_json::from_str(&line).unwrap()) {
                return found;
            }
        }
    }

    pub(crate) fn input(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes events of this name.
pub(crate) fn event(name: &'static str) -> impl Fn(&Value) -> Option<Value> {
    move |line| (line["event"] == name).then(|| line.clone())
}

/// A server, its URL and its key.
pub(crate) fn dev() -> (Running, String, String) {
    dev_with(&mut command())
}

/// The same in another environment.
pub(crate) fn dev_with(command: &mut Command) -> (Running, String, String) {
    let mut server = Running::start(command.args(["dev", "--listen", "127.0.0.1:0"]));
    let ready = server.until(|line| Some(line.clone()));
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    (server, text("url"), text("publishableKey"))
}

/// A peer in the channel `room`.
pub(crate) fn join(url: &str, key: &str, more: &[&str]) -> Running {
    Running::start(command().args(["join", "room", "--url", url, "--key", key]).args(more))
}
