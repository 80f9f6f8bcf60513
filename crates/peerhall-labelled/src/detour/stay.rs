//! One stay on the way through the server, from the agreement of both sides to its end: channels, the bytes of
//! what happens on them, and how many of these may be under way.

use std::collections::VecDeque;

use bytes::Bytes;

use super::record::{self, Record, Records};
use super::text;
use super::word::{PIECE_HEAD, What, Word};
use crate::error::CutOff;
use crate::event::ChannelId;
use crate::frame::FrameError;

/// Bytes that may be between the two sides. A server closes the connection of who has let a text wait for 10 s
/// (wire protocol, section 14.4): this much takes 3 s at 1 Mbit/s.
const WINDOW: usize = 256 * 1024;

/// Longest text, whatever the server takes.
const MAX_TEXT: usize = 64 * 1024;

/// What both sides call this stay, what goes over it, and what has come.
#[derive(Debug)]
pub(super) struct Stay {
    own: u64,
    other: u64,
    lines: Vec<(ChannelId, u16)>,
    last_line: u16,
    /// Lines of this side that can be used as soon as somebody asks.
    opened: VecDeque<(ChannelId, u16)>,
    /// What goes out, and for which channel.
    queue: VecDeque<(ChannelId, Bytes)>,
    /// Bytes in the queue.
    queued: usize,
    /// Bytes of the pieces that the other side has not said to have.
    flight: VecDeque<usize>,
    in_flight: usize,
    /// Pieces that went out.
    sent: u32,
    records: Records,
    /// Pieces that came.
    taken: u32,
    /// Bytes that came, of which the other side does not know.
    untold: usize,
}

/// What follows from a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Records may be complete.
    Taken,
    /// One before it was lost: this stay is of no use any more.
    Gap,
}

impl Stay {
    pub(super) fn new(own: u64, other: u64) -> Self {
        Self {
            own,
            other,
            lines: Vec::new(),
            last_line: 0,
            opened: VecDeque::new(),
            queue: VecDeque::new(),
            queued: 0,
            flight: VecDeque::new(),
            in_flight: 0,
            sent: 0,
            records: Records::default(),
            taken: 0,
            untold: 0,
        }
    }

    /// What this side calls it.
    pub(super) const fn own(&self) -> u64 {
        self.own
    }

    /// What the other side calls it.
    pub(super) const fn other(&self) -> u64 {
        self.other
    }

    /// This side makes a channel. `false` when there have been too many.
    pub(super) fn create(&mut self, channel: ChannelId, label: &str) -> bool {
        let Some(line) = self.last_line.checked_add(1) else { return false };
        self.last_line = line;
        self.lines.push((channel, line));
        self.opened.push_back((channel, line));
        self.put(channel, record::opens(line, label).into());
        true
    }

    /// The other side has made a channel.
    pub(super) fn add_line(&mut self, channel: ChannelId, line: u16) {
        self.lines.push((channel, line));
    }

    /// The next channel of this side that can be used.
    pub(super) fn next_opened(&mut self) -> Option<(ChannelId, u16)> {
        self.opened.pop_front()
    }

    pub(super) fn send(&mut self, channel: ChannelId, bytes: Bytes) {
        if let Some(line) = self.line(channel) {
            self.put(channel, record::brings(line, bytes.len()).into());
            self.put(channel, bytes);
        }
    }

    pub(super) fn close(&mut self, channel: ChannelId) {
        if let Some(line) = self.line(channel) {
            self.put(channel, record::closes(line).into());
            self.forget(channel);
        }
    }

    /// The channel of a line.
    pub(super) fn channel(&self, line: u16) -> Option<ChannelId> {
        self.lines.iter().find(|(_, known)| *known == line).map(|(channel, _)| *channel)
    }

    pub(super) fn forget(&mut self, channel: ChannelId) {
        self.lines.retain(|(known, _)| *known != channel);
        self.opened.retain(|(known, _)| *known != channel);
    }

    /// Bytes of a channel that wait here.
    pub(super) fn queued(&self, channel: ChannelId) -> usize {
        self.queue.iter().filter(|(known, _)| *known == channel).map(|(_, bytes)| bytes.len()).sum()
    }

    pub(super) fn piece(&mut self, number: u32, taken: u32, bytes: &[u8]) -> Result<Heard, CutOff> {
        self.told(taken)?;
        if number != self.taken {
            return Ok(Heard::Gap);
        }
        self.taken = self.taken.wrapping_add(1);
        self.untold += bytes.len();
        self.records.push(bytes);
        Ok(Heard::Taken)
    }

    /// So many pieces of this side have arrived.
    pub(super) fn told(&mut self, taken: u32) -> Result<(), CutOff> {
        let under_way = usize::try_from(self.sent.wrapping_sub(taken)).unwrap_or(usize::MAX);
        if under_way > self.flight.len() {
            return Err(CutOff::OutOfTurn);
        }
        let arrived = self.flight.len() - under_way;
        self.in_flight -= self.flight.drain(..arrived).sum::<usize>();
        Ok(())
    }

    pub(super) fn next_record(&mut self) -> Result<Option<Record>, FrameError> {
        self.records.next()
    }

    /// The next text of at most so many letters. What does not fill one waits while an earlier text is on its way
    /// to the server: texts count, however long they are.
    pub(super) fn next_word(&mut self, room: usize, waits: bool) -> Option<Word> {
        let most = text::bytes_in(room.min(MAX_TEXT)).saturating_sub(PIECE_HEAD);
        let length = self.queued.min(most);
        let fits = self.in_flight == 0 || self.in_flight + length <= WINDOW;
        let what = if length > 0 && fits && (length == most || !waits) {
            let bytes = self.take(length);
            self.flight.push_back(length);
            self.in_flight += length;
            let number = self.sent;
            self.sent = self.sent.wrapping_add(1);
            What::Piece { number, taken: self.taken, bytes }
        } else if self.untold >= WINDOW / 2 {
            What::Taken(self.taken)
        } else {
            return None;
        };
        self.untold = 0;
        Some(Word { from: self.own, to: self.other, what })
    }

    /// A word that says nothing new, to see what becomes of it.
    pub(super) const fn question(&self) -> Word {
        Word { from: self.own, to: self.other, what: What::Taken(self.taken) }
    }

    /// Whether nothing more goes out before the other side has said what has arrived.
    pub(super) const fn is_full(&self) -> bool {
        self.queued > 0 && self.in_flight > 0
    }

    fn put(&mut self, channel: ChannelId, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.queue.push_back((channel, bytes));
        }
    }

    fn take(&mut self, count: usize) -> Bytes {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let Some((_, first)) = self.queue.front_mut() else { break };
            let part = first.split_to(first.len().min(count - taken.len()));
            taken.extend_from_slice(&part);
            if first.is_empty() {
                self.queue.pop_front();
            }
        }
        self.queued -= taken.len();
        taken.into()
    }

    fn line(&self, channel: ChannelId) -> Option<u16> {
        self.lines.iter().find(|(known, _)| *known == channel).map(|(_, line)| *line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelId = ChannelId(1);

    fn full() -> Stay {
        let mut stay = Stay::new(1, 2);
        assert!(stay.create(CHANNEL, "files"));
        (0..100).for_each(|_| stay.send(CHANNEL, vec![7; 16_000].into()));
        stay
    }

    fn length(word: &Word) -> usize {
        if let What::Piece { bytes, .. } = &word.what { bytes.len() } else { 0 }
    }

    #[test]
    fn texts_are_as_long_as_the_server_takes_and_stop_at_the_window() {
        for room in [993, 65_505, 900_000] {
            let (mut stay, mut sent) = (full(), 0);
            while let Some(word) = stay.next_word(room, true) {
                sent += length(&word);
                assert!(word.write().len() <= room.min(MAX_TEXT), "{} letters", word.write().len());
            }
            assert!(sent <= WINDOW && sent > WINDOW - MAX_TEXT, "{sent} bytes are under way");
            let pieces = stay.sent;
            stay.told(pieces).unwrap();
            assert!(stay.next_word(room, true).is_some(), "all of it has arrived");
            assert_eq!(stay.told(pieces + 2), Err(CutOff::OutOfTurn), "more than went out");
            assert_eq!(stay.told(pieces - 1), Err(CutOff::OutOfTurn), "less than before");
        }
    }

    #[test]
    fn what_fills_no_text_waits_for_company_while_one_is_on_its_way() {
        let mut stay = Stay::new(1, 2);
        assert!(stay.create(CHANNEL, "chat"));
        assert_eq!(stay.next_word(65_505, true), None);
        stay.send(CHANNEL, Bytes::from_static(b"hello"));
        let word = stay.next_word(65_505, false).expect("nothing is on its way");
        assert_eq!(length(&word), 5 + 4 + 5 + 5, "both in one text");
        assert_eq!(stay.next_word(65_505, false), None);
    }

    #[test]
    fn what_came_is_told_before_the_other_side_waits_for_it() {
        let mut stay = Stay::new(1, 2);
        let piece = vec![0; 48_000];
        for number in 0..2 {
            assert_eq!(stay.piece(number, 0, &piece), Ok(Heard::Taken));
            assert_eq!(stay.next_word(65_505, false), None);
        }
        assert_eq!(stay.piece(2, 0, &piece), Ok(Heard::Taken));
        let word = stay.next_word(65_505, false);
        assert_eq!(word, Some(Word { from: 1, to: 2, what: What::Taken(3) }));
        assert_eq!(stay.next_word(65_505, false), None, "once");
    }

    #[test]
    fn a_piece_that_is_missing_is_noticed() {
        let mut stay = Stay::new(1, 2);
        assert_eq!(stay.piece(0, 0, b""), Ok(Heard::Taken));
        assert_eq!(stay.piece(2, 0, b""), Ok(Heard::Gap));
    }
}
