//! What the other side says about messages: as their sender, and as their receiver.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Session;
use crate::error::{CutOff, TransferError};
use crate::event::{Event, IncomingId, Offer, OutgoingId, Output, Receipt};
use crate::frame::{Code, Frame, Proof, Start};
use crate::incoming::{Incoming, Refusal};
use crate::lane::{Finished, Lane};
use crate::options::{DEAF_LIMIT, MAX_OPEN_TRANSFERS, STALL_LIMIT, WINDOW};
use crate::outgoing::Placed;

impl Session {
    pub(super) fn frame(&mut self, now: Duration, index: usize, frame: Frame) -> Result<(), CutOff> {
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        if lane.channel.as_ref().is_some_and(|channel| channel.buffered > DEAF_LIMIT) {
            return Err(CutOff::Deaf);
        }
        match &frame {
            Frame::Start(_) | Frame::Data { .. } | Frame::End { .. } | Frame::Abort { .. } => {
                lane.heard_in = now;
            }
            Frame::Credit { .. } | Frame::Received { .. } | Frame::Cancel { .. } | Frame::Place { .. } => {
                (lane.heard_out, lane.asked_server) = (now, false);
            }
        }
        match frame {
            Frame::Start(start) => self.started(index, start),
            Frame::Data { transfer, bytes } => self.data(index, transfer, bytes),
            Frame::End { transfer, proof } => self.ended(index, transfer, proof),
            Frame::Abort { transfer, code, reason } => self.aborted(index, transfer, code, reason),
            Frame::Credit { transfer, bytes } => {
                let Some(message) = self.sent_message(index, transfer)? else { return Ok(()) };
                message.credit(now, bytes).map_err(|_| CutOff::Credit)
            }
            Frame::Received { transfer, bytes, proof } => self.received(now, index, transfer, bytes, proof),
            Frame::Cancel { transfer, code, reason } => {
                let known = self.sent_message(index, transfer)?.is_some();
                let lane = self.lanes.get_mut(index).filter(|_| known);
                lane.map(|lane| lane.take_message(OutgoingId(transfer)));
                if known {
                    let error = self.in_words(code, TransferError::Cancelled { reason });
                    self.event(Event::SendFailed { transfer: OutgoingId(transfer), error });
                }
                Ok(())
            }
            Frame::Place { transfer, offset, unread } => self.placed(now, index, transfer, offset, unread),
        }
    }

    fn started(&mut self, index: usize, start: Start) -> Result<(), CutOff> {
        if start.again && self.started_again(index, start.transfer) {
            return Ok(());
        }
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        let brings = !start.first.is_empty() || start.whole.is_some();
        if start.transfer <= lane.newest || (start.asks_place && brings) {
            return Err(CutOff::OutOfTurn);
        }
        if lane.incoming.len() >= MAX_OPEN_TRANSFERS {
            return Err(CutOff::TooMany);
        }
        lane.newest = start.transfer;
        self.next_incoming += 1;
        let id = IncomingId(self.next_incoming);
        let waits = start.asks_place && start.content.is_some();
        let mut message = Incoming::new(id, start.transfer, start.total, waits);
        let place = (start.asks_place && !waits).then(|| message.place());
        lane.incoming.push(message);
        if start.total.is_some_and(|total| total > self.config.max_message) {
            return self.too_large(index, start.transfer);
        }
        let label = Arc::clone(&lane.label);
        let Start { kind, info, total, content, whole, first, transfer, .. } = start;
        self.event(Event::Incoming {
            incoming: id,
            label,
            offer: Offer { kind, info, total, content, waits },
        });
        if let Some(place) = place {
            self.transmit(index, &place);
        }
        match whole {
            Some(proof) => self.whole(index, transfer, first, proof),
            None if first.is_empty() => Ok(()),
            None => self.data(index, transfer, first),
        }
    }

    /// All of a message came at once.
    fn whole(&mut self, index: usize, wire: u32, bytes: Bytes, proof: Proof) -> Result<(), CutOff> {
        let Some(message) = self.coming_message(index, wire)? else { return Ok(()) };
        let id = message.id;
        let found = message.whole(&bytes, proof);
        self.within_window(index)?;
        if found.is_ok() && !bytes.is_empty() {
            self.event(Event::Data { incoming: id, bytes });
        }
        self.complete(index, id, found)
    }

    /// A message is announced that was announced before. Returns whether it is known.
    fn started_again(&mut self, index: usize, wire: u32) -> bool {
        let Some(lane) = self.lanes.get_mut(index) else { return true };
        let answer = if let Some(message) = lane.coming(wire) {
            if message.waits {
                // The application has not decided, and will.
                return true;
            }
            message.place()
        } else {
            match lane.how_it_ended(wire) {
                None => return false,
                Some(Finished::Received(receipt)) => {
                    Frame::Received { transfer: wire, bytes: receipt.bytes, proof: receipt.proof }
                }
                Some(Finished::Cancelled(code)) => {
                    Frame::Cancel { transfer: wire, code, reason: String::new() }
                }
                Some(Finished::Aborted) => {
                    Frame::Cancel { transfer: wire, code: Code::Closed, reason: String::new() }
                }
            }
        };
        self.transmit(index, &answer);
        true
    }

    fn too_large(&mut self, index: usize, wire: u32) -> Result<(), CutOff> {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.finish(wire, Finished::Cancelled(Code::Limit));
        }
        let reason = format!("messages of up to {} bytes are taken", self.config.max_message);
        self.transmit(index, &Frame::Cancel { transfer: wire, code: Code::Limit, reason });
        Ok(())
    }

    fn data(&mut self, index: usize, wire: u32, bytes: Bytes) -> Result<(), CutOff> {
        let Some(message) = self.coming_message(index, wire)? else { return Ok(()) };
        let id = message.id;
        message.data(&bytes).map_err(|_| CutOff::OutOfTurn)?;
        self.within_window(index)?;
        if !bytes.is_empty() {
            self.event(Event::Data { incoming: id, bytes });
        }
        Ok(())
    }

    /// The other side has sent no more than it may.
    fn within_window(&self, index: usize) -> Result<(), CutOff> {
        if self.lanes.get(index).is_some_and(|lane| lane.untold() > WINDOW) {
            return Err(CutOff::Credit);
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, wire: u32, proof: Proof) -> Result<(), CutOff> {
        let Some(message) = self.coming_message(index, wire)? else { return Ok(()) };
        let (id, found) = (message.id, message.end(proof));
        self.complete(index, id, found)
    }

    /// A message has ended, and is what was sent, or not.
    fn complete(
        &mut self,
        index: usize,
        id: IncomingId,
        found: Result<Receipt, Refusal>,
    ) -> Result<(), CutOff> {
        match found {
            Ok(receipt) => {
                self.event(Event::Complete { incoming: id, receipt });
                self.confirm(index, id);
                Ok(())
            }
            Err(Refusal::OutOfTurn) => Err(CutOff::OutOfTurn),
            Err(Refusal::Mismatch) => {
                self.refuse(id, Code::Proof, "", TransferError::ProofMismatch);
                Ok(())
            }
        }
    }

    fn aborted(&mut self, index: usize, wire: u32, code: Code, reason: String) -> Result<(), CutOff> {
        let Some(message) = self.coming_message(index, wire)? else { return Ok(()) };
        let incoming = message.id;
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.finish(wire, Finished::Aborted);
        }
        let error = self.in_words(code, TransferError::Aborted { reason });
        self.event(Event::IncomingFailed { incoming, error });
        Ok(())
    }

    fn received(
        &mut self,
        now: Duration,
        index: usize,
        wire: u32,
        bytes: u64,
        proof: Proof,
    ) -> Result<(), CutOff> {
        let Some(message) = self.sent_message(index, wire)? else { return Ok(()) };
        let receipt = message.received(now, bytes, proof).ok_or(CutOff::OutOfTurn)?;
        let progress = message.progress(now, true);
        let transfer = message.id;
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.take_message(transfer);
        }
        self.event(Event::Progress { transfer, progress });
        self.event(Event::Sent { transfer, receipt });
        Ok(())
    }

    fn placed(
        &mut self,
        now: Duration,
        index: usize,
        wire: u32,
        offset: u64,
        unread: u32,
    ) -> Result<(), CutOff> {
        let Some(message) = self.sent_message(index, wire)? else { return Ok(()) };
        let transfer = message.id;
        if message.place(now, offset, unread).map_err(|_| CutOff::OutOfTurn)? == Placed::Rewind {
            self.out.push_back(Output::Rewind(transfer));
        }
        Ok(())
    }

    /// The message that the other side speaks about as its receiver; none when it has ended here.
    fn sent_message(
        &mut self,
        index: usize,
        wire: u32,
    ) -> Result<Option<&mut crate::outgoing::Outgoing>, CutOff> {
        if wire > self.next_outgoing {
            return Err(CutOff::OutOfTurn);
        }
        Ok(self.lanes.get_mut(index).and_then(|lane| lane.message(OutgoingId(wire))))
    }

    /// The message that the other side speaks about as its sender; none when it has ended here.
    fn coming_message(&mut self, index: usize, wire: u32) -> Result<Option<&mut Incoming>, CutOff> {
        let lane: Option<&mut Lane> = self.lanes.get_mut(index);
        let Some(lane) = lane else { return Ok(None) };
        if wire > lane.newest {
            return Err(CutOff::OutOfTurn);
        }
        Ok(lane.coming(wire))
    }

    /// What the other side's code means here; `application` when its application wanted it.
    fn in_words(&self, code: Code, application: TransferError) -> TransferError {
        match code {
            Code::Application | Code::Limit | Code::Other(_) => application,
            Code::Stalled => {
                TransferError::Stalled { waited: self.config.stall_limit.unwrap_or(STALL_LIMIT) }
            }
            Code::Proof => TransferError::ProofMismatch,
            Code::Closed => TransferError::ChannelClosed,
            Code::Reset => TransferError::ConnectionReset,
        }
    }
}
