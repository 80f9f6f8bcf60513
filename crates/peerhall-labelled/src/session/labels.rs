//! Who creates the channel of a label: the impolite side, once; the polite one asks (section 7.3).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Phase, Probe, Role, Session};
use crate::error::{CutOff, TransferError};
use crate::event::{ChannelChange, Event, Output};
use crate::frame::control::{AskStatus, Control};
use crate::lane::{Lane, LaneChannel};
use crate::options::{ChannelOptions, DEAF_LIMIT, MAX_LABELS, PROBE_DELAY, VERSION, is_label};
use crate::outgoing::Placed;

impl Session {
    /// Something came on the control channel.
    pub(super) fn control_message(&mut self, now: Duration, message: Bytes) -> Result<(), CutOff> {
        match Control::decode(message)? {
            Control::Hello { version, tag } => self.hello(now, version, tag),
            _ if self.phase != Phase::Ready => Err(CutOff::OutOfTurn),
            Control::Ask { nonce, label, options } => self.ask(nonce, &label, options),
            Control::Answer { nonce, status, options } => {
                self.answer(nonce, status, options);
                Ok(())
            }
            Control::Closed { stream, label } => {
                self.closed_there(stream, &label);
                Ok(())
            }
        }
    }

    /// Makes the channel of a lane, or asks for it, unless there is one or one is on its way.
    pub(super) fn make_channel(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else { return };
        if self.phase == Phase::Alone && lane.wanted {
            return self.probe();
        }
        let free = lane.channel.is_none() && lane.asked.is_none();
        if self.phase != Phase::Ready || !free || !self.carries(&lane.options) {
            return;
        }
        let (label, options) = (Arc::clone(&lane.label), lane.options.clone());
        match self.role {
            Role::Creator => {
                let channel = self.new_channel();
                let init = ChannelOptions { protocol: options.wire_protocol(), ..options.clone() };
                self.out.push_back(Output::Create { channel, label: Arc::clone(&label), init });
                let bounds = self.bounds();
                if let Some(lane) = self.lanes.get_mut(index) {
                    lane.channel = Some(LaneChannel::new(channel, bounds));
                }
                self.channel_event(&label, ChannelChange::New { channel, options });
            }
            Role::Asker if lane.wanted => {
                self.next_nonce = self.next_nonce.wrapping_add(1);
                let nonce = self.next_nonce;
                if let Some(lane) = self.lanes.get_mut(index) {
                    lane.asked = Some(nonce);
                }
                self.say(&Control::Ask { nonce, label, options });
            }
            Role::Asker => {}
        }
    }

    /// Capabilities are shown in descriptions, of which an idle connection exchanges none.
    pub(super) fn probe(&mut self) {
        if self.probe != Probe::NotNeeded {
            return;
        }
        match self.role {
            Role::Creator => self.probe_now(),
            Role::Asker => self.probe = Probe::Wanted,
        }
    }

    pub(super) fn probe_now(&mut self) {
        self.probe = Probe::Done;
        self.out.push_back(Output::Negotiate);
    }

    /// From now on the other side has so much time to have the connection negotiate.
    pub(super) fn plan_probe(&mut self, now: Duration) {
        if self.probe == Probe::Wanted {
            self.probe = Probe::At(now + PROBE_DELAY);
        }
    }

    /// Closes a lane for good and tells the other side, as soon as that can be done.
    pub(super) fn close_lane(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else { return };
        let label = Arc::clone(&lane.label);
        let stream = lane.channel.as_ref().filter(|channel| channel.open).and_then(|channel| channel.stream);
        let on_its_way =
            lane.channel.as_ref().is_some_and(|channel| !channel.open && channel.lost_until.is_none())
                || lane.asked.is_some();
        if stream.is_none() && on_its_way {
            return self.close_when_open(index);
        }
        self.drop_lane(index, &TransferError::ChannelClosed);
        if let Some(stream) = stream {
            self.say(&Control::Closed { stream, label });
        }
    }

    /// The other side does not know that it need not open the channel any more, and its number on the wire
    /// is not known here: the lane stays until then, and nothing of it is shown.
    fn close_when_open(&mut self, index: usize) {
        let Some(lane) = self.lanes.get_mut(index).filter(|lane| !lane.closing) else { return };
        lane.closing = true;
        let label = Arc::clone(&lane.label);
        let failed: Vec<_> = lane.outgoing.drain(..).map(|message| message.id).collect();
        for transfer in failed {
            self.event(Event::SendFailed { transfer, error: TransferError::ChannelClosed });
        }
        self.channel_event(&label, ChannelChange::Close);
    }

    fn hello(&mut self, now: Duration, version: u8, tag: u64) -> Result<(), CutOff> {
        if version != VERSION {
            return Err(CutOff::Version(version));
        }
        if self.phase != Phase::Greeting {
            return Err(CutOff::OutOfTurn);
        }
        let known = self.remote_tag.replace(tag);
        if known.is_some_and(|known| known != tag) {
            self.other_session();
        }
        // The creator's channels come after its hello was heard, because it waits for this answer.
        if self.role == Role::Asker {
            self.say(&Control::Hello { version: VERSION, tag: self.tag });
        }
        self.phase = Phase::Ready;
        self.event(Event::Ready);
        (0..self.lanes.len()).for_each(|index| self.make_channel(index));
        self.flush(now);
        Ok(())
    }

    /// The other side is another session than before: it has nothing of what was sent, and what it was
    /// sending does not come any more.
    fn other_session(&mut self) {
        while let Some(index) = self.lanes.iter().position(|lane| !lane.wanted) {
            self.drop_lane(index, &TransferError::ConnectionReset);
        }
        let mut out = Vec::new();
        for lane in &mut self.lanes {
            lane.newest = 0;
            lane.finished.clear();
            let error = TransferError::ConnectionReset;
            let cut_short = lane.incoming.drain(..).filter(|message| !message.has_ended());
            out.extend(cut_short.map(|message| {
                Output::Event(Event::IncomingFailed { incoming: message.id, error: error.clone() })
            }));
            for message in lane.outgoing.iter_mut().filter(|message| message.was_announced()) {
                if message.forgotten() == Placed::Rewind {
                    out.push(Output::Rewind(message.id));
                }
            }
        }
        self.out.extend(out);
    }

    fn ask(&mut self, nonce: u32, label: &Arc<str>, options: ChannelOptions) -> Result<(), CutOff> {
        if self.role == Role::Asker || !is_label(label) {
            return Err(CutOff::OutOfTurn);
        }
        if self.control.as_ref().is_some_and(|control| control.buffered > DEAF_LIMIT) {
            return Err(CutOff::Deaf);
        }
        // The other side has closed a channel that it wants again.
        if let Some(lost) =
            self.lane_named(label).filter(|index| self.lanes.get(*index).is_some_and(Lane::is_lost))
        {
            self.drop_lane(lost, &TransferError::ChannelClosed);
        }
        let (index, status) = match self.lane_named(label) {
            Some(index) => (index, AskStatus::Exists),
            None if self.lanes.len() >= MAX_LABELS => {
                self.say(&Control::Answer { nonce, status: AskStatus::Refused, options });
                return Ok(());
            }
            None => {
                self.lanes.push(Lane::new(Arc::clone(label), options, false));
                (self.lanes.len() - 1, AskStatus::Created)
            }
        };
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        // The other side wants what this one was about to close.
        lane.closing = false;
        lane.reopen = lane.may_be_closed();
        let options = lane.options.clone();
        self.make_channel(index);
        self.say(&Control::Answer { nonce, status, options });
        Ok(())
    }

    fn answer(&mut self, nonce: u32, status: AskStatus, options: ChannelOptions) {
        let Some(index) = self.lanes.iter().position(|lane| lane.asked == Some(nonce)) else { return };
        let Some(lane) = self.lanes.get_mut(index) else { return };
        match status {
            AskStatus::Created | AskStatus::Exists => lane.options = options,
            AskStatus::Refused => {
                let (closing, label) = (lane.closing, Arc::clone(&lane.label));
                if !closing {
                    self.channel_event(&label, ChannelChange::Refused);
                }
                self.drop_lane(index, &TransferError::ChannelClosed);
            }
        }
    }

    fn closed_there(&mut self, stream: u16, label: &str) {
        let Some(index) = self.lane_named(label) else { return };
        let Some(channel) = self.lanes.get_mut(index).and_then(|lane| lane.channel.as_mut()) else { return };
        match channel.stream {
            Some(known) if known == stream => self.drop_lane(index, &TransferError::ChannelClosed),
            // About one before.
            Some(_) => {}
            None => channel.note_closed(stream),
        }
    }

    /// The channel of a lane was closed by the other side; the lane is made anew if somebody has opened it
    /// since.
    pub(super) fn closed_by_other(&mut self, index: usize) {
        let Some(lane) = self.lanes.get(index) else { return };
        let again =
            lane.reopen.then(|| Lane::new(Arc::clone(&lane.label), lane.options.clone(), lane.wanted));
        self.drop_lane(index, &TransferError::ChannelClosed);
        if let Some(lane) = again {
            self.lanes.push(lane);
            self.make_channel(self.lanes.len() - 1);
        }
    }
}
