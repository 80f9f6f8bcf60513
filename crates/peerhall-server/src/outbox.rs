//! What waits to be written to one connection: shared frames in order, bounded in bytes and in time.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use peerhall_hub::Tick;

use crate::stream::Stream;
use crate::ws::encode;

/// Bytes that one write may carry: what is small is copied together, because one contiguous write
/// beats a gathering one for small frames by a third.
const WRITE_BYTES: usize = 128 * 1024;

/// Bytes from which a message that waits alone is written from where it is: a gathering write costs
/// less than copying a roster does.
const GATHERED_BYTES: usize = 4 * 1024;

/// Frames that an emptied queue keeps room for. A larger one gives its memory back.
const KEPT_FRAMES: usize = 8;

/// One piece of output.
#[derive(Debug)]
struct Item {
    bytes: Arc<[u8]>,
    /// Low bits of the tick at which it was queued.
    since: u32,
    /// A text message that still needs its frame header; otherwise bytes as they are.
    is_text: bool,
}

impl Item {
    fn wire_len(&self) -> usize {
        if self.is_text { encode::header_len(self.bytes.len()) + self.bytes.len() } else { self.bytes.len() }
    }
}

/// What a flush left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything has been handed to the kernel.
    All,
    /// The reader is slower than we are; the socket says when to go on.
    Blocked,
}

/// The queue of one connection.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
    /// Bytes of the first item that have been written already.
    written: usize,
    /// Bytes that wait, frame headers included.
    bytes: usize,
}

impl Outbox {
    /// Queues a text message.
    pub(crate) fn push_text(&mut self, text: Arc<[u8]>, now: Tick) {
        self.push(Item { bytes: text, since: low_bits(now), is_text: true });
    }

    /// Queues bytes as they are, frames of several messages that others get too.
    pub(crate) fn push_shared(&mut self, frames: Arc<[u8]>, now: Tick) {
        self.push(Item { bytes: frames, since: low_bits(now), is_text: false });
    }

    /// Queues bytes as they are: HTTP answers and control frames.
    pub(crate) fn push_raw(&mut self, bytes: &[u8], now: Tick) {
        self.push(Item { bytes: bytes.into(), since: low_bits(now), is_text: false });
    }

    fn push(&mut self, item: Item) {
        self.bytes += item.wire_len();
        self.items.push_back(item);
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How long the first item has waited.
    pub(crate) fn age(&self, now: Tick) -> Duration {
        let waited = self.items.front().map_or(0, |item| low_bits(now).wrapping_sub(item.since));
        Duration::from_millis(u64::from(waited))
    }

    /// Drops everything that has not been begun, so that a close frame can follow at once.
    pub(crate) fn drop_unsent(&mut self) {
        self.items.truncate(usize::from(self.written > 0));
        self.bytes = self.items.front().map_or(0, |item| item.wire_len() - self.written);
    }

    /// Writes as much as the socket takes. `scratch` belongs to the shard.
    pub(crate) fn flush(&mut self, stream: &mut Stream, scratch: &mut Vec<u8>) -> io::Result<Flushed> {
        while !self.items.is_empty() {
            let count = match self.write(stream, scratch) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Flushed::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.advance(count);
        }
        if self.items.capacity() > KEPT_FRAMES {
            self.items.shrink_to(0);
        }
        match stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Flushed::Blocked),
            Err(error) => Err(error),
            Ok(()) => Ok(Flushed::All),
        }
    }

    /// Writes what stands alone from where it is, and everything else together.
    fn write(&self, stream: &mut Stream, scratch: &mut Vec<u8>) -> io::Result<usize> {
        let alone = self
            .items
            .front()
            .filter(|item| self.items.len() == 1 && (!item.is_text || item.bytes.len() >= GATHERED_BYTES));
        scratch.clear();
        let Some(item) = alone else {
            self.gather(scratch);
            return stream.write(scratch);
        };
        if item.is_text {
            encode::push_text_header(scratch, item.bytes.len());
        }
        let header = scratch.get(self.written..).unwrap_or_default();
        let body = item.bytes.get(self.written.saturating_sub(scratch.len())..).unwrap_or_default();
        if header.is_empty() { stream.write(body) } else { stream.write_both(header, body) }
    }

    fn gather(&self, scratch: &mut Vec<u8>) {
        for item in &self.items {
            if !scratch.is_empty() && scratch.len() + item.wire_len() > WRITE_BYTES + self.written {
                break;
            }
            if item.is_text {
                encode::push_text_header(scratch, item.bytes.len());
            }
            scratch.extend_from_slice(&item.bytes);
        }
        scratch.drain(..self.written);
    }

    fn advance(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        self.written += count;
        while let Some(first) = self.items.front() {
            let len = first.wire_len();
            if self.written < len {
                return;
            }
            self.written -= len;
            self.items.pop_front();
        }
    }
}

/// The low 32 bits of a tick: enough to tell an age of up to 49 days.
fn low_bits(tick: Tick) -> u32 {
    (tick.0 & u64::from(u32::MAX)) as u32
}
