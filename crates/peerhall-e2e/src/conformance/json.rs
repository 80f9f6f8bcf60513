//! The JSON parsing test suite as `data` of a `publish`, from one socket to another (promise P14), beside
//! what V8, the parser of most receivers, says to the same texts.

use std::env;
use std::fmt;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use peerhall_proto::limits::{ENVELOPE_BYTES, MAX_MESSAGE_BYTES};
use serde_json::json;

use crate::server::{Running, Ways, start_with};
use crate::socket::{self, Opcode};

#[path = "../../../peerhall-proto/tests/json_suite/suite.rs"]
mod suite;

use suite::{Case, Kind};

/// The one text that V8 accepts and the server does not, because it nests deeper than 64: receivers in
/// other languages die of such.
const TOO_DEEP: &str = "i_structure_500_nested_arrays";

/// Prints which of the texts on its input V8 parses.
const ASK_V8: &str = "let input = ''; process.stdin.on('data', (chunk) => input += chunk).on('end', () => {
  const parses = (text) => { try { JSON.parse(text); return true } catch { return false } };
  console.log(JSON.stringify(JSON.parse(input).map(parses)));
})";

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other member got it, byte for byte.
    Delivered,
    /// The other member got something else.
    Altered(String),
    /// The publisher got an `error` frame with this code.
    Refused(String),
    /// The publisher's connection was closed with this code.
    Closed(u16),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Altered(text) => write!(f, "altered to {text}"),
            Self::Refused(code) => write!(f, "error `{code}`"),
            Self::Closed(code) => write!(f, "close {code}"),
        }
    }
}

/// One case and what became of it.
#[derive(Debug)]
pub struct Line {
    name: &'static str,
    kind: Kind,
    outcome: Outcome,
    /// Whether V8 accepts it; `None` when it is no text.
    v8: Option<bool>,
}

impl Line {
    fn is_right(&self) -> bool {
        let delivered = self.outcome == Outcome::Delivered;
        let refused = matches!(&self.outcome, Outcome::Closed(1007 | 1009))
            || matches!(&self.outcome, Outcome::Refused(code) if code == "malformed_message");
        match (self.kind, self.v8) {
            (Kind::MustAccept, _) => delivered,
            (Kind::MustReject, _) => refused,
            (Kind::Open, _) if self.name == TOO_DEEP => refused,
            (Kind::Open, Some(accepted)) => {
                if accepted {
                    delivered
                } else {
                    refused
                }
            }
            (Kind::Open, None) => self.outcome == Outcome::Closed(1007),
        }
    }
}

/// What became of all cases.
#[derive(Debug)]
pub struct Report {
    /// In order of their names.
    pub lines: Vec<Line>,
}

impl Report {
    /// Cases that came out wrong.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let wrong = self.lines.iter().filter(|line| !line.is_right());
        wrong.map(|line| format!("{}: {}, V8 {:?}", line.name, line.outcome, line.v8)).collect()
    }

    /// Right ones of all that must be accepted, must be refused and are open.
    #[must_use]
    pub fn counts(&self) -> [(usize, usize); 3] {
        [Kind::MustAccept, Kind::MustReject, Kind::Open].map(|kind| {
            let of_kind = || self.lines.iter().filter(|line| line.kind == kind);
            (of_kind().filter(|line| line.is_right()).count(), of_kind().count())
        })
    }

    /// One line of figures.
    #[must_use]
    pub fn summary(&self) -> String {
        let [accept, reject, open] = self.counts();
        format!(
            "{} of {} that must be accepted, {} of {} that must be refused, {} of {} open ones as V8",
            accept.0, accept.1, reject.0, reject.1, open.0, open.1
        )
    }

    /// A table of the open cases.
    #[must_use]
    pub fn open_cases(&self) -> String {
        let mut text = "| Case | Peerhall | V8 |\n|---|---|---|\n".to_owned();
        for line in self.lines.iter().filter(|line| line.kind == Kind::Open) {
            let v8 = match line.v8 {
                Some(true) => "accepts",
                Some(false) => "refuses",
                None => "no text, never sees it",
            };
            writeln!(text, "| `{}` | {} | {v8} |", line.name, line.outcome).expect("a text takes more text");
        }
        text
    }
}

/// Publishes every case to another member.
#[must_use]
pub fn run() -> Report {
    let cases = suite::cases();
    let v8 = ask_v8(&cases);
    let server = start_with(|config| config.limits.frames_per_second = None);
    let (mut publisher, mut member) = (server.client(), server.client());
    member.subscribe("room");
    let lines = cases.iter().zip(v8).map(|(case, v8)| {
        let fits = case.bytes.len() < MAX_MESSAGE_BYTES + ENVELOPE_BYTES;
        let outcome = match str::from_utf8(&case.bytes) {
            Ok(text) if fits => {
                publisher.send_text(&message(text));
                let answer = publisher.next_frame();
                if answer.kind() == "ack" {
                    let data = member.expect("message").raw("data").to_owned();
                    let is_same = data == text.trim_matches([' ', '\t', '\n', '\r']);
                    if is_same { Outcome::Delivered } else { Outcome::Altered(data) }
                } else {
                    Outcome::Refused(answer.string("code"))
                }
            }
            Ok(_) | Err(_) => Outcome::Closed(close_code(&server, case)),
        };
        Line { name: case.name, kind: case.kind, outcome, v8 }
    });
    Report { lines: lines.collect() }
}

fn message(data: &str) -> String {
    format!(r#"{{"type":"publish","requestId":"r","channel":"room","data":{data}}}"#)
}

/// The end of a connection that sends what ends it.
fn close_code(server: &Running, case: &Case) -> u16 {
    let [before, after] = [&b"{\"type\":\"publish\",\"channel\":\"room\",\"data\":"[..], b"}"];
    let mut client = server.client();
    client.try_write(&socket::masked(true, Opcode::Text, &[before, &case.bytes, after].concat()));
    client.closed()
}

/// V8's word on each case that is a text.
fn ask_v8(cases: &[Case]) -> Vec<Option<bool>> {
    let texts: Vec<_> = cases.iter().map(|case| str::from_utf8(&case.bytes).ok()).collect();
    let program = env::var_os("PEERHALL_NODE").unwrap_or_else(|| "node".into());
    let mut node = Command::new(program)
        .args(["-e", ASK_V8])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js runs; `cargo xtask test` says what to install");
    let input = json!(texts.iter().flatten().collect::<Vec<_>>()).to_string();
    node.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("Node.js reads");
    let output = node.wait_with_output().expect("Node.js ends");
    let mut verdicts =
        serde_json::from_slice::<Vec<bool>>(&output.stdout).expect("a list of verdicts").into_iter();
    texts.iter().map(|text| text.map(|_| verdicts.next().expect("a verdict for each text"))).collect()
}
