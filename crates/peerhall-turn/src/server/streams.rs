//! The TCP connections of one thread. One without an allocation is a guest: there are only so many of one
//! address, and each has so long to prove itself.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry};
use rustls::{ServerConfig, ServerConnection};

use super::stream::Stream;
use super::worker::stream_token;
use crate::engine::{Client, Transport};
use crate::slots::Slots;

/// Guests of one address (of IPv6: one /64) on one thread. An office behind one address joins a call
/// together, each with a connection for each peer.
const MAX_GUESTS: u32 = 256;

/// How long a connection may be without an allocation. A client that only asks for its address is answered
/// and gone by then.
const GUEST_LIFE: Duration = Duration::from_secs(30);

/// How long the rest of a message may take, and a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bits of a connection's number that are its place in the table.
const PLACE_BITS: u32 = 24;

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The buffer is filled so far, what had been left over in front.
    Filled(usize),
    /// Nothing more for now.
    Nothing,
    /// The connection is over.
    End,
}

/// The connections.
pub(super) struct Streams {
    table: Slots<Stream>,
    guests: HashMap<IpAddr, u32>,
    dirty: Vec<u32>,
    begun: u64,
    /// Connections that there may be.
    most: usize,
    tls: Option<Arc<ServerConfig>>,
}

impl Streams {
    /// None yet, and never more than `most`. Without `tls`, encrypted ones are turned away.
    pub(super) fn new(tls: Option<Arc<ServerConfig>>, most: usize) -> Self {
        let (table, guests) = (Slots::default(), HashMap::new());
        Self { table, guests, dirty: Vec::new(), begun: 0, most, tls }
    }

    /// Takes in a connection that was just accepted. Returns its place; `None` when there is no room for
    /// it, and then it is closed.
    ///
    /// # Errors
    ///
    /// What the system says about a socket that is gone already.
    pub(super) fn accept(
        &mut self,
        registry: &Registry,
        socket: TcpStream,
        from: SocketAddr,
        now: Instant,
    ) -> io::Result<Option<u32>> {
        self.admit(registry, from, |id| Stream::accepted(socket, from, id, now))
    }

    /// The same for one that began elsewhere in this process.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub(super) fn adopt(
        &mut self,
        registry: &Registry,
        socket: TcpStream,
        session: Option<ServerConnection>,
        from: SocketAddr,
        now: Instant,
    ) -> io::Result<Option<u32>> {
        self.admit(registry, from, |id| Stream::accepted(socket, from, id, now).adopted(session))
    }

    fn admit(
        &mut self,
        registry: &Registry,
        from: SocketAddr,
        make: impl FnOnce(u64) -> Stream,
    ) -> io::Result<Option<u32>> {
        let guests = self.guests.get(&source(from)).copied().unwrap_or(0);
        if self.table.len() >= self.most || guests >= MAX_GUESTS {
            return Ok(None);
        }
        let Some(place) = self.table.next() else { return Ok(None) };
        self.begun += 1;
        let mut stream = make(self.begun << PLACE_BITS | u64::from(place));
        // Without it small messages wait for acknowledgements of earlier ones.
        stream.socket.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream.socket, stream_token(place), interest)?;
        self.guests.insert(source(from), guests + 1);
        Ok(self.table.insert(stream))
    }

    /// Reads from a connection into `buffer`, behind what was left over last time.
    pub(super) fn read(&mut self, place: u32, buffer: &mut [u8]) -> Read {
        let Some(stream) = self.table.get_mut(place) else { return Read::Nothing };
        let kept = stream.tail.len();
        let Some(room) = buffer.get_mut(kept..) else { return Read::End };
        let read = loop {
            match stream.read(room, self.tls.as_ref()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => Read::End,
            Ok(count) => {
                let tail = std::mem::take(&mut stream.tail);
                buffer.get_mut(..kept).unwrap_or_default().copy_from_slice(&tail);
                Read::Filled(kept + count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => Read::End,
        }
    }

    /// Keeps what was no whole message yet, and notes whether its client has an allocation.
    pub(super) fn settle(&mut self, place: u32, rest: &[u8], serves: bool, now: Instant) {
        let Some(stream) = self.table.get_mut(place) else { return };
        stream.tail = rest.to_vec();
        stream.partial_since = if rest.is_empty() { None } else { stream.partial_since.or(Some(now)) };
        self.judge(place, serves, now);
    }

    fn judge(&mut self, place: u32, serves: bool, now: Instant) {
        let Some(stream) = self.table.get_mut(place) else { return };
        let guests = self.guests.entry(source(stream.client.from)).or_default();
        match (stream.idle_since, serves) {
            (Some(_), true) => {
                stream.idle_since = None;
                *guests = guests.saturating_sub(1);
            }
            (None, false) => {
                stream.idle_since = Some(now);
                *guests += 1;
            }
            (Some(_), false) | (None, true) => {}
        }
        if *guests == 0 {
            self.guests.remove(&source(stream.client.from));
        }
    }

    /// Queues a message for a client; it leaves at the end of the turn. Says whether there was room.
    pub(super) fn push(&mut self, client: Client, parts: [&[u8]; 2]) -> bool {
        let Some(place) = place_of(client) else { return false };
        let Some(stream) = self.table.get_mut(place).filter(|stream| stream.client == client) else {
            return false;
        };
        if !std::mem::replace(&mut stream.dirty, true) {
            self.dirty.push(place);
        }
        stream.queue(parts)
    }

    /// A connection may take more.
    pub(super) fn mark(&mut self, place: u32) {
        if let Some(stream) = self.table.get_mut(place)
            && !std::mem::replace(&mut stream.dirty, true)
        {
            self.dirty.push(place);
        }
    }

    /// Writes what is queued. Returns the connections that are lost.
    pub(super) fn flush(&mut self, now: Instant) -> Vec<u32> {
        let mut lost = Vec::new();
        for place in self.dirty.drain(..) {
            let Some(stream) = self.table.get_mut(place) else { continue };
            stream.dirty = false;
            if stream.flush(now).is_err() {
                lost.push(place);
            }
        }
        lost
    }

    /// Connections whose time is up: guests, halves of messages, readers that take nothing.
    pub(super) fn overdue(&mut self, now: Instant, serves: impl Fn(Client) -> bool) -> Vec<u32> {
        let places: Vec<(u32, bool)> =
            self.table.iter().map(|(place, stream)| (place, serves(stream.client))).collect();
        places.iter().for_each(|(place, serves)| self.judge(*place, *serves, now));
        let older = |since: Option<Instant>, life| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= life)
        };
        let is_over = |stream: &Stream| {
            older(stream.idle_since, GUEST_LIFE)
                || older(stream.partial_since, PATIENCE)
                || older(stream.blocked_since, PATIENCE)
        };
        self.table.iter().filter(|(_, stream)| is_over(stream)).map(|(place, _)| place).collect()
    }

    /// Ends a connection. Returns whose it was.
    pub(super) fn close(&mut self, registry: &Registry, place: u32) -> Option<Client> {
        // The books say how many guests there are; one that leaves is one no more.
        self.judge(place, true, Instant::now());
        let mut stream = self.table.remove(place)?;
        stream.finish();
        if let Err(error) = registry.deregister(&mut stream.socket) {
            tracing::debug!(%error, "a connection was not registered");
        }
        Some(stream.client)
    }

    /// Whose a connection is.
    pub(super) fn client(&self, place: u32) -> Option<Client> {
        self.table.get(place).map(|stream| stream.client)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}

fn place_of(client: Client) -> Option<u32> {
    match client.transport {
        Transport::Stream(id) | Transport::Secure(id) => u32::try_from(id & ((1 << PLACE_BITS) - 1)).ok(),
        Transport::Datagrams { .. } => None,
    }
}

/// What counts as one source.
fn source(from: SocketAddr) -> IpAddr {
    match from.ip().to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}
