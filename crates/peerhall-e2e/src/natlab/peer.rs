//! A native peer in a namespace: `peerhall join`, driven by its lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running program that prints one line of JSON for each event.
#[derive(Debug)]
pub(super) struct Talker {
    process: Child,
    input: ChildStdin,
    lines: Receiver<(Instant, Value)>,
}

impl Talker {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`ip` and the server's binary; `cargo xtask test` provides both");
        let (input, output) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { continue };
                if sender.send((Instant::now(), value)).is_err() {
                    return;
                }
            }
        });
        Self { process, input, lines }
    }

    /// Memory of the program that is in use, in KiB; 0 when it has ended.
    pub(super) fn resident(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|figure| figure.parse().ok()).unwrap_or_default()
    }

    pub(super) fn say(&mut self, line: &str) {
        // One that has ended hears nothing, and what is waited for will say so.
        let _ = writeln!(self.input, "{line}");
    }

    /// The next line that `wanted` makes something of, and when it came; `None` when none comes in time.
    pub(super) fn next<T>(
        &self,
        within: Duration,
        mut wanted: impl FnMut(&Value) -> Option<T>,
    ) -> Option<(Instant, T)> {
        let end = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((at, line)) => {
                    if let Some(found) = wanted(&line) {
                        return Some((at, found));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
