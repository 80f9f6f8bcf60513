//! What two peers share: inputs and calls come in, outputs go out.
//!
//! | file | what is decided there |
//! |---|---|
//! | `calls.rs` | what the application asks for |
//! | `channels.rs` | which data channels there are, and what belongs to a lost one |
//! | `detour.rs` | whether messages go over the connection or through the server |
//! | `labels.rs` | who creates the channel of a label (section 7.3) |
//! | `frames.rs` | what the other side says about messages |
//! | `flow.rs` | what goes out next, in fair turns |
//! | `timers.rs` | what has taken too long |

mod calls;
mod channels;
mod detour;
mod flow;
mod frames;
mod labels;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::detour::Detour;
use crate::error::{CutOff, TransferError};
use crate::event::{ChannelChange, ChannelId, Event, IncomingId, OutgoingId, Output};
use crate::frame::control::Control;
use crate::lane::Lane;
use crate::options::{ChannelOptions, Config};

pub use calls::{Have, Sending};
use detour::Road;

/// Which side creates channels (section 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The impolite one.
    Creator,
    /// The polite one.
    Asker,
}

/// A message of a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Bytes.
    Binary(Bytes),
    /// Text.
    Text(String),
}

/// A data channel that the remote opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChannel {
    /// Its label.
    pub label: String,
    /// Its behaviour, with the protocol on the wire.
    pub init: ChannelOptions,
}

/// The labelled channels and transfers between this peer and one other. It outlives their connections.
#[derive(Debug)]
pub struct Session {
    config: Config,
    role: Role,
    /// Names this session to the other side.
    tag: u64,
    /// Names the session of the other side, once it was heard.
    remote_tag: Option<u64>,
    phase: Phase,
    control: Option<ControlChannel>,
    /// When who creates channels makes another control channel, because the other side has closed it.
    greet_at: Option<Duration>,
    lanes: Vec<Lane>,
    /// The lane whose turn is next.
    turn: usize,
    next_channel: u64,
    next_outgoing: u32,
    next_incoming: u64,
    next_nonce: u32,
    probe: Probe,
    /// Whether the remote knows labels, once it has shown that on the present connection.
    capable: Option<bool>,
    /// The remote has shown that it does not know labels.
    unlabelled: bool,
    road: Road,
    /// Nothing gets through to the remote at present, as far as the peer below knows.
    cut: bool,
    detour: Detour,
    /// Channels of the connection that are about to be closed, because nothing goes over it.
    turned_away: Vec<ChannelId>,
    /// When something happened last.
    now: Duration,
    /// Something has happened since it was found out last what may be sent.
    unsettled: bool,
    out: VecDeque<Output>,
}

/// Whether the present connection is asked to negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    /// Nobody wants a label.
    NotNeeded,
    /// Soon, if the other side has not done it before.
    Wanted,
    /// Then, if the other side has not done it before.
    At(Duration),
    /// It was.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The other side has not shown that it knows labels.
    Alone,
    /// The control channel is on its way.
    Greeting,
    /// Both have said hello.
    Ready,
    /// Nothing is done any more.
    Over,
}

#[derive(Debug)]
struct ControlChannel {
    id: ChannelId,
    open: bool,
    buffered: usize,
}

impl Session {
    /// What two peers share from now on. `tag` is random: it tells this session from an earlier one of the
    /// same peer.
    #[must_use]
    pub fn new(role: Role, tag: u64, config: Config) -> Self {
        Self {
            config,
            role,
            tag,
            remote_tag: None,
            phase: Phase::Alone,
            control: None,
            greet_at: None,
            lanes: Vec::new(),
            turn: 0,
            next_channel: 0,
            next_outgoing: 0,
            next_incoming: 0,
            next_nonce: 0,
            probe: Probe::NotNeeded,
            capable: None,
            unlabelled: false,
            road: Road::Connection,
            cut: false,
            detour: Detour::new(tag),
            turned_away: Vec::new(),
            now: Duration::ZERO,
            unsettled: false,
            out: VecDeque::new(),
        }
    }

    /// The next thing to do. Take all of them after each call.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            while let Some(output) = self.out.pop_front() {
                if let Some(output) = self.by_connection(output) {
                    return Some(output);
                }
            }
            if !self.settle() && !self.detour_step() {
                return None;
            }
        }
    }

    /// Whether the two sessions talk.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// The labels that are open or being opened, with how they really behave.
    pub fn labels(&self) -> impl Iterator<Item = (&Arc<str>, &ChannelOptions)> {
        self.lanes.iter().filter(|lane| !lane.closing).map(|lane| (&lane.label, &lane.options))
    }

    /// The remote peer has left, or this one: everything ends, and nothing is done any more.
    pub fn end(&mut self) {
        if self.phase != Phase::Over {
            self.finish_all(&TransferError::Closed);
        }
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn channel_event(&mut self, label: &Arc<str>, change: ChannelChange) {
        self.event(Event::Channel { label: Arc::clone(label), change });
    }

    fn lane_named(&self, label: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| &*lane.label == label)
    }

    fn lane_on(&self, channel: ChannelId) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.channel.as_ref().is_some_and(|known| known.id == channel))
    }

    fn lane_sending(&self, id: OutgoingId) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.is_sending(id))
    }

    fn lane_receiving(&self, id: IncomingId) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.incoming.iter().any(|message| message.id == id))
    }

    fn new_channel(&mut self) -> ChannelId {
        self.next_channel += 1;
        ChannelId(self.next_channel)
    }

    fn say(&mut self, control: &Control) {
        let Some(channel) = self.control.as_mut().filter(|channel| channel.open) else { return };
        let bytes = control.encode();
        channel.buffered = channel.buffered.saturating_add(bytes.len());
        let channel = channel.id;
        self.out.push_back(Output::Send { channel, bytes });
    }

    /// The remote broke a rule: nothing of it is believed any more.
    fn cut_off(&mut self, reason: CutOff) {
        self.finish_all(&TransferError::Closed);
        self.event(Event::CutOff(reason));
    }

    fn finish_all(&mut self, error: &TransferError) {
        while !self.lanes.is_empty() {
            self.drop_lane(0, error);
        }
        if let Some(control) = self.control.take() {
            self.out.push_back(Output::Close(control.id));
        }
        self.phase = Phase::Over;
        (self.greet_at, self.unsettled) = (None, false);
        self.end_detour();
    }

    /// Takes a lane away, closes its channel and fails what was on it.
    fn drop_lane(&mut self, index: usize, error: &TransferError) {
        if index >= self.lanes.len() {
            return;
        }
        let lane = self.lanes.remove(index);
        self.fail_lane(lane, error);
    }

    fn fail_lane(&mut self, lane: Lane, error: &TransferError) {
        if let Some(channel) = &lane.channel {
            self.out.push_back(Output::Close(channel.id));
        }
        for message in lane.outgoing {
            self.event(Event::SendFailed { transfer: message.id, error: error.clone() });
        }
        // What came as a whole is the application's, read or not.
        for message in lane.incoming.into_iter().filter(|message| !message.has_ended()) {
            self.event(Event::IncomingFailed { incoming: message.id, error: error.clone() });
        }
        if !lane.closing {
            self.channel_event(&lane.label, ChannelChange::Close);
        }
    }
}
