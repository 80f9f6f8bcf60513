//! Application data, out and in (sdk-behaviour, sections 4.4 and 4.6).

use peerhall_proto::json::Json;

use super::{DataKind, Peer, PeerEvent, PeerState, Request};
use crate::error::{RequestError, SendError};
use crate::ids::{OpId, PeerId, RemoteKey};
use crate::link::signal::{self, Payload};
use crate::output::LogLevel;
use crate::time::Time;

impl<J: Json> Peer<J> {
    /// Sends to everybody in the channel, through the server; the answer is
    /// [`Outcome::Send`](crate::Outcome::Send).
    ///
    /// # Errors
    ///
    /// [`SendError::NotJoined`] or [`SendError::Oversized`]; nothing was sent.
    pub fn send(&mut self, now: Time, data: J) -> Result<OpId, SendError> {
        let channel = match (&self.channel, self.state) {
            (Some(channel), PeerState::Joined) => channel.clone(),
            _ => return Err(SendError::NotJoined),
        };
        let request = self.signalling.publish(now, channel.as_str(), data).map_err(not_sent)?;
        Ok(self.sent(now, request))
    }

    /// Sends to one peer, through the server; the answer is [`Outcome::Send`](crate::Outcome::Send).
    ///
    /// # Errors
    ///
    /// [`SendError`] for everything that is known before sending.
    pub fn send_to(&mut self, now: Time, to: &str, data: J) -> Result<OpId, SendError> {
        if self.state != PeerState::Joined {
            return Err(SendError::NotJoined);
        }
        let to = PeerId::new(to).map_err(SendError::InvalidArgs)?;
        if self.own_id.as_ref() == Some(&to) {
            return Err(SendError::SelfSend);
        }
        if signal::looks_like_signal(&data) {
            self.log(LogLevel::Warn, "a payload looks like negotiation to its receiver");
        }
        let request = self.signalling.send(now, to.as_str(), data).map_err(not_sent)?;
        Ok(self.sent(now, request))
    }

    /// Sends to a remote peer, through the server.
    ///
    /// # Errors
    ///
    /// [`SendError::RemoteClosed`] once it has left; otherwise as [`send_to`](Self::send_to).
    pub fn send_to_remote(&mut self, now: Time, remote: RemoteKey, data: J) -> Result<OpId, SendError> {
        let id = self.remote_mut(remote).map(|remote| remote.id.clone()).ok_or(SendError::RemoteClosed)?;
        self.send_to(now, id.as_str(), data)
    }

    pub(super) fn sent(&mut self, now: Time, request: OpId) -> OpId {
        self.requests.push_back((request, Request::Send));
        self.pump(now);
        request
    }

    /// A broadcast came.
    pub(super) fn message_came(&mut self, channel: &str, from: &str, data: J, sender_metadata: Option<J>) {
        let Some(sender) = self.named(from) else { return };
        let ours = self.channel.as_ref().is_some_and(|own| own.as_str() == channel);
        if !ours || !self.takes_data() {
            return;
        }
        if !self.options.broadcasts_of_strangers && self.remote_by_id(&sender).is_none() {
            return self.log(LogLevel::Debug, "a broadcast of a peer that is not here was dropped");
        }
        self.tell(PeerEvent::Data { sender, data, kind: DataKind::Broadcast, sender_metadata });
    }

    /// A message to this peer alone came: negotiation, or application data.
    pub(super) fn direct_came(&mut self, now: Time, from: &str, data: J, sender_metadata: Option<J>) {
        let Some(sender) = self.named(from) else { return };
        if !self.takes_data() {
            return;
        }
        let key =
            self.remote_by_id(&sender).and_then(|index| self.remotes.get(index)).map(|remote| remote.key);
        match (signal::read(data, self.signalling.max_message_size()), key) {
            (Payload::Signal(signal), Some(key)) => {
                if self.steps.is_empty() {
                    self.deliver(key, signal);
                } else {
                    self.steps.push_back(super::Step::Signal(key, signal));
                }
            }
            // It belongs to a talk that somebody who is not here cannot have.
            #[cfg(feature = "labelled")]
            (Payload::Signal(signal::Signal::Carried(_)), None) => {
                self.log(LogLevel::Debug, "labelled data of a peer that is not here was dropped");
            }
            (Payload::Signal(signal), None) => {
                if !self.held.hold(now, &sender, signal) {
                    self.log(LogLevel::Warn, "too much negotiation of a peer that is not here was dropped");
                }
            }
            (Payload::Malformed, _) => {
                self.log(LogLevel::Warn, "a message looks like negotiation and was dropped");
            }
            (Payload::Data(_), None) => {
                self.log(LogLevel::Debug, "a message of a peer that is not here was dropped");
            }
            (Payload::Data(data), Some(_)) => {
                self.tell(PeerEvent::Data { sender, data, kind: DataKind::Direct, sender_metadata });
            }
        }
    }

    fn takes_data(&self) -> bool {
        matches!(self.state, PeerState::Joined | PeerState::Reconnecting)
    }
}

pub(super) fn not_sent(error: RequestError) -> SendError {
    match error {
        RequestError::Oversized { size, cap } => SendError::Oversized { size, cap },
        RequestError::Name(name) => SendError::InvalidArgs(name),
        RequestError::NotConnected
        | RequestError::Disconnected { .. }
        | RequestError::AckTimeout { .. }
        | RequestError::Rejected { .. } => SendError::Request(error),
    }
}
