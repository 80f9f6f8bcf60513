//! A server frame as a client understood it, and what must hold for every single one.

use std::collections::BTreeSet;
use std::fmt;

use peerhall_proto::frame::server::{PresenceEntry, ServerFrame};
use peerhall_proto::limits::MAX_OUTBOUND_BYTES;
use serde_json::value::RawValue;

/// What a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tests) enum Heard {
    Welcome { peer: String, expires_at: Option<u64>, server_time: u64, metadata: Option<String> },
    Ack(String),
    Error { code: String, id: Option<String> },
    Message { channel: String, from: String, data: String, metadata: Option<String> },
    Direct { from: String, data: String, metadata: Option<String> },
    Presence { channel: String, joined: Vec<Entry>, left: Vec<Entry> },
    GoingAway(u64),
    Pong(Option<String>),
    IceServers(String),
    Closed(u16),
}

/// One peer of a presence frame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tests) struct Entry {
    pub(in crate::tests) peer: String,
    pub(in crate::tests) metadata: Option<String>,
    pub(in crate::tests) dropped: bool,
}

impl Heard {
    /// Reads a frame for the peer `me`, and checks what holds for every frame of the server.
    pub(super) fn read(json: &str, me: &str) -> Self {
        assert!(json.len() <= MAX_OUTBOUND_BYTES, "a frame of {} bytes", json.len());
        let frame = ServerFrame::decode(json).unwrap_or_else(|error| panic!("{error}: {json}"));
        let text = |raw: Option<&RawValue>| raw.map(|raw| raw.get().to_owned());
        match frame {
            ServerFrame::Welcome(frame) => Self::Welcome {
                peer: frame.peer_id.to_string(),
                expires_at: frame.expires_at,
                server_time: frame.server_time,
                metadata: text(frame.metadata),
            },
            ServerFrame::Ack(frame) => Self::Ack(frame.request_id.as_str().into()),
            ServerFrame::Error(frame) => {
                assert!(!frame.message.is_empty() && !frame.code.as_str().is_empty(), "w100: {json}");
                let id = frame.request_id.map(|id| id.as_str().to_owned());
                Self::Error { code: frame.code.to_string(), id }
            }
            ServerFrame::Message(frame) => Self::Message {
                channel: frame.channel.to_string(),
                from: frame.from.to_string(),
                data: frame.data.get().into(),
                metadata: text(frame.from_metadata),
            },
            ServerFrame::Direct(frame) => {
                assert!(!json.contains(r#""channel""#), "w056: {json}");
                let (from, data) = (frame.from.to_string(), frame.data.get().into());
                Self::Direct { from, data, metadata: text(frame.from_metadata) }
            }
            ServerFrame::Presence(frame) => {
                let (joined, left) = (entries(&frame.joined, me), entries(&frame.left, me));
                let ids: BTreeSet<&str> = joined.iter().map(|entry| &*entry.peer).collect();
                assert!(left.iter().all(|entry| !ids.contains(&*entry.peer)), "w084: {json}");
                assert!(joined.iter().all(|entry| !entry.dropped), "nobody joins and is lost: {json}");
                Self::Presence { channel: frame.channel.to_string(), joined, left }
            }
            ServerFrame::GoingAway(frame) => Self::GoingAway(frame.retry_after_ms),
            ServerFrame::IceServers(frame) => Self::IceServers(frame.ice_servers.get().into()),
            ServerFrame::Pong(frame) => Self::Pong(frame.request_id.map(|id| id.as_str().into())),
        }
    }
}

fn entries(list: &[PresenceEntry<'_>], me: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = list
        .iter()
        .map(|entry| Entry {
            peer: entry.peer_id.to_string(),
            metadata: entry.metadata.map(|raw| raw.get().to_owned()),
            dropped: entry.dropped,
        })
        .collect();
    entries.sort();
    let twice = entries.windows(2).find(|pair| pair[0].peer == pair[1].peer);
    assert_eq!(twice, None, "w073: a peer stands twice in one list");
    assert!(entries.iter().all(|entry| entry.peer != me), "{me} hears of itself: {entries:?}");
    entries
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = if self.dropped { "!" } else { "" };
        write!(f, "{}{}{lost}", self.peer, self.metadata.as_deref().unwrap_or_default())
    }
}

/// Short words: `ack s`, `room: +bob +carol{"n":1} -dave!` (the mark says that dave was lost),
/// `message room bob 1 {"n":1}`.
impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = |text: &Option<String>| text.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        match self {
            Self::Welcome { peer, .. } => write!(f, "welcome {peer}"),
            Self::Ack(id) => write!(f, "ack {id}"),
            Self::Error { code, id } => write!(f, "error {code}{}", after(id)),
            Self::Message { channel, from, data, metadata } => {
                write!(f, "message {channel} {from} {data}{}", after(metadata))
            }
            Self::Direct { from, data, metadata } => write!(f, "direct {from} {data}{}", after(metadata)),
            Self::Presence { channel, joined, left } => {
                write!(f, "{channel}:")?;
                joined.iter().try_for_each(|entry| write!(f, " +{entry}"))?;
                left.iter().try_for_each(|entry| write!(f, " -{entry}"))
            }
            Self::GoingAway(_) => write!(f, "going_away"),
            Self::Pong(id) => write!(f, "pong{}", after(id)),
            Self::IceServers(list) => write!(f, "ice_servers {list}"),
            Self::Closed(code) => write!(f, "closed {code}"),
        }
    }
}
