//! The loop between an engine of `peerhall-core` and the world: what the engine wants is done here, and
//! what happens is told to it. Nothing is decided here.
//!
//! Handles call the engine directly, under a lock that is held for the call alone; the loop, one task for
//! each client or peer, carries out what follows.

pub(crate) mod clock;
pub(crate) mod link;
pub(crate) mod socket;
pub(crate) mod tls;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peerhall_core::{
    CloseCode, LinkId, LogLevel, OpId, Outcome, Output, Peer, RtcInput, Secret, Signalling, SocketId, Time,
    TokenId, scrub,
};
use peerhall_rtc::net::NetworkChanges;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};

use self::clock::Clock;
use self::link::LinkReport;
use self::socket::{Socket, SocketEvent};
use crate::options::Tokens;

/// Things that may wait for the loop. Their senders wait when it is full, which is how a flood from the
/// network is held back.
const INBOX: usize = 256;

/// What happened outside.
#[derive(Debug)]
pub(crate) enum Happening {
    Socket(SocketId, SocketEvent),
    Token(TokenId, Result<Secret, String>),
    Link(LinkId, LinkReport),
}

/// An engine of the core.
pub(crate) trait Mind: Send + 'static {
    fn token(&mut self, now: Time, id: TokenId, token: Result<Secret, String>);
    fn socket_opened(&mut self, now: Time, socket: SocketId);
    fn socket_failed(&mut self, now: Time, socket: SocketId, error: &str);
    fn socket_text(&mut self, now: Time, socket: SocketId, text: &str);
    fn socket_binary(&mut self, now: Time, socket: SocketId);
    fn socket_closed(
        &mut self,
        now: Time,
        socket: SocketId,
        code: CloseCode,
        reason: &str,
        status: Option<u16>,
    );
    fn rtc(&mut self, now: Time, link: LinkId, input: RtcInput);
    fn network_available(&mut self, now: Time);
    fn handle_timeout(&mut self, now: Time);
    fn deadline(&self) -> Option<Time>;
    fn poll_output(&mut self) -> Option<Output<Value>>;
    /// Ends it when nobody holds it any more.
    fn abandon(&mut self, now: Time);
    /// Whether it has nothing left to do once it was abandoned.
    fn is_closed(&self) -> bool;
}

/// What a client and a peer do with their events, each in its own way.
pub(crate) trait Body: Send + 'static {
    /// The engine that it belongs to.
    type Mind: Mind;

    /// Shows an event, or carries out what concerns peer connections. Called with the engine locked, in
    /// the order of outputs.
    fn output(&mut self, mind: &mut Self::Mind, output: Output<Value>, inbox: &mpsc::Sender<Happening>);

    /// Translates what a connection reports.
    fn link_report(&mut self, link: LinkId, report: LinkReport) -> Option<RtcInput>;

    /// All that the engine wanted until now has been carried out.
    fn settled(&mut self) {}

    /// The loop ends.
    fn end(&mut self);
}

/// What handles and loop share.
pub(crate) struct Shared<B: Body> {
    core: Mutex<Core<B>>,
    wake: Notify,
    clock: Clock,
    started: AtomicBool,
    tokens: Option<Tokens>,
    tls: Arc<ClientConfig>,
}

/// What the lock protects.
pub(crate) struct Core<B: Body> {
    pub(crate) mind: B::Mind,
    pub(crate) body: B,
    /// Callers that wait for an answer.
    waiting: HashMap<OpId, oneshot::Sender<Outcome>>,
    /// Nobody holds a handle any more.
    abandoned: bool,
}

/// The last handle of a client or peer ends it.
pub(crate) struct Guard<B: Body>(pub(crate) Arc<Shared<B>>);

impl<B: Body> Drop for Guard<B> {
    fn drop(&mut self) {
        let now = self.0.clock.now();
        let mut core = self.0.lock();
        core.abandoned = true;
        core.mind.abandon(now);
        drop(core);
        self.0.wake.notify_one();
    }
}

impl<B: Body> Shared<B> {
    pub(crate) fn new(mind: B::Mind, body: B, tokens: Option<Tokens>, tls: Arc<ClientConfig>) -> Self {
        let core = Core { mind, body, waiting: HashMap::new(), abandoned: false };
        Self {
            core: Mutex::new(core),
            wake: Notify::new(),
            clock: Clock::start(),
            started: AtomicBool::new(false),
            tokens,
            tls,
        }
    }

    /// The engine and its body. A panic elsewhere does not make them useless.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core<B>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the engine, and sees to what follows.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&mut B::Mind, &mut B, Time) -> T) -> T {
        let now = self.clock.now();
        let mut core = self.lock();
        let Core { mind, body, .. } = &mut *core;
        let result = call(mind, body, now);
        drop(core);
        self.wake.notify_one();
        result
    }

    /// Calls the engine for something that is answered later, and waits for the answer.
    pub(crate) async fn request<E>(
        self: &Arc<Self>,
        call: impl FnOnce(&mut B::Mind, &mut B, Time) -> Result<OpId, E>,
    ) -> Result<Option<Outcome>, E> {
        let answer = self.ask(call)?;
        // No answer means that the loop was stopped from outside, with its runtime.
        Ok(answer.await.ok())
    }

    /// The same, for who waits for the answer elsewhere.
    pub(crate) fn ask<E>(
        self: &Arc<Self>,
        call: impl FnOnce(&mut B::Mind, &mut B, Time) -> Result<OpId, E>,
    ) -> Result<oneshot::Receiver<Outcome>, E> {
        self.start();
        let (sender, answer) = oneshot::channel();
        let now = self.clock.now();
        let mut core = self.lock();
        let Core { mind, body, waiting, .. } = &mut *core;
        let op = call(mind, body, now)?;
        waiting.insert(op, sender);
        drop(core);
        self.wake.notify_one();
        Ok(answer)
    }

    /// Starts the loop, once.
    pub(crate) fn start(self: &Arc<Self>) {
        if !self.started.swap(true, Ordering::AcqRel) {
            tokio::spawn(Loop::new(Arc::clone(self)).run());
        }
    }
}

/// The loop itself.
struct Loop<B: Body> {
    shared: Arc<Shared<B>>,
    sockets: HashMap<SocketId, Socket>,
    inbox: mpsc::Receiver<Happening>,
    mouth: mpsc::Sender<Happening>,
}

impl<B: Body> Loop<B> {
    fn new(shared: Arc<Shared<B>>) -> Self {
        let (mouth, inbox) = mpsc::channel(INBOX);
        Self { shared, sockets: HashMap::new(), inbox, mouth }
    }

    async fn run(mut self) {
        let mut network = watch_network();
        loop {
            if self.settle() {
                break;
            }
            let deadline = self.shared.lock().mind.deadline();
            let clock = self.shared.clock;
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(clock.instant(deadline)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                happening = self.inbox.recv() => {
                    if let Some(happening) = happening {
                        self.happened(happening);
                    }
                }
                () = self.shared.wake.notified() => {}
                () = due => self.shared.lock().mind.handle_timeout(clock.now()),
                () = changed(&mut network) => self.shared.lock().mind.network_available(clock.now()),
            }
        }
        self.shared.lock().body.end();
    }

    /// Carries out what the engine wants, until it wants nothing; tells whether all is over.
    fn settle(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        loop {
            let mut core = shared.lock();
            let Some(output) = core.mind.poll_output() else {
                core.body.settled();
                return core.abandoned && core.mind.is_closed();
            };
            self.carry_out(&mut core, output);
        }
    }

    fn carry_out(&mut self, core: &mut Core<B>, output: Output<Value>) {
        match output {
            Output::ResolveToken(id) => self.resolve_token(id),
            Output::OpenSocket { socket, url } => {
                let opened = Socket::open(socket, &url, Arc::clone(&self.shared.tls), self.mouth.clone());
                self.sockets.insert(socket, opened);
            }
            Output::SendText { socket, frame } => self.send(core, socket, &frame),
            Output::CloseSocket { socket, code, reason } => {
                // It reports its end by itself, and is forgotten then.
                if let Some(socket) = self.sockets.get(&socket) {
                    socket.close(code, reason);
                }
            }
            Output::Done(op, outcome) => {
                if let Some(waiting) = core.waiting.remove(&op) {
                    // A caller that has dropped its future does not care.
                    let _ = waiting.send(outcome);
                }
            }
            Output::Log(level, line) => log(level, &line),
            Output::Signalling(_) | Output::Peer(_) | Output::Remote(..) | Output::Rtc(..) => {
                core.body.output(&mut core.mind, output, &self.mouth);
            }
        }
    }

    fn send(&mut self, core: &mut Core<B>, socket: SocketId, frame: &Value) {
        let sent = self.sockets.get(&socket).is_some_and(|open| open.send(frame.to_string()));
        if !sent && self.sockets.remove(&socket).is_some() {
            let now = self.shared.clock.now();
            core.mind.socket_closed(
                now,
                socket,
                CloseCode(1006),
                "the connection takes no more frames",
                None,
            );
        }
    }

    fn resolve_token(&self, id: TokenId) {
        let Some(tokens) = self.shared.tokens.clone() else { return };
        let mouth = self.mouth.clone();
        tokio::spawn(async move {
            let token = tokens.ask().await.map(Secret::new).map_err(|error| scrub(&error.to_string()));
            let _ = mouth.send(Happening::Token(id, token)).await;
        });
    }

    fn happened(&mut self, happening: Happening) {
        let now = self.shared.clock.now();
        let shared = Arc::clone(&self.shared);
        let mut core = shared.lock();
        let Core { mind, body, .. } = &mut *core;
        match happening {
            Happening::Token(id, token) => mind.token(now, id, token),
            Happening::Link(link, report) => {
                if let Some(input) = body.link_report(link, report) {
                    mind.rtc(now, link, input);
                }
            }
            Happening::Socket(socket, event) => match event {
                SocketEvent::Opened => mind.socket_opened(now, socket),
                SocketEvent::Text(text) => mind.socket_text(now, socket, &text),
                SocketEvent::Binary => mind.socket_binary(now, socket),
                SocketEvent::Closed { code, reason, http_status } => {
                    self.sockets.remove(&socket);
                    mind.socket_closed(now, socket, code, &reason, http_status);
                }
                SocketEvent::Failed(error) => {
                    self.sockets.remove(&socket);
                    mind.socket_failed(now, socket, &error);
                }
            },
        }
    }
}

/// A lost connection comes back at its next attempt where the system does not tell of changes.
fn watch_network() -> Option<NetworkChanges> {
    NetworkChanges::watch()
        .inspect_err(
            |error| tracing::debug!(target: "peerhall", "changes of the network are not seen: {error}"),
        )
        .ok()
}

async fn changed(network: &mut Option<NetworkChanges>) {
    match network {
        Some(network) => network.changed().await,
        None => std::future::pending().await,
    }
}

fn log(level: LogLevel, line: &str) {
    match level {
        LogLevel::Debug => tracing::debug!(target: "peerhall", "{line}"),
        LogLevel::Info => tracing::info!(target: "peerhall", "{line}"),
        LogLevel::Warn => tracing::warn!(target: "peerhall", "{line}"),
        LogLevel::Error => tracing::error!(target: "peerhall", "{line}"),
    }
}

/// Length of a text in UTF-16 code units, counted only where it can matter.
fn units(text: &str) -> usize {
    if text.len() <= peerhall_core::MAX_INBOUND_UNITS { text.len() } else { text.encode_utf16().count() }
}

/// Forwards the methods that both engines have under the same name.
macro_rules! mind {
    ($engine:ty, $($rest:item)*) => {
        impl Mind for $engine {
            fn token(&mut self, now: Time, id: TokenId, token: Result<Secret, String>) {
                self.token(now, id, token);
            }
            fn socket_opened(&mut self, now: Time, socket: SocketId) {
                self.socket_opened(now, socket);
            }
            fn socket_failed(&mut self, now: Time, socket: SocketId, error: &str) {
                self.socket_failed(now, socket, error);
            }
            fn socket_text(&mut self, now: Time, socket: SocketId, text: &str) {
                self.socket_text(now, socket, units(text), || serde_json::from_str(text).ok());
            }
            fn socket_closed(&mut self, now: Time, socket: SocketId, code: CloseCode, reason: &str, status: Option<u16>) {
                self.socket_closed(now, socket, code, reason, status);
            }
            fn network_available(&mut self, now: Time) {
                self.network_available(now);
            }
            fn handle_timeout(&mut self, now: Time) {
                self.handle_timeout(now);
            }
            fn deadline(&self) -> Option<Time> {
                self.deadline()
            }
            fn poll_output(&mut self) -> Option<Output<Value>> {
                self.poll_output()
            }
            $($rest)*
        }
    };
}

mind! { Signalling<Value>,
    fn socket_binary(&mut self, _: Time, socket: SocketId) {
        self.socket_binary(socket);
    }
    /// A client alone has no peer connections.
    fn rtc(&mut self, _: Time, _: LinkId, _: RtcInput) {}
    fn abandon(&mut self, now: Time) {
        self.close(now, CloseCode::NORMAL, "client dropped");
    }
    fn is_closed(&self) -> bool {
        self.is_at_rest()
    }
}

mind! { Peer<Value>,
    fn socket_binary(&mut self, now: Time, socket: SocketId) {
        self.socket_binary(now, socket);
    }
    fn rtc(&mut self, now: Time, link: LinkId, input: RtcInput) {
        self.rtc(now, link, input);
    }
    fn abandon(&mut self, now: Time) {
        self.close(now, Some("peer dropped"));
    }
    fn is_closed(&self) -> bool {
        self.is_at_rest()
    }
}
