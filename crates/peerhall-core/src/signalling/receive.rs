//! What a message from the server means for the client (sdk-behaviour, section 3.7).

use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::json::Json;

use super::inbound::{Inbound, Welcome, read};
use super::liveness::Liveness;
use super::requests::Waiting;
use super::state::{Phase, Session};
use super::{Connected, MAX_INBOUND_UNITS, Signalling, SignallingEvent};
use crate::error::RequestError;
use crate::ice_servers;
use crate::ids::SocketId;
use crate::output::{LogLevel, Outcome};
use crate::secret::Secret;
use crate::time::Time;

impl<J: Json> Signalling<J> {
    /// A text message came, `units` UTF-16 code units long. `parse` is called unless the message is too
    /// long, and gives `None` when it is not JSON.
    pub fn socket_text(
        &mut self,
        now: Time,
        socket: SocketId,
        units: usize,
        parse: impl FnOnce() -> Option<J>,
    ) {
        if !self.is_current(socket) {
            return;
        }
        if units > MAX_INBOUND_UNITS {
            return self.give_up_socket(now, CloseCode::TOO_BIG, "message too big");
        }
        if let Some(liveness) = self.phase.liveness_mut() {
            liveness.heard(now);
        }
        match parse().and_then(read) {
            Some(frame) => self.receive(now, socket, frame),
            None => {
                self.log(LogLevel::Warn, format!("a message of {units} units is no known frame; dropped"))
            }
        }
    }

    /// A message that is not text came. It is dropped, and is no sign of life.
    pub fn socket_binary(&mut self, socket: SocketId) {
        if self.is_current(socket) {
            self.log(LogLevel::Warn, "a binary message was dropped");
        }
    }

    fn receive(&mut self, now: Time, socket: SocketId, frame: Inbound<J>) {
        match frame {
            Inbound::Welcome(welcome) => self.welcomed(now, socket, welcome),
            Inbound::Ack { request_id } => self.accepted(&request_id),
            Inbound::Error { code, message, request_id } => self.error_came(now, code, message, request_id),
            Inbound::Message { channel, from, data, from_metadata } => {
                self.tell(SignallingEvent::Message { channel, from, data, from_metadata });
            }
            Inbound::Direct { from, data, from_metadata } => {
                self.tell(SignallingEvent::Direct { from, data, from_metadata });
            }
            Inbound::Presence { channel, joined, left } => {
                self.tell(SignallingEvent::Presence { channel, joined, left });
            }
            Inbound::GoingAway { retry_after } => {
                self.stay_away(retry_after);
                self.tell(SignallingEvent::GoingAway { retry_after });
            }
            Inbound::IceServers(list) => match ice_servers::read(list) {
                Some(ice_servers) => self.tell(SignallingEvent::IceServers { ice_servers }),
                None => self.log(LogLevel::Warn, "iceServers break a rule; ignored"),
            },
            Inbound::Pong => {}
        }
    }

    fn welcomed(&mut self, now: Time, socket: SocketId, welcome: Welcome<J>) {
        let first = match &self.phase {
            Phase::First { op, .. } => Some(*op),
            Phase::Lost { .. } => None,
            Phase::Live(_) | Phase::Idle | Phase::Closed => {
                return self.log(LogLevel::Warn, "a second welcome on one connection; ignored");
            }
        };
        self.max_message_size = welcome.max_message_size;
        self.resume = welcome.resume.map(Secret::new);
        self.peer_id = Some(welcome.peer_id.clone());
        self.pace = super::pace::Pace::starting(now);
        let liveness = self.options.inactivity_timeout.map(|window| Liveness::starting(now, window));
        self.enter(Phase::Live(Session { socket, liveness }));
        let ice_servers = welcome
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.get("iceServers"))
            .map(|list| ice_servers::read(list.into_owned()));
        if ice_servers == Some(None) {
            self.log(LogLevel::Warn, "iceServers break a rule; ignored");
        }
        self.tell(SignallingEvent::Connected(Connected {
            peer_id: welcome.peer_id,
            server_time: welcome.server_time,
            expires_at: welcome.expires_at,
            is_reconnect: first.is_none(),
            max_message_size: welcome.max_message_size,
            ice_servers: ice_servers.flatten(),
            metadata: welcome.metadata,
        }));
        match first {
            Some(op) => self.done(op, Outcome::Connect(Ok(()))),
            None if self.options.auto_resubscribe => {
                for channel in self.channels.held() {
                    self.replay(now, channel, 0);
                }
            }
            None => {}
        }
    }

    fn accepted(&mut self, request_id: &str) {
        match self.requests.answered(request_id) {
            Some(Waiting::Subscribe { op, .. } | Waiting::Call(op)) => {
                self.done(op, Outcome::Request(Ok(())))
            }
            // A connection that holds its channels again has shown that its key is good.
            Some(Waiting::Replay { .. }) => self.key_expired = false,
            None => self.log(LogLevel::Debug, "an answer to no request; ignored"),
        }
    }

    fn error_came(
        &mut self,
        now: Time,
        code: ErrorCode,
        message: Option<String>,
        request_id: Option<String>,
    ) {
        let waiting = request_id.as_deref().and_then(|id| self.requests.answered(id));
        match (waiting, request_id) {
            (Some(waiting), Some(request_id)) => {
                let message = message.unwrap_or_else(|| code.to_string());
                self.refused(now, waiting, RequestError::Rejected { code, message, request_id });
            }
            // A server without `ping` says so at every keepalive.
            (None, None) if code == ErrorCode::UnknownType => {}
            (_, request_id) => self.tell(SignallingEvent::ServerError { code, request_id, message }),
        }
    }

    /// A request failed while the connection lives.
    pub(super) fn refused(&mut self, now: Time, waiting: Waiting, error: RequestError) {
        let for_good = match &error {
            RequestError::Rejected { code, .. } => is_permanent(code).then(|| code.clone()),
            RequestError::NotConnected
            | RequestError::Disconnected { .. }
            | RequestError::AckTimeout { .. }
            | RequestError::Oversized { .. }
            | RequestError::Name(_) => None,
        };
        match waiting {
            Waiting::Call(op) => self.done(op, Outcome::Request(Err(error))),
            Waiting::Subscribe { op, channel } => {
                if for_good.is_some() {
                    self.channels.let_go(&channel);
                }
                self.done(op, Outcome::Request(Err(error)));
            }
            Waiting::Replay { channel, tries } => match for_good {
                Some(code) => {
                    self.channels.let_go(&channel);
                    self.log(LogLevel::Warn, format!("a held channel is refused for good: {code}"));
                    self.tell(SignallingEvent::SubscriptionLost { channel, code });
                }
                None => {
                    self.log(
                        LogLevel::Warn,
                        format!("a channel could not be subscribed again: {}", error.name()),
                    );
                    self.channels.retry_later(now, channel, tries + 1);
                }
            },
        }
    }
}

/// Whether asking again cannot help (X22).
fn is_permanent(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ChannelNotAuthorized
            | ErrorCode::ChannelReserved
            | ErrorCode::InvalidChannel
            | ErrorCode::ChannelLimitExceeded
            | ErrorCode::ActionNotPermitted
    )
}
