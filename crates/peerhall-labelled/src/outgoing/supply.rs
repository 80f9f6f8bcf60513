//! The bytes of a message: those to be sent, those that may have to be sent again, and what proves them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::frame::Proof;
use crate::options::{BUFFER_CEILING, CHUNK};

/// Bytes that are hashed together.
const HASH_BLOCK: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct Supply {
    /// The first bytes that were not sent; `sent` counts those before.
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    sent: u64,
    /// The last bytes that were sent, which the receiver may not have.
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    /// The receiver has the bytes before this one; they are looked at and not sent.
    skip_to: u64,
    /// None before the first byte, and for what is hashed at once.
    hasher: Option<Box<blake3::Hasher>>,
    /// The hash of a message that came in one small piece.
    hash: Option<blake3::Hash>,
    /// Bytes that went into the hash; `sent` at least, and some of those that follow.
    hashed: u64,
    source: Source,
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

impl Supply {
    pub(super) fn new() -> Self {
        Self {
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            sent: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            skip_to: 0,
            hasher: None,
            hash: None,
            hashed: 0,
            source: Source::Idle,
        }
    }

    /// Bytes that were sent, or that the receiver had.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes that wait to be sent.
    pub(super) const fn waiting(&self) -> usize {
        self.unsent_bytes
    }

    /// Bytes that the receiver has at least.
    pub(super) const fn skip_to(&self) -> u64 {
        self.skip_to
    }

    /// Whether all that is to come is here.
    pub(super) fn is_all_here(&self) -> bool {
        self.source == Source::Finished
    }

    /// Whether all of it has gone out.
    pub(super) fn is_spent(&self) -> bool {
        self.unsent.is_empty() && self.is_all_here()
    }

    /// Whether nothing can go out before the driver gives more.
    pub(super) fn is_dry(&self) -> bool {
        self.unsent.is_empty() && !self.is_all_here()
    }

    /// Bytes that the driver gave. Returns false when it gives more after the end.
    pub(super) fn provide(&mut self, bytes: Bytes, last: bool) -> bool {
        if self.is_all_here() {
            return false;
        }
        if !bytes.is_empty() {
            self.unsent_bytes += bytes.len();
            self.unsent.push_back(bytes);
        }
        self.source = if last { Source::Finished } else { Source::Idle };
        true
    }

    /// Bytes to ask the driver for now; it is asked once.
    pub(super) fn wants(&mut self) -> Option<usize> {
        let room = BUFFER_CEILING.saturating_sub(self.unsent_bytes);
        if self.source != Source::Idle || room < BUFFER_CEILING / 2 {
            return None;
        }
        self.source = Source::Asked;
        // Up to a block's end, so that the next piece begins with a whole block.
        let over =
            usize::try_from(self.sent.saturating_add(as_u64(BUFFER_CEILING)) % HASH_BLOCK).unwrap_or(0);
        Some(room.saturating_sub(over))
    }

    /// What the receiver must find, once all has gone out.
    pub(super) fn proof(&self) -> Proof {
        let found = self.hash.or_else(|| self.hasher.as_ref().map(|hasher| hasher.finalize()));
        Proof(*found.unwrap_or_else(|| hash(&[])).as_bytes())
    }

    /// Takes up to `most` bytes from those that were not sent, and keeps them.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        let taken = self.take_unsent(most);
        if !taken.is_empty() {
            self.kept_bytes += taken.len();
            self.kept.push_back(taken.clone());
        }
        taken
    }

    /// Forgets what the receiver has for certain: the bytes before this one.
    pub(super) fn release(&mut self, before: u64) {
        let needed = usize::try_from(self.sent.saturating_sub(before)).unwrap_or(usize::MAX);
        while let Some(oldest) = self.kept.front() {
            if self.kept_bytes - oldest.len() < needed {
                break;
            }
            self.kept_bytes -= oldest.len();
            self.kept.pop_front();
        }
    }

    /// Whether the bytes from this one on are here, or still to come.
    pub(super) fn reaches_back_to(&self, offset: u64) -> bool {
        offset >= self.sent.saturating_sub(as_u64(self.kept_bytes))
    }

    /// The receiver has the bytes before this one, also of those that are yet to come.
    pub(super) fn skip_up_to(&mut self, offset: u64) {
        self.skip_to = offset;
    }

    /// Looks at bytes that the receiver has; returns whether there were any.
    pub(super) fn skip(&mut self) -> bool {
        let before = self.sent;
        while self.sent < self.skip_to && !self.unsent.is_empty() {
            let left = usize::try_from(self.skip_to - self.sent).unwrap_or(usize::MAX);
            let _ = self.take_unsent(left.min(CHUNK));
        }
        self.sent > before
    }

    /// Puts the kept bytes from `offset` on back to be sent.
    pub(super) fn step_back_to(&mut self, offset: u64) {
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

    /// Bytes of it that are in memory.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.unsent_bytes + self.kept_bytes
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
        let is_all_here = self.hashed == 0 && self.is_all_here();
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
}

/// The hash of what is all here. By a hasher, because the function for that is code that browsers would have to
/// load besides.
pub(crate) fn hash(bytes: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(bytes).finalize()
}

pub(crate) fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
