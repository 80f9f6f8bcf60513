//! One message on its way out: its bytes, how far they are, and what is kept in case they are lost.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::event::{OutgoingId, Receipt};
use crate::frame::{ContentId, Frame, Kind, MAX_DATA_BYTES, Proof, Start};
use crate::options::{BUFFER_CEILING, PROGRESS_STEP};
use crate::progress::{Meter, Progress};

/// Bytes that are hashed together.
const HASH_BLOCK: u64 = 64 * 1024;

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
    /// The first bytes that were not sent; `sent` counts those before.
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    sent: u64,
    /// The last bytes that were sent, which the receiver may not have.
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    /// Bytes that the receiver's application has read.
    acked: u64,
    /// The receiver has the bytes before this one; they are looked at and not sent.
    skip_to: u64,
    /// None before the first byte, and for what is hashed at once.
    hasher: Option<Box<blake3::Hasher>>,
    /// The hash of a message that came in one small piece.
    hash: Option<blake3::Hash>,
    /// Bytes that went into the hash; `sent` at least, and some of those that follow.
    hashed: u64,
    source: Source,
    meter: Meter,
}

/// Where the bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The driver is to be asked.
    Idle,
    /// The driver was asked.
    Asked,
    /// The driver has given all.
    Finished,
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
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            sent: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            acked: 0,
            skip_to: 0,
            hasher: None,
            hash: None,
            hashed: 0,
            source: Source::Idle,
            meter: Meter::default(),
        }
    }

    /// Bytes that the driver gave. Returns false when it gives more after the end.
    pub(crate) fn provide(&mut self, bytes: Bytes, last: bool) -> bool {
        if self.source == Source::Finished {
            return false;
        }
        if !bytes.is_empty() {
            self.unsent_bytes += bytes.len();
            self.unsent.push_back(bytes);
        }
        self.source = if last { Source::Finished } else { Source::Idle };
        self.skip();
        true
    }

    /// Bytes to ask the driver for now; it is asked once.
    pub(crate) fn wants(&mut self) -> Option<usize> {
        let room = BUFFER_CEILING.saturating_sub(self.unsent_bytes);
        if self.source != Source::Idle || room < BUFFER_CEILING / 2 || self.stage == Stage::Placing {
            return None;
        }
        self.source = Source::Asked;
        Some(room)
    }

    /// Its bytes, or the most that there may be, if nobody knows.
    pub(crate) fn size(&self) -> usize {
        self.total.and_then(|total| usize::try_from(total).ok()).unwrap_or(usize::MAX)
    }

    /// Bytes of the frame that [`start`](Self::start) makes, if all of the message is here, was never announced
    /// and fits into one.
    pub(crate) fn bytes_if_whole(&self) -> Option<usize> {
        let is_new = self.stage == Stage::Queued && !self.announced && self.content.is_none();
        let is_all_here = self.source == Source::Finished && !self.paused;
        (is_new && is_all_here).then(|| Start::bytes(self.info.len(), self.unsent_bytes))
    }

    /// Whether there is nothing to send though the message has not ended.
    pub(crate) fn is_dry(&self) -> bool {
        self.paused || (self.unsent.is_empty() && self.source != Source::Finished)
    }

    /// Bytes on their way or unread.
    pub(crate) fn in_flight(&self) -> usize {
        match self.stage {
            Stage::Queued => 0,
            Stage::Placing | Stage::Sending | Stage::Ended => {
                usize::try_from(self.sent.saturating_sub(self.acked)).unwrap_or(usize::MAX)
            }
        }
    }

    /// The frame that announces it, with as many first bytes as `window` allows. `None` while the first
    /// bytes are not there.
    pub(crate) fn start(&mut self, now: Duration, window: usize) -> Option<Frame> {
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
            let room = Start::room(self.info.len()).min(window);
            let first = self.take(room);
            self.stage = Stage::Sending;
            if self.is_spent() {
                self.stage = Stage::Ended;
                whole = Some(self.proof());
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

    /// The next frame after the announcement, or none when there is nothing to send or no window.
    pub(crate) fn next_frame(&mut self, window: usize) -> Option<Frame> {
        if self.stage != Stage::Sending || self.is_dry() || self.sent < self.skip_to {
            return None;
        }
        if self.unsent.is_empty() {
            self.stage = Stage::Ended;
            return Some(Frame::End { transfer: self.id.0, proof: self.proof() });
        }
        let room = MAX_DATA_BYTES.min(window);
        (room > 0).then(|| Frame::Data { transfer: self.id.0, bytes: self.take(room) })
    }

    /// Says that the sender is still there though it has nothing to send.
    pub(crate) fn sign_of_life(&self) -> Frame {
        Frame::Data { transfer: self.id.0, bytes: Bytes::new() }
    }

    /// The receiver's application has read so many more bytes.
    pub(crate) fn credit(&mut self, now: Duration, bytes: u32) -> Result<(), Overdrawn> {
        let acked = self.acked.saturating_add(u64::from(bytes));
        if acked > self.sent.max(self.skip_to) || self.stage == Stage::Queued {
            return Err(Overdrawn);
        }
        self.read_up_to(now, acked);
        Ok(())
    }

    /// The receiver has the whole message. `None` when it is not this one.
    pub(crate) fn received(&mut self, now: Duration, bytes: u64, proof: Proof) -> Option<Receipt> {
        let mine = self.stage == Stage::Ended || (self.stage == Stage::Placing && self.is_spent());
        if !mine || bytes != self.sent || proof != self.proof() {
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
        if offset > self.sent && self.content.is_none() {
            return Err(Overdrawn);
        }
        self.stage = Stage::Sending;
        self.moved = true;
        let kept_from = self.sent.saturating_sub(as_u64(self.kept_bytes));
        let follows = if offset < kept_from {
            self.rewind();
            Placed::Rewind
        } else {
            Placed::GoesOn
        };
        if offset > self.sent {
            self.skip_to = offset;
            self.skip();
        } else {
            self.step_back_to(offset);
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
        if self.sent == 0 {
            return Placed::GoesOn;
        }
        if self.sent == as_u64(self.kept_bytes) {
            self.step_back_to(0);
            self.acked = 0;
            return Placed::GoesOn;
        }
        self.rewind();
        Placed::Rewind
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
            current: self.sent.max(self.acked),
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
        self.unsent_bytes + self.kept_bytes
    }

    fn is_spent(&self) -> bool {
        self.unsent.is_empty() && self.source == Source::Finished
    }

    fn proof(&self) -> Proof {
        let found = self.hash.or_else(|| self.hasher.as_ref().map(|hasher| hasher.finalize()));
        Proof(*found.unwrap_or_else(|| hash(&[])).as_bytes())
    }

    fn read_up_to(&mut self, now: Duration, acked: u64) {
        self.acked = acked;
        self.moved = true;
        self.meter.sample(now, acked);
        let needed = usize::try_from(self.sent.saturating_sub(acked)).unwrap_or(usize::MAX);
        while let Some(oldest) = self.kept.front() {
            if self.kept_bytes - oldest.len() < needed {
                break;
            }
            self.kept_bytes -= oldest.len();
            self.kept.pop_front();
        }
    }

    /// Takes up to `most` bytes from those that were not sent, and keeps them.
    fn take(&mut self, most: usize) -> Bytes {
        let taken = self.take_unsent(most);
        if !taken.is_empty() {
            self.kept_bytes += taken.len();
            self.kept.push_back(taken.clone());
            self.moved = true;
        }
        taken
    }

    fn take_unsent(&mut self, most: usize) -> Bytes {
        let Some(first) = self.unsent.front().map(Bytes::len) else { return Bytes::new() };
        self.hash_up_to(self.sent.saturating_add(as_u64(most.min(self.unsent_bytes))));
        let taken = if first >= most || self.unsent.len() == 1 {
            self.split_front(most.min(first))
        } else {
            let mut gathered = Vec::with_capacity(most.min(self.unsent_bytes));
            while gathered.len() < most && !self.unsent.is_empty() {
                let count = (most - gathered.len()).min(self.unsent.front().map_or(0, Bytes::len));
                gathered.extend_from_slice(&self.split_front(count));
            }
            gathered.into()
        };
        self.unsent_bytes -= taken.len();
        self.sent += as_u64(taken.len());
        taken
    }

    /// Hashes what is about to be sent and was not hashed before, and with it what follows up to the next whole
    /// block: hashing a tree of equal parts takes far less time than what sticks out at both ends of a frame.
    fn hash_up_to(&mut self, sent: u64) {
        let is_all_here = self.hashed == 0 && self.source == Source::Finished;
        if let ([piece], []) = self.unsent.as_slices()
            && is_all_here
            && as_u64(piece.len()) <= HASH_BLOCK
        {
            (self.hash, self.hashed) = (Some(hash(piece)), as_u64(piece.len()));
        }
        let mut start = self.sent;
        for piece in &self.unsent {
            let end = start + as_u64(piece.len());
            while self.hashed < sent && self.hashed < end {
                let from = usize::try_from(self.hashed - start).unwrap_or(usize::MAX);
                let block = usize::try_from(HASH_BLOCK - self.hashed % HASH_BLOCK).unwrap_or(usize::MAX);
                let new = piece.get(from..).unwrap_or_default();
                let new = new.get(..block).unwrap_or(new);
                self.hasher.get_or_insert_default().update(new);
                self.hashed += as_u64(new.len());
            }
            start = end;
        }
    }

    fn split_front(&mut self, count: usize) -> Bytes {
        let Some(first) = self.unsent.front_mut() else { return Bytes::new() };
        let taken = first.split_to(count.min(first.len()));
        if first.is_empty() {
            self.unsent.pop_front();
        }
        taken
    }

    /// Looks at bytes that the receiver has.
    fn skip(&mut self) {
        while self.sent < self.skip_to && !self.unsent.is_empty() {
            let left = usize::try_from(self.skip_to - self.sent).unwrap_or(usize::MAX);
            let _ = self.take_unsent(left.min(MAX_DATA_BYTES));
            self.moved = true;
        }
    }

    /// Puts the kept bytes from `offset` on back to be sent.
    fn step_back_to(&mut self, offset: u64) {
        while self.sent > offset {
            let Some(mut last) = self.kept.pop_back() else { break };
            self.kept_bytes -= last.len();
            let surplus = usize::try_from(self.sent - offset).unwrap_or(usize::MAX);
            let stays = last.len().saturating_sub(surplus);
            let back = last.split_off(stays);
            self.sent -= as_u64(back.len());
            self.unsent_bytes += back.len();
            self.unsent.push_front(back);
        }
        self.kept.clear();
        self.kept_bytes = 0;
        self.skip_to = 0;
    }

    fn rewind(&mut self) {
        self.unsent.clear();
        self.unsent_bytes = 0;
        self.kept.clear();
        self.kept_bytes = 0;
        (self.sent, self.acked, self.hashed, self.skip_to) = (0, 0, 0, 0);
        (self.hasher, self.hash) = (None, None);
        self.source = Source::Idle;
    }
}

/// The hash of what is all here. By a hasher, because the function for that is code that browsers would have to
/// load besides.
pub(crate) fn hash(bytes: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(bytes).finalize()
}

pub(crate) fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
