//! One shard: a thread that owns its sockets, its read buffer and its [`Hub`], and turns readiness
//! into inputs and effects into bytes.
//!
//! A turn: wait for sockets, mail or a deadline; read what is ready, and of those who bring much only as far as
//! nobody has to wait for it; let newcomers in and those who end out, but only for so long; let the hub end its
//! turn; carry out its effects; write each connection that has something to say once, and those with much to say
//! only as far as nobody has to wait for it.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use peerhall_hub::{ConnId, Effect, Hub, HubConfig, LostMember, Now, ShardId};

use crate::admission::Admission;
use crate::clock::Clock;
use crate::exchange::{Exchange, Mail};
use crate::failpoint;
use crate::handover::HttpPlane;
use crate::member_log::MemberLog;
use crate::metrics::{Metrics, ShardMetrics};
use crate::timers::Timers;

use self::conn::Conn;
use self::lists::Lists;
use self::look::Taps;
use self::receive::Until;
use self::run::Run;
use self::table::Table;

mod accept;
mod conn;
mod deadlines;
mod echo;
mod isolate;
mod lists;
mod look;
mod receive;
mod run;
mod table;
mod write;

/// Token of the listener; connections use their place in the table.
const LISTENER: Token = Token(usize::MAX - 1);
/// Token of the mailbox's waker.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Bytes of the read buffer that all connections of the shard share.
const READ_BYTES: usize = 256 * 1024;
/// Readiness events taken in one turn. What they bring is answered at its end, so more would let the first
/// wait longer.
const EVENTS: usize = 512;
/// Connections and deadlines up to which tables stay as large as they are.
const SMALL: usize = 16;

/// Everything a shard starts with.
pub(crate) struct ShardParts {
    pub(crate) id: ShardId,
    pub(crate) poll: Poll,
    pub(crate) listener: StdListener,
    pub(crate) hub_config: HubConfig,
    pub(crate) admission: Admission,
    pub(crate) exchange: Exchange,
    pub(crate) clock: Clock,
    pub(crate) http: HttpPlane,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) members: Option<MemberLog>,
    pub(crate) metrics: Arc<ShardMetrics>,
    pub(crate) all_metrics: Metrics,
    pub(crate) max_connections: usize,
}

/// A running shard.
pub(crate) struct Shard {
    id: ShardId,
    poll: Poll,
    listener: mio::net::TcpListener,
    hub: Hub,
    admission: Admission,
    exchange: Exchange,
    clock: Clock,
    http: HttpPlane,
    tls: Option<Arc<rustls::ServerConfig>>,
    members: Option<MemberLog>,
    metrics: Arc<ShardMetrics>,
    all_metrics: Metrics,
    max_connections: usize,
    conns: Table,
    timers: Timers,
    /// Connections with something to write in this turn.
    dirty: Vec<u32>,
    /// Connections that have brought much, of which later turns read on.
    unread: VecDeque<ConnId>,
    /// Connections that come or go and wait for their turn: their HTTP request has come or grown, or their
    /// other end has finished.
    at_the_door: VecDeque<(ConnId, Until)>,
    /// Connections with much to write, which a later turn goes on with.
    large: VecDeque<u32>,
    /// Receivers of messages to large rooms that later turns go on with.
    crowd: VecDeque<u32>,
    effects: Vec<Effect>,
    lists: Lists,
    run: Run,
    read_buf: Vec<u8>,
    write_buf: Vec<u8>,
    accepting: Accepting,
    draining: bool,
    /// Somebody was lost while writing: the others must hear of it without waiting for an event.
    restless: bool,
    /// The server was told to end at once.
    aborted: bool,
    /// Bytes that wait for readers that do not take them at once, and how many may.
    backlog: usize,
    max_backlog: usize,
    /// Most connections and deadlines since the tables shrank last.
    peak: usize,
    /// Connections that somebody looks at through the console.
    taps: Taps,
    /// Bytes written to sockets since the start.
    bytes_out: u64,
}

/// Whether the listener may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accepting {
    /// Nothing waits; the next connection is an event.
    Idle,
    /// There may be more to accept.
    More,
    /// The process is out of descriptors; try again later.
    Exhausted,
}

/// Whether there will be another turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Go,
    Stop,
}

impl Shard {
    /// Prepares a shard; nothing is accepted before [`run`](Self::run).
    pub(crate) fn new(parts: ShardParts) -> io::Result<Self> {
        parts.listener.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(parts.listener);
        parts.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let shards = parts.exchange.shards();
        let max_backlog = parts.admission.config.limits.waiting_bytes / shards.max(1);
        Ok(Self {
            id: parts.id,
            poll: parts.poll,
            listener,
            hub: Hub::new(parts.hub_config, parts.id, shards),
            admission: parts.admission,
            exchange: parts.exchange,
            clock: parts.clock,
            http: parts.http,
            tls: parts.tls,
            members: parts.members,
            metrics: parts.metrics,
            all_metrics: parts.all_metrics,
            max_connections: parts.max_connections,
            conns: Table::default(),
            timers: Timers::default(),
            dirty: Vec::new(),
            unread: VecDeque::new(),
            at_the_door: VecDeque::new(),
            large: VecDeque::new(),
            crowd: VecDeque::new(),
            effects: Vec::new(),
            lists: Lists::default(),
            run: Run::default(),
            read_buf: vec![0; READ_BYTES],
            write_buf: Vec::new(),
            accepting: Accepting::Idle,
            draining: false,
            restless: false,
            aborted: false,
            backlog: 0,
            max_backlog,
            peak: 0,
            taps: Taps::default(),
            bytes_out: 0,
        })
    }

    /// Number of the shard, from 0.
    pub(crate) fn number(&self) -> usize {
        self.id.number()
    }

    /// Makes ghosts of those who were members before the start.
    pub(crate) fn recover(&mut self, lost: Vec<LostMember>) {
        let now = self.clock.now();
        self.hub.recover(lost, now);
        // The other shards must know before the first of those members is back.
        self.carry_out(now);
    }

    /// Serves until it is told to drain and everybody is gone, or to abort.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while self.turn(&mut events) == Flow::Go {}
    }

    fn turn(&mut self, events: &mut Events) -> Flow {
        let patience = self.patience();
        if let Err(error) = self.poll.poll(events, patience)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "cannot wait for sockets");
            std::thread::sleep(Duration::from_millis(10));
        }
        let now = self.clock.now();
        let meter = self.meter();
        for event in &*events {
            match event.token() {
                LISTENER => self.accepting = Accepting::More,
                WAKER => {}
                Token(place) => {
                    let Some(conn) = u32::try_from(place).ok().and_then(|place| self.conns.id_at(place))
                    else {
                        continue;
                    };
                    if event.is_writable() {
                        self.mark_dirty(conn);
                    }
                    let until = match event.is_read_closed() || event.is_error() {
                        true => Until::End,
                        false if event.is_readable() => Until::ShortRead,
                        false => continue,
                    };
                    if until == Until::End || self.conns.get(conn).is_some_and(Conn::is_newcomer) {
                        self.at_the_door.push_back((conn, until));
                    } else {
                        self.isolated(conn, now, |shard| shard.receive(conn, until, now));
                    }
                }
            }
        }
        self.read_on(now);
        self.serve_the_door(now);
        self.accept(now);
        let flow = self.end_turn(now);
        self.measure(meter);
        flow
    }

    fn end_turn(&mut self, now: Now) -> Flow {
        self.read_mail(now);
        self.check_deadlines(now);
        self.hub.bound_snapshots(self.lists.bytes(!self.large.is_empty(), now.at));
        self.hub.end_turn(now);
        failpoint::at_end_of_turn();
        self.carry_out(now);
        self.flush_dirty(now);
        self.metrics.publish(self.hub.stats(), self.timers.len());
        self.metrics.bytes_out.store(self.bytes_out, Relaxed);
        self.shrink_if_sparse();
        let done = self.draining && self.conns.is_empty();
        if self.aborted || done { Flow::Stop } else { Flow::Go }
    }

    /// How long the poll may sleep.
    fn patience(&mut self) -> Option<Duration> {
        let waits = !self.unread.is_empty() || !self.at_the_door.is_empty();
        let writes = !self.dirty.is_empty() || !self.large.is_empty() || !self.crowd.is_empty();
        if self.accepting == Accepting::More || waits || writes || std::mem::take(&mut self.restless) {
            return Some(Duration::ZERO);
        }
        let now = self.clock.tick();
        let next = [self.timers.next(), self.hub.deadline()].into_iter().flatten().min();
        let log = self.members.as_ref().and_then(MemberLog::deadline);
        let wait = next.into_iter().chain(log).min().map(|at| at - now);
        match self.accepting {
            Accepting::Exhausted => Some(wait.map_or(accept::BREATHER, |wait| wait.min(accept::BREATHER))),
            Accepting::Idle | Accepting::More => wait,
        }
    }

    /// Gives memory back when little is left of a crowd that was here, as the hub does.
    fn shrink_if_sparse(&mut self) {
        let load = self.conns.len() + self.timers.len();
        if load >= self.peak {
            self.peak = load;
        } else if self.peak > SMALL && load < self.peak / 4 {
            self.peak = load;
            self.dirty.shrink_to_fit();
            self.unread.shrink_to_fit();
            self.at_the_door.shrink_to_fit();
            self.large.shrink_to_fit();
            self.crowd.shrink_to_fit();
            self.effects.shrink_to_fit();
            self.write_buf.shrink_to_fit();
        }
    }

    fn read_mail(&mut self, now: Now) {
        for mail in self.exchange.take(self.id) {
            match mail {
                Mail::Note { from, note } => self.hub.note(from, &note, now),
                Mail::LinkUp(shard) => self.hub.link_up(shard),
                Mail::LinkDown(shard) => self.hub.link_down(shard, now),
                Mail::Keyring(keyring) => {
                    self.hub.set_keyring(&keyring, now);
                    self.admission.keyring = keyring;
                }
                Mail::Publish { message, reply } => {
                    let delivered = self.hub.publish_from_outside(
                        &message.app,
                        &message.channel,
                        &message.from,
                        &message.data,
                        message.metadata.as_deref(),
                    );
                    // Nobody waits any more when the request was given up.
                    let _ = reply.send(delivered);
                }
                Mail::Kick { app, peer, reply } => {
                    // Once for all shards; a kick over REST or from another node reaches all of them.
                    if self.id.number() == 0
                        && let Some(ice) = &self.admission.ice
                    {
                        ice.revoke(&app, &peer);
                    }
                    let _ = reply.send(self.hub.kick(&app, &peer, now));
                }
                Mail::List { app, channel, reply } => {
                    let _ = reply.send(self.hub.list_members(&app, &channel));
                }
                Mail::Look(look) => self.look(look, now),
                Mail::Drain => self.begin_drain(now),
                Mail::Abort => self.aborted = true,
            }
        }
    }
}
