//! The mind of a `SignallingClient` (sdk-behaviour, section 3): one connection at a time, made anew
//! when it is lost, requests with answers, and the channels that are held.
//!
//! | file | what is decided there |
//! |---|---|
//! | `dial.rs` | tokens, sockets, the first connection and the later ones |
//! | `receive.rs` | what a frame means |
//! | `calls.rs` | subscribe, unsubscribe, publish, send |
//! | `inbound.rs` | which frames are frames |
//! | `requests.rs`, `channels.rs`, `liveness.rs`, `pace.rs` | bookkeeping, one thing each |

mod calls;
mod channels;
mod dial;
mod event;
mod inbound;
mod liveness;
mod pace;
mod receive;
mod requests;
mod state;

use std::collections::VecDeque;
use std::time::Duration;

use peerhall_proto::code::CloseCode;
use peerhall_proto::json::Json;
use peerhall_proto::limits::MAX_MESSAGE_BYTES;

pub use channels::{REPLAY_DELAY, REPLAY_RETRIES, SubscribeOptions};
pub use event::{Connected, Member, SignallingEvent};
pub use requests::ACK_TIMEOUT;
pub use state::SignallingState;

use crate::error::{ConnectError, RequestError};
use crate::ids::{OpId, SocketId};
use crate::options::SignallingOptions;
use crate::output::{LogLevel, Outcome, Output};
use crate::random::Random;
use crate::secret::Secret;
use crate::time::{Time, earlier};
use calls::PacedSend;
use channels::Channels;
use liveness::Due;
use pace::Pace;
use requests::{Requests, Waiting};
use state::{Closing, Dial, Phase};

/// How long a socket has until the server's welcome.
pub const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long `close` waits for the socket's end.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest message that is read, in UTF-16 code units.
pub const MAX_INBOUND_UNITS: usize = 1_048_576;

/// A client without a socket and without a clock.
///
/// Every input carries the time. After each input take outputs until there are none, and call
/// [`handle_timeout`](Self::handle_timeout) no later than [`deadline`](Self::deadline).
#[derive(Debug)]
pub struct Signalling<J: Json> {
    options: SignallingOptions,
    random: Random,
    phase: Phase,
    closing: Option<Closing>,
    channels: Channels,
    requests: Requests,
    pace: Pace<PacedSend<J>>,
    max_message_size: usize,
    peer_id: Option<String>,
    resume: Option<Secret>,
    /// Which of the servers is used.
    server: usize,
    token_failures: u32,
    /// A static key was called expired at the last connection.
    key_expired: bool,
    /// The next delay is at least this, once.
    delay_floor: Duration,
    next_number: u64,
    outputs: VecDeque<Output<J>>,
}

impl<J: Json> Signalling<J> {
    /// An idle client.
    #[must_use]
    pub fn new(options: SignallingOptions) -> Self {
        Self {
            random: Random::seeded(options.seed),
            options,
            phase: Phase::Idle,
            closing: None,
            channels: Channels::default(),
            requests: Requests::default(),
            pace: Pace::starting(Time::ZERO),
            max_message_size: MAX_MESSAGE_BYTES,
            peer_id: None,
            resume: None,
            server: 0,
            token_failures: 0,
            key_expired: false,
            delay_floor: Duration::ZERO,
            next_number: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> SignallingState {
        self.phase.state()
    }

    /// Largest payload by the last welcome, in bytes of JSON; 65,536 before any.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.max_message_size
    }

    /// This client's id by the last welcome.
    #[must_use]
    pub fn peer_id(&self) -> Option<&str> {
        self.peer_id.as_deref()
    }

    /// Begins to connect; the answer is [`Outcome::Connect`] once the welcome came.
    ///
    /// # Errors
    ///
    /// [`ConnectError::State`] unless idle or closed.
    pub fn connect(&mut self, now: Time) -> Result<OpId, ConnectError> {
        match self.phase {
            Phase::Idle | Phase::Closed => {}
            Phase::First { .. } | Phase::Live(_) | Phase::Lost { .. } => {
                return Err(ConnectError::State(self.state()));
            }
        }
        // What an earlier socket still has to say concerns nobody any more.
        self.answer_close();
        let op = self.new_op();
        self.token_failures = 0;
        self.key_expired = false;
        self.delay_floor = Duration::ZERO;
        let others = self.options.urls.len().saturating_sub(1);
        self.enter(Phase::First { op, others, dial: Dial::Wait { until: now } });
        self.dial(now);
        Ok(op)
    }

    /// Ends the client; the answer is [`Outcome::Close`] when the socket's end was reported, or a second
    /// later. Channels are not held any more.
    pub fn close(&mut self, now: Time, code: CloseCode, reason: &str) -> OpId {
        let op = self.new_op();
        let socket = self.phase.socket();
        self.channels.clear();
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Idle => self.phase = Phase::Idle,
            Phase::Closed => {}
            Phase::First { op: connecting, .. } => {
                self.announce(SignallingState::Connecting);
                let error = ConnectError::Cancelled { code, reason: reason.to_owned() };
                self.done(connecting, Outcome::Connect(Err(error)));
            }
            Phase::Live(_) => self.announce(SignallingState::Connected),
            Phase::Lost { .. } => self.announce(SignallingState::Reconnecting),
        }
        self.fail_requests(code, reason);
        match socket {
            Some(socket) => {
                self.outputs.push_back(Output::CloseSocket { socket, code, reason: reason.to_owned() });
                self.closing = Some(Closing { socket, waiting: Some((op, now + CLOSE_TIMEOUT)) });
            }
            None => self.done(op, Outcome::Close),
        }
        op
    }

    /// Whether the server was heard at `since` or later. If not, it is asked for a sign of life at once.
    /// Always, where silence means nothing.
    pub(crate) fn hears_since(&mut self, now: Time, since: Time) -> bool {
        let Some(liveness) = self.phase.liveness_mut() else { return true };
        let hears = liveness.heard_at() >= since;
        if !hears {
            liveness.probe(now);
            self.handle_silence(now);
        }
        hears
    }

    /// Forgets the socket that `close` left behind.
    fn answer_close(&mut self) {
        if let Some((op, _)) = self.closing.take().and_then(|closing| closing.waiting) {
            self.done(op, Outcome::Close);
        }
    }

    /// The network is back, or another one is there: an attempt that waits for its moment is made at once,
    /// and a connection from before is asked whether it still lives.
    pub fn network_available(&mut self, now: Time) {
        if let Some(liveness) = self.phase.liveness_mut() {
            liveness.probe(now);
            self.handle_silence(now);
        }
        if let Some(Dial::Wait { until }) = self.phase.dial_mut() {
            *until = now;
            self.dial(now);
        }
    }

    /// The next moment at which something is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let dial = match &self.phase {
            Phase::Idle | Phase::Closed => None,
            Phase::First { dial, .. } | Phase::Lost { dial, .. } => Some(match dial {
                Dial::Wait { until } | Dial::Token { until, .. } => *until,
                Dial::Socket(attempt) => match &attempt.liveness {
                    Some(liveness) => attempt.welcome_by.min(liveness.deadline()),
                    None => attempt.welcome_by,
                },
            }),
            Phase::Live(session) => session.liveness.as_ref().map(liveness::Liveness::deadline),
        };
        let closing = self.closing.as_ref().and_then(|closing| closing.waiting).map(|(_, until)| until);
        [dial, closing, self.requests.deadline(), self.channels.deadline(), self.pace.deadline()]
            .into_iter()
            .fold(None, earlier)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if let Some(closing) = &mut self.closing
            && let Some((op, until)) = closing.waiting
            && now >= until
        {
            closing.waiting = None;
            self.done(op, Outcome::Close);
        }
        self.handle_dial_timeout(now);
        self.handle_silence(now);
        while let Some((request_id, waiting)) = self.requests.overdue(now) {
            let error = RequestError::AckTimeout { request_id, timeout: ACK_TIMEOUT };
            self.refused(now, waiting, error);
        }
        while let Some((channel, tries)) = self.channels.due(now) {
            self.replay(now, channel, tries);
        }
        self.send_paced(now);
    }

    /// Whether it is closed and waits for nothing any more, not even for its socket's end.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let waits = self.closing.as_ref().is_some_and(|closing| closing.waiting.is_some());
        matches!(self.phase, Phase::Idle | Phase::Closed) && !waits && self.outputs.is_empty()
    }

    /// Takes the next output.
    pub fn poll_output(&mut self) -> Option<Output<J>> {
        self.outputs.pop_front()
    }

    /// A number for a request that is answered later.
    pub(crate) fn new_op(&mut self) -> OpId {
        OpId(self.number())
    }

    /// A name for a peer connection that no other one is likely to have.
    pub(crate) fn new_tag(&mut self) -> String {
        self.random.tag()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn done(&mut self, op: OpId, outcome: Outcome) {
        self.outputs.push_back(Output::Done(op, outcome));
    }

    fn tell(&mut self, event: SignallingEvent<J>) {
        self.outputs.push_back(Output::Signalling(event));
    }

    fn log(&mut self, level: LogLevel, line: impl Into<String>) {
        self.outputs.push_back(Output::Log(level, line.into()));
    }

    /// Changes the phase, and says so when the state changes with it.
    fn enter(&mut self, phase: Phase) {
        let from = self.phase.state();
        self.phase = phase;
        self.announce(from);
    }

    fn announce(&mut self, from: SignallingState) {
        let to = self.phase.state();
        if from != to {
            self.tell(SignallingEvent::StateChange { from, to });
        }
    }

    /// A dead link is closed and treated as lost at once: a socket on it may never report its end.
    fn handle_silence(&mut self, now: Time) {
        let connected = matches!(self.phase, Phase::Live(_));
        let Some(liveness) = self.phase.liveness_mut() else { return };
        match liveness.due(now) {
            Due::Nothing => {}
            Due::Keepalive if connected => {
                if let Some(socket) = self.phase.socket() {
                    self.pace.spent(now);
                    self.outputs.push_back(Output::SendText {
                        socket,
                        frame: J::object(vec![("type", J::string("ping"))]),
                    });
                }
            }
            Due::Keepalive => {}
            Due::Dead => self.give_up_socket(now, CloseCode::CLIENT_INACTIVITY, "inactivity timeout"),
        }
    }

    /// Closes the socket that counts and goes on as if it had reported its end.
    pub(crate) fn give_up_socket(&mut self, now: Time, code: CloseCode, reason: &str) {
        let Some(socket) = self.phase.socket() else { return };
        self.outputs.push_back(Output::CloseSocket { socket, code, reason: reason.to_owned() });
        self.socket_lost(now, code, reason, None);
    }

    /// Every request that waits learns that the connection is gone.
    fn fail_requests(&mut self, code: CloseCode, reason: &str) {
        self.channels.forget_retries();
        let reason = crate::secret::scrub(reason);
        for waiting in self.requests.take_all() {
            match waiting {
                Waiting::Subscribe { op, .. } | Waiting::Call(op) => {
                    let error = RequestError::Disconnected { code, reason: reason.clone() };
                    self.done(op, Outcome::Request(Err(error)));
                }
                // The next connection replays all channels anyway.
                Waiting::Replay { .. } => {}
            }
        }
        for unsent in self.pace.take_all() {
            self.done(unsent.op, Outcome::Request(Err(RequestError::NotConnected)));
        }
    }

    /// Whether this is the socket that counts; others are ignored, however late they speak.
    fn is_current(&self, socket: SocketId) -> bool {
        self.phase.socket() == Some(socket)
    }
}
