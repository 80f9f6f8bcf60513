//! One message on its way out: where it stands, and what follows from what the receiver says.

mod supply;

use std::time::Duration;

use bytes::Bytes;

use crate::event::{OutgoingId, Receipt};
use crate::frame::{ContentId, DATA_HEAD, Frame, Kind, Proof, Start};
use crate::options::PROGRESS_STEP;
use crate::progress::{Meter, Progress};
use supply::Supply;
pub(crate) use supply::{as_u64, hash};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its turn has not come.
    Queued,
    /// It was announced; the receiver says where to begin.
    Placing,
    /// Its bytes go out.
    Sending,
    /// All of it went out; the receiver has not confirmed it.
    Ended,
}

/// What a sender's side knows of one message.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) id: OutgoingId,
    pub(crate) kind: Kind,
    pub(crate) info: Bytes,
    pub(crate) total: Option<u64>,
    pub(crate) content: Option<ContentId>,
    pub(crate) stage: Stage,
    /// Whether the application holds it back.
    pub(crate) paused: bool,
    /// Whether it moved since its last progress was told.
    moved: bool,
    /// When its progress was told last, or when it began.
    told: Option<Duration>,
    /// Whether the receiver may have heard of it on a connection that is gone.
    announced: bool,
    /// Bytes that the receiver's application has read.
    acked: u64,
    supply: Supply,
    meter: Meter,
}

/// What a receiver did not keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overdrawn;

/// What follows from a `place`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It goes on.
    GoesOn,
    /// Bytes are wanted that are not kept any more: the source must begin anew.
    Rewind,
}

impl Outgoing {
    pub(crate) fn new(
        id: OutgoingId,
        kind: Kind,
        info: Bytes,
        total: Option<u64>,
        content: Option<ContentId>,
    ) -> Self {
        Self {
            id,
            kind,
            info,
            total,
            content,
            stage: Stage::Queued,
            paused: false,
            moved: false,
            told: None,
            announced: false,
            acked: 0,
            supply: Supply::new(),
            meter: Meter::default(),
        }
    }

    /// Bytes that the driver gave. Returns false when it gives more after the end.
    pub(crate) fn provide(&mut self, bytes: Bytes, last: bool) -> bool {
        let taken = self.supply.provide(bytes, last);
        self.skip();
        taken
    }

    /// Bytes to ask the driver for now; it is asked once.
    pub(crate) fn wants(&mut self) -> Option<usize> {
        if self.stage == Stage::Placing { None } else { self.supply.wants() }
    }

    /// Its bytes, or the most that there may be, if nobody knows.
    pub(crate) fn size(&self) -> usize {
        self.total.and_then(|total| usize::try_from(total).ok()).unwrap_or(usize::MAX)
    }

    /// Bytes of the frame that [`start`](Self::start) makes, if all of the message is here, was never announced
    /// and fits into one.
    pub(crate) fn bytes_if_whole(&self) -> Option<usize> {
        let is_new = self.stage == Stage::Queued && !self.announced && self.content.is_none();
        let is_all_here = self.supply.is_all_here() && !self.paused;
        (is_new && is_all_here).then(|| Start::bytes(self.info.len(), self.supply.waiting()))
    }

    /// Whether there is nothing to send though the message has not ended.
    pub(crate) fn is_dry(&self) -> bool {
        self.paused || self.supply.is_dry()
    }

    /// Bytes on their way or unread.
    pub(crate) fn in_flight(&self) -> usize {
        match self.stage {
            Stage::Queued => 0,
            Stage::Placing | Stage::Sending | Stage::Ended => {
                usize::try_from(self.sent().saturating_sub(self.acked)).unwrap_or(usize::MAX)
            }
        }
    }

    /// The frame that announces it, of at most `chunk` bytes and with as many first bytes as `window` allows. `None`
    /// while the first bytes are not there.
    pub(crate) fn start(&mut self, now: Duration, chunk: usize, window: usize) -> Option<Frame> {
        let asks_place = self.announced || self.content.is_some();
        if !asks_place && self.is_dry() {
            return None;
        }
        let again = self.announced;
        let mut whole = None;
        let first = if asks_place {
            self.stage = Stage::Placing;
            Bytes::new()
        } else {
            let room = Start::room(chunk, self.info.len()).min(window);
            let first = self.take(room);
            self.stage = Stage::Sending;
            if self.supply.is_spent() {
                self.stage = Stage::Ended;
                whole = Some(self.supply.proof());
            }
            first
        };
        self.announced = true;
        // Of what is received at once only the end is worth telling.
        self.told.get_or_insert(now);
        Some(Frame::Start(Start {
            transfer: self.id.0,
            kind: self.kind,
            total: self.total,
            content: self.content,
            asks_place,
            again,
            whole,
            info: self.info.clone(),
            first,
        }))
    }

    /// The next frame after the announcement, of at most `chunk` bytes, or none when there is nothing to send or no
    /// window.
    pub(crate) fn next_frame(&mut self, chunk: usize, window: usize) -> Option<Frame> {
        if self.stage != Stage::Sending || self.is_dry() || self.sent() < self.supply.skip_to() {
            return None;
        }
        if self.supply.is_spent() {
            self.stage = Stage::Ended;
            return Some(Frame::End { transfer: self.id.0, proof: self.supply.proof() });
        }
        let room = chunk.saturating_sub(DATA_HEAD).min(window);
        (room > 0).then(|| Frame::Data { transfer: self.id.0, bytes: self.take(room) })
    }

    /// Confirmed bytes per second, of late; 0 when not known.
    pub(crate) fn rate(&self) -> u64 {
        self.meter.rate()
    }

    /// Says that the sender is still there though it has nothing to send.
    pub(crate) fn sign_of_life(&self) -> Frame {
        Frame::Data { transfer: self.id.0, bytes: Bytes::new() }
    }

    /// The receiver's application has read so many more bytes.
    pub(crate) fn credit(&mut self, now: Duration, bytes: u32) -> Result<(), Overdrawn> {
        let acked = self.acked.saturating_add(u64::from(bytes));
        if acked > self.sent().max(self.supply.skip_to()) || self.stage == Stage::Queued {
            return Err(Overdrawn);
        }
        self.read_up_to(now, acked);
        Ok(())
    }

    /// The receiver has the whole message. `None` when it is not this one.
    pub(crate) fn received(&mut self, now: Duration, bytes: u64, proof: Proof) -> Option<Receipt> {
        let mine = self.stage == Stage::Ended || (self.stage == Stage::Placing && self.supply.is_spent());
        if !mine || bytes != self.sent() || proof != self.supply.proof() {
            return None;
        }
        self.read_up_to(now, bytes);
        Some(Receipt { bytes, proof })
    }

    /// The receiver has `offset` bytes, of which the application has not read `unread`.
    pub(crate) fn place(&mut self, now: Duration, offset: u64, unread: u32) -> Result<Placed, Overdrawn> {
        let end = self.total.unwrap_or(u64::MAX);
        if self.stage != Stage::Placing || offset > end || u64::from(unread) > offset {
            return Err(Overdrawn);
        }
        // Bytes that were not sent can only come from another transfer of the same content.
        if offset > self.sent() && self.content.is_none() {
            return Err(Overdrawn);
        }
        self.stage = Stage::Sending;
        self.moved = true;
        let follows = if self.supply.reaches_back_to(offset) { Placed::GoesOn } else { self.rewind() };
        if offset > self.sent() {
            self.supply.skip_up_to(offset);
            self.skip();
        } else {
            self.supply.step_back_to(offset);
        }
        self.acked = self.acked.min(offset).max(offset.saturating_sub(u64::from(unread)));
        self.meter.pause();
        self.meter.sample(now, self.acked);
        Ok(follows)
    }

    /// The connection is gone, and with it what was on its way.
    pub(crate) fn reset(&mut self) {
        if self.stage != Stage::Queued {
            self.stage = Stage::Queued;
            self.meter.pause();
        }
    }

    /// The other session is gone, and with it all that it had.
    pub(crate) fn forgotten(&mut self) -> Placed {
        self.announced = false;
        if self.sent() == 0 {
            return Placed::GoesOn;
        }
        if !self.supply.reaches_back_to(0) {
            return self.rewind();
        }
        self.supply.step_back_to(0);
        self.acked = 0;
        Placed::GoesOn
    }

    pub(crate) fn was_announced(&self) -> bool {
        self.announced
    }

    /// When its progress is to be told, if there is any.
    pub(crate) fn tells_at(&self) -> Option<Duration> {
        self.told.filter(|_| self.moved && self.stage != Stage::Queued).map(|told| told + PROGRESS_STEP)
    }

    pub(crate) fn progress(&mut self, now: Duration, done: bool) -> Progress {
        (self.moved, self.told) = (false, Some(now));
        self.meter.sample(now, self.acked);
        let left = self.total.filter(|_| !done).map(|total| total.saturating_sub(self.acked));
        Progress {
            current: self.sent().max(self.acked),
            acked: self.acked,
            total: self.total,
            done,
            rate: self.meter.rate(),
            left: left.and_then(|left| self.meter.time_for(left)),
        }
    }

    /// Bytes of it that are in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.supply.held()
    }

    fn read_up_to(&mut self, now: Duration, acked: u64) {
        self.acked = acked;
        self.moved = true;
        self.meter.sample(now, acked);
        self.supply.release(acked);
    }

    /// Takes up to `most` bytes from those that were not sent.
    fn take(&mut self, most: usize) -> Bytes {
        let taken = self.supply.take(most);
        self.moved |= !taken.is_empty();
        taken
    }

    fn skip(&mut self) {
        self.moved |= self.supply.skip();
    }

    /// Bytes that were sent, or that the receiver had.
    fn sent(&self) -> u64 {
        self.supply.sent()
    }

    fn rewind(&mut self) -> Placed {
        self.supply = Supply::new();
        self.acked = 0;
        Placed::Rewind
    }
}
