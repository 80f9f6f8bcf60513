use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::support::{Run, command};

/// A process of this binary that prints lines of JSON, and is stopped with the test.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that `wanted` takes.
    fn until<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        loop {
            let line = self.lines.next().unwrap().unwrap();
            if let Some(found) = wanted(&serde_json::from_str(&line).unwrap()) {
                return found;
            }
        }
    }

    fn input(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn event(name: &'static str) -> impl Fn(&Value) -> Option<Value> {
    move |line| (line["event"] == name).then(|| line.clone())
}

/// A server, its URL and its key.
fn dev() -> (Running, String, String) {
    let mut server = Running::start(command().args(["dev", "--listen", "127.0.0.1:0"]));
    let ready = server.until(|line| Some(line.clone()));
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    (server, text("url"), text("publishableKey"))
}

fn join(url: &str, key: &str, more: &[&str]) -> Running {
    Running::start(command().args(["join", "room", "--url", url, "--key", key]).args(more))
}

#[test]
fn somebody_in_the_terminal_talks_with_the_bot_hears_its_tone_and_gets_a_file() {
    let (_server, url, key) = dev();
    let mut bot = join(&url, &key, &["--bot"]);
    bot.until(event("joined"));
    let mut me = join(&url, &key, &["--name", "me"]);
    let remote = me.until(event("peer-joined"))["peer"].clone();
    assert_eq!(me.until(event("stream-added"))["label"], "a tone");
    me.until(|line| (line["event"] == "remote-state-change" && line["to"] == "connected").then_some(()));

    writeln!(me.input(), "how are you").unwrap();
    let said = |text: &'static str| {
        move |line: &Value| (line["event"] == "data" && line["data"]["text"] == text).then_some(())
    };
    me.until(said("You said: how are you"));
    writeln!(me.input(), "/file").unwrap();
    assert_eq!(me.until(event("data-channel"))["label"], "file");

    writeln!(me.input(), "/drop").unwrap();
    me.until(|line| (line["event"] == "state-change" && line["to"] == "reconnecting").then_some(()));
    me.until(|line| (line["event"] == "state-change" && line["to"] == "joined").then_some(()));
    writeln!(me.input(), "/who").unwrap();
    let here = me.until(event("who"));
    assert_eq!(here["peers"][0]["peer"], remote, "the same peer as before: {here}");
    writeln!(me.input(), "/quit").unwrap();
    assert!(me.child.wait().unwrap().success());
    bot.until(event("peer-left"));
}

#[test]
fn what_keeps_a_peer_out_is_told_with_the_next_step() {
    let run = |arguments: &[&str]| Run(command().arg("join").args(arguments).output().unwrap());
    assert!(run(&["room"]).sentence(2).contains("--key"));
    assert!(run(&["room", "--key", "k", "--url", "ws://example.org"]).sentence(2).contains("wss://"));
    let (_server, url, _) = dev();
    let refused = run(&["room", "--key", "pk_live_00000000000000000000000000000000", "--url", &url]);
    assert!(refused.0.status.code() == Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.0.stderr).contains("cannot join"), "{refused:?}");
}
