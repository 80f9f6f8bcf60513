//! What the application asks for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Phase, Session};
use crate::error::{SendError, TransferError};
use crate::event::{Event, IncomingId, OutgoingId, Output};
use crate::frame::{Code, ContentId, Frame, Kind, MAX_INFO_BYTES};
use crate::incoming::Incoming;
use crate::lane::{Finished, Lane};
use crate::options::{ChannelOptions, MAX_LABELS, MAX_RECEIPTS, RECEIPT_DELAY, is_label};
use crate::outgoing::Outgoing;

/// A message to send, but for its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What it is.
    pub kind: Kind,
    /// What goes along with it: JSON by agreement of the drivers, at most 8 KiB.
    pub info: Bytes,
    /// Bytes, unless it is a stream of unknown length.
    pub total: Option<u64>,
    /// What it is a copy of. With it the sender waits until the receiver has said what it has.
    pub content: Option<ContentId>,
}

/// What a receiver has of a message already.
#[derive(Debug, Clone, Default)]
pub struct Have {
    /// Bytes from the beginning.
    pub bytes: u64,
    /// A hasher that has seen them.
    pub hasher: blake3::Hasher,
}

impl Session {
    /// Opens the channel of a label, or finds the one that the other side opened; it comes back by itself
    /// after a lost connection.
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`], [`SendError::TooManyLabels`] and [`SendError::Closed`].
    pub fn open(&mut self, now: Duration, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        if self.phase == Phase::Over {
            return Err(SendError::Closed);
        }
        if !is_label(label) {
            return Err(SendError::BadLabel);
        }
        let index = match self.lane_named(label) {
            Some(index) => index,
            None if self.lanes.len() >= MAX_LABELS => return Err(SendError::TooManyLabels(MAX_LABELS)),
            None => {
                self.lanes.push(Lane::new(Arc::from(label), options, true));
                self.lanes.len() - 1
            }
        };
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.wanted = true;
            lane.reopen = lane.may_be_closed();
            lane.closing = false;
        }
        self.make_channel(index);
        self.flush(now);
        Ok(())
    }

    /// Closes the channel of a label on both sides, for good. What was being sent fails.
    pub fn close(&mut self, now: Duration, label: &str) {
        if let Some(index) = self.lane_named(label) {
            self.close_lane(index);
            self.flush(now);
        }
    }

    /// Sends a message behind those before it on this label. Its bytes follow with
    /// [`provide`](Self::provide).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send(&mut self, now: Duration, label: &str, sending: Sending) -> Result<OutgoingId, SendError> {
        if self.phase == Phase::Over {
            return Err(SendError::Closed);
        }
        if self.unlabelled {
            return Err(SendError::NotLabelled);
        }
        if sending.info.len() > MAX_INFO_BYTES {
            return Err(SendError::InfoTooLarge { size: sending.info.len() });
        }
        let lane = self.lane_named(label).and_then(|index| self.lanes.get_mut(index));
        let lane = lane.filter(|lane| !lane.closing).ok_or(SendError::NoChannel)?;
        if !lane.options.is_framed() {
            return Err(SendError::NotFramed);
        }
        // Numbers rise for as long as the session lives, and it ends before they begin anew.
        self.next_outgoing = self.next_outgoing.checked_add(1).ok_or(SendError::Closed)?;
        let id = OutgoingId(self.next_outgoing);
        let Sending { kind, info, total, content } = sending;
        lane.outgoing.push_back(Outgoing::new(id, kind, info, total, content));
        if lane.last_is_near() {
            self.flush(now);
        }
        Ok(id)
    }

    /// The next bytes of a message; `last` when there are no more. What comes after the last, or for a
    /// message that has ended, is dropped.
    pub fn provide(&mut self, now: Duration, id: OutgoingId, bytes: Bytes, last: bool) {
        let index = self.lane_sending(id);
        let message = index.and_then(|index| self.lanes.get_mut(index)).and_then(|lane| lane.message(id));
        if message.is_some_and(|message| message.provide(bytes, last)) {
            self.flush(now);
        }
    }

    /// Gives up sending a message; the receiver learns of it at once.
    pub fn abort(&mut self, now: Duration, id: OutgoingId, reason: &str) {
        let error = TransferError::Aborted { reason: reason.to_owned() };
        self.give_up(now, id, Code::Application, reason, error);
    }

    /// The bytes of a message cannot begin anew.
    pub fn cannot_rewind(&mut self, now: Duration, id: OutgoingId) {
        self.give_up(now, id, Code::Reset, "", TransferError::ConnectionReset);
    }

    /// Holds a message back, or goes on with it. The receiver knows that the sender is still there.
    pub fn pause(&mut self, now: Duration, id: OutgoingId, paused: bool) {
        let index = self.lane_sending(id);
        if let Some(message) =
            index.and_then(|index| self.lanes.get_mut(index)).and_then(|lane| lane.message(id))
        {
            message.paused = paused;
            self.flush(now);
        }
    }

    /// The application has read so many more bytes of a message.
    pub fn read(&mut self, now: Duration, id: IncomingId, bytes: usize) {
        self.now = now;
        let Some(index) = self.lane_receiving(id) else { return };
        let credit = self.lanes.get_mut(index).and_then(|lane| lane.coming_by_id(id)?.read(bytes));
        if let Some(credit) = credit {
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.heard_in = now;
            }
            self.transmit(index, &credit);
        }
        self.confirm(index, id);
        self.flush(now);
    }

    /// Takes a message whose sender waits, and goes on after what is here already.
    pub fn accept(&mut self, now: Duration, id: IncomingId, have: Have) {
        let Some(index) = self.lane_receiving(id) else { return };
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.heard_in = now;
        let place = lane
            .coming_by_id(id)
            .filter(|message| message.waits)
            .map(|message| message.accept(have.bytes, have.hasher));
        if let Some(place) = place {
            self.transmit(index, &place);
            self.flush(now);
        }
    }

    /// Does not want a message, or no more of it; the sender learns of it at once.
    pub fn cancel(&mut self, now: Duration, id: IncomingId, reason: &str) {
        let error = TransferError::Cancelled { reason: reason.to_owned() };
        self.refuse(id, Code::Application, reason, error);
        self.flush(now);
    }

    /// Ends a message that goes out, and tells the receiver if it knows of it.
    pub(super) fn give_up(
        &mut self,
        now: Duration,
        id: OutgoingId,
        code: Code,
        reason: &str,
        error: TransferError,
    ) {
        let Some(index) = self.lane_sending(id) else { return };
        let message = self.lanes.get_mut(index).and_then(|lane| lane.take_message(id));
        if message.is_some_and(|message| message.was_announced()) {
            let reason = reason.to_owned();
            self.transmit(index, &Frame::Abort { transfer: id.0, code, reason });
        }
        self.event(Event::SendFailed { transfer: id, error });
        self.flush(now);
    }

    /// Ends a message that comes, and tells the sender.
    pub(super) fn refuse(&mut self, id: IncomingId, code: Code, reason: &str, error: TransferError) {
        let Some(index) = self.lane_receiving(id) else { return };
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let Some(wire) = lane.coming_by_id(id).map(|message| message.wire) else { return };
        lane.finish(wire, Finished::Cancelled(code));
        self.transmit(index, &Frame::Cancel { transfer: wire, code, reason: reason.to_owned() });
        self.event(Event::IncomingFailed { incoming: id, error });
    }

    /// Tells the sender that a message was received and read, when it was.
    pub(super) fn confirm(&mut self, index: usize, id: IncomingId) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let Some(message) = lane.coming_by_id(id) else { return };
        let wire = message.wire;
        if let Some(receipt) = message.is_done() {
            lane.finish(wire, Finished::Received(receipt));
            let frame = Frame::Received { transfer: wire, bytes: receipt.bytes, proof: receipt.proof };
            frame.write(&mut lane.receipts);
            // What came together is mostly read together.
            let more = lane.incoming.iter().any(Incoming::has_ended);
            if more && lane.receipts.len() < MAX_RECEIPTS {
                lane.receipts_by.get_or_insert(self.now + RECEIPT_DELAY);
            } else {
                self.send_receipts(index);
            }
        }
    }

    /// Tells the sender what was received.
    pub(super) fn send_receipts(&mut self, index: usize) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.receipts_by = None;
        let bytes = std::mem::take(&mut lane.receipts);
        self.put(index, bytes.into());
    }

    /// Sends a frame of a lane, if its channel is open; otherwise it is said again after the reset.
    pub(super) fn transmit(&mut self, index: usize, frame: &Frame) {
        self.put(index, frame.encode());
    }

    pub(super) fn put(&mut self, index: usize, bytes: Bytes) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        let Some(channel) = lane.open_channel() else { return };
        lane.fill(bytes.len());
        self.out.push_back(Output::Send { channel, bytes });
    }
}
