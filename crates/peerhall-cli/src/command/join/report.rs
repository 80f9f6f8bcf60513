//! What the terminal shows, for people or for programs.

use peerhall::{PeerEvent, RemoteEvent, RemotePeer};
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

    /// Shows who is here, and how they are connected.
    pub(super) async fn who(self, remotes: &[RemotePeer]) -> Outcome {
        if remotes.is_empty() {
            return self.say("nobody else is here", || json!({"event": "who", "peers": []}));
        }
        let mut peers = Vec::new();
        for remote in remotes {
            let stats = remote.stats().await.ok();
            let pair = stats.as_ref().and_then(|stats| stats.pair);
            let path = pair.map(|pair| format!("{:?} to {:?}", pair.local, pair.remote).to_lowercase());
            let round_trip = pair.and_then(|pair| pair.current_rtt).map(|rtt| rtt.as_secs_f64() * 1_000.0);
            let (sent, received) = stats.map_or((0, 0), |stats| (stats.bytes_sent, stats.bytes_received));
            if !self.json {
                let path = path.as_deref().unwrap_or("no path");
                let rtt = round_trip.map(|ms| format!(", {ms:.1} ms")).unwrap_or_default();
                let id = printable(remote.id());
                let line = format!("{id}: {}, {path}{rtt}, {sent} bytes out, {received} in", remote.state());
                print(&format!("  {line}\n"))?;
            }
            peers.push(json!({
                "peer": remote.id(), "state": remote.state().as_str(), "path": path, "roundTripMs": round_trip,
                "bytesSent": sent, "bytesReceived": received,
            }));
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
