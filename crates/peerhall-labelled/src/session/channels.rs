//! Which data channels there are, and what becomes of messages when one is lost.

use std::sync::Arc;
use std::time::Duration;

use super::{ControlChannel, Message, Phase, Probe, RemoteChannel, Road, Role, Session};
use crate::error::{CutOff, TransferError};
use crate::event::{ChannelChange, ChannelId, Event, Output, Way};
use crate::frame::Frame;
use crate::frame::control::Control;
use crate::lane::{Lane, LaneChannel};
use crate::options::{
    CLOSE_GRACE, CONTROL_LABEL, ChannelOptions, MAX_LABELS, PROTOCOL, VERSION, is_label, labelled_protocol,
};
use crate::outgoing::Outgoing;

impl Session {
    /// The remote has shown, on the present connection, that it knows labels. Telling twice does nothing.
    pub fn capable(&mut self) {
        self.capable = Some(true);
        self.probe = Probe::Done;
        if self.road == Road::Connection {
            self.greet();
        }
    }

    /// Makes the control channel, or waits for it.
    pub(super) fn greet(&mut self) {
        if self.phase != Phase::Alone {
            return;
        }
        self.unlabelled = false;
        self.phase = Phase::Greeting;
        if self.role == Role::Creator {
            let channel = self.new_channel();
            let init = ChannelOptions { protocol: PROTOCOL.to_owned(), ..ChannelOptions::default() };
            self.control = Some(ControlChannel { id: channel, open: false, buffered: 0 });
            self.out.push_back(Output::Create { channel, label: Arc::from(CONTROL_LABEL), init });
        }
    }

    /// The remote has shown, on the present connection, that it does not know labels: what waits for it
    /// fails.
    pub fn incapable(&mut self) {
        self.capable = Some(false);
        if self.road == Road::Connection {
            self.refuse_all();
        }
    }

    /// The way over the connection begins anew, with a remote that may have shown itself meanwhile.
    pub(super) fn go_by_what_is_known(&mut self) {
        match self.capable {
            Some(true) => self.greet(),
            Some(false) => self.refuse_all(),
            None => {}
        }
    }

    fn refuse_all(&mut self) {
        if self.phase != Phase::Alone || std::mem::replace(&mut self.unlabelled, true) {
            return;
        }
        let waiting: Vec<_> = self
            .lanes
            .iter_mut()
            .flat_map(|lane| lane.outgoing.drain(..).map(|message| message.id))
            .collect();
        for transfer in waiting {
            self.event(Event::SendFailed { transfer, error: TransferError::NotLabelled });
        }
    }

    /// The remote opened a data channel. `None`: it is not a labelled one, and the application's.
    pub fn remote_channel(&mut self, channel: RemoteChannel) -> Option<ChannelId> {
        labelled_protocol(&channel.init.protocol)?;
        if channel.label == CONTROL_LABEL {
            if self.role == Role::Asker {
                self.called_back();
            }
        } else if self.way() == Way::Server || self.phase != Phase::Ready {
            // Of a time before everything went through the server: the creator makes others after both hellos.
            return Some(self.turn_away());
        }
        self.accept_channel(channel)
    }

    /// The other side has made a channel on the present road.
    pub(super) fn accept_channel(&mut self, channel: RemoteChannel) -> Option<ChannelId> {
        let RemoteChannel { label, init } = channel;
        let protocol = labelled_protocol(&init.protocol)?.to_owned();
        if self.role == Role::Creator || self.phase == Phase::Over {
            // Only one side creates.
            return Some(self.turn_away());
        }
        let id = self.new_channel();
        if label == CONTROL_LABEL {
            if let Some(old) = self.control.replace(ControlChannel { id, open: false, buffered: 0 }) {
                self.out.push_back(Output::Close(old.id));
            }
            self.phase = Phase::Greeting;
            return Some(id);
        }
        self.labelled_channel(id, &label, ChannelOptions { protocol, ..init });
        Some(id)
    }

    /// A channel can be used; `stream` is its number on the wire.
    pub fn opened(&mut self, now: Duration, channel: ChannelId, stream: Option<u16>) {
        self.now = now;
        if let Some(control) = self.control.as_mut().filter(|control| control.id == channel) {
            control.open = true;
            if self.role == Role::Creator {
                self.say(&Control::Hello { version: VERSION, tag: self.tag });
            }
            return;
        }
        let Some(index) = self.lane_on(channel) else { return };
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let (closing, label) = (lane.closing, Arc::clone(&lane.label));
        (lane.heard_in, lane.heard_out, lane.spoke) = (now, now, now);
        let mut closed_there = false;
        if let Some(known) = &mut lane.channel {
            known.open = true;
            known.stream = stream;
            let closed = std::mem::take(&mut known.closed_there);
            closed_there = stream.is_some_and(|stream| closed.contains(&stream));
        }
        if closing {
            return self.close_lane(index);
        }
        if closed_there {
            self.closed_by_other(index);
            return self.flush(now);
        }
        lane.reopen = false;
        self.channel_event(&label, ChannelChange::Open);
        self.flush(now);
    }

    /// A message came on a channel, which holds back so many bytes of its own.
    pub fn message(&mut self, now: Duration, channel: ChannelId, buffered: usize, message: Message) {
        if self.phase == Phase::Over {
            return;
        }
        self.now = now;
        let taken = self.take_message(now, channel, buffered, message);
        match taken {
            Ok(()) => self.flush(now),
            Err(reason) => self.cut_off(reason),
        }
    }

    /// A channel holds back so many bytes; to be told at the latest when it falls to
    /// [`BUFFER_LOW`](crate::BUFFER_LOW).
    pub fn buffered(&mut self, now: Duration, channel: ChannelId, bytes: usize) {
        if let Some(control) = self.control.as_mut().filter(|control| control.id == channel) {
            control.buffered = bytes;
        } else if let Some(index) = self.lane_on(channel) {
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.buffered(bytes);
            }
            self.flush(now);
        }
    }

    /// A channel has closed that was not closed here.
    pub fn closed(&mut self, now: Duration, channel: ChannelId) {
        if self.control.as_ref().is_some_and(|control| control.id == channel) {
            self.control = None;
            self.phase = Phase::Alone;
            // The other side has gone another way for a moment, unless the connection is gone.
            let makes_it = self.role == Role::Creator && self.road == Road::Connection;
            self.greet_at = makes_it.then_some(now + CLOSE_GRACE);
            return;
        }
        let Some(index) = self.lane_on(channel) else { return };
        let Some(lane) = self.lanes.get_mut(index) else { return };
        if let Some(known) = &mut lane.channel {
            known.open = false;
            // The word that it was closed, or that the connection is gone, may be on its way.
            known.lost_until = Some(now + CLOSE_GRACE);
        }
        lane.outgoing.iter_mut().for_each(Outgoing::reset);
    }

    /// The peer below has lost the path to the remote, or has found one again. Nobody is late meanwhile: a path may
    /// come back without another connection.
    pub fn path(&mut self, now: Duration, works: bool) {
        self.now = now;
        if std::mem::replace(&mut self.cut, !works) && works {
            for lane in &mut self.lanes {
                (lane.heard_in, lane.heard_out, lane.spoke) = (now, now, now);
            }
        }
        if works && self.phase != Phase::Over {
            self.path_found();
        }
    }

    /// The connection was replaced: all channels on the old one are gone. They come back once the remote
    /// has shown itself [`capable`](Self::capable) on the new one. `role` is that on the new connection,
    /// since a peer may have another id now.
    pub fn reset(&mut self, now: Duration, role: Role) {
        if self.phase == Phase::Over {
            return;
        }
        self.now = now;
        let same_role = std::mem::replace(&mut self.role, role) == role;
        (self.capable, self.probe) = (None, Probe::NotNeeded);
        match self.road {
            Road::Connection => self.start_over(),
            // What is between the two does not hang on the connection, but on who creates channels.
            Road::Server { .. } if same_role => {}
            Road::Server { .. } => self.detour_anew(),
        }
        self.detour.hurry(now);
        if self.lanes.iter().any(|lane| lane.wanted) {
            self.probe();
            self.plan_probe(now);
        }
    }

    /// All channels are gone, and what was on its way is sent again on those that follow.
    pub(super) fn start_over(&mut self) {
        self.phase = Phase::Alone;
        (self.control, self.greet_at) = (None, None);
        self.unlabelled = false;
        self.lanes.retain(|lane| !lane.closing);
        let mut closed = Vec::new();
        for lane in &mut self.lanes {
            lane.asked = None;
            // It is said again when the sender asks.
            (lane.receipts, lane.receipts_by) = (Vec::new(), None);
            if lane.channel.take().is_some() {
                closed.push(Arc::clone(&lane.label));
            }
            lane.outgoing.iter_mut().for_each(Outgoing::reset);
        }
        closed.iter().for_each(|label| self.channel_event(label, ChannelChange::Close));
    }

    /// The only creator has made the channel of a label. If there is one, it was closed over there, and the
    /// word of it is on its way.
    fn labelled_channel(&mut self, id: ChannelId, label: &str, options: ChannelOptions) {
        let old = self
            .lane_named(label)
            .filter(|index| self.lanes.get(*index).is_some_and(|lane| lane.channel.is_some()));
        if let Some(index) = old {
            self.drop_lane(index, &TransferError::ChannelClosed);
        }
        let index = match self.lane_named(label) {
            Some(index) => index,
            None if self.lanes.len() >= MAX_LABELS || !is_label(label) => {
                return self.cut_off(CutOff::TooMany);
            }
            None => {
                self.lanes.push(Lane::new(Arc::from(label), options.clone(), false));
                self.lanes.len() - 1
            }
        };
        let bounds = self.bounds();
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.asked = None;
        lane.options = options.clone();
        lane.channel = Some(LaneChannel::new(id, bounds));
        let (closing, label) = (lane.closing, Arc::clone(&lane.label));
        if !closing {
            self.channel_event(&label, ChannelChange::New { channel: id, options });
        }
    }

    fn take_message(
        &mut self,
        now: Duration,
        channel: ChannelId,
        buffered: usize,
        message: Message,
    ) -> Result<(), CutOff> {
        if let Some(control) = self.control.as_mut().filter(|control| control.id == channel) {
            control.buffered = buffered;
            return match message {
                Message::Binary(bytes) => self.control_message(now, bytes),
                Message::Text(_) => Err(CutOff::OutOfTurn),
            };
        }
        let Some(index) = self.lane_on(channel) else { return Ok(()) };
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        lane.buffered(buffered);
        match message {
            Message::Binary(bytes) => {
                Frame::split(bytes).try_for_each(|frame| self.frame(now, index, Frame::decode(frame)?))
            }
            Message::Text(text) => {
                let label = Arc::clone(&lane.label);
                self.event(Event::Text { label, text });
                Ok(())
            }
        }
    }
}
