//! The real server's mind with a pretend body: one shard, admission by readable credentials, and the
//! member log that survives a crash.
//!
//! Credentials are words: the key `pk_live_lab` gives every connection a new id, unless it brings back
//! the `resume` value of its last welcome; a token is JSON, `{"sub": …}`, with the claims
//! `peerMetadata`, `metadata` and `channels`. Anything else is refused with 4001.

mod admission;

pub(crate) use admission::KEY;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_core::{CloseCode, Time};
use peerhall_hub::{
    AppUsage, ConnId, Effect, Ended, Hub, HubConfig, LostMember, MemberChange, MemberEvent, Metadata, Now,
    ShardId, Tick,
};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use serde_json::value::RawValue;

use crate::network::WireId;

/// Unix time at the start of every simulation, in milliseconds.
const START_UNIX_MS: i64 = 1_780_000_000_000;

/// How long a member log counts after its server's last sign of life (wire protocol, section 9.4).
const MEMORY: Duration = Duration::from_secs(60);

/// Whether the server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// It takes connections.
    Up,
    /// It refuses new connections with status 503 and is about to close those that it has.
    Draining,
    /// Nobody listens.
    Down,
}

/// What the server does next to the network.
#[derive(Debug)]
pub(crate) enum ServerOut {
    Text(WireId, Box<str>),
    Close(WireId, CloseCode, &'static str),
    Probe(WireId, ConnId),
}

impl ServerOut {
    /// Where it goes.
    pub(crate) fn wire(&self) -> WireId {
        match self {
            Self::Text(wire, _) | Self::Close(wire, ..) | Self::Probe(wire, _) => *wire,
        }
    }
}

/// How the server is set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) config: HubConfig,
    /// Whether a connection may keep its id with the `resume` value of its last welcome.
    pub(crate) resumes: bool,
    /// Whether who was there is known after a crash.
    pub(crate) remembers: bool,
    /// Most connections of the app.
    pub(crate) max_connections: Option<u32>,
    /// `iceServers` of every welcome, as JSON.
    pub(crate) ice_servers: Option<String>,
    /// After how long what list follows it.
    pub(crate) renewed_ice: Option<(Duration, String)>,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) setup: Setup,
    pub(crate) state: ServerState,
    hub: Hub,
    app: Arc<AppRecord>,
    key: Arc<KeyRecord>,
    usage: Arc<AppUsage>,
    wires: HashMap<ConnId, WireId>,
    free: Vec<u32>,
    used: u32,
    generation: u32,
    /// Ids handed out to keys.
    named: u64,
    log: HashMap<(ChannelName, PeerId), Option<Metadata>>,
    last_sign: Time,
    effects: Vec<Effect>,
}

impl Server {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut app = AppRecord::new(app_id());
        app.max_connections = setup.max_connections;
        Self {
            hub: new_hub(&setup),
            setup,
            state: ServerState::Up,
            app: Arc::new(app),
            key: Arc::new(admission::key()),
            usage: Arc::new(AppUsage::default()),
            wires: HashMap::new(),
            free: Vec::new(),
            used: 0,
            generation: 0,
            named: 0,
            log: HashMap::new(),
            last_sign: Time::ZERO,
            effects: Vec::new(),
        }
    }

    /// A WebSocket arrives. Answers with its connection, or with the close code of a refusal.
    pub(crate) fn open(&mut self, now: Time, wire: WireId, url: &str) -> Result<ConnId, CloseCode> {
        let opening = self.admit(now, url)?;
        self.generation += 1;
        let index = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        let conn = ConnId { index, generation: self.generation };
        self.wires.insert(conn, wire);
        self.hub.open(conn, opening, hub_now(now));
        Ok(conn)
    }

    pub(crate) fn text(&mut self, now: Time, conn: ConnId, text: &str) {
        self.hub.text(conn, text, hub_now(now));
    }

    pub(crate) fn closed(&mut self, now: Time, conn: ConnId, ended: Ended) {
        self.forget(conn);
        self.hub.closed(conn, ended, hub_now(now));
    }

    pub(crate) fn answered(&mut self, now: Time, conn: ConnId) {
        self.hub.answered(conn, hub_now(now));
    }

    pub(crate) fn end_turn(&mut self, now: Time) {
        self.last_sign = now;
        self.hub.end_turn(hub_now(now));
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.hub.deadline().map(|tick| Time::after_start(Duration::from_millis(tick.0)))
    }

    /// What the network has to do, in order.
    pub(crate) fn take(&mut self) -> Vec<ServerOut> {
        let mut effects = std::mem::take(&mut self.effects);
        self.hub.take_effects(&mut effects);
        let mut out = Vec::with_capacity(effects.len());
        let mut renewed = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { conn, frame } => {
                    out.extend(
                        self.wires.get(&conn).map(|wire| ServerOut::Text(*wire, frame.as_str().into())),
                    );
                }
                Effect::Fanout(fanout) => {
                    let wires = fanout.receivers().filter_map(|conn| self.wires.get(&conn));
                    out.extend(wires.map(|wire| ServerOut::Text(*wire, fanout.frame.as_str().into())));
                }
                Effect::Close { conn, code, reason } => {
                    if let Some(wire) = self.wires.get(&conn).copied() {
                        out.push(ServerOut::Close(wire, code, reason));
                    }
                    self.forget(conn);
                }
                Effect::Probe(conn) => {
                    out.extend(self.wires.get(&conn).map(|wire| ServerOut::Probe(*wire, conn)));
                }
                // One shard has nobody to tell.
                Effect::Post { .. } => {}
                Effect::Renew(due) => renewed.push(due.conn),
                Effect::Remember(event) => self.remember(*event),
            }
        }
        self.effects = effects;
        if renewed.is_empty() {
            return out;
        }
        renewed.into_iter().for_each(|conn| self.renew(conn));
        out.extend(self.take());
        out
    }

    fn renew(&mut self, conn: ConnId) {
        let Some((after, list)) = &self.setup.renewed_ice else { return };
        if let Ok(list) = RawValue::from_string(list.clone()) {
            let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            self.hub.renew(conn, &list, after_ms, hub_now(self.last_sign));
        }
    }

    fn remember(&mut self, event: MemberEvent) {
        let place = (event.channel, event.peer);
        match event.change {
            MemberChange::Present(metadata) => drop(self.log.insert(place, metadata)),
            MemberChange::Dropped => {}
            MemberChange::Gone => drop(self.log.remove(&place)),
        }
    }

    fn forget(&mut self, conn: ConnId) {
        if self.wires.remove(&conn).is_some() {
            self.free.push(conn.index);
        }
    }

    /// Tells everybody that the server stops, and names those whose sockets are to be closed.
    pub(crate) fn drain(&mut self, retry_after: Duration) -> Vec<(ConnId, WireId)> {
        self.state = ServerState::Draining;
        self.hub.announce_shutdown(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX));
        let mut open: Vec<_> = self.wires.iter().map(|(conn, wire)| (*conn, *wire)).collect();
        open.sort();
        open
    }

    /// The process is gone. Names the sockets that break.
    pub(crate) fn crash(&mut self) -> Vec<WireId> {
        self.state = ServerState::Down;
        self.hub = new_hub(&self.setup);
        self.usage = Arc::new(AppUsage::default());
        self.effects.clear();
        self.free.clear();
        self.used = 0;
        let mut wires: Vec<_> = self.wires.drain().map(|(_, wire)| wire).collect();
        wires.sort();
        wires
    }

    /// A new process, which knows what the log says.
    pub(crate) fn start(&mut self, now: Time) {
        self.state = ServerState::Up;
        let log = std::mem::take(&mut self.log);
        if self.setup.remembers && now - self.last_sign <= MEMORY {
            let mut lost: Vec<_> = log
                .into_iter()
                .map(|((channel, peer), metadata)| LostMember { app: app_id(), channel, peer, metadata })
                .collect();
            lost.sort_by(|one, other| {
                (one.channel.as_str(), one.peer.as_str()).cmp(&(other.channel.as_str(), other.peer.as_str()))
            });
            self.hub.recover(lost, hub_now(now));
        }
        self.end_turn(now);
    }

    /// Ends all connections of a peer with 4020.
    pub(crate) fn kick(&mut self, now: Time, peer: &str) -> usize {
        let Ok(peer) = peer.parse::<PeerId>() else { return 0 };
        self.hub.kick(&app_id(), &peer, hub_now(now))
    }

    /// Who is in a channel, each once.
    pub(crate) fn members(&self, channel: &str) -> Vec<String> {
        let Ok(channel) = channel.parse::<ChannelName>() else { return Vec::new() };
        let mut ids: Vec<String> =
            self.hub.list_members(&app_id(), &channel).into_iter().map(|(id, _)| id.to_string()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

fn app_id() -> AppId {
    "lab".parse().expect("a valid app id")
}

fn new_hub(setup: &Setup) -> Hub {
    let config = HubConfig { remember: true, ..setup.config.clone() };
    Hub::new(config, ShardId::new(0).expect("the first shard"), 1)
}

fn hub_now(now: Time) -> Now {
    let millis = u64::try_from(now.since_start().as_millis()).unwrap_or(u64::MAX);
    Now { at: Tick(millis), unix_ms: START_UNIX_MS.saturating_add_unsigned(millis) }
}
