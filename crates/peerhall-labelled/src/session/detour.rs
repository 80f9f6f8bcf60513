//! Which way messages go: over the connection, or through the server while there is none. A move from one to the
//! other is a reset: channels are made anew, and what was not received is sent again.

use std::time::Duration;

use super::{Phase, Role, Session};
use crate::detour::{Record, Turn};
use crate::error::{CutOff, DirectError};
use crate::event::{ChannelId, Event, Output, Way};
use crate::frame::MAX_MESSAGE_BYTES;
use crate::lane::Bounds;
use crate::options::{BUFFER_CEILING, CHUNK, ChannelOptions, DETOUR_CEILING, PROTOCOL};
use crate::session::{Message, RemoteChannel};

/// Which way the channels of a session go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Over the connection.
    Connection,
    /// Through the server: those with a number above this one.
    Server { above: u64 },
}

impl Session {
    /// The peer below finds no connection to the remote, which takes labelled data through the server in texts of
    /// so many letters; or, with `None`, has found one.
    pub fn detour(&mut self, now: Duration, room: Option<usize>) {
        self.now = now;
        if self.phase != Phase::Over && self.config.fallback {
            let turn = self.detour.want(now, room);
            self.take_turn(turn);
        }
    }

    /// The remote has sent a text through the server; a text of this side may have so many letters.
    pub fn direct(&mut self, now: Duration, text: &str, room: usize) {
        self.now = now;
        if self.phase == Phase::Over || !self.config.fallback {
            return;
        }
        let heard = self.detour.hear(now, text, room).and_then(|turn| {
            self.take_turn(turn);
            self.take_records(now)
        });
        match heard {
            Ok(()) => self.flush(now),
            Err(reason) => self.cut_off(reason),
        }
    }

    /// What came of a text ([`Output::Direct`]).
    pub fn direct_done(&mut self, now: Duration, number: u64, result: Result<(), DirectError>) {
        self.now = now;
        let turn = self.detour.answered(now, number, result);
        if self.phase != Phase::Over {
            self.take_turn(turn);
            self.flush(now);
        }
    }

    /// Which way messages go.
    #[must_use]
    pub const fn way(&self) -> Way {
        match self.road {
            Road::Connection => Way::Connection,
            Road::Server { .. } => Way::Server,
        }
    }

    /// What a new channel's buffer may hold.
    pub(super) fn bounds(&self) -> Bounds {
        match self.road {
            Road::Connection => Bounds {
                ceiling: BUFFER_CEILING,
                widest: self.config.buffer.max(BUFFER_CEILING),
                chunk: self.config.chunk.clamp(CHUNK, MAX_MESSAGE_BYTES),
            },
            Road::Server { .. } => Bounds { ceiling: DETOUR_CEILING, widest: DETOUR_CEILING, chunk: CHUNK },
        }
    }

    /// Whether channels of this kind can be made on the present road: raw messages are the application's, and go
    /// over connections only.
    pub(super) fn carries(&self, options: &ChannelOptions) -> bool {
        self.road == Road::Connection || options.is_framed()
    }

    /// Closes a channel of the connection that the remote should not have made, or not any more.
    pub(super) fn turn_away(&mut self) -> ChannelId {
        let id = self.new_channel();
        self.turned_away.push(id);
        self.out.push_back(Output::Close(id));
        id
    }

    /// The remote has made a control channel on the connection: it has seen that there is one.
    pub(super) fn called_back(&mut self) {
        if self.way() == Way::Server {
            let turn = self.detour.leave(self.now);
            self.take_turn(turn);
        }
    }

    /// There is a path to the remote again.
    pub(super) fn path_found(&mut self) {
        let turn = self.detour.path_found(self.now);
        self.take_turn(turn);
    }

    /// The other side owes something on the way through the server, and nothing has come for too long: as long as
    /// it is there it can be found again.
    pub(super) fn detour_is_silent(&mut self) {
        let turn = self.detour.lost(self.now);
        self.take_turn(turn);
    }

    /// The present stay on the way through the server began under another role, or another name.
    pub(super) fn detour_anew(&mut self) {
        let turn = self.detour.begin_anew(self.now);
        self.take_turn(turn);
    }

    /// Ends the way through the server for good.
    pub(super) fn end_detour(&mut self) {
        self.detour.end(self.now);
        self.drop_outputs();
        self.road = Road::Connection;
    }

    /// Keeps an output that is about a channel through the server, and gives back any other.
    pub(super) fn by_connection(&mut self, output: Output) -> Option<Output> {
        if !self.goes_through_the_server(&output) {
            if let Output::Close(closed) = &output {
                self.turned_away.retain(|id| id != closed);
            }
            return Some(output);
        }
        match output {
            Output::Create { channel, label, .. } => {
                let turn = self.detour.create(self.now, channel, &label);
                self.take_turn(turn);
                None
            }
            Output::Send { channel, bytes } => {
                self.detour.send(channel, bytes);
                None
            }
            Output::Close(channel) => {
                self.detour.close(channel);
                None
            }
            Output::Negotiate
            | Output::Want { .. }
            | Output::Direct { .. }
            | Output::Rewind(_)
            | Output::Event(_) => Some(output),
        }
    }

    /// Does what is left to do on the way through the server; whether there may be outputs now.
    pub(super) fn detour_step(&mut self) -> bool {
        let now = self.now;
        if let Some((channel, line)) = self.detour.next_opened() {
            self.opened(now, channel, Some(line));
            return true;
        }
        let Some((number, text)) = self.detour.next_text(now) else { return false };
        self.out.push_back(Output::Direct { number, text });
        self.note_queues();
        self.flush(now);
        true
    }

    pub(super) fn take_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Stay => {}
            Turn::Enter => self.turn_to(Road::Server { above: self.next_channel }),
            Turn::Leave => self.turn_to(Road::Connection),
            Turn::LeaveOverQuota => {
                self.turn_to(Road::Connection);
                self.event(Event::OverQuota);
            }
        }
    }

    /// Goes on another way, or the same anew.
    fn turn_to(&mut self, road: Road) {
        let before = self.way();
        self.drop_outputs();
        if before == Way::Connection && road != Road::Connection {
            self.drop_channels();
        }
        if before == Way::Connection && road == Road::Connection {
            return;
        }
        self.start_over();
        self.road = road;
        if self.way() != before {
            self.event(Event::Way(self.way()));
        }
        match road {
            Road::Server { .. } => self.greet(),
            Road::Connection => self.go_by_what_is_known(),
        }
        self.flush(self.now);
    }

    /// Closes all channels. The control channel first: without it the others count as lost over there, not as
    /// closed.
    pub(super) fn drop_channels(&mut self) {
        let left: Vec<_> = self.own_channels().collect();
        self.out.extend(left.into_iter().map(Output::Close));
    }

    fn take_records(&mut self, now: Duration) -> Result<(), CutOff> {
        while let Some(record) = self.detour.next_record()? {
            match record {
                Record::Open { line, label } => {
                    let init = ChannelOptions { protocol: PROTOCOL.to_owned(), ..ChannelOptions::default() };
                    if self.role == Role::Creator {
                        return Err(CutOff::OutOfTurn);
                    }
                    if let Some(channel) = self.accept_channel(RemoteChannel { label, init }) {
                        self.detour.add_line(channel, line);
                        self.opened(now, channel, Some(line));
                    }
                }
                Record::Message { line, bytes } => {
                    if let Some(channel) = self.detour.channel(line) {
                        let waits = self.detour.queued(channel);
                        self.message(now, channel, waits, Message::Binary(bytes));
                    }
                }
                Record::Close { line } => {
                    if let Some(channel) = self.detour.channel(line) {
                        self.detour.forget(channel);
                        self.closed(now, channel);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells lanes what of theirs waits for its turn.
    fn note_queues(&mut self) {
        let queued: Vec<_> =
            self.own_channels().map(|channel| (channel, self.detour.queued(channel))).collect();
        for (channel, bytes) in queued {
            if let Some(control) = self.control.as_mut().filter(|control| control.id == channel) {
                control.buffered = bytes;
            } else if let Some(lane) = self.lane_on(channel).and_then(|index| self.lanes.get_mut(index)) {
                lane.buffered(bytes);
            }
        }
    }

    fn own_channels(&self) -> impl Iterator<Item = ChannelId> {
        let control = self.control.as_ref().map(|control| control.id);
        let lanes = self.lanes.iter().filter_map(|lane| lane.channel.as_ref().map(|channel| channel.id));
        control.into_iter().chain(lanes)
    }

    /// What was wanted of channels through the server is not wanted any more.
    fn drop_outputs(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        out.retain(|output| !self.goes_through_the_server(output));
        self.out = out;
    }

    fn goes_through_the_server(&self, output: &Output) -> bool {
        let Road::Server { above } = self.road else { return false };
        match output {
            Output::Create { channel, .. } | Output::Send { channel, .. } | Output::Close(channel) => {
                channel.0 > above && !self.turned_away.contains(channel)
            }
            Output::Negotiate
            | Output::Want { .. }
            | Output::Direct { .. }
            | Output::Rewind(_)
            | Output::Event(_) => false,
        }
    }
}
