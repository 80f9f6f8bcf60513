//! The shard itself: its tables, and what each input does to them first.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use peerhall_auth::key::AppRecord;
use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::frame::server::{Encoded, GoingAway, ServerFrame, Welcome};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::app::App;
use crate::config::HubConfig;
use crate::doubt::{Doubt, Doubted};
use crate::effect::{ConnId, Effect};
use crate::link::{Note, ShardId, ShardSet};
use crate::pairs::Pairs;
use crate::rate::Bucket;
use crate::room::Room;
use crate::session::{Client, Ended, Opening, Place, Renews, Session};
use crate::slab::{Slab, cut_end};
use crate::time::{Now, Tick};

/// How long directs to a peer that came back wait for it to ask for a room. A client of the vendor
/// re-subscribes at once after its `welcome`.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// One shard's mind; see the crate's documentation for the contract.
#[derive(Debug)]
pub struct Hub {
    pub(crate) config: HubConfig,
    pub(crate) me: ShardId,
    pub(crate) others: ShardSet,
    pub(crate) sessions: Vec<Option<Session>>,
    pub(crate) apps: Vec<App>,
    pub(crate) app_places: HashMap<AppId, u32>,
    pub(crate) rooms: Slab<Room>,
    pub(crate) effects: Vec<Effect>,
    /// Snapshots that are owed, in the order of their time.
    pub(crate) due: VecDeque<Due>,
    /// Snapshots that our own clients are owed at the end of this turn.
    /// Also those that found no room in the last one.
    pub(crate) due_now: Vec<Due>,
    pub(crate) doubted: Doubted,
    /// Last number given to a membership or a question to the other shards.
    pub(crate) ticket: u32,
    /// Rooms where somebody went in this turn.
    pub(crate) leaving_rooms: Vec<u32>,
    /// A set and no heap, so that the timer of a token goes with its connection: tokens live for days.
    pub(crate) timers: BTreeSet<(Tick, Timer)>,
    pub(crate) stats: HubStats,
    /// Bytes of snapshots that may be made in this turn.
    pub(crate) snapshot_room: usize,
    /// Most entries since the tables shrank last.
    pub(crate) peak: usize,
    /// Who talks to whom, while somebody looks.
    pub(crate) pairs: Option<Box<Pairs>>,
}

/// A snapshot that a connection is owed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) at: Tick,
    pub(crate) conn: ConnId,
    pub(crate) place: Place,
    /// The membership that it belongs to.
    pub(crate) ticket: u32,
}

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A token runs out.
    Expire(ConnId),
    /// The ICE servers of a session are renewed.
    Renew(ConnId),
    /// Ghosts of a room are given up.
    Ghosts(u32),
    /// A peer that dropped is given up.
    Absence(u32, PeerId),
    /// A peer that came back asked for no room: what is held for it goes out now.
    Returned(ConnId),
    /// Earlier connections of the peer had time enough to show that they are alive.
    Unproven(ConnId),
}

/// Counters of one hub since its start, and sizes of its tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Text and binary messages from clients.
    pub frames_in: u64,
    /// `publish` frames accepted.
    pub publishes: u64,
    /// Copies of messages queued for members.
    pub deliveries: u64,
    /// `send` frames accepted.
    pub directs: u64,
    /// `error` frames sent.
    pub errors: u64,
    /// Presence frames sent.
    pub presence_frames: u64,
    /// Live connections.
    pub sessions: u64,
    /// Rooms in memory.
    pub rooms: u64,
    /// Deadlines that wait: ends of tokens, of ghosts and of absences, and snapshots that are owed.
    pub deadlines: u64,
}

impl Hub {
    /// A hub without connections: shard `me` of `shards` shards.
    #[must_use]
    pub fn new(config: HubConfig, me: ShardId, shards: usize) -> Self {
        Self {
            config,
            me,
            others: ShardSet::others(shards, me),
            sessions: Vec::new(),
            apps: Vec::new(),
            app_places: HashMap::new(),
            rooms: Slab::default(),
            effects: Vec::new(),
            due: VecDeque::new(),
            due_now: Vec::new(),
            doubted: Doubted::new(),
            ticket: 0,
            leaving_rooms: Vec::new(),
            timers: BTreeSet::new(),
            stats: HubStats::default(),
            snapshot_room: usize::MAX,
            peak: 0,
            pairs: None,
        }
    }

    /// Moves the queued effects to the end of `into`.
    pub fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.append(&mut self.effects);
    }

    /// When [`Hub::end_turn`] has something to do at the latest; `None`: nothing is planned.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        if !self.due_now.is_empty() {
            return Some(Tick(0));
        }
        let due = self.due.front().map(|due| due.at);
        let timer = self.timers.first().map(|(at, _)| *at);
        match (due, timer) {
            (Some(due), Some(timer)) => Some(due.min(timer)),
            (due, timer) => due.or(timer),
        }
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let deadlines = (self.timers.len() + self.due.len()) as u64;
        HubStats { rooms: self.rooms.len() as u64, deadlines, ..self.stats }
    }

    /// A connection has been authenticated. It is welcomed, or closed with 4010 when its app has as
    /// many connections as it may.
    pub fn open(&mut self, conn: ConnId, opening: Opening, now: Now) {
        let place = self.app_place(&opening.app);
        let Some(app) = self.apps.get_mut(place as usize) else { return };
        app.record = opening.app;
        let usage = app.usage.get_or_insert(opening.usage);
        if !usage.connect(&app.record) {
            self.close_effect(conn, CloseCode::OVER_CONCURRENT_LIMIT, "too many connections");
            return;
        }
        let peer = app.peers.entry(opening.peer.clone()).or_default();
        let returning = peer.absence.is_some();
        peer.here.push(conn);
        let welcome = ServerFrame::Welcome(Welcome {
            peer_id: opening.peer.clone(),
            expires_at: opening.expires_at,
            server_time: now.unix_secs(),
            max_message_size: self.config.max_message_bytes,
            metadata: opening.welcome_metadata.as_deref(),
            resume: opening.resume.as_deref().map(Into::into),
        });
        let session = Session {
            generation: conn.generation,
            app: place,
            peer: opening.peer.clone(),
            grants: opening.grants,
            peer_metadata: opening.peer_metadata,
            channels: Vec::new(),
            bucket: Bucket::full(self.config.frame_burst, now.at),
            client: opening.client,
            pending: 0,
            greeted: false,
            returning,
            expires: opening.expires_at_ms.map(|end| expiry(end, now)),
            renews: opening.renewal.filter(|_| opening.client == Client::Peerhall).map(|renewal| {
                let at = Tick(now.at.0.saturating_add(renewal.after_ms));
                Box::new(Renews { at, host: renewal.host })
            }),
            doubt: Doubt::None,
            unproven: ShardSet::default(),
            unproven_until: now.at,
        };
        if let Some(at) = session.expires {
            self.timers.insert((at, Timer::Expire(conn)));
        }
        if let Some(renews) = &session.renews {
            self.timers.insert((renews.at, Timer::Renew(conn)));
        }
        if returning {
            self.timers.insert((now.at + PATIENCE, Timer::Returned(conn)));
        }
        let app_id = app.record.id.clone();
        self.send(conn, welcome.encode());
        self.store(conn, session);
        self.doubt_earlier(conn, now);
        self.post(self.others, Note::PeerUp { app: app_id, peer: opening.peer });
    }

    /// The connection's socket is gone, or is about to be.
    pub fn closed(&mut self, conn: ConnId, ended: Ended, now: Now) {
        let Some(slot) = self.sessions.get_mut(conn.index as usize) else { return };
        if slot.as_ref().is_none_or(|session| session.generation != conn.generation) {
            return;
        }
        let Some(session) = slot.take() else { return };
        self.stats.sessions -= 1;
        if let Some(at) = session.expires {
            self.timers.remove(&(at, Timer::Expire(conn)));
        }
        if let Some(renews) = &session.renews {
            self.timers.remove(&(renews.at, Timer::Renew(conn)));
        }
        let mut lingers = false;
        for held in &session.channels {
            match held.place {
                Place::Room(room) => lingers |= self.leave_room(room, held.slot, &session, ended, now),
                Place::Pattern(place) => self.leave_pattern(session.app, place, held.slot),
            }
        }
        cut_end(&mut self.sessions);
        self.peer_down(&session, conn, lingers, now);
        self.drop_doubts(&session, conn);
        if let Some(usage) = self.apps.get(session.app as usize).and_then(|app| app.usage.as_ref()) {
            usage.disconnect();
        }
    }

    /// Tells every connection that the server stops (wire protocol, section 15). The server then
    /// closes the sockets and reports each with [`Ended::Drained`].
    pub fn announce_shutdown(&mut self, retry_after_ms: u64) {
        let frame = ServerFrame::GoingAway(GoingAway { retry_after_ms }).encode();
        for conn in self.connections() {
            self.send(conn, frame.clone());
        }
    }

    /// Every live connection.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnId> {
        (0_u32..)
            .zip(&self.sessions)
            .filter_map(|(index, slot)| {
                slot.as_ref().map(|session| ConnId { index, generation: session.generation })
            })
            .collect()
    }

    /// Bounds the snapshots that the next [`end_turn`](Self::end_turn) makes, in bytes: whoever finds no room
    /// gets its snapshot in a later turn. At least one is made unless the bound is 0. Default: no bound.
    pub fn bound_snapshots(&mut self, bytes: usize) {
        self.snapshot_room = bytes;
    }

    /// Ends a batch of inputs: does what is due and announces who came and went.
    pub fn end_turn(&mut self, now: Now) {
        self.fire_timers(now);
        self.flush_leaving();
        self.settle_due(now);
        self.shrink_if_sparse();
    }

    fn fire_timers(&mut self, now: Now) {
        while let Some((at, _)) = self.timers.first()
            && *at <= now.at
            && let Some((_, timer)) = self.timers.pop_first()
        {
            match timer {
                Timer::Expire(conn) => {
                    if self
                        .session(conn)
                        .is_some_and(|session| session.expires.is_some_and(|end| end <= now.at))
                    {
                        self.close(conn, CloseCode::TOKEN_EXPIRED, "token expired", now);
                    }
                }
                Timer::Renew(conn) => self.ask_for_renewal(conn),
                Timer::Ghosts(room) => self.expire_ghosts(room, now),
                Timer::Absence(app, peer) => self.expire_absence(app, &peer, now),
                Timer::Returned(conn) => self.has_returned(conn, now),
                Timer::Unproven(conn) => self.doubts_are_over(conn),
            }
        }
    }

    /// Ends a connection from the server's side.
    pub(crate) fn close(&mut self, conn: ConnId, code: CloseCode, reason: &'static str, now: Now) {
        self.close_effect(conn, code, reason);
        self.closed(conn, Ended::ByServer(code), now);
    }

    fn close_effect(&mut self, conn: ConnId, code: CloseCode, reason: &'static str) {
        self.effects.push(Effect::Close { conn, code, reason });
    }

    pub(crate) fn send(&mut self, conn: ConnId, frame: Encoded) {
        self.effects.push(Effect::Send { conn, frame });
    }

    pub(crate) fn post(&mut self, to: ShardSet, note: Note) {
        if !to.is_empty() {
            self.effects.push(Effect::Post { to, note: note.shared() });
        }
    }

    pub(crate) fn session(&self, conn: ConnId) -> Option<&Session> {
        let slot = self.sessions.get(conn.index as usize)?.as_ref();
        slot.filter(|session| session.generation == conn.generation)
    }

    pub(crate) fn session_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        let slot = self.sessions.get_mut(conn.index as usize)?.as_mut();
        slot.filter(|session| session.generation == conn.generation)
    }

    fn store(&mut self, conn: ConnId, session: Session) {
        let index = conn.index as usize;
        if self.sessions.len() <= index {
            self.sessions.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.sessions.get_mut(index) {
            *slot = Some(session);
            self.stats.sessions += 1;
        }
    }

    /// Place of an app in the table of apps, made when it is new here.
    pub(crate) fn app_place(&mut self, record: &Arc<AppRecord>) -> u32 {
        if let Some(place) = self.app_places.get(&record.id) {
            return *place;
        }
        let place = u32::try_from(self.apps.len()).unwrap_or(u32::MAX);
        self.apps.push(App::new(record.clone()));
        self.app_places.insert(record.id.clone(), place);
        place
    }

    /// Place of an app that may be known by its id only, from another shard.
    pub(crate) fn app_place_by_id(&mut self, app: &AppId) -> u32 {
        match self.app_places.get(app) {
            Some(place) => *place,
            None => self.app_place(&Arc::new(AppRecord::new(app.clone()))),
        }
    }

    pub(crate) fn room_named(&self, app: u32, channel: &ChannelName) -> Option<u32> {
        self.apps.get(app as usize)?.rooms.get(channel).copied()
    }

    pub(crate) fn is_foreign(&self, conn: ConnId) -> bool {
        self.session(conn).is_none_or(|session| session.client == Client::Foreign)
    }
}

/// A request that was refused: the code, and words for people.
pub(crate) type Refused = (ErrorCode, &'static str);

/// The monotonic moment 250 ms before a token's end (authentication, section 5).
fn expiry(end_unix_ms: i64, now: Now) -> Tick {
    let left = end_unix_ms.saturating_sub(250).saturating_sub(now.unix_ms);
    Tick(now.at.0.saturating_add(u64::try_from(left).unwrap_or(0)))
}
