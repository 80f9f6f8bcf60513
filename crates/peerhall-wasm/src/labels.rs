//! Labelled channels, transfers and shares between a peer and each of the others: requests `{do: "label",
//! call, key?, …}`, outputs `{do: "label", key, what, …}`, where `what` is a method of
//! `packages/peerhall/src/labelled/side.js`.
//!
//! | file | what it is about |
//! |---|---|
//! | `calls.rs` | requests about channels and transfers |
//! | `share.rs` | requests about streams |
//! | `told.rs` | what sessions want and tell |

mod calls;
mod share;
mod told;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use peerhall_core::{
    Json, Labelled, OpId, Outcome, Output, Peer, PeerEvent, RemoteEvent, RemoteInfo, RemoteKey, RemoteState,
    SendError, Time,
};
use peerhall_labelled::frame::MAX_MESSAGE_BYTES;
use peerhall_labelled::{
    BUFFER_CEILING, Config, DirectError, IncomingId, Output as SessionOutput, Role, Session, StandingLabels,
};

use crate::failure;
use crate::output;
use crate::peer;
use crate::value::Value;

/// What a peer has in common with the others, beyond what every peer has.
pub(crate) struct Labels {
    config: Config,
    /// Tells the sessions of this page from those of an earlier one.
    seed: u64,
    sides: Vec<Side>,
    standing: StandingLabels,
    /// What is told before anything else.
    ready: VecDeque<Value>,
    /// Texts that the server has not answered for: to whom, and what its session calls them.
    posted: Vec<(OpId, RemoteKey, u64)>,
    /// What the other side sends at this moment, from where it is here.
    shown: Bytes,
    now: Duration,
}

/// What is between this peer and one other.
struct Side {
    key: RemoteKey,
    session: Session,
    /// What the application has of messages whose senders wait.
    had: Vec<(IncomingId, Had)>,
    /// The last message that came on a channel.
    given: Bytes,
}

/// Bytes that are here already, and a hasher that has seen them.
#[derive(Default)]
struct Had {
    bytes: u64,
    hasher: blake3::Hasher,
}

impl Labels {
    /// Reads the options of the layer: `stallMs` (0 or `Infinity`: never), `maxMessage` in bytes, `fallback`.
    ///
    /// # Errors
    ///
    /// What the constructor throws.
    pub(crate) fn new(options: &Value) -> Result<Self, Value> {
        let number = |name: &'static str| match options.member(name) {
            None => Ok(None),
            Some(_) if options.float(name) >= 0.0 => Ok(Some(options.float(name))),
            Some(_) => Err(failure::type_error(&format!("{name} must be a number of at least 0"))),
        };
        // Each call into the page costs as much as some KiB, and a busy page hears late that a buffer has run down.
        let mut config = Config { chunk: MAX_MESSAGE_BYTES, buffer: 2 * BUFFER_CEILING, ..Config::default() };
        if let Some(millis) = number("stallMs")? {
            let never = millis == 0.0 || millis.is_infinite();
            config.stall_limit = (!never).then(|| crate::value::millis(millis));
        }
        if let Some(bytes) = number("maxMessage")? {
            config.max_message = bytes as u64;
        }
        config.fallback = options.member("fallback").and_then(|on| on.as_bool()) != Some(false);
        Ok(Self {
            config,
            seed: options.whole("seed"),
            sides: Vec::new(),
            standing: StandingLabels::default(),
            ready: VecDeque::new(),
            posted: Vec::new(),
            shown: Bytes::new(),
            now: Duration::ZERO,
        })
    }

    /// Says in the peer's name what the layer knows.
    pub(crate) fn introduce(&self, peer: &mut Peer<Value>) {
        peer.know_labels();
        if self.config.fallback {
            peer.offer_detours();
        }
    }

    /// Does what a request says, whether it is the layer's or the peer's.
    pub(crate) fn call(&mut self, peer: &mut Peer<Value>, now: Time, what: &str, request: &Value) -> Value {
        self.now = now.since_start();
        match what {
            "label" => self.asked(peer, now, request),
            "timeout" => {
                let passed = self.now;
                self.sides.iter_mut().for_each(|side| side.session.handle_timeout(passed));
                peer::call(peer, now, what, request)
            }
            _ => peer::call(peer, now, what, request),
        }
    }

    /// The next output of the layer or of the peer.
    pub(crate) fn poll(&mut self, peer: &mut Peer<Value>) -> Option<Value> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            if let Some(told) = self.poll_sides(peer) {
                return Some(told);
            }
            let output = peer.poll_output()?;
            if let Some(told) = self.notice(peer, output) {
                return Some(told);
            }
        }
    }

    /// The next moment at which something is due.
    pub(crate) fn deadline(&self, peer: &Peer<Value>) -> Option<Time> {
        let sessions = self.sides.iter().filter_map(|side| side.session.deadline()).map(Time::after_start);
        sessions.chain(peer.deadline()).min()
    }

    /// Takes from the peer's output what the layer goes by; gives it on, unless it must wait.
    fn notice(&mut self, peer: &mut Peer<Value>, output: Output<Value>) -> Option<Value> {
        match &output {
            Output::Peer(PeerEvent::PeerJoined(info)) => self.joined(info),
            Output::Peer(PeerEvent::PeerLeft(info)) => {
                self.left(info.key);
                // Whatever still hangs on it ends before.
                self.ready.push_back(output::describe(output));
                return None;
            }
            Output::Remote(key, RemoteEvent::ConnectionReset { .. }) => {
                let role = peer.remote(*key).map(|info| role(&info));
                let now = self.now;
                if let (Some(side), Some(role)) = (self.side(*key), role) {
                    side.session.reset(now, role);
                }
            }
            Output::Remote(key, RemoteEvent::StateChange { to, .. }) => {
                let (now, works) = (self.now, *to == RemoteState::Connected);
                if let Some(side) = self.side(*key) {
                    side.session.path(now, works);
                }
            }
            Output::Remote(key, RemoteEvent::Labelled(Labelled::Known(knows))) => {
                let (key, knows) = (*key, *knows);
                if let Some(side) = self.side(key) {
                    if knows { side.session.capable() } else { side.session.incapable() }
                }
                return (!knows).then(|| told::unlabelled(key));
            }
            Output::Remote(key, RemoteEvent::Labelled(Labelled::Detour(room))) => {
                let (now, room) = (self.now, *room);
                if let Some(side) = self.side(*key) {
                    side.session.detour(now, room);
                }
                return None;
            }
            Output::Remote(key, RemoteEvent::Labelled(Labelled::Carried { text, room })) => {
                let now = self.now;
                if let Some(side) = self.side(*key) {
                    side.session.direct(now, text, *room);
                }
                return None;
            }
            Output::Done(op, Outcome::Send(result)) if self.has_posted(*op, result) => return None,
            Output::ResolveToken(_)
            | Output::OpenSocket { .. }
            | Output::SendText { .. }
            | Output::CloseSocket { .. }
            | Output::Done(..)
            | Output::Signalling(_)
            | Output::Peer(_)
            | Output::Remote(..)
            | Output::Rtc(..)
            | Output::Log(..) => {}
        }
        Some(output::describe(output))
    }

    fn poll_sides(&mut self, peer: &mut Peer<Value>) -> Option<Value> {
        let (now, posted, shown) = (self.now, &mut self.posted, &mut self.shown);
        self.sides.iter_mut().find_map(|side| {
            while let Some(output) = side.session.poll_output() {
                if let SessionOutput::Direct { number, text } = output {
                    match peer.carry(Time::after_start(now), side.key, text) {
                        Ok(op) => posted.push((op, side.key, number)),
                        Err(error) => side.session.direct_done(now, number, Err(lost(&error))),
                    }
                    continue;
                }
                if let SessionOutput::Send { bytes, .. } = &output {
                    *shown = bytes.clone();
                }
                let told = told::describe(side.key, output, &side.given);
                if told.is_some() {
                    return told;
                }
            }
            None
        })
    }

    /// Whether an answer is about a text of a session, which hears it.
    fn has_posted(&mut self, op: OpId, result: &Result<(), SendError>) -> bool {
        let Some(place) = self.posted.iter().position(|(known, ..)| *known == op) else { return false };
        let (_, key, number) = self.posted.swap_remove(place);
        let (now, result) = (self.now, result.as_ref().map_err(lost));
        if let Some(side) = self.side(key) {
            side.session.direct_done(now, number, result.copied());
        }
        true
    }

    fn joined(&mut self, info: &RemoteInfo<Value>) {
        // Another tag for each session, in this page and the next: 2^64 divided by the golden ratio spreads them.
        let tag = self.seed ^ info.key.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut session = Session::new(role(info), tag, self.config);
        for (label, options) in self.standing.iter() {
            // The labels were tried when they were given, and are fewer than the limit.
            let _ = session.open(self.now, label, options.clone());
        }
        self.sides.push(Side { key: info.key, session, had: Vec::new(), given: Bytes::new() });
    }

    fn left(&mut self, key: RemoteKey) {
        if let Some(place) = self.sides.iter().position(|side| side.key == key) {
            let mut side = self.sides.remove(place);
            side.session.end();
            self.ready.extend(std::iter::from_fn(|| side.last_words()));
        }
    }

    fn side(&mut self, key: RemoteKey) -> Option<&mut Side> {
        self.sides.iter_mut().find(|side| side.key == key)
    }
}

impl Side {
    /// What is left to tell of a remote that has left. Nothing is sent any more, and what is told later must not be
    /// about bytes that are gone by then.
    fn last_words(&mut self) -> Option<Value> {
        while let Some(output) = self.session.poll_output() {
            if matches!(output, SessionOutput::Send { .. }) {
                continue;
            }
            if let Some(told) = told::describe(self.key, output, &Bytes::new()) {
                return Some(told);
            }
        }
        None
    }
}

/// What a text that the server did not take means for what goes through it.
fn lost(error: &SendError) -> DirectError {
    if error.is_over_quota() { DirectError::OverQuota } else { DirectError::Lost }
}

/// Who gives way does not create channels either.
fn role(info: &RemoteInfo<Value>) -> Role {
    if info.polite { Role::Asker } else { Role::Creator }
}
