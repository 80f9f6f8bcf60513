//! The loop of one thread: wait, receive everything that is there, let the engine decide, send once at
//! the end of the turn.

mod connections;

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Registry, Token};
use rustls::ServerConfig;

use super::StartError;
use super::datagrams::{Buffers, Datagrams, Kernel, Rest};
use super::mailbox::{Command, Mailbox};
use super::own::{self, Target};
use super::streams::Streams;
use super::wires::{Lot, Wires};
use crate::counters::{Counted, Counters};
use crate::engine::{Client, Common, Engine, Now, RelayId, Transport};
use crate::filter::PeerFilter;

/// Token of the mailbox's waker.
pub(super) const WAKER: Token = Token(usize::MAX);

/// Kinds of sockets, in the low bits of their tokens.
const LISTENER: usize = 0;
const RELAY: usize = 1;
const STREAM: usize = 2;
const ACCEPTOR: usize = 3;
const KIND_BITS: u32 = 2;

/// Readiness events taken in one turn.
const EVENTS: usize = 1_024;

/// Receive calls that one socket gets in a turn before the others have theirs.
const MAX_CALLS: usize = 8;

/// Datagrams received in one call from a relay port: each has one peer or a few, and preparing room for
/// more costs more than it brings.
const RELAY_BATCH: usize = 8;

/// How often the addresses of this machine are looked up again, which peers must not reach.
const OWN_ADDRESSES_EVERY: Duration = Duration::from_secs(60);

/// The token of a relay port.
pub(super) fn relay_token(relay: RelayId) -> Token {
    token(RELAY, usize::try_from(relay.0).unwrap_or(usize::MAX >> KIND_BITS))
}

/// The token of a connection.
pub(super) fn stream_token(place: u32) -> Token {
    token(STREAM, usize::try_from(place).unwrap_or(usize::MAX >> KIND_BITS))
}

const fn token(kind: usize, number: usize) -> Token {
    Token(number << KIND_BITS | kind)
}

/// What a thread is made of, and is made of again should it ever panic.
pub(super) struct Plan {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) common: Common,
    pub(super) filter: PeerFilter,
    pub(super) ports: RangeInclusive<u16>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) counters: Arc<Counters>,
    pub(super) lot: Arc<Lot>,
    pub(super) kernel: Kernel,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) streams: usize,
}

/// What a thread listens on, for datagrams and for connections, in the order of [`Plan::listen`].
pub(super) struct Listeners {
    datagrams: Vec<Datagrams>,
    acceptors: Vec<TcpListener>,
}

impl Plan {
    /// Opens the listeners of a thread.
    pub(super) fn listeners(&self, registry: &Registry) -> Result<Listeners, StartError> {
        let mut listeners = Listeners { datagrams: Vec::new(), acceptors: Vec::new() };
        for (number, address) in self.listen.iter().enumerate() {
            let mut open = || -> io::Result<()> {
                let target = if address.ip().is_unspecified() { Target::Asked } else { Target::Known };
                let socket = own::shared_datagrams(*address)?;
                let mut socket = Datagrams::new(socket, &self.kernel, target)?;
                registry.register(&mut socket.socket, token(LISTENER, number), Interest::READABLE)?;
                let mut acceptor = TcpListener::from_std(own::shared_listener(*address)?);
                registry.register(&mut acceptor, token(ACCEPTOR, number), Interest::READABLE)?;
                listeners.datagrams.push(socket);
                listeners.acceptors.push(acceptor);
                Ok(())
            };
            open().map_err(|source| StartError::Listen { address: *address, source })?;
        }
        Ok(listeners)
    }

    /// Serves until it is told to stop. Should a turn panic, the allocations of this thread are lost and
    /// its clients start anew; those of the others, and the rest of the process, go on.
    pub(super) fn run(self, mut poll: Poll, listeners: Listeners) {
        let mut listeners = Some(listeners);
        loop {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(&mut poll, listeners.take())));
            match served {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::error!(%error, "a TURN thread cannot go on"),
                Err(_) => tracing::error!("a TURN thread panicked; its clients have to start anew"),
            }
            // Whatever is wrong is not to be tried again as fast as the machine can.
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn serve(&self, poll: &mut Poll, listeners: Option<Listeners>) -> Result<(), StartError> {
        let registry = poll.registry().try_clone()?;
        let Listeners { datagrams, acceptors } = listeners.map_or_else(|| self.listeners(&registry), Ok)?;
        let streams = Streams::new(self.tls.clone(), self.streams);
        let wires = Wires::new(&registry, self, datagrams, streams);
        let now = now();
        let seed = getrandom::u64().map_err(|_| StartError::NoRandomness)?;
        let engine = Engine::new(self.common.clone(), self.filter(), seed, now.at);
        let worker = Worker {
            plan: self,
            engine,
            wires,
            acceptors,
            buffers: Buffers::new(),
            stream_buffer: vec![0; connections::BUFFER_BYTES].into(),
            unread: Vec::new(),
            sweep_at: now.at,
            look_again_at: now.at + OWN_ADDRESSES_EVERY,
        };
        worker.run(poll)
    }

    fn filter(&self) -> PeerFilter {
        let mut filter = self.filter.clone();
        filter.own.extend(own::addresses());
        filter
    }
}

/// One thread at work.
struct Worker<'p> {
    plan: &'p Plan,
    engine: Engine,
    wires: Wires<'p>,
    acceptors: Vec<TcpListener>,
    buffers: Buffers,
    /// What connections are read into, one after the other.
    stream_buffer: Box<[u8]>,
    /// Sockets that had more than one turn gives them.
    unread: Vec<Token>,
    /// When connections are looked through next, while there are any.
    sweep_at: Instant,
    look_again_at: Instant,
}

impl Worker<'_> {
    fn run(mut self, poll: &mut Poll) -> Result<(), StartError> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let patience = if self.unread.is_empty() { self.patience() } else { Duration::ZERO };
            if let Err(error) = poll.poll(&mut events, Some(patience))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            let now = now();
            for socket in std::mem::take(&mut self.unread) {
                self.read(socket, now);
            }
            let mut called = false;
            for event in &events {
                match event.token() {
                    WAKER => called = true,
                    socket => {
                        self.may_write(socket);
                        self.read(socket, now);
                    }
                }
            }
            if called && self.obey(now) {
                return Ok(());
            }
            self.tidy(now.at);
        }
    }

    /// Reads a socket until it is empty or has had its share of this turn.
    fn read(&mut self, socket: Token, now: Now) {
        let number = socket.0 >> KIND_BITS;
        for _ in 0..MAX_CALLS {
            let rest = match socket.0 & ((1 << KIND_BITS) - 1) {
                LISTENER => self.read_listener(number, now),
                RELAY => self.read_relay(number, now),
                STREAM => self.read_stream(number, now),
                _ => self.accept(number, now),
            };
            if rest == Rest::Nothing {
                return;
            }
        }
        self.unread.push(socket);
    }

    fn read_listener(&mut self, number: usize, now: Now) -> Rest {
        let Self { plan, engine, wires, buffers, .. } = self;
        let (Some(socket), Some(address)) = (wires.listener(number), plan.listen.get(number)) else {
            return Rest::Nothing;
        };
        let Ok(listener) = u8::try_from(number) else { return Rest::Nothing };
        let rest = socket.receive(buffers, usize::MAX);
        for received in buffers.received() {
            let local = if address.ip().is_unspecified() { received.to } else { None };
            let transport = Transport::Datagrams { listener, local };
            let client = Client { from: received.from, transport };
            received.datagrams().for_each(|datagram| engine.receive(now, client, datagram, wires));
        }
        rest
    }

    fn read_relay(&mut self, number: usize, now: Now) -> Rest {
        let Self { engine, wires, buffers, .. } = self;
        let Ok(relay) = u32::try_from(number).map(RelayId) else { return Rest::Nothing };
        let Some(socket) = wires.relay(relay) else { return Rest::Nothing };
        let rest = socket.receive(buffers, RELAY_BATCH);
        for received in buffers.received() {
            let from = received.from;
            received
                .datagrams()
                .for_each(|payload| engine.receive_from_peer(now, relay, from, payload, wires));
        }
        rest
    }

    /// Does what other threads ask for. Says whether to stop.
    fn obey(&mut self, now: Now) -> bool {
        let mut stop = false;
        for command in self.plan.mailbox.take() {
            match command {
                Command::Revoke(app, peer) => {
                    self.engine.revoke(&app, &peer, &mut self.wires);
                }
                Command::Adopt(connection) => self.adopt(*connection, now),
                Command::Stop => stop = true,
            }
        }
        stop
    }

    /// What stands at the end of a turn.
    fn tidy(&mut self, now: Instant) {
        self.engine.on_deadline(now, &mut self.wires);
        self.sweep(now);
        for _ in 0..self.wires.flush() {
            self.engine.lost();
        }
        self.flush_streams(now);
        if now >= self.look_again_at {
            self.look_again_at = now + OWN_ADDRESSES_EVERY;
            self.engine.set_filter(self.plan.filter());
        }
        let streams = self.wires.streams.len() as u64;
        self.plan.counters.publish(&Counted { streams, ..self.engine.counted() });
    }

    fn patience(&self) -> Duration {
        let mut next = self.engine.deadline().map_or(self.look_again_at, |at| at.min(self.look_again_at));
        if self.wires.streams.len() > 0 {
            next = next.min(self.sweep_at);
        }
        next.saturating_duration_since(Instant::now())
    }
}

fn now() -> Now {
    let unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Now { at: Instant::now(), unix_secs }
}
