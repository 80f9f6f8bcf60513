//! What happened in a turn of a crowd.

use std::io;
use std::ops::Range;

use super::PeerKey;

/// Bytes after which a turn reads no further socket; the rest waits for the next turn.
const FULL_AT: usize = 4 << 20;

/// Something that happened to one client.
#[derive(Debug)]
pub enum Event<'i> {
    /// The upgrade is done.
    Open(PeerKey),
    /// A text message, as bytes: whoever wants to know whether it is UTF-8 looks.
    Text(PeerKey, &'i [u8]),
    /// A binary message.
    Binary(PeerKey, &'i [u8]),
    /// A pong.
    Pong(PeerKey),
    /// The upgrade request was answered with this HTTP status; the client is gone.
    Refused(PeerKey, u16),
    /// The connection has ended: with this close code, or without one. The client is gone.
    Closed(PeerKey, Option<u16>),
    /// The connection broke, or the server broke the protocol. The client is gone.
    Failed(PeerKey, &'i io::Error),
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ending {
    Refused(u16),
    Closed(Option<u16>),
    Failed(io::Error),
}

/// What happened in one turn, and the bytes it came with. Belongs to the caller, so that the crowd is
/// free for answers while it is looked through.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Only the first `used` bytes mean something; the rest is kept so that it is not zeroed again.
    bytes: Vec<u8>,
    used: usize,
    notices: Vec<(PeerKey, Notice)>,
}

#[derive(Debug)]
enum Notice {
    Open,
    Text(Range<usize>),
    Binary(Range<usize>),
    /// From fragments, whose bytes stand apart from each other.
    GatheredText(Vec<u8>),
    GatheredBinary(Vec<u8>),
    Pong,
    Ended(Ending),
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events in the order in which they happened to each client.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { notices: self.notices.iter(), bytes: &self.bytes }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.notices.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.notices.clear();
        self.used = 0;
    }

    /// Whether this turn has read its share.
    pub(super) fn is_full(&self) -> bool {
        self.used >= FULL_AT
    }

    /// Where the next byte goes.
    pub(super) fn end(&self) -> usize {
        self.used
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.used += bytes.len();
    }

    /// At least `length` bytes of room behind what is used.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        let wanted = self.used + length;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted.next_power_of_two(), 0);
        }
        self.bytes.get_mut(self.used..wanted).unwrap_or_default()
    }

    /// Counts bytes that were put into [`room`](Self::room).
    pub(super) fn grow(&mut self, count: usize) {
        self.used = (self.used + count).min(self.bytes.len());
    }

    /// The bytes from `start` on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.used).unwrap_or_default()
    }

    /// Takes the bytes from `start` on back.
    pub(super) fn take_back(&mut self, start: usize) -> Vec<u8> {
        let rest = self.since(start).to_vec();
        self.used = start;
        rest
    }

    pub(super) fn push_open(&mut self, key: PeerKey) {
        self.notices.push((key, Notice::Open));
    }

    pub(super) fn push_text(&mut self, key: PeerKey, payload: Range<usize>) {
        self.notices.push((key, Notice::Text(payload)));
    }

    pub(super) fn push_binary(&mut self, key: PeerKey, payload: Range<usize>) {
        self.notices.push((key, Notice::Binary(payload)));
    }

    pub(super) fn push_gathered_text(&mut self, key: PeerKey, payload: Vec<u8>) {
        self.notices.push((key, Notice::GatheredText(payload)));
    }

    pub(super) fn push_gathered_binary(&mut self, key: PeerKey, payload: Vec<u8>) {
        self.notices.push((key, Notice::GatheredBinary(payload)));
    }

    pub(super) fn push_pong(&mut self, key: PeerKey) {
        self.notices.push((key, Notice::Pong));
    }

    pub(super) fn push_ending(&mut self, key: PeerKey, ending: Ending) {
        self.notices.push((key, Notice::Ended(ending)));
    }
}

impl<'i> IntoIterator for &'i Inbox {
    type Item = Event<'i>;
    type IntoIter = Iter<'i>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The events of an [`Inbox`].
#[derive(Debug)]
pub struct Iter<'i> {
    notices: std::slice::Iter<'i, (PeerKey, Notice)>,
    bytes: &'i [u8],
}

impl<'i> Iterator for Iter<'i> {
    type Item = Event<'i>;

    fn next(&mut self) -> Option<Event<'i>> {
        let (key, notice) = self.notices.next()?;
        let payload = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        Some(match notice {
            Notice::Open => Event::Open(*key),
            Notice::Text(range) => Event::Text(*key, payload(range)),
            Notice::Binary(range) => Event::Binary(*key, payload(range)),
            Notice::GatheredText(payload) => Event::Text(*key, payload),
            Notice::GatheredBinary(payload) => Event::Binary(*key, payload),
            Notice::Pong => Event::Pong(*key),
            Notice::Ended(Ending::Refused(status)) => Event::Refused(*key, *status),
            Notice::Ended(Ending::Closed(code)) => Event::Closed(*key, *code),
            Notice::Ended(Ending::Failed(error)) => Event::Failed(*key, error),
        })
    }
}
