//! What a caller asks of the server (sdk-behaviour, section 3.6). The order of checks is part of the
//! contract.

use peerhall_proto::json::Json;

use super::requests::Waiting;
use super::state::Phase;
use super::{Signalling, SubscribeOptions};
use crate::error::RequestError;
use crate::ids::{ChannelName, OpId, PeerId};
use crate::output::Output;
use crate::time::Time;

/// A `send` that waits for its turn.
#[derive(Debug)]
pub(super) struct PacedSend<J> {
    pub(super) op: OpId,
    to: PeerId,
    data: J,
}

impl<J: Json> Signalling<J> {
    /// Subscribes a channel and holds it from now on, across reconnects; the answer is
    /// [`Outcome::Request`](crate::Outcome::Request).
    ///
    /// # Errors
    ///
    /// [`RequestError::Name`], or [`RequestError::NotConnected`] with nothing held that was not before.
    pub fn subscribe(
        &mut self,
        now: Time,
        channel: &str,
        options: SubscribeOptions,
    ) -> Result<OpId, RequestError> {
        let channel = ChannelName::new(channel)?;
        let held_before = self.channels.hold(&channel, options);
        if !self.is_connected() {
            if !held_before {
                self.channels.let_go(&channel);
            }
            return Err(RequestError::NotConnected);
        }
        let op = self.new_op();
        self.send_subscribe(now, channel.clone(), options, Waiting::Subscribe { op, channel });
        Ok(op)
    }

    /// Lets a channel go; the answer is [`Outcome::Request`](crate::Outcome::Request).
    ///
    /// # Errors
    ///
    /// [`RequestError::Name`] or [`RequestError::NotConnected`]; the channel is not held any more in any
    /// case.
    pub fn unsubscribe(&mut self, now: Time, channel: &str) -> Result<OpId, RequestError> {
        let channel = ChannelName::new(channel);
        if let Ok(channel) = &channel {
            self.channels.let_go(channel);
        }
        self.needs_connection()?;
        let op = self.new_op();
        let members = vec![("type", J::string("unsubscribe")), ("channel", J::string(channel?.as_str()))];
        self.request(now, members, Waiting::Call(op));
        Ok(op)
    }

    /// Publishes on a channel; the answer is [`Outcome::Request`](crate::Outcome::Request).
    ///
    /// # Errors
    ///
    /// [`RequestError::Oversized`], [`RequestError::NotConnected`] or [`RequestError::Name`], in this
    /// order; nothing was sent.
    pub fn publish(&mut self, now: Time, channel: &str, data: J) -> Result<OpId, RequestError> {
        self.needs_room(&data)?;
        self.needs_connection()?;
        let channel = ChannelName::new(channel)?;
        let op = self.new_op();
        let members =
            vec![("type", J::string("publish")), ("channel", J::string(channel.as_str())), ("data", data)];
        self.request(now, members, Waiting::Call(op));
        Ok(op)
    }

    /// Sends to one peer; the answer is [`Outcome::Request`](crate::Outcome::Request).
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish).
    pub fn send(&mut self, now: Time, to: &str, data: J) -> Result<OpId, RequestError> {
        self.needs_room(&data)?;
        self.needs_connection()?;
        let to = PeerId::new(to)?;
        let op = self.new_op();
        self.send_now(now, op, &to, data);
        Ok(op)
    }

    /// Sends to one peer as soon as the rate allows; in order with others sent this way.
    pub(crate) fn send_in_turn(&mut self, now: Time, to: PeerId, data: J) -> Result<OpId, RequestError> {
        self.needs_connection()?;
        let op = self.new_op();
        self.pace.push(PacedSend { op, to, data });
        self.send_paced(now);
        Ok(op)
    }

    /// The same for what can wait until nothing else does, and has a size that nobody has looked at.
    #[cfg(feature = "labelled")]
    pub(crate) fn send_in_spare_time(
        &mut self,
        now: Time,
        to: PeerId,
        data: J,
    ) -> Result<OpId, RequestError> {
        self.needs_room(&data)?;
        self.needs_connection()?;
        let op = self.new_op();
        self.pace.push_spare(PacedSend { op, to, data });
        self.send_paced(now);
        Ok(op)
    }

    pub(super) fn send_paced(&mut self, now: Time) {
        if !self.is_connected() {
            return;
        }
        while let Some(PacedSend { op, to, data }) = self.pace.pop(now) {
            self.write_send(now, op, &to, data);
        }
    }

    /// Subscribes a held channel again after a reconnect, with the options of this moment.
    pub(super) fn replay(&mut self, now: Time, channel: ChannelName, tries: u32) {
        if !self.is_connected() {
            return;
        }
        if let Some(options) = self.channels.options(&channel) {
            self.send_subscribe(now, channel.clone(), options, Waiting::Replay { channel, tries });
        }
    }

    fn send_subscribe(
        &mut self,
        now: Time,
        channel: ChannelName,
        options: SubscribeOptions,
        waiting: Waiting,
    ) {
        let mut members = vec![("type", J::string("subscribe")), ("channel", J::string(channel.as_str()))];
        if options.include_sender_metadata {
            members.push(("includeSenderMetadata", J::boolean(true)));
        }
        self.request(now, members, waiting);
    }

    fn send_now(&mut self, now: Time, op: OpId, to: &PeerId, data: J) {
        self.pace.spent(now);
        self.write_send(now, op, to, data);
    }

    fn write_send(&mut self, now: Time, op: OpId, to: &PeerId, data: J) {
        let members = vec![("type", J::string("send")), ("to", J::string(to.as_str())), ("data", data)];
        self.write(now, members, Waiting::Call(op));
    }

    fn request(&mut self, now: Time, members: Vec<(&'static str, J)>, waiting: Waiting) {
        self.pace.spent(now);
        self.write(now, members, waiting);
    }

    fn write(&mut self, now: Time, mut members: Vec<(&'static str, J)>, waiting: Waiting) {
        let Some(socket) = self.phase.socket() else { return };
        let request_id = self.random.uuid();
        members.push(("requestId", J::string(&request_id)));
        self.requests.add(now, request_id, waiting);
        self.outputs.push_back(Output::SendText { socket, frame: J::object(members) });
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
    }

    fn needs_connection(&self) -> Result<(), RequestError> {
        if self.is_connected() { Ok(()) } else { Err(RequestError::NotConnected) }
    }

    fn needs_room(&self, data: &J) -> Result<(), RequestError> {
        let (size, cap) = (data.encoded_len(), self.max_message_size);
        if size > cap { Err(RequestError::Oversized { size, cap }) } else { Ok(()) }
    }
}
