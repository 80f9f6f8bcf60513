//! The connections of an app, with a filter.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use peerhall_hub::{CameWith, Client, ConnId, ConnectionFacts};
use peerhall_proto::ids::{ChannelName, PeerId};
use peerhall_turn::{Door, Handle, Usage};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::rooms::owned;
use super::sessions::Operator;
use crate::control::{ConnRef, Control};
use crate::http::Refusal;

/// Connections in one answer.
const MAX_CONNECTIONS: usize = 200;

/// Characters of a filter.
const MAX_TEXT: usize = 256;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connections {
    connections: Vec<Connection>,
    /// How many fit the filter, as far as was looked.
    matching: usize,
    /// Whether some were not looked at, because there are too many.
    is_partial: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    id: Name,
    peer: PeerId,
    /// The beginning of its key's id.
    key: String,
    /// `key` or `token`.
    came_with: &'static str,
    /// `peerhall` or `other`.
    client: &'static str,
    channels: Vec<ChannelName>,
    channel_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
    /// Seconds until its token ends.
    expires_in: Option<u64>,
    /// What its peer has at the relay now.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<Relayed>,
}

/// What a peer has at the relay: all its connections together, which share their credentials' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relayed {
    /// Bytes of payload since its first allocation of those that live.
    bytes: u64,
    /// The easiest way to the relay that works for it: `udp`, `tcp` or `tls`.
    by: &'static str,
    why: Why,
}

/// Why a peer is at the relay, as far as the relay can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Why {
    /// It is prepared and carries nothing: its paths are direct, or it has none yet.
    Reserve,
    /// It carries payload, and came by UDP: the two ends' NATs let no direct path through.
    NoDirectPath,
    /// It could come by TCP or TLS only: UDP is blocked where it is.
    UdpBlocked,
}

impl Relayed {
    fn of(usage: &Usage) -> Option<Self> {
        let door = usage.door()?;
        let why = match door {
            Door::Tcp | Door::Tls => Why::UdpBlocked,
            Door::Udp if usage.bytes() == 0 => Why::Reserve,
            Door::Udp => Why::NoDirectPath,
        };
        Some(Self { bytes: usage.bytes(), by: door.as_str(), why })
    }
}

/// How the page names one connection: shard, place and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(pub(super) ConnRef);

pub(super) async fn answer(
    control: &Control,
    relay: Option<&Handle>,
    operator: &Operator,
    text: &str,
) -> Result<Connections, Refusal> {
    let text: String = text.chars().take(MAX_TEXT).collect();
    let answers = control.look_for_connections(&operator.app.id, &text, MAX_CONNECTIONS).await?;
    let matching = answers.iter().map(|survey| survey.matching).sum();
    let is_partial = answers.iter().any(|survey| survey.is_partial);
    let found = (0..)
        .zip(answers)
        .flat_map(|(shard, survey)| survey.found.into_iter().map(move |facts| connection(shard, facts)));
    let mut connections: Vec<Connection> = found.collect();
    connections.sort_by(|one, other| one.peer.as_str().cmp(other.peer.as_str()));
    connections.truncate(MAX_CONNECTIONS);
    let relayed = relay.map(|relay| relay.peers(&operator.app.id)).unwrap_or_default();
    let relayed: HashMap<_, _> = relayed.iter().map(|usage| (usage.peer.as_ref(), usage)).collect();
    for connection in &mut connections {
        let usage = relayed.get(&Some(&connection.peer));
        connection.relay = usage.and_then(|usage| Relayed::of(usage));
    }
    Ok(Connections { connections, matching, is_partial })
}

fn connection(shard: usize, facts: ConnectionFacts) -> Connection {
    Connection {
        id: Name(ConnRef { shard, conn: facts.conn }),
        peer: facts.peer,
        key: facts.key.hint(),
        came_with: match facts.came_with {
            CameWith::Key => "key",
            CameWith::Token => "token",
        },
        client: match facts.client {
            Client::Peerhall => "peerhall",
            Client::Foreign => "other",
        },
        channels: facts.channels,
        channel_count: facts.channel_count,
        metadata: owned(facts.metadata.as_ref()),
        expires_in: facts.expires_in.map(|left| left.as_secs()),
        relay: None,
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConnRef { shard, conn } = self.0;
        write!(f, "{shard}-{}-{}", conn.index, conn.generation)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split('-').map(|number| number.parse::<u32>().map_err(|_| ()));
        let mut next = || numbers.next().unwrap_or(Err(()));
        let (shard, index, generation) = (next()?, next()?, next()?);
        if numbers.next().is_some() {
            return Err(());
        }
        let shard = usize::try_from(shard).map_err(|_| ())?;
        Ok(Self(ConnRef { shard, conn: ConnId { index, generation } }))
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_somebody_is_relayed_follows_from_the_way_in_and_from_what_was_carried() {
        let usage = |doors: [u32; 3], bytes| Usage {
            app: "app".parse().unwrap(),
            peer: None,
            ports: 1,
            doors,
            bytes_to_peers: bytes,
            bytes_to_clients: bytes,
        };
        let why = |doors, bytes| Relayed::of(&usage(doors, bytes)).map(|relayed| (relayed.by, relayed.why));
        assert_eq!(why([0, 0, 0], 0), None);
        assert_eq!(why([1, 1, 1], 0), Some(("udp", Why::Reserve)));
        assert_eq!(why([1, 1, 0], 5), Some(("udp", Why::NoDirectPath)));
        assert_eq!(why([0, 1, 1], 5), Some(("tcp", Why::UdpBlocked)));
        assert_eq!(why([0, 0, 1], 0), Some(("tls", Why::UdpBlocked)));
    }

    #[test]
    fn a_name_is_read_as_it_is_written_and_nothing_else_is_one() {
        let name = Name(ConnRef { shard: 3, conn: ConnId { index: 17, generation: 4_000_000_000 } });
        assert_eq!(name.to_string(), "3-17-4000000000");
        assert_eq!(name.to_string().parse(), Ok(name));
        for wrong in ["", "1", "1-2", "1-2-3-4", "1-2-x", "-1-2-3", "1-2-99999999999"] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
