//! The lab: hubs, the notes between them, a clock that only tests move, and clients.

mod heard;
mod login;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use peerhall_proto::code::CloseCode;
use peerhall_proto::ids::{AppId, PeerId};
use serde_json::value::RawValue;

pub(super) use self::heard::{Entry, Heard};
pub(super) use self::login::{Login, app, key, patterns};
use crate::*;

/// Wall clock of a fresh lab, in Unix milliseconds.
pub(super) const START_UNIX_MS: i64 = 1_767_000_000_000;

/// Milliseconds between `ack` and snapshot (wire protocol, section 9.2).
pub(super) const PAUSE: u64 = 20;

/// Milliseconds that a dropped peer is expected back (wire protocol, section 9.4).
pub(super) const LINGER: u64 = 15_000;

/// A connection of the lab, open or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Who(pub(super) usize);

#[derive(Debug)]
struct Connection {
    shard: usize,
    conn: ConnId,
    peer: String,
    open: bool,
    /// Nothing that it is sent arrives, and nobody has noticed.
    half_open: bool,
    heard: Vec<(u64, Heard)>,
    taken: usize,
}

/// What became of the probes of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probed {
    /// Nobody was, or nobody answers.
    Nobody,
    /// Somebody answered at once.
    Alive,
}

/// Hubs and everything around them.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) hubs: Vec<Hub>,
    /// Notes under way, from shard to shard; the order of one pair is kept.
    wires: Vec<VecDeque<Arc<Note>>>,
    connections: Vec<Connection>,
    /// Places of ended connections, used again as a server would.
    free: Vec<Vec<u32>>,
    /// First place of each shard that was never used.
    unused: Vec<u32>,
    generation: u32,
    now: Now,
    pub(super) rng: Rng,
    /// Notes wait until [`Lab::deliver_one`] or [`Lab::settle`].
    pub(super) holds_notes: bool,
    pub(super) in_batch: bool,
    pub(super) log: Vec<MemberEvent>,
    usage: HashMap<AppId, Arc<AppUsage>>,
    /// Probes that half-open connections do not answer, and when the server gives up.
    probes: Vec<(Tick, Who)>,
    /// Bytes of snapshots that a turn may make.
    pub(super) snapshot_bytes: usize,
    /// Probes asked for so far.
    pub(super) probes_seen: usize,
    /// Whose ICE servers are to be renewed.
    pub(super) due: Vec<IceRenewal>,
}

impl Lab {
    /// One shard with the default settings.
    pub(super) fn new() -> Self {
        Self::with(HubConfig::default(), 1)
    }

    /// Several shards with the default settings.
    pub(super) fn of(shards: usize) -> Self {
        Self::with(HubConfig::default(), shards)
    }

    pub(super) fn with(config: HubConfig, shards: usize) -> Self {
        let hub = |number| Hub::new(config.clone(), ShardId::new(number).unwrap(), shards);
        Self {
            hubs: (0..shards).map(hub).collect(),
            wires: vec![VecDeque::new(); shards * shards],
            connections: Vec::new(),
            free: vec![Vec::new(); shards],
            unused: vec![0; shards],
            generation: 0,
            now: Now { at: Tick(1_000), unix_ms: START_UNIX_MS },
            rng: Rng(0x5eed),
            holds_notes: false,
            in_batch: false,
            log: Vec::new(),
            usage: HashMap::new(),
            probes: Vec::new(),
            probes_seen: 0,
            due: Vec::new(),
            snapshot_bytes: usize::MAX,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now.at.0
    }

    pub(super) fn usage(&mut self, app: &AppId) -> Arc<AppUsage> {
        self.usage.entry(app.clone()).or_default().clone()
    }

    /// Connects and leaves the `welcome` to be heard.
    pub(super) fn open(&mut self, login: Login) -> Who {
        let usage = self.usage(&login.app.id);
        let shard = login.shard;
        self.generation += 1;
        let index = self.free[shard].pop().unwrap_or_else(|| {
            self.unused[shard] += 1;
            self.unused[shard] - 1
        });
        let conn = ConnId { index, generation: self.generation };
        let peer = login.peer.clone();
        self.connections.push(Connection {
            shard,
            conn,
            peer,
            open: true,
            half_open: false,
            heard: Vec::new(),
            taken: 0,
        });
        let opening = login.opening(usage, self.now.unix_ms);
        self.hubs[shard].open(conn, opening, self.now);
        self.turn(shard);
        Who(self.connections.len() - 1)
    }

    /// Connects, and hears the `welcome`.
    pub(super) fn enter(&mut self, login: Login) -> Who {
        let who = self.open(login);
        let heard = self.hear(who);
        assert!(matches!(heard[..], [Heard::Welcome { .. }]), "instead of one welcome: {heard:?}");
        who
    }

    /// Connects a peer that may do everything, to the first shard, and hears the `welcome`.
    pub(super) fn connect(&mut self, peer: &str) -> Who {
        self.enter(Login::new(peer))
    }

    /// Subscribes one and waits for the pause.
    pub(super) fn enter_room(&mut self, who: Who, channel: &str) {
        self.subscribe(who, channel);
        self.advance(PAUSE);
    }

    /// Subscribes all of them, waits for the pause and lets everybody hear all of it.
    pub(super) fn join(&mut self, members: &[Who], channel: &str) {
        for member in members {
            self.subscribe(*member, channel);
        }
        self.advance(PAUSE);
        self.settle();
        self.deafen();
    }

    /// Forgets what has been heard so far.
    pub(super) fn deafen(&mut self) {
        for connection in &mut self.connections {
            connection.taken = connection.heard.len();
        }
    }

    pub(super) fn subscribe(&mut self, who: Who, channel: &str) {
        self.text(who, &format!(r#"{{"type":"subscribe","requestId":"s","channel":{channel:?}}}"#));
    }

    pub(super) fn unsubscribe(&mut self, who: Who, channel: &str) {
        self.text(who, &format!(r#"{{"type":"unsubscribe","requestId":"u","channel":{channel:?}}}"#));
    }

    /// Gives other ICE servers to a connection.
    pub(super) fn renew(&mut self, who: Who, list: &str, after_ms: u64) {
        let (shard, conn) = self.place(who);
        let list = RawValue::from_string(list.to_owned()).unwrap();
        self.hubs[shard].renew(conn, &list, after_ms, self.now);
        self.turn(shard);
    }

    pub(super) fn publish(&mut self, who: Who, channel: &str, data: &str) {
        let text = format!(r#"{{"type":"publish","requestId":"p","channel":{channel:?},"data":{data}}}"#);
        self.text(who, &text);
    }

    pub(super) fn send(&mut self, who: Who, to: &str, data: &str) {
        self.text(who, &format!(r#"{{"type":"send","requestId":"d","to":{to:?},"data":{data}}}"#));
    }

    pub(super) fn text(&mut self, who: Who, text: &str) {
        let (shard, conn) = self.place(who);
        self.hubs[shard].text(conn, text, self.now);
        self.turn(shard);
    }

    pub(super) fn binary(&mut self, who: Who) {
        let (shard, conn) = self.place(who);
        self.hubs[shard].binary(conn, self.now);
        self.turn(shard);
    }

    /// A ping of the WebSocket; says whether it is answered.
    pub(super) fn ping(&mut self, who: Who) -> bool {
        let (shard, conn) = self.place(who);
        let answered = self.hubs[shard].ping(conn, self.now);
        self.turn(shard);
        answered
    }

    /// The socket breaks.
    pub(super) fn lose(&mut self, who: Who) {
        self.end(who, Ended::Lost);
    }

    /// The network vanishes, and neither end hears of it.
    pub(super) fn vanish(&mut self, who: Who) {
        self.connections[who.0].half_open = true;
    }

    /// The client says goodbye with 1000.
    pub(super) fn close(&mut self, who: Who) {
        self.end(who, Ended::ByClient(Some(CloseCode::NORMAL)));
    }

    pub(super) fn end(&mut self, who: Who, ended: Ended) {
        let (shard, conn) = self.place(who);
        self.forget(who.0);
        self.hubs[shard].closed(conn, ended, self.now);
        self.turn(shard);
    }

    /// Kicks a peer of the usual app on every shard; the sum of their answers.
    pub(super) fn kick(&mut self, peer: &str) -> usize {
        self.kick_from("app", peer)
    }

    pub(super) fn kick_from(&mut self, app: &str, peer: &str) -> usize {
        let (app, peer): (AppId, PeerId) = (app.parse().unwrap(), peer.parse().unwrap());
        (0..self.hubs.len()).map(|shard| self.on(shard, |hub, now| hub.kick(&app, &peer, now))).sum()
    }

    /// Any other input of one shard.
    pub(super) fn on<T>(&mut self, shard: usize, input: impl FnOnce(&mut Hub, Now) -> T) -> T {
        let answer = input(&mut self.hubs[shard], self.now);
        self.turn(shard);
        answer
    }

    /// Several inputs in one turn.
    pub(super) fn batch(&mut self, inputs: impl FnOnce(&mut Self)) {
        self.in_batch = true;
        inputs(self);
        self.in_batch = false;
        (0..self.hubs.len()).for_each(|shard| self.turn(shard));
    }

    /// Lets time pass from deadline to deadline.
    pub(super) fn advance(&mut self, ms: u64) {
        let end = self.now.at.0 + ms;
        loop {
            let hubs = self.hubs.iter().filter_map(Hub::deadline);
            let next = hubs.chain(self.probes.iter().map(|(at, _)| *at)).map(|tick| tick.0).min();
            let step = next.unwrap_or(end).clamp(self.now.at.0, end);
            self.now.unix_ms += i64::try_from(step - self.now.at.0).unwrap();
            self.now.at = Tick(step);
            self.give_up_probed();
            (0..self.hubs.len()).for_each(|shard| self.turn(shard));
            if self.now.at.0 == end && self.hubs.iter().all(|hub| hub.deadline().is_none_or(|at| at.0 > end))
            {
                return;
            }
        }
    }

    /// Somebody sets the wall clock.
    pub(super) fn jump_wall_clock(&mut self, ms: i64) {
        self.now.unix_ms += ms;
    }

    /// Delivers every note under way, in an order that the seed decides.
    pub(super) fn settle(&mut self) {
        while self.deliver_one() {}
    }

    /// Delivers one note; `false` when there is none.
    pub(super) fn deliver_one(&mut self) -> bool {
        let busy: Vec<usize> = (0..self.wires.len()).filter(|at| !self.wires[*at].is_empty()).collect();
        if busy.is_empty() {
            return false;
        }
        let at = busy[self.rng.below(busy.len())];
        self.deliver(at / self.hubs.len(), at % self.hubs.len())
    }

    /// Delivers the oldest note from one shard to another; `false` when there is none.
    pub(super) fn deliver(&mut self, from: usize, to: usize) -> bool {
        let shards = self.hubs.len();
        let Some(note) = self.wires[from * shards + to].pop_front() else { return false };
        self.hubs[to].note(ShardId::new(from).unwrap(), &note, self.now);
        let held = std::mem::replace(&mut self.holds_notes, true);
        self.turn(to);
        self.holds_notes = held;
        true
    }

    pub(super) fn notes_under_way(&self) -> usize {
        self.wires.iter().map(VecDeque::len).sum()
    }

    fn turn(&mut self, shard: usize) {
        if self.in_batch {
            return;
        }
        self.hubs[shard].bound_snapshots(self.snapshot_bytes);
        self.hubs[shard].end_turn(self.now);
        while self.carry_out(shard) == Probed::Alive {
            self.hubs[shard].end_turn(self.now);
        }
        if !self.holds_notes {
            self.settle();
        }
    }

    /// Connections that were probed and did not answer are dropped, as a server does.
    fn give_up_probed(&mut self) {
        let now = self.now.at;
        for (_, who) in self.probes.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>() {
            if self.is_open(who) {
                self.lose(who);
            }
        }
    }

    /// Says whether a connection answered a probe, which is another input.
    fn carry_out(&mut self, shard: usize) -> Probed {
        let mut probed = Probed::Nobody;
        let mut effects = Vec::new();
        self.hubs[shard].take_effects(&mut effects);
        for effect in effects {
            match effect {
                Effect::Send { conn, frame } => {
                    let at = self.holder(shard, conn);
                    let connection = &mut self.connections[at];
                    let heard = Heard::read(frame.as_str(), &connection.peer);
                    connection.heard.push((self.now.at.0, heard));
                }
                Effect::Fanout(fanout) => {
                    for conn in fanout.receivers() {
                        let at = self.holder(shard, conn);
                        let connection = &mut self.connections[at];
                        let heard = Heard::read(fanout.frame.as_str(), &connection.peer);
                        connection.heard.push((self.now.at.0, heard));
                    }
                }
                Effect::Close { conn, code, reason } => {
                    assert!(reason.is_ascii() && reason.len() <= 123, "w103: {reason}");
                    let at = self.holder(shard, conn);
                    self.connections[at].heard.push((self.now.at.0, Heard::Closed(code.0)));
                    self.forget(at);
                }
                Effect::Probe(conn) => {
                    self.probes_seen += 1;
                    let at = self.holder(shard, conn);
                    if self.connections[at].half_open {
                        self.probes.push((self.now.at + PROBE_WITHIN, Who(at)));
                    } else {
                        self.hubs[shard].answered(conn, self.now);
                        probed = Probed::Alive;
                    }
                }
                Effect::Post { to, note } => {
                    for to in to.iter() {
                        assert_ne!(to.number(), shard, "a shard writes to itself");
                        self.wires[shard * self.hubs.len() + to.number()].push_back(note.clone());
                    }
                }
                Effect::Renew(due) => self.due.push(*due),
                Effect::Remember(event) => self.log.push(*event),
            }
        }
        probed
    }

    fn holder(&self, shard: usize, conn: ConnId) -> usize {
        let is_it = |known: &Connection| known.shard == shard && known.conn == conn;
        self.connections.iter().rposition(is_it).expect("an effect for a connection that never was")
    }

    fn forget(&mut self, at: usize) {
        let connection = &mut self.connections[at];
        assert!(connection.open, "{} ends twice", connection.peer);
        connection.open = false;
        self.free[connection.shard].push(connection.conn.index);
    }

    pub(super) fn place(&self, who: Who) -> (usize, ConnId) {
        (self.connections[who.0].shard, self.connections[who.0].conn)
    }

    pub(super) fn is_open(&self, who: Who) -> bool {
        self.connections[who.0].open
    }

    /// What a client heard since it was asked last.
    pub(super) fn hear(&mut self, who: Who) -> Vec<Heard> {
        self.hear_with_time(who).into_iter().map(|(_, heard)| heard).collect()
    }

    pub(super) fn hear_with_time(&mut self, who: Who) -> Vec<(u64, Heard)> {
        let connection = &mut self.connections[who.0];
        let new = connection.heard[connection.taken..].to_vec();
        connection.taken = connection.heard.len();
        new
    }

    /// The same in short words, to be compared.
    pub(super) fn heard(&mut self, who: Who) -> Vec<String> {
        self.hear(who).iter().map(Heard::to_string).collect()
    }

    /// Fails unless nothing at all is left in any table.
    pub(super) fn assert_empty(&self) {
        for hub in &self.hubs {
            assert_eq!((hub.rooms.len(), hub.stats().sessions), (0, 0), "rooms and sessions of {:?}", hub.me);
            assert!(hub.sessions.iter().all(Option::is_none), "sessions");
            assert!(hub.due.is_empty() && hub.due_now.is_empty() && hub.doubted.is_empty(), "owed to nobody");
            assert_eq!(hub.deadline(), None, "timers: {:?}", hub.timers);
            assert!(hub.leaving_rooms.is_empty() && hub.effects.is_empty());
            for app in &hub.apps {
                assert!(app.rooms.is_empty() && app.peers.is_empty(), "{:?} {:?}", app.rooms, app.peers);
                assert!(
                    app.pattern_names.is_empty() && app.patterns.len() == 0 && app.pattern_hosts.is_empty()
                );
            }
        }
    }
}

/// A small generator of pretend randomness (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}
