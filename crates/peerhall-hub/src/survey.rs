//! What an operator may look at: the connections and rooms of one app on this shard, and who talks to
//! whom. Nothing here changes anything that a client could notice.

use std::time::Duration;

use peerhall_auth::key::KeyId;
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::app::App;
use crate::effect::ConnId;
use crate::hub::Hub;
use crate::pairs::{PairFacts, Pairs};
use crate::room::Room;
use crate::session::{Client, Metadata, Place, Session};
use crate::time::Now;

/// Most sessions or rooms that one question looks at: a few milliseconds of a shard's time.
const SCANNED: usize = 20_000;

/// Most channels of one connection that are named.
const CHANNELS_SHOWN: usize = 100;

/// Most peers of one room that are named.
const PEERS_SHOWN: usize = 100;

/// A part of what there is.
#[derive(Debug, Clone)]
pub struct Survey<T> {
    /// What was found, at most as many as were asked for.
    pub found: Vec<T>,
    /// How many there are that fit, as far as was looked.
    pub matching: usize,
    /// Whether some were not looked at, because there are too many.
    pub is_partial: bool,
}

/// What a connection came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameWith {
    /// A publishable key.
    Key,
    /// A token that a secret key signed.
    Token,
}

/// One connection.
#[derive(Debug, Clone)]
pub struct ConnectionFacts {
    /// Its number on this shard.
    pub conn: ConnId,
    /// Whose it is.
    pub peer: PeerId,
    /// The key that opened it, or signed its token.
    pub key: KeyId,
    /// What it came with.
    pub came_with: CameWith,
    /// Which kind of client it is.
    pub client: Client,
    /// The first 100 of its channels and patterns.
    pub channels: Vec<ChannelName>,
    /// How many channels and patterns it holds.
    pub channel_count: usize,
    /// Its `peerMetadata`.
    pub metadata: Option<Metadata>,
    /// How long its token lasts; `None` without a token.
    pub expires_in: Option<Duration>,
}

/// One peer of a room.
#[derive(Debug, Clone)]
pub struct RoomPeer {
    /// The peer.
    pub peer: PeerId,
    /// Its `peerMetadata`.
    pub metadata: Option<Metadata>,
    /// Whether it is there.
    pub standing: Standing,
}

/// How a peer stands in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is there, and the others see it.
    Visible,
    /// It listens, and the others do not see it.
    Unseen,
    /// Its connection was lost a moment ago, and it may be back.
    Away,
}

/// One room.
#[derive(Debug, Clone)]
pub struct RoomFacts {
    /// Its channel.
    pub channel: ChannelName,
    /// The first 100 of its peers on this shard, one entry for each connection.
    pub peers: Vec<RoomPeer>,
    /// How many connections of this shard are in it.
    pub members: usize,
}

impl Hub {
    /// Connections of an app whose peer or one of whose channels has `text` in it, in any letter case; an
    /// empty text fits all. At most `limit` are returned.
    #[must_use]
    pub fn survey_connections(
        &self,
        app: &AppId,
        text: &str,
        limit: usize,
        now: Now,
    ) -> Survey<ConnectionFacts> {
        let mut survey = Survey { found: Vec::new(), matching: 0, is_partial: self.sessions.len() > SCANNED };
        let Some(place) = self.app_places.get(app).copied() else { return survey };
        let Some(table) = self.apps.get(place as usize) else { return survey };
        let text = text.to_lowercase();
        let sessions = (0_u32..).zip(&self.sessions).take(SCANNED);
        let of_app = sessions.filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        for (index, session) in of_app.filter(|(_, session)| session.app == place) {
            let fits = session.peer.as_str().to_lowercase().contains(&text)
                || self
                    .channels_of(table, session)
                    .any(|channel| channel.as_str().to_lowercase().contains(&text));
            if !fits {
                continue;
            }
            survey.matching += 1;
            if survey.found.len() < limit {
                let conn = ConnId { index, generation: session.generation };
                survey.found.push(self.facts(table, session, conn, now));
            }
        }
        survey
    }

    /// The rooms of an app with the most members on this shard, at most `limit`.
    #[must_use]
    pub fn survey_rooms(&self, app: &AppId, limit: usize) -> Survey<RoomFacts> {
        let place = self.app_places.get(app).copied();
        let Some(table) = place.and_then(|place| self.apps.get(place as usize)) else {
            return Survey { found: Vec::new(), matching: 0, is_partial: false };
        };
        let places = table.rooms.values().take(SCANNED);
        let mut rooms: Vec<&Room> = places.filter_map(|place| self.rooms.get(*place)).collect();
        rooms.sort_by(|one, other| {
            let sizes = other.members.iter().len().cmp(&one.members.iter().len());
            sizes.then_with(|| one.name.as_str().cmp(other.name.as_str()))
        });
        Survey {
            matching: table.rooms.len(),
            is_partial: table.rooms.len() > SCANNED,
            found: rooms.into_iter().take(limit).map(|room| self.room_facts(room)).collect(),
        }
    }

    /// Begins or ends to count what peers say to each other by `send`. Off at the start, and then a
    /// direct costs nothing for it.
    pub fn watch_pairs(&mut self, watched: bool) {
        match (watched, &self.pairs) {
            (true, None) => self.pairs = Some(Box::default()),
            (false, Some(_)) => self.pairs = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// What was counted since [`watch_pairs`](Self::watch_pairs), for senders on this shard.
    #[must_use]
    pub fn pairs(&self, app: &AppId, now: Now) -> Vec<PairFacts> {
        let place = self.app_places.get(app).copied();
        let pairs = place.zip(self.pairs.as_deref());
        pairs.map_or_else(Vec::new, |(place, pairs): (u32, &Pairs)| pairs.of(place, now.at))
    }

    /// Whether a connection belongs to an app.
    #[must_use]
    pub fn belongs_to(&self, conn: ConnId, app: &AppId) -> bool {
        let place = self.app_places.get(app).copied();
        self.session(conn).is_some_and(|session| Some(session.app) == place)
    }

    fn channels_of<'a>(
        &'a self,
        app: &'a App,
        session: &'a Session,
    ) -> impl Iterator<Item = &'a ChannelName> {
        session.channels.iter().filter_map(move |held| match held.place {
            Place::Room(place) => self.rooms.get(place).map(|room| &room.name),
            Place::Pattern(place) => app.patterns.get(place).map(|pattern| &pattern.name),
        })
    }

    fn facts(&self, app: &App, session: &Session, conn: ConnId, now: Now) -> ConnectionFacts {
        ConnectionFacts {
            conn,
            peer: session.peer.clone(),
            key: session.grants.key().id.clone(),
            came_with: match session.grants.token() {
                Some(_) => CameWith::Token,
                None => CameWith::Key,
            },
            client: session.client,
            channels: self.channels_of(app, session).take(CHANNELS_SHOWN).cloned().collect(),
            channel_count: session.channels.len(),
            metadata: session.peer_metadata.clone(),
            expires_in: session.expires.map(|end| end - now.at),
        }
    }

    fn room_facts(&self, room: &Room) -> RoomFacts {
        let members = room.members.iter().filter_map(|member| {
            let session = self.session(member.conn)?;
            let standing = if member.visible { Standing::Visible } else { Standing::Unseen };
            let metadata = session.peer_metadata.clone();
            Some(RoomPeer { peer: session.peer.clone(), metadata, standing })
        });
        let ghosts = room.ghosts.iter().map(|(peer, ghost)| RoomPeer {
            peer: peer.clone(),
            metadata: ghost.metadata.clone(),
            standing: Standing::Away,
        });
        RoomFacts {
            channel: room.name.clone(),
            peers: members.chain(ghosts).take(PEERS_SHOWN).collect(),
            members: room.members.iter().len(),
        }
    }
}
