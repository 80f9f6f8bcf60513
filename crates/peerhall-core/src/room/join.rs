//! Into the channel and out of it (sdk-behaviour, sections 4.2 and 4.3).

use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::json::Json;

use super::{Peer, PeerEvent, PeerState, Request};
use crate::error::{ConnectError, JoinError, RequestError};
use crate::ice_servers::IceServer;
use crate::ids::{ChannelName, OpId, PeerId};
use crate::link::{RemoteState, RtcCommand};
use crate::output::{LogLevel, Outcome};
use crate::queue::Queue;
use crate::signalling::{Connected, Member, SignallingEvent, SignallingState, SubscribeOptions};
use crate::time::Time;

/// Former ids that are remembered.
const MAX_FORMER_IDS: usize = 32;

/// Frames that may come between a subscription and its acknowledgement.
const MAX_EARLY: usize = 256;

/// How to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JoinOptions {
    /// Whether broadcasts carry their senders' `peerMetadata`. Default: no.
    pub include_sender_metadata: bool,
}

/// A `join` that is under way.
#[derive(Debug)]
pub(super) struct Joining<J: Json> {
    op: OpId,
    channel: ChannelName,
    options: JoinOptions,
    /// Frames of the channel that overtook the acknowledgement (X4).
    early: Queue<SignallingEvent<J>>,
}

impl<J: Json> Peer<J> {
    /// Joins a channel, connecting first if need be; the answer is [`Outcome::Join`]. Remote peers come
    /// later, by presence.
    ///
    /// # Errors
    ///
    /// [`JoinError::State`] unless idle, [`JoinError::Name`] or [`JoinError::ReservedChannel`]; nothing
    /// has changed then.
    pub fn join(&mut self, now: Time, channel: &str, options: JoinOptions) -> Result<OpId, JoinError> {
        if self.state != PeerState::Idle {
            return Err(JoinError::State(self.state));
        }
        let channel = ChannelName::new(channel)?;
        if channel.is_reserved() {
            return Err(JoinError::ReservedChannel);
        }
        let op = self.signalling.new_op();
        self.joining = Some(Joining { op, channel, options, early: Queue::new() });
        self.enter(PeerState::Joining);
        match self.signalling.state() {
            SignallingState::Idle | SignallingState::Closed => match self.signalling.connect(now) {
                Ok(request) => {
                    self.requests.push_back((request, Request::Connect));
                }
                Err(error) => self.join_failed(now, error.into()),
            },
            SignallingState::Connected => self.subscribe(now),
            // The client is ours alone; it connects for `join` and reconnects for nobody else.
            SignallingState::Connecting | SignallingState::Reconnecting => {
                self.join_failed(now, ConnectError::State(self.signalling.state()).into());
            }
        }
        self.pump(now);
        Ok(op)
    }

    /// Leaves the channel and ends the peer for good; the answer is [`Outcome::Close`].
    pub fn close(&mut self, now: Time, reason: Option<&str>) -> OpId {
        let op = self.signalling.new_op();
        match self.state {
            PeerState::Closed => self.done(op, Outcome::Close),
            PeerState::Leaving => self.closing.push(op),
            PeerState::Idle => {
                self.end_media();
                self.enter(PeerState::Closed);
                self.closing.push(op);
                self.close_client(now, reason);
            }
            PeerState::Joining | PeerState::Joined | PeerState::Reconnecting => {
                self.closing.push(op);
                self.close_reason = reason.map(str::to_owned);
                self.enter(PeerState::Leaving);
                self.end_remotes();
                self.end_media();
                self.close_client(now, reason);
            }
        }
        self.pump(now);
        op
    }

    fn close_client(&mut self, now: Time, reason: Option<&str>) {
        let request =
            self.signalling.close(now, CloseCode::NORMAL, reason.unwrap_or("client requested close"));
        self.requests.push_back((request, Request::Close));
    }

    /// The client has ended because `close` was called.
    pub(super) fn client_closed(&mut self) {
        if self.state == PeerState::Leaving {
            let reason = self.close_reason.take();
            self.enter(PeerState::Closed);
            let joining = self.joining.take();
            self.tell_left(reason, joining.is_none());
            if let Some(joining) = joining {
                let error = ConnectError::Cancelled { code: CloseCode::NORMAL, reason: "closed".to_owned() };
                self.done(joining.op, Outcome::Join(Err(error.into())));
            }
        }
        for op in std::mem::take(&mut self.closing) {
            self.done(op, Outcome::Close);
        }
    }

    fn tell_left(&mut self, reason: Option<String>, was_in: bool) {
        let peer_id = self.own_id.as_ref().filter(|_| was_in).map(PeerId::to_string);
        let channel = self.channel.take().map(|channel| channel.to_string());
        self.tell(PeerEvent::Left { peer_id, channel, reason });
    }

    fn end_media(&mut self) {
        self.media.clear();
        self.held.clear();
        self.steps.clear();
        self.reconcile.clear();
    }

    pub(super) fn subscribe(&mut self, now: Time) {
        let Some(joining) = &self.joining else { return };
        let options = SubscribeOptions { include_sender_metadata: joining.options.include_sender_metadata };
        let channel = joining.channel.clone();
        match self.signalling.subscribe(now, channel.as_str(), options) {
            Ok(request) => {
                self.requests.push_back((request, Request::Subscribe));
            }
            Err(error) => self.join_failed(now, error.into()),
        }
    }

    /// Subscribes the joined channel once more, with the options of `join`.
    pub(super) fn subscribe_again(&mut self, now: Time) {
        let Some(channel) = self.channel.clone() else { return };
        if let Ok(request) = self.signalling.subscribe(now, channel.as_str(), self.reconcile.options()) {
            self.requests.push_back((request, Request::Background));
        }
    }

    pub(super) fn connect_done(&mut self, now: Time, result: Result<(), ConnectError>) {
        match result {
            // `close` answers for itself.
            _ if self.state != PeerState::Joining => {}
            Ok(()) => self.subscribe(now),
            Err(error) => self.join_failed(now, error.into()),
        }
    }

    pub(super) fn subscribe_done(&mut self, now: Time, result: Result<(), RequestError>) {
        if self.state != PeerState::Joining {
            return;
        }
        match result {
            Ok(()) => self.joined(now),
            Err(error) => self.join_failed(now, error.into()),
        }
    }

    fn joined(&mut self, now: Time) {
        let Some(joining) = self.joining.take() else { return };
        self.channel = Some(joining.channel.clone());
        self.reconcile.set_options(joining.options);
        self.enter(PeerState::Joined);
        let peer_id = self.own_id.as_ref().map(PeerId::to_string).unwrap_or_default();
        self.tell(PeerEvent::Joined { peer_id, channel: joining.channel.to_string() });
        self.done(joining.op, Outcome::Join(Ok(())));
        for event in joining.early {
            self.signalling_event(now, event);
        }
    }

    /// Back to idle; the same peer may join again.
    fn join_failed(&mut self, now: Time, error: JoinError) {
        let Some(joining) = self.joining.take() else { return };
        if let Ok(request) = self.signalling.unsubscribe(now, joining.channel.as_str()) {
            self.requests.push_back((request, Request::Background));
        }
        self.enter(PeerState::Idle);
        self.done(joining.op, Outcome::Join(Err(error)));
    }

    pub(super) fn signalling_event(&mut self, now: Time, event: SignallingEvent<J>) {
        if self.state == PeerState::Joining
            && matches!(
                event,
                SignallingEvent::Message { .. }
                    | SignallingEvent::Direct { .. }
                    | SignallingEvent::Presence { .. }
            )
        {
            return self.keep_early(event);
        }
        match event {
            SignallingEvent::Connected(connected) => self.connected(now, connected),
            SignallingEvent::Disconnected { code, reason, will_reconnect, .. } => {
                self.disconnected(now, code, &reason, will_reconnect);
            }
            SignallingEvent::StateChange { .. } | SignallingEvent::GoingAway { .. } => {}
            SignallingEvent::IceServers { ice_servers } => self.set_ice_servers(ice_servers),
            SignallingEvent::Message { channel, from, data, from_metadata } => {
                self.message_came(&channel, &from, data, from_metadata);
            }
            SignallingEvent::Direct { from, data, from_metadata } => {
                self.direct_came(now, &from, data, from_metadata);
            }
            SignallingEvent::Presence { channel, joined, left } => self.presence_came(&channel, joined, left),
            SignallingEvent::ServerError { code, message, .. } => {
                self.server_error(&code, message.as_deref())
            }
            SignallingEvent::TokenProviderError { error, .. } => {
                if !std::mem::replace(&mut self.token_error_told, true) {
                    self.tell_error("TokenProviderError", &error);
                }
            }
            SignallingEvent::SubscriptionLost { channel, code } => {
                self.subscription_lost(now, &channel, &code)
            }
        }
    }

    fn keep_early(&mut self, event: SignallingEvent<J>) {
        let Some(joining) = &mut self.joining else { return };
        if joining.early.len() < MAX_EARLY {
            joining.early.push_back(event);
        } else {
            self.log(LogLevel::Warn, "too many frames before the subscription; dropped");
        }
    }

    fn presence_came(&mut self, channel: &str, joined: Vec<Member<J>>, left: Vec<Member<J>>) {
        if self.channel.as_ref().is_some_and(|own| own.as_str() == channel) {
            self.presence(joined, left);
        }
    }

    fn connected(&mut self, now: Time, connected: Connected<J>) {
        match PeerId::new(&connected.peer_id) {
            Ok(id) => {
                if let Some(former) = self.own_id.replace(id.clone()).filter(|former| *former != id) {
                    self.former_ids.push_back(former);
                    if self.former_ids.len() > MAX_FORMER_IDS {
                        self.former_ids.pop_front();
                    }
                }
            }
            Err(error) => self.log(LogLevel::Warn, format!("the welcome names this peer badly: {error}")),
        }
        // A list that is left out leaves the earlier one in force (R67).
        if let Some(ice_servers) = connected.ice_servers {
            self.set_ice_servers(ice_servers);
        }
        if self.state == PeerState::Reconnecting {
            self.reconnected(now);
        }
    }

    /// For connections that are made from now on, and for what live ones gather from now on: an allocation
    /// keeps the user that it was made with (RFC 8656 section 5), but a restart of ICE makes others.
    fn set_ice_servers(&mut self, ice_servers: Vec<IceServer>) {
        if self.ice_servers.as_ref() == Some(&ice_servers) {
            return;
        }
        let links: Vec<_> = self.remotes.iter().map(|remote| remote.link.id).collect();
        for link in links {
            self.command(link, RtcCommand::SetServers(ice_servers.clone()));
        }
        self.ice_servers = Some(ice_servers);
    }

    fn disconnected(&mut self, now: Time, code: CloseCode, reason: &str, will_reconnect: bool) {
        match self.state {
            PeerState::Joining => {
                if !will_reconnect {
                    self.tell_fatal(code, reason);
                } else {
                    // A join is tried once; the caller decides about the next one.
                    let request = self.signalling.close(now, CloseCode::NORMAL, "join failed");
                    self.requests.push_back((request, Request::Background));
                }
            }
            PeerState::Joined | PeerState::Reconnecting if will_reconnect => self.connection_lost(),
            PeerState::Joined | PeerState::Reconnecting => self.ended(code, reason),
            PeerState::Idle => {
                if will_reconnect {
                    let request = self.signalling.close(now, CloseCode::NORMAL, "not joined");
                    self.requests.push_back((request, Request::Background));
                }
                self.ended(code, reason);
            }
            PeerState::Leaving | PeerState::Closed => {}
        }
    }

    fn connection_lost(&mut self) {
        self.reconcile.lost();
        self.steps.clear();
        let keys: Vec<_> = self.remotes.iter().map(|remote| remote.key).collect();
        for key in keys {
            let state = self.remote_mut(key).map(|remote| remote.state);
            if matches!(state, Some(RemoteState::Connecting | RemoteState::Connected)) {
                self.set_remote_state(key, RemoteState::Reconnecting);
            }
        }
        self.enter(PeerState::Reconnecting);
    }

    /// The client ended by itself: so does the peer.
    pub(super) fn ended(&mut self, code: CloseCode, reason: &str) {
        self.tell_fatal(code, reason);
        let reason =
            if reason.is_empty() { format!("disconnected (code {code})") } else { reason.to_owned() };
        self.end(crate::secret::scrub(&reason));
    }

    pub(super) fn end(&mut self, reason: String) {
        let was_in = self.state != PeerState::Idle;
        self.end_remotes();
        self.end_media();
        self.enter(PeerState::Closed);
        self.tell_left(Some(reason), was_in);
    }

    fn tell_fatal(&mut self, code: CloseCode, reason: &str) {
        let name = match code {
            CloseCode::INVALID_TOKEN => "invalid_token",
            CloseCode::TOKEN_EXPIRED => "token_expired",
            CloseCode::CHANNEL_NOT_AUTHORIZED => "channel_not_authorized",
            CloseCode::ACCOUNT_SUSPENDED => "account_suspended",
            CloseCode::ADMIN_DISCONNECT => "admin_disconnect",
            _ => return,
        };
        let reason = if reason.is_empty() { name } else { reason };
        self.tell_error(name, reason);
    }

    fn server_error(&mut self, code: &ErrorCode, message: Option<&str>) {
        let fatal = [
            "account_suspended",
            "channel_not_authorized",
            "action_not_permitted",
            "invalid_token",
            "token_expired",
        ];
        let name = code.as_str();
        if fatal.contains(&name) {
            self.tell_error(name, message.unwrap_or(name));
        } else {
            self.log(LogLevel::Warn, format!("the server reports {code}"));
        }
    }

    /// The channel is refused for good after a reconnect: there is nothing left to be in.
    fn subscription_lost(&mut self, now: Time, channel: &ChannelName, code: &ErrorCode) {
        if self.channel.as_ref() != Some(channel) || self.state != PeerState::Reconnecting {
            return;
        }
        self.tell_error(code.as_str(), "the server refuses the channel after a reconnect");
        let request = self.signalling.close(now, CloseCode::NORMAL, "channel refused");
        self.requests.push_back((request, Request::Background));
        self.end(format!("the channel was refused: {code}"));
    }
}
