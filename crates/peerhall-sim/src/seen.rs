//! What somebody has seen, and the short words for it that tests compare.

use std::fmt;

use peerhall_core::{
    ChannelKey, Labelled, LogLevel, OpId, Outcome, PeerEvent, RemoteEvent, RemoteKey, SignallingEvent, Time,
};
use serde_json::Value;

/// One thing that somebody saw.
#[derive(Debug)]
pub struct Seen {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What somebody saw.
#[derive(Debug)]
#[non_exhaustive]
pub enum What {
    /// An event of a client.
    Signalling(SignallingEvent<Value>),
    /// An event of a peer.
    Peer(PeerEvent<Value>),
    /// An event of a remote peer.
    Remote {
        /// Which one.
        key: RemoteKey,
        /// Its id.
        id: String,
        /// What.
        event: RemoteEvent<Value>,
    },
    /// A request has its answer.
    Done(OpId, Outcome),
    /// A data channel is open; at both ends.
    ChannelOpened(ChannelKey, String),
    /// A message came on a data channel.
    ChannelMessage(ChannelKey, String),
    /// The other side of a data channel is gone.
    ChannelClosed(ChannelKey),
    /// A line for the log.
    Log(LogLevel, String),
}

/// Short words: `state joined`, `peer-joined bob`, `bob connected`, `bob stream-added s1 {"role":"cam"}`.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Signalling(event) => signalling(f, event),
            What::Peer(event) => peer(f, event),
            What::Remote { id, event, .. } => remote(f, id, event),
            What::Done(_, outcome) => done(f, outcome),
            What::ChannelOpened(_, label) => write!(f, "channel {label} open"),
            What::ChannelMessage(_, text) => write!(f, "channel message {text}"),
            What::ChannelClosed(_) => write!(f, "channel closed"),
            What::Log(level, line) => write!(f, "log {level:?} {line}"),
        }
    }
}

fn after(metadata: Option<&Value>) -> String {
    metadata.map(|metadata| format!(" {metadata}")).unwrap_or_default()
}

fn signalling(f: &mut fmt::Formatter<'_>, event: &SignallingEvent<Value>) -> fmt::Result {
    match event {
        SignallingEvent::Connected(connected) => {
            write!(f, "connected {}", if connected.is_reconnect { "again" } else { "first" })
        }
        SignallingEvent::Disconnected { code, will_reconnect, .. } => {
            write!(f, "disconnected {code}{}", if *will_reconnect { " retries" } else { "" })
        }
        SignallingEvent::StateChange { to, .. } => write!(f, "state {to}"),
        SignallingEvent::Message { channel, from, data, from_metadata } => {
            write!(f, "message {channel} {from} {data}{}", after(from_metadata.as_ref()))
        }
        SignallingEvent::Direct { from, data, from_metadata } => {
            write!(f, "direct {from} {data}{}", after(from_metadata.as_ref()))
        }
        SignallingEvent::Presence { channel, joined, left } => {
            write!(f, "presence {channel}")?;
            joined.iter().try_for_each(|member| write!(f, " +{}", member.peer_id))?;
            left.iter().try_for_each(|member| write!(f, " -{}", member.peer_id))
        }
        SignallingEvent::ServerError { code, .. } => write!(f, "server-error {code}"),
        SignallingEvent::GoingAway { retry_after } => write!(f, "going-away {}", retry_after.as_millis()),
        SignallingEvent::TokenProviderError { consecutive_failures, .. } => {
            write!(f, "token-provider-error {consecutive_failures}")
        }
        SignallingEvent::IceServers { ice_servers } => write!(f, "ice-servers {}", ice_servers.len()),
        SignallingEvent::SubscriptionLost { channel, code } => write!(f, "lost {channel} {code}"),
    }
}

fn peer(f: &mut fmt::Formatter<'_>, event: &PeerEvent<Value>) -> fmt::Result {
    match event {
        PeerEvent::Joined { channel, .. } => write!(f, "joined {channel}"),
        PeerEvent::Left { peer_id, reason, .. } => {
            let who = peer_id.as_deref().unwrap_or("nobody");
            write!(f, "left {who}{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())
        }
        PeerEvent::StateChange { to, .. } => write!(f, "state {to}"),
        PeerEvent::PeerJoined(info) => write!(f, "peer-joined {}", info.id),
        PeerEvent::PeerLeft(info) => write!(f, "peer-left {}", info.id),
        PeerEvent::Data { sender, data, kind, sender_metadata } => {
            write!(f, "data {} {sender} {data}{}", kind.as_str(), after(sender_metadata.as_ref()))
        }
        PeerEvent::Error(error) => write!(f, "error {}", error.name),
    }
}

fn remote(f: &mut fmt::Formatter<'_>, id: &str, event: &RemoteEvent<Value>) -> fmt::Result {
    match event {
        RemoteEvent::StateChange { to, .. } => write!(f, "{id} {to}"),
        RemoteEvent::Track { track, metadata } => {
            write!(f, "{id} track {}{}", track.kind.as_str(), after(metadata.as_ref()))
        }
        RemoteEvent::StreamAdded { stream, metadata } => {
            write!(f, "{id} stream-added {}{}", stream.id, after(metadata.as_ref()))
        }
        RemoteEvent::StreamRemoved { stream } => write!(f, "{id} stream-removed {}", stream.id),
        RemoteEvent::DataChannel(_) => write!(f, "{id} data-channel"),
        RemoteEvent::NegotiationError(error) => write!(f, "{id} negotiation-error {}", error.name),
        RemoteEvent::IceCandidateError(error) => write!(f, "{id} ice-candidate-error {}", error.name),
        RemoteEvent::ConnectionReset { .. } => write!(f, "{id} connection-reset"),
        RemoteEvent::Labelled(Labelled::Known(true)) => write!(f, "{id} labelled"),
        RemoteEvent::Labelled(Labelled::Known(false)) => write!(f, "{id} unlabelled"),
        RemoteEvent::Labelled(Labelled::Detour(Some(_))) => write!(f, "{id} detour"),
        RemoteEvent::Labelled(Labelled::Detour(None)) => write!(f, "{id} no-detour"),
        RemoteEvent::Labelled(Labelled::Carried { text, .. }) => write!(f, "{id} carried {text}"),
        RemoteEvent::Path(path) => write!(f, "{id} path {path:?}"),
        RemoteEvent::Quality(quality) => write!(f, "{id} quality {quality:?}"),
        RemoteEvent::Unreachable(why) => write!(f, "{id} unreachable {why:?}"),
    }
}

fn done(f: &mut fmt::Formatter<'_>, outcome: &Outcome) -> fmt::Result {
    let (what, error) = match outcome {
        Outcome::Connect(result) => ("connect", result.as_ref().err().map(|e| e.name().to_owned())),
        Outcome::Close => ("close", None),
        Outcome::Request(result) => ("request", result.as_ref().err().map(|e| e.name().to_owned())),
        Outcome::Join(result) => ("join", result.as_ref().err().map(|e| e.name().to_owned())),
        Outcome::Send(result) => ("send", result.as_ref().err().map(|e| e.code().to_owned())),
        Outcome::ReplaceTrack(result) => ("replace", result.as_ref().err().map(|_| "failed".to_owned())),
    };
    write!(f, "{what} {}", error.as_deref().unwrap_or("ok"))
}
