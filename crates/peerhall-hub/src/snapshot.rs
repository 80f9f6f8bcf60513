//! A list of peers cut into presence frames that fit (wire protocol, section 9.5), written once and
//! handed to many: a receiver's own entry is skipped while copying.

use std::collections::HashMap;
use std::ops::Range;

use peerhall_proto::frame::server::{Encoded, PresenceEntry, write_presence};
use peerhall_proto::ids::{ChannelName, PeerId};

use crate::session::Metadata;

/// Room that the envelope of a presence frame takes: its fixed text and a channel name of 256 bytes,
/// each of which may need an escape of six.
const ENVELOPE_BYTES: usize = 2_048;

/// Entries of several frames' worth of peers.
#[derive(Debug)]
pub(crate) struct EntryList {
    list: List,
    chunks: Vec<Chunk>,
}

/// Which list of a presence frame the entries stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Joined,
    Left,
}

/// One peer to be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'p> {
    pub(crate) peer: &'p PeerId,
    pub(crate) metadata: Option<&'p Metadata>,
    pub(crate) dropped: bool,
}

impl Listed<'_> {
    fn to_json(self) -> Box<str> {
        let metadata = self.metadata.map(|metadata| &***metadata);
        PresenceEntry { peer_id: self.peer.clone(), metadata, dropped: self.dropped }.to_json()
    }
}

#[derive(Debug, Default)]
struct Chunk {
    /// Entries, each followed by a comma.
    json: String,
    spans: HashMap<PeerId, Range<usize>>,
}

impl EntryList {
    /// Writes the entries down. When all of them together pass `max_bytes`, metadata is left out of
    /// the largest entries first; what still does not fit goes into further frames.
    pub(crate) fn new<'p>(list: List, peers: impl Iterator<Item = Listed<'p>>, max_bytes: usize) -> Self {
        let mut entries: Vec<(Listed<'_>, Box<str>)> =
            peers.map(|listed| (listed, listed.to_json())).collect();
        let room = max_bytes.saturating_sub(ENVELOPE_BYTES);
        thin(&mut entries, room);
        let mut chunks = vec![Chunk::default()];
        for (listed, json) in entries {
            if let Some(last) = chunks.last()
                && !last.json.is_empty()
                && last.json.len() + json.len() + 1 > room
            {
                chunks.push(Chunk::default());
            }
            if let Some(last) = chunks.last_mut() {
                let start = last.json.len();
                last.json.push_str(&json);
                last.json.push(',');
                last.spans.insert(listed.peer.clone(), start..last.json.len());
            }
        }
        Self { list, chunks }
    }

    /// The frames that tell `to` about everybody in the list but itself; the first one is the
    /// snapshot, also when it is empty.
    pub(crate) fn frames_for(&self, to: &PeerId, channel: &ChannelName) -> Vec<Encoded> {
        self.chunks
            .iter()
            .enumerate()
            .filter_map(|(at, chunk)| {
                let entries = chunk.without(to);
                let is_empty = entries.iter().all(|piece| piece.is_empty());
                (at == 0 || !is_empty).then(|| self.frame(channel, entries))
            })
            .collect()
    }

    /// The frames that tell everybody about everybody in the list.
    pub(crate) fn frames(&self, channel: &ChannelName) -> Vec<Encoded> {
        self.chunks.iter().map(|chunk| self.frame(channel, [chunk.all(), ""])).collect()
    }

    fn frame(&self, channel: &ChannelName, pieces: [&str; 2]) -> Encoded {
        let entries = pieces.into_iter().filter(|piece| !piece.is_empty());
        match self.list {
            List::Joined => write_presence(channel, entries, std::iter::empty()),
            List::Left => write_presence(channel, std::iter::empty(), entries),
        }
    }
}

impl Chunk {
    /// All entries.
    fn all(&self) -> &str {
        self.json.trim_end_matches(',')
    }

    /// The entries before and after that of one peer.
    fn without(&self, peer: &PeerId) -> [&str; 2] {
        let Some(span) = self.spans.get(peer) else { return [self.all(), ""] };
        let before = self.json.get(..span.start).unwrap_or_default();
        let after = self.json.get(span.end..).unwrap_or_default();
        [before, after].map(|piece| piece.trim_end_matches(','))
    }
}

/// Drops metadata from the largest entries until the list fits, or until there is none left.
fn thin(entries: &mut [(Listed<'_>, Box<str>)], room: usize) {
    let mut total: usize = entries.iter().map(|(_, json)| json.len() + 1).sum();
    if total <= room {
        return;
    }
    let mut by_size: Vec<usize> = (0..entries.len()).collect();
    by_size.sort_by_key(|at| std::cmp::Reverse(entries.get(*at).map_or(0, |(_, json)| json.len())));
    for at in by_size {
        if total <= room {
            return;
        }
        if let Some((listed, json)) = entries.get_mut(at) {
            let bare = Listed { metadata: None, ..*listed }.to_json();
            total -= json.len() - bare.len();
            *json = bare;
        }
    }
}

#[cfg(test)]
mod tests;
