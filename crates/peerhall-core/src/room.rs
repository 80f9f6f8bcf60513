//! The mind of a `MeteredPeer` (sdk-behaviour, sections 4 and 5): one client, one channel, one connection
//! to everybody in it.
//!
//! | file | what is decided there |
//! |---|---|
//! | `join.rs` | joining, leaving, and what a lost connection means |
//! | `presence.rs` | who is here |
//! | `reconcile.rs` | what happens step by step when the connection is back |
//! | `remotes.rs` | what a connection to a remote peer reports, and how it is replaced |
//! | `media.rs` | which local tracks go to whom |
//! | `media/shares.rs` | which of them are shared under labels, and how they change |
//! | `messages.rs` | application data, out and in |
//! | `detour.rs`, `carry.rs` | when labelled data goes through the server, and how |
//! | `remote.rs`, `held.rs` | bookkeeping, one thing each |

#[cfg(feature = "labelled")]
mod carry;
mod detour;
mod event;
mod held;
mod join;
mod media;
mod messages;
mod presence;
mod reconcile;
mod remote;
mod remotes;
mod state;

use std::collections::VecDeque;

use peerhall_proto::json::Json;

pub use event::{DataKind, PeerEvent, RemoteInfo};
pub use join::JoinOptions;
pub use media::LocalTrack;
#[cfg(feature = "labelled")]
pub use media::{MAX_SHARES, ShareChange, SharedTrack};
pub use presence::MAX_REMOTES;
pub use reconcile::{RECONCILE_RETRIES, RECONCILE_TIMEOUT};
pub use state::PeerState;

use crate::error::SendError;
use crate::ice_servers::IceServer;
use crate::ids::{ChannelName, LinkId, OpId, PeerId, RemoteKey, SocketId, TokenId};
use crate::link::signal::Knows;
use crate::link::{ErrorInfo, RemoteEvent, RtcCommand, TransportPolicy};
use crate::options::PeerOptions;
use crate::output::{LogLevel, Outcome, Output};
use crate::queue::Queue;
use crate::secret::Secret;
use crate::signalling::Signalling;
use crate::time::{Time, earlier};
use held::Held;
use join::Joining;
use media::Media;
use peerhall_proto::code::CloseCode;
use reconcile::{Reconcile, Step};
use remote::Remote;

/// A request of this engine to its client, by what waits for it.
#[derive(Debug)]
enum Request {
    Connect,
    Subscribe,
    /// A caller's `send`.
    Send,
    /// A negotiation message; its loss is logged.
    Signal,
    /// Anything whose answer changes nothing.
    Background,
    /// The client's own end.
    Close,
}

/// A peer without sockets, connections and a clock.
///
/// Every input carries the time. After each input take outputs until there are none, and call
/// [`handle_timeout`](Self::handle_timeout) no later than [`deadline`](Self::deadline).
#[derive(Debug)]
pub struct Peer<J: Json> {
    options: PeerOptions,
    signalling: Signalling<J>,
    state: PeerState,
    own_id: Option<PeerId>,
    /// Ids that this instance had on earlier connections; they are nobody else's (X10).
    former_ids: Queue<PeerId>,
    channel: Option<ChannelName>,
    joining: Option<Joining<J>>,
    closing: Vec<OpId>,
    close_reason: Option<String>,
    /// What waits for which answer, in the order in which it was asked.
    requests: Queue<(OpId, Request)>,
    remotes: Vec<Remote<J>>,
    media: Media<J>,
    held: Held<J>,
    reconcile: Reconcile,
    /// What is left to do, one step at a time: what a handler does between two of them counts.
    steps: Queue<Step<J>>,
    ice_servers: Option<Vec<IceServer>>,
    policy: TransportPolicy,
    /// What this side says that it knows of labelled channels.
    knows: Knows,
    /// The token provider's failure was told since it worked last (X19).
    token_error_told: bool,
    next_number: u64,
    now: Time,
    outputs: VecDeque<Output<J>>,
}

impl<J: Json> Peer<J> {
    /// An idle peer.
    #[must_use]
    pub fn new(options: PeerOptions) -> Self {
        Self {
            signalling: Signalling::new(options.signalling.clone()),
            options,
            state: PeerState::Idle,
            own_id: None,
            former_ids: Queue::new(),
            channel: None,
            joining: None,
            closing: Vec::new(),
            close_reason: None,
            requests: Queue::new(),
            remotes: Vec::new(),
            media: Media::new(),
            held: Held::new(),
            reconcile: Reconcile::default(),
            steps: Queue::new(),
            ice_servers: None,
            policy: TransportPolicy::All,
            knows: Knows::Nothing,
            token_error_told: false,
            next_number: 0,
            now: Time::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> PeerState {
        self.state
    }

    /// This peer's id, once there was a welcome.
    #[must_use]
    pub fn peer_id(&self) -> Option<&PeerId> {
        self.own_id.as_ref()
    }

    /// The channel, once it was joined.
    #[must_use]
    pub fn channel(&self) -> Option<&ChannelName> {
        self.channel.as_ref()
    }

    /// Who is in the channel, in the order in which they came.
    #[must_use]
    pub fn remotes(&self) -> Vec<RemoteInfo<J>> {
        self.remotes.iter().map(Remote::info).collect()
    }

    /// One of those who are in the channel.
    #[must_use]
    pub fn remote(&self, key: RemoteKey) -> Option<RemoteInfo<J>> {
        self.remotes.iter().find(|remote| remote.key == key).map(Remote::info)
    }

    /// Over which paths connections that are made from now on may go. Default: any.
    pub fn set_transport_policy(&mut self, policy: TransportPolicy) {
        self.policy = policy;
    }

    /// Tells remote peers, in descriptions from now on, that this side knows labelled channels, and tells of
    /// those that say the same. Default: it does not, and a labelled layer on the other side leaves this
    /// peer alone.
    pub fn know_labels(&mut self) {
        if self.knows < Knows::Labels {
            self.knows = Knows::Labels;
            // What was said before was told to nobody, and is said again.
            self.remotes.iter_mut().for_each(|remote| remote.link.listen_for_labels());
        }
    }

    /// The token provider answered.
    pub fn token(&mut self, now: Time, id: TokenId, token: Result<Secret, String>) {
        if token.is_ok() {
            self.token_error_told = false;
        }
        self.signalling.token(now, id, token);
        self.pump(now);
    }

    /// A socket is open.
    pub fn socket_opened(&mut self, now: Time, socket: SocketId) {
        self.signalling.socket_opened(now, socket);
        self.pump(now);
    }

    /// The platform could not make a socket.
    pub fn socket_failed(&mut self, now: Time, socket: SocketId, error: &str) {
        self.signalling.socket_failed(now, socket, error);
        self.pump(now);
    }

    /// A text message came; see [`Signalling::socket_text`].
    pub fn socket_text(
        &mut self,
        now: Time,
        socket: SocketId,
        units: usize,
        parse: impl FnOnce() -> Option<J>,
    ) {
        self.signalling.socket_text(now, socket, units, parse);
        self.pump(now);
    }

    /// A message that is not text came.
    pub fn socket_binary(&mut self, now: Time, socket: SocketId) {
        self.signalling.socket_binary(socket);
        self.pump(now);
    }

    /// A socket ended; see [`Signalling::socket_closed`].
    pub fn socket_closed(
        &mut self,
        now: Time,
        socket: SocketId,
        code: CloseCode,
        reason: &str,
        http_status: Option<u16>,
    ) {
        self.signalling.socket_closed(now, socket, code, reason, http_status);
        self.pump(now);
    }

    /// The network is back, or another one is there: what waits for a moment is tried at once.
    pub fn network_available(&mut self, now: Time) {
        self.signalling.network_available(now);
        self.pump(now);
        self.retry_links(now);
        self.pump(now);
    }

    /// Drops the connection to the server and makes it anew, as after a lost network: to try what an
    /// application does then.
    pub fn drop_connection(&mut self, now: Time) {
        self.signalling.give_up_socket(now, CloseCode::CLIENT_INACTIVITY, "dropped on request");
        self.pump(now);
    }

    /// Replaces the connections to all remote peers, so that a changed transport policy counts for those
    /// who are here already. Does nothing unless joined.
    pub fn reset_connections(&mut self, now: Time) {
        if self.state == PeerState::Joined {
            let keys: Vec<_> = self.remotes.iter().map(|remote| remote.key).collect();
            self.steps.extend(keys.into_iter().flat_map(|key| [Step::Swap(key, false), Step::Attach(key)]));
        }
        self.pump(now);
    }

    /// The next moment at which something is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let remotes = self.remotes.iter().fold(None, |first, remote| earlier(first, remote.deadline()));
        [self.signalling.deadline(), self.reconcile.deadline(), remotes].into_iter().fold(None, earlier)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.signalling.handle_timeout(now);
        self.pump(now);
        self.handle_reconcile_timeout(now);
        self.handle_remote_timeouts(now);
        self.pump(now);
    }

    /// Whether it is closed and waits for nothing any more.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.state == PeerState::Closed && self.outputs.is_empty() && self.signalling.is_at_rest()
    }

    /// Takes the next output. Steps that are left over are taken here, one at a time, so that what a
    /// handler did meanwhile counts.
    pub fn poll_output(&mut self) -> Option<Output<J>> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            let step = self.steps.pop_front()?;
            self.step(step);
            self.pump(self.now);
        }
    }

    /// Takes what the client below has to say.
    fn pump(&mut self, now: Time) {
        self.now = now;
        while let Some(output) = self.signalling.poll_output() {
            match output {
                Output::Signalling(event) => self.signalling_event(now, event),
                Output::Done(op, outcome) => self.request_done(now, op, outcome),
                Output::ResolveToken(_)
                | Output::OpenSocket { .. }
                | Output::SendText { .. }
                | Output::CloseSocket { .. }
                | Output::Peer(_)
                | Output::Remote(..)
                | Output::Rtc(..)
                | Output::Log(..) => self.outputs.push_back(output),
            }
        }
    }

    fn request_done(&mut self, now: Time, op: OpId, outcome: Outcome) {
        match (self.take_request(op), outcome) {
            (Some(Request::Connect), Outcome::Connect(result)) => self.connect_done(now, result),
            (Some(Request::Subscribe), Outcome::Request(result)) => self.subscribe_done(now, result),
            (Some(Request::Send), Outcome::Request(result)) => {
                self.done(op, Outcome::Send(result.map_err(SendError::from)));
            }
            (Some(Request::Signal), Outcome::Request(Err(error))) => {
                self.log(
                    LogLevel::Warn,
                    format!("a negotiation message was not delivered: {}", error.name()),
                );
            }
            (Some(Request::Close), Outcome::Close) => self.client_closed(),
            (Some(_) | None, _) => {}
        }
    }

    fn take_request(&mut self, op: OpId) -> Option<Request> {
        let place = self.requests.iter().position(|(known, _)| *known == op)?;
        self.requests.take(place).map(|(_, request)| request)
    }

    fn done(&mut self, op: OpId, outcome: Outcome) {
        self.outputs.push_back(Output::Done(op, outcome));
    }

    fn tell(&mut self, event: PeerEvent<J>) {
        self.outputs.push_back(Output::Peer(event));
    }

    fn tell_error(&mut self, name: &str, message: &str) {
        self.tell(PeerEvent::Error(ErrorInfo::new(name, message)));
    }

    fn tell_remote(&mut self, key: RemoteKey, event: RemoteEvent<J>) {
        self.outputs.push_back(Output::Remote(key, event));
    }

    fn command(&mut self, link: LinkId, command: RtcCommand) {
        self.outputs.push_back(Output::Rtc(link, command));
    }

    fn log(&mut self, level: LogLevel, line: impl Into<String>) {
        self.outputs.push_back(Output::Log(level, line.into()));
    }

    fn enter(&mut self, to: PeerState) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.tell(PeerEvent::StateChange { from, to });
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn remote_by_id(&self, id: &PeerId) -> Option<usize> {
        self.remotes.iter().position(|remote| remote.id == *id)
    }

    fn remote_mut(&mut self, key: RemoteKey) -> Option<&mut Remote<J>> {
        self.remotes.iter_mut().find(|remote| remote.key == key)
    }
}
