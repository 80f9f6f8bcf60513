//! The body: threads with sockets, each with an engine of its own. A client stays with the thread that
//! the kernel gave its first packet to, so nothing is shared but books, nonces and the table of ports.

mod batch;
mod datagrams;
mod mailbox;
mod own;
mod stream;
mod streams;
mod wires;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::{Poll, Waker};
use peerhall_auth::turn::TurnSecret;
use peerhall_proto::ids::{AppId, PeerId};
use rustls::{ServerConfig, ServerConnection};

use self::datagrams::Kernel;
use self::mailbox::{Command, Mailbox};
use self::wires::Lot;
use self::worker::{Plan, WAKER};
use crate::accounts::Usage;
use crate::counters::{Counted, Counters};
use crate::engine::Common;
use crate::filter::PeerFilter;
use crate::options::{EngineOptions, RelayAddress};

/// Why there is no STUN and TURN service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen for STUN and TURN on {address}: {source}; choose another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No address to relay from.
    #[error("no address to relay from; name one of this machine")]
    NoRelayAddress,
    /// The operating system gives no randomness for nonces.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The system gives no thread, descriptor or event queue.
    #[error("cannot start STUN and TURN: {0}")]
    System(#[from] io::Error),
}

/// What a service is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where clients come to, over UDP and over TCP. Port 0 takes a free one. Up to 8.
    pub listen: Vec<SocketAddr>,
    /// What a client that begins with TLS is greeted with, on the same ports. Default none: such clients are
    /// turned away.
    pub tls: Option<Arc<ServerConfig>>,
    /// Realm, relay addresses and quotas. Without relay addresses those of `listen` are used, and where
    /// that is every address of the machine, the one it goes out with.
    pub engine: EngineOptions,
    /// Ports that relays may have. Default of the RFC: 49152 to 65535.
    pub ports: RangeInclusive<u16>,
    /// Who may be relayed to; the addresses of this machine are added.
    pub filter: PeerFilter,
    /// The secrets that passwords are made with.
    pub secrets: Vec<TurnSecret>,
    /// Connections over TCP and TLS that each thread holds at once; one more is closed. Default 8,192.
    pub streams: usize,
    /// Threads.
    pub threads: NonZeroUsize,
}

impl Setup {
    /// A service at `listen` with the defaults: every port from 49152 on, one thread for each processor,
    /// at most four.
    #[must_use]
    pub fn at(listen: SocketAddr, secret: TurnSecret) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            listen: vec![listen],
            tls: None,
            engine: EngineOptions::default(),
            ports: 49_152..=65_535,
            filter: PeerFilter::default(),
            secrets: vec![secret],
            streams: 8_192,
            threads: NonZeroUsize::new(processors.min(4)).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// A running service. Dropping it ends it: allocations are gone, threads joined.
#[derive(Debug)]
pub struct TurnServer {
    addresses: Vec<SocketAddr>,
    relays: EngineOptions,
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
}

impl TurnServer {
    /// Starts a service; when this returns, it listens.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what could not be had.
    pub fn start(setup: Setup) -> Result<Self, StartError> {
        let addresses = setup.listen.iter().map(|address| claim(*address)).collect::<Result<Vec<_>, _>>()?;
        let engine = with_relays(setup.engine, &addresses)?;
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| StartError::NoRandomness)?;
        let common = Common::new(engine.clone(), setup.secrets.into(), &key, Instant::now());
        let mut handle = Handle { common: common.clone(), workers: Arc::new([]), next: Arc::default() };
        let lot = Arc::<Lot>::default();
        let kernel = Kernel::ask()?;
        let ports = usize::try_from(engine.quotas.ports.get()).unwrap_or(usize::MAX);
        own::reserve_descriptors(ports.saturating_mul(setup.threads.get()));
        let mut workers = Vec::with_capacity(setup.threads.get());
        let mut prepared = Vec::with_capacity(setup.threads.get());
        for _ in 0..setup.threads.get() {
            let poll = Poll::new()?;
            let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKER)?, setup.streams));
            let counters = Arc::new(Counters::default());
            let plan = Plan {
                listen: addresses.clone(),
                common: common.clone(),
                filter: setup.filter.clone(),
                ports: setup.ports.clone(),
                mailbox: mailbox.clone(),
                counters: counters.clone(),
                lot: lot.clone(),
                kernel: kernel.clone(),
                tls: setup.tls.clone(),
                streams: setup.streams,
            };
            // Opened here, so that what cannot be had is an error of the start.
            let listeners = plan.listeners(poll.registry())?;
            workers.push(Peer { mailbox, counters });
            prepared.push((plan, poll, listeners));
        }
        handle.workers = workers.into();
        let mut threads = Vec::with_capacity(prepared.len());
        for (number, (plan, poll, listeners)) in prepared.into_iter().enumerate() {
            let name = format!("turn-{number}");
            let thread = std::thread::Builder::new().name(name).spawn(move || plan.run(poll, listeners));
            threads.push(thread?);
        }
        tracing::info!(listen = ?addresses, threads = threads.len(), "STUN and TURN");
        Ok(Self { addresses, relays: engine, handle, threads })
    }

    /// Where it listens, with the real ports, in the order of the setup.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that it relays from: IPv4 and IPv6.
    #[must_use]
    pub fn relays(&self) -> [Option<RelayAddress>; 2] {
        [self.relays.ipv4, self.relays.ipv6]
    }

    /// What other threads may ask of it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        self.handle.tell(|| Command::Stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a TURN thread panicked");
            }
        }
    }
}

#[derive(Debug)]
struct Peer {
    mailbox: Arc<Mailbox>,
    counters: Arc<Counters>,
}

/// What other threads may ask of a service. Cheap to clone; outlives the service, and then nothing happens.
#[derive(Debug, Clone)]
pub struct Handle {
    common: Common,
    workers: Arc<[Peer]>,
    next: Arc<AtomicUsize>,
}

/// A TCP connection that began elsewhere and turned out to be one of STUN.
#[derive(Debug)]
pub struct Adopted {
    /// The socket; nobody else reads or writes it any more.
    pub socket: TcpStream,
    /// Its TLS session, handshake done or not.
    pub session: Option<ServerConnection>,
    /// What was received and decrypted already.
    pub received: Vec<u8>,
    /// The client.
    pub from: SocketAddr,
}

impl Handle {
    /// Serves a connection as if it had come to a listener of this service. Returns at once; one too many
    /// is closed.
    pub fn adopt(&self, connection: Adopted) {
        let next = self.next.fetch_add(1, Relaxed) % self.workers.len().max(1);
        if let Some(worker) = self.workers.get(next) {
            worker.mailbox.put(Command::Adopt(Box::new(connection)));
        }
    }

    /// Ends all allocations of a peer and makes its credentials worthless: all that were handed out until
    /// now. `lifetime_secs` is the longest life of credentials.
    pub fn revoke(&self, app: &AppId, peer: &PeerId, lifetime_secs: u64) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let until = since.as_secs().saturating_add(lifetime_secs);
        self.common.accounts.revoke(app, peer, at_ms, until);
        self.tell(|| Command::Revoke(app.clone(), peer.clone()));
    }

    /// What all threads have done so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.workers.iter().map(|worker| worker.counters.read()).fold(Counted::default(), Counted::plus)
    }

    /// What every app has relayed since the start.
    #[must_use]
    pub fn apps(&self) -> Vec<Usage> {
        self.common.accounts.apps()
    }

    /// Who of an app is relayed now.
    #[must_use]
    pub fn peers(&self, app: &AppId) -> Vec<Usage> {
        self.common.accounts.peers(app)
    }

    fn tell(&self, command: impl Fn() -> Command) {
        self.workers.iter().for_each(|worker| worker.mailbox.put(command()));
    }
}

/// Finds out whether an address is free, and which port 0 becomes. The sockets of the threads share
/// their port, and would share it with another process too, so the question is asked with one that does
/// not share.
fn claim(address: SocketAddr) -> Result<SocketAddr, StartError> {
    let free = || -> io::Result<SocketAddr> {
        for _ in 0..16 {
            let stream = own::listener(address)?;
            let taken = stream.local_addr()?;
            match own::datagrams(SocketAddr::new(address.ip(), taken.port())) {
                Ok(socket) => return socket.local_addr(),
                // Free over TCP and not over UDP: another one.
                Err(error) if address.port() == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    };
    free().map_err(|source| StartError::Listen { address, source })
}

/// Finds the addresses to relay from where none were named.
fn with_relays(mut options: EngineOptions, listen: &[SocketAddr]) -> Result<EngineOptions, StartError> {
    if options.ipv4.is_none() && options.ipv6.is_none() {
        for address in listen {
            let Some(ip) = own::reachable(address.ip()) else { continue };
            let place = if ip.is_ipv4() { &mut options.ipv4 } else { &mut options.ipv6 };
            place.get_or_insert(RelayAddress::plain(ip));
        }
    }
    match (options.ipv4, options.ipv6) {
        (None, None) => Err(StartError::NoRelayAddress),
        (_, _) => Ok(options),
    }
}

#[cfg(test)]
mod tests;
