//! The running server: owns every thread, and nothing outlives it.

mod descriptors;

use std::fs::{File, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use peerhall_auth::keyring::{Keyring, KeyringError};
use peerhall_auth::resume::ResumeKey;
use peerhall_auth::turn::TurnSecret;
use peerhall_hub::{HubConfig, LostMember, ShardId};
use peerhall_turn::TurnServer;
use socket2::{Domain, Socket, Type};

use self::descriptors::Descriptors;
use crate::admission::Admission;
use crate::clock::{Clock, unix_ms};
use crate::cluster::{Bridge, Bus, Inbox, NodeId, Timing, ToBridge};
use crate::config::Config;
use crate::control::Control;
use crate::exchange::{Exchange, Mail, Way};
use crate::handover::{HttpPlane, HttpSockets};
use crate::http::{self, DevInfo, HttpState};
use crate::ice::IceServers;
use crate::member_log::{self, MemberLog};
use crate::metrics::Metrics;
use crate::shard::{Shard, ShardParts, WAKER};
use crate::storage::{self, AUDIT_WAITING, Storage, current_period};
use crate::store::{Revision, Store, StoreError};
use crate::tls::{self, TlsError};
use crate::turn;
use crate::usage::UsageBook;

/// Connections that may wait to be accepted: room for a thousand at once and more.
const BACKLOG: i32 = 4_096;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be read.
    #[error("cannot read the store: {0}")]
    Store(#[from] StoreError),
    /// The stored apps and keys do not fit together.
    #[error("the stored keys contradict each other: {0}")]
    Keys(#[from] KeyringError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// STUN and TURN cannot be served.
    #[error(transparent)]
    Turn(#[from] peerhall_turn::StartError),
    /// Another server runs on the data folder.
    #[error("another server uses {folder}; stop it first, or choose another folder with --data")]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The log of members in the data folder cannot be read or begun.
    #[error("cannot use the member log in {folder}: {source}")]
    MemberLog {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread, descriptor or event queue.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running server. Dropping it without [`drain`](Self::drain) ends it as a crash would.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    exchange: Exchange,
    shards: Vec<JoinHandle<()>>,
    http: Option<JoinHandle<()>>,
    http_stop: Option<tokio::sync::oneshot::Sender<()>>,
    storage: Storage,
    ready: Arc<AtomicBool>,
    bridge: Option<BridgeThread>,
    turn: Option<TurnServer>,
    /// Held while the server runs; the system lets go of it however the process ends.
    _folder: Option<File>,
}

/// The thread that talks to other nodes.
#[derive(Debug)]
struct BridgeThread {
    node: NodeId,
    sender: mpsc::Sender<ToBridge>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Starts a server; when this returns, it listens.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what could not be had.
    pub fn start(config: Config, store: Box<dyn Store>) -> Result<Self, StartError> {
        Self::start_with(config, store, None)
    }

    /// Starts a server whose page shows a key to try it with: `peerhall dev`.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what could not be had.
    pub fn start_dev(config: Config, store: Box<dyn Store>, dev: DevInfo) -> Result<Self, StartError> {
        Self::start_with(config, store, Some(dev))
    }

    fn start_with(
        config: Config,
        mut store: Box<dyn Store>,
        dev: Option<DevInfo>,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let folder = config.data_dir.as_deref().map(take_folder).transpose()?;
        let Known { revision, keyring, usage, resume, relay } = Known::read(&mut *store)?;
        let tls = config.tls.as_ref().map(tls::load).transpose()?;
        let listener = listen(config.listen)?;
        let address = listener.local_addr()?;
        let count = shard_count(&config);
        let relayed = turn::setup(&config.turn, &relay, tls.clone());
        let limits = Descriptors::of(&config, relayed.as_ref().map_or(0, turn::most_descriptors));

        let polls = (0..count).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), WAKER));
        let exchange = Exchange::new(wakers.collect::<io::Result<_>>()?);
        let (trail, audit) = mpsc::sync_channel(AUDIT_WAITING);
        let control = Control::new(exchange.clone(), usage.clone(), keyring.clone()).audited(trail);
        let ready = Arc::new(AtomicBool::new(true));
        let (http, sockets) = HttpPlane::new();
        let turn = relayed.map(|setup| turn::start(&config.turn, setup, limits.relay)).transpose()?;
        let metrics = Metrics::new(count).with_relay(turn.as_ref().map(TurnServer::handle));
        let ice = IceServers::new(&config, turn.as_ref().map(|server| (server, relay))).map(Arc::new);
        let admission = Admission {
            config: config.clone(),
            keyring,
            addresses: Arc::default(),
            usage: usage.clone(),
            resume,
            ice,
        };
        let parts = Parts {
            config: &config,
            admission,
            exchange: exchange.clone(),
            http,
            tls,
            metrics: metrics.clone(),
        };
        let shards = parts.shards(polls, &listener, limits.websockets)?;
        let dev = dev.map(|dev| dev.listening(address.port(), config.tls.is_some()));
        let (orders, inbox) = storage::orders();
        let state = HttpState {
            control: control.clone(),
            metrics,
            config,
            readiness: ready.clone(),
            dev,
            orders: orders.clone(),
            relay: turn.as_ref().map(TurnServer::handle),
        };
        let (http_stop, stopped) = tokio::sync::oneshot::channel();
        let http = start_http(sockets, state, limits.http, stopped)?;
        let storage = Storage::start((orders, inbox), store, revision, control, usage, audit)?;
        let shards = shards.into_iter().map(start_shard).collect::<io::Result<_>>()?;
        tracing::info!(%address, shards = count, "listening");
        Ok(Self {
            address,
            exchange,
            shards,
            http: Some(http),
            http_stop: Some(http_stop),
            storage,
            ready,
            bridge: None,
            turn,
            _folder: folder,
        })
    }

    /// Joins other nodes on a bus. To be called once, before clients come.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no randomness.
    pub fn join_cluster(&mut self, bus: Arc<dyn Bus>, timing: Timing) -> io::Result<NodeId> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let node = NodeId::new(u64::from_be_bytes(random));
        let (sender, inbox) = mpsc::channel();
        let bridge = Bridge::new(node, bus.clone(), self.exchange.clone(), timing, sender.clone());
        self.exchange.connect(Way { sender: sender.clone(), answer_within: timing.answer_within });
        bus.join(node, Inbox(sender.clone()));
        let thread = std::thread::Builder::new().name("cluster".into()).spawn(move || bridge.run(&inbox))?;
        self.bridge = Some(BridgeThread { node, sender, thread });
        Ok(node)
    }

    /// This run's number in the cluster, when it is in one.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        self.bridge.as_ref().map(|bridge| bridge.node)
    }

    /// The address that is listened on, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where STUN and TURN are listened for, with the real ports; empty when that is off.
    #[must_use]
    pub fn turn_addrs(&self) -> &[SocketAddr] {
        self.turn.as_ref().map_or(&[], TurnServer::addresses)
    }

    /// Runs `job` with the store, on the storage thread, and waits until the changes it made are in
    /// force. `None` when the server has ended.
    pub fn with_store<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> R + Send + 'static,
    ) -> Option<R> {
        self.storage.with(job)
    }

    /// Stops politely: refuses newcomers, says goodbye to everybody and closes all connections (wire
    /// protocol, section 15). Returns when that is done.
    pub fn drain(mut self) {
        tracing::info!("draining");
        self.ready.store(false, Ordering::Release);
        // The other nodes announce the departures at once (D27).
        self.leave_cluster(ToBridge::Stop);
        self.exchange.put_all(|| Mail::Drain);
        self.join();
        tracing::info!("stopped");
    }

    fn leave_cluster(&mut self, how: ToBridge) {
        let Some(bridge) = self.bridge.take() else { return };
        let _ = bridge.sender.send(how);
        if bridge.thread.join().is_err() {
            tracing::error!("the cluster thread panicked");
        }
    }

    fn join(&mut self) {
        for thread in self.shards.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
        drop(self.http_stop.take());
        if self.http.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the HTTP plane panicked");
        }
        // Last: calls that are relayed go on while their signalling says goodbye.
        drop(self.turn.take());
        self.storage.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.shards.is_empty() {
            self.leave_cluster(ToBridge::Abort);
            self.exchange.put_all(|| Mail::Abort);
            self.join();
        }
    }
}

/// What the store knows at the start.
struct Known {
    revision: Revision,
    keyring: Arc<Keyring>,
    usage: Arc<UsageBook>,
    resume: ResumeKey,
    relay: TurnSecret,
}

impl Known {
    fn read(store: &mut dyn Store) -> Result<Self, StartError> {
        let snapshot = store.load()?;
        let usage = Arc::new(UsageBook::default());
        for app in &snapshot.apps {
            usage.resume(&app.id, store.usage(&app.id, current_period().start)?);
        }
        Ok(Self {
            revision: snapshot.revision,
            keyring: Arc::new(Keyring::new(snapshot.apps, snapshot.keys)?),
            usage,
            resume: ResumeKey::new(*store.secret("resume")?.expose()),
            relay: turn::secret_of(store.secret(turn::SECRET_NAME)?.expose()),
        })
    }
}

/// What all shards have in common.
struct Parts<'a> {
    config: &'a Config,
    admission: Admission,
    exchange: Exchange,
    http: HttpPlane,
    tls: Option<Arc<rustls::ServerConfig>>,
    metrics: Metrics,
}

impl Parts<'_> {
    fn shards(
        self,
        polls: Vec<Poll>,
        listener: &TcpListener,
        max_connections: usize,
    ) -> Result<Vec<Shard>, StartError> {
        let clock = Clock::start();
        let lost = self.lost_members()?;
        let mut shards = Vec::with_capacity(polls.len());
        for (number, poll) in polls.into_iter().enumerate() {
            let Some(id) = ShardId::new(number) else { break };
            let metrics = self.metrics.shards().get(number).cloned().unwrap_or_default();
            let mut shard = Shard::new(ShardParts {
                id,
                poll,
                listener: listener.try_clone()?,
                hub_config: hub_config(self.config),
                admission: self.admission.clone(),
                exchange: self.exchange.clone(),
                clock,
                http: self.http.clone(),
                tls: self.tls.clone(),
                members: self.member_log(number)?,
                metrics,
                all_metrics: self.metrics.clone(),
                max_connections,
            })?;
            // Every shard is told: a direct to somebody who is on the way back may come to any of them.
            shard.recover(lost.clone());
            shards.push(shard);
        }
        Ok(shards)
    }

    fn lost_members(&self) -> Result<Vec<LostMember>, StartError> {
        let Some(folder) = &self.config.data_dir else { return Ok(Vec::new()) };
        member_log::recover(folder, unix_ms())
            .map_err(|source| StartError::MemberLog { folder: folder.clone(), source })
    }

    fn member_log(&self, shard: usize) -> Result<Option<MemberLog>, StartError> {
        let Some(folder) = &self.config.data_dir else { return Ok(None) };
        MemberLog::create(folder, shard)
            .map(Some)
            .map_err(|source| StartError::MemberLog { folder: folder.clone(), source })
    }
}

/// Takes the data folder for this server alone: two would write the same log of members. The command
/// line may still change keys in it.
fn take_folder(folder: &Path) -> Result<File, StartError> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("server.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn shard_count(config: &Config) -> usize {
    let wanted = config.shards.or_else(|| std::thread::available_parallelism().ok());
    wanted.map_or(1, std::num::NonZeroUsize::get).min(ShardId::MAX)
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(|source| StartError::Listen { address, source })
}

fn start_shard(shard: Shard) -> io::Result<JoinHandle<()>> {
    let name = format!("shard-{}", shard.number());
    std::thread::Builder::new().name(name).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| shard.run())).is_err() {
            // What the other shards know of this one would never be corrected. The next start knows who
            // was where, and nobody is announced as gone; without this half a server would linger.
            tracing::error!("a shard panicked: the process ends, so that it can be started anew");
            std::process::abort();
        }
    })
}

fn start_http(
    sockets: HttpSockets,
    state: HttpState,
    max_connections: usize,
    stopped: tokio::sync::oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("http".into()).spawn(move || {
        runtime.block_on(async {
            let router = http::router(state);
            // The sender is dropped, which is the signal, when the server ends.
            tokio::select! {
                () = sockets.serve(router, max_connections) => {}
                _ = stopped => {}
            }
        });
    })
}

fn hub_config(config: &Config) -> HubConfig {
    HubConfig {
        max_message_bytes: config.limits.max_message_bytes,
        max_data_depth: config.limits.max_data_depth.map_or(0, std::num::NonZeroUsize::get),
        channels_per_connection: config.limits.channels_per_connection.get(),
        frames_per_second: config.limits.frames_per_second.map_or(0.0, |rate| rate.get()),
        frame_burst: f64::from(config.limits.frame_burst.get()),
        pause: config.presence.pause,
        linger: config.presence.linger,
        remember: config.data_dir.is_some(),
        ..HubConfig::default()
    }
}
