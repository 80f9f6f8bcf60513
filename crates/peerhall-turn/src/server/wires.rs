//! What the engine asks for, done with the sockets of one thread.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use mio::{Interest, Registry};

use super::batch::{Batch, Batches, Exit};
use super::datagrams::{Datagrams, Kernel};
use super::own::{self, Target};
use super::streams::Streams;
use super::worker::{Plan, relay_token};
use crate::engine::{Client, Family, Outside, Ports, RelayId, Transport};
use crate::options::EngineOptions;

/// Random ports that are tried for one relay, some microseconds each. With nine tenths of the range in use, by
/// whomever, all are taken once in 500 billion times.
const TRIES: usize = 256;

/// Ports that are kept under a token, for whichever thread the client with that token comes to.
#[derive(Default)]
pub(super) struct Lot(Mutex<HashMap<u64, Datagrams>>);

impl Lot {
    fn put(&self, token: u64, socket: Datagrams) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, socket);
    }

    fn take(&self, token: u64) -> Option<Datagrams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&token)
    }
}

/// The sockets of one thread.
pub(super) struct Wires<'p> {
    lot: &'p Lot,
    registry: &'p Registry,
    kernel: &'p Kernel,
    options: &'p EngineOptions,
    ports: RangeInclusive<u16>,
    listeners: Vec<Datagrams>,
    relays: Vec<Option<Datagrams>>,
    pub(super) streams: Streams,
    batches: Batches,
    lost: u64,
}

impl<'p> Wires<'p> {
    pub(super) fn new(
        registry: &'p Registry,
        plan: &'p Plan,
        listeners: Vec<Datagrams>,
        streams: Streams,
    ) -> Self {
        Self {
            lot: &plan.lot,
            registry,
            kernel: &plan.kernel,
            options: &plan.common.options,
            ports: plan.ports.clone(),
            listeners,
            relays: Vec::new(),
            streams,
            batches: Batches::default(),
            lost: 0,
        }
    }

    /// What sockets are watched with.
    pub(super) fn registry(&self) -> &'p Registry {
        self.registry
    }

    pub(super) fn listener(&self, number: usize) -> Option<&Datagrams> {
        self.listeners.get(number)
    }

    pub(super) fn relay(&self, relay: RelayId) -> Option<&Datagrams> {
        self.relays.get(index(relay))?.as_ref()
    }

    /// Sends everything that was collected. Returns how many datagrams the kernel did not take since the
    /// last time.
    pub(super) fn flush(&mut self) -> u64 {
        let (sockets, lost) = (Sockets { listeners: &self.listeners, relays: &self.relays }, &mut self.lost);
        self.batches.flush(|batch| sockets.send(batch, lost));
        std::mem::take(&mut self.lost)
    }

    fn push(&mut self, exit: Exit, to: SocketAddr, parts: [&[u8]; 2]) {
        let (sockets, lost) = (Sockets { listeners: &self.listeners, relays: &self.relays }, &mut self.lost);
        let Some(socket) = sockets.of(exit) else { return };
        let max = socket.max_segments();
        self.batches.push(exit, to, parts, max, |batch| sockets.send(batch, lost));
    }

    /// Opens one port of the range; `None` when it is taken.
    fn bind(&self, address: SocketAddr) -> io::Result<Datagrams> {
        Datagrams::new(own::relay(address)?, self.kernel, Target::Known)
    }

    fn keep(&mut self, relay: RelayId, mut socket: Datagrams) -> io::Result<()> {
        self.registry.register(&mut socket.socket, relay_token(relay), Interest::READABLE)?;
        let place = index(relay);
        if self.relays.len() <= place {
            self.relays.resize_with(place + 1, || None);
        }
        if let Some(place) = self.relays.get_mut(place) {
            *place = Some(socket);
        }
        Ok(())
    }

    fn open(&mut self, relay: RelayId, address: std::net::IpAddr, ports: Ports) -> io::Result<u16> {
        let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let port = self.random_port(ports)?;
            let at = |port| SocketAddr::new(address, port);
            let opened = match ports {
                Ports::Any | Ports::Even => self.bind(at(port)).and_then(|socket| self.keep(relay, socket)),
                Ports::EvenAndReserve(token) => self.bind(at(port)).and_then(|first| {
                    let second = self.bind(at(port.saturating_add(1)))?;
                    self.keep(relay, first)?;
                    self.lot.put(token, second);
                    Ok(())
                }),
            };
            match opened {
                Ok(()) => return Ok(port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// From the operating system, because whoever guesses the port of a stranger can send to it
    /// (CVE-2025-69217).
    fn random_port(&self, ports: Ports) -> io::Result<u16> {
        let (first, last) = (u32::from(*self.ports.start()), u32::from(*self.ports.end()));
        let span = (last + 1).saturating_sub(first).max(1);
        let port = first + getrandom::u32().map_err(io::Error::other)? % span;
        let port = match ports {
            Ports::Any => port,
            Ports::Even | Ports::EvenAndReserve(_) => port & !1,
        };
        u16::try_from(port).map_err(io::Error::other)
    }
}

impl Outside for Wires<'_> {
    fn to_client(&mut self, client: Client, parts: [&[u8]; 2]) {
        match client.transport {
            Transport::Datagrams { listener, local } => {
                self.push(Exit::Listener(listener, local), client.from, parts);
            }
            Transport::Stream(_) | Transport::Secure(_) => {
                self.lost += u64::from(!self.streams.push(client, parts))
            }
        }
    }

    fn to_peer(&mut self, relay: RelayId, peer: SocketAddr, payload: &[u8]) {
        self.push(Exit::Relay(relay), peer, [payload, &[]]);
    }

    fn open_relay(&mut self, relay: RelayId, family: Family, ports: Ports) -> Option<u16> {
        let address = match family {
            Family::Ipv4 => self.options.ipv4?,
            Family::Ipv6 => self.options.ipv6?,
        };
        match self.open(relay, address.bound, ports) {
            Ok(port) => Some(port),
            Err(error) => {
                tracing::warn!(%error, "cannot open a relay port");
                None
            }
        }
    }

    fn redeem(&mut self, token: u64, relay: RelayId) -> bool {
        self.lot.take(token).is_some_and(|socket| self.keep(relay, socket).is_ok())
    }

    fn forget(&mut self, token: u64) {
        drop(self.lot.take(token));
    }

    fn close_relay(&mut self, relay: RelayId) {
        let (sockets, lost) = (Sockets { listeners: &self.listeners, relays: &self.relays }, &mut self.lost);
        self.batches.forget(relay, |batch| sockets.send(batch, lost));
        let Some(place) = self.relays.get_mut(index(relay)) else { return };
        if let Some(mut socket) = place.take()
            && let Err(error) = self.registry.deregister(&mut socket.socket)
        {
            tracing::debug!(%error, "a relay port was not registered");
        }
        while self.relays.last().is_some_and(Option::is_none) {
            self.relays.pop();
        }
        if self.relays.len() < self.relays.capacity() / 4 {
            self.relays.shrink_to(64.max(2 * self.relays.len()));
        }
    }
}

/// The sockets alone, while a batch is being put together.
struct Sockets<'w> {
    listeners: &'w [Datagrams],
    relays: &'w [Option<Datagrams>],
}

impl Sockets<'_> {
    fn of(&self, exit: Exit) -> Option<&Datagrams> {
        match exit {
            Exit::Listener(number, _) => self.listeners.get(usize::from(number)),
            Exit::Relay(relay) => self.relays.get(index(relay))?.as_ref(),
        }
    }

    fn send(&self, batch: &Batch, lost: &mut u64) {
        let from = match batch.exit {
            Exit::Listener(_, from) => from,
            Exit::Relay(_) => None,
        };
        let Some(socket) = self.of(batch.exit) else { return };
        *lost += socket.send(batch.to, from, &batch.bytes, batch.segment);
    }
}

fn index(relay: RelayId) -> usize {
    usize::try_from(relay.0).unwrap_or(usize::MAX)
}
