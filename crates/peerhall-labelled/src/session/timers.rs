//! What has taken too long (section 7.4, "stall").

use std::sync::Arc;
use std::time::Duration;

use super::{Probe, Session};
use crate::error::TransferError;
use crate::event::{IncomingId, OutgoingId, Way};
use crate::frame::Code;
use crate::lane::Lane;
use crate::outgoing::{Outgoing, Stage};

/// Signs of life in the time after which the other side gives up.
const SIGNS: u32 = 3;

impl Session {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do, unless something happens before. What is
    /// done when outputs are taken does not count while some are left.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let limit = self.stall_limit();
        let probe = match self.probe {
            Probe::At(at) => Some(at),
            Probe::NotNeeded | Probe::Wanted | Probe::Done => None,
        };
        let detour = self.detour.deadline();
        let lanes = self.lanes.iter().filter_map(|lane| next(lane, limit));
        let flow = self.lanes.iter().filter(|_| !self.unsettled).filter_map(flows_at);
        lanes.chain(flow).chain(probe).chain(detour).chain(self.greet_at).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        let turn = self.detour.due(now);
        self.take_turn(turn);
        let is_due = |at: Option<Duration>| at.is_some_and(|at| now >= at);
        if matches!(self.probe, Probe::At(at) if now >= at) {
            self.probe_now();
        }
        if self.greet_at.take_if(|at| now >= *at).is_some() {
            self.drop_channels();
            self.start_over();
            self.go_by_what_is_known();
        }
        while let Some(index) = self.lanes.iter().position(|lane| is_due(lane.receipts_by)) {
            self.send_receipts(index);
        }
        while let Some(index) = self.lanes.iter().position(|lane| is_due(lost(lane))) {
            self.lost_for_good(index);
        }
        let Some(limit) = self.stall_limit() else { return self.flush(now) };
        let silent = |lane: &Lane| is_due(sender_is_late(lane, limit));
        if self.way() == Way::Server && self.lanes.iter().any(silent) {
            self.detour_is_silent();
        }
        let error = TransferError::Stalled { waited: limit };
        let by_server = self.way() == Way::Server;
        for index in 0..self.lanes.len() {
            let Some(lane) = self.lanes.get_mut(index) else { continue };
            if by_server && is_due(receiver_is_late(lane, limit)) && !lane.asked_server {
                // A receiver may have met the quota, and could not say so. Who only does not read gets as long again.
                (lane.asked_server, lane.heard_out) = (true, now);
                self.detour.ask_server();
            }
            let late_out = is_due(receiver_is_late(lane, limit)).then(|| waited_for(lane)).flatten();
            let late_in = is_due(sender_is_late(lane, limit)).then(|| awaited(lane)).flatten();
            let sign = is_due(sign_is_due(lane, limit)).then(|| lane.is_silent().map(|m| m.sign_of_life()));
            if late_out.is_some() {
                lane.heard_out = now;
            }
            if late_in.is_some() {
                lane.heard_in = now;
            }
            if let Some(Some(sign)) = sign {
                lane.spoke = now;
                self.transmit(index, &sign);
            }
            if let Some(id) = late_out {
                self.give_up(now, id, Code::Stalled, "", error.clone());
            }
            if let Some(id) = late_in {
                self.refuse(id, Code::Stalled, "", error.clone());
            }
        }
        self.flush(now);
    }

    /// After which silence somebody is late. Nobody is while there is no path.
    fn stall_limit(&self) -> Option<Duration> {
        let waits = self.cut && self.way() == Way::Connection;
        self.config.stall_limit.filter(|_| !waits)
    }

    /// A channel closed, and neither word nor reset has come. With the control channel still there it was
    /// closed by the other side; otherwise the connection is gone, and the channel comes back.
    fn lost_for_good(&mut self, index: usize) {
        if self.control.is_some() {
            return self.closed_by_other(index);
        }
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.channel = None;
        let label = Arc::clone(&lane.label);
        self.channel_event(&label, crate::event::ChannelChange::Close);
    }
}

fn next(lane: &Lane, limit: Option<Duration>) -> Option<Duration> {
    let stalls = limit.and_then(|limit| {
        let late = [receiver_is_late(lane, limit), sender_is_late(lane, limit), sign_is_due(lane, limit)];
        late.into_iter().flatten().min()
    });
    [lost(lane), lane.receipts_by, stalls].into_iter().flatten().min()
}

/// When something is sent or told that waits for more of its kind.
fn flows_at(lane: &Lane) -> Option<Duration> {
    lane.open().filter_map(Outgoing::tells_at).chain(lane.begins_at()).min()
}

fn lost(lane: &Lane) -> Option<Duration> {
    lane.channel.as_ref().and_then(|channel| channel.lost_until)
}

fn receiver_is_late(lane: &Lane, limit: Duration) -> Option<Duration> {
    (lane.open_channel().is_some() && lane.is_waiting()).then(|| lane.heard_out + limit)
}

fn sender_is_late(lane: &Lane, limit: Duration) -> Option<Duration> {
    (lane.open_channel().is_some() && lane.awaited().is_some()).then(|| lane.heard_in + limit)
}

fn sign_is_due(lane: &Lane, limit: Duration) -> Option<Duration> {
    (lane.open_channel().is_some() && lane.is_silent().is_some()).then(|| lane.spoke + limit / SIGNS)
}

/// The message that the receiver owes something for.
fn waited_for(lane: &Lane) -> Option<OutgoingId> {
    let front = lane.outgoing.front()?;
    Some(if front.stage == Stage::Ended { front.id } else { lane.current()?.id })
}

fn awaited(lane: &Lane) -> Option<IncomingId> {
    lane.awaited().map(|message| message.id)
}
