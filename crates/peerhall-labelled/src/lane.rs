//! One label: its channel, the messages that go out over it in the order of the calls, and those that come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{ChannelId, IncomingId, OutgoingId, Receipt};
use crate::frame::{Code, Frame};
use crate::incoming::Incoming;
use crate::options::{CHUNK, ChannelOptions, MAX_OPEN_TRANSFERS, PARTS_PER_SECOND, WINDOW, low_mark};
use crate::outgoing::{Outgoing, Stage};

/// Messages from the one that is being sent on whose first bytes are fetched already, so that many small
/// ones from a disk follow each other without a gap.
const FETCH_AHEAD: usize = 8;

/// Bytes, and messages, up to which more of them are fetched, so that small ones go out together.
const FETCH_AHEAD_BYTES: usize = 2 * CHUNK;
const FETCH_AHEAD_MOST: usize = 2 * BEGUN_TOGETHER;

/// Messages that are announced together where many wait, and how long the first of them waits for the others.
const BEGUN_TOGETHER: usize = MAX_OPEN_TRANSFERS / 4;
const BEGIN_DELAY: Duration = Duration::from_millis(10);

/// What is known of one label.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) label: Arc<str>,
    pub(crate) options: ChannelOptions,
    /// Whether this side's application opened it.
    pub(crate) wanted: bool,
    /// The question that has brought no channel yet.
    pub(crate) asked: Option<u32>,
    /// Whether it is to be closed as soon as it opens.
    pub(crate) closing: bool,
    /// Whether it was opened again after its channel had closed, or may have.
    pub(crate) reopen: bool,
    pub(crate) channel: Option<LaneChannel>,
    pub(crate) outgoing: VecDeque<Outgoing>,
    pub(crate) incoming: Vec<Incoming>,
    /// How the last messages ended that came, in case the sender asks again.
    pub(crate) finished: VecDeque<(u32, Finished)>,
    /// What was received and not told, and when that is told at the latest.
    pub(crate) receipts: Vec<u8>,
    pub(crate) receipts_by: Option<Duration>,
    /// Largest number of a message that came.
    pub(crate) newest: u32,
    /// When the receiver of what goes out was heard last, or nothing was asked of it.
    pub(crate) heard_out: Duration,
    /// Whether the server was asked what has become of the receiver, since that was heard last.
    pub(crate) asked_server: bool,
    /// When the sender of what comes was heard last, or nothing was due.
    pub(crate) heard_in: Duration,
    /// When this side last sent something of a message.
    pub(crate) spoke: Duration,
    /// As many messages were open as may be, and few have been received since.
    is_crowded: bool,
    /// When the next message begins at the latest, after one has been received.
    begins_by: Option<Duration>,
}

/// The data channel of a label.
#[derive(Debug)]
pub(crate) struct LaneChannel {
    pub(crate) id: ChannelId,
    pub(crate) open: bool,
    /// Its number on the wire, once it is open.
    pub(crate) stream: Option<u16>,
    bounds: Bounds,
    /// Bytes that the other side has confirmed in a second, of late; 0 when not known.
    rate: u64,
    /// Bytes in its buffer.
    pub(crate) buffered: usize,
    /// Whether it waits for its buffer to empty.
    pub(crate) full: bool,
    /// It closed without a word; it counts as closed by the other side then.
    pub(crate) lost_until: Option<Duration>,
    /// Numbers of channels that the other side closed while this one's was not known; perhaps this one.
    pub(crate) closed_there: Vec<u16>,
}

/// What a channel's buffer may hold, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// On every line.
    pub(crate) ceiling: usize,
    /// On a fast one.
    pub(crate) widest: usize,
    /// Of one message, on a fast one.
    pub(crate) chunk: usize,
}

/// Numbers that are remembered of channels that the other side closed.
const MAX_CLOSED_THERE: usize = 16;

/// How a message that came has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finished {
    /// It arrived.
    Received(Receipt),
    /// This side did not want it.
    Cancelled(Code),
    /// The sender gave it up.
    Aborted,
}

impl LaneChannel {
    pub(crate) const fn new(id: ChannelId, bounds: Bounds) -> Self {
        Self {
            id,
            open: false,
            stream: None,
            bounds,
            rate: 0,
            buffered: 0,
            full: false,
            lost_until: None,
            closed_there: Vec::new(),
        }
    }

    /// The other side closed the channel of this number before this one's was known.
    pub(crate) fn note_closed(&mut self, stream: u16) {
        if self.closed_there.len() < MAX_CLOSED_THERE {
            self.closed_there.push(stream);
        }
    }

    /// What it sends in a 32nd of a second, as fast as it has been so far, but no less and no more than this.
    fn brings(&self, least: usize, most: usize) -> usize {
        usize::try_from(self.rate / PARTS_PER_SECOND).unwrap_or(usize::MAX).min(most).max(least)
    }
}

impl Lane {
    pub(crate) fn new(label: Arc<str>, options: ChannelOptions, wanted: bool) -> Self {
        Self {
            label,
            options,
            wanted,
            asked: None,
            closing: false,
            reopen: false,
            channel: None,
            outgoing: VecDeque::new(),
            incoming: Vec::new(),
            finished: VecDeque::new(),
            receipts: Vec::new(),
            receipts_by: None,
            newest: 0,
            heard_out: Duration::ZERO,
            asked_server: false,
            heard_in: Duration::ZERO,
            spoke: Duration::ZERO,
            is_crowded: false,
            begins_by: None,
        }
    }

    /// Whether its channel may turn out to be closed by the other side.
    pub(crate) fn may_be_closed(&self) -> bool {
        self.is_lost() || self.channel.as_ref().is_some_and(|channel| !channel.closed_there.is_empty())
    }

    /// Whether its channel closed without a word.
    pub(crate) fn is_lost(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.lost_until.is_some())
    }

    /// The channel, if messages can go over it.
    pub(crate) fn open_channel(&self) -> Option<ChannelId> {
        self.channel.as_ref().filter(|channel| channel.open).map(|channel| channel.id)
    }

    /// The bytes in the channel's buffer, as the driver sees them.
    pub(crate) fn buffered(&mut self, bytes: usize) {
        if let Some(channel) = &mut self.channel {
            channel.buffered = bytes;
            channel.full = channel.full && bytes > low_mark(channel.bounds.ceiling);
        }
    }

    /// Counts bytes that are about to go into the buffer.
    pub(crate) fn fill(&mut self, bytes: usize) {
        if let Some(channel) = &mut self.channel {
            channel.buffered = channel.buffered.saturating_add(bytes);
            let Bounds { ceiling, widest, chunk } = channel.bounds;
            channel.full = channel.full || channel.buffered + chunk > channel.brings(ceiling, widest);
        }
    }

    /// The next frame that may go out, if the buffer, the other side and the order allow one.
    pub(crate) fn next_frame(&mut self, now: Duration) -> Option<Frame> {
        if !self.has_room() {
            return None;
        }
        if self.current()?.stage == Stage::Queued && !self.may_begin(now) {
            return None;
        }
        let chunk = self.chunk();
        let window = WINDOW.saturating_sub(self.in_flight());
        let waiting = self.is_waiting();
        let place = self.ended();
        let current = self.outgoing.get_mut(place)?;
        if let Some(channel) = self.channel.as_mut().filter(|_| current.rate() > 0) {
            channel.rate = current.rate();
        }
        let frame = match current.stage {
            Stage::Queued => current.start(now, chunk, window),
            Stage::Sending => current.next_frame(chunk, window),
            Stage::Placing | Stage::Ended => None,
        }?;
        self.spoke = now;
        if !waiting {
            self.heard_out = now;
        }
        Some(frame)
    }

    /// Bytes of one message of its channel at most, as fast as that has been so far.
    pub(crate) fn chunk(&self) -> usize {
        self.channel.as_ref().map_or(CHUNK, |channel| channel.brings(CHUNK, channel.bounds.chunk))
    }

    /// Whether its channel takes a frame.
    fn has_room(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.open && !channel.full)
    }

    /// When the message that waits for others begins without them.
    pub(crate) fn begins_at(&self) -> Option<Duration> {
        let by = self.begins_by.filter(|_| self.has_room())?;
        (self.current()?.stage == Stage::Queued).then_some(by)
    }

    /// Whether another message may be announced. Where all that may be open are, a few of those that wait are
    /// announced together once there is room for them, or soon after there is room for one.
    fn may_begin(&mut self, now: Duration) -> bool {
        let room = MAX_OPEN_TRANSFERS.saturating_sub(self.begun());
        if room == 0 {
            self.is_crowded = true;
        } else if self.is_crowded && room < BEGUN_TOGETHER {
            self.is_crowded = now < *self.begins_by.get_or_insert(now + BEGIN_DELAY);
        } else {
            self.is_crowded = false;
        }
        if room == 0 || !self.is_crowded {
            self.begins_by = None;
        }
        !self.is_crowded
    }

    /// The next frame, if it is the whole of another message and has at most so many bytes.
    pub(crate) fn next_whole(&mut self, now: Duration, room: usize) -> Option<Frame> {
        if self.current()?.bytes_if_whole()? > room {
            return None;
        }
        self.next_frame(now)
    }

    /// Messages that need bytes, and how many.
    pub(crate) fn wants(&mut self) -> impl Iterator<Item = (OutgoingId, usize)> {
        let mut ahead = 0_usize;
        let ended = self.ended();
        self.outgoing
            .range_mut(ended..)
            .take(FETCH_AHEAD_MOST)
            .enumerate()
            .take_while(move |(place, message)| {
                let is_near = *place < FETCH_AHEAD || ahead < FETCH_AHEAD_BYTES;
                ahead = ahead.saturating_add(message.size());
                is_near
            })
            .filter_map(|(_, message)| message.wants().map(|bytes| (message.id, bytes)))
    }

    /// Whether the last message may be asked for its bytes; otherwise so many stand before it that nothing
    /// follows from its being there.
    pub(crate) fn last_is_near(&self) -> bool {
        self.outgoing.len().saturating_sub(self.ended()) <= FETCH_AHEAD_MOST
    }

    /// Whether something of what goes out is due from the receiver.
    pub(crate) fn is_waiting(&self) -> bool {
        self.outgoing.front().is_some_and(|message| message.stage == Stage::Ended)
            || self.current().is_some_and(|message| match message.stage {
                // A person may be asked whether to take what has a content id.
                Stage::Placing => message.content.is_none(),
                Stage::Sending => !message.is_dry() && self.in_flight() >= WINDOW,
                Stage::Queued | Stage::Ended => false,
            })
    }

    /// The message that is being sent, if it has nothing to send and its receiver may wonder.
    pub(crate) fn is_silent(&self) -> Option<&Outgoing> {
        let current = self.current()?;
        (current.stage == Stage::Sending && current.is_dry()).then_some(current)
    }

    /// The message of which something is due from the sender.
    pub(crate) fn awaited(&self) -> Option<&Incoming> {
        let window_is_open = self.untold() < WINDOW;
        self.incoming.iter().find(|message| !message.has_ended() && !message.waits && window_is_open)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.open().map(Outgoing::in_flight).fold(0, usize::saturating_add)
    }

    /// Bytes of which the sender does not know that they were read: what it sees as on their way.
    pub(crate) fn untold(&self) -> usize {
        self.incoming.iter().map(Incoming::untold).fold(0, usize::saturating_add)
    }

    /// How many messages have gone out as a whole and were not received: they stand before all others, since a
    /// message begins when the one before has ended.
    fn ended(&self) -> usize {
        self.outgoing.partition_point(|message| message.stage == Stage::Ended)
    }

    /// The message that is being sent, or the next one that will be.
    pub(crate) fn current(&self) -> Option<&Outgoing> {
        self.outgoing.get(self.ended())
    }

    /// How many messages were announced on this connection, which stand before those that were not.
    fn begun(&self) -> usize {
        self.ended() + usize::from(self.current().is_some_and(|message| message.stage != Stage::Queued))
    }

    /// The messages that were announced on this connection.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Outgoing> {
        self.outgoing.iter().take(self.begun())
    }

    /// The same, to be changed.
    pub(crate) fn open_mut(&mut self) -> impl Iterator<Item = &mut Outgoing> {
        let begun = self.begun();
        self.outgoing.iter_mut().take(begun)
    }

    /// Where a message stands; numbers rise.
    fn place_of(&self, id: OutgoingId) -> Option<usize> {
        self.outgoing.binary_search_by_key(&id, |message| message.id).ok()
    }

    pub(crate) fn is_sending(&self, id: OutgoingId) -> bool {
        self.place_of(id).is_some()
    }

    pub(crate) fn message(&mut self, id: OutgoingId) -> Option<&mut Outgoing> {
        let place = self.place_of(id)?;
        self.outgoing.get_mut(place)
    }

    pub(crate) fn take_message(&mut self, id: OutgoingId) -> Option<Outgoing> {
        let place = self.place_of(id)?;
        self.outgoing.remove(place)
    }

    pub(crate) fn coming(&mut self, wire: u32) -> Option<&mut Incoming> {
        self.incoming.iter_mut().find(|message| message.wire == wire)
    }

    pub(crate) fn coming_by_id(&mut self, id: IncomingId) -> Option<&mut Incoming> {
        self.incoming.iter_mut().find(|message| message.id == id)
    }

    /// Forgets a message that comes, but for how it ended.
    pub(crate) fn finish(&mut self, wire: u32, how: Finished) -> Option<Incoming> {
        let place = self.incoming.iter().position(|message| message.wire == wire)?;
        if self.finished.len() >= MAX_OPEN_TRANSFERS {
            self.finished.pop_front();
        }
        self.finished.push_back((wire, how));
        Some(self.incoming.remove(place))
    }

    pub(crate) fn how_it_ended(&self, wire: u32) -> Option<Finished> {
        self.finished.iter().rev().find(|(known, _)| *known == wire).map(|(_, how)| *how)
    }
}
