//! What the terminal shows, for people or for programs.

use std::fmt;
use std::time::{Duration, Instant};

use peerhall::{PeerEvent, RemoteEvent, RemotePeer, Stats};
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::output::{BOLD, print, print_json};

/// Where events go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    json: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows an event of the peer.
    pub(super) fn peer(self, event: &PeerEvent) -> Outcome {
        match event {
            PeerEvent::Joined(joined) => self.say(
                &format!("you are {} in {}", joined.peer_id, joined.channel),
                || json!({"event": "joined", "peerId": joined.peer_id, "channel": joined.channel}),
            ),
            PeerEvent::Left(left) => self.say(
                &format!("left{}", left.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default()),
                || json!({"event": "left", "reason": left.reason}),
            ),
            PeerEvent::StateChange(change) => self.say(
                &format!("you: {} → {}", change.from, change.to),
                || json!({"event": "state-change", "from": change.from.as_str(), "to": change.to.as_str()}),
            ),
            PeerEvent::PeerJoined(remote) => self.say(
                &format!("+ {}{}", printable(remote.id()), shown(remote.metadata().as_ref())),
                || json!({"event": "peer-joined", "peer": remote.id(), "metadata": remote.metadata()}),
            ),
            PeerEvent::PeerLeft(remote) => self.say(
                &format!("- {}", printable(remote.id())),
                || json!({"event": "peer-left", "peer": remote.id()}),
            ),
            PeerEvent::Data(data) => self.say(
                &chat_line(&data.sender, &data.data),
                || json!({"event": "data", "sender": data.sender, "kind": data.kind.as_str(), "data": data.data}),
            ),
            PeerEvent::Error(error) => self.say(
                &format!("error {error}"),
                || json!({"event": "error", "name": error.name, "message": error.message}),
            ),
            PeerEvent::Lagged(count) => self.say(
                &format!("({count} events were too fast to show)"),
                || json!({"event": "lagged", "count": count}),
            ),
            _ => Ok(()),
        }
    }

    /// Shows an event of a remote peer.
    pub(super) fn remote(self, remote: &RemotePeer, event: &RemoteEvent) -> Outcome {
        let id = printable(remote.id());
        let (line, mut value) = match event {
            RemoteEvent::StateChange(change) => (
                format!("{id}: {} → {}", change.from, change.to),
                json!({"event": "remote-state-change", "from": change.from.as_str(), "to": change.to.as_str()}),
            ),
            RemoteEvent::StreamAdded(added) => {
                let label = added.metadata.as_ref().and_then(|metadata| metadata.label().or(metadata.role()));
                (
                    format!("{id} sends {}", printable(label.unwrap_or_else(|| added.stream.id()))),
                    json!({"event": "stream-added", "stream": added.stream.id(), "label": label}),
                )
            }
            RemoteEvent::StreamRemoved(stream) => (
                format!("{id} stops sending {}", printable(stream.id())),
                json!({"event": "stream-removed", "stream": stream.id()}),
            ),
            RemoteEvent::DataChannel(channel) => (
                format!("{id} opened channel {}", printable(channel.label())),
                json!({"event": "data-channel", "label": channel.label()}),
            ),
            RemoteEvent::ConnectionReset => {
                (format!("{id}: connection made anew"), json!({"event": "connection-reset"}))
            }
            RemoteEvent::Path(path) => {
                let path = format!("{path:?}").to_lowercase();
                (format!("{id}: path {path}"), json!({"event": "path", "path": path}))
            }
            RemoteEvent::Quality(quality) => {
                let quality = format!("{quality:?}").to_lowercase();
                (format!("{id}: quality {quality}"), json!({"event": "quality", "quality": quality}))
            }
            RemoteEvent::Unreachable(reason) => {
                (format!("{id}: {reason}"), json!({"event": "unreachable", "reason": reason.to_string()}))
            }
            RemoteEvent::NegotiationError(error) => {
                (format!("{id}: {error}"), json!({"event": "negotiation-error", "name": error.name}))
            }
            RemoteEvent::Track(_) | RemoteEvent::IceCandidateError(_) | RemoteEvent::Lagged(_) | _ => {
                return Ok(());
            }
        };
        if let Some(members) = value.as_object_mut() {
            members.insert("peer".to_owned(), Value::from(remote.id()));
        }
        self.say(&line, || value)
    }

    /// Shows who is here, and how they are connected. Takes [`MOMENT`], over which rates are taken.
    pub(super) async fn who(self, remotes: &[RemotePeer]) -> Outcome {
        if remotes.is_empty() {
            return self.say("nobody else is here", || json!({"event": "who", "peers": []}));
        }
        let mut before = Vec::new();
        for remote in remotes {
            before.push(remote.stats().await.ok());
        }
        let started = Instant::now();
        tokio::time::sleep(MOMENT).await;
        let mut peers = Vec::new();
        for (remote, before) in remotes.iter().zip(before) {
            let now = remote.stats().await.ok();
            let seen = Seen::between(before, now, started.elapsed());
            if !self.json {
                print(&format!("  {}: {}, {seen}\n", printable(remote.id()), remote.state()))?;
            }
            peers.push(seen.json(remote));
        }
        if self.json { print_json(&json!({"event": "who", "peers": peers})) } else { Ok(()) }
    }

    /// Shows a line that is no event.
    pub(super) fn note(self, text: &str) -> Outcome {
        self.say(text, || json!({"event": "note", "text": text}))
    }

    fn say(self, line: &str, value: impl FnOnce() -> Value) -> Outcome {
        if self.json { print_json(&value()) } else { print(&format!("{line}\n")) }
    }
}

/// How long rates are taken over.
const MOMENT: Duration = Duration::from_millis(500);

/// What is known of the connection to one remote peer.
#[derive(Debug, Default)]
struct Seen {
    path: Option<String>,
    round_trip_ms: Option<f64>,
    /// Bytes out and in, so far.
    bytes: (u64, u64),
    /// Bytes out and in, in a second.
    rates: (f64, f64),
}

impl Seen {
    /// What two looks at a connection tell; a connection that is made anew begins to count at 0.
    fn between(before: Option<Stats>, now: Option<Stats>, apart: Duration) -> Self {
        let Some(now) = now else { return Self::default() };
        let before = before.map_or((0, 0), |stats| (stats.bytes_sent, stats.bytes_received));
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / apart.as_secs_f64();
        Self {
            path: now.pair.map(|pair| format!("{:?} to {:?}", pair.local, pair.remote).to_lowercase()),
            round_trip_ms: now.pair.and_then(|pair| pair.current_rtt).map(|rtt| rtt.as_secs_f64() * 1_000.0),
            bytes: (now.bytes_sent, now.bytes_received),
            rates: (rate(before.0, now.bytes_sent), rate(before.1, now.bytes_received)),
        }
    }

    fn json(&self, remote: &RemotePeer) -> Value {
        json!({
            "peer": remote.id(), "state": remote.state().as_str(),
            "path": self.path, "roundTripMs": self.round_trip_ms,
            "bytesSent": self.bytes.0, "bytesReceived": self.bytes.1,
            "bytesSentPerSecond": self.rates.0.round(), "bytesReceivedPerSecond": self.rates.1.round(),
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_deref().unwrap_or("no path"))?;
        if let Some(ms) = self.round_trip_ms {
            write!(f, ", {ms:.1} ms")?;
        }
        let kilobits = |rate: f64| rate * 8.0 / 1_000.0;
        let (out, into) = (kilobits(self.rates.0), kilobits(self.rates.1));
        write!(f, ", {out:.0} kbit/s out, {into:.0} in ({} and {} bytes)", self.bytes.0, self.bytes.1)
    }
}

/// A line of chat, as the page and this command write them; anything else is shown as JSON.
fn chat_line(sender: &str, data: &Value) -> String {
    let name = data.get("name").and_then(Value::as_str).unwrap_or(sender);
    let text = data.get("text").and_then(Value::as_str).or_else(|| data.as_str());
    let text = text.map_or_else(|| data.to_string(), str::to_owned);
    format!("{BOLD}{}:{BOLD:#} {}", printable(name), printable(&text))
}

fn shown(metadata: Option<&Value>) -> String {
    metadata.map(|metadata| format!(" {metadata}")).unwrap_or_default()
}

/// A text of somebody else without what steers a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
